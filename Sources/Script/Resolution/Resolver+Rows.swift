/// What goes through rows and asks engines: loops, queries and `ai`.
extension Resolver {
  mutating func loop(_ loop: LoopSyntax, _ span: Span) -> Typed {
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
    let use = loopUses.removeLast().use
    endScope(loop.body.span)
    loopDepth -= 1
    if width != nil { parallelLevel -= 1 }
    return (
      LoopNode(
        slot: slot, sequence: sequence.node, width: width,
        continuesOnError: loop.continuesOnError, body: body, fields: use.fields,
        readsWhileWorking: !use.meddles, span), .list
    )
  }

  mutating func ai(
    _ prompt: PromptSyntax, _ shape: ShapeSyntax?, _ engine: Expression?, _ span: Span
  ) -> Typed {
    if let place = rowScope?.place {
      note(
        "V112", "an engine cannot be asked in \(place)", span,
        ["ask in a loop, and name the answer: let x = ai …"])
    }
    let node: Node
    switch prompt {
    case .words(let words):
      let resolved = expression(words)
      if let kind = resolved.type.kindName, kind != "text" {
        note("V203", "ai takes text, and this is \(kind)", words.span, label: kind)
      }
      node = resolved.node
    case .kept(let name, let row): node = keptPrompt(name, row)
    }
    let type = shape.map { staticType($0) } ?? .text
    let wanted = shape.map { self.shape($0) }
    return (
      AINode(
        prompt: node, shape: wanted, engine: engine.map { engineNode($0) }, span), type
    )
  }

  /// A kept prompt after `ai`: filled from what is said, else from the row of the innermost loop, else
  /// from the current row.
  mutating func keptPrompt(_ name: Expression, _ row: Expression?) -> Node {
    let (node, text) = keptPrompt(name)
    let holes = text.map(PromptTemplate.names(in:))
    let source: Typed
    if let row {
      source = expression(row)
      switch source.type {
      case .any, .row, .record: break
      default:
        let kind = source.type.kindName ?? "something else"
        note(
          "V203", "a prompt is filled from a row or a record, and this is \(kind)", row.span,
          label: kind)
      }
    } else if let (variable, shape) = loopRow {
      if let index = loopUses.lastIndex(where: { $0.variable == variable.span }) {
        if let holes {
          loopUses[index].use.names.formUnion(holes)
        } else {
          loopUses[index].use.isWhole = true
        }
      }
      source = (
        VariableNode(slot: variable.slot, isGlobal: variable.isGlobal && inFunction, name.span),
        .row(shape)
      )
    } else if inFunction {
      // Whose row would be the current one is not seen where a function is written.
      if let hole = holes?.first {
        note(
          "V307", "there is no row for the hole {\(hole)} of this prompt", name.span,
          label: "filled from what?", ["say it: ai prompt … on row"])
      }
      return KeptPromptNode(name: node, source: nil, name.span)
    } else {
      source = (ItNode(name.span), .row(currentShape))
    }
    if case .row(let shape?) = source.type, let holes {
      checkHoles(holes, of: name, node, shape)
    }
    return KeptPromptNode(name: node, source: source.node, name.span)
  }

  /// The variable of the innermost loop over rows, and what its rows are like.
  private var loopRow: (Variable, Shape?)? {
    for scope in scopes.reversed() {
      for variable in scope.values where variable.origin == .loop {
        if case .row(let shape) = variable.type { return (variable, shape) }
      }
    }
    return nil
  }

  /// A variable's value, or the bare word itself: engines are no variables.
  mutating func engineNode(_ engine: Expression) -> Node {
    if case .name(let name) = engine.kind, variable(name) == nil {
      return ConstantNode(.text(name), engine.span)
    }
    return expression(engine).node
  }

  mutating func query(_ query: QuerySyntax, _ span: Span) -> Typed {
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
              ? ["all of them: connections"]
              : NearestWord.notes(
                for: constant.value.display, among: near, kind: "connections"))
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

  func shape(ofConnection name: String) -> ShapeAnswer {
    let answer = host.shape(of: name)
    if case .unknown = answer, made.contains(name.lowercased()) { return .later }
    return answer
  }
}
