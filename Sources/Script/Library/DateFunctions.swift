import Foundation

extension Function {
  static let dateFunctions: [Function] = [
    Function(
      "day", "The day of a date's month.", [Parameter("date")],
      examples: [Example("day(2025-01-31)", "31")]
    ) { values throws(ScriptError) in .number(Double(civil(try Argument.date(values, 0, "day")).2))
    },
    Function(
      "month", "The month of a date, 1 to 12.", [Parameter("date")],
      examples: [Example("month(2025-01-31)", "1")]
    ) { values throws(ScriptError) in
      .number(Double(civil(try Argument.date(values, 0, "month")).1))
    },
    Function(
      "now", "This moment, in UTC.", [], examples: []
    ) { _ throws(ScriptError) in
      .date(DateValue(start: DateValue.text(Date().timeIntervalSince1970, isDay: false)))
    },
    Function(
      "today", "Today's day, by the machine's clock and time zone.", [], examples: []
    ) { _ throws(ScriptError) in
      let now = Date()
      let offset = Double(TimeZone.current.secondsFromGMT(for: now))
      return .date(
        DateValue(start: DateValue.text(now.timeIntervalSince1970 + offset, isDay: true)))
    },
    Function(
      "year", "The year of a date.", [Parameter("date")],
      examples: [Example("year(2025-01-31)", "2025")]
    ) { values throws(ScriptError) in .number(Double(civil(try Argument.date(values, 0, "year")).0))
    },
  ]

  private static func civil(_ date: DateValue) -> (Int, Int, Int) {
    DateValue.civil(Int((date.seconds / 86_400).rounded(.down)))
  }
}
