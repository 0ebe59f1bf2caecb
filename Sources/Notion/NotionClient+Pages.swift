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

  /// Makes a page.
  ///
  /// - Parameter properties: By name, in Notion's form: `{"Topic": {"title": […]}}`.
  public func createPage(
    parent: Parent, properties: JSON, children: [Block] = []
  ) async throws -> Page {
    var body: JSON.Members = ["parent": parent.json, "properties": properties]
    if !children.isEmpty { body["children"] = .array(children.map { $0.json(depth: 2) }) }
    return try Page(json: await request(.post, "pages", body: .object(body)))
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
