public import Foundation
public import HTTPTypes

/// How long a service asks to wait.
public enum RetryAfter {
  /// The wait that `retry-after-ms` or `Retry-After` names: milliseconds, seconds, or an HTTP date.
  ///
  /// - Parameter now: The time that a date counts from.
  /// - Returns: `nil` when neither is there or makes sense; never negative, at most a day.
  public static func wait(in fields: HTTPFields, now: Date = Date()) -> Duration? {
    if let name = HTTPField.Name("retry-after-ms"), let text = fields[name],
      let milliseconds = Double(text), milliseconds >= 0, milliseconds <= 86_400_000
    {
      return .milliseconds(milliseconds)
    }
    guard let text = fields[.retryAfter] else { return nil }
    if let seconds = Double(text.trimmingCharacters(in: .whitespaces)) {
      return seconds >= 0 && seconds <= 86_400 ? .seconds(seconds) : nil
    }
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(identifier: "GMT")
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
    guard let date = formatter.date(from: text) else { return nil }
    return .seconds(min(max(0, date.timeIntervalSince(now)), 86_400))
  }
}
