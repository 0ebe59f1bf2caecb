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
    try Blocks.checkEditable(database, call)
    try UniqueNumbers.check(schemas, in: nil, call)
    var content: JSON.Members = [
      "title": title ?? RichTextValue.plain("New data source"), "properties": schemas.stored,
    ]
    try Icons.read(into: &content, call.body, call)
    let source = try Storage.insert(
      Record(kind: .source, parent: database.id, now: call.now, content: .object(content)), call)
    return try json(try Relations.link(source, call), call)
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    try json(find(id, call), call)
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body", allowed: ["title", "icon", "properties", "in_trash", "parent"])
    var source = try find(id, call)
    if call.body["in_trash"] != false { try Blocks.checkEditable(source, call) }
    if let parent = call.body["parent"] {
      let target = try Databases.find(
        try Check.id(parent["database_id"], at: "body.parent.database_id"), call)
      if source.parent != target.id {
        // It comes after the sources that are there.
        let last = try Storage.sources(of: target.id, call.database).last?.position
        source.parent = target.id
        source.position = (last ?? 0) + 1
      }
    }
    if let properties = call.body["properties"] {
      let before = source.schemas
      var schemas = before
      try schemas.update(
        from: call.version.upgradedSchemas(properties, call.database), at: "body.properties")
      try UniqueNumbers.check(schemas, in: source, call)
      source = try Conversions.apply(from: before, to: schemas, source, call)
    }
    var content = source.content.members ?? [:]
    if let icon = call.body["icon"] { content["icon"] = try Icons.icon(icon, at: "body.icon") }
    if let title = call.body["title"] {
      content["title"] = try RichTextValue.read(title, at: "body.title")
      let siblings = try Storage.sources(of: source.parent, call.database)
      if siblings.count == 1, var database = try Storage.find(source.parent, call.database) {
        var members = database.content.members ?? [:]
        members["title"] = content["title"]
        database.content = .object(members)
        try Storage.update(database, call)
      }
    }
    if let value = call.body["in_trash"] {
      source.isInTrash = try Check.bool(value, at: "body.in_trash")
    }
    source.content = .object(content)
    source.edited = call.now
    try Storage.update(source, call)
    source = try Relations.link(source, call)
    return try json(source, call)
  }

  /// Templates are made in Notion's application only, so there are none here.
  static func templates(_ id: String, _ call: Call) throws -> JSON {
    _ = try find(id, call)
    _ = try Paging.size(call.query, at: "query.page_size")
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
    let schemas = source.schemas
    let filter = try Filter.read(call.body["filter"], schemas: schemas, call)
    let sorts = try Sorting.read(call.body["sorts"], schemas: schemas)
    let size = try Paging.size(call.body["page_size"], at: "body.page_size")
    if let type = call.body["result_type"], type != "page" {
      throw Refusal.validation("result_type is for wikis, and this data source is none.")
    }
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

    let given = try QueryCursor.given(before: cursor)
    let session = cursor.map(QueryCursor.session) ?? QueryCursor.newSession()
    var (rows, next) = try RowQuery(
      source: source, schemas: schemas, filter: filter, sorts: sorts, isInTrash: wantsTrash,
      size: size,
      start: try cursor.map { cursor in
        guard let id = QueryCursor.next(in: cursor) else {
          throw Refusal.validation("The start_cursor provided is invalid: \(cursor)")
        }
        return id
      }, session: session, call: call
    ).page()
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

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try call.find(id), record.kind == .source else {
      throw Refusal.notFound("database", id)
    }
    return record
  }

  static func json(_ source: Record, _ call: Call) throws -> JSON {
    let database = try Storage.find(source.parent, call.database)
    let schemas = source.schemas
    return [
      "object": "data_source", "id": .string(source.id),
      "cover": try Icons.shown(source.content["cover"], call),
      "icon": try Icons.shown(source.content["icon"], call),
      "created_time": .string(Timestamp.minute(source.created)), "created_by": Users.partial,
      "last_edited_by": Users.partial,
      "last_edited_time": .string(Timestamp.minute(source.edited)),
      "title": try RichTextValue.shown(source.content["title"], call),
      "description": try RichTextValue.shown(source.content["description"], call),
      "is_inline": database?.content["is_inline"] ?? false,
      "properties": .object(
        JSON.Members(try schemas.inOrder.map { ($0.name, try Relations.json($0, call)) })),
      "parent": ["type": "database_id", "database_id": .string(source.parent)],
      "database_parent": try database.map { try Pages.parent(of: $0, call) } ?? nil,
      "url": .string(Address.app(Identity.undashed(source.parent))),
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
