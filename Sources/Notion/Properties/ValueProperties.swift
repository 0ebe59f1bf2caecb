import Transport

/// A number.
enum NumberProperty: PropertyKind {
  static let key = "number"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    payload.double.map(Scalar.number) ?? .none
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    switch scalar {
    case .none: return .null
    case .number(let number) where number.isFinite: return .number(number)
    case .number(_):
      throw PropertyError("\(schema.name) takes a number, and this one is not finite")
    case .text(let text):
      throw PropertyError(
        "\(schema.name) takes a number, and this is text: “\(text.prefix(40))”",
        hint: "ask for a number: ai \"…\" as number")
    default: throw PropertyError("\(schema.name) takes a number")
    }
  }
}

/// A checkbox.
enum CheckboxProperty: PropertyKind {
  static let key = "checkbox"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar { .flag(payload.bool ?? false) }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    switch scalar {
    case .none: return false
    case .flag(let flag): return .bool(flag)
    default: throw PropertyError("\(schema.name) takes true or false")
    }
  }
}

/// A day, a moment, or a range of either.
enum DateProperty: PropertyKind {
  static let key = "date"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    guard let start = payload["start"]?.string else { return .none }
    return .date(
      start: start, end: payload["end"]?.string, zone: payload["time_zone"]?.string)
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    switch scalar {
    case .none: return .null
    case .date(let start, let end, let zone):
      try check(start, schema)
      if let end { try check(end, schema) }
      var members: JSON.Members = ["start": .string(start)]
      if let end { members["end"] = .string(end) }
      if let zone { members["time_zone"] = .string(zone) }
      return .object(members)
    case .text(let text):
      try check(text, schema)
      return ["start": .string(text)]
    default: throw PropertyError("\(schema.name) takes a date")
    }
  }

  private static func check(_ text: String, _ schema: PropertySchema) throws(PropertyError) {
    guard ISODate.isValid(text) else {
      throw PropertyError(
        "\(schema.name) takes a date, and “\(text.prefix(40))” is none",
        hint: "write it as 2025-01-31 or 2025-01-31T10:00")
    }
  }
}
