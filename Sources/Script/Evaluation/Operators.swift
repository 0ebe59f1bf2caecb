/// What operators do with values; nothing is converted silently.
enum Operators {
  static func apply(_ operation: BinaryOperator, _ a: Value, _ b: Value) throws(ScriptError)
    -> Value
  {
    switch operation {
    case .add: return try add(a, b)
    case .subtract: return try subtract(a, b)
    case .multiply, .divide, .remainder: return try arithmetic(operation, a, b)
    case .isEqual: return .flag(Value.areEqual(a, b))
    case .isNotEqual: return .flag(!Value.areEqual(a, b))
    case .less, .lessOrEqual, .greater, .greaterOrEqual: return try compare(operation, a, b)
    case .contains: return .flag(try contains(a, b))
    case .notContains: return .flag(try !contains(a, b))
    case .isIn: return .flag(try contains(b, a))
    case .isNotIn: return .flag(try !contains(b, a))
    case .startsWith: return .flag(try texts(a, b, "starts with") { $0.hasPrefix($1) })
    case .endsWith: return .flag(try texts(a, b, "ends with") { $0.hasSuffix($1) })
    case .matches: return .flag(try matches(a, b))
    case .range: return try range(a, b)
    case .and, .or, .orElse: return .nothing
    }
  }

  private static func misfit(_ operation: String, _ a: Value, _ b: Value, _ notes: [String])
    -> ScriptError
  {
    if a.isNothing || b.isNothing {
      return ScriptError(
        code: "V303", message: "nothing cannot be used with \(operation)",
        notes: ["give it a value: x ?? 0"])
    }
    return ScriptError(
      code: "V207", message: "\(operation) cannot take \(a.kindName) and \(b.kindName)",
      notes: notes)
  }

  private static func add(_ a: Value, _ b: Value) throws(ScriptError) -> Value {
    switch (a, b) {
    case (.number(let a), .number(let b)): return .number(try finite(a + b))
    case (.text(let a), .text(let b)):
      try Limits.check(text: a.utf8.count + b.utf8.count)
      return .text(a + b)
    case (.list(let a), .list(let b)):
      try Limits.check(list: a.count + b.count)
      return .list(a + b)
    case (.list(let a), let item):
      try Limits.check(list: a.count + 1)
      return .list(a + [item])
    case (.duration(let a), .duration(let b)):
      return .duration(DurationValue(seconds: a.seconds + b.seconds))
    case (.date(let date), .duration(let duration)), (.duration(let duration), .date(let date)):
      guard let moved = date.adding(duration) else {
        throw ScriptError(code: "V305", message: "the date is out of range")
      }
      return .date(moved)
    case (.text, _), (_, .text):
      throw misfit("+", a, b, ["to put a value into a text write \"… {value}\""])
    default: throw misfit("+", a, b, [])
    }
  }

  private static func subtract(_ a: Value, _ b: Value) throws(ScriptError) -> Value {
    switch (a, b) {
    case (.number(let a), .number(let b)): return .number(try finite(a - b))
    case (.date(let a), .date(let b)):
      return .duration(DurationValue(seconds: a.seconds - b.seconds))
    case (.date(let date), .duration(let duration)):
      guard let moved = date.adding(DurationValue(seconds: -duration.seconds)) else {
        throw ScriptError(code: "V305", message: "the date is out of range")
      }
      return .date(moved)
    case (.duration(let a), .duration(let b)):
      return .duration(DurationValue(seconds: a.seconds - b.seconds))
    case (.list(let a), .list(let b)):
      return .list(a.filter { item in !b.contains { Value.areEqual($0, item) } })
    default: throw misfit("-", a, b, [])
    }
  }

  private static func arithmetic(
    _ operation: BinaryOperator, _ a: Value, _ b: Value
  ) throws(ScriptError) -> Value {
    if case .duration(let duration) = a, case .number(let factor) = b, operation != .remainder {
      guard operation == .multiply || factor != 0 else {
        throw ScriptError(code: "V305", message: "division by zero")
      }
      let seconds = operation == .multiply ? duration.seconds * factor : duration.seconds / factor
      return .duration(DurationValue(seconds: try finite(seconds)))
    }
    if operation == .multiply, case .number(let factor) = a, case .duration(let duration) = b {
      return .duration(DurationValue(seconds: try finite(duration.seconds * factor)))
    }
    guard case .number(let x) = a, case .number(let y) = b else {
      throw misfit(operation.rawValue, a, b, [])
    }
    switch operation {
    case .multiply: return .number(try finite(x * y))
    case .divide:
      guard y != 0 else { throw ScriptError(code: "V305", message: "division by zero") }
      return .number(try finite(x / y))
    default:
      guard y != 0 else { throw ScriptError(code: "V305", message: "division by zero") }
      let rest = x.truncatingRemainder(dividingBy: y)
      return .number(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest)
    }
  }

  private static func finite(_ number: Double) throws(ScriptError) -> Double {
    guard number.isFinite else {
      throw ScriptError(code: "V305", message: "the number is too large")
    }
    return number
  }

  /// An empty cell does not match, as in a Notion filter.
  private static func compare(
    _ operation: BinaryOperator, _ a: Value, _ b: Value
  ) throws(ScriptError) -> Value {
    if a.isNothing || b.isNothing { return .flag(false) }
    var right = b
    if case .date = a, case .text(let text) = b, let date = DateValue(parsing: text) {
      right = .date(date)
    }
    guard let order = Value.order(a, right) else {
      throw misfit(operation.rawValue, a, b, ["compare values of one kind"])
    }
    switch operation {
    case .less: return .flag(order < 0)
    case .lessOrEqual: return .flag(order <= 0)
    case .greater: return .flag(order > 0)
    default: return .flag(order >= 0)
    }
  }

  /// A text for comparison: case and full or half width make no difference.
  static func folded(_ text: String) -> String {
    var result = ""
    for scalar in text.lowercased().unicodeScalars {
      switch scalar.value {
      case 0xFF01...0xFF5E:
        if let half = Unicode.Scalar(scalar.value - 0xFEE0) { result.unicodeScalars.append(half) }
      case 0x3000: result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result.lowercased()
  }

  private static func contains(_ whole: Value, _ part: Value) throws(ScriptError) -> Bool {
    switch whole {
    case .list(let items): return items.contains { Value.areEqual($0, part) }
    case .text(let text):
      guard case .text(let wanted) = part else {
        if part.isNothing { return false }
        throw misfit("contains", whole, part, ["write \"{x}\" to make a text of it"])
      }
      return wanted.isEmpty || folded(text).contains(folded(wanted))
    case .record(let record):
      guard case .text(let name) = part else { return false }
      return record[name] != nil
    case .nothing: return false
    default: throw misfit("contains", whole, part, [])
    }
  }

  private static func texts(
    _ a: Value, _ b: Value, _ operation: String, _ test: (String, String) -> Bool
  ) throws(ScriptError) -> Bool {
    if a.isNothing || b.isNothing { return false }
    guard case .text(let x) = a, case .text(let y) = b else { throw misfit(operation, a, b, []) }
    return test(folded(x), folded(y))
  }

  private static func matches(_ a: Value, _ b: Value) throws(ScriptError) -> Bool {
    if a.isNothing { return false }
    guard case .text(let text) = a, case .text(let pattern) = b else {
      throw misfit("matches", a, b, [])
    }
    return try Patterns.matches(text, pattern)
  }

  private static func range(_ a: Value, _ b: Value) throws(ScriptError) -> Value {
    let (from, to) = try bounds(a, b)
    return .list(from <= to ? (from...to).map { .number(Double($0)) } : [])
  }

  /// The whole numbers that a range goes from and to, both included.
  static func bounds(
    _ a: Value, _ b: Value, at span: Span? = nil, isList: Bool = true
  ) throws(ScriptError) -> (from: Int, to: Int) {
    guard case .number(let x) = a, case .number(let y) = b, let from = Int(exactly: x),
      let to = Int(exactly: y)
    else {
      let odd = [a, b].first { $0.asNumber.flatMap { Int(exactly: $0) } == nil } ?? a
      let error = ScriptError(
        code: "V306",
        message: odd.asNumber == nil
          ? "a range goes from one number to another, and this is \(odd.kindName)"
          : "a range goes from one whole number to another, and \(odd.display) is none",
        notes: ["for example: 1..10"])
      throw span.map(error.at) ?? error
    }
    // Numbers beyond are not all whole numbers any more.
    guard !isList || from > to || to - from < Limits.list, abs(from) <= 1 << 53, abs(to) <= 1 << 53
    else {
      let error = ScriptError(
        code: "V314", message: "a list would have more than ten million items",
        notes: ["go through the numbers one by one: for x in 1..n { … }"])
      throw span.map(error.at) ?? error
    }
    return (from, to)
  }
}
