/// Statements: names that are made, functions, assignments to rows and records.
extension Resolver {
  mutating func statement(_ statement: Statement) -> Node {
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
  mutating func declare(
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

  func variable(_ name: String) -> Variable? {
    for scope in scopes.reversed() {
      if let variable = scope[name] { return variable }
    }
    return inFunction ? globals.variables[name] : nil
  }

  mutating func block(_ block: Block) -> Typed {
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
  mutating func endScope(_ span: Span) {
    for name in scopes.removeLast().keys where name != "problem" { ended[name] = span }
  }

  mutating func function(_ syntax: FunctionSyntax, _ span: Span) -> Node {
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
    // The function as a loop without a variable: what it does to rows is what a call of it does.
    loopUses = [(syntax.nameSpan, FieldUse())]
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
    globals.functions[syntax.name]?.meddles = loopUses[0].use.meddles
    (scopeUse, loopUses) = outerUses
    definition.complete(defaults: defaults, frameSize: size, body: body)
    return ConstantNode(.nothing, span)
  }

  mutating func parameter(_ syntax: ParameterSyntax, _ span: Span) -> Node {
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

  static func type(_ shape: ShapeSyntax) -> StaticType {
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
  func staticType(_ shape: ShapeSyntax) -> StaticType {
    guard case .named(let name, _) = shape else { return Resolver.type(shape) }
    return variable(name)?.shape?.staticType ?? .any
  }

  /// A type as written, with the names in it looked up.
  mutating func shape(_ syntax: ShapeSyntax) -> ShapeNode {
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
  mutating func currentRowAssignment(
    _ place: Place, _ isAddition: Bool, _ value: Expression, _ span: Span
  ) -> Node {
    noteMeddling()
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

  mutating func assignment(
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
    noteMeddling(place, variable)
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

  mutating func checkAssignment(
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
}
