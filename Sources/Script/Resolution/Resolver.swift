/// What can be known of a value before the program runs.
enum StaticType {
  case any
  case flag, number, text, date, duration, list, record
  case row(Shape?)
  case query(Shape?)

  /// The word for it in messages; `nil` where nothing is known.
  var kindName: String? {
    switch self {
    case .any: nil
    case .flag: "true or false"
    case .number: "a number"
    case .text: "text"
    case .date: "a date"
    case .duration: "a duration"
    case .list: "a list"
    case .record: "a record"
    case .row: "a row"
    case .query: "a query"
    }
  }
}

/// A variable, as the resolver knows it.
struct Variable {
  let slot: Int
  let isGlobal: Bool
  let canChange: Bool
  let span: Span
  /// How many parallel bodies it was made inside of.
  let parallelLevel: Int
  var type: StaticType
  /// Whether an earlier input at the prompt made it; such a one may be made anew.
  var isEarlier = false
  /// The type that it names, where it was made with `type`.
  var shape: ShapeNode?
  var origin = Origin.declaration

  /// What makes a variable.
  enum Origin {
    case declaration, loop, parameter
  }
}

/// A function of the program, as the resolver knows it.
struct FunctionName {
  let index: Int
  let parameters: [String]
  let required: Int
  var types: [StaticType] = []
  var span = Span(0, 0)
  /// Whether only its name is known yet: it is made further down.
  var isAhead = false
  /// Whether an earlier input at the prompt made it; such a one may be made anew.
  var isEarlier = false
}

/// The names that a program or an included file makes.
struct Names {
  var variables: [String: Variable] = [:]
  var functions: [String: FunctionName] = [:]
}

/// What lives from one input at the prompt to the next.
struct Globals {
  var variables: [String: Variable] = [:]
  var functions: [String: FunctionName] = [:]
  var definitions: [FunctionDefinition] = []
  var values: [Value] = []
  /// What was given for the program's parameters.
  var arguments: [String: Value] = [:]
}

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
  private var made: Set<String> = []
  /// Names under which the program itself keeps prompts.
  private var namedPrompts: Set<String> = []
  /// How often the row in scope was spoken of.
  private var rowReads = 0

  /// Variables whose block has ended, and where it began: for those who look for them.
  private var ended: [String: Span] = [:]
  /// Whether what is resolved stands in a hole of a text.
  private var isInHole = false
  private var scopes: [[String: Variable]] = [[:]]
  private var slotCount: Int
  private var inFunction = false
  private var loopDepth = 0
  private var parallelLevel = 0
  /// The fields in row scope; `nil` outside of it.
  private var rowScope: RowScope?

  /// What is looked at of the rows in row scope; `nil` outside of it.
  private var scopeUse: FieldUse?
  /// What is looked at of the rows that loops go through, the innermost last.
  private var loopUses: [(variable: Span, use: FieldUse)] = []

  /// The fields that a part of the program looks at.
  private struct FieldUse {
    var names: Set<String> = []
    /// Whether the row itself is handed on, so that nobody knows.
    var isWhole = false

    var fields: Set<String>? { isWhole ? nil : names }
  }

  private struct RowScope {
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

  /// Resolves statements of the top level, in order.
  mutating func program(_ statements: [Statement]) -> [Node] {
    expect(statements)
    let nodes = statements.map { self.statement($0) }
    checkReach(statements)
    settle()
    return nodes
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
  private func leaves(_ statement: Statement) -> Bool {
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
  private mutating func checkReach(_ statements: [Statement]) {
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
  private mutating func settle() {
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

  private func failed(_ span: Span) -> Typed { (ConstantNode(.nothing, span), .any) }

  // MARK: - Statements

  private mutating func statement(_ statement: Statement) -> Node {
    switch statement.kind {
    case .expression(let expression):
      return self.expression(expression).node
    case .declare(let name, let nameSpan, let isVariable, let value):
      let resolved = expression(value)
      let slot = declare(name, nameSpan, canChange: isVariable, type: resolved.type)
      return StoreNode.node(slot: slot, resolved.node, statement.span)
    case .declareCommand(let name, let nameSpan, let isVariable, let command):
      let node = self.command(command)
      let slot = declare(name, nameSpan, canChange: isVariable, type: .any)
      return StoreNode.node(slot: slot, node, statement.span)
    case .declareType(let name, let nameSpan, let syntax):
      let resolved = shape(syntax)
      let slot = declare(name, nameSpan, canChange: false, type: .text)
      scopes[scopes.count - 1][name]?.shape = resolved
      return StoreNode.node(
        slot: slot, ConstantNode(.text(Parameters.words(syntax)), nameSpan), statement.span)
    case .assign(let place, let isAddition, let value):
      return assignment(place, isAddition: isAddition, value, statement.span)
    case .function(let function): return self.function(function, statement.span)
    case .parameter(let parameter): return self.parameter(parameter, statement.span)
    // Its definitions are known before the rest is resolved.
    case .include:
      if inFunction || scopes.count > 1 {
        note(
          "V111", "include stands at the top of a program, not inside a block", statement.span)
      }
      return ConstantNode(.nothing, statement.span)
    case .every(let interval, let body):
      let time = expression(interval)
      if let kind = time.type.kindName, kind != "a duration" {
        note(
          "V119", "every takes a duration, and this is \(kind)", interval.span,
          ["for example: every 30min { … }"])
      }
      if inFunction || loopDepth > 0 || parallelLevel > 0 {
        note(
          "V111", "every stands at the top of a program, not in a loop or function",
          statement.span)
      }
      loopDepth += 1
      defer { loopDepth -= 1 }
      return EveryNode(time.node, block(body).node, statement.span)
    case .giveBack(let value):
      if !inFunction {
        note(
          "V111", "return stands outside of a function", statement.span,
          ["to leave a loop write stop"])
      }
      return ReturnNode(value.map { expression($0).node }, statement.span)
    case .command(let command): return self.command(command)
    case .builtin(let builtin, let value):
      if loopDepth == 0, builtin == .skip || builtin == .stop {
        note("V113", "\(builtin.rawValue) stands outside of a loop", statement.span)
      }
      let resolved = value.map { expression($0) }
      if builtin == .assert, let resolved {
        checkCondition(resolved, value?.span ?? statement.span)
      }
      return BuiltinStatementNode(
        builtin, resolved?.node, source: source.text(value?.span ?? statement.span), statement.span)
    }
  }

  /// Makes a variable in the innermost scope, and gives its slot.
  private mutating func declare(
    _ name: String, _ span: Span, canChange: Bool, type: StaticType
  ) -> Int {
    for scope in scopes {
      if let other = scope[name], !other.isEarlier {
        note(
          "V104", "there is a variable called “\(name)” already", span, label: "made again",
          [
            "it was made at line \(source.line(of: other.span.start)); take another name, "
              + "or change it: \(name) = …"
          ])
        break
      }
    }
    let slot = slotCount
    slotCount += 1
    scopes[scopes.count - 1][name] = Variable(
      slot: slot, isGlobal: !inFunction, canChange: canChange, span: span,
      parallelLevel: parallelLevel, type: type)
    return slot
  }

  private func variable(_ name: String) -> Variable? {
    for scope in scopes.reversed() {
      if let variable = scope[name] { return variable }
    }
    return inFunction ? globals.variables[name] : nil
  }

  private mutating func block(_ block: Block) -> Typed {
    scopes.append([:])
    defer { endScope(block.span) }
    checkReach(block.statements)
    var nodes: [Node] = []
    var type = StaticType.any
    for (index, statement) in block.statements.enumerated() {
      if case .expression(let expression) = statement.kind {
        let resolved = self.expression(expression)
        nodes.append(resolved.node)
        if index == block.statements.count - 1 { type = resolved.type }
      } else {
        nodes.append(self.statement(statement))
      }
    }
    if nodes.count == 1, let only = nodes.first, case .expression = block.statements[0].kind {
      return (only, type)
    }
    return (BlockNode.node(nodes[...], block.span), type)
  }

  /// Ends the innermost scope; its names are remembered for those who look for them outside.
  private mutating func endScope(_ span: Span) {
    for name in scopes.removeLast().keys where name != "problem" { ended[name] = span }
  }

  private mutating func function(_ syntax: FunctionSyntax, _ span: Span) -> Node {
    if inFunction || scopes.count > 1 {
      note(
        "V111", "functions are made at the top of a program, not inside a block", syntax.nameSpan)
    }
    if Function.byName[syntax.name] != nil {
      note(
        "V104", "“\(syntax.name)” is a function of the language already", syntax.nameSpan,
        ["take another name"])
    }
    let known = globals.functions[syntax.name]
    if known?.isAhead != true || known?.span != syntax.nameSpan {
      globals.functions[syntax.name]?.isEarlier = true
      expect([Statement(kind: .function(syntax), span: span)])
    }
    let definition = globals.definitions[globals.functions[syntax.name]?.index ?? 0]
    globals.functions[syntax.name]?.isAhead = false

    let outer = (scopes, slotCount, inFunction, loopDepth, parallelLevel, rowScope)
    let outerUses = (scopeUse, loopUses)
    globals.variables = scopes[0]
    scopes = [[:]]
    slotCount = 0
    inFunction = true
    loopDepth = 0
    parallelLevel = 0
    rowScope = nil
    var defaults: [Node?] = []
    var checks: [Node] = []
    for parameter in syntax.parameters {
      defaults.append(parameter.defaultValue.map { expression($0).node })
      let type = parameter.shape.map { Resolver.type($0) } ?? .any
      let slot = declare(parameter.name, parameter.span, canChange: false, type: type)
      scopes[scopes.count - 1][parameter.name]?.origin = .parameter
      if let syntax = parameter.shape {
        checks.append(
          ParameterNode(slot: slot, name: parameter.name, shape(syntax), parameter.span))
      }
    }
    var body = block(syntax.body).node
    if !checks.isEmpty { body = BlockNode.node((checks + [body])[...], syntax.body.span) }
    let size = slotCount
    (scopes, slotCount, inFunction, loopDepth, parallelLevel, rowScope) = outer
    (scopeUse, loopUses) = outerUses
    definition.complete(defaults: defaults, frameSize: size, body: body)
    return ConstantNode(.nothing, span)
  }

  private mutating func parameter(_ syntax: ParameterSyntax, _ span: Span) -> Node {
    if inFunction || scopes.count > 1 {
      note("V111", "param stands at the top of a program, not inside a block", syntax.nameSpan)
    }
    let type = syntax.shape.map { Resolver.type($0) } ?? .any
    var fixed: AnswerShape?
    if let syntax = syntax.shape {
      switch shape(syntax) {
      case .fixed(let shape): fixed = shape
      default:
        note(
          "V010", "the type of a parameter is known before the program runs", span,
          ["write its texts here: one of [\"a\", \"b\"]"])
      }
    }
    var node: Node = ConstantNode(.nothing, span)
    if let value = syntax.defaultValue, let wanted = type.kindName {
      let resolved = expression(value)
      if let kind = resolved.type.kindName, kind != wanted {
        note(
          "V203", "\(syntax.name) takes \(wanted), and this is \(kind)", value.span, label: kind)
      }
    }
    if let given = globals.arguments[syntax.name] {
      if let value = Parameters.value(given, as: fixed) {
        node = ConstantNode(value, span)
      } else {
        note(
          "V116", "“\(given.display)” does not fit \(syntax.name)", syntax.nameSpan,
          ["it takes \(Parameters.words(syntax.shape))"])
      }
    } else if let value = syntax.defaultValue {
      node = expression(value).node
    } else if !isOnlyChecked {
      note(
        "V116", "\(syntax.name) was not given", syntax.nameSpan, label: "needs a value",
        ["give it: --\(syntax.name)=…", "or a default here: param \(syntax.name) = …"])
    }
    let slot = declare(syntax.name, syntax.nameSpan, canChange: false, type: type)
    return StoreNode.node(slot: slot, node, span)
  }

  private static func type(_ shape: ShapeSyntax) -> StaticType {
    switch shape {
    case .text, .option, .optionOf: .text
    case .number: .number
    case .flag: .flag
    case .date: .date
    case .list: .list
    case .record: .record
    case .named: .any
    }
  }

  /// The type of a value of the shape; of one that a name stands for, of what the name stands for.
  private func staticType(_ shape: ShapeSyntax) -> StaticType {
    guard case .named(let name, _) = shape else { return Resolver.type(shape) }
    return variable(name)?.shape?.staticType ?? .any
  }

  /// A type as written, with the names in it looked up.
  private mutating func shape(_ syntax: ShapeSyntax) -> ShapeNode {
    switch syntax {
    case .text: return .fixed(.text)
    case .number(let minimum, let maximum):
      return .fixed(.number(minimum: minimum, maximum: maximum))
    case .flag: return .fixed(.flag)
    case .date: return .fixed(.date)
    case .option(let names): return .fixed(.option(names))
    case .optionOf(let options):
      let resolved = expression(options)
      if let kind = resolved.type.kindName, kind != "a list" {
        note(
          "V203", "one of takes a list of texts, and this is \(kind)", options.span, label: kind,
          ["write one of [\"a\", \"b\"]"])
      }
      return .option(resolved.node)
    case .list(let item): return .list(shape(item))
    case .record(let fields):
      return .record(fields.map { (name: $0.name, shape: shape($0.shape)) })
    case .named(let name, let span):
      if let found = variable(name)?.shape { return found }
      let known = scopes.flatMap { $0.filter { $0.value.shape != nil }.keys }
      var notes =
        NearestWord.nearest(
          to: name, among: known + ["text", "number", "flag", "date", "list", "one"]
        )
        .map { ["did you mean `\($0)`?"] } ?? []
      notes.append("types: \(Parser.shapes)")
      notes.append("or a name: let \(name) = type one of [\"a\", \"b\"]")
      note("V010", "there is no type called “\(name)”", span, label: "unknown type", notes)
      return .fixed(.text)
    }
  }

  /// `it.Content = …`: through a slot of its own, which no name leads to.
  private mutating func currentRowAssignment(
    _ place: Place, _ isAddition: Bool, _ value: Expression, _ span: Span
  ) -> Node {
    var isRich = false
    if place.steps.count == 2, case .field("rich", _)? = place.steps.last { isRich = true }
    guard place.steps.count == 1 || isRich,
      case .field(let name, let nameSpan)? = place.steps.first
    else {
      note(
        "V105", "the current row itself cannot be changed", span, ["name a property: it.NAME = …"])
      return ConstantNode(.nothing, span)
    }
    let resolved = expression(value)
    if let shape = currentShape {
      checkAssignment(name, nameSpan, shape, resolved.type, value.span)
    }
    let slot = slotCount
    slotCount += 1
    let store = StoreFieldNode(
      slot: slot, steps: [.field(name, nameSpan)] + (isRich ? [.field("rich", nameSpan)] : []),
      resolved.node, isAddition: isAddition, sendsAtOnce: loopDepth == 0, span)
    return BlockNode.node([StoreNode.node(slot: slot, ItNode(place.nameSpan), span), store], span)
  }

  private mutating func assignment(
    _ place: Place, isAddition: Bool, _ value: Expression, _ span: Span
  ) -> Node {
    if place.name == "it" { return currentRowAssignment(place, isAddition, value, span) }
    let resolved = expression(value)
    guard let variable = variable(place.name) else {
      unknownName(place.name, place.nameSpan, isAssigned: place.steps.isEmpty)
      return ConstantNode(.nothing, span)
    }
    if inFunction, variable.isGlobal {
      note(
        "V105", "a function cannot change “\(place.name)”, which is made outside of it",
        place.nameSpan, ["give the new value back with return"])
    }
    if variable.parallelLevel < parallelLevel {
      note(
        "V107", "a loop that runs in parallel cannot change “\(place.name)”", place.nameSpan,
        label: "made outside the loop at line \(source.line(of: variable.span.start))",
        [
          place.steps.isEmpty
            ? "return a value from the body instead, or drop `parallel`"
            : "change the loop's own row only, or drop `parallel`"
        ])
      return ConstantNode(.nothing, span)
    }
    if let index = loopUses.lastIndex(where: { $0.variable == variable.span }) {
      if case .field(let name, _)? = place.steps.first {
        loopUses[index].use.names.insert(name)
      } else {
        loopUses[index].use.isWhole = true
      }
    }
    var changesRow = false
    if case .row(let shape) = variable.type, !place.steps.isEmpty {
      changesRow = true
      if let shape, case .field(let name, let nameSpan)? = place.steps.first {
        checkAssignment(name, nameSpan, shape, resolved.type, value.span)
      }
    }
    if !changesRow {
      let mayBeRow: Bool
      if case .any = variable.type { mayBeRow = !place.steps.isEmpty } else { mayBeRow = false }
      if !variable.canChange, !mayBeRow {
        switch variable.origin {
        case .declaration:
          note(
            "V105", "“\(place.name)” was made with let and stays as it is", place.nameSpan,
            label: "cannot change", ["make it with var: var \(place.name) = …"])
        case .loop:
          note(
            "V105", "“\(place.name)” is the variable of the loop and stays as it is",
            place.nameSpan, label: "cannot change",
            ["take another: var new_\(place.name) = \(place.name)"])
        case .parameter:
          note(
            "V105", "“\(place.name)” is a parameter and stays as it is", place.nameSpan,
            label: "cannot change", ["take another: var new_\(place.name) = \(place.name)"])
        }
      }
    }
    if place.steps.isEmpty {
      return StoreNode.node(slot: variable.slot, resolved.node, isAddition: isAddition, span)
    }
    let steps = place.steps.map { step -> StoreFieldNode.Step in
      switch step {
      case .field(let name, let span): return .field(name, span)
      case .index(let index): return .index(expression(index).node)
      }
    }
    return StoreFieldNode(
      slot: variable.slot, steps: steps, resolved.node, isAddition: isAddition,
      sendsAtOnce: loopDepth == 0, span)
  }

  private mutating func checkAssignment(
    _ name: String, _ span: Span, _ shape: Shape, _ type: StaticType, _ valueSpan: Span
  ) {
    guard let index = shape.index(of: name) else {
      if name == "body" {
        if let kind = type.kindName, kind != "text" {
          note("V203", "the body takes text, and this is \(kind)", valueSpan, label: kind)
        }
        return
      }
      return unknownProperty(name, span, shape)
    }
    let field = shape.fields[index]
    guard field.isWritable else {
      let error = Assignments.computed(field, shape, span)
      return note(error.code, error.message, span, label: "read only", error.notes)
    }
    let fits: Bool =
      switch (field.kind, type) {
      case (_, .any), (.any, _): true
      case (.text, .text), (.option, .text), (.number, .number), (.flag, .flag), (.date, .date),
        (.date, .text), (.options, .list), (.list, .list), (.list, .text), (.list, .row):
        true
      default: false
      }
    if !fits, let kind = type.kindName {
      let error = Assignments.mismatch(field, kind, valueSpan)
      note(error.code, error.message, valueSpan, label: kind, error.notes)
    }
  }

  // MARK: - Names

  private mutating func unknownName(_ name: String, _ span: Span, isAssigned: Bool = false) {
    if name == "row" {
      return note(
        "V106", "there is no row here", span, label: "outside of a loop",
        ["go through rows: for row in rows { … }", "the row of a where or a prompt is it"])
    }
    if name == "problem" {
      return note(
        "V100", "“problem” is known only after catch", span, label: "not here",
        ["write: … catch problem.message"])
    }
    var candidates = scopes.flatMap(\.keys)
    if inFunction { candidates += globals.variables.keys }
    var notes: [String] = []
    if let near = NearestWord.nearest(to: name, among: candidates) {
      notes.append("did you mean `\(near)`?")
    } else if !isAssigned,
      let near = NearestWord.nearest(
        to: name,
        among: host.signatures.map(\.name) + ["rows", "print"] + Function.all.map(\.name))
    {
      notes.append("did you mean `\(near)`?")
    }
    if isAssigned {
      notes.append("to make it: let \(name) = …, or var \(name) = … if it changes")
    }
    if let shape = currentShape, shape.index(of: name) != nil {
      notes.append("for the property of a row in a loop write row.\(quotedIfNeeded(name))")
    }
    if let function = Function.byName[name] {
      notes = ["it is a function, and is called with ( ): \(function.signatureText)"]
    } else if let function = globals.functions[name] {
      notes = [
        "it is a function, and is called with ( ): \(name)(\(function.parameters.joined(separator: ", ")))"
      ]
    }
    if let place = ended[name] {
      notes = [
        "it was made inside the { } that begin at line \(source.line(of: place.start)), and is gone after them",
        "make it before: var \(name) = nothing",
      ]
    }
    if isInHole { notes.append("for a plain brace write \\{\(name)}") }
    if notes.isEmpty { notes.append("a text is written in quotes: \"\(name)\"") }
    note("V100", "there is nothing called “\(name)”", span, label: "unknown name", notes)
  }

  private func quotedIfNeeded(_ name: String) -> String {
    name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? name : "`\(name)`"
  }

  private mutating func unknownProperty(_ name: String, _ span: Span, _ shape: Shape) {
    var notes: [String] = []
    if let near = NearestWord.nearest(to: name, among: shape.names)
      ?? shape.names.first(where: {
        $0.lowercased().hasPrefix(name.lowercased()) && $0.contains(" ")
      })
    {
      let type = shape.fields.first { $0.name == near }?.typeName ?? ""
      notes.append(
        "did you mean `\(near)` (\(type.replacing("_", with: " ")))?"
          + (near.contains(" ") ? " A name with a space stands in backquotes." : ""))
    }
    notes.append("properties: \(shape.names.prefix(20).joined(separator: ", "))")
    note(
      "V101", "there is no property named “\(name)” in \(shape.name)", span,
      label: "unknown property", notes)
  }

  private var currentShape: Shape? {
    if case .known(let shape) = open { shape } else { nil }
  }

  private mutating func name(_ name: String, _ span: Span) -> Typed {
    let variable = variable(name)
    if let scope = rowScope {
      let index = scope.shape?.index(of: name)
      if let variable, let shape = scope.shape, index != nil, name != scope.answer {
        note(
          "V018", "“\(name)” is both a variable and a property of \(shape.name)", span,
          label: "which one?",
          [
            "the variable was made at line \(source.line(of: variable.span.start))",
            "for the property write it.\(quotedIfNeeded(name)); or rename the variable",
          ])
        return failed(span)
      }
      if variable == nil {
        rowReads += 1
        scopeUse?.names.insert(name)
        if let shape = scope.shape {
          guard let index else {
            if let answer = scope.answer,
              NearestWord.nearest(to: name, among: [answer] + shape.names) == answer
            {
              note(
                "V101", "there is no property named “\(name)” in \(shape.name)", span,
                label: "unknown name", ["did you mean `\(answer)`?"])
              return failed(span)
            }
            unknownProperty(name, span, shape)
            return failed(span)
          }
          return (
            RowFieldNode(name: name, index: index, span), Resolver.type(of: shape.fields[index])
          )
        }
        return (RowFieldNode(name: name, index: nil, span), .any)
      }
    }
    guard let variable else {
      unknownName(name, span)
      return failed(span)
    }
    // At the top level the frame is the program's own.
    let isGlobal = variable.isGlobal && inFunction
    return (VariableNode(slot: variable.slot, isGlobal: isGlobal, span), variable.type)
  }

  /// A field may always be empty, so only what is certain for every value is said.
  private static func type(of field: Field) -> StaticType {
    switch field.kind {
    case .text, .option: .text
    case .number: .number
    case .flag: .flag
    case .options, .list: .list
    case .date: .date
    case .any: .any
    }
  }

  // MARK: - Expressions

  private mutating func checkCondition(_ resolved: Typed, _ span: Span) {
    if case .flag = resolved.type { return }
    guard let kind = resolved.type.kindName else { return }
    let text = source.text(span)
    let fix: String
    switch resolved.type {
    case .number: fix = "compare it with something: \(text) > 0"
    case .text where rowScope != nil, .list where rowScope != nil, .date where rowScope != nil:
      fix = "to keep rows that have something there, write: \(text) is not empty"
    default: fix = "to ask whether there is something, write: \(text) is not empty"
    }
    note(
      "V204", "a condition must be true or false, and \(text) is \(kind)", span, label: kind, [fix])
  }

  mutating func expression(_ expression: Expression) -> Typed {
    let span = expression.span
    switch expression.kind {
    case .nothing: return (ConstantNode(.nothing, span), .any)
    case .flag(let flag): return (ConstantNode(.flag(flag), span), .flag)
    case .number(let number): return (NumberNode(number, span), .number)
    case .duration(let duration): return (ConstantNode(.duration(duration), span), .duration)
    case .date(let date): return (ConstantNode(.date(date), span), .date)
    case .text(let pieces): return text(pieces, span)
    case .name(let name): return self.name(name, span)
    case .it:
      rowReads += 1
      scopeUse?.isWhole = true
      return (ItNode(span), .row(rowScope?.shape ?? currentShape))
    case .list(let items):
      return (ListNode(items.map { self.expression($0).node }, span), .list)
    case .record(let fields):
      return (
        RecordNode(fields.map { ($0.name, self.expression($0.value).node) }, span), .record
      )
    case .query(let query): return self.query(query, span)
    case .field(let base, let name, let nameSpan): return field(base, name, nameSpan, span)
    case .index(let base, let index):
      return (IndexNode(self.expression(base).node, self.expression(index).node, span), .any)
    case .call(let name, let nameSpan, let arguments):
      return call(name, nameSpan, arguments, span)
    case .binary(let operation, let left, let right): return binary(operation, left, right, span)
    case .not(let inner):
      let resolved = self.expression(inner)
      checkCondition(resolved, inner.span)
      return (NotNode(resolved.node, span), .flag)
    case .negate(let inner):
      let resolved = self.expression(inner)
      if let constant = resolved.node as? NumberNode {
        return (NumberNode(-constant.value, span), .number)
      }
      switch resolved.type {
      case .any, .number, .duration: break
      default:
        note(
          "V207", "a minus takes a number, and this is \(resolved.type.kindName ?? "")", span,
          label: resolved.type.kindName ?? "")
      }
      return (NegateNode(resolved.node, span), resolved.type)
    case .isEmpty(let inner, let isNegated):
      return (IsEmptyNode(self.expression(inner).node, isNegated: isNegated, span), .flag)
    case .hasChanged(let inner, let change, let isNegated):
      let cell = self.expression(inner).node
      // What a cell was made from may be any property of its row.
      scopeUse?.isWhole = true
      for index in loopUses.indices { loopUses[index].use.isWhole = true }
      let node = HasChangedNode(cell, change, isNegated: isNegated, span)
      if node == nil {
        note(
          "V022", "only a property of a row can be \(change.rawValue)", inner.span,
          label: "not a property", ["write: Content is \(change.rawValue)"])
      }
      return (node ?? ConstantNode(.flag(false), span), .flag)
    case .conditional(let condition, let then, let otherwise):
      let test = self.expression(condition)
      checkCondition(test, condition.span)
      let first = block(then)
      let second = otherwise.map { block($0) }
      return (
        ConditionalNode(test.node, then: first.node, otherwise: second?.node, span),
        second.map { Resolver.either(first.type, $0.type) } ?? .any
      )
    case .loop(let loop): return self.loop(loop, span)
    case .ai(let prompt, let shape, let engine): return ai(prompt, shape, engine, span)
    case .problemCatch(let value, let other):
      let resolved = self.expression(value)
      scopes.append([:])
      defer { endScope(span) }
      let slot = slotCount
      slotCount += 1
      scopes[scopes.count - 1]["problem"] = Variable(
        slot: slot, isGlobal: !inFunction, canChange: false, span: span,
        parallelLevel: parallelLevel, type: .any)
      let fallback = self.expression(other)
      return (
        CatchNode(resolved.node, other: fallback.node, problemSlot: slot, span),
        Resolver.either(resolved.type, fallback.type)
      )
    case .retry(let count, let body):
      let times = number(count, for: "retry")
      let inner = block(body)
      return (RetryNode(times, inner.node, span), inner.type)
    case .block(let block): return self.block(block)
    }
  }

  private mutating func text(_ pieces: [TextPiece], _ span: Span) -> Typed {
    var result: [TextNode.Piece] = []
    var onlyWords = ""
    for piece in pieces {
      switch piece {
      case .words(let words):
        onlyWords += words
        result.append(.words(words))
      case .hole(let value, let name, let allowsNothing):
        if case .ai = value.kind {
          note(
            "V112", "a hole cannot ask an engine", value.span,
            ["name the answer first, so that its cost is seen: let x = ai …"])
        }
        let outer = isInHole
        isInHole = true
        result.append(.hole(expression(value).node, name: name, allowsNothing: allowsNothing))
        isInHole = outer
      }
    }
    if result.allSatisfy({ if case .words = $0 { true } else { false } }) {
      return (ConstantNode(.text(onlyWords), span), .text)
    }
    return (TextNode(result, span), .text)
  }

  /// An expression that must give a number, for `what`.
  private mutating func number(_ value: Expression, for what: String) -> Node {
    let resolved = expression(value)
    if let kind = resolved.type.kindName, kind != "a number" {
      note("V203", "\(what) takes a number, and this is \(kind)", value.span, label: kind)
    }
    return resolved.node
  }

  /// The type of a value that is one or the other.
  private static func either(_ a: StaticType, _ b: StaticType) -> StaticType {
    switch (a, b) {
    case (.flag, .flag), (.number, .number), (.text, .text), (.date, .date),
      (.duration, .duration), (.list, .list), (.record, .record):
      a
    default: .any
    }
  }

  private mutating func field(
    _ base: Expression, _ name: String, _ nameSpan: Span, _ span: Span
  ) -> Typed {
    if case .name(let space) = base.kind, rowScope == nil, variable(space) == nil,
      let made = variable("\(space).\(name)")
    {
      return (VariableNode(slot: made.slot, isGlobal: made.isGlobal, span), made.type)
    }
    let uses = (scopeUse, loopUses)
    let resolved = expression(base)
    noteUse(of: name, base, before: uses)
    if name == "rich", let rich = rich(resolved, span) { return rich }
    if case .row(let shape?) = resolved.type {
      guard let index = shape.index(of: name) else {
        if name == "body" || name == "id" {
          if name == "body", let place = rowScope?.place {
            note(
              "V112", "a body cannot be read in \(place)", span,
              ["it is fetched row by row; use a loop: for row in rows { if row.body … }"])
          }
          return (FieldNode(resolved.node, name: name, nameSpan), .text)
        }
        unknownProperty(name, nameSpan, shape)
        return failed(span)
      }
      return (
        FieldNode(resolved.node, name: name, nameSpan), Resolver.type(of: shape.fields[index])
      )
    }
    return (FieldNode(resolved.node, name: name, nameSpan), .any)
  }

  /// A field of a row is all that is looked at where the row stands only before a dot.
  private mutating func noteUse(
    of field: String, _ base: Expression,
    before: (scope: FieldUse?, loops: [(variable: Span, use: FieldUse)])
  ) {
    switch base.kind {
    case .it:
      scopeUse = before.scope
      scopeUse?.names.insert(field)
    case .name(let name):
      guard let variable = variable(name),
        let index = loopUses.lastIndex(where: { $0.variable == variable.span })
      else { return }
      loopUses = before.loops
      loopUses[index].use.names.insert(field)
    default: break
    }
  }

  /// `row.Notes.rich`, where `row.Notes` is or may be a property of a row.
  private func rich(_ base: Typed, _ span: Span) -> Typed? {
    let isAny: Bool
    switch base.type {
    case .text: isAny = false
    case .any: isAny = true
    default: return nil
    }
    if let node = base.node as? FieldNode {
      return (RichNode(node.base, field: node.name, span), isAny ? .any : .text)
    }
    guard let node = base.node as? RowFieldNode else { return nil }
    return (RichNode(ItNode(node.span), field: node.name, span), isAny ? .any : .text)
  }

  private mutating func call(
    _ name: String, _ nameSpan: Span, _ arguments: [Expression.Argument], _ span: Span
  ) -> Typed {
    // `p.f(x)` of an include that was given the name p.
    if let first = arguments.first, first.name == nil, case .name(let space) = first.value.kind,
      variable(space) == nil, isNamespace(space)
    {
      guard let function = globals.functions["\(space).\(name)"] else {
        let names = globals.functions.keys.filter { $0.hasPrefix("\(space).") }.map {
          String($0.dropFirst(space.count + 1))
        }.sorted()
        note(
          "V102", "there is no function called “\(name)” in \(space)", nameSpan,
          label: "unknown function", NearestWord.notes(for: name, among: names, kind: "functions"))
        return failed(span)
      }
      return call(function, "\(space).\(name)", nameSpan, Array(arguments.dropFirst()), span)
    }
    if let function = globals.functions[name] {
      if function.isAhead, !inFunction {
        note(
          "V102", "“\(name)” is made further down, at line \(source.line(of: function.span.start))",
          nameSpan, label: "not made yet", ["move the function above this line"])
      }
      return call(function, name, nameSpan, arguments, span)
    }
    guard let function = Function.byName[name] else {
      let words = Array(Function.byName.keys) + Array(globals.functions.keys)
      note(
        "V102", "there is no function called “\(name)”", nameSpan, label: "unknown function",
        NearestWord.nearest(to: name, among: words).map { ["did you mean `\($0)`?"] }
          ?? ["functions: help"])
      for argument in arguments { _ = expression(argument.value) }
      return failed(span)
    }
    if function.isVariadic {
      guard !arguments.isEmpty else {
        note("V108", "\(function.signatureText) takes at least one value", nameSpan)
        return failed(span)
      }
      return (
        BuiltinNode(function, arguments.map { expression($0.value).node }, span),
        function.result.type
      )
    }
    let required = function.parameters.prefix { !$0.isOptional }.count
    let nodes = ordered(
      arguments, names: function.parameters.map(\.name), required: required,
      types: function.parameters.map(\.kind.type), name, nameSpan)
    // Trailing parameters that were left out are simply not there; one before a given one is nothing.
    let count = (nodes.lastIndex { $0 != nil } ?? -1) + 1
    let given = nodes.prefix(count).map { $0 ?? ConstantNode(.nothing, span) }
    return (BuiltinNode(function, given, span), function.result.type)
  }

  private mutating func call(
    _ function: FunctionName, _ name: String, _ nameSpan: Span, _ arguments: [Expression.Argument],
    _ span: Span
  ) -> Typed {
    (
      CallNode(
        globals.definitions[function.index],
        ordered(
          arguments, names: function.parameters, required: function.required,
          types: function.types, name, nameSpan),
        span), .any
    )
  }

  private func isNamespace(_ name: String) -> Bool {
    let start = name + "."
    return globals.functions.keys.contains { $0.hasPrefix(start) }
      || globals.variables.keys.contains { $0.hasPrefix(start) }
  }

  /// Arguments by parameter, named ones at their places.
  private mutating func ordered(
    _ arguments: [Expression.Argument], names: [String], required: Int, types: [StaticType],
    _ name: String, _ span: Span
  ) -> [Node?] {
    var nodes = [Node?](repeating: nil, count: names.count)
    var next = 0
    var isMisnamed = false
    func check(_ resolved: Typed, _ index: Int, _ place: Span) {
      guard types.indices.contains(index), let wanted = types[index].kindName,
        let kind = resolved.type.kindName, wanted != kind
      else { return }
      // A list may be given as rows, a date as its text.
      if case .list = types[index], case .query = resolved.type { return }
      if case .date = types[index], case .text = resolved.type { return }
      var notes = ["\(name)(\(names.joined(separator: ", ")))"]
      switch (types[index], resolved.type) {
      case (.text, _): notes.append("to make a text of it write \"{…}\"")
      case (.number, .text): notes.append("to make a number of it write number(…)")
      case (.list, .text): notes.append("the words of a text are a list: words(…)")
      default: break
      }
      note(
        "V203", "\(name) takes \(wanted) as “\(names[index])”, and this is \(kind)", place,
        label: kind, notes)
    }
    for argument in arguments {
      let resolved = expression(argument.value)
      let node = resolved.node
      if let wanted = argument.name {
        guard let index = names.firstIndex(of: wanted) else {
          note(
            "V109", "\(name) has no parameter called “\(wanted)”", argument.value.span,
            NearestWord.notes(for: wanted, among: names, kind: "parameters"))
          isMisnamed = true
          continue
        }
        if nodes[index] != nil {
          note(
            "V109", "“\(wanted)” is given twice", argument.value.span, label: "given again",
            ["\(name)(\(names.joined(separator: ", ")))"])
          isMisnamed = true
        }
        check(resolved, index, argument.value.span)
        nodes[index] = node
      } else if next < names.count {
        check(resolved, next, argument.value.span)
        nodes[next] = node
        next += 1
      } else {
        note(
          "V108",
          "\(name) takes \(names.count) \(names.count == 1 ? "value" : "values"), and this is one more",
          argument.value.span, ["\(name)(\(names.joined(separator: ", ")))"])
      }
    }
    for index in 0..<min(required, names.count) where nodes[index] == nil && !isMisnamed {
      note(
        "V108", "\(name) needs “\(names[index])”", span,
        ["\(name)(\(names.joined(separator: ", ")))"])
    }
    return nodes
  }

  private mutating func binary(
    _ operation: BinaryOperator, _ left: Expression, _ right: Expression, _ span: Span
  ) -> Typed {
    let a = expression(left)
    let b = expression(right)
    switch operation {
    case .and, .or:
      checkCondition(a, left.span)
      checkCondition(b, right.span)
      return (LogicNode(isAnd: operation == .and, a.node, b.node, span), .flag)
    case .orElse: return (OrElseNode(a.node, b.node, span), Resolver.either(a.type, b.type))
    case .isEqual, .isNotEqual:
      checkEquality(a.type, b.type, left, span)
      return (operation.node(a.node, b.node, span), .flag)
    case .contains, .notContains, .isIn, .isNotIn, .startsWith, .endsWith, .matches:
      return (operation.node(a.node, b.node, span), .flag)
    case .less, .lessOrEqual, .greater, .greaterOrEqual:
      checkOperands(operation, a.type, b.type, span)
      return (operation.node(a.node, b.node, span), .flag)
    case .range:
      for (type, place) in [(a.type, left.span), (b.type, right.span)] {
        if let kind = type.kindName, kind != "a number" {
          note(
            "V207", "a range goes from one number to another, and this is \(kind)", place,
            label: kind, ["for example: 1..10"])
          break
        }
      }
      return (operation.node(a.node, b.node, span), .list)
    case .add, .subtract, .multiply, .divide, .remainder:
      checkOperands(operation, a.type, b.type, span)
      let node = operation.node(a.node, b.node, span)
      if let x = a.node.constant, let y = b.node.constant,
        let value = try? Operators.apply(operation, x, y)
      {
        return (.constant(value, span), Resolver.sum(a.type, b.type, operation))
      }
      return (node, Resolver.sum(a.type, b.type, operation))
    }
  }

  private static func sum(_ a: StaticType, _ b: StaticType, _ operation: BinaryOperator)
    -> StaticType
  {
    switch (a, b) {
    case (.number, .number): .number
    case (.text, .text): .text
    case (.list, _) where operation == .add: .list
    case (.date, .duration): .date
    case (.date, .date): .duration
    default: .any
    }
  }

  private mutating func checkEquality(
    _ a: StaticType, _ b: StaticType, _ left: Expression, _ span: Span
  ) {
    if case .list = a, case .text = b {
      note(
        "V205", "\(source.text(left.span)) is a list, and a list never is a text", span,
        label: "a list and text",
        ["to ask whether it holds the text, write: \(source.text(left.span)) contains …"])
      return
    }
    guard let first = a.kindName, let second = b.kindName, first != second else { return }
    switch (a, b) {
    // A date is written as a text, too.
    case (.date, .text), (.text, .date): return
    case (.number, .text), (.text, .number):
      note(
        "V205", "\(first) never is \(second)", span, label: "\(first) and \(second)",
        ["compare with a number without quotes, or make one of the text: number(…)"])
    default:
      note("V205", "\(first) never is \(second)", span, label: "\(first) and \(second)")
    }
  }

  private mutating func checkOperands(
    _ operation: BinaryOperator, _ a: StaticType, _ b: StaticType, _ span: Span
  ) {
    let fits: Bool =
      switch (a, b) {
      case (.any, _), (_, .any): true
      case (.number, .number), (.date, .date), (.duration, .duration): true
      case (.text, .text):
        [.add, .less, .lessOrEqual, .greater, .greaterOrEqual].contains(operation)
      case (.list, _): operation == .add || operation == .subtract
      case (.date, .duration): operation == .add || operation == .subtract
      case (.duration, .date): operation == .add
      case (.duration, .number): operation == .multiply || operation == .divide
      case (.number, .duration): operation == .multiply
      case (.date, .text): [.less, .lessOrEqual, .greater, .greaterOrEqual].contains(operation)
      default: false
      }
    guard !fits, let first = a.kindName, let second = b.kindName else { return }
    var notes: [String] = []
    if operation == .add, first == "text" || second == "text" {
      notes.append("to put a value into a text write \"… {value}\"")
    }
    note(
      "V207", "\(operation.rawValue) cannot take \(first) and \(second)", span,
      label: "\(first) and \(second)", notes)
  }

  private mutating func loop(_ loop: LoopSyntax, _ span: Span) -> Typed {
    if let place = rowScope?.place {
      note("V112", "a loop cannot stand in \(place)", span)
    }
    let sequence = expression(loop.sequence)
    var type = StaticType.any
    switch sequence.type {
    case .query(let shape): type = .row(shape)
    case .any, .list: break
    default:
      note(
        "V306",
        "for goes through a list or rows, and this is \(sequence.type.kindName ?? "something else")",
        loop.sequence.span, label: sequence.type.kindName ?? "",
        {
          switch sequence.type {
          case .text:
            ["through its words: for w in words(\(source.text(loop.sequence.span))) { … }"]
          case .number: ["to count up to it: for i in 1..\(source.text(loop.sequence.span)) { … }"]
          default: []
          }
        }())
    }
    let width = loop.width.map { number($0, for: "parallel") }
    if width != nil { parallelLevel += 1 }
    loopDepth += 1
    scopes.append([:])
    let slot = declare(loop.variable, loop.variableSpan, canChange: false, type: type)
    scopes[scopes.count - 1][loop.variable]?.origin = .loop
    loopUses.append((loop.variableSpan, FieldUse()))
    let body = block(loop.body).node
    let fields = loopUses.removeLast().use.fields
    endScope(loop.body.span)
    loopDepth -= 1
    if width != nil { parallelLevel -= 1 }
    return (
      LoopNode(
        slot: slot, sequence: sequence.node, width: width,
        continuesOnError: loop.continuesOnError, body: body, fields: fields, span), .list
    )
  }

  private mutating func ai(
    _ prompt: Expression, _ shape: ShapeSyntax?, _ engine: Expression?, _ span: Span
  ) -> Typed {
    if let place = rowScope?.place {
      note(
        "V112", "an engine cannot be asked in \(place)", span,
        ["ask in a loop, and name the answer: let x = ai …"])
    }
    let resolved = expression(prompt)
    if let kind = resolved.type.kindName, kind != "text" {
      note("V203", "ai takes text, and this is \(kind)", prompt.span, label: kind)
    }
    let type = shape.map { staticType($0) } ?? .text
    let wanted = shape.map { self.shape($0) }
    return (
      AINode(
        prompt: resolved.node, shape: wanted, engine: engine.map { engineNode($0) }, span), type
    )
  }

  /// A variable's value, or the bare word itself: engines are no variables.
  private mutating func engineNode(_ engine: Expression) -> Node {
    if case .name(let name) = engine.kind, variable(name) == nil {
      return ConstantNode(.text(name), engine.span)
    }
    return expression(engine).node
  }

  private mutating func query(_ query: QuerySyntax, _ span: Span) -> Typed {
    var answer = open
    var connection: Node?
    if case .named(let name) = query.source {
      let node = expression(name).node
      connection = node
      if let constant = node as? ConstantNode {
        answer = shape(ofConnection: constant.value.display)
        if case .unknown(let near) = answer {
          note(
            "V403", "there is no connection called “\(constant.value.display)”", name.span,
            label: "unknown connection",
            near.isEmpty
              ? ["all of them: connections"] : ["connections: \(near.joined(separator: ", "))"])
          answer = .later
        }
      } else {
        answer = .later
      }
    }
    var shape: Shape?
    if case .known(let known) = answer { shape = known }
    let outer = rowScope
    let outerUse = scopeUse
    scopeUse = FieldUse()
    var condition: Node?
    if let syntax = query.condition {
      rowScope = RowScope(shape: shape, place: "where")
      let resolved = expression(syntax)
      checkCondition(resolved, syntax.span)
      condition = resolved.node
    }
    rowScope = RowScope(shape: shape, place: "sort by")
    let sorts = query.sorts.map { sort -> (key: Node, isAscending: Bool, field: String?) in
      let node = expression(sort.key).node
      return (node, sort.isAscending, (node as? RowFieldNode)?.name)
    }
    rowScope = outer
    let used = scopeUse?.fields
    scopeUse = outerUse
    let take: QueryNode.Take? =
      switch query.take {
      case .first(let count)?: .first(number(count, for: "first"))
      case .last(let count)?: .last(number(count, for: "last"))
      case .sample(let count)?: .sample(number(count, for: "sample"))
      case nil: nil
      }
    if let shape {
      for pick in query.pick where shape.index(of: pick.name) == nil {
        unknownProperty(pick.name, pick.span, shape)
      }
    }
    return (
      QueryNode(
        connection: connection, condition: condition, sorts: sorts, take: take,
        pick: query.pick.map(\.name), source: source.text(span), used: used, span), .query(shape)
    )
  }

  private func shape(ofConnection name: String) -> ShapeAnswer {
    let answer = host.shape(of: name)
    if case .unknown = answer, made.contains(name.lowercased()) { return .later }
    return answer
  }

  // MARK: - Commands

  private mutating func command(_ command: CommandSyntax) -> Node {
    if let place = rowScope?.place {
      note("V112", "a command cannot stand in \(place)", command.span)
    }
    var parts: [(name: String, part: CommandNode.Part)] = []
    for filled in command.slots {
      parts.append((filled.slot.name, part(filled)))
    }
    for slot in command.signature.slots where slot.isRequired {
      guard !command.slots.contains(where: { $0.slot.name == slot.name }) else { continue }
      let words = slot.words.joined(separator: " ")
      note(
        "V114", "\(command.signature.name) needs \(slot.summary)", command.nameSpan,
        label: words.isEmpty ? "" : "\(words) is missing",
        command.signature.examples.prefix(2).map { "for example: \($0)" })
    }
    openConnection(command, parts)
    if case .value(let node)? = parts.first(where: { $0.name == "called" })?.part,
      let constant = node as? ConstantNode
    {
      namedPrompts.insert(constant.value.display)
    }
    return CommandNode(
      name: command.signature.name, source: source.text(command.span), parts: parts, command.span)
  }

  /// After `use` and `connect`, the following statements speak of another connection.
  private mutating func openConnection(
    _ command: CommandSyntax, _ parts: [(name: String, part: CommandNode.Part)]
  ) {
    guard let slot = command.signature.opensConnection,
      let filled = command.slots.first(where: { $0.slot.name == slot })
    else { return }
    guard case .value(let node)? = parts.first(where: { $0.name == slot })?.part,
      let constant = node as? ConstantNode
    else {
      open = .later
      return
    }
    let name = constant.value.display
    if filled.slot.kind == .connection {
      open = shape(ofConnection: name)
      if case .unknown(let near) = open {
        var notes: [String] = []
        if let nearest = NearestWord.nearest(to: name, among: near) {
          notes.append("did you mean: \(command.signature.name) \"\(nearest)\"")
        }
        notes.append(
          near.isEmpty
            ? "there is none yet; make one: connect \"\(name)\" to template"
            : "connections: \(near.joined(separator: ", "))")
        note(
          "V403", "there is no connection called “\(name)”", filled.span,
          label: "unknown connection", notes)
        open = .later
      }
    } else {
      made.insert(name.lowercased())
      open = .later
    }
  }

  private mutating func part(_ filled: CommandSyntax.Filled) -> CommandNode.Part {
    switch filled.filling {
    case .flag: return .flag
    case .word(let word): return .word(word)
    case .shape(let shape): return .shape(self.shape(shape))
    case .namedPrompt(let name): return namedPrompt(name)
    case .expressions(let items): return .values(items.map { expression($0).node })
    case .fields(let fields):
      return .value(
        RecordNode(fields.map { ($0.name, expression($0.value).node) }, filled.span))
    case .names(let names):
      if filled.slot.kind == .properties, let shape = currentShape {
        for (name, span) in names where name != "body" {
          guard let index = shape.index(of: name) else {
            unknownProperty(name, span, shape)
            continue
          }
          let field = shape.fields[index]
          if !field.isWritable {
            let error = Assignments.computed(field, shape, span)
            note(error.code, error.message, span, label: "read only", error.notes)
          }
        }
      }
      return .names(names.map(\.name))
    case .target(let value, let limit, let isSample):
      let resolved = expression(value)
      switch resolved.type {
      // A number is a row's in the table last shown, or a run's.
      case .any, .list, .number, .row, .query: break
      default:
        note(
          "V203", "this must be rows, and it is \(resolved.type.kindName ?? "something else")",
          value.span, label: resolved.type.kindName ?? "", ["write: rows where …"])
      }
      return .target(resolved.node, limit: limit.map { expression($0).node }, isSample: isSample)
    case .expression(let value):
      if filled.slot.kind == .template { return template(value) }
      if case .condition(let answer) = filled.slot.kind { return condition(value, answer: answer) }
      let resolved = expression(value)
      check(filled.slot, resolved.type, value.span)
      return .value(resolved.node)
    }
  }

  private mutating func check(_ slot: Slot, _ type: StaticType, _ span: Span) {
    guard let kind = type.kindName else { return }
    switch slot.kind {
    case .text, .connection:
      if kind != "text" {
        note("V203", "\(slot.summary) is text, and this is \(kind)", span, label: kind)
      }
    case .number:
      if kind != "a number" {
        note("V203", "\(slot.summary) is a number, and this is \(kind)", span, label: kind)
      }
    default: break
    }
  }

  /// A condition on rows, and on an answer under a name; the name means the answer also where a
  /// property is called so.
  mutating func condition(_ value: Expression, answer: String?) -> CommandNode.Part {
    let outer = rowScope
    rowScope = RowScope(
      shape: currentShape, place: answer == nil ? "a condition" : "a check", answer: answer)
    scopes.append([:])
    var slot: Int?
    if let answer {
      slot = slotCount
      slotCount += 1
      scopes[scopes.count - 1][answer] = Variable(
        slot: slotCount - 1, isGlobal: !inFunction, canChange: false, span: value.span,
        parallelLevel: parallelLevel, type: .any)
    }
    let before = rowReads
    let resolved = expression(value)
    checkCondition(resolved, value.span)
    scopes.removeLast()
    rowScope = outer
    return .condition(
      resolved.node, source: source.text(value.span), answerSlot: slot,
      readsRow: rowReads > before)
  }

  private mutating func namedPrompt(_ name: Expression) -> CommandNode.Part {
    let resolved = expression(name)
    if let constant = resolved.node as? ConstantNode {
      let name = constant.value.display
      let text = host.prompt(named: name)
      if text == nil, !namedPrompts.contains(name) {
        note(
          "V515", "there is no prompt called “\(name)”", resolved.node.span,
          label: "unknown prompt",
          ["all of them: prompts", "to keep one: prompt \"…\" called \"\(name)\""])
      }
      if let text, let shape = currentShape {
        for hole in PromptTemplate.names(in: text) where shape.index(of: hole) == nil {
          note(
            "V101",
            "the prompt “\(name)” has a hole {\(hole)}, and \(shape.name) has no such property",
            resolved.node.span, label: "does not fit",
            ["properties: \(shape.names.prefix(20).joined(separator: ", "))"])
        }
      }
    }
    return .namedPrompt(resolved.node)
  }

  private mutating func template(_ value: Expression) -> CommandNode.Part {
    guard case .text(let pieces) = value.kind else {
      let resolved = expression(value)
      if let kind = resolved.type.kindName, kind != "text" {
        note("V203", "a prompt is text, and this is \(kind)", value.span, label: kind)
      }
      return .template(
        resolved.node, source: source.text(value.span), names: [], holesAreNames: true)
    }
    let outer = rowScope
    rowScope = RowScope(shape: currentShape, place: "a prompt")
    let resolved = text(pieces, value.span)
    rowScope = outer
    var kept = ""
    var names: [String] = []
    var areNames = true
    for piece in pieces {
      switch piece {
      case .words(let words): kept += words.replacing("{", with: "\\{").replacing("}", with: "\\}")
      case .hole(let inner, let name, let allowsNothing):
        kept += "{\(name)\(allowsNothing ? "?" : "")}"
        names.append(name)
        // A variable's value is known now and not when the prompt is used again.
        if case .name(let only) = inner.kind, variable(only) == nil { continue }
        areNames = false
      }
    }
    if names.isEmpty {
      kept = pieces.map { if case .words(let words) = $0 { words } else { "" } }.joined()
      kept = PromptTemplate.names(in: kept).isEmpty ? kept : kept.replacing("{", with: "\\{")
    }
    return .template(resolved.node, source: kept, names: names, holesAreNames: areNames)
  }
}
