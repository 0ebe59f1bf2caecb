import GRDB
import Transport

/// `/v1/pages`.
enum Pages {
  static func create(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: [
        "parent", "properties", "icon", "cover", "children", "content", "markdown", "template",
        "position",
      ])
    for name in ["markdown", "template", "position"] {
      if let value = call.body[name] {
        throw Refusal.validation(
          "The embedded workspace does not cover `\(name)` when a page is made (\(value.text.prefix(40)))."
        )
      }
    }
    let parent = try Check.object(call.body["parent"], at: "body.parent")
    let children = try (call.body["children"] ?? call.body["content"]).map {
      try BlockInput.read($0, at: "body.children")
    }
    var page: Record
    if let (source, schemas) = try rowParent(parent, call) {
      let (values, changed) = try PropertyInput.read(
        call.body["properties"], schemas: schemas, at: "body.properties")
      if let changed { try save(changed, in: source, call) }
      page = Record(
        kind: .page, parent: source.id, now: call.now,
        content: try content(values, schemas: schemas, source: source, call))
    } else if let given = parent["page_id"] {
      let holder = try find(try Check.id(given, at: "body.parent.page_id"), call)
      try Blocks.checkEditable(holder, call)
      let (values, _) = try PropertyInput.read(
        call.body["properties"] ?? [:], schemas: titleOnly, at: "body.properties")
      page = Record(
        kind: .page, parent: holder.id, now: call.now, content: ["values": .object(values)])
      try Blocks.touch(holder, call)
    } else {
      throw Refusal.validation(
        "body failed validation. Fix one:\n"
          + ["page_id", "database_id", "data_source_id", "workspace"].map {
            "body.parent.\($0) should be defined, instead was `undefined`."
          }.joined(separator: "\n"))
    }
    var extended = page.content.members ?? [:]
    for name in ["icon", "cover"] {
      if let value = call.body[name], !value.isNull { extended[name] = value }
    }
    page.content = .object(extended)
    page = try Storage.insert(page, call.database)
    for block in children ?? [] { _ = try Blocks.insert(block, in: page.id, call) }
    return try json(page, call)
  }

  private static func rowParent(
    _ parent: JSON.Members, _ call: Call
  ) throws -> (Record, PropertySchemas)? {
    let source: Record
    if let given = parent["data_source_id"] {
      source = try DataSources.find(try Check.id(given, at: "body.parent.data_source_id"), call)
    } else if let given = parent["database_id"] {
      let database = try Databases.find(try Check.id(given, at: "body.parent.database_id"), call)
      let sources = try Storage.sources(of: database.id, call.database)
      guard let only = sources.first, sources.count == 1 else {
        throw Refusal(
          status: 400, code: "validation_error",
          message: "Databases with multiple data sources are not supported in this API version.",
          additional: [
            "error_type": "multiple_data_sources_for_database",
            "database_id": .string(database.id),
            "child_data_source_ids": .array(sources.map { .string($0.id) }),
            "minimum_api_version": "2025-09-03",
          ])
      }
      source = only
    } else {
      return nil
    }
    guard try !Storage.isTrashed(source, call.database) else {
      throw Refusal.validation(
        "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before editing page."
      )
    }
    return (source, PropertySchemas(stored: source.content["properties"]))
  }

  /// The values of a new row: what was given, a status at its default, the next unique number.
  private static func content(
    _ given: JSON.Members, schemas: PropertySchemas, source: Record, _ call: Call
  ) throws -> JSON {
    var values = given
    var members: JSON.Members = [:]
    for property in schemas.properties {
      if property.type == "status", values[property.id] == nil {
        values[property.id] = property.config["options"]?[0]?["id"]
      }
      if property.type == "unique_id" {
        let next = (source.content["counter"]?.int ?? 0) + 1
        members["number"] = .int(next)
        var record = try DataSources.find(source.id, call)
        var content = record.content.members ?? [:]
        content["counter"] = .int(next)
        record.content = .object(content)
        try Storage.update(record, call.database)
      }
    }
    members["values"] = .object(values)
    return .object(members)
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    try json(find(id, call), call)
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: ["properties", "icon", "cover", "in_trash", "is_archived", "is_locked"])
    var page = try find(id, call)
    let untrashes = call.body["in_trash"] == false
    if !untrashes { try Blocks.checkEditable(page, call) }
    var content = page.content.members ?? [:]
    if let given = call.body["properties"] {
      let source = try Storage.find(page.parent, call.database).flatMap {
        $0.kind == .source ? $0 : nil
      }
      let schemas = source.map { PropertySchemas(stored: $0.content["properties"]) } ?? titleOnly
      let (changes, changed) = try PropertyInput.read(
        given, schemas: schemas, at: "body.properties")
      if let changed, let source { try save(changed, in: source, call) }
      var values = content["values"]?.members ?? [:]
      for (id, value) in changes { values[id] = value }
      content["values"] = .object(values)
    }
    for name in ["icon", "cover"] {
      if let value = call.body[name] { content[name] = value }
    }
    for name in ["is_archived", "is_locked"] {
      if let value = call.body[name] {
        content[name] = .bool(try Check.bool(value, at: "body.\(name)"))
      }
    }
    if let value = call.body["in_trash"] {
      page.isInTrash = try Check.bool(value, at: "body.in_trash")
    }
    page.content = .object(content)
    page.edited = call.now
    try Storage.update(page, call.database)
    return try json(page, call)
  }

  /// Keeps a schema that gained options.
  private static func save(_ schemas: PropertySchemas, in source: Record, _ call: Call) throws {
    var record = try DataSources.find(source.id, call)
    var content = record.content.members ?? [:]
    content["properties"] = schemas.stored
    record.content = .object(content)
    try Storage.update(record, call.database)
  }

  /// The schema of a page that is no row.
  static let titleOnly = PropertySchemas(properties: [
    Property(id: "title", name: "title", type: "title", config: [:])
  ])

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try Storage.find(id, call.database) else {
      throw Refusal.notFound("page", id)
    }
    guard record.kind == .page else {
      if record.kind == .database {
        throw Refusal.validation(
          "Provided ID \(id) is a database, not a page. Use the retrieve database API instead.")
      }
      throw Refusal.notFound("page", id)
    }
    return record
  }

  static func json(_ page: Record, _ call: Call) throws -> JSON {
    guard let source = try Storage.find(page.parent, call.database), source.kind == .source else {
      return json(page, parent: try parent(of: page, call), schemas: titleOnly, only: [])
    }
    let schemas = PropertySchemas(stored: source.content["properties"])
    let shown = try call.filterProperties.map { name -> String in
      guard let property = schemas.find(name) else {
        throw Refusal.validation("Could not find property with name or id: \(name)")
      }
      return property.id
    }
    return json(page, source: source, schemas: schemas, only: shown)
  }

  /// A row as answers have it.
  static func json(
    _ page: Record, source: Record, schemas: PropertySchemas, only shown: [String]
  ) -> JSON {
    json(
      page,
      parent: [
        "type": "data_source_id", "data_source_id": .string(source.id),
        "database_id": .string(source.parent),
      ], schemas: schemas, only: shown)
  }

  private static func json(
    _ page: Record, parent: JSON, schemas: PropertySchemas, only shown: [String]
  ) -> JSON {
    let values = page.content["values"]
    let properties = schemas.inOrder.filter { shown.isEmpty || shown.contains($0.id) }
    let title = RichTextValue.text(values?["title"])
    return [
      "object": "page", "id": .string(page.id),
      "created_time": .string(Timestamp.minute(page.created)),
      "last_edited_time": .string(Timestamp.minute(page.edited)),
      "created_by": Users.partial, "last_edited_by": Users.partial,
      "cover": page.content["cover"] ?? nil, "icon": page.content["icon"] ?? nil,
      "parent": parent,
      "in_trash": .bool(page.isInTrash),
      "is_archived": page.content["is_archived"] ?? false,
      "is_locked": page.content["is_locked"] ?? false,
      "properties": .object(
        JSON.Members(
          properties.map {
            ($0.name, PropertyValues.json(values?[$0.id], of: $0, page: page))
          })),
      "url": .string(url(page.id, title: title)), "public_url": nil,
    ]
  }

  private static func url(_ id: String, title: String) -> String {
    var slug = ""
    for character in title {
      if character.isASCII, character.isLetter || character.isNumber {
        slug.append(character)
      } else if !slug.isEmpty, slug.last != "-" {
        slug.append("-")
      }
    }
    while slug.last == "-" { slug.removeLast() }
    return "https://www.notion.so/" + (slug.isEmpty ? "" : slug.prefix(80) + "-")
      + Identity.undashed(id)
  }

  static func parent(of record: Record, _ call: Call) throws -> JSON {
    guard !record.parent.isEmpty, let holder = try Storage.find(record.parent, call.database) else {
      return ["type": "workspace", "workspace": true]
    }
    return switch holder.kind {
    case .page: ["type": "page_id", "page_id": .string(holder.id)]
    case .block: ["type": "block_id", "block_id": .string(holder.id)]
    case .database: ["type": "database_id", "database_id": .string(holder.id)]
    case .source:
      [
        "type": "data_source_id", "data_source_id": .string(holder.id),
        "database_id": .string(holder.parent),
      ]
    }
  }
}

/// A request's `properties`.
enum PropertyInput {
  /// Checks values, and gives them by identity, with the schema when it gained options.
  static func read(
    _ json: JSON?, schemas: PropertySchemas, at path: String
  ) throws -> (JSON.Members, PropertySchemas?) {
    var values = JSON.Members()
    var changed = schemas
    var hasChanged = false
    for (name, value) in try Check.object(json, at: path) {
      guard let known = changed.find(name),
        let index = changed.properties.firstIndex(where: { $0.id == known.id })
      else { throw Refusal.validation("\(name) is not a property that exists.") }
      let before = changed.properties[index].config
      values[known.id] = try PropertyValues.read(
        value, for: &changed.properties[index], at: "\(path).\(name)")
      hasChanged = hasChanged || changed.properties[index].config != before
    }
    return (values, hasChanged ? changed : nil)
  }
}
