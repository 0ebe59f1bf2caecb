import Transport

/// Kinds that Visen shows and never writes: people, files, relations, formulas, and whatever comes.
enum OtherProperty {
  static func scalar(type: String, payload: JSON) -> Scalar {
    switch type {
    case "people":
      return .list(
        (payload.array ?? []).map { .text($0["name"]?.string ?? $0["id"]?.string ?? "") })
    case "files":
      return .list((payload.array ?? []).map { .text($0["name"]?.string ?? "") })
    case "relation":
      return .list((payload.array ?? []).map { .text($0["id"]?.string ?? "") })
    case "created_by", "last_edited_by":
      return payload.isNull ? .none : .text(payload["name"]?.string ?? payload["id"]?.string ?? "")
    case "created_time", "last_edited_time":
      return payload.string.map { .date(start: $0, end: nil, zone: nil) } ?? .none
    case "unique_id":
      guard let number = payload["number"]?.int else { return .none }
      return .text(payload["prefix"]?.string.map { "\($0)-\(number)" } ?? "\(number)")
    case "formula":
      return value(payload)
    case "rollup":
      if let items = payload["array"]?.array {
        return .list(items.map { PropertyValue(json: $0).scalar })
      }
      return value(payload)
    case "verification":
      return payload["state"]?.string.map(Scalar.text) ?? .none
    default:
      return payload.isNull ? .none : .text(payload.string ?? payload.text)
    }
  }

  /// A formula's or rollup's result: its type says under which key it stands.
  private static func value(_ payload: JSON) -> Scalar {
    switch payload["type"]?.string {
    case "number": payload["number"]?.double.map(Scalar.number) ?? .none
    case "boolean": payload["boolean"]?.bool.map(Scalar.flag) ?? .none
    case "string": payload["string"]?.string.map(Scalar.text) ?? .none
    case "date": DateProperty.scalar(of: payload["date"] ?? .null)
    default: .none
    }
  }
}
