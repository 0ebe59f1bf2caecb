import Transport

/// One sort of a query.
struct Sorting {
  private enum Key {
    case property(Property)
    case created
    case edited
  }

  /// What a row is compared by; empty ones come last when ascending.
  private enum Value {
    case empty
    case number(Double)
    case text(String)
  }

  private let key: Key
  private let isAscending: Bool

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

  /// Sorts rows; equal ones keep their order.
  static func sort(
    _ records: [Record], by sorts: [Sorting], _ schemas: PropertySchemas, _ call: Call
  ) throws -> [Record] {
    let keyed = try records.enumerated().map { index, record in
      (record: record, index: index, values: try sorts.map { try $0.value(of: record, call) })
    }
    return keyed.sorted { a, b in
      for (position, sort) in sorts.enumerated() {
        switch compare(a.values[position], b.values[position]) {
        case 0: continue
        case let order: return sort.isAscending ? order < 0 : order > 0
        }
      }
      return a.index < b.index
    }.map(\.record)
  }

  private func value(of record: Record, _ call: Call) throws -> Value {
    switch key {
    case .created: return .number(Double(record.sequence))
    case .edited: return .number(record.edited)
    case .property(let property):
      let stored = record.content["values"]?[property.id]
      switch property.type {
      case "formula", "rollup":
        let plain = Plain(
          value: try PropertyValues.json(stored, of: property, page: record, call: call))
        if let number = plain.number ?? plain.date?.moment { return .number(number) }
        return plain.text.isEmpty ? .empty : .text(plain.text)
      case "number": return stored?.double.map(Value.number) ?? .empty
      case "checkbox": return .number(stored?.bool == true ? 1 : 0)
      case "select", "status", "multi_select":
        let id = property.type == "multi_select" ? stored?[0] : stored
        let options = property.config["options"]?.array ?? []
        guard let id, let index = options.firstIndex(where: { $0["id"] == id }) else {
          return .empty
        }
        return .number(Double(index))
      case "date":
        return (stored?["start"]?.string).flatMap(DateValues.moment).map(Value.number) ?? .empty
      case "created_time": return .number(Double(record.sequence))
      case "last_edited_time": return .number(record.edited)
      case "unique_id": return record.content["number"]?.double.map(Value.number) ?? .empty
      case "title", "rich_text":
        let text = RichTextValue.text(stored)
        return text.isEmpty ? .empty : .text(text)
      default: return stored?.string.map(Value.text) ?? .empty
      }
    }
  }

  private static func compare(_ a: Value, _ b: Value) -> Int {
    switch (a, b) {
    case (.empty, .empty): 0
    case (.empty, _): 1
    case (_, .empty): -1
    case (.number(let a), .number(let b)): a < b ? -1 : a > b ? 1 : 0
    case (.text(let a), .text(let b)): natural(a, b)
    case (.number, .text): -1
    case (.text, .number): 1
    }
  }

  /// Natural order: numbers inside texts by their value, letters whatever their case.
  static func natural(_ a: String, _ b: String) -> Int {
    var left = Array(a.lowercased())[...]
    var right = Array(b.lowercased())[...]
    while let x = left.first, let y = right.first {
      if x.isASCII, y.isASCII, x.isNumber, y.isNumber {
        let first = digits(&left)
        let second = digits(&right)
        if first.count != second.count { return first.count < second.count ? -1 : 1 }
        if first != second { return first < second ? -1 : 1 }
      } else {
        if x != y { return x < y ? -1 : 1 }
        left.removeFirst()
        right.removeFirst()
      }
    }
    if left.isEmpty, right.isEmpty { return a == b ? 0 : a < b ? -1 : 1 }
    return left.isEmpty ? -1 : 1
  }

  /// Takes a number's digits, zeros in front left out.
  private static func digits(_ text: inout ArraySlice<Character>) -> String {
    let all = text.prefix { $0.isASCII && $0.isNumber }
    text = text.dropFirst(all.count)
    return String(all.drop { $0 == "0" })
  }
}
