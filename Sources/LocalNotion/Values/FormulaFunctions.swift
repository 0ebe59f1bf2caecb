import Foundation

/// One call of a formula's function or operator.
///
/// - Source: Notion, “Formula syntax & functions”.
struct FormulaFunctions {
  typealias Problem = Formula.Problem

  let name: String
  let values: [FormulaValue]
  /// The time, in seconds since 1970.
  let now: Double

  /// The functions that are known; operators and `if`, `ifs`, `and`, `or` are computed by the tree.
  static let names: Set<String> = [
    "if", "ifs", "and", "or", "not", "empty", "format", "toNumber", "equal", "unequal",
    "concat", "length", "lower", "upper", "contains", "substring", "replaceAll", "replace", "test",
    "trim", "repeat", "padStart", "padEnd",
    "add", "subtract", "multiply", "divide", "mod", "pow", "round", "floor", "ceil", "abs", "sqrt",
    "cbrt", "exp", "ln", "log2", "log10", "sign", "min", "max", "sum", "mean", "median", "pi", "e",
    "now", "today", "year", "month", "date", "day", "week", "hour", "minute", "dateAdd",
    "dateSubtract", "dateBetween", "formatDate", "parseDate", "timestamp", "fromTimestamp",
  ]

  func value() throws -> FormulaValue {
    if let value = try text() { return value }
    if let value = try date() { return value }
    switch name {
    case ">": return .flag(try number(0) > number(1))
    case "<": return .flag(try number(0) < number(1))
    case ">=": return .flag(try number(0) >= number(1))
    case "<=": return .flag(try number(0) <= number(1))
    default: return .number(try computed())
    }
  }

  // MARK: - Arguments

  private func argument(_ index: Int) throws -> FormulaValue {
    guard values.indices.contains(index) else {
      throw Problem(description: "\(name) needs \(index + 1) arguments")
    }
    return values[index]
  }

  private func number(_ index: Int) throws -> Double {
    guard let number = try argument(index).number else {
      throw Problem(description: "\(name) takes numbers")
    }
    return number
  }

  private func whole(_ index: Int) throws -> Int {
    let value = try number(index)
    return Int(max(-1_000_000, min(1_000_000, value.isNaN ? 0 : value)))
  }

  private func moment(_ index: Int) throws -> Double {
    guard case .date(let text) = try argument(index), let moment = DateValues.moment(text) else {
      throw Problem(description: "\(name) takes a date")
    }
    return moment
  }

  private func isDay(_ index: Int) throws -> Bool {
    if case .date(let text) = try argument(index) { return DateValues.isDay(text) }
    return false
  }

  // MARK: - Texts and truth

  private func text() throws -> FormulaValue? {
    switch name {
    case "not": return .flag(try !argument(0).isTrue)
    case "empty":
      switch try argument(0) {
      case .nothing: return .flag(true)
      case .text(let text): return .flag(text.isEmpty)
      case .number(let number): return .flag(number == 0)
      case .flag(let flag): return .flag(!flag)
      case .date: return .flag(false)
      }
    case "==", "equal": return .flag(try argument(0).text == argument(1).text)
    case "!=", "unequal": return .flag(try argument(0).text != argument(1).text)
    case "concat", "format": return .text(values.map(\.text).joined())
    case "length": return .number(Double(try argument(0).text.utf16.count))
    case "lower": return .text(try argument(0).text.lowercased())
    case "upper": return .text(try argument(0).text.uppercased())
    case "trim": return .text(try argument(0).text.trimmingCharacters(in: .whitespacesAndNewlines))
    case "contains": return .flag(try argument(0).text.contains(argument(1).text))
    case "test":
      return .flag(try argument(0).text.firstMatch(of: pattern()) != nil)
    case "replace", "replaceAll":
      let replacement = try argument(2).text
      return .text(
        try argument(0).text.replacing(
          pattern(), maxReplacements: name == "replace" ? 1 : .max
        ) { match in FormulaFunctions.filled(replacement, match.output) })
    case "repeat":
      return .text(
        String(repeating: try argument(0).text, count: min(max(0, try whole(1)), 10_000)))
    case "padStart", "padEnd":
      let text = try argument(0).text
      let fill = values.count > 2 ? try argument(2).text : " "
      let missing = min(try whole(1), 10_000) - text.count
      guard missing > 0, !fill.isEmpty else { return .text(text) }
      let padding = String(
        String(repeating: fill, count: missing / fill.count + 1).prefix(missing))
      return .text(name == "padStart" ? padding + text : text + padding)
    case "substring":
      let text = Array(try argument(0).text)
      let start = min(max(0, try whole(1)), text.count)
      let end = values.count > 2 ? min(max(start, try whole(2)), text.count) : text.count
      return .text(String(text[start..<end]))
    case "+", "add":
      guard
        try [argument(0), argument(1)].contains(where: {
          if case .text = $0 { true } else { false }
        })
      else { return nil }
      return .text(values.map(\.text).joined())
    default: return nil
    }
  }

  /// The second argument as a regular expression.
  private func pattern() throws -> Regex<AnyRegexOutput> {
    do {
      return try Regex(argument(1).text)
    } catch {
      throw Problem(description: "\(name) has no regular expression")
    }
  }

  /// A replacement with `$1` and its like put in.
  private static func filled(_ text: String, _ found: AnyRegexOutput) -> String {
    text.replacing(/\$(\d|&)/) { mark in
      let index = mark.1 == "&" ? 0 : Int(mark.1) ?? 0
      guard index < found.count else { return String(mark.0) }
      return found[index].substring.map(String.init) ?? ""
    }
  }

  // MARK: - Dates

  private func date() throws -> FormulaValue? {
    var calendar = Calendar(identifier: .iso8601)
    calendar.timeZone = .gmt
    func part(_ component: Calendar.Component) throws -> FormulaValue {
      .number(
        Double(calendar.component(component, from: Date(timeIntervalSince1970: try moment(0)))))
    }
    switch name {
    case "now": return .date(FormulaFunctions.iso(now, isDay: false))
    case "today": return .date(FormulaFunctions.iso(now, isDay: true))
    case "year": return try part(.year)
    case "month": return try part(.month)
    case "date": return try part(.day)
    case "week": return try part(.weekOfYear)
    case "hour": return try part(.hour)
    case "minute": return try part(.minute)
    case "day":
      // Monday is 1; the calendar's Sunday is.
      let weekday = calendar.component(
        .weekday, from: Date(timeIntervalSince1970: try moment(0)))
      return .number(Double((weekday + 5) % 7 + 1))
    case "timestamp": return .number(try moment(0) * 1000)
    case "fromTimestamp":
      return .date(FormulaFunctions.iso(try number(0) / 1000, isDay: false))
    case "parseDate":
      let text = try argument(0).text
      return DateValues.moment(text) == nil ? .nothing : .date(text)
    case "dateAdd", "dateSubtract":
      let (component, factor) = try unit(2)
      let count = try whole(1) * factor * (name == "dateAdd" ? 1 : -1)
      let day = Date(timeIntervalSince1970: try moment(0))
      guard let moved = calendar.date(byAdding: component, value: count, to: day) else {
        return .nothing
      }
      let staysDay = try isDay(0) && component != .hour && component != .minute
      return .date(FormulaFunctions.iso(moved.timeIntervalSince1970, isDay: staysDay))
    case "dateBetween":
      let (component, factor) = try unit(2)
      let parts = calendar.dateComponents(
        [component], from: Date(timeIntervalSince1970: try moment(1)),
        to: Date(timeIntervalSince1970: try moment(0)))
      return .number(Double((parts.value(for: component) ?? 0) / factor))
    case "formatDate":
      return .text(FormulaFunctions.formatted(try moment(0), try argument(1).text, calendar))
    default: return nil
    }
  }

  private func unit(_ index: Int) throws -> (Calendar.Component, Int) {
    switch try argument(index).text {
    case "years", "year": return (.year, 1)
    case "quarters", "quarter": return (.month, 3)
    case "months", "month": return (.month, 1)
    case "weeks", "week": return (.day, 7)
    case "days", "day": return (.day, 1)
    case "hours", "hour": return (.hour, 1)
    case "minutes", "minute": return (.minute, 1)
    case let text: throw Problem(description: "\(name) by \(text) is not covered")
    }
  }

  private static func iso(_ moment: Double, isDay: Bool) -> String {
    let minute = Timestamp.minute(moment)
    return isDay ? String(minute.prefix(10)) : minute.replacing("Z", with: "+00:00")
  }

  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let days = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]

  /// A moment by a pattern such as `YYYY-MM-DD` or `MMMM D, YYYY`; `[…]` stays as it is.
  private static func formatted(_ moment: Double, _ pattern: String, _ calendar: Calendar) -> String
  {
    let parts = calendar.dateComponents(
      [.year, .month, .day, .hour, .minute, .second, .weekday],
      from: Date(timeIntervalSince1970: moment))
    let (year, month, day) = (parts.year ?? 0, parts.month ?? 1, parts.day ?? 1)
    let (hour, weekday) = (parts.hour ?? 0, parts.weekday ?? 1)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return pattern.replacing(
      /\[([^\]]*)\]|YYYY|YY|MMMM|MMM|MM|M|DD|D|dddd|ddd|HH|H|hh|h|mm|m|ss|s|A|a/
    ) { match in
      if let literal = match.1 { return String(literal) }
      switch match.0 {
      case "YYYY": return "\(year)"
      case "YY": return two(year % 100)
      case "MMMM": return months[(month - 1) % 12]
      case "MMM": return String(months[(month - 1) % 12].prefix(3))
      case "MM": return two(month)
      case "M": return "\(month)"
      case "DD": return two(day)
      case "D": return "\(day)"
      case "dddd": return days[(weekday - 1) % 7]
      case "ddd": return String(days[(weekday - 1) % 7].prefix(3))
      case "HH": return two(hour)
      case "H": return "\(hour)"
      case "hh": return two((hour + 11) % 12 + 1)
      case "h": return "\((hour + 11) % 12 + 1)"
      case "mm": return two(parts.minute ?? 0)
      case "m": return "\(parts.minute ?? 0)"
      case "ss": return two(parts.second ?? 0)
      case "s": return "\(parts.second ?? 0)"
      case "A": return hour < 12 ? "AM" : "PM"
      default: return hour < 12 ? "am" : "pm"
      }
    }
  }

  // MARK: - Numbers

  private func computed() throws -> Double {
    func all() throws -> [Double] { try values.indices.map { try number($0) } }
    switch name {
    case "negate": return try -number(0)
    case "+", "add": return try number(0) + number(1)
    case "-", "subtract": return try number(0) - number(1)
    case "*", "multiply": return try number(0) * number(1)
    case "/", "divide": return try number(0) / number(1)
    case "%", "mod": return try number(0).truncatingRemainder(dividingBy: number(1))
    case "^", "pow": return pow(try number(0), try number(1))
    case "toNumber":
      guard let number = try argument(0).number else {
        throw Problem(description: "no number")
      }
      return number
    case "round":
      // Halves go up, those below zero too.
      let places = values.count > 1 ? pow(10, try number(1)) : 1
      return (try number(0) * places + 0.5).rounded(.down) / places
    case "floor": return try number(0).rounded(.down)
    case "ceil": return try number(0).rounded(.up)
    case "abs": return abs(try number(0))
    case "sqrt": return try number(0).squareRoot()
    case "cbrt":
      // The C library's is off by a bit or two: a step of Newton's mends it.
      let root = cbrt(try number(0))
      return root == 0 ? 0 : root - (root * root * root - (try number(0))) / (3 * root * root)
    case "exp": return exp(try number(0))
    case "ln": return log(try number(0))
    case "log2": return log2(try number(0))
    case "log10": return log10(try number(0))
    case "sign": return try number(0) > 0 ? 1 : try number(0) < 0 ? -1 : 0
    case "pi": return .pi
    case "e": return M_E
    case "min": return try all().min() ?? 0
    case "max": return try all().max() ?? 0
    case "sum": return try all().reduce(0, +)
    case "mean": return try values.isEmpty ? 0 : all().reduce(0, +) / Double(values.count)
    case "median":
      let sorted = try all().sorted()
      guard !sorted.isEmpty else { return 0 }
      let middle = sorted.count / 2
      return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    default: throw Problem(description: "\(name) is not covered")
    }
  }
}
