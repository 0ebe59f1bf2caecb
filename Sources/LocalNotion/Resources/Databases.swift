import GRDB
import Transport

/// `/v1/databases`.
enum Databases {
  static func create(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      // A stray `properties`, the shape of old versions, is passed over, as Notion does.
      allowed: [
        "parent", "title", "description", "is_inline", "initial_data_source", "icon", "cover",
        "properties", "database_type",
      ])
    if call.body["database_type"] != nil {
      throw Refusal.validation("The embedded workspace does not cover database_type.")
    }
    let parent = try Check.object(call.body["parent"], at: "body.parent")
    if parent["workspace"] == true { throw Refusal.workspaceParent }
    guard let given = parent["page_id"] else {
      throw Refusal.oneOf(["page_id", "workspace"], at: "body.parent")
    }
    let page = try Pages.find(try Check.id(given, at: "body.parent.page_id"), call)
    try Blocks.checkEditable(page, call)
    let title = try call.body["title"].map { try RichTextValue.read($0, at: "body.title") }
    let description = try call.body["description"].map {
      try RichTextValue.read($0, at: "body.description")
    }
    let source = call.body["initial_data_source"]
    if let source {
      try Check.keys(source, at: "body.initial_data_source", allowed: ["properties"])
    }
    let schemas = try PropertySchemas.created(
      from: try source?["properties"].map {
        try call.version.upgradedSchemas($0, call.database)
      }, at: "body.initial_data_source.properties")
    try UniqueNumbers.check(schemas, in: nil, call)
    let isInline =
      try call.body["is_inline"].map { try Check.bool($0, at: "body.is_inline") } ?? false
    var content: JSON.Members = [
      "title": title ?? RichTextValue.plain("New database"), "description": description ?? [],
      "is_inline": .bool(isInline),
    ]
    try Icons.read(into: &content, call.body, call)
    try checkCover(content)
    let database = try Storage.insert(
      Record(
        kind: .database, parent: page.id, now: call.now, content: .object(content),
        id: Identity.make()), call)
    let made = try Storage.insert(
      Record(
        kind: .source, parent: database.id, now: call.now,
        content: [
          "title": database.content["title"] ?? [], "description": description ?? [],
          "properties": schemas.stored,
        ], id: Identity.make()), call)
    _ = try Relations.link(made, call)
    try Views.addFirst(to: database, source: made, call)
    try Blocks.touch(page, call)
    return try json(database, call)
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    try json(find(id, call), call)
  }

  /// Gives a database another title, and its source if it has only one.
  static func rename(_ database: inout Record, _ title: String, _ call: Call) throws {
    let sources = try Storage.sources(of: database.id, call.database)
    func renamed(_ record: Record) -> Record {
      var record = record
      var content = record.content.members ?? [:]
      content["title"] = RichTextValue.plain(title)
      record.content = .object(content)
      record.edited = call.now
      return record
    }
    database = renamed(database)
    if sources.count == 1 { try Storage.update(renamed(sources[0]), call) }
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: [
        "parent", "title", "description", "is_inline", "icon", "cover", "in_trash", "is_locked",
      ])
    var database = try find(id, call)
    if call.body["in_trash"] != false { try Blocks.checkEditable(database, call) }
    if let parent = call.body["parent"] {
      if parent["workspace"] == true { throw Refusal.workspaceParent }
      let holder = try Pages.find(
        try Check.id(parent["page_id"], at: "body.parent.page_id"), call)
      if holder.id != database.parent {
        try Blocks.checkEditable(holder, call)
        guard try !Storage.ancestors(of: holder, call.database).contains(database.id) else {
          throw Refusal.validation("A database cannot be moved into itself.")
        }
        database.parent = holder.id
        database.position = try Blocks.end(of: holder, call)
      }
    }
    var content = database.content.members ?? [:]
    for name in ["title", "description"] {
      guard let given = call.body[name] else { continue }
      content[name] = try RichTextValue.read(given, at: "body.\(name)")
      // With one source the two have the same title and description.
      let sources = try Storage.sources(of: id, call.database)
      if sources.count == 1, var source = sources.first {
        var members = source.content.members ?? [:]
        members[name] = content[name]
        source.content = .object(members)
        source.edited = call.now
        try Storage.update(source, call)
      }
    }
    try Icons.read(into: &content, call.body, call)
    for name in ["is_inline", "is_locked"] {
      if let value = call.body[name] {
        content[name] = .bool(try Check.bool(value, at: "body.\(name)"))
      }
    }
    if let value = call.body["in_trash"] {
      database.isInTrash = try Check.bool(value, at: "body.in_trash")
    }
    try checkCover(content)
    database.content = .object(content)
    database.edited = call.now
    try Storage.update(database, call)
    return try json(database, call)
  }

  private static func checkCover(_ content: JSON.Members) throws {
    guard content["is_inline"] != true || content["cover"] ?? .null == .null else {
      throw Refusal.validation("Inline databases cannot have a cover.")
    }
  }

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try call.find(id) else {
      throw Refusal.notFound("database", id)
    }
    guard record.kind == .database else {
      if record.kind == .page {
        throw Refusal.validation(
          "Provided ID \(id) is a page, not a database. Use the retrieve page API instead.")
      }
      throw Refusal.notFound("database", id)
    }
    return record
  }

  static func json(_ database: Record, _ call: Call) throws -> JSON {
    let sources = try Storage.sources(of: database.id, call.database)
    return [
      "object": "database", "id": .string(database.id),
      "title": try RichTextValue.shown(database.content["title"], call),
      "description": try RichTextValue.shown(database.content["description"], call),
      "parent": try Pages.parent(of: database, call),
      "is_inline": database.content["is_inline"] ?? false, "in_trash": .bool(database.isInTrash),
      "is_locked": database.content["is_locked"] ?? false,
      "created_time": .string(Timestamp.millisecond(database.created)),
      "last_edited_time": .string(Timestamp.millisecond(database.edited)),
      "data_sources": .array(
        sources.map {
          [
            "id": .string($0.id),
            "name": .string(RichTextValue.text($0.content["title"])),
          ]
        }),
      "icon": try Icons.shown(database.content["icon"], call),
      "cover": try Icons.shown(database.content["cover"], call),
      "url": .string(Address.app(Identity.undashed(database.id))),
      "public_url": nil,
    ]
  }
}
