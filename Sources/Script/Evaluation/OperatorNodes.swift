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

  /// The variable that a written number is added to or taken from, and that number.
  final var shift: (slot: Int, by: Double)? {
    guard operation == .add || operation == .subtract,
      let variable = left as? VariableNode, !variable.isGlobal, let number = right as? NumberNode
    else { return nil }
    return (variable.slot, operation == .add ? number.value : -number.value)
  }

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

/// `… % 3`: the divisor is written out.
private final class RemainderByNode: ArithmeticNode, @unchecked Sendable {
  private let divisor: Divisor

  init?(_ left: Node, _ right: Node, _ span: Span) {
    guard let divisor = Divisor(right) else { return nil }
    self.divisor = divisor
    super.init(.remainder, left, right, span)
  }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context) { x, y in
      Numbers.isSmallWhole(x) ? divisor.remainder(of: x) : Numbers.remainder(x, y)
    }
  }
}

/// A small whole number to divide by that is known before anything runs.
struct Divisor: Sendable {
  private let divisor: Double
  private let inverse: Double

  /// - Returns: `nil` where the node is no such number.
  init?(_ node: Node) {
    guard let divisor = (node as? NumberNode)?.value, divisor >= 1, Numbers.isSmallWhole(divisor)
    else { return nil }
    self.divisor = divisor
    inverse = 1 / divisor
  }

  /// The remainder of a small whole number.
  ///
  /// Multiplying by the inverse takes a third of a division's time. It is off by less than 2^-20, so
  /// that the whole quotient is at most one too large or small where the rest is about half of the
  /// divisor: that rest is right, or it is negative and the divisor is added.
  @inline(__always)
  func remainder(of x: Double) -> Double {
    let rest = x - Numbers.rounded(x * inverse) * divisor
    return rest < 0 ? rest + divisor : rest
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
    x.magnitude < 1_073_741_824 && rounded(x) == x
  }

  /// The nearest whole number of one that is not large.
  @inline(__always)
  static func rounded(_ x: Double) -> Double { (x + rounding) - rounding }

  /// The remainder of numbers as nearly all are; the machine's own is many times slower.
  ///
  /// Of small whole numbers everything after the quotient is exact.
  @inline(__always)
  static func smallRemainder(_ x: Double, _ y: Double) -> Double {
    let rest = x - rounded(x / y) * y
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
  /// Which of less, equal and greater make it true; one look at it tells, whatever the operator.
  private final let wanted: Relation
  fileprivate init(_ operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    self.operation = operation
    self.left = left
    self.right = right
    x = Operand(left)
    y = Operand(right)
    wanted =
      switch operation {
      case .less: .less
      case .lessOrEqual: [.less, .equal]
      case .greater: .greater
      case .greaterOrEqual: [.greater, .equal]
      case .isNotEqual: [.less, .greater]
      default: .equal
      }
    super.init(span)
  }

  /// How one number stands to another.
  private struct Relation: OptionSet {
    let rawValue: UInt8
    static let less = Relation(rawValue: 1)
    static let equal = Relation(rawValue: 2)
    static let greater = Relation(rawValue: 4)
  }

  @inline(__always)
  fileprivate final func holds(_ x: Double, _ y: Double) -> Bool {
    let relation: UInt8 = x < y ? 1 : x == y ? 2 : 4
    return wanted.rawValue & relation != 0
  }

  final override func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try condition(context))
  }

  /// Compares as numbers what are numbers.
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    let x = try x.number(context)
    if x.isNaN { return try general(context.takeMisfit(), try right.eval(context)) }
    let y = try y.number(context)
    if y.isNaN { return try general(.number(x), context.takeMisfit()) }
    return holds(x, y)
  }

  @inline(never)
  fileprivate final func general(_ context: Context) throws(ScriptError) -> Bool {
    try general(try left.eval(context), try right.eval(context))
  }

  @inline(never)
  fileprivate final func general(_ a: Value, _ b: Value) throws(ScriptError) -> Bool {
    do throws(ScriptError) {
      if case .flag(let flag) = try Operators.apply(operation, a, b) { return flag }
      return false
    } catch {
      throw error.at(span)
    }
  }
}

/// A comparison of direct sides.
final class DirectComparisonNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context)
  }

  @inline(__always)
  func direct(_ context: Context) throws(ScriptError) -> Bool {
    let x = x.direct(context)
    let y = y.direct(context)
    return x.isNaN || y.isNaN ? try general(context) : holds(x, y)
  }
}

/// `x % 3 is 0`, the commonest test inside a loop.
final class RemainderIsNode: ComparisonNode, @unchecked Sendable {
  private let number: Operand
  private let divisor: Divisor
  private let rest: Double
  private let isNegated: Bool

  fileprivate init?(testing operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    guard let remainder = left as? ArithmeticNode, remainder.operation == .remainder,
      remainder.x.isDirect, let divisor = Divisor(remainder.right),
      let rest = (right as? NumberNode)?.value
    else { return nil }
    number = remainder.x
    self.divisor = divisor
    self.rest = rest
    isNegated = operation == .isNotEqual
    super.init(operation, left, right, span)
  }

  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try direct(context)
  }

  @inline(__always)
  func direct(_ context: Context) throws(ScriptError) -> Bool {
    let number = number.direct(context)
    guard Numbers.isSmallWhole(number) else { return try general(context) }
    return (divisor.remainder(of: number) == rest) != isNegated
  }
}

/// `is`, `is not` with a text that is written out.
private final class EqualTextNode: ComparisonNode, @unchecked Sendable {
  private let text: String
  private let isNegated: Bool
  /// The left side, where it is a field.
  private let field: FieldNode?

  init?(testing operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    guard case .text(let text)? = (right as? ConstantNode)?.value else { return nil }
    self.text = text
    field = left as? FieldNode
    isNegated = operation == .isNotEqual
    super.init(operation, left, right, span)
  }

  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    if let place = field?.place(context), case .text(let other) = place.pointee {
      return (other == text) != isNegated
    }
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
      RemainderByNode(left, right, span)
        ?? (isDirect
          ? DirectRemainderNode(self, left, right, span) : RemainderNode(self, left, right, span))
    case .less, .lessOrEqual, .greater, .greaterOrEqual: comparison(left, right, span)
    case .isEqual, .isNotEqual: equality(left, right, span)
    default: OperatorNode(self, left, right, span)
    }
  }

  private func comparison(_ left: Node, _ right: Node, _ span: Span) -> Node {
    Operand(left).isDirect && Operand(right).isDirect
      ? DirectComparisonNode(self, left, right, span) : ComparisonNode(self, left, right, span)
  }

  private func equality(_ left: Node, _ right: Node, _ span: Span) -> Node {
    if let node = RemainderIsNode(testing: self, left, right, span) { return node }
    if let node = EqualTextNode(testing: self, left, right, span) { return node }
    // Of two variables it is not known what they hold.
    guard left.isNumeric || right.isNumeric else { return EqualNode(self, left, right, span) }
    return comparison(left, right, span)
  }
}
