/// Turns a tree into nodes: names into slots, properties into places, and every mistake that can be
/// known before anything runs into a diagnostic.
struct Resolver {
  typealias Typed = (node: Node, type: StaticType)

  static let limit = 10

  let source: SourceText
  let host: any ScriptHost
  var globals: Globals
  var diagnostics: [Diagnostic] = []
  /// The connection that is open at this point of the program.
  var open: ShapeAnswer
  /// Connections that the program itself makes.
  var made: Set<String> = []
  /// Names under which the program itself keeps prompts.
  var namedPrompts: Set<String> = []
  /// Whether a command before this point may have chosen a current row.
  var mayHaveCurrentRow = false
  /// How often the row in scope was spoken of.
  var rowReads = 0

  /// Variables whose block has ended, and where it began: for those who look for them.
  var ended: [String: Span] = [:]
  /// Whether what is resolved stands in a hole of a text.
  var isInHole = false
  var scopes: [[String: Variable]] = [[:]]
  var slotCount: Int
  var inFunction = false
  var loopDepth = 0
  var parallelLevel = 0
  /// The fields in row scope; `nil` outside of it.
  var rowScope: RowScope?

  /// What is looked at of the rows in row scope; `nil` outside of it.
  var scopeUse: FieldUse?
  /// What is looked at of the rows that loops go through, the innermost last.
  var loopUses: [(variable: Span, use: FieldUse)] = []

  /// The fields that a part of the program looks at.
  struct FieldUse {
    var names: Set<String> = []
    /// Whether the row itself is handed on, so that nobody knows.
    var isWhole = false
    /// Whether other rows than the loop's own may be changed or made.
    var meddles = false

    var fields: Set<String>? { isWhole ? nil : names }
  }

  /// Notes that something may change or make any row.
  mutating func noteMeddling() {
    for index in loopUses.indices { loopUses[index].use.meddles = true }
  }

  /// Notes what an assignment changes: the row of a loop, a variable, or a row that nobody knows here.
  mutating func noteMeddling(_ place: Place, _ variable: Variable) {
    let changesField = place.steps.contains { if case .field = $0 { true } else { false } }
    guard changesField else { return }
    var isPlain = place.steps.count == 1
    if place.steps.count == 2, case .field("rich", _)? = place.steps.last { isPlain = true }
    if isPlain, case .record = variable.type { return }
    for index in loopUses.indices where !isPlain || loopUses[index].variable != variable.span {
      loopUses[index].use.meddles = true
    }
  }

  struct RowScope {
    let shape: Shape?
    /// What may not stand in it, in words: “where”, “sort by”, “a hole”.
    let place: String
    /// The name that means an answer, whatever the properties are called.
    var answer: String?
  }

  /// Whether nothing is to run, so that parameters need no values yet.
  var isOnlyChecked = false

  init(source: SourceText, host: any ScriptHost, globals: Globals) {
    self.source = source
    self.host = host
    self.globals = globals
    open = host.shape(of: nil)
    slotCount = globals.values.count
    for name in self.globals.variables.keys { self.globals.variables[name]?.isEarlier = true }
    for name in self.globals.functions.keys { self.globals.functions[name]?.isEarlier = true }
    scopes = [self.globals.variables]
  }

  // MARK: - Program

  /// Looks statements of the top level over, in order; their nodes are not kept.
  mutating func check(_ statements: [Statement]) {
    expect(statements)
    for statement in statements { _ = self.statement(statement) }
    checkReach(statements)
    settle()
  }

  /// Makes the names of the program's functions known, so that each may call those further down.
  mutating func expect(_ statements: [Statement]) {
    for case .function(let syntax) in statements.map(\.kind) {
      if let other = globals.functions[syntax.name], !other.isEarlier {
        note(
          "V104", "there is a function called “\(syntax.name)” already", syntax.nameSpan,
          label: "made again",
          ["it was made at line \(source.line(of: other.span.start)); take another name"])
        continue
      }
      globals.functions[syntax.name] = FunctionName(
        index: globals.definitions.count, parameters: syntax.parameters.map(\.name),
        required: syntax.parameters.prefix { $0.defaultValue == nil }.count,
        types: syntax.parameters.map { parameter in
          parameter.shape.map { Resolver.type($0) } ?? .any
        }, span: syntax.nameSpan, isAhead: true)
      let definition = FunctionDefinition(name: syntax.name)
      definition.complete(
        defaults: [], frameSize: syntax.parameters.count,
        body: AheadNode(syntax.name, source.line(of: syntax.nameSpan.start), syntax.nameSpan))
      globals.definitions.append(definition)
    }
  }

  /// Whether a statement never lets the next one come.
  func leaves(_ statement: Statement) -> Bool {
    switch statement.kind {
    case .giveBack, .builtin(.fail, _), .builtin(.skip, _), .builtin(.stop, _): true
    case .expression(let value):
      if case .conditional(_, let then, let otherwise?) = value.kind {
        then.statements.contains(where: leaves) && otherwise.statements.contains(where: leaves)
      } else {
        false
      }
    default: false
    }
  }

  /// Notes the first statement that nothing leads to.
  mutating func checkReach(_ statements: [Statement]) {
    guard let index = statements.firstIndex(where: leaves) else { return }
    let lost = statements[(index + 1)...].first { statement in
      if case .function = statement.kind { false } else { true }
    }
    guard let lost else { return }
    let start = statements[index].span
    let words = source.text(source.lineSpan(of: start.start)).split(whereSeparator: \.isWhitespace)
    note(
      "V122", "this is never reached", lost.span, label: "nothing leads here",
      [
        "“\(words.joined(separator: " "))” at line \(source.line(of: start.start)) always leaves before it"
      ])
  }

  /// Resolves one statement of the top level.
  mutating func topLevel(_ statement: Statement) -> Node {
    let node = self.statement(statement)
    settle()
    return node
  }

  /// Takes what the top level has declared over into what outlives it.
  mutating func settle() {
    globals.variables = scopes[0]
    while globals.values.count < slotCount { globals.values.append(.nothing) }
  }

  mutating func note(
    _ code: String, _ message: String, _ span: Span, label: String = "", _ notes: [String] = []
  ) {
    guard diagnostics.count < Resolver.limit,
      !diagnostics.contains(where: { $0.span == span && $0.code == code })
    else { return }
    diagnostics.append(Diagnostic(code, message, span, label: label, notes: notes))
  }

  func failed(_ span: Span) -> Typed { (ConstantNode(.nothing, span), .any) }
}
