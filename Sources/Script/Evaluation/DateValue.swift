import Foundation

/// A day or a moment, or a range of either, as ISO 8601 has it.
public struct DateValue: Sendable, Hashable {
  /// `2025-01-31`, or `2025-01-31T10:00` with seconds and offset where they are known.
  public var start: String
  /// The end of a range; `nil` for a single day or moment.
  public var end: String?
  /// The name of a time zone.
  public var zone: String?

  /// Creates a date from its parts, unchecked.
  public init(start: String, end: String? = nil, zone: String? = nil) {
    self.start = start
    self.end = end
    self.zone = zone
  }

  /// Reads an ISO 8601 day or moment; `nil` for what is none.
  public init?(parsing text: String) {
    guard DateValue.seconds(of: text) != nil else { return nil }
    self.init(start: text)
  }

  /// Whether it is a day without a time.
  public var isDay: Bool { start.utf8.count == 10 }

  /// Seconds since 1970; a day begins at midnight in UTC.
  public var seconds: Double { DateValue.seconds(of: start) ?? 0 }

  /// The date so much later, by the same clocks; a day moved by whole days stays a day.
  func adding(_ duration: DurationValue) -> DateValue? {
    guard let first = DateValue.moved(start, by: duration.seconds) else { return nil }
    var last: String?
    if let end {
      guard let moved = DateValue.moved(end, by: duration.seconds) else { return nil }
      last = moved
    }
    return DateValue(start: first, end: last, zone: zone)
  }

  private static func moved(_ text: String, by difference: Double) -> String? {
    let isDay = text.utf8.count == 10
    let suffix = offset(of: text)
    guard let old = seconds(of: text) else { return nil }
    let moved = old + suffix.seconds + difference
    // Years that have four digits.
    guard moved >= -62_135_596_800, moved < 253_402_300_800 else { return nil }
    let staysDay = isDay && difference.truncatingRemainder(dividingBy: 86_400) == 0
    let clock = DateValue.text(moved, isDay: staysDay)
    return staysDay ? clock : clock.dropLast() + suffix.text
  }

  /// What stands behind the time: `Z`, `+09:00` or nothing, and its seconds.
  private static func offset(of text: String) -> (text: String, seconds: Double) {
    guard text.utf8.count > 10,
      let mark = text.dropFirst(10).lastIndex(where: { "Z+-".contains($0) })
    else { return ("", 0) }
    let suffix = text[mark...]
    let digits = suffix.filter(\.isNumber)
    guard let hours = Double(digits.prefix(2)), let minutes = Double(digits.suffix(2)) else {
      return (String(suffix), 0)
    }
    return (String(suffix), (hours * 60 + minutes) * 60 * (suffix.first == "-" ? -1 : 1))
  }

  /// The parts of its start, by its own clocks.
  var parts: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
    let local = Int((seconds + DateValue.offset(of: start).seconds).rounded(.down))
    let days = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
    let rest = local - days * 86_400
    let (year, month, day) = DateValue.civil(days)
    return (year, month, day, rest / 3600, rest / 60 % 60, rest % 60)
  }

  /// The day of the week, 1 for Monday.
  var weekday: Int {
    let parts = parts
    let days = (DateValue(year: parts.year, month: parts.month, day: parts.day).seconds / 86_400)
    let place = (Int(days) + 3) % 7
    return (place < 0 ? place + 7 : place) + 1
  }

  init(year: Int, month: Int, day: Int) {
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    self.init(start: "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))")
  }

  /// The date so many months later; a day that is missing there is the month's last.
  func addingMonths(_ months: Int) -> DateValue? {
    let parts = parts
    let month = parts.year * 12 + parts.month - 1 + months
    guard month >= 12, month < 120_000 else { return nil }
    let (year, index) = (month / 12, month % 12)
    let day = min(parts.day, DateValue.lengths(year)[index])
    let moved = DateValue(year: year, month: index + 1, day: day).start
    return DateValue(start: moved + start.dropFirst(10), zone: zone)
  }

  /// The days of a year's months.
  static func lengths(_ year: Int) -> [Int] {
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  }

  /// The same moment by the clocks of a time zone.
  func moved(to zone: TimeZone) -> DateValue {
    func moved(_ text: String) -> String {
      guard let moment = DateValue.seconds(of: text) else { return text }
      let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: moment))
      let size = abs(offset) / 60
      func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
      let suffix =
        offset == 0 ? "Z" : "\(offset < 0 ? "-" : "+")\(two(size / 60)):\(two(size % 60))"
      return DateValue.text(moment + Double(offset), isDay: false).dropLast() + suffix
    }
    return DateValue(start: moved(start), end: end.map(moved), zone: self.zone)
  }

  private static let monthNames = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  private static let dayNames = [
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
  ]

  /// The date in a form of one's own, a part of those of Unicode's date field symbols.
  func formatted(_ form: String) -> String {
    let parts = parts
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let symbols: [(String, String)] = [
      ("yyyy", String(DateValue(year: parts.year, month: 1, day: 1).start.prefix(4))),
      ("yy", two(parts.year % 100)), ("MMMM", DateValue.monthNames[parts.month - 1]),
      ("MMM", String(DateValue.monthNames[parts.month - 1].prefix(3))),
      ("MM", two(parts.month)), ("M", "\(parts.month)"), ("dd", two(parts.day)),
      ("d", "\(parts.day)"), ("EEEE", DateValue.dayNames[weekday - 1]),
      ("EEE", String(DateValue.dayNames[weekday - 1].prefix(3))), ("HH", two(parts.hour)),
      ("H", "\(parts.hour)"), ("mm", two(parts.minute)), ("ss", two(parts.second)),
    ]
    var result = ""
    var rest = form[...]
    while let character = rest.first {
      if character == "'" {
        let words = rest.dropFirst().prefix { $0 != "'" }
        result += words.isEmpty ? "'" : String(words)
        rest = rest.dropFirst(words.count + 2)
      } else if let symbol = symbols.first(where: { rest.hasPrefix($0.0) }) {
        result += symbol.1
        rest = rest.dropFirst(symbol.0.count)
      } else {
        result.append(character)
        rest = rest.dropFirst()
      }
    }
    return result
  }

  /// The ISO 8601 form of seconds since 1970, in UTC.
  public static func text(_ seconds: Double, isDay: Bool) -> String {
    let whole = Int(seconds.rounded(.down))
    let days = whole >= 0 ? whole / 86_400 : (whole - 86_399) / 86_400
    let rest = whole - days * 86_400
    let (year, month, day) = civil(days)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let years = String(year)
    let date =
      String(repeating: "0", count: max(0, 4 - years.count)) + years + "-\(two(month))-\(two(day))"
    if isDay { return date }
    let clock = "T\(two(rest / 3600)):\(two(rest / 60 % 60))"
    return date + clock + (rest % 60 == 0 ? "" : ":\(two(rest % 60))") + "Z"
  }

  /// Year, month and day of a day since 1970, after Howard Hinnant's algorithm.
  static func civil(_ days: Int) -> (Int, Int, Int) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  static func seconds(of text: String) -> Double? {
    guard
      let match = text.wholeMatch(
        of:
          /(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?/
      ),
      let year = Int(match.1), let month = Int(match.2), let day = Int(match.3),
      (1...12).contains(month)
    else { return nil }
    guard (1...lengths(year)[month - 1]).contains(day) else { return nil }
    let hour = match.4.flatMap { Int($0) } ?? 0
    let minute = match.5.flatMap { Int($0) } ?? 0
    let second = match.6.flatMap { Int($0) } ?? 0
    guard hour < 24, minute < 60, second < 60 else { return nil }
    var offset = 0
    if let zone = match.7, zone != "Z" {
      let digits = zone.filter(\.isNumber)
      guard let hours = Int(digits.prefix(2)), let minutes = Int(digits.suffix(2)) else {
        return nil
      }
      offset = (hours * 60 + minutes) * 60 * (zone.hasPrefix("-") ? -1 : 1)
    }
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return Double(days * 86_400 + hour * 3600 + minute * 60 + second - offset)
  }

  /// The date as it prints.
  public var display: String { end.map { "\(start) → \($0)" } ?? start }
}

/// A length of time.
public struct DurationValue: Sendable, Hashable {
  /// Its length in seconds.
  public let seconds: Double

  static let units: [String: Double] = [
    "s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800,
  ]

  /// The duration in the largest unit that holds it whole: `2h`, `90s`.
  public var display: String {
    for (unit, size) in [("w", 604_800.0), ("d", 86_400), ("h", 3600), ("min", 60)]
    where seconds != 0 && seconds.truncatingRemainder(dividingBy: size) == 0 {
      return Value.number(seconds / size).display + unit
    }
    return Value.number(seconds).display + "s"
  }
}
