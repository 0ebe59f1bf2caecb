import HTTPTypes
public import Transport

extension NotionClient {
  /// Everybody in the workspace whom the integration may see, guests left out.
  public func users() async throws -> [JSON] {
    var users: [JSON] = []
    var cursor: String?
    repeat {
      try Task.checkCancellation()
      let start = cursor.map { "&start_cursor=\(NotionClient.encoded($0))" } ?? ""
      let results = try results(await request(.get, "users?page_size=100\(start)")) { $0 }
      users += results.items
      cursor = results.next
    } while cursor != nil
    return users
  }

  /// Reads one property of a page whole, however much it holds.
  ///
  /// A page shows 25 people or relations and computes rollups and formulas over no more; this has
  /// them all.
  /// - Parameter propertyID: The property's identity exactly as Notion gives it, encoded.
  /// - Source: Notion API, "Retrieve a page property item".
  public func property(_ propertyID: String, of page: NotionID) async throws -> PropertyValue {
    var items: [JSON] = []
    var type = ""
    var computed: JSON = .null
    var cursor: String?
    repeat {
      try Task.checkCancellation()
      let start = cursor.map { "&start_cursor=\(NotionClient.encoded($0))" } ?? ""
      let json = try await request(
        .get, "pages/\(page)/properties/\(propertyID)?page_size=100\(start)")
      guard json["object"]?.string == "list" else { return PropertyValue(json: json) }
      type = json["property_item"]?["type"]?.string ?? ""
      // A rollup's number is right only with its last results.
      computed = json["property_item"]?[type] ?? .null
      let results = try results(json) { $0 }
      items += results.items
      cursor = results.next
    } while cursor != nil
    guard type == "rollup" else {
      return PropertyValue(type: type, payload: .array(items.compactMap { $0[type] }))
    }
    guard computed["type"]?.string == "array", var members = computed.members else {
      return PropertyValue(type: type, payload: computed)
    }
    members["array"] = .array(
      items.map { item in
        let kind = item["type"]?.string ?? ""
        return .object(JSON.Members([("type", .string(kind)), (kind, item[kind] ?? .null)]))
      })
    return PropertyValue(type: type, payload: .object(members))
  }

  /// A page whose properties are whole: long lists read to their end, and what Notion computes over
  /// them read again.
  ///
  /// Sends nothing when nothing was left out.
  /// - Parameter schemas: The properties that count; others are left as they are.
  public func completed(_ page: Page, _ schemas: [PropertySchema]) async throws -> Page {
    let cut = Set(page.properties.filter(\.value.isCut).map(\.id))
    guard !cut.isEmpty || page.properties.contains(where: { $0.value.isIncomplete }) else {
      return page
    }
    let hasCutRelation = page.properties.contains { $0.value.isCut && $0.value.type == "relation" }
    var page = page
    for (index, property) in page.properties.enumerated() {
      guard let schema = schemas.first(where: { $0.id == property.id }) else { continue }
      let isMissing: Bool =
        switch property.value.type {
        case "relation", "people": property.value.isCut
        case "rollup":
          property.value.isIncomplete
            || (schema.config["relation_property_id"]?.string).map { relation in
              // A rollup names its relation decoded, the page encodes it.
              cut.contains(relation) || cut.contains(NotionClient.encodedID(relation))
            } ?? hasCutRelation
        case "formula": hasCutRelation
        default: false
        }
      guard isMissing else { continue }
      page.properties[index] = Page.Property(
        id: property.id, name: property.name,
        value: try await self.property(property.id, of: page.id))
    }
    return page
  }

  /// A property's identity as Notion encodes it.
  static func encodedID(_ id: String) -> String {
    var result = ""
    for byte in id.utf8 {
      let scalar = Unicode.Scalar(byte)
      let isPlain =
        byte < 0x80
        && (scalar.properties.isAlphabetic || ("0"..."9").contains(Character(scalar))
          || "-_.!~*'()".unicodeScalars.contains(scalar))
      if isPlain {
        result.unicodeScalars.append(scalar)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }
}

extension PropertyValue {
  /// Whether Notion says that a rollup is not computed to its end.
  var isIncomplete: Bool { type == "rollup" && payload["type"]?.string == "incomplete" }

  /// Whether a part of it was or may have been left out.
  public var mayBeCut: Bool { isCut || isIncomplete }
}
