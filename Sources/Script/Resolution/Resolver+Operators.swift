/// Operators, and whether their two sides can go together.
extension Resolver {
  mutating func binary(
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

  static func sum(_ a: StaticType, _ b: StaticType, _ operation: BinaryOperator)
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

  mutating func checkEquality(
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

  mutating func checkOperands(
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
}
