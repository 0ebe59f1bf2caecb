import Notion
import Transport

/// What stands in a cell, in a form in which two readings of it compare equal.
///
/// Notion merges runs of text, adds defaults and turns zones into offsets, so payloads as sent and
/// as read differ without any difference in meaning.
enum CellValue {
  /// The comparable form of a property's value.
  static func signature(_ value: PropertyValue) -> JSON {
    signature(value.scalar)
  }

  /// Whether a property holds what a request was to write, `{"number": 3}`.
  static func holds(_ value: PropertyValue, _ written: JSON) -> Bool {
    let wanted = PropertyValue(wrapped: written)
    // Options are written by their identities alone.
    let ids = (wanted.payload.array ?? [wanted.payload]).compactMap { $0["id"]?.string }
    if ["select", "status", "multi_select"].contains(value.type), !ids.isEmpty {
      return (value.payload.array ?? [value.payload]).compactMap { $0["id"]?.string } == ids
    }
    return signature(value) == signature(wanted)
  }

  private static func signature(_ scalar: Scalar) -> JSON {
    switch scalar {
    case .none: .null
    case .text(let text): .string(text)
    case .number(let number): .number(number)
    case .flag(let flag): .bool(flag)
    case .date(let start, let end, _):
      ["start": .string(minute(start)), "end": end.map { .string(minute($0)) } ?? .null]
    case .list(let items): .array(items.map(signature))
    case .named(let named): .string(named.id.isEmpty ? named.name : named.id)
    }
  }

  /// A day, or a moment to the minute with its offset; `Z` and `+00:00` are the same.
  private static func minute(_ text: String) -> String {
    guard text.count > 16 else { return text.count == 16 ? text + "+00:00" : text }
    let tail = text.dropFirst(16)
    let zone = tail.lastIndex { $0 == "+" || $0 == "-" || $0 == "Z" }.map { tail[$0...] } ?? "Z"
    return String(text.prefix(16)) + (zone == "Z" ? "+00:00" : String(zone))
  }
}
