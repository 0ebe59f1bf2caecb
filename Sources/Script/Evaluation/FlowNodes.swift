/// Statements one after the other; the value is the last one's.
///
/// Two at a time: what a node holds in constants costs no counting of references, the items of an
/// array do, at each turn of a loop.
final class BlockNode: Node, @unchecked Sendable {
  private let first: Node
  private let second: Node

  private init(_ first: Node, _ second: Node, _ span: Span) {
    self.first = first
    self.second = second
    super.init(span)
  }

  /// The node of any number of statements, as a balanced tree.
  static func node(_ statements: ArraySlice<Node>, _ span: Span) -> Node {
    guard let first = statements.first else { return ConstantNode(.nothing, span) }
    guard statements.count > 1 else { return first }
    let middle = statements.startIndex + statements.count / 2
    return BlockNode(node(statements[..<middle], span), node(statements[middle...], span), span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    try first.run(context)
    return try second.eval(context)
  }

  override func run(_ context: Context) throws(ScriptError) {
    try first.run(context)
    try second.run(context)
  }
}

final class ConditionalNode: Node, @unchecked Sendable {
  let test: Node
  let then: Node
  let otherwise: Node?
  init(_ test: Node, then: Node, otherwise: Node?, _ span: Span) {
    self.test = test
    self.then = then
    self.otherwise = otherwise
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    if try test.condition(context) { return try then.eval(context) }
    return try otherwise?.eval(context) ?? .nothing
  }
  override func number(_ context: Context) throws(ScriptError) -> Double {
    if try test.condition(context) { return try then.number(context) }
    if let otherwise { return try otherwise.number(context) }
    context.misfit = .nothing
    return .nan
  }
  override func run(_ context: Context) throws(ScriptError) {
    if try test.condition(context) {
      try then.run(context)
    } else if let otherwise {
      try otherwise.run(context)
    }
  }
}

/// `print`, `fail`, `skip`, `stop`, `assert`.
final class BuiltinStatementNode: Node, @unchecked Sendable {
  let statement: BuiltinStatement
  let value: Node?
  let source: String
  init(_ statement: BuiltinStatement, _ value: Node?, source: String, _ span: Span) {
    self.statement = statement
    self.value = value
    self.source = source
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
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
final class CatchNode: Node, @unchecked Sendable {
  let value: Node
  let other: Node
  let problemSlot: Int
  init(_ value: Node, other: Node, problemSlot: Int, _ span: Span) {
    self.value = value
    self.other = other
    self.problemSlot = problemSlot
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
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
final class RetryNode: Node, @unchecked Sendable {
  let count: Node
  let body: Node
  init(_ count: Node, _ body: Node, _ span: Span) {
    self.count = count
    self.body = body
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
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
