/// `ai …`: asks an engine.
final class AINode: Node {
  let span: Span
  let prompt: any Node
  let shape: AnswerShape?
  let engine: (any Node)?
  init(prompt: any Node, shape: AnswerShape?, engine: (any Node)?, _ span: Span) {
    self.prompt = prompt
    self.shape = shape
    self.engine = engine
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    let pieces: [PromptTemplate.Piece]
    if let text = prompt as? TextNode {
      pieces = try text.prompt(context)
    } else {
      let value = try prompt.eval(context)
      guard case .text(let text) = value else {
        throw ScriptError(
          code: "V306", message: "ai takes text, and this is \(value.kindName)", span: prompt.span)
      }
      pieces = [.literal(text)]
    }
    let request = AIRequest(
      pieces: pieces, shape: shape, engine: try engine?.eval(context).display)
    let host = context.machine.host
    do throws(ScriptError) {
      return try context.machine.wait { try await host.answer(request) }
    } catch {
      throw error.at(span)
    }
  }
}

/// A command of the host.
final class CommandNode: Node {
  enum Part: Sendable {
    case value(any Node)
    case values([any Node])
    case names([String])
    case word(String)
    case target(any Node, limit: (any Node)?, isSample: Bool)
    case shape(AnswerShape)
    case template(any Node, source: String, names: [String], holesAreNames: Bool)
    case flag
  }

  let span: Span
  let name: String
  let source: String
  let parts: [(name: String, part: Part)]
  init(name: String, source: String, parts: [(name: String, part: Part)], _ span: Span) {
    self.name = name
    self.source = source
    self.parts = parts
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    // What the statements before have changed must be there when a command looks.
    try context.sendStaged()
    var arguments: [String: CommandCall.Argument] = [:]
    for (name, part) in parts { arguments[name] = try argument(part, context) }
    let call = CommandCall(name: name, span: span, source: source, arguments: arguments)
    let host = context.machine.host
    do throws(ScriptError) {
      return try context.machine.wait { try await host.run(call) }
    } catch {
      throw error.at(span)
    }
  }

  private func argument(_ part: Part, _ context: Context) throws(ScriptError)
    -> CommandCall.Argument
  {
    switch part {
    case .value(let node): return .value(try node.eval(context))
    case .values(let nodes):
      var values: [Value] = []
      for node in nodes { values.append(try node.eval(context)) }
      return .values(values)
    case .names(let names): return .names(names)
    case .word(let word): return .word(word)
    case .shape(let shape): return .shape(shape)
    case .flag: return .flag
    case .target(let node, let limit, let isSample):
      let count = try limit?.whole(context, isSample ? "sample" : "the number of rows", from: 1)
      return .target(Target(value: try node.eval(context), limit: count, isSample: isSample))
    case .template(let node, let source, let names, let holesAreNames):
      guard let text = node as? TextNode else {
        let value = try node.eval(context)
        guard case .text(let words) = value else {
          throw ScriptError(
            code: "V306", message: "a prompt is text, and this is \(value.kindName)",
            span: node.span)
        }
        return .template(
          PromptTemplate(source: words, holeNames: [], holesAreNames: true) { _ in
            [.literal(words)]
          })
      }
      let variables = context.variables
      let machine = context.machine
      return .template(
        PromptTemplate(source: source, holeNames: names, holesAreNames: holesAreNames) { row in
          let inner = Context(variables, machine: machine)
          inner.row = row
          return try text.prompt(inner)
        })
    }
  }
}

/// `rows …`: a query, read when it is used.
final class QueryNode: Node {
  enum Take: Sendable {
    case first(any Node), last(any Node), sample(any Node)
  }

  let span: Span
  let connection: (any Node)?
  let condition: (any Node)?
  let sorts: [(key: any Node, isAscending: Bool, field: String?)]
  let take: Take?
  let pick: [String]
  let source: String

  init(
    connection: (any Node)?, condition: (any Node)?,
    sorts: [(key: any Node, isAscending: Bool, field: String?)], take: Take?, pick: [String],
    source: String, _ span: Span
  ) {
    self.connection = connection
    self.condition = condition
    self.sorts = sorts
    self.take = take
    self.pick = pick
    self.source = source
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    var count: Int?
    var kind = Query.Take.all
    switch take {
    case .first(let node):
      count = try node.whole(context, "first", from: 0)
      kind = .first
    case .last(let node):
      count = try node.whole(context, "last", from: 0)
      kind = .last
    case .sample(let node):
      count = try node.whole(context, "sample", from: 0)
      kind = .sample
    case nil: break
    }
    let variables = context.variables
    let machine = context.machine
    return .query(
      Query(
        connection: try connection?.eval(context).display, source: source, node: self, take: kind,
        count: count,
        makeContext: {
          Context(variables, machine: machine)
        }))
  }
}

/// Rows of a database, not read yet.
public struct Query: Sendable {
  enum Take: Sendable {
    case all, first, last, sample
  }

  /// The connection; `nil` for the open one.
  public let connection: String?
  /// The query as typed.
  public let source: String
  let node: QueryNode
  let take: Take
  let count: Int?
  let makeContext: @Sendable () -> Context

  /// The fields to show; empty for all.
  public var picked: [String] { node.pick }

  /// Reads the rows.
  ///
  /// - Throws: What the host throws; ``ScriptError`` when the condition fails for a row.
  public func rows(from host: any ScriptHost) async throws -> [Row] {
    let fields = node.sorts.compactMap { sort in
      sort.field.map { (field: $0, isAscending: sort.isAscending) }
    }
    let sortsThere = fields.count == node.sorts.count
    let isPlain = node.condition == nil && take == .first && sortsThere
    let context = makeContext()
    let pushed = try node.condition.map { try Pushdown.conditions(of: $0, context) } ?? []
    var rows = try await host.rows(
      RowRequest(
        connection: connection, sorts: sortsThere ? fields : [], limit: isPlain ? count : nil,
        conditions: pushed))
    if let condition = node.condition {
      var kept: [Row] = []
      for row in rows {
        try context.checkCancelled()
        context.row = row
        if try condition.condition(context) { kept.append(row) }
      }
      rows = kept
    }
    if !node.sorts.isEmpty, !sortsThere { rows = try sorted(rows, context) }
    guard let count else { return rows }
    switch take {
    case .all: return rows
    case .first: return Array(rows.prefix(count))
    case .last: return Array(rows.suffix(count))
    case .sample:
      let chosen = Set(rows.indices.shuffled().prefix(count))
      return rows.indices.filter(chosen.contains).map { rows[$0] }
    }
  }

  /// Sorts by the keys; empty ones last, equal ones in their order.
  private func sorted(_ rows: [Row], _ context: Context) throws -> [Row] {
    var keyed: [(row: Row, index: Int, keys: [Value])] = []
    for (index, row) in rows.enumerated() {
      try context.checkCancelled()
      context.row = row
      keyed.append((row, index, try node.sorts.map { try $0.key.eval(context) }))
    }
    return keyed.sorted { a, b in
      for (position, sort) in node.sorts.enumerated() {
        let (x, y) = (a.keys[position], b.keys[position])
        if x.isNothing, y.isNothing { continue }
        if x.isNothing { return false }
        if y.isNothing { return true }
        let order = Value.order(x, y) ?? 0
        if order != 0 { return sort.isAscending ? order < 0 : order > 0 }
      }
      return a.index < b.index
    }.map(\.row)
  }
}

/// A builtin function.
final class BuiltinNode: Node {
  let span: Span
  let function: Function
  let arguments: [any Node]
  init(_ function: Function, _ arguments: [any Node], _ span: Span) {
    self.function = function
    self.arguments = arguments
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    var values: [Value] = []
    values.reserveCapacity(arguments.count)
    for argument in arguments {
      // A list function may be given a query.
      values.append(try argument.eval(context).readingRows(context))
    }
    do throws(ScriptError) {
      return try function.body(values)
    } catch {
      throw error.at(span)
    }
  }
}

extension Value {
  /// The same value, or the rows of a query, read.
  func readingRows(_ context: Context) throws(ScriptError) -> Value {
    guard case .query(let query) = self else { return self }
    let host = context.machine.host
    return .list(try context.machine.wait { try await query.rows(from: host) }.map(Value.row))
  }
}

/// A function of the program.
final class FunctionDefinition: Sendable {
  let name: String
  let parameters: Int
  let defaults: [(any Node)?]
  let frameSize: Int
  let body: any Node
  init(name: String, parameters: Int, defaults: [(any Node)?], frameSize: Int, body: any Node) {
    self.name = name
    self.parameters = parameters
    self.defaults = defaults
    self.frameSize = frameSize
    self.body = body
  }
}

final class CallNode: Node {
  static let maximumDepth = 64

  let span: Span
  let index: Int
  /// By parameter; `nil` where the default is taken.
  let arguments: [(any Node)?]
  private let hasDefaults: Bool
  private let given: Given?

  /// The arguments as a chain: walking one counts no references, as walking an array does.
  private final class Given: Sendable {
    let node: (any Node)?
    let next: Given?
    init(_ node: (any Node)?, next: Given?) {
      self.node = node
      self.next = next
    }

    func fill(
      _ frame: UnsafeMutablePointer<Value>, _ ready: inout Int, _ context: Context
    ) throws(ScriptError) {
      (frame + ready).initialize(to: try node?.eval(context) ?? .nothing)
      ready += 1
      try next?.fill(frame, &ready, context)
    }
  }

  init(index: Int, _ arguments: [(any Node)?], _ span: Span) {
    self.index = index
    self.arguments = arguments
    hasDefaults = arguments.contains { $0 == nil }
    given = arguments.reversed().reduce(nil) { Given($1, next: $0) }
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    try context.checkCancelled()
    let function = context.machine.functions[index]
    guard context.callDepth < CallNode.maximumDepth else {
      throw ScriptError(
        code: "V307", message: "calls are nested more than \(CallNode.maximumDepth) deep",
        span: span, notes: ["does \(function.name) call itself without an end?"])
    }
    let frame = context.reserve(function.frameSize)
    var ready = 0
    do throws(ScriptError) {
      try given?.fill(frame, &ready, context)
    } catch {
      context.release(frame, function.frameSize, initialized: ready)
      throw error
    }
    while ready < function.frameSize {
      (frame + ready).initialize(to: .nothing)
      ready += 1
    }
    let caller = context.enter(frame, count: ready)
    defer { context.leave(to: caller) }
    if hasDefaults {
      for (position, argument) in arguments.enumerated() where argument == nil {
        context.frame[position] = try function.defaults[position]?.eval(context) ?? .nothing
      }
    }
    do throws(ScriptError) {
      return try function.body.eval(context)
    } catch {
      guard error.kind == .control, error.code == "return" else { throw error }
      defer { context.returned = .nothing }
      return context.returned
    }
  }
}

/// `return`.
final class ReturnNode: Node {
  let span: Span
  let value: (any Node)?
  init(_ value: (any Node)?, _ span: Span) {
    self.value = value
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    context.returned = try value?.eval(context) ?? .nothing
    throw .giveBack
  }
}

/// `print`, `fail`, `skip`, `stop`, `assert`.
final class BuiltinStatementNode: Node {
  let span: Span
  let statement: BuiltinStatement
  let value: (any Node)?
  let source: String
  init(_ statement: BuiltinStatement, _ value: (any Node)?, source: String, _ span: Span) {
    self.statement = statement
    self.value = value
    self.source = source
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    switch statement {
    case .print:
      try context.print(try value?.eval(context).readingRows(context).display ?? "")
      return .nothing
    case .fail:
      throw ScriptError(
        code: "V300", message: try value?.eval(context).display ?? "failed on purpose", span: span)
    case .skip: throw .skip
    case .stop: throw .stop
    case .assert:
      guard try value?.condition(context) ?? true else {
        throw ScriptError(
          code: "V311", message: "this is not so: \(source)", span: value?.span ?? span)
      }
      return .nothing
    }
  }
}

/// `E catch F`.
final class CatchNode: Node {
  let span: Span
  let value: any Node
  let other: any Node
  let problemSlot: Int
  init(_ value: any Node, other: any Node, problemSlot: Int, _ span: Span) {
    self.value = value
    self.other = other
    self.problemSlot = problemSlot
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    let staged = context.staged
    do throws(ScriptError) {
      return try value.eval(context)
    } catch {
      guard error.kind == .problem else { throw error }
      // What the failed part had staged is not written.
      context.staged = staged
      context.frame[problemSlot] = .problem(
        Problem(
          code: error.code, message: error.message, row: error.rowTitle, attempts: error.attempts))
      return try other.eval(context)
    }
  }
}

/// `retry N { … }`.
final class RetryNode: Node {
  let span: Span
  let count: any Node
  let body: any Node
  init(_ count: any Node, _ body: any Node, _ span: Span) {
    self.count = count
    self.body = body
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    let attempts = min(try count.whole(context, "retry", from: 1), 1000)
    var pause = Duration.milliseconds(200)
    var attempt = 1
    while true {
      try context.checkCancelled()
      let staged = context.staged
      do throws(ScriptError) {
        return try body.eval(context)
      } catch {
        guard error.kind == .problem, attempt < attempts else {
          var last = error
          last.attempts = attempt
          throw last
        }
        context.staged = staged
        context.machine.pause(pause)
        pause = min(pause * 2, .seconds(30))
        attempt += 1
      }
    }
  }
}
