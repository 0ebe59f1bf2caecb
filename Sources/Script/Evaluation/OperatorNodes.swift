/// `+ - * / %`.
///
/// Numbers, nearly always: they go from node to node as they are. What is none comes as NaN, and takes
/// the general way, which also has the words for what goes wrong.
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
    if x.isNaN { return try general(x, x, context) }
    let y = try y.number(context)
    let result = calculate(x, y)
    // What is no number makes no number.
    return result.magnitude < .infinity ? result : try general(x, y, context)
  }

  /// - Parameters: The sides; NaN for what is no number and stands in `context.misfit`. Where the left
  ///   one is none, the right one is not evaluated yet.
  @inline(never)
  private final func general(
    _ x: Double, _ y: Double, _ context: Context
  ) throws(ScriptError) -> Double {
    let a = x.isNaN ? context.takeMisfit() : .number(x)
    let b = x.isNaN ? try right.eval(context) : y.isNaN ? context.takeMisfit() : .number(y)
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

final class AddNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, +)
  }
}

final class SubtractNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, -)
  }
}

final class MultiplyNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, *)
  }
}

final class DivideNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context) { $1 == 0 ? .nan : $0 / $1 }
  }
}

final class RemainderNode: ArithmeticNode, @unchecked Sendable {
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(context, RemainderNode.remainder)
  }

  /// The remainder, with the sign of the divisor; NaN for none.
  ///
  /// Of whole numbers of some 30 bits, nearly always, it is found by multiplication: the quotient is
  /// rounded to a whole number by adding and taking away one that leaves no room for a fraction, and
  /// all that follows is exact. The machine's own remainder is many times slower.
  @inline(__always)
  private static func remainder(_ x: Double, _ y: Double) -> Double {
    let rounding = 6_755_399_441_055_744.0  // 1.5 * 2^52
    if x.magnitude < 1_073_741_824, (x + rounding) - rounding == x,
      y >= 1, y < 1_073_741_824, (y + rounding) - rounding == y
    {
      let quotient = (x / y + rounding) - rounding
      let rest = x - quotient * y
      return rest < 0 ? rest + y : rest
    }
    return anyRemainder(x, y)
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
    if x.isNaN { return try general(x, x, context) }
    let y = try y.number(context)
    if y.isNaN { return try general(x, y, context) }
    return test(x, y)
  }

  /// - Parameters: As those of arithmetic.
  @inline(never)
  private final func general(
    _ x: Double, _ y: Double, _ context: Context
  ) throws(ScriptError) -> Bool {
    let a = x.isNaN ? context.takeMisfit() : .number(x)
    let b = x.isNaN ? try right.eval(context) : y.isNaN ? context.takeMisfit() : .number(y)
    do throws(ScriptError) {
      if case .flag(let flag) = try Operators.apply(operation, a, b) { return flag }
      return false
    } catch {
      throw error.at(span)
    }
  }
}

final class LessNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, <)
  }
}

final class LessOrEqualNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, <=)
  }
}

final class GreaterNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, >)
  }
}

final class GreaterOrEqualNode: ComparisonNode, @unchecked Sendable {
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context, >=)
  }
}

/// `is`, `is not` between what are mostly numbers.
final class EqualNumbersNode: ComparisonNode, @unchecked Sendable {
  private let isNegated: Bool
  override init(_ operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    isNegated = operation == .isNotEqual
    super.init(operation, left, right, span)
  }
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try condition(context) { ($0 == $1) != isNegated }
  }
}

/// `is`, `is not` between any values.
final class EqualNode: ComparisonNode, @unchecked Sendable {
  private let isNegated: Bool
  override init(_ operation: BinaryOperator, _ left: Node, _ right: Node, _ span: Span) {
    isNegated = operation == .isNotEqual
    super.init(operation, left, right, span)
  }
  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    let a = try left.eval(context)
    return Value.areEqual(a, try right.eval(context)) != isNegated
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
    switch self {
    case .add: AddNode(self, left, right, span)
    case .subtract: SubtractNode(self, left, right, span)
    case .multiply: MultiplyNode(self, left, right, span)
    case .divide: DivideNode(self, left, right, span)
    case .remainder: RemainderNode(self, left, right, span)
    case .less: LessNode(self, left, right, span)
    case .lessOrEqual: LessOrEqualNode(self, left, right, span)
    case .greater: GreaterNode(self, left, right, span)
    case .greaterOrEqual: GreaterOrEqualNode(self, left, right, span)
    case .isEqual, .isNotEqual:
      if left.isNumeric || right.isNumeric {
        EqualNumbersNode(self, left, right, span)
      } else {
        EqualNode(self, left, right, span)
      }
    default: OperatorNode(self, left, right, span)
    }
  }
}
