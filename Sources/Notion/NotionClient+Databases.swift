import HTTPTypes
public import Transport

extension NotionClient {
  /// Reads a database and the names of its data sources.
  public func database(_ id: NotionID) async throws -> Database {
    try Database(json: await request(.get, "databases/\(id)"))
  }

  /// Reads a data source: its schema.
  public func dataSource(_ id: NotionID) async throws -> DataSource {
    try DataSource(json: await request(.get, "data_sources/\(id)"))
  }

  /// Makes a database with one data source in a page.
  ///
  /// - Parameter properties: The schema in Notion's form: `{"Topic": {"title": {}}, …}`.
  public func createDatabase(
    parentPage: NotionID, title: String, properties: JSON, isInline: Bool = false
  ) async throws -> Database {
    try Database(
      json: await request(
        .post, "databases",
        body: [
          "parent": ["type": "page_id", "page_id": .string(parentPage.description)],
          "title": [["type": "text", "text": ["content": .string(title)]]],
          "is_inline": .bool(isInline),
          "initial_data_source": ["properties": properties],
        ]))
  }

  /// Changes a data source's schema.
  ///
  /// - Parameter properties: The changes in Notion's form; a property set to `null` is removed.
  public func updateDataSource(_ id: NotionID, properties: JSON) async throws -> DataSource {
    try DataSource(
      json: await request(
        .patch, "data_sources/\(id)", body: ["properties": properties], isRepeatable: true))
  }

  /// Reads rows of a data source.
  ///
  /// - Parameters:
  ///   - filter: A filter in Notion's form; `nil` for every row.
  ///   - sorts: Sorts in Notion's form; `nil` for the newest row first.
  ///   - cursor: Where the last results ended; `nil` starts at the top.
  ///   - pageSize: Rows to ask for, 1 through 100.
  ///   - properties: Identities of the properties to read; empty for all.
  public func query(
    _ id: NotionID, filter: JSON? = nil, sorts: JSON? = nil, cursor: String? = nil,
    pageSize: Int = 100, properties: [String] = []
  ) async throws -> Results<Page> {
    var body: JSON.Members = ["page_size": .int(pageSize)]
    if let filter { body["filter"] = filter }
    if let sorts { body["sorts"] = sorts }
    if let cursor { body["start_cursor"] = .string(cursor) }
    let names = properties.map { "filter_properties=\(NotionClient.encoded($0))" }
    let query = names.isEmpty ? "" : "?" + names.joined(separator: "&")
    return try results(
      await request(
        .post, "data_sources/\(id)/query\(query)", body: .object(body), isRepeatable: true)
    ) { try Page(json: $0) }
  }

  /// Reads every row of a query, a page of results at a time.
  ///
  /// One query gives 10,000 rows at most and says so only in its last answer. What is beyond is read
  /// by queries in the order of creation, each from where the one before it ended; such rows are
  /// given the newest first, Notion's own order, or in the order of the sorts by the caller.
  public func rows(
    _ id: NotionID, filter: JSON? = nil, sorts: JSON? = nil, limit: Int? = nil
  ) async throws -> [Page] {
    var pages: [Page] = []
    let isWhole = try await collect(id, filter: filter, sorts: sorts, limit: limit, into: &pages)
    guard !isWhole else { return pages }
    guard sorts == nil else {
      throw NotionError(
        code: .validationError, status: 200,
        message: "a sorted query gives at most 10,000 rows, and there are more")
    }
    return try await walked(id, filter: filter)
  }

  /// Where the next part of rows begins.
  public struct RowCursor: Sendable {
    fileprivate var cursor: String?
    /// Only rows made then or before, for what is beyond the end of a query.
    fileprivate var until: String?
    /// The last minute in which rows were made that were given, and those rows.
    fileprivate var minute = ""
    fileprivate var given: Set<NotionID> = []

    fileprivate mutating func note(_ page: Page) {
      if page.createdTime != minute {
        minute = page.createdTime
        given = []
      }
      given.insert(page.id)
    }
  }

  /// Reads a part of the rows of a query, so that many are never in memory together.
  ///
  /// What is beyond the 10,000 rows of one query is read by another one, from the last row on, the
  /// newest first as Notion gives them.
  /// - Parameter place: Where the last part ended; `nil` begins at the top.
  /// - Returns: At most 100 rows, and where the next part begins; `nil` after the last one.
  public func rows(
    _ id: NotionID, filter: JSON? = nil, sorts: JSON? = nil, from place: RowCursor?
  ) async throws -> (pages: [Page], next: RowCursor?) {
    var place = place ?? RowCursor()
    var conditions = filter.map { [$0] } ?? []
    if let until = place.until {
      conditions.append([
        "timestamp": "created_time", "created_time": ["on_or_before": .string(until)],
      ])
    }
    let narrowed: JSON? =
      conditions.count < 2 ? conditions.first : ["and": .array(conditions)]
    let newestFirst: JSON = [["timestamp": "created_time", "direction": "descending"]]
    let results = try await query(
      id, filter: narrowed, sorts: place.until == nil ? sorts : newestFirst, cursor: place.cursor)
    // Times are floored to the minute, so the rows of the last minute come twice.
    let before = place.until == nil ? [] : place.given
    let pages = results.items.filter { !before.contains($0.id) }
    for page in pages { place.note(page) }
    place.cursor = results.next
    guard results.isIncomplete else { return (pages, results.next == nil ? nil : place) }
    guard sorts == nil else {
      throw NotionError(
        code: .validationError, status: 200,
        message: "a sorted query gives at most 10,000 rows, and there are more")
    }
    guard place.minute != place.until, !place.minute.isEmpty else {
      throw NotionError(
        code: .validationError, status: 200,
        message: "more than 10,000 rows were made in one minute; Notion does not show them all")
    }
    place.until = place.minute
    place.cursor = nil
    return (pages, place)
  }

  /// Reads a query to its end, or to where Notion stops.
  ///
  /// - Returns: Whether it was the end.
  private func collect(
    _ id: NotionID, filter: JSON?, sorts: JSON?, limit: Int?, into pages: inout [Page]
  ) async throws -> Bool {
    var cursor: String?
    let start = pages.count
    repeat {
      try Task.checkCancellation()
      let size = min(100, limit.map { $0 - (pages.count - start) } ?? 100)
      guard size > 0 else { return true }
      let results = try await query(
        id, filter: filter, sorts: sorts, cursor: cursor, pageSize: size)
      pages += results.items
      guard !results.isIncomplete else { return false }
      cursor = results.next
    } while cursor != nil
    return true
  }

  /// Every row in the order of creation, each query from where the last one stopped.
  private func walked(_ id: NotionID, filter: JSON?) async throws -> [Page] {
    let oldestFirst: JSON = [["timestamp": "created_time", "direction": "ascending"]]
    var all: [Page] = []
    var seen = Set<NotionID>()
    var from: String?
    while true {
      var conditions: [JSON] = filter.map { [$0] } ?? []
      if let from {
        conditions.append([
          "timestamp": "created_time", "created_time": ["on_or_after": .string(from)],
        ])
      }
      let narrowed: JSON? =
        conditions.isEmpty
        ? nil : conditions.count == 1 ? conditions[0] : ["and": .array(conditions)]
      var part: [Page] = []
      let isWhole = try await collect(
        id, filter: narrowed, sorts: oldestFirst, limit: nil, into: &part)
      // Times are floored to the minute, so the rows of the last minute come twice.
      let new = part.filter { seen.insert($0.id).inserted }
      all += new
      guard !isWhole else { return all.reversed() }
      guard let last = part.last, !new.isEmpty else {
        throw NotionError(
          code: .validationError, status: 200,
          message: "more than 10,000 rows were made in one minute; Notion does not show them all")
      }
      from = last.createdTime
    }
  }
}
