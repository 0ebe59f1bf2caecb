/// A value of the language; all but rows are immutable.
///
/// The rarer, larger kinds are boxed: every value that is passed on is copied, and a small one costs
/// a third of what a large one does.
public enum Value: Sendable {
  case nothing
  case flag(Bool)
  case number(Double)
  case text(String)
  indirect case date(DateValue)
  indirect case duration(DurationValue)
  case list([Value])
  case record(Record)
  case row(Row)
  indirect case query(Query)
  indirect case problem(Problem)
}

/// What a caught problem says of itself.
public struct Problem: Sendable {
  /// The stable code.
  public let code: String
  /// The sentence.
  public let message: String
  /// The row's title; `nil` outside a loop over rows.
  public let row: String?
  /// How often it was tried.
  public let attempts: Int
}

/// What one field of a row may hold.
public struct Field: Sendable, Hashable {
  /// The kinds a field can have.
  public enum Kind: Sendable, Hashable {
    case text
    case number
    case flag
    /// Text that is one of the options.
    case option
    /// A list of options.
    case options
    case date
    case list
    case any

    /// The word for it in messages.
    var word: String {
      switch self {
      case .text, .option: "text"
      case .number: "a number"
      case .flag: "true or false"
      case .options, .list: "a list"
      case .date: "a date"
      case .any: "a value"
      }
    }
  }

  /// Its name.
  public let name: String
  /// What it holds.
  public let kind: Kind
  /// Whether a script may assign to it.
  public let isWritable: Bool
  /// The options, where it has any.
  public let options: [String]
  /// The workspace's own word for its kind, for messages.
  public let typeName: String

  /// Creates a field.
  public init(name: String, kind: Kind, isWritable: Bool, options: [String] = [], typeName: String)
  {
    self.name = name
    self.kind = kind
    self.isWritable = isWritable
    self.options = options
    self.typeName = typeName
  }
}

/// What fields the rows of a database have.
public final class Shape: Sendable {
  /// What the database is called in messages.
  public let name: String
  /// The fields, the title first.
  public let fields: [Field]
  private let indexes: [String: Int]
  /// Tells it from all others; see ``PlaceGuess``.
  let identity = PlaceGuess.newIdentity()

  /// Creates a shape.
  public init(name: String, fields: [Field]) {
    self.name = name
    self.fields = fields
    indexes = Dictionary(
      fields.enumerated().map { ($0.element.name, $0.offset) },
      uniquingKeysWith: { first, _ in first })
  }

  /// The place of a field.
  public func index(of name: String) -> Int? { indexes[name] }

  /// The names of the fields.
  public var names: [String] { fields.map(\.name) }
}

/// A row of which no more than the title is known yet: the rest is read when it is asked for.
public struct RowReference: Sendable {
  /// Creates a mark.
  public init() {}
}

/// A row as it was read; assigning makes a new one.
///
/// People, files and places are rows, too: they have a name, an identity, and fields.
public final class Row: Sendable {
  /// Its identity in the workspace.
  public let id: String
  /// Its number in the table last shown.
  public let number: Int?
  /// Its title.
  public let title: String
  /// What fields it has.
  public let shape: Shape
  /// Their values, in the shape's order.
  public let values: [Value]
  /// What the host read it from.
  public let origin: (any Sendable)?

  /// Creates a row.
  public init(
    id: String, number: Int? = nil, title: String, shape: Shape, values: [Value],
    origin: (any Sendable)? = nil
  ) {
    self.id = id
    self.number = number
    self.title = title
    self.shape = shape
    self.values = values
    self.origin = origin
  }

  /// The value of a field; `nil` when there is no such field.
  public func value(of name: String) -> Value? {
    shape.index(of: name).flatMap { values.indices.contains($0) ? values[$0] : nil }
  }

  /// Whether a text is its title, its identity or its e-mail address.
  func goes(by text: String) -> Bool {
    if title == text || id == text { return true }
    guard case .text(let email)? = value(of: "email") else { return false }
    return email == text
  }

  /// The same row with another value.
  func replacing(_ index: Int, with value: Value) -> Row {
    var values = values
    if values.indices.contains(index) { values[index] = value }
    return Row(
      id: id, number: number, title: title, shape: shape, values: values, origin: origin)
  }

  /// The same row with a number.
  public func numbered(_ number: Int) -> Row {
    Row(id: id, number: number, title: title, shape: shape, values: values, origin: origin)
  }
}

extension Value {
  /// The text, if it is one.
  public var asText: String? { if case .text(let text) = self { text } else { nil } }
  /// The number, if it is one.
  public var asNumber: Double? { if case .number(let number) = self { number } else { nil } }
  /// The truth value, if it is one.
  public var asFlag: Bool? { if case .flag(let flag) = self { flag } else { nil } }
  /// The items, if it is a list.
  public var asList: [Value]? { if case .list(let items) = self { items } else { nil } }
  /// The record, if it is one.
  public var asRecord: Record? { if case .record(let record) = self { record } else { nil } }
  /// The row, if it is one.
  public var asRow: Row? { if case .row(let row) = self { row } else { nil } }
  /// The date, if it is one.
  public var asDate: DateValue? { if case .date(let date) = self { date } else { nil } }
  /// The query, if it is one.
  public var asQuery: Query? { if case .query(let query) = self { query } else { nil } }
  /// Whether it is `nothing`.
  public var isNothing: Bool { if case .nothing = self { true } else { false } }

  /// The word for its kind.
  public var kindName: String {
    switch self {
    case .nothing: "nothing"
    case .flag: "true or false"
    case .number: "a number"
    case .text: "text"
    case .date: "a date"
    case .duration: "a duration"
    case .list: "a list"
    case .record: "a record"
    case .row: "a row"
    case .query: "a query"
    case .problem: "a problem"
    }
  }

  /// Whether it is `nothing`, blank, or has nothing in it.
  public var isEmpty: Bool {
    switch self {
    case .nothing: true
    case .text(let text): text.allSatisfy(\.isWhitespace)
    case .list(let items): items.isEmpty
    case .record(let record): record.count == 0
    default: false
    }
  }

  /// The shortest form that reads back as the same number.
  static func digits(_ number: Double) -> String {
    if let whole = Int(exactly: number), abs(number) < 1e18 { return String(whole) }
    return "\(number)"
  }

  static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case let control where control.value < 0x20:
        let hex = String(control.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// -1, 0 or 1; `nil` for values that have no order.
  static func order(_ a: Value, _ b: Value) -> Int? {
    switch (a, b) {
    case (.number(let a), .number(let b)): a < b ? -1 : a > b ? 1 : a == b ? 0 : nil
    case (.text(let a), .text(let b)): a < b ? -1 : a > b ? 1 : 0
    case (.date(let a), .date(let b)):
      a.seconds < b.seconds ? -1 : a.seconds > b.seconds ? 1 : 0
    case (.duration(let a), .duration(let b)):
      a.seconds < b.seconds ? -1 : a.seconds > b.seconds ? 1 : 0
    case (.flag(let a), .flag(let b)): a == b ? 0 : a ? 1 : -1
    default: nil
    }
  }
}
