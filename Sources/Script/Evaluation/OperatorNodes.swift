/// `+ - * / %`.
///
/// Numbers, nearly always: they go from node to node as they are. What is none comes as NaN, and takes
/// the general way, which also has the words for what goes wrong. A kind of node for each operator,
/// and for those whose sides are direct another: without a call in it, it needs no room on the stack.
class ArithmeticNode: Node, @unchecked Sendable {
  final let operation: BinaryOperator
  final let left: Node
  final let right: Node
  fileprivate final let x: Operand
  fileprivate final let y: Operand
  fileprivate init(_ operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    self.operation = operation
    self.left = left
    self.right = right
    x = Operand(left)
    y = Operand(right)
    super.init(span)
  }

  final override var isNumeric: Bool { true }

  final override func eval(_ context: Context) throws(ScriptError) -> Value {
    let number = try number(context)
    return number.isNaN ? context.takeMisfit() : .number(number)
  }

  /// The result of a plain calculation; NaN or an infinity where there is none.
  @inline(__always)
  fileprivate final func number(
    _ context: Context, _ calculate: (Double, Double) -> Double
  ) throws(ScriptError) -> Double {
    let x = try x.number(context)
    if x.isNaN { return try general(context.takeMisfit(), try right.eval(context), context) }
    let y = try y.number(context)
    let result = calculate(x, y)
    // What is no number makes no number.
    if result.magnitude < .infinity { return result }
    return try general(.number(x), y.isNaN ? context.takeMisfit() : .number(y), context)
  }

  /// The same for direct sides.
  @inline(__always)
  fileprivate final func direct(
    _ context: Context, _ calculate: (Double, Double) -> Double
  ) throws(ScriptError) -> Double {
    let result = calculate(x.direct(context), y.direct(context))
    return result.magnitude < .infinity ? result : try general(context)
  }

  @inline(never)
  private final func general(_ context: Context) throws(ScriptError) -> Double {
    try general(try left.eval(context), try right.eval(context), context)
  }

  @inline(never)
  private final func general(
    _ a: Value, _ b: Value, _ context: Context
  ) throws(ScriptError) -> Double {
    do throws(ScriptError) {
      let value = try Operators.apply(operation, a, b)
      if case .number(let number) = value { return number }
      context.misfit = value
      return .nan
    } catch {
      throw error.at(span)
    }
  }
}

private final class AddNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, +)
  }
}

private final class DirectAddNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try direct(context, +)
  }
}

private final class SubtractNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, -)
  }
}

private final class DirectSubtractNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try direct(context, -)
  }
}

private final class MultiplyNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, *)
  }
}

private final class DirectMultiplyNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try direct(context, *)
  }
}

private final class DivideNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, Numbers.quotient)
  }
}

private final class DirectDivideNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try direct(context, Numbers.quotient)
  }
}

private final class RemainderNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, Numbers.remainder)
  }
}

private final class DirectRemainderNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try direct(context, Numbers.remainder)
  }
}

/// Calculations that are more than one instruction.
enum Numbers {
  /// NaN for a division by zero.
  @inline(__always)
  static func quotient(_ x: Double, _ y: Double) -> Double { y == 0 ? .nan : x / y }

  /// The remainder, with the sign of the divisor; NaN for none.
  @inline(__always)
  static func remainder(_ x: Double, _ y: Double) -> Double {
    isSmallWhole(y) && y > 0 && isSmallWhole(x)
      ? smallRemainder(x, y) : anyRemainder(x, y)
  }

  /// Added and taken away again, it leaves no room for a fraction: 1.5 * 2^52.
  private static let rounding = 6_755_399_441_055_744.0

  @inline(__always)
  static func isSmallWhole(_ x: Double) -> Bool {
    x.magnitude < 1_073_741_824 && (x + rounding) - rounding == x
  }

  /// The remainder of numbers as nearly all are; the machine's own is many times slower.
  ///
  /// Of small whole numbers everything after the quotient is exact.
  @inline(__always)
  static func smallRemainder(_ x: Double, _ y: Double) -> Double {
    let quotient = (x / y + rounding) - rounding
    let rest = x - quotient * y
    return rest < 0 ? rest + y : rest
  }

  @inline(never)
  private static func anyRemainder(_ x: Double, _ y: Double) -> Double {
    guard y != 0 else { return .nan }
    let rest = x.truncatingRemainder(dividingBy: y)
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
  }
}

/// `< <= > >= is`, `is not`.
class ComparisonNode: Node, @unchecked Sendable {
  final let operation: BinaryOperator
  final let left: Node
  final let right: Node
  fileprivate final let x: Operand
  fileprivate final let y: Operand
  fileprivate init(_ operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    self.operation = operation
    self.left = left
    self.right = right
    x = Operand(left)
    y = Operand(right)
    super.init(span)
  }

  final override func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try condition(context))
  }

  /// Compares as numbers what are numbers.
  @inline(__always)
  fileprivate final func condition(
    _ context: Context, _ test: (Double, Double) -> Bool
  ) throws(ScriptError) -> Bool {
    let x = try x.number(context)
    if x.isNaN { return try general(context.takeMisfit(), try right.eval(context)) }
    let y = try y.number(context)
    if y.isNaN { return try general(.number(x), context.takeMisfit()) }
    return test(x, y)
  }

  /// The same for direct sides.
  @inline(__always)
  fileprivate final func direct(
    _ context: Context, _ test: (Double, Double) -> Bool
  ) throws(ScriptError) -> Bool {
    let x = x.direct(context)
    let y = y.direct(context)
    return x.isNaN || y.isNaN ? try general(context) : test(x, y)
  }

  @inline(never)
  fileprivate final func general(_ context: Context) throws(ScriptError) -> Bool {
    try general(try left.eval(context), try right.eval(context))
  }

  @inline(never)
  private final func general(_ a: Value, _ b: Value) throws(ScriptError) -> Bool {
    do throws(ScriptError) {
      if case .flag(let flag) = try Operators.apply(operation, a, b) { return flag }
      return false
    } catch {
      throw error.at(span)
    }
  }
}

private final class LessNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, <)
  }
}

private final class DirectLessNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context, <)
  }
}

private final class LessOrEqualNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, <=)
  }
}

private final class DirectLessOrEqualNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context, <=)
  }
}

private final class GreaterNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, >)
  }
}

private final class DirectGreaterNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context, >)
  }
}

private final class GreaterOrEqualNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, >=)
  }
}

private final class DirectGreaterOrEqualNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context, >=)
  }
}

private final class EqualNumbersNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, ==)
  }
}

private final class DirectEqualNumbersNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context, ==)
  }
}

private final class UnequalNumbersNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, !=)
  }
}

private final class DirectUnequalNumbersNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context, !=)
  }
}

/// `x % 3 is 0`, the commonest test inside a loop.
private final class RemainderIsNode: ComparisonNode, @unchecked Sendable {
  private let number: Operand
  private let divisor: Double
  private let rest: Double
  private let isNegated: Bool

  init?(testing operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    guard let remainder = left as? ArithmeticNode, remainder.operation == .remainder,
      remainder.x.isDirect, let divisor = (remainder.right as? NumberNode)?.value,
      divisor >= 1, Numbers.isSmallWhole(divisor), let rest = (right as? NumberNode)?.value
    else { return nil }
    number = remainder.x
    self.divisor = divisor
    self.rest = rest
    isNegated = operation == .isNotEqual
    super.init(operation, left, right, span)
  }

  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    let number = number.direct(context)
    guard Numbers.isSmallWhole(number) else { return try general(context) }
    return (Numbers.smallRemainder(number, divisor) == rest) != isNegated
  }
}

/// `is`, `is not` with a text that is written out.
private final class EqualTextNode: ComparisonNode, @unchecked Sendable {
  private let text: String
  private let isNegated: Bool

  init?(testing operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    guard case .text(let text)? = (right as? ConstantNode)?.value else { return nil }
    self.text = text
    isNegated = operation == .isNotEqual
    super.init(operation, left, right, span)
  }

  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    let value = try left.eval(context)
    if case .text(let other) = value { return (other == text) != isNegated }
    return Value.areEqual(value, .text(text)) != isNegated
  }
}

/// `is`, `is not` between any values.
private final class EqualNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    let a = try left.eval(context)
    return Value.areEqual(a, try right.eval(context)) == (operation == .isEqual)
  }
}

/// The other operators of two sides.
final class OperatorNode: Node, @unchecked Sendable {
  let operation: BinaryOperator
  let left: Node
  let right: Node
  init(_ operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    self.operation = operation
    self.left = left
    self.right = right
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let a = try left.eval(context)
    let b = try right.eval(context)
    do throws(ScriptError) {
      return try Operators.apply(operation, a, b)
    } catch {
      throw error.at(span)
    }
  }
}

final class NegateNode: Node, @unchecked Sendable {
  let inner: Node
  init(_ inner: Node, _ span: Span) {
    self.inner = inner
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let value = try inner.eval(context)
    switch value {
    case .number(let number): return .number(-number)
    case .duration(let duration): return .duration(DurationValue(seconds: -duration.seconds))
    default:
      throw ScriptError(
        code: "V306", message: "a minus takes a number, and this is \(value.kindName)", span: span)
    }
  }
}

extension BinaryOperator {
  /// The node of an operator.
  func node(_ left: Node, _ right: Node, _ span: Span) -> Node {
    let isDirect = Operand(left).isDirect && Operand(right).isDirect
    return switch self {
    case .add:
      isDirect ? DirectAddNode(self, left, right, span) : AddNode(self, left, right, span)
    case .subtract:
      isDirect ? DirectSubtractNode(self, left, right, span) : SubtractNode(self, left, right, span)
    case .multiply:
      isDirect ? DirectMultiplyNode(self, left, right, span) : MultiplyNode(self, left, right, span)
    case .divide:
      isDirect ? DirectDivideNode(self, left, right, span) : DivideNode(self, left, right, span)
    case .remainder:
      isDirect
        ? DirectRemainderNode(self, left, right, span) : RemainderNode(self, left, right, span)
    case .less:
      isDirect ? DirectLessNode(self, left, right, span) : LessNode(self, left, right, span)
    case .lessOrEqual:
      isDirect
        ? DirectLessOrEqualNode(self, left, right, span) : LessOrEqualNode(self, left, right, span)
    case .greater:
      isDirect ? DirectGreaterNode(self, left, right, span) : GreaterNode(self, left, right, span)
    case .greaterOrEqual:
      isDirect
        ? DirectGreaterOrEqualNode(self, left, right, span)
        : GreaterOrEqualNode(self, left, right, span)
    case .isEqual, .isNotEqual: equality(left, right, isDirect: isDirect, span)
    default: OperatorNode(self, left, right, span)
    }
  }

  private func equality(_ left: Node, _ right: Node, isDirect: Bool, _ span: Span) -> Node {
    if let node = RemainderIsNode(testing: self, left, right, span) { return node }
    if let node = EqualTextNode(testing: self, left, right, span) { return node }
    // Of two variables it is not known what they hold.
    guard left.isNumeric || right.isNumeric else { return EqualNode(self, left, right, span) }
    if self == .isEqual {
      return isDirect
        ? DirectEqualNumbersNode(self, left, right, span)
        : EqualNumbersNode(self, left, right, span)
    }
    return isDirect
      ? DirectUnequalNumbersNode(self, left, right, span)
      : UnequalNumbersNode(self, left, right, span)
  }
}
