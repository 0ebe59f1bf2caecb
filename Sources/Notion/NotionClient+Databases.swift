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

  /// Reads every row of a query, a part at a time; see ``rows(_:filter:sorts:from:)``.
  public func rows(
    _ id: NotionID, filter: JSON? = nil, sorts: JSON? = nil, limit: Int? = nil,
    properties: [String] = []
  ) async throws -> [Page] {
    var pages: [Page] = []
    let limit = limit ?? .max
    guard limit > 0 else { return [] }
    var place: RowCursor?
    repeat {
      try Task.checkCancellation()
      let part = try await rows(
        id, filter: filter, sorts: sorts, from: place, properties: properties,
        pageSize: min(100, limit - pages.count))
      pages += part.pages
      place = part.next
    } while place != nil && pages.count < limit
    return limit < pages.count ? Array(pages.prefix(limit)) : pages
  }

  /// Where the next part of rows begins.
  public struct RowCursor: Sendable {
    fileprivate var cursor: String?
    /// Only rows made then or before, or all of them before, for what is beyond the end of a query.
    fileprivate var until: (word: String, time: String)?
    /// The last minute in which rows were made that were given, and those rows.
    fileprivate var minute = ""
    fileprivate var given: Set<NotionID> = []
    /// Whether the query was begun anew and has given nothing new since.
    fileprivate var isBegunAnew = false

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
  /// One query gives 10,000 rows at most and says so only in its last answer. What is beyond is read by
  /// another one, from the last row on, the newest first as Notion gives them. Times are floored to the
  /// minute: when more than 10,000 rows were made in one, these are told apart by the other properties
  /// of the schema, and come in one part.
  /// - Parameters:
  ///   - sorts: Sorts in Notion's form; `nil` for the newest row first. A sorted query does not go
  ///     beyond 10,000 rows.
  ///   - place: Where the last part ended; `nil` begins at the top.
  ///   - properties: Identities of the properties to read; empty for all.
  ///   - pageSize: Rows that suffice; `nil` for as many as a request gives.
  ///   - schema: The data source's properties, where they are known already.
  /// - Returns: The rows, and where the next part begins; `nil` after the last one.
  public func rows(
    _ id: NotionID, filter: JSON? = nil, sorts: JSON? = nil, from place: RowCursor?,
    properties: [String] = [], pageSize: Int? = nil, schema: [PropertySchema]? = nil
  ) async throws -> (pages: [Page], next: RowCursor?) {
    var place = place ?? RowCursor()
    let narrowed = NotionClient.all([filter, place.until.map { created($0.word, $0.time) }])
    let results: Results<Page>
    do {
      results = try await query(
        id, filter: narrowed, sorts: place.until == nil ? sorts : NotionClient.newestFirst,
        cursor: place.cursor, pageSize: max(1, min(100, pageSize ?? 100)), properties: properties)
    } catch let error as NotionError
      where error.isAboutCursor && place.cursor != nil && sorts == nil && !place.minute.isEmpty
      && !place.isBegunAnew
    {
      // Work on the rows before took longer than Notion keeps a place: a new query goes on from them.
      place.cursor = nil
      place.until = ("on_or_before", place.minute)
      place.isBegunAnew = true
      return try await rows(
        id, filter: filter, from: place, properties: properties, pageSize: pageSize, schema: schema)
    }
    // Times are floored to the minute, so the rows of the last minute come twice.
    let before = place.until == nil ? [] : place.given
    var pages = results.items.filter { !before.contains($0.id) }
    for page in pages { place.note(page) }
    if !pages.isEmpty { place.isBegunAnew = false }
    place.cursor = results.next
    guard results.isIncomplete else { return (pages, results.next == nil ? nil : place) }
    guard sorts == nil else {
      throw NotionError(
        code: .validationError, status: 200,
        message: "a sorted query gives at most 10,000 rows, and there are more")
    }
    place.cursor = nil
    if place.minute != place.until?.time, !place.minute.isEmpty {
      place.until = ("on_or_before", place.minute)
      return (pages, place)
    }
    // The minute holds more than a query gives.
    let known: [PropertySchema]
    if let schema { known = schema } else { known = try await dataSource(id).properties }
    var given = place.given
    _ = try await apart(
      id, NotionClient.all([filter, created("equals", place.minute)]),
      NotionClient.splitters(known)[...], properties
    ) { more in
      pages += more.filter { given.insert($0.id).inserted }
      return true
    }
    place.until = ("before", place.minute)
    place.given = []
    return (pages, place)
  }

  private static let newestFirst: JSON = [["timestamp": "created_time", "direction": "descending"]]

  private func created(_ word: String, _ time: String) -> JSON {
    ["timestamp": "created_time", "created_time": .object(JSON.Members([(word, .string(time))]))]
  }

  /// Filters that must all hold, in one level: Notion takes two, and the second may be there already.
  private static func all(_ filters: [JSON?]) -> JSON? {
    let flat = filters.compactMap(\.self).flatMap { $0["and"]?.array ?? [$0] }
    return flat.isEmpty ? nil : flat.count == 1 ? flat[0] : ["and": .array(flat)]
  }

  /// Reads a query to its end, or to where Notion stops, each page while the one before is dealt with.
  ///
  /// - Returns: Whether it was the end; `nil` when no more are wanted.
  private func walk(
    _ id: NotionID, _ filter: JSON?, _ sorts: JSON?, pageSize: Int, _ properties: [String],
    _ take: ([Page]) async throws -> Bool
  ) async throws -> Bool? {
    guard pageSize > 0 else { return nil }
    @Sendable func read(_ cursor: String?) async throws -> Results<Page> {
      try await query(
        id, filter: filter, sorts: sorts, cursor: cursor, pageSize: pageSize,
        properties: properties)
    }
    var results = try await read(nil)
    while true {
      try Task.checkCancellation()
      guard let cursor = results.next else {
        let isWanted = try await take(results.items)
        return isWanted ? !results.isIncomplete : nil
      }
      async let following = read(cursor)
      guard try await take(results.items) else { return nil }
      results = try await following
    }
  }

  // MARK: - More rows in a minute than a query gives

  /// A way to tell rows apart.
  private enum Splitter {
    /// Filters of which each row fulfils exactly one.
    case parts([JSON])
    /// A property whose values have an order: rows are read in it, each query from where the one
    /// before stopped; and a filter for the rows without a value.
    case order(PropertySchema, word: String, empty: JSON?)
  }

  /// The ways a schema offers, the ones that never fail first.
  private static func splitters(_ schema: [PropertySchema]) -> [Splitter] {
    var orders: [Splitter] = []
    var numbers: [Splitter] = []
    var parts: [Splitter] = []
    for property in schema {
      func filter(_ condition: JSON) -> JSON {
        .object(
          JSON.Members([("property", .string(property.id)), (property.type, condition)]))
      }
      switch property.type {
      case "unique_id":
        orders.append(.order(property, word: "less_than_or_equal_to", empty: nil))
      case "number":
        numbers.append(
          .order(
            property, word: "less_than_or_equal_to", empty: filter(["is_empty": true])))
      case "date":
        numbers.append(
          .order(property, word: "on_or_before", empty: filter(["is_empty": true])))
      case "last_edited_time":
        numbers.append(.order(property, word: "on_or_before", empty: nil))
      case "checkbox":
        parts.append(.parts([filter(["equals": true]), filter(["equals": false])]))
      case "select", "status":
        parts.append(
          .parts(
            property.options.map { filter(["equals": .string($0.name)]) }
              + [filter(["is_empty": true])]))
      case "title", "rich_text", "url", "email", "phone_number":
        parts.append(.parts([filter(["is_empty": true]), filter(["is_not_empty": true])]))
      default: break
      }
    }
    return orders + numbers + parts
  }

  /// Reads rows of which one query shows only a part.
  ///
  /// - Returns: Whether more are wanted.
  private func apart(
    _ id: NotionID, _ filter: JSON?, _ splitters: ArraySlice<Splitter>, _ properties: [String],
    _ take: ([Page]) async throws -> Bool
  ) async throws -> Bool {
    guard let splitter = splitters.first else {
      throw NotionError(
        code: .validationError, status: 200,
        message:
          "more than 10,000 rows were made in one minute and are alike in every property that "
          + "Notion can tell apart; it does not show them all. A property of the kind ID makes a "
          + "difference between them")
    }
    let rest = splitters.dropFirst()
    func whole(_ filter: JSON?) async throws -> Bool {
      switch try await walk(id, filter, nil, pageSize: 100, properties, take) {
      case nil: false
      case true?: true
      case false?: try await apart(id, filter, rest, properties, take)
      }
    }
    switch splitter {
    case .parts(let parts):
      for part in parts {
        guard try await whole(NotionClient.all([filter, part])) else { return false }
      }
    case .order(let property, let word, let empty):
      if let empty {
        guard try await whole(NotionClient.all([filter, empty])) else { return false }
      }
      let sorts: JSON = [["property": .string(property.id), "direction": "descending"]]
      var from: JSON?
      while true {
        // A `nil` in such an expression would be JSON's null.
        let filled = from ?? empty.map { _ in notEmpty(property) }
        var end: JSON?
        let isWhole = try await walk(
          id, NotionClient.all([filter, filled]), sorts, pageSize: 100,
          properties.isEmpty ? [] : properties + [property.id]
        ) { pages in
          end = pages.last?.property(id: property.id)?.value.bound ?? end
          return try await take(pages)
        }
        guard let isWhole else { return false }
        if isWhole { break }
        let next: JSON? = end.map { value in
          .object(
            JSON.Members([
              ("property", .string(property.id)),
              (property.type, .object(JSON.Members([(word, value)]))),
            ]))
        }
        guard let next, next != from else {
          // One value is that of more rows than a query gives.
          guard try await apart(id, filter, rest, properties, take) else { return false }
          break
        }
        from = next
      }
    }
    return true
  }

  private func notEmpty(_ property: PropertySchema) -> JSON {
    let test: JSON = ["is_not_empty": true]
    return .object(JSON.Members([("property", .string(property.id)), (property.type, test)]))
  }
}

extension NotionError {
  /// Whether a query cannot go on from where it stopped.
  fileprivate var isAboutCursor: Bool {
    code == .validationError && message.contains("start_cursor")
  }
}

extension PropertyValue {
  /// The value as a filter compares it.
  fileprivate var bound: JSON? {
    switch type {
    case "unique_id": payload["number"]
    case "date": payload["start"]
    case "number", "last_edited_time": payload.isNull ? nil : payload
    default: nil
    }
  }
}
