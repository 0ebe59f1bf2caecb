/// A condition on one field that a service can look at before rows travel.
///
/// The language looks at each row again by itself, so a service may let more through, never less.
public struct FieldCondition: Sendable {
  /// What is asked of the field.
  public enum Test: Sendable {
    /// The field is true, or false.
    case flag(Bool)
    /// The field compares so with a number.
    case number(Comparison, Double)
    /// The field is exactly this text, or this option.
    case text(String)
    /// The field is a list that holds this option.
    case holds(String)
    /// There is something in the field.
    case filled
  }

  /// How numbers are compared.
  public enum Comparison: Sendable {
    case equal, less, lessOrEqual, greater, greaterOrEqual
  }

  /// The field's name.
  public let field: String
  /// What is asked of it.
  public let test: Test

  /// Creates a condition.
  public init(field: String, test: Test) {
    self.field = field
    self.test = test
  }
}

/// Finds the parts of a condition that a service can look at.
///
/// Only what is joined by `and` at the top is taken, and of that only what no service could read more
/// narrowly than the language does: texts that contain something are not, since case and width are
/// folded differently; nor is emptiness, since a text of white space is empty here alone.
enum Pushdown {
  static func conditions(
    of node: Node, _ context: Context
  ) throws(ScriptError) -> [FieldCondition] {
    switch node {
    case let logic as LogicNode where logic.isAnd:
      return try conditions(of: logic.left, context) + conditions(of: logic.right, context)
    case let field as RowFieldNode: return [FieldCondition(field: field.name, test: .flag(true))]
    case let not as NotNode:
      guard let field = not.inner as? RowFieldNode else { return [] }
      return [FieldCondition(field: field.name, test: .flag(false))]
    case let empty as IsEmptyNode where empty.isNegated:
      guard let field = empty.inner as? RowFieldNode else { return [] }
      return [FieldCondition(field: field.name, test: .filled)]
    case let comparison as ComparisonNode:
      guard let field = comparison.left as? RowFieldNode,
        let value = try constant(comparison.right, context),
        let test = test(comparison.operation, value)
      else { return [] }
      return [FieldCondition(field: field.name, test: test)]
    case let operation as OperatorNode where operation.operation == .contains:
      guard let field = operation.left as? RowFieldNode,
        case .text(let option)? = try constant(operation.right, context)
      else { return [] }
      return [FieldCondition(field: field.name, test: .holds(option))]
    default: return []
    }
  }

  private static func test(_ operation: BinaryOperator, _ value: Value) -> FieldCondition.Test? {
    switch (operation, value) {
    case (.isEqual, .flag(let flag)): .flag(flag)
    case (.isEqual, .text(let text)): .text(text)
    case (.isEqual, .number(let number)): .number(.equal, number)
    case (.less, .number(let number)): .number(.less, number)
    case (.lessOrEqual, .number(let number)): .number(.lessOrEqual, number)
    case (.greater, .number(let number)): .number(.greater, number)
    case (.greaterOrEqual, .number(let number)): .number(.greaterOrEqual, number)
    default: nil
    }
  }

  /// A value that is the same for every row; `nil` for what must be computed row by row.
  private static func constant(
    _ node: Node, _ context: Context
  ) throws(ScriptError) -> Value? {
    switch node {
    case is ConstantNode, is NumberNode, is VariableNode: try node.eval(context)
    default: nil
    }
  }
}
