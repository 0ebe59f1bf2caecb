import Transport

/// Kinds that Visen shows and never writes: what Notion computes, and whatever comes.
enum OtherProperty {
  static func scalar(type: String, payload: JSON) -> Scalar {
    switch type {
    case "created_by", "last_edited_by":
      return payload.isNull ? .none : PeopleProperty.person(payload)
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
    case "button": return .none
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
