import Foundation
import HTTPTypes
public import Transport

extension NotionClient {
  /// Where a new page goes.
  public enum Parent: Sendable {
    /// A row of a data source.
    case dataSource(NotionID)
    /// A page in a page.
    case page(NotionID)

    var json: JSON {
      switch self {
      case .dataSource(let id):
        ["type": "data_source_id", "data_source_id": .string(id.description)]
      case .page(let id): ["type": "page_id", "page_id": .string(id.description)]
      }
    }
  }

  /// Reads a page.
  public func page(_ id: NotionID) async throws -> Page {
    try Page(json: await request(.get, "pages/\(id)"))
  }

  /// Makes a page; when the answer is lost, looks for it before it is made again.
  ///
  /// - Parameter properties: By name, in Notion's form: `{"Topic": {"title": […]}}`.
  public func createPage(
    parent: Parent, properties: JSON, children: [Block] = []
  ) async throws -> Page {
    var body: JSON.Members = ["parent": parent.json, "properties": properties]
    if !children.isEmpty { body["children"] = .array(children.map { $0.json(depth: 2) }) }
    let start = Date()
    return try await creations.certain {
      try Page(json: await request(.post, "pages", body: .object(body)))
    } committed: { ids in
      guard let id = ids.first else { return nil }
      return try await page(id)
    } found: {
      for page in try await newest(in: parent)
      where page.holds(properties) {
        if await creations.areNew([(page.id, page.createdTime)], since: start) { return page }
      }
      return nil
    } made: {
      [$0.id]
    }
  }

  /// The pages made last in a parent.
  private func newest(in parent: Parent) async throws -> [Page] {
    switch parent {
    case .dataSource(let id):
      // Without sorts the newest comes first.
      return try await query(id, pageSize: 25).items
    case .page(let id):
      var pages: [Page] = []
      for block in try await children(of: id).suffix(25) where block.type == "child_page" {
        if let id = block.id { pages.append(try await page(id)) }
      }
      return pages
    }
  }

  /// Changes properties of a page, all in one request.
  ///
  /// A property is set to a value, so sending it twice does no harm.
  public func updatePage(_ id: NotionID, properties: JSON) async throws -> Page {
    try Page(
      json: await request(
        .patch, "pages/\(id)", body: ["properties": properties], isRepeatable: true))
  }

  /// Puts a page into the trash, or takes it out.
  public func setTrash(_ id: NotionID, _ isInTrash: Bool) async throws -> Page {
    try Page(
      json: await request(
        .patch, "pages/\(id)", body: ["in_trash": .bool(isInTrash)], isRepeatable: true))
  }
}

extension Page {
  /// Whether its properties say what a request was to write.
  func holds(_ written: JSON) -> Bool {
    (written.members ?? [:]).allSatisfy { name, json in
      guard let property = property(named: name) ?? property(id: name) else { return false }
      let wanted = json[property.value.type] ?? (json.array != nil ? json : .null)
      return property.value.scalar
        == PropertyValue(type: property.value.type, payload: wanted).scalar
        || ["date", "files", "place"].contains(property.value.type)
    }
  }
}
