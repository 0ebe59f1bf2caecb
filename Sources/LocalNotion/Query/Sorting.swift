import Transport

/// One sort of a query.
struct Sorting {
  enum Key {
    case property(Property)
    case created
    case edited
  }

  /// Where SQLite finds what a row is sorted by.
  enum Column {
    case created
    case edited
    case num(Int64)
    case key(Int64)
    /// Equal for every row.
    case constant
    /// Only known when it is computed: formulas and rollups.
    case computed
  }

  /// What a row is compared by.
  enum Value: Equatable {
    case empty
    case number(Double)
    /// A natural key.
    case text(String)
  }

  let key: Key
  let isAscending: Bool

  static func read(_ json: JSON?, schemas: PropertySchemas) throws -> [Sorting] {
    guard let json else { return [] }
    return try Check.array(json, at: "body.sorts").enumerated().map { index, sort in
      let path = "body.sorts[\(index)]"
      try Check.keys(sort, at: path, allowed: ["property", "timestamp", "direction"])
      let direction = try Check.string(sort["direction"], at: "\(path).direction")
      guard ["ascending", "descending"].contains(direction) else {
        throw Refusal.should(
          "\(path).direction", "`\"ascending\"` or `\"descending\"`", .string(direction))
      }
      let isAscending = direction == "ascending"
      if let stamp = sort["timestamp"] {
        switch stamp {
        case "created_time": return Sorting(key: .created, isAscending: isAscending)
        case "last_edited_time": return Sorting(key: .edited, isAscending: isAscending)
        default:
          throw Refusal.should(
            "\(path).timestamp", "`\"created_time\"` or `\"last_edited_time\"`", stamp)
        }
      }
      let name = try Check.string(sort["property"], at: "\(path).property")
      guard let property = schemas.find(name) else {
        throw Refusal.validation("Could not find sort property with name or id: \(name)")
      }
      return Sorting(key: .property(property), isAscending: isAscending)
    }
  }

  func column(in source: Record) -> Column {
    switch key {
    case .created: return .created
    case .edited: return .edited
    case .property(let property):
      switch property.type {
      case "created_time": return .created
      case "last_edited_time": return .edited
      case "formula", "rollup": return .computed
      case "number", "unique_id", "checkbox", "date", "select", "status", "multi_select":
        return .num(Cells.column(property, of: source))
      case "title", "rich_text", "url", "email", "phone_number":
        return .key(Cells.column(property, of: source))
      default: return .constant
      }
    }
  }

  /// What a row is compared by; the same as its cell says, where it has one.
  func value(of record: Record, in source: Record, _ call: Call) throws -> Value {
    switch (column(in: source), key) {
    case (.created, _): return .number(Double(record.sequence))
    case (.edited, _): return .number(record.edited)
    case (.num, .property(let property)):
      guard let number = Cell.of(property, in: record).first?.num, number.isFinite else {
        return .empty
      }
      return .number(number)
    case (.key, .property(let property)):
      guard let key = Cell.of(property, in: record).first?.key, key != Folding.last else {
        return .empty
      }
      return .text(key)
    case (.computed, .property(let property)):
      let plain = Plain(
        value: try PropertyValues.json(
          record.content["values"]?[property.id], of: property, page: record, call: call))
      if let number = plain.number ?? plain.date?.moment { return .number(number) }
      if let flag = plain.flag { return .number(flag ? 1 : 0) }
      return plain.text.isEmpty ? .empty : .text(Folding.naturalKey(plain.text))
    default: return .empty
    }
  }

  /// Where a row stands in an order: its values, and when it was made.
  struct Place {
    let values: [Value]
    let sequence: Int64
  }

  /// Whether a row comes before another.
  ///
  /// Rows that are equal by every sort come the newest first, and the oldest first when the first sort is descending, so that one order is the other's reverse.
  static func isBefore(_ a: Place, _ b: Place, by sorts: [Sorting]) -> Bool {
    for (position, sort) in sorts.enumerated() {
      switch compare(a.values[position], b.values[position]) {
      case 0: continue
      case let order: return sort.isAscending ? order < 0 : order > 0
      }
    }
    return sorts.first?.isAscending ?? true ? a.sequence > b.sequence : a.sequence < b.sequence
  }

  /// Empty values come last when ascending, and so first when descending.
  private static func compare(_ a: Value, _ b: Value) -> Int {
    switch (a, b) {
    case (.empty, .empty): 0
    case (.empty, _): 1
    case (_, .empty): -1
    case (.number(let a), .number(let b)): a < b ? -1 : a > b ? 1 : 0
    case (.text(let a), .text(let b)):
      // As SQLite compares.
      a.utf8.lexicographicallyPrecedes(b.utf8) ? -1 : a.utf8.elementsEqual(b.utf8) ? 0 : 1
    case (.number, .text): -1
    case (.text, .number): 1
    }
  }
}
