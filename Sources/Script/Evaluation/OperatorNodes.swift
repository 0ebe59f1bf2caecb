/// What an operator does with two numbers.
///
/// A result that is not finite means that the general path must look: it knows the words for it.
protocol NumberOperation {
  static var operation: BinaryOperator { get }
  static func apply(_ x: Double, _ y: Double) -> Double
}

enum Addition: NumberOperation {
  static let operation = BinaryOperator.add
  static func apply(_ x: Double, _ y: Double) -> Double { x + y }
}

enum Subtraction: NumberOperation {
  static let operation = BinaryOperator.subtract
  static func apply(_ x: Double, _ y: Double) -> Double { x - y }
}

enum Multiplication: NumberOperation {
  static let operation = BinaryOperator.multiply
  static func apply(_ x: Double, _ y: Double) -> Double { x * y }
}

enum Division: NumberOperation {
  static let operation = BinaryOperator.divide
  static func apply(_ x: Double, _ y: Double) -> Double { y == 0 ? .nan : x / y }
}

enum Remainder: NumberOperation {
  static let operation = BinaryOperator.remainder
  /// The remainder has the sign of the divisor.
  static func apply(_ x: Double, _ y: Double) -> Double {
    guard y != 0 else { return .nan }
    if abs(x) < 9e15, abs(y) < 9e15 {
      // Whole numbers, nearly always: the machine's own division is ten times faster than fmod.
      let a = Int(x)
      let b = Int(y)
      if Double(a) == x, Double(b) == y {
        let rest = a % b
        return Double(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
      }
    }
    let rest = x.truncatingRemainder(dividingBy: y)
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest
  }
}

/// `+ - * / %`.
final class ArithmeticNode<Operation: NumberOperation>: Node {
  let span: Span
  let left: any Node
  let right: any Node
  init(_ left: any Node, _ right: any Node, _ span: Span) {
    self.left = left
    self.right = right
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    let x = try left.number(context)
    guard !x.isNaN else {
      let a = context.misfit
      return try general(a, try right.eval(context))
    }
    let y = try right.number(context)
    guard !y.isNaN else { return try general(.number(x), context.misfit) }
    let result = Operation.apply(x, y)
    return result.isFinite ? .number(result) : try general(.number(x), .number(y))
  }

  func number(_ context: Context) throws(ScriptError) -> Double {
    let x = try left.number(context)
    if !x.isNaN {
      let y = try right.number(context)
      if !y.isNaN {
        let result = Operation.apply(x, y)
        if result.isFinite { return result }
        return try unwrapped(general(.number(x), .number(y)), context)
      }
      return try unwrapped(general(.number(x), context.misfit), context)
    }
    let a = context.misfit
    return try unwrapped(general(a, try right.eval(context)), context)
  }

  private func unwrapped(_ value: Value, _ context: Context) -> Double {
    if case .number(let number) = value { return number }
    context.misfit = value
    return .nan
  }

  private func general(_ a: Value, _ b: Value) throws(ScriptError) -> Value {
    do throws(ScriptError) {
      return try Operators.apply(Operation.operation, a, b)
    } catch {
      throw error.at(span)
    }
  }
}

/// How two numbers are compared.
protocol NumberComparison {
  static var operation: BinaryOperator { get }
  static func holds(_ x: Double, _ y: Double) -> Bool
}

enum Less: NumberComparison {
  static let operation = BinaryOperator.less
  static func holds(_ x: Double, _ y: Double) -> Bool { x < y }
}

enum LessOrEqual: NumberComparison {
  static let operation = BinaryOperator.lessOrEqual
  static func holds(_ x: Double, _ y: Double) -> Bool { x <= y }
}

enum Greater: NumberComparison {
  static let operation = BinaryOperator.greater
  static func holds(_ x: Double, _ y: Double) -> Bool { x > y }
}

enum GreaterOrEqual: NumberComparison {
  static let operation = BinaryOperator.greaterOrEqual
  static func holds(_ x: Double, _ y: Double) -> Bool { x >= y }
}

enum Equal: NumberComparison {
  static let operation = BinaryOperator.isEqual
  static func holds(_ x: Double, _ y: Double) -> Bool { x == y }
}

enum NotEqual: NumberComparison {
  static let operation = BinaryOperator.isNotEqual
  static func holds(_ x: Double, _ y: Double) -> Bool { x != y }
}

/// `< <= > >= is`, `is not`.
final class ComparisonNode<Comparison: NumberComparison>: Node {
  let span: Span
  let left: any Node
  let right: any Node
  init(_ left: any Node, _ right: any Node, _ span: Span) {
    self.left = left
    self.right = right
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value { .flag(try condition(context)) }

  func condition(_ context: Context) throws(ScriptError) -> Bool {
    let x = try left.number(context)
    guard !x.isNaN else {
      let a = context.misfit
      return try general(a, try right.eval(context))
    }
    let y = try right.number(context)
    guard !y.isNaN else { return try general(.number(x), context.misfit) }
    return Comparison.holds(x, y)
  }

  private func general(_ a: Value, _ b: Value) throws(ScriptError) -> Bool {
    do throws(ScriptError) {
      if case .flag(let flag) = try Operators.apply(Comparison.operation, a, b) { return flag }
      return false
    } catch {
      throw error.at(span)
    }
  }
}

/// The other operators of two sides.
final class OperatorNode: Node {
  let span: Span
  let operation: BinaryOperator
  let left: any Node
  let right: any Node
  init(_ operation: BinaryOperator, _ left: any Node, _ right: any Node, _ span: Span) {
    self.operation = operation
    self.left = left
    self.right = right
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    let a = try left.eval(context)
    let b = try right.eval(context)
    do throws(ScriptError) {
      return try Operators.apply(operation, a, b)
    } catch {
      throw error.at(span)
    }
  }
}

extension BinaryOperator {
  /// The node of an operator.
  func node(_ left: any Node, _ right: any Node, _ span: Span) -> any Node {
    switch self {
    case .add: ArithmeticNode<Addition>(left, right, span)
    case .subtract: ArithmeticNode<Subtraction>(left, right, span)
    case .multiply: ArithmeticNode<Multiplication>(left, right, span)
    case .divide: ArithmeticNode<Division>(left, right, span)
    case .remainder: ArithmeticNode<Remainder>(left, right, span)
    case .less: ComparisonNode<Less>(left, right, span)
    case .lessOrEqual: ComparisonNode<LessOrEqual>(left, right, span)
    case .greater: ComparisonNode<Greater>(left, right, span)
    case .greaterOrEqual: ComparisonNode<GreaterOrEqual>(left, right, span)
    case .isEqual: ComparisonNode<Equal>(left, right, span)
    case .isNotEqual: ComparisonNode<NotEqual>(left, right, span)
    default: OperatorNode(self, left, right, span)
    }
  }
}
