import Transport

/// The title: every data source has exactly one.
enum TitleProperty: PropertyKind {
  static let key = "title"
  static let isWritable = true
  static func scalar(of payload: JSON) -> Scalar { RichTextProperty.scalar(of: payload) }
  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    try RichTextProperty.payload(for: scalar, schema: schema, newOptions: newOptions)
  }
}

/// Text with styles; written plain.
enum RichTextProperty: PropertyKind {
  static let key = "rich_text"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    let text = RichText.plainText(of: payload)
    return text.isEmpty ? .none : .text(text)
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    try RichText.items(for: try PlainText.text(scalar, schema: schema) ?? "")
  }
}

/// A web address.
enum URLProperty: PropertyKind {
  static let key = "url"
  static let isWritable = true
  static func scalar(of payload: JSON) -> Scalar { PlainText.scalar(payload) }
  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON { try PlainText.payload(scalar, schema: schema) }
}

/// An e-mail address.
enum EmailProperty: PropertyKind {
  static let key = "email"
  static let isWritable = true
  static func scalar(of payload: JSON) -> Scalar { PlainText.scalar(payload) }
  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON { try PlainText.payload(scalar, schema: schema) }
}

/// A telephone number.
enum PhoneNumberProperty: PropertyKind {
  static let key = "phone_number"
  static let isWritable = true
  static func scalar(of payload: JSON) -> Scalar { PlainText.scalar(payload) }
  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON { try PlainText.payload(scalar, schema: schema) }
}

/// What the kinds that hold one plain text share.
enum PlainText {
  static func scalar(_ payload: JSON) -> Scalar {
    payload.string.map { $0.isEmpty ? .none : .text($0) } ?? .none
  }

  static func text(_ scalar: Scalar, schema: PropertySchema) throws(PropertyError) -> String? {
    switch scalar {
    case .none: return nil
    case .text(let text): return text
    case .number(_): throw kind("a number", schema, hint: "write \"{value}\" to make a text of it")
    case .flag(_): throw kind("true or false", schema, hint: nil)
    case .date(_, _, _):
      throw kind("a date", schema, hint: "write \"{value}\" to make a text of it")
    case .list(_): throw kind("a list", schema, hint: "join it: join(value, \", \")")
    case .named(let named):
      throw kind("a \(named.kind.rawValue)", schema, hint: "write \"{value}\" to make a text of it")
    }
  }

  static func payload(_ scalar: Scalar, schema: PropertySchema) throws(PropertyError) -> JSON {
    guard let text = try text(scalar, schema: schema), !text.isEmpty else { return .null }
    guard text.utf16.count <= RichText.maximumUnits else {
      throw PropertyError(
        "\(schema.name) takes at most \(RichText.maximumUnits) characters, and this has "
          + "\(text.utf16.count)")
    }
    return .string(text)
  }

  static func kind(_ is: String, _ schema: PropertySchema, hint: String?) -> PropertyError {
    PropertyError("\(schema.name) takes text, and this is \(`is`)", hint: hint)
  }
}
