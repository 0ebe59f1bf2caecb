/// Expressions, and what can be known of their types.
extension Resolver {
  mutating func checkCondition(_ resolved: Typed, _ span: Span) {
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
        ConditionalNode.node(test.node, then: first.node, otherwise: second?.node, span),
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

  mutating func text(_ pieces: [TextPiece], _ span: Span) -> Typed {
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
  mutating func number(_ value: Expression, for what: String) -> Node {
    let resolved = expression(value)
    if let kind = resolved.type.kindName, kind != "a number" {
      note("V203", "\(what) takes a number, and this is \(kind)", value.span, label: kind)
    }
    return resolved.node
  }

  /// The type of a value that is one or the other.
  static func either(_ a: StaticType, _ b: StaticType) -> StaticType {
    switch (a, b) {
    case (.flag, .flag), (.number, .number), (.text, .text), (.date, .date),
      (.duration, .duration), (.list, .list), (.record, .record):
      a
    default: .any
    }
  }

  mutating func field(
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
  mutating func noteUse(
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
  func rich(_ base: Typed, _ span: Span) -> Typed? {
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
}
