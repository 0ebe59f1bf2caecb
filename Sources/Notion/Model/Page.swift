public import Transport

/// A page: a row of a data source, or a page by itself.
public struct Page: Sendable {
  /// One property of a page.
  public struct Property: Sendable {
    /// The property's short identity, stable when it is renamed.
    public let id: String
    /// Its name.
    public let name: String
    /// What it holds.
    public let value: PropertyValue
  }

  /// The page's identity.
  public let id: NotionID
  /// Its address.
  public let url: String
  /// When it was made, ISO 8601, floored to the minute.
  public let createdTime: String
  /// When it was changed last, ISO 8601, floored to the minute.
  public let lastEditedTime: String
  /// Whether it is in the trash.
  public let isInTrash: Bool
  /// Its properties, in Notion's order.
  public var properties: [Property]

  /// Reads a page object.
  public init(json: JSON) throws {
    guard let text = json["id"]?.string, let id = NotionID(parsing: text) else {
      throw Malformed.object("page", json)
    }
    self.id = id
    url = json["url"]?.string ?? ""
    createdTime = json["created_time"]?.string ?? ""
    lastEditedTime = json["last_edited_time"]?.string ?? ""
    isInTrash = (json["in_trash"] ?? json["archived"])?.bool ?? false
    properties = (json["properties"]?.members?.pairs ?? []).map { pair in
      Property(
        id: pair.value["id"]?.string ?? "", name: pair.name, value: PropertyValue(json: pair.value))
    }
  }

  /// The text of its title; empty when it has none.
  public var title: String {
    guard let value = properties.first(where: { $0.value.type == "title" })?.value else {
      return ""
    }
    return RichText.plainText(of: value.payload)
  }

  /// The property of that name.
  public func property(named name: String) -> Property? {
    properties.first { $0.name == name }
  }

  /// The property of that identity.
  public func property(id: String) -> Property? {
    properties.first { $0.id == id }
  }
}

/// What a property of a page holds: its kind, and Notion's own form, untouched.
public struct PropertyValue: Sendable, Hashable {
  /// Notion's word for the kind.
  public let type: String
  /// What stands under the kind's key.
  public let payload: JSON
  /// Whether Notion left a part out: a page shows 25 people or relations at most.
  public let isCut: Bool

  /// Creates a value.
  public init(type: String, payload: JSON, isCut: Bool = false) {
    self.type = type
    self.payload = payload
    self.isCut = isCut
  }

  /// Reads a property of a page object.
  public init(json: JSON) {
    type = json["type"]?.string ?? ""
    payload = json[type] ?? .null
    // Of people Notion does not say that there are more.
    isCut =
      json["has_more"]?.bool ?? false
      || (type == "people" && payload.array?.count == PropertyValue.shown)
  }

  /// The most people or relations that a page shows.
  static let shown = 25

  /// The value in the narrow form that filters, tables and scripts read.
  public var scalar: Scalar { PropertyKinds.scalar(of: self) }
}

enum Malformed {
  static func object(_ kind: String, _ json: JSON) -> NotionError {
    NotionError(
      code: .notNotion, status: 200,
      message: "what came is no \(kind) object (\(json.text.prefix(80)))")
  }
}
