/// A condition on one field that a service can look at before rows travel.
///
/// The language looks at each row again by itself, so a service may let more through, never less.
public struct FieldCondition: Sendable {
  /// What is asked of the field.
  public enum Test: Sendable {
    /// The field is true.
    case flag(Bool)
    /// The field compares so with a number.
    case number(Comparison, Double)
    /// The field compares so with a day or moment.
    case date(Comparison, DateValue)
    /// The field is exactly this text, or this option.
    case text(String)
    /// The field is a list that holds this option, or a text that contains this one, whatever the case
    /// and width.
    case holds(String)
    /// The field is a text that contains this one, whatever the case and width.
    case includes(String)
    /// The field is a list that holds the row, person or page of this identity.
    case member(String)
    /// There is something in the field.
    case filled
  }

  /// How values are compared.
  public enum Comparison: Sendable {
    case equal, less, lessOrEqual, greater, greaterOrEqual
  }

  /// The field's name.
  public let field: String
  /// What is asked of it.
  public let test: Test
  /// Whether the rows are wanted that do not pass; an empty field never passes.
  public let isNegated: Bool

  /// Creates a condition.
  public init(field: String, test: Test, isNegated: Bool = false) {
    self.field = field
    self.test = test
    self.isNegated = isNegated
  }
}

/// Finds the parts of a condition that a service can look at.
///
/// What is found is a list of clauses, of each of which one part must be so: services nest no deeper.
/// Left out is what a service could read more narrowly than the language does: whether a text is empty,
/// since one of white space is empty here alone; and what stands behind an `and` whose left side may fail for a row, since
/// that problem is to be told whatever stands on the right.
enum Pushdown {
  typealias Clause = [FieldCondition]

  /// Services take about this many conditions; fewer clauses let more rows through, which is no harm.
  private static let mostClauses = 20
  private static let longestClause = 20

  static func clauses(of node: Node, _ context: Context) throws(ScriptError) -> [Clause] {
    try clauses(node, isNegated: false, context)
  }

  private static func clauses(
    _ node: Node, isNegated: Bool, _ context: Context
  ) throws(ScriptError) -> [Clause] {
    switch node {
    case let not as NotNode: return try clauses(not.inner, isNegated: !isNegated, context)
    case let logic as LogicNode:
      let left = try clauses(logic.left, isNegated: isNegated, context)
      if logic.isAnd != isNegated {
        guard mayNotFail(logic.left) else { return left }
        return Array(
          (left + (try clauses(logic.right, isNegated: isNegated, context))).prefix(
            mostClauses))
      }
      guard !left.isEmpty, mayNotFail(logic.left) else { return [] }
      let right = try clauses(logic.right, isNegated: isNegated, context)
      var both: [Clause] = []
      for a in left {
        for b in right where both.count < mostClauses && a.count + b.count <= longestClause {
          both.append(a + b)
        }
      }
      return both
    case let field as RowFieldNode:
      return [[FieldCondition(field: field.name, test: .flag(true), isNegated: isNegated)]]
    case let empty as IsEmptyNode:
      guard let field = empty.inner as? RowFieldNode else { return [] }
      return [
        [
          FieldCondition(
            field: field.name, test: .filled, isNegated: empty.isNegated == isNegated)
        ]
      ]
    case let comparison as ComparisonNode:
      guard let field = comparison.left as? RowFieldNode,
        let value = try constant(comparison.right, context)
      else { return [] }
      return clauses(field.name, comparison.operation, value, isNegated)
    case let operation as OperatorNode:
      return try clauses(operation, isNegated, context)
    default: return []
    }
  }

  private static func clauses(
    _ operation: OperatorNode, _ isNegated: Bool, _ context: Context
  ) throws(ScriptError) -> [Clause] {
    guard let field = operation.left as? RowFieldNode,
      let value = try constant(operation.right, context)
    else { return [] }
    switch operation.operation {
    case .contains, .notContains:
      let test: FieldCondition.Test
      switch value {
      case .text(let option): test = .holds(option)
      case .row(let row): test = .member(row.id)
      default: return []
      }
      let isNegated = isNegated != (operation.operation == .notContains)
      return [[FieldCondition(field: field.name, test: test, isNegated: isNegated)]]
    case .startsWith, .endsWith:
      guard case .text(let text) = value else { return [] }
      return [[FieldCondition(field: field.name, test: .includes(text), isNegated: isNegated)]]
    case .isIn, .isNotIn:
      guard case .list(let items) = value, items.count <= longestClause else { return [] }
      let isNegated = isNegated != (operation.operation == .isNotIn)
      var parts: [Clause] = []
      for item in items {
        let part = clauses(field.name, .isEqual, item, isNegated)
        guard part.count == 1, let only = part.first else { return [] }
        parts.append(only)
      }
      return isNegated
        ? Array(parts.prefix(mostClauses)) : parts.isEmpty ? [] : [parts.flatMap { $0 }]
    case .isEqual, .isNotEqual, .less, .lessOrEqual, .greater, .greaterOrEqual:
      return clauses(field.name, operation.operation, value, isNegated)
    default: return []
    }
  }

  private static func clauses(
    _ field: String, _ operation: BinaryOperator, _ value: Value, _ isNegated: Bool
  ) -> [Clause] {
    var isNegated = isNegated
    let comparison: FieldCondition.Comparison
    switch operation {
    case .isEqual: comparison = .equal
    case .isNotEqual:
      comparison = .equal
      isNegated.toggle()
    case .less: comparison = .less
    case .lessOrEqual: comparison = .lessOrEqual
    case .greater: comparison = .greater
    case .greaterOrEqual: comparison = .greaterOrEqual
    default: return []
    }
    let test: FieldCondition.Test
    switch (value, comparison) {
    case (.flag(let flag), .equal): test = .flag(flag)
    case (.text(let text), .equal): test = .text(text)
    case (.text(let text), _):
      // A date is compared with a text that is one.
      guard let date = DateValue(parsing: text) else { return [] }
      test = .date(comparison, date)
    case (.number(let number), _): test = .number(comparison, number)
    case (.date(let date), _): test = .date(comparison, date)
    default: return []
    }
    return [[FieldCondition(field: field, test: test, isNegated: isNegated)]]
  }

  /// A value that is the same for every row; `nil` for what must be computed row by row.
  private static func constant(
    _ node: Node, _ context: Context
  ) throws(ScriptError) -> Value? {
    switch node {
    case is ConstantNode, is NumberNode, is VariableNode: return try node.eval(context)
    case let list as ListNode:
      for item in list.items where !(item is ConstantNode || item is NumberNode) { return nil }
      return try list.eval(context)
    default: return nil
    }
  }

  /// Whether looking at it raises no problem for any row.
  static func mayNotFail(_ node: Node) -> Bool {
    func isPlain(_ node: Node) -> Bool {
      node is RowFieldNode || node is ConstantNode || node is NumberNode || node is VariableNode
    }
    switch node {
    case let not as NotNode: return mayNotFail(not.inner)
    case let logic as LogicNode: return mayNotFail(logic.left) && mayNotFail(logic.right)
    case let empty as IsEmptyNode: return isPlain(empty.inner)
    case let comparison as ComparisonNode:
      return isPlain(comparison.left) && isPlain(comparison.right)
    case let operation as OperatorNode:
      return isPlain(operation.left) && (isPlain(operation.right) || operation.right is ListNode)
    default: return node is RowFieldNode
    }
  }
}
