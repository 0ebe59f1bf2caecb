import GRDB
import Transport

/// `/v1/views`: how a database is looked at.
enum Views {
  private static let types: Set<String> = [
    "table", "board", "list", "calendar", "timeline", "gallery",
  ]
  private static let uncovered: Set<String> = ["form", "chart", "map", "dashboard"]

  /// The view that a new database has.
  static func addFirst(to database: Record, source: Record, _ call: Call) throws {
    _ = try Storage.insert(
      Record(
        kind: .view, parent: database.id, now: call.now,
        content: [
          "source": .string(source.id), "name": "Table", "type": "table",
          "configuration": ["type": "table"],
        ]), call)
  }

  static func list(_ call: Call) throws -> JSON {
    let size = try Paging.size(call.query, at: "query.page_size")
    let owner: Record
    if let id = call.parameter("database_id") {
      owner = try Databases.find(try Check.id(.string(id), at: "query.database_id"), call)
    } else if let id = call.parameter("data_source_id") {
      owner = try DataSources.find(try Check.id(.string(id), at: "query.data_source_id"), call)
    } else {
      throw Refusal.oneOf(["database_id", "data_source_id"], at: "query")
    }
    let database = owner.kind == .source ? owner.parent : owner.id
    let all = try views(of: database, call).filter {
      owner.kind == .database || $0.content["source"]?.string == owner.id
    }
    let (items, next) = try Paging.page(all, size: size, cursor: call.parameter("start_cursor"))
    return Paging.list(
      items.map { ["object": "view", "id": .string($0.id)] }, next: next, type: "view")
  }

  static func create(_ call: Call) throws -> JSON {
    for name in ["view_id", "create_database", "position", "placement"] {
      if call.body[name] != nil {
        throw Refusal.validation("The embedded workspace does not cover \(name) of views.")
      }
    }
    try Check.keys(
      call.body, at: "body",
      allowed: [
        "data_source_id", "database_id", "name", "type", "filter", "sorts", "quick_filters",
        "configuration",
      ])
    let source = try DataSources.find(
      try Check.id(call.body["data_source_id"], at: "body.data_source_id"), call)
    let database = try Databases.find(
      try call.body["database_id"].map { try Check.id($0, at: "body.database_id") }
        ?? source.parent, call)
    let type = try Check.string(call.body["type"], at: "body.type")
    guard types.contains(type) else {
      if uncovered.contains(type) {
        throw Refusal.validation("The embedded workspace does not cover \(type) views.")
      }
      throw Refusal.should(
        "body.type",
        types.union(uncovered).sorted().map { "`\"\($0)\"`" }.joined(separator: ", "),
        .string(type))
    }
    let name = try Check.string(call.body["name"], at: "body.name")
    var content: JSON.Members = [
      "source": .string(source.id), "name": .string(name), "type": .string(type),
      "configuration": ["type": .string(type)],
    ]
    try read(into: &content, source, call)
    let view = try Storage.insert(
      Record(kind: .view, parent: database.id, now: call.now, content: .object(content)), call)
    return try json(view, call)
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON { try json(find(id, call), call) }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: ["name", "filter", "sorts", "quick_filters", "configuration"])
    var view = try find(id, call)
    var content = view.content.members ?? [:]
    if let name = call.body["name"] {
      content["name"] = .string(try Check.string(name, at: "body.name"))
    }
    try read(into: &content, source(of: view, call), call)
    view.content = .object(content)
    view.edited = call.now
    try Storage.update(view, call)
    return try json(view, call)
  }

  static func delete(_ id: String, _ call: Call) throws -> JSON {
    var view = try find(id, call)
    guard try views(of: view.parent, call).count > 1 else {
      throw Refusal.validation("The last view of a database cannot be deleted.")
    }
    view.isInTrash = true
    try Storage.update(view, call)
    return [
      "object": "view", "id": .string(view.id), "parent": try Pages.parent(of: view, call),
      "type": view.content["type"] ?? "table",
    ]
  }

  /// Checks what a view filters and sorts by.
  private static func read(
    into content: inout JSON.Members, _ source: Record, _ call: Call
  ) throws {
    let schemas = source.schemas
    if let filter = call.body["filter"] {
      _ = try Filter.read(filter, schemas: schemas, call)
      content["filter"] = filter
    }
    if let sorts = call.body["sorts"] {
      if !sorts.isNull { _ = try Sorting.read(sorts, schemas: schemas) }
      content["sorts"] = sorts
    }
    if let quick = call.body["quick_filters"] { content["quick_filters"] = quick }
    if let configuration = call.body["configuration"] {
      _ = try Check.object(configuration, at: "body.configuration")
      let type = content["type"] ?? "table"
      guard configuration["type"] ?? type == type else {
        throw Refusal.should(
          "body.configuration.type", "`\(type.text)`", configuration["type"])
      }
      content["configuration"] = configuration
    }
  }

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let view = try call.find(id), view.kind == .view, !view.isInTrash else {
      throw Refusal.notFound("view", id)
    }
    return view
  }

  static func source(of view: Record, _ call: Call) throws -> Record {
    try DataSources.find(view.content["source"]?.string ?? "", call)
  }

  private static func views(of database: String, _ call: Call) throws -> [Record] {
    try Row.fetchAll(
      call.database,
      sql: """
        SELECT * FROM record WHERE parent = ? AND kind = 'view' AND in_trash = 0
        ORDER BY position, sequence
        """, arguments: [database]
    ).map(Record.init(row:))
  }

  private static func json(_ view: Record, _ call: Call) throws -> JSON {
    let database = Identity.undashed(view.parent)
    return [
      "object": "view", "id": .string(view.id), "parent": try Pages.parent(of: view, call),
      "data_source_id": view.content["source"] ?? nil, "name": view.content["name"] ?? "",
      "type": view.content["type"] ?? "table",
      "created_time": .string(Timestamp.millisecond(view.created)), "created_by": Users.partial,
      "last_edited_time": .string(Timestamp.millisecond(view.edited)),
      "last_edited_by": Users.partial,
      "url": .string(Address.app("\(database)?v=\(Identity.undashed(view.id))")),
      "filter": view.content["filter"] ?? nil, "sorts": view.content["sorts"] ?? nil,
      "quick_filters": view.content["quick_filters"] ?? nil,
      "configuration": view.content["configuration"] ?? nil,
    ]
  }
}

/// `/v1/views/{id}/queries`: the rows of a view, kept for a quarter of an hour.
enum ViewQueries {
  private static let lifetime = 900.0

  static func create(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(call.body, at: "body", allowed: ["page_size"])
    let size = try Paging.size(call.body["page_size"], at: "body.page_size")
    let view = try Views.find(id, call)
    let source = try Views.source(of: view, call)
    let schemas = source.schemas
    let filter = try Filter.read(view.content["filter"], schemas: schemas, call)
    let sorts = view.content["sorts"].flatMap { $0.isNull ? nil : $0 }
    let (rows, _) = try RowQuery(
      source: source, schemas: schemas, filter: filter,
      sorts: try Sorting.read(sorts, schemas: schemas), isInTrash: false,
      size: call.workspace.queryLimit, start: nil, session: QueryCursor.newSession(), call: call
    ).page()
    let query = try Storage.insert(
      Record(
        kind: .task, parent: view.id, now: call.now,
        content: ["rows": .array(rows.map { .string($0.id) })]), call)
    let (items, next) = page(query, from: 0, size: size)
    return [
      "object": "view_query", "id": .string(query.id), "view_id": .string(view.id),
      "expires_at": .string(Timestamp.millisecond(query.created + lifetime)),
      "total_count": .int(rows.count), "results": .array(items),
      "next_cursor": next.map { .string($0) } ?? .null, "has_more": .bool(next != nil),
    ]
  }

  static func retrieve(_ view: String, _ id: String, _ call: Call) throws -> JSON {
    let query = try find(view, id, call)
    let size = try Paging.size(call.query, at: "query.page_size")
    var start = 0
    if let cursor = call.parameter("start_cursor") {
      guard
        let index = (query.content["rows"]?.array ?? []).firstIndex(of: .string(cursor))
      else { throw Refusal.validation("The start_cursor provided is invalid: \(cursor)") }
      start = index
    }
    let (items, next) = page(query, from: start, size: size)
    return Paging.list(items, next: next, type: "page")
  }

  static func delete(_ view: String, _ id: String, _ call: Call) throws -> JSON {
    var query = try find(view, id, call)
    query.isInTrash = true
    try Storage.update(query, call)
    return ["object": "view_query", "id": .string(query.id), "view_id": .string(view)]
  }

  private static func find(_ view: String, _ id: String, _ call: Call) throws -> Record {
    _ = try Views.find(view, call)
    guard let query = try Storage.find(id, call.database), query.kind == .task,
      query.parent == view, !query.isInTrash, call.now < query.created + lifetime
    else { throw Refusal.notFound("view query", id) }
    return query
  }

  private static func page(_ query: Record, from start: Int, size: Int) -> ([JSON], String?) {
    let rows = query.content["rows"]?.array ?? []
    let end = min(start + size, rows.count)
    return (
      rows[start..<end].map { ["object": "page", "id": $0] },
      end < rows.count ? rows[end].string : nil
    )
  }
}
