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
        "properties",
      ])
    let parent = try Check.object(call.body["parent"], at: "body.parent")
    guard let given = parent["page_id"] else {
      throw Refusal.validation(
        "body failed validation. Fix one:\n"
          + ["page_id", "workspace"].map {
            "body.parent.\($0) should be defined, instead was `undefined`."
          }.joined(separator: "\n"))
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
    var database = Record(
      kind: .database, parent: page.id, now: call.now,
      content: [
        "title": title ?? RichTextValue.plain("New database"), "description": description ?? [],
        "is_inline": try call.body["is_inline"].map {
          .bool(try Check.bool($0, at: "body.is_inline"))
        }
          ?? false,
        "icon": call.body["icon"] ?? nil, "cover": call.body["cover"] ?? nil,
      ])
    database = try Storage.insert(database, call.database)
    let made = try Storage.insert(
      Record(
        kind: .source, parent: database.id, now: call.now,
        content: ["title": database.content["title"] ?? [], "properties": schemas.stored]),
      call.database)
    _ = try Relations.link(made, call)
    try Blocks.touch(page, call)
    return try json(database, call)
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    try json(find(id, call), call)
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: [
        "parent", "title", "description", "is_inline", "icon", "cover", "in_trash", "is_locked",
      ])
    var database = try find(id, call)
    if let parent = call.body["parent"] {
      database.parent = try Pages.find(
        try Check.id(parent["page_id"], at: "body.parent.page_id"), call
      ).id
    }
    var content = database.content.members ?? [:]
    if let title = call.body["title"] {
      content["title"] = try RichTextValue.read(title, at: "body.title")
      // With one source the titles mirror each other.
      let sources = try Storage.sources(of: id, call.database)
      if sources.count == 1, var source = sources.first {
        var members = source.content.members ?? [:]
        members["title"] = content["title"]
        source.content = .object(members)
        source.edited = call.now
        try Storage.update(source, call.database)
      }
    }
    if let description = call.body["description"] {
      content["description"] = try RichTextValue.read(description, at: "body.description")
    }
    for name in ["icon", "cover"] {
      if let value = call.body[name] { content[name] = value }
    }
    for name in ["is_inline", "is_locked"] {
      if let value = call.body[name] {
        content[name] = .bool(try Check.bool(value, at: "body.\(name)"))
      }
    }
    if let value = call.body["in_trash"] {
      database.isInTrash = try Check.bool(value, at: "body.in_trash")
    }
    database.content = .object(content)
    database.edited = call.now
    try Storage.update(database, call.database)
    return try json(database, call)
  }

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try Storage.find(id, call.database) else {
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
      "title": database.content["title"] ?? [],
      "description": database.content["description"] ?? [],
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
      "icon": database.content["icon"] ?? nil, "cover": database.content["cover"] ?? nil,
      "url": .string("https://www.notion.so/\(Identity.undashed(database.id))"),
      "public_url": nil,
    ]
  }
}
