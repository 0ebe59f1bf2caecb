/// Commands, their slots, and what they let be known of the rest of the program.
extension Resolver {
  mutating func command(_ command: CommandSyntax) -> Node {
    if let place = rowScope?.place {
      note("V112", "a command cannot stand in \(place)", command.span)
    }
    noteMeddling()
    var parts: [(name: String, part: CommandNode.Part)] = []
    var places: [String: Span] = [:]
    for filled in command.slots {
      parts.append((filled.slot.name, part(filled)))
      places[filled.slot.name] = filled.span
      if case .fields(let fields) = filled.filling {
        for field in fields { places["\(filled.slot.name).\(field.name)"] = field.value.span }
      }
    }
    for slot in command.signature.slots where slot.isRequired {
      guard !command.slots.contains(where: { $0.slot.name == slot.name }) else { continue }
      let words = slot.words.joined(separator: " ")
      note(
        "V114", "\(command.signature.name) needs \(slot.summary)", command.nameSpan,
        label: words.isEmpty ? "" : "\(words) is missing",
        command.signature.examples.prefix(2).map { "for example: \($0)" })
    }
    checkScript(command)
    openConnection(command, parts)
    if case .value(let node)? = parts.first(where: { $0.name == "called" })?.part,
      let constant = node as? ConstantNode
    {
      namedPrompts.insert(constant.value.display)
    }
    return CommandNode(
      name: command.signature.name, source: source.text(command.span), parts: parts,
      places: places, command.span)
  }

  /// What a person at the prompt may leave out, and a script may not.
  mutating func checkScript(_ command: CommandSyntax) {
    if command.signature.choosesRow { mayHaveCurrentRow = true }
    // When a function is called there may be a current row.
    guard !host.isAtPrompt, !mayHaveCurrentRow, !inFunction, host.currentRow() == nil else {
      return
    }
    for slot in command.signature.slots {
      guard let missing = slot.missingInScript,
        !command.slots.contains(where: { $0.slot.name == slot.name })
      else { continue }
      note(missing.code, missing.message, command.span, [missing.fix])
    }
  }

  /// After `use` and `connect`, the following statements speak of another connection.
  mutating func openConnection(
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

  mutating func part(_ filled: CommandSyntax.Filled) -> CommandNode.Part {
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

  mutating func check(_ slot: Slot, _ type: StaticType, _ span: Span) {
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

  mutating func namedPrompt(_ name: Expression) -> CommandNode.Part {
    let (node, text) = keptPrompt(name)
    if let text, let shape = currentShape {
      checkHoles(PromptTemplate.names(in: text), of: name, node, shape)
    }
    return .namedPrompt(node)
  }

  /// The name of a kept prompt, and its words where they are known before anything runs.
  mutating func keptPrompt(_ name: Expression) -> (node: Node, text: String?) {
    let resolved = expression(name)
    guard let constant = resolved.node as? ConstantNode else {
      if let kind = resolved.type.kindName, kind != "text" {
        note("V203", "the name of a prompt is text, and this is \(kind)", name.span, label: kind)
      }
      return (resolved.node, nil)
    }
    let words = constant.value.display
    // What the program itself keeps under the name is known when it runs.
    if namedPrompts.contains(words) { return (resolved.node, nil) }
    let text = host.prompt(named: words)
    if text == nil {
      note(
        "V515", "there is no prompt called “\(words)”", name.span, label: "unknown prompt",
        KeptPromptNode.notes(for: words, among: host.promptNames + namedPrompts.sorted())
          + ["to keep one: prompt \"…\" called \"\(words)\""])
    }
    return (resolved.node, text)
  }

  mutating func checkHoles(
    _ holes: [String], of name: Expression, _ node: Node, _ shape: Shape
  ) {
    let words = (node as? ConstantNode)?.value.display ?? ""
    for hole in holes where shape.index(of: hole) == nil {
      note(
        "V101",
        "the prompt “\(words)” has a hole {\(hole)}, and \(shape.name) has no such property",
        name.span, label: "does not fit",
        ["properties: \(shape.names.prefix(20).joined(separator: ", "))"])
    }
  }

  mutating func template(_ value: Expression) -> CommandNode.Part {
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
