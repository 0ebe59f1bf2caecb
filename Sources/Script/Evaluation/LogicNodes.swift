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
