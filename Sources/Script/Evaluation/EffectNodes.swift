/// `ai …`: asks an engine.
final class AINode: Node, @unchecked Sendable {
  let prompt: Node
  let shape: ShapeNode?
  let engine: Node?
  init(prompt: Node, shape: ShapeNode?, engine: Node?, _ span: Span) {
    self.prompt = prompt
    self.shape = shape
    self.engine = engine
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let pieces: [PromptTemplate.Piece]
    var row: Row?
    if let text = prompt as? TextNode {
      pieces = try text.prompt(context)
    } else if let kept = prompt as? KeptPromptNode {
      (pieces, row) = try kept.filled(context)
    } else {
      let value = try prompt.eval(context)
      guard case .text(let text) = value else {
        throw ScriptError(
          code: "V306", message: "ai takes text, and this is \(value.kindName)", span: prompt.span)
      }
      pieces = [.literal(text)]
    }
    let request = AIRequest(
      pieces: pieces, row: row, shape: try shape?.shape(context),
      engine: try engine?.eval(context).display)
    let host = context.machine.host
    do throws(ScriptError) {
      return try context.machine.wait { try await host.answer(request) }
    } catch {
      throw error.at(span)
    }
  }
}

/// `prompt "intro"` after `ai`: words that were kept under a name, filled from a row or a record.
final class KeptPromptNode: Node, @unchecked Sendable {
  let name: Node
  /// What fills the holes; `nil` where there is no row.
  let source: Node?
  init(name: Node, source: Node?, _ span: Span) {
    self.name = name
    self.source = source
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    .text(try filled(context).pieces.map(\.text).joined())
  }

  /// The prompt in pieces, and the row that filled it.
  func filled(_ context: Context) throws(ScriptError) -> (pieces: [PromptTemplate.Piece], row: Row?)
  {
    let text = try KeptPromptNode.text(try name.eval(context).display, context, name.span)
    let names = PromptTemplate.names(in: text)
    let isMissing =
      source.map { $0 is ItNode && context.row == nil && context.machine.host.currentRow() == nil }
      ?? true
    guard let source, !isMissing else {
      guard let first = names.first else { return ([.literal(text)], nil) }
      throw ScriptError(
        code: "V307", message: "there is no row for the hole {\(first)} of this prompt", span: span,
        notes: ["say what fills it: ai prompt … on row", "or ask in a loop over rows"])
    }
    let value = try source.eval(context)
    switch value {
    case .row, .record: break
    default:
      throw ScriptError(
        code: "V306",
        message: "a prompt is filled from a row or a record, and this is \(value.kindName)",
        span: source.span)
    }
    do throws(ScriptError) {
      let pieces = try PromptTemplate.filled(text, ofRow: value.asRow != nil) {
        hole throws(ScriptError) -> Value? in
        if let row = value.asRow, !(row.origin is RowReference) { return row.value(of: hole) }
        return try FieldNode.field(hole, of: value, context, source.span)
      }
      return (pieces, value.asRow)
    } catch {
      throw error.at(span)
    }
  }

  /// The words that are kept under a name.
  static func text(_ name: String, _ context: Context, _ span: Span) throws(ScriptError) -> String {
    if let text = context.machine.host.prompt(named: name) { return text }
    throw ScriptError(
      code: "V515", message: "there is no prompt called “\(name)”", span: span,
      notes: notes(for: name, among: context.machine.host.promptNames))
  }

  /// What to type instead of a name under which nothing is kept.
  static func notes(for name: String, among names: [String]) -> [String] {
    names.isEmpty
      ? ["all of them: prompts"] : NearestWord.notes(for: name, among: names, kind: "prompts")
  }
}

/// A command of the host.
final class CommandNode: Node, @unchecked Sendable {
  enum Part: Sendable {
    case value(Node)
    case values([Node])
    case names([String])
    case word(String)
    case target(Node, limit: Node?, isSample: Bool)
    case shape(ShapeNode)
    case template(Node, source: String, names: [String], holesAreNames: Bool)
    case namedPrompt(Node)
    case condition(Node, source: String, answerSlot: Int?, readsRow: Bool)
    case flag
  }

  let name: String
  let source: String
  let parts: [(name: String, part: Part)]
  let places: [String: Span]
  init(
    name: String, source: String, parts: [(name: String, part: Part)], places: [String: Span],
    _ span: Span
  ) {
    self.name = name
    self.source = source
    self.parts = parts
    self.places = places
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    // What the statements before have changed must be there when a command looks.
    try context.sendStaged()
    var arguments: [String: CommandCall.Argument] = [:]
    for (name, part) in parts { arguments[name] = try argument(part, context) }
    let call = CommandCall(
      name: name, span: span, source: source, arguments: arguments, places: places)
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
    case .shape(let shape): return .shape(try shape.shape(context))
    case .flag: return .flag
    case .target(let node, let limit, let isSample):
      let count = try limit?.whole(context, isSample ? "sample" : "the number of rows", from: 1)
      return .target(Target(value: try node.eval(context), limit: count, isSample: isSample))
    case .namedPrompt(let node):
      let name = try node.eval(context).display
      return .template(.kept(try KeptPromptNode.text(name, context, node.span), name: name))
    case .condition(let node, let source, let slot, let readsRow):
      return .condition(
        RowCondition(
          source: source, node: node, readsRow: readsRow, answerSlot: slot,
          variables: context.variables, machine: context.machine))
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
