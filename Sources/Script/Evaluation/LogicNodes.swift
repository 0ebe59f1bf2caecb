final class NotNode: Node, @unchecked Sendable {
  let inner: Node
  init(_ inner: Node, _ span: Span) {
    self.inner = inner
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try !inner.condition(context))
  }
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try !inner.condition(context)
  }
}

final class IsEmptyNode: Node, @unchecked Sendable {
  let inner: Node
  let isNegated: Bool
  init(_ inner: Node, isNegated: Bool, _ span: Span) {
    self.inner = inner
    self.isNegated = isNegated
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try condition(context))
  }
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try inner.eval(context).isEmpty != isNegated
  }
}

/// `Content is stale`, `Content is edited`: what became of a cell since it was generated.
final class HasChangedNode: Node, @unchecked Sendable {
  /// What the row is; `nil` for the row in scope.
  let row: Node?
  let field: String
  let change: CellChange
  let isNegated: Bool

  /// - Returns: `nil` when the node is no property of a row.
  init?(_ cell: Node, _ change: CellChange, isNegated: Bool, _ span: Span) {
    switch cell {
    case let cell as RowFieldNode: (row, field) = (nil, cell.name)
    case let cell as FieldNode: (row, field) = (cell.base, cell.name)
    default: return nil
    }
    self.change = change
    self.isNegated = isNegated
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try condition(context))
  }

  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    guard let row = try row?.eval(context).asRow ?? context.row else {
      throw ScriptError(
        code: "V022", message: "only a property of a row can be \(change.rawValue)", span: span)
    }
    let host = context.machine.host
    do throws(ScriptError) {
      return try context.machine.wait { [field, change] in
        try await host.hasChanged(field, of: row, change)
      } != isNegated
    } catch {
      throw error.at(span)
    }
  }
}

final class LogicNode: Node, @unchecked Sendable {
  let isAnd: Bool
  let left: Node
  let right: Node
  init(isAnd: Bool, _ left: Node, _ right: Node, _ span: Span) {
    self.isAnd = isAnd
    self.left = left
    self.right = right
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try condition(context))
  }
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    let first = try left.condition(context)
    return first == isAnd ? try right.condition(context) : first
  }
}

final class OrElseNode: Node, @unchecked Sendable {
  let left: Node
  let right: Node
  init(_ left: Node, _ right: Node, _ span: Span) {
    self.left = left
    self.right = right
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let value = try left.eval(context)
    return value.isNothing ? try right.eval(context) : value
  }
}
