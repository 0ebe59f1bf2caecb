/// Days and moments as ISO 8601 spells them.
public enum ISODate {
  /// Whether a text is a day of the calendar, `2025-01-31`, or a moment, `2025-01-31T10:00`, with
  /// seconds, fractions and an offset or not.
  ///
  /// 31 February is no day, and neither is 29 February of most years.
  public static func isValid(_ text: String) -> Bool {
    guard
      let match = text.wholeMatch(
        of:
          /(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?/
      ),
      let year = Int(match.1), let month = Int(match.2), let day = Int(match.3)
    else { return false }
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...12).contains(month), (1...lengths[month - 1]).contains(day) else { return false }
    if let hour = match.4.flatMap({ Int($0) }), hour > 23 { return false }
    if let minute = match.5.flatMap({ Int($0) }), minute > 59 { return false }
    if let second = match.6.flatMap({ Int($0) }), second > 59 { return false }
    return true
  }
}
