import Foundation

extension Function {
  static let dateFunctions: [Function] = [
    Function(
      "add_months", .date,
      "The date so many months later; a day that is missing there is the month's last.",
      [Parameter("date", .date), Parameter("months", .number)], gives: .date,
      examples: [
        Example("add_months(2025-01-31, 1)", "2025-02-28"),
        Example("add_months(2025-03-15, -12)", "2024-03-15"),
      ]
    ) { values throws(ScriptError) in
      let date = try Argument.date(values, 0, "add_months")
      let months = try Argument.whole(values, 1, "add_months")
      guard let moved = date.addingMonths(months) else {
        throw ScriptError(code: "V305", message: "the date is out of range")
      }
      return .date(moved)
    },
    Function(
      "date", .date, "The date that a text spells; nothing when it spells none.",
      [Parameter("text")],
      gives: .any, examples: [Example("date(\"2025-01-31\") + 1d", "2025-02-01")]
    ) { values throws(ScriptError) in
      if let date = Argument.value(values, 0).asDate { return .date(date) }
      if !Argument.has(values, 0) { return .nothing }
      let text = try Argument.text(values, 0, "date").trimmingCharacters(in: .whitespaces)
      return DateValue(parsing: text).map(Value.date) ?? .nothing
    },
    Function(
      "day", .date, "The day of a date's month.", [Parameter("date", .date)], gives: .number,
      examples: [Example("day(2025-01-31)", "31")]
    ) { values throws(ScriptError) in
      .number(Double(try Argument.date(values, 0, "day").parts.day))
    },
    Function(
      "days", .date, "A duration in days.", [Parameter("duration", .duration)], gives: .number,
      examples: [Example("days(2025-03-01 - 2025-02-01)", "28"), Example("days(36h)", "1.5")]
    ) { values throws(ScriptError) in .number(try seconds(values, "days") / 86_400) },
    Function(
      "format", .date,
      "The date in a form of your own: yyyy yy MMMM MMM MM M dd d EEEE EEE HH H mm ss; words in '…'.",
      [Parameter("date", .date), Parameter("form", .text)], gives: .text,
      examples: [
        Example("format(2025-01-31, \"dd.MM.yyyy\")", "31.01.2025"),
        Example(
          "format(2025-01-31T09:05, \"EEEE, d MMMM 'at' H:mm\")", "Friday, 31 January at 9:05"),
      ]
    ) { values throws(ScriptError) in
      .text(
        try Argument.date(values, 0, "format").formatted(try Argument.text(values, 1, "format")))
    },
    Function(
      "hour", .date, "The hour of a moment, 0 to 23; of a day 0.", [Parameter("date", .date)],
      gives: .number, examples: [Example("hour(2025-01-31T10:30)", "10")]
    ) { values throws(ScriptError) in
      .number(Double(try Argument.date(values, 0, "hour").parts.hour))
    },
    Function(
      "in_zone", .date, "The moment by the clocks of a time zone.",
      [Parameter("date", .date), Parameter("zone", .text)], gives: .date,
      examples: [
        Example("in_zone(2025-01-31T10:00Z, \"Asia/Tokyo\")", "2025-01-31T19:00+09:00")
      ]
    ) { values throws(ScriptError) in
      let date = try Argument.date(values, 0, "in_zone")
      guard !date.isDay else {
        throw ScriptError(
          code: "V306", message: "in_zone takes a moment, and \(date.start) is a day",
          notes: ["a moment has a time: 2025-01-31T10:00"])
      }
      return .date(date.moved(to: try zone(values, 1, "in_zone")))
    },
    Function(
      "minute", .date, "The minute of a moment, 0 to 59; of a day 0.", [Parameter("date", .date)],
      gives: .number, examples: [Example("minute(2025-01-31T10:30)", "30")]
    ) { values throws(ScriptError) in
      .number(Double(try Argument.date(values, 0, "minute").parts.minute))
    },
    Function(
      "month", .date, "The month of a date, 1 to 12.", [Parameter("date", .date)], gives: .number,
      examples: [Example("month(2025-01-31)", "1")]
    ) { values throws(ScriptError) in
      .number(Double(try Argument.date(values, 0, "month").parts.month))
    },
    Function(
      "now", .date, "This moment, in UTC or by the clocks of a time zone.",
      [Parameter("zone", .text, optional: true)], gives: .date,
      examples: [Example("kind(now())", "date")]
    ) { values throws(ScriptError) in
      let now = DateValue(start: DateValue.text(Date().timeIntervalSince1970, isDay: false))
      return .date(Argument.has(values, 0) ? now.moved(to: try zone(values, 0, "now")) : now)
    },
    Function(
      "seconds", .date, "A duration in seconds.", [Parameter("duration", .duration)],
      gives: .number,
      examples: [Example("seconds(2min)", "120")]
    ) { values throws(ScriptError) in .number(try seconds(values, "seconds")) },
    Function(
      "start_of", .date, "The first day of the week (Monday), month or year in which a date lies.",
      [Parameter("date", .date), Parameter("unit", .text)], gives: .date,
      examples: [
        Example("start_of(2025-01-31, \"month\")", "2025-01-01"),
        Example("start_of(2025-01-31, \"week\")", "2025-01-27"),
      ]
    ) { values throws(ScriptError) in
      let date = try Argument.date(values, 0, "start_of")
      let (year, month, day) = (date.parts.year, date.parts.month, date.parts.day)
      let unit = try Argument.text(values, 1, "start_of")
      switch unit {
      case "year": return .date(DateValue(year: year, month: 1, day: 1))
      case "month": return .date(DateValue(year: year, month: month, day: 1))
      case "week":
        let today = DateValue(year: year, month: month, day: day)
        let back = DurationValue(seconds: -86_400 * Double(today.weekday - 1))
        return .date(today.adding(back) ?? today)
      default:
        throw ScriptError(
          code: "V306", message: "start_of takes week, month or year, not “\(unit.prefix(20))”")
      }
    },
    Function(
      "today", .date, "Today's day, by the machine's time zone or another.",
      [Parameter("zone", .text, optional: true)], gives: .date,
      examples: [Example("length(text(today()))", "10")]
    ) { values throws(ScriptError) in
      let zone = Argument.has(values, 0) ? try zone(values, 0, "today") : TimeZone.current
      let now = Date()
      let offset = Double(zone.secondsFromGMT(for: now))
      return .date(
        DateValue(start: DateValue.text(now.timeIntervalSince1970 + offset, isDay: true)))
    },
    Function(
      "weekday", .date, "The day of the week, 1 for Monday to 7 for Sunday.",
      [Parameter("date", .date)], gives: .number, examples: [Example("weekday(2025-01-31)", "5")]
    ) { values throws(ScriptError) in
      .number(Double(try Argument.date(values, 0, "weekday").weekday))
    },
    Function(
      "year", .date, "The year of a date.", [Parameter("date", .date)], gives: .number,
      examples: [Example("year(2025-01-31)", "2025")]
    ) { values throws(ScriptError) in
      .number(Double(try Argument.date(values, 0, "year").parts.year))
    },
  ]

  private static func seconds(_ values: [Value], _ name: String) throws(ScriptError) -> Double {
    guard case .duration(let duration) = Argument.value(values, 0) else {
      throw Argument.wrong(values, 0, name, "a duration", "write it as 2h, or later - earlier")
    }
    return duration.seconds
  }

  private static func zone(
    _ values: [Value], _ index: Int, _ name: String
  ) throws(ScriptError) -> TimeZone {
    let identifier = try Argument.text(values, index, name)
    if identifier == "UTC", let utc = TimeZone(secondsFromGMT: 0) { return utc }
    // Foundation takes any abbreviation, and a path where it looks for files of zones.
    guard identifier.contains("/"), !identifier.contains(".."),
      let zone = TimeZone(identifier: identifier)
    else {
      let near = NearestWord.nearest(to: identifier, among: TimeZone.knownTimeZoneIdentifiers)
      throw ScriptError(
        code: "V306", message: "there is no time zone called “\(identifier.prefix(40))”",
        notes: near.map { ["did you mean “\($0)”?"] } ?? [
          "for example: Asia/Tokyo, Europe/Berlin, UTC"
        ])
    }
    return zone
  }
}
