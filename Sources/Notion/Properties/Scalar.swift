/// The narrow form in which properties meet filters, tables and scripts.
public enum Scalar: Sendable, Hashable {
  case none
  case text(String)
  case number(Double)
  case flag(Bool)
  /// ISO 8601 day or moment, its end if it is a range, and a time zone's name.
  case date(start: String, end: String?, zone: String?)
  case list([Scalar])

  /// The scalar as people read it.
  public var text: String {
    switch self {
    case .none: ""
    case .text(let text): text
    case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
    case .flag(let flag): flag ? "true" : "false"
    case .date(let start, let end, _): end.map { "\(start) → \($0)" } ?? start
    case .list(let items): items.map(\.text).joined(separator: ", ")
    }
  }
}

/// Why a property cannot hold a value.
public struct PropertyError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, in words that follow the property's name.
  public let message: String
  /// What a person can do.
  public let hint: String?

  /// Creates an error.
  public init(_ message: String, hint: String? = nil) {
    self.message = message
    self.hint = hint
  }

  /// The message.
  public var description: String { message }
}

/// Whether an option that the schema does not have is made or refused.
public enum NewOptions: Sendable {
  case allow
  case deny
}
