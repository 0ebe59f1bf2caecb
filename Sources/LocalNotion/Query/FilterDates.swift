import Foundation
import Transport

extension Filter {
  /// Reads a condition on dates and moments.
  ///
  /// The windows that roll take in today and the day at their other end, whole days of UTC; a week
  /// begins on Sunday, which is unproven.
  static func date(_ json: JSON, at path: String, _ now: Double) throws -> Test {
    let members = try Check.object(json, at: path)
    guard let word = members.names.first, members.count == 1, let value = members[word] else {
      throw Refusal.validation("body failed validation: \(path) should have exactly one condition.")
    }
    let place = "\(path).\(word)"
    let day = 86_400.0
    let today = (now / day).rounded(.down) * day
    if word == "is_empty" || word == "is_not_empty" {
      guard value == true else { throw Refusal.should(place, "`true`", value) }
      return .isEmpty(word == "is_empty")
    }
    if let window = window(word, today: today) {
      guard value.members?.isEmpty ?? false else { throw Refusal.should(place, "`{}`", value) }
      return .date(.within(window.0, window.1))
    }
    guard
      ["equals", "before", "after", "on_or_before", "on_or_after"].contains(word)
    else { throw Refusal.absent(place, value) }
    let text = try Check.string(value, at: place)
    let start: Double
    let isDay: Bool
    if let relative = relative(text, today: today) {
      start = relative
      isDay = true
    } else if let moment = DateValues.moment(text) {
      isDay = DateValues.isDay(text)
      start = isDay ? moment : (moment / 60).rounded(.down) * 60
    } else {
      throw Refusal.should(place, "a valid ISO 8601 date string", value)
    }
    let end = start + (isDay ? day : 60)
    return switch word {
    case "equals": .date(.within(start, end))
    case "before": .date(.before(start))
    case "after": .date(.from(end))
    case "on_or_before": .date(.before(end))
    default: .date(.from(start))
    }
  }

  private static func window(_ word: String, today: Double) -> (Double, Double)? {
    let day = 86_400.0
    switch word {
    case "past_week": return (today - 7 * day, today + day)
    case "past_month": return (shifted(today, months: -1), today + day)
    case "past_year": return (shifted(today, months: -12), today + day)
    case "next_week": return (today, today + 8 * day)
    case "next_month": return (today, shifted(today, months: 1) + day)
    case "next_year": return (today, shifted(today, months: 12) + day)
    case "this_week":
      // Day 0 of the era, 1970-01-01, was a Thursday.
      let number = (today / day).truncatingRemainder(dividingBy: 7) + 11
      let start = today - number.truncatingRemainder(dividingBy: 7) * day
      return (start, start + 7 * day)
    default: return nil
    }
  }

  private static func relative(_ word: String, today: Double) -> Double? {
    let day = 86_400.0
    switch word {
    case "today": return today
    case "tomorrow": return today + day
    case "yesterday": return today - day
    case "one_week_ago": return today - 7 * day
    case "one_week_from_now": return today + 7 * day
    case "one_month_ago": return shifted(today, months: -1)
    case "one_month_from_now": return shifted(today, months: 1)
    default: return nil
    }
  }

  /// The same day of another month, or its last one.
  private static func shifted(_ day: Double, months: Int) -> Double {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar.date(
      byAdding: .month, value: months, to: Date(timeIntervalSince1970: day)
    )?.timeIntervalSince1970 ?? day
  }
}
