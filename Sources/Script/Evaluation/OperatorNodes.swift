/// `+ - * / %`.
final class ArithmeticNode: Node, @unchecked Sendable {
  override var isNumeric: Bool { true }
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
    let number = try number(context)
    return number.isNaN ? context.misfit : .number(number)
  }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    let x = try left.number(context)
    if x.isNaN { return try general(context.misfit, try right.eval(context), context) }
    let y = try right.number(context)
    if y.isNaN { return try general(.number(x), context.misfit, context) }
    let result =
      switch operation {
      case .add: x + y
      case .subtract: x - y
      case .multiply: x * y
      case .divide: y == 0 ? .nan : x / y
      default: ArithmeticNode.remainder(x, y)
      }
    // What is not finite the general path has the words for.
    return result.isFinite ? result : try general(.number(x), .number(y), context)
  }

  /// The remainder, with the sign of the divisor; NaN for none.
  private static func remainder(_ x: Double, _ y: Double) -> Double {
    if x >= 0, y > 0, x <= 4_294_967_295, y <= 4_294_967_295 {
      // Small whole numbers, nearly always: the machine's own division is many times faster.
      let a = UInt32(x)
      let b = UInt32(y)
      if Double(a) == x, Double(b) == y { return Double(a % b) }
    }
    guard y != 0 else { return .nan }
    let rest = x.truncatingRemainder(dividingBy: y)
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
  }

  private func general(
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

/// `< <= > >= is`, `is not`.
final class ComparisonNode: Node, @unchecked Sendable {
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
    .flag(try condition(context))
  }

  override func condition(_ context: Context) throws(ScriptError) -> Bool {
    let x = try left.number(context)
    if x.isNaN { return try general(context.misfit, try right.eval(context)) }
    let y = try right.number(context)
    if y.isNaN { return try general(.number(x), context.misfit) }
    return switch operation {
    case .less: x < y
    case .lessOrEqual: x <= y
    case .greater: x > y
    case .greaterOrEqual: x >= y
    case .isEqual: x == y
    default: x != y
    }
  }

  private func general(_ a: Value, _ b: Value) throws(ScriptError) -> Bool {
    do throws(ScriptError) {
      if case .flag(let flag) = try Operators.apply(operation, a, b) { return flag }
      return false
    } catch {
      throw error.at(span)
    }
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
    case .add, .subtract, .multiply, .divide, .remainder:
      ArithmeticNode(self, left, right, span)
    case .less, .lessOrEqual, .greater, .greaterOrEqual, .isEqual, .isNotEqual:
      ComparisonNode(self, left, right, span)
    default: OperatorNode(self, left, right, span)
    }
  }
}
