import GRDB
import Transport

/// `/v1/data_sources`.
enum DataSources {
  static func create(_ call: Call) throws -> JSON {
    try Check.keys(call.body, at: "body", allowed: ["parent", "properties", "title", "icon"])
    let parent = try Check.object(call.body["parent"], at: "body.parent")
    let database = try Databases.find(
      try Check.id(parent["database_id"], at: "body.parent.database_id"), call)
    let schemas = try PropertySchemas.created(
      from: try call.body["properties"].map {
        try call.version.upgradedSchemas($0, call.database)
      }, at: "body.properties")
    let title = try call.body["title"].map { try RichTextValue.read($0, at: "body.title") }
    let source = try Storage.insert(
      Record(
        kind: .source, parent: database.id, now: call.now,
        content: [
          "title": title ?? RichTextValue.plain("New data source"), "properties": schemas.stored,
        ]), call.database)
    return try json(try Relations.link(source, call), call)
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    try json(find(id, call), call)
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body", allowed: ["title", "icon", "properties", "in_trash", "parent"])
    var source = try find(id, call)
    if let parent = call.body["parent"] {
      let target = try Databases.find(
        try Check.id(parent["database_id"], at: "body.parent.database_id"), call)
      source.parent = target.id
    }
    var content = source.content.members ?? [:]
    if let properties = call.body["properties"] {
      var schemas = PropertySchemas(stored: content["properties"])
      try schemas.update(
        from: call.version.upgradedSchemas(properties, call.database), at: "body.properties")
      content["properties"] = schemas.stored
    }
    if let title = call.body["title"] {
      content["title"] = try RichTextValue.read(title, at: "body.title")
      let siblings = try Storage.sources(of: source.parent, call.database)
      if siblings.count == 1, var database = try Storage.find(source.parent, call.database) {
        var members = database.content.members ?? [:]
        members["title"] = content["title"]
        database.content = .object(members)
        try Storage.update(database, call.database)
      }
    }
    if let value = call.body["in_trash"] {
      source.isInTrash = try Check.bool(value, at: "body.in_trash")
    }
    source.content = .object(content)
    source.edited = call.now
    try Storage.update(source, call.database)
    source = try Relations.link(source, call)
    return try json(source, call)
  }

  /// Templates are made in Notion's application only, so there are none here.
  static func templates(_ id: String, _ call: Call) throws -> JSON {
    _ = try find(id, call)
    return ["templates": [], "has_more": false, "next_cursor": nil]
  }

  /// Rows of a data source: filtered, sorted, a page of them.
  static func query(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: [
        "filter", "sorts", "page_size", "start_cursor", "in_trash", "is_archived", "result_type",
      ])
    let source = try find(id, call)
    let schemas = PropertySchemas(stored: source.content["properties"])
    let filter = try Filter.read(call.body["filter"], schemas: schemas, now: call.now)
    let sorts = try Sorting.read(call.body["sorts"], schemas: schemas)
    let size = try Paging.size(call.body["page_size"], at: "body.page_size")
    let wantsTrash =
      try call.body["in_trash"].map { try Check.bool($0, at: "body.in_trash") } ?? false
    let shown = try call.filterProperties.map { name -> String in
      guard let property = schemas.find(name) else {
        throw Refusal.validation("Could not find property with name or id: \(name)")
      }
      return property.id
    }
    let cursor = try call.body["start_cursor"].flatMap {
      $0.isNull ? nil : try Check.string($0, at: "body.start_cursor")
    }

    var rows: [Record]
    var next: String?
    let given = try QueryCursor.given(before: cursor)
    let session = cursor.map(QueryCursor.session) ?? QueryCursor.newSession()
    if sorts.isEmpty {
      (rows, next) = try newestFirst(
        source, filter: filter, schemas: schemas, cursor: cursor, size: size, trash: wantsTrash,
        call)
    } else {
      (rows, next) = try sorted(
        source, filter: filter, sorts: sorts, schemas: schemas, cursor: cursor, size: size,
        trash: wantsTrash, session: session, call)
    }
    // One query gives so many rows, over all its pages, and no more.
    let room = call.workspace.queryLimit - given
    var isCut = rows.count > room
    if isCut { rows = Array(rows.prefix(max(0, room))) }
    if rows.count == room, next != nil { isCut = true }
    if isCut { next = nil }
    let answer = Paging.list(
      try rows.map { try Pages.json($0, source: source, schemas: schemas, only: shown, call) },
      next: next.map {
        QueryCursor.text(next: $0, session: session, given: given + rows.count)
      },
      type: "page_or_data_source")
    guard isCut, var members = answer.members else { return answer }
    members["request_status"] = [
      "type": "incomplete", "incomplete_reason": "query_result_limit_reached",
    ]
    return .object(members)
  }

  /// Walks the index from the newest row on, and stops when the page is full.
  private static func newestFirst(
    _ source: Record, filter: Filter?, schemas: PropertySchemas, cursor: String?, size: Int,
    trash: Bool, _ call: Call
  ) throws -> ([Record], String?) {
    var before = Int64.max
    if let cursor {
      guard let id = QueryCursor.next(in: cursor),
        let first = try Storage.find(id, call.database), first.parent == source.id
      else { throw Refusal.validation("The start_cursor provided is invalid: \(cursor)") }
      before = first.sequence + 1
    }
    let stored = try Row.fetchCursor(
      call.database,
      sql: """
        SELECT * FROM record WHERE parent = ? AND kind = 'page' AND in_trash = ? AND sequence < ?
        ORDER BY sequence DESC
        """, arguments: [source.id, trash, before])
    var rows: [Record] = []
    while let row = try stored.next() {
      let record = try Record(row: row)
      guard try filter?.matches(record, schemas, call) ?? true else { continue }
      if rows.count == size { return (rows, record.id) }
      rows.append(record)
    }
    return (rows, nil)
  }

  private static func sorted(
    _ source: Record, filter: Filter?, sorts: [Sorting], schemas: PropertySchemas, cursor: String?,
    size: Int, trash: Bool, session: String, _ call: Call
  ) throws -> ([Record], String?) {
    let known = cursor == nil ? nil : call.workspace.sortedRows.order(of: session)
    var order = known ?? []
    if known == nil {
      var records = try Row.fetchAll(
        call.database,
        sql: """
          SELECT * FROM record WHERE parent = ? AND kind = 'page' AND in_trash = ?
          ORDER BY sequence DESC
          """, arguments: [source.id, trash]
      ).map(Record.init(row:))
      if let filter { records = try records.filter { try filter.matches($0, schemas, call) } }
      order = try Sorting.sort(records, by: sorts, schemas, call).map(\.id)
    }
    var start = 0
    if let cursor {
      guard let id = QueryCursor.next(in: cursor), let index = order.firstIndex(of: id) else {
        throw Refusal.validation("The start_cursor provided is invalid: \(cursor)")
      }
      start = index
    }
    let end = min(start + size, order.count)
    let next = end < order.count ? order[end] : nil
    if next != nil, known == nil { call.workspace.sortedRows.keep(order, for: session) }
    // What went to the trash or elsewhere since the first page is no row of it any more.
    let rows = try order[start..<end].compactMap { id in
      try Storage.find(id, call.database).flatMap {
        $0.parent == source.id && $0.isInTrash == trash ? $0 : nil
      }
    }
    return (rows, next)
  }

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try Storage.find(id, call.database), record.kind == .source else {
      throw Refusal.notFound("database", id)
    }
    return record
  }

  static func json(_ source: Record, _ call: Call) throws -> JSON {
    let database = try Storage.find(source.parent, call.database)
    let schemas = PropertySchemas(stored: source.content["properties"])
    return [
      "object": "data_source", "id": .string(source.id), "cover": nil, "icon": nil,
      "created_time": .string(Timestamp.minute(source.created)), "created_by": Users.partial,
      "last_edited_by": Users.partial,
      "last_edited_time": .string(Timestamp.minute(source.edited)),
      "title": source.content["title"] ?? [], "description": [],
      "is_inline": database?.content["is_inline"] ?? false,
      "properties": .object(
        JSON.Members(try schemas.inOrder.map { ($0.name, try Relations.json($0, call)) })),
      "parent": ["type": "database_id", "database_id": .string(source.parent)],
      "database_parent": try database.map { try Pages.parent(of: $0, call) } ?? nil,
      "url": .string("https://www.notion.so/\(Identity.undashed(source.parent))"),
      "public_url": nil, "in_trash": .bool(source.isInTrash),
    ]
  }
}

/// Where the next page of a query begins: `s:SESSION:ID`, the session's last digits the number of
/// rows that were given before.
enum QueryCursor {
  static func text(next id: String, session: String, given: Int) -> String {
    let digits = String(given, radix: 16)
    let count = String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    return "s:\(session)\(count):\(id)"
  }

  /// A new session; the count of rows follows it.
  static func newSession() -> String { String(Identity.make().dropLast(8)) }

  /// The session of a cursor.
  static func session(_ cursor: String) -> String {
    let parts = cursor.split(separator: ":")
    return parts.count == 3 ? String(parts[1].dropLast(8)) : ""
  }

  /// The identity of the first row of the next page.
  static func next(in cursor: String) -> String? {
    cursor.hasPrefix("s:") ? cursor.split(separator: ":").last.map(String.init) : nil
  }

  /// How many rows were given before.
  static func given(before cursor: String?) throws -> Int {
    guard let cursor else { return 0 }
    let parts = cursor.split(separator: ":")
    guard parts.count == 3, let count = Int(parts[1].suffix(8), radix: 16) else {
      throw Refusal.validation("The start_cursor provided is invalid: \(cursor)")
    }
    return count
  }
}
