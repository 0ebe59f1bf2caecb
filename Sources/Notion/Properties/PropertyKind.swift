public import Transport

/// One kind of property: how it reads, and how it is written.
protocol PropertyKind: Sendable {
  /// Notion's word for it.
  static var key: String { get }
  /// Whether Notion lets it be written.
  static var isWritable: Bool { get }
  /// What a payload holds.
  static func scalar(of payload: JSON) -> Scalar
  /// The payload for a value.
  ///
  /// - Throws: ``PropertyError`` when it cannot hold the value.
  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON
}

/// Every kind Visen knows, alphabetical; others are kept as they are and read as text.
public enum PropertyKinds {
  /// The kinds.
  static let all: [any PropertyKind.Type] = [
    CheckboxProperty.self,
    DateProperty.self,
    EmailProperty.self,
    FilesProperty.self,
    MultiSelectProperty.self,
    NumberProperty.self,
    PeopleProperty.self,
    PhoneNumberProperty.self,
    PlaceProperty.self,
    RelationProperty.self,
    RichTextProperty.self,
    SelectProperty.self,
    StatusProperty.self,
    TitleProperty.self,
    URLProperty.self,
    VerificationProperty.self,
  ]

  private static let byKey = Dictionary(
    all.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })

  /// Whether a kind can be written.
  public static func isWritable(_ type: String) -> Bool { byKey[type]?.isWritable ?? false }

  /// What a property holds.
  public static func scalar(of value: PropertyValue) -> Scalar {
    if let kind = byKey[value.type] { return kind.scalar(of: value.payload) }
    return OtherProperty.scalar(type: value.type, payload: value.payload)
  }

  /// The payload that writes a value into a property, under its kind's key.
  ///
  /// - Throws: ``PropertyError`` for a computed property or a value it cannot hold.
  public static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    guard let kind = byKey[schema.type] else {
      throw PropertyError(
        "\(schema.name) is a \(schema.type.replacing("_", with: " ")), which cannot be written")
    }
    let payload = try kind.payload(for: scalar, schema: schema, newOptions: newOptions)
    return .object(JSON.Members([(schema.type, payload)]))
  }

  /// A payload as read, in the form in which Notion takes it back.
  ///
  /// Undo writes old values; Notion refuses parts that it only sends, such as an option's colour
  /// when it disagrees, so just what identifies the value is kept.
  public static func writable(_ value: PropertyValue) -> JSON? {
    guard isWritable(value.type) else { return nil }
    let payload: JSON
    switch value.type {
    case "select", "status":
      payload = value.payload["name"].map { ["name": $0] } ?? .null
    case "multi_select":
      payload = .array((value.payload.array ?? []).compactMap { $0["name"] }.map { ["name": $0] })
    case "title", "rich_text":
      payload = .array((value.payload.array ?? []).map(RichText.writable))
    case "people", "relation":
      payload = .array((value.payload.array ?? []).compactMap { $0["id"] }.map { ["id": $0] })
    case "files":
      payload = .array((value.payload.array ?? []).map(FilesProperty.writable))
    case "verification": payload = VerificationProperty.writable(value.payload)
    default:
      payload = value.payload
    }
    return .object(JSON.Members([(value.type, payload)]))
  }
}
