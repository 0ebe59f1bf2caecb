public import Transport

/// The narrow form in which properties meet filters, tables and scripts.
public enum Scalar: Sendable, Hashable {
  case none
  case text(String)
  case number(Double)
  case flag(Bool)
  /// ISO 8601 day or moment, its end if it is a range, and a time zone's name.
  case date(start: String, end: String?, zone: String?)
  case list([Scalar])
  /// A person, file, page or place: something with a name, and an identity behind it.
  indirect case named(Named)

  /// The scalar as people read it.
  public var text: String {
    switch self {
    case .none: ""
    case .text(let text): text
    case .number(let number): Int(exactly: number).map(String.init) ?? "\(number)"
    case .flag(let flag): flag ? "true" : "false"
    case .date(let start, let end, _): end.map { "\(start) → \($0)" } ?? start
    case .list(let items): items.map(\.text).joined(separator: ", ")
    case .named(let named): named.name.isEmpty ? named.id : named.name
    }
  }
}

/// Something that a property names: its identity counts, its name is for people.
public struct Named: Sendable, Hashable {
  /// What is named.
  public enum Kind: String, Sendable {
    case person, file, page, place, verification
  }

  /// One more thing that is known of it.
  public struct Detail: Sendable, Hashable {
    /// What it is called.
    public let name: String
    /// What it says.
    public let value: Scalar

    /// Creates a detail.
    public init(_ name: String, _ value: Scalar) {
      self.name = name
      self.value = value
    }
  }

  /// What is named.
  public let kind: Kind
  /// A person's or page's UUID, a file's address without what changes at each reading; else empty.
  public let id: String
  /// The name; empty when it is not known.
  public let name: String
  /// What else is known, in a fixed order.
  public let details: [Detail]
  /// The form in which Notion takes it back.
  public let payload: JSON

  /// Creates it.
  public init(kind: Kind, id: String, name: String, details: [Detail] = [], payload: JSON) {
    self.kind = kind
    self.id = id
    self.name = name
    self.details = details
    self.payload = payload
  }

  /// Whether two readings mean the same thing, whatever it is called by then.
  public static func == (a: Named, b: Named) -> Bool {
    a.kind == b.kind && a.id == b.id && (!a.id.isEmpty || a.name == b.name)
  }

  /// Hashes what makes it the same thing.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(id)
  }
}

/// Why a property cannot hold a value.
public struct PropertyError: Error, Sendable, CustomStringConvertible {
  /// What is wrong, in words that follow the property's name.
  public let message: String
  /// What a person can do.
  public let hint: String?
  /// The option that is missing, where making it would help.
  public let newOption: String?

  /// Creates an error.
  public init(_ message: String, hint: String? = nil, newOption: String? = nil) {
    self.message = message
    self.hint = hint
    self.newOption = newOption
  }

  /// The message.
  public var description: String { message }
}

/// Whether an option that the schema does not have is made or refused.
public enum NewOptions: String, Sendable {
  /// It is made.
  case allow
  /// It is refused with ``PropertyError/newOption`` set, so that a person can be asked.
  case ask
  /// It is refused.
  case deny
}
