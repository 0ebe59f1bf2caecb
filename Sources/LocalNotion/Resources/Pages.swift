import GRDB
import Transport

/// `/v1/pages`.
enum Pages {
  static func create(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: [
        "parent", "properties", "icon", "cover", "children", "content", "markdown", "template",
        "position", "in_trash", "allow_async", "markdown_version",
      ])
    try Templates.check(call.body["template"], in: call.body, call)
    try PageMarkdown.checkVersion(call.body)
    if let async = call.body["allow_async"], call.body["markdown"] == nil {
      throw Refusal.absent("body.allow_async", async)
    }
    var markdown = try call.body["markdown"].map { try Check.string($0, at: "body.markdown") }
    if markdown != nil, let children = call.body["children"] ?? call.body["content"] {
      throw Refusal.absent("body.children", children)
    }
    guard let parent = try call.body["parent"].map({ try Check.object($0, at: "body.parent") }),
      parent["workspace"] != true
    else { throw Refusal.workspaceParent }
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
      throw Refusal.oneOf(
        ["page_id", "database_id", "data_source_id", "workspace"], at: "body.parent")
    }
    var extended = page.content.members ?? [:]
    try Icons.read(into: &extended, call.body, call)
    if let text = markdown, RichTextValue.text(extended["values"]?["title"]).isEmpty,
      let split = PageMarkdown.splitTitle(text)
    {
      var values = extended["values"]?.members ?? [:]
      values["title"] = RichTextValue.plain(split.title)
      extended["values"] = .object(values)
      markdown = split.rest
    }
    page.content = .object(extended)
    if let position = call.body["position"] {
      page.position = try place(position, in: page.parent, call)
    }
    page = try Storage.insert(page, call)
    try Relations.mirror(page, before: [:], call)
    try attachFiles(of: page, call)
    if let children { try BlockInput.checkUploads(children, call) }
    if let markdown { try PageMarkdown.create(markdown, in: page, call) }
    for block in children ?? [] { _ = try Blocks.insert(block, in: page.id, call) }
    let made = try json(page, call)
    guard call.body["allow_async"] == true else { return made }
    return try AsyncTasks.queued(made, operation: "POST /v1/pages", call)
  }

  /// Where a new page goes among what its parent holds.
  private static func place(_ json: JSON, in parent: String, _ call: Call) throws -> Double {
    let all = try Storage.children(of: parent, call.database)
    switch json["type"]?.string {
    case "page_start": return (all.first?.position ?? 1) - 1
    case "page_end": return (all.last?.position ?? 0) + 1
    case "after_block":
      let id = try Check.id(json["after_block"]?["id"], at: "body.position.after_block.id")
      guard let index = all.firstIndex(where: { $0.id == id }) else {
        throw Refusal.notFound("block", id)
      }
      let after = index + 1 < all.count ? all[index + 1].position : all[index].position + 1
      return (all[index].position + after) / 2
    default:
      throw Refusal.should(
        "body.position.type", "`\"page_start\"`, `\"page_end\"` or `\"after_block\"`",
        json["type"])
    }
  }

  /// Puts a page below another page or into a data source.
  static func move(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(call.body, at: "body", allowed: ["parent"])
    var page = try find(id, call)
    try Blocks.checkEditable(page, call)
    let parent = try Check.object(call.body["parent"], at: "body.parent")
    let old = try schemas(of: page, call)
    let values = page.content["values"]
    var content = page.content.members ?? [:]
    var kept = JSON.Members()
    kept["title"] = values?["title"]
    if let (source, schemas) = try rowParent(parent, call) {
      // Values go along where the new schema has a property of the same name and type.
      for property in schemas.properties where property.type != "title" {
        guard let before = old.properties.first(where: { $0.name == property.name }),
          before.type == property.type, property.config["options"] == nil
        else { continue }
        kept[property.id] = values?[before.id]
      }
      page.parent = source.id
    } else if let given = parent["page_id"] {
      let holder = try find(try Check.id(given, at: "body.parent.page_id"), call)
      try Blocks.checkEditable(holder, call)
      guard holder.id != page.id,
        try !Storage.ancestors(of: holder, call.database).contains(page.id)
      else { throw Refusal.validation("A page cannot be moved into itself.") }
      if page.parent != holder.id { page.position = try Blocks.end(of: holder, call) }
      page.parent = holder.id
    } else {
      throw Refusal.oneOf(["page_id", "data_source_id"], at: "body.parent")
    }
    content["values"] = .object(kept)
    page.content = .object(content)
    page.edited = call.now
    try Storage.update(page, call)
    return try json(page, call)
  }

  /// The schema of the data source a page is in; the title alone for a page elsewhere.
  static func schemas(of page: Record, _ call: Call) throws -> PropertySchemas {
    guard let source = try Storage.find(page.parent, call.database), source.kind == .source else {
      return titleOnly
    }
    return source.schemas
  }

  private static func rowParent(
    _ parent: JSON.Members, _ call: Call
  ) throws -> (Record, PropertySchemas)? {
    let source: Record
    if let given = parent["data_source_id"] {
      source = try DataSources.find(try Check.id(given, at: "body.parent.data_source_id"), call)
    } else if let given = parent["database_id"] {
      let database = try Databases.find(try Check.id(given, at: "body.parent.database_id"), call)
      source = try Version.onlySource(of: database, call)
    } else {
      return nil
    }
    guard try !Storage.isTrashed(source, call.database) else {
      throw Refusal.archivedAncestor
    }
    return (source, source.schemas)
  }

  /// The values of a new row: what was given, a status at its default, the next unique number.
  private static func content(
    _ given: JSON.Members, schemas: PropertySchemas, source: Record, _ call: Call
  ) throws -> JSON {
    var values = given
    var members: JSON.Members = [:]
    for property in schemas.properties where property.type == "status" {
      values[property.id] = values[property.id] ?? property.defaultStatus
    }
    if schemas.properties.contains(where: { $0.type == "unique_id" }) {
      members["number"] = .int(try UniqueNumbers.next(in: source.id, call))
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
      allowed: [
        "properties", "icon", "cover", "in_trash", "is_archived", "is_locked", "erase_content",
        "template",
      ])
    try Templates.check(call.body["template"], in: call.body, call)
    var page = try find(id, call)
    let before = page.content["values"]?.members ?? [:]
    let untrashes = call.body["in_trash"] == false
    if !untrashes { try Blocks.checkEditable(page, call) }
    var content = page.content.members ?? [:]
    if let given = call.body["properties"] {
      let source = try Storage.find(page.parent, call.database).flatMap {
        $0.kind == .source ? $0 : nil
      }
      let schemas = source.map { $0.schemas } ?? titleOnly
      let (changes, changed) = try PropertyInput.read(
        given, schemas: schemas, at: "body.properties")
      if let changed, let source { try save(changed, in: source, call) }
      var values = content["values"]?.members ?? [:]
      for (id, value) in changes { values[id] = value }
      content["values"] = .object(values)
    }
    try Icons.read(into: &content, call.body, call)
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
    try Storage.update(page, call)
    try Relations.mirror(page, before: before, call)
    if call.body["properties"] != nil { try attachFiles(of: page, call) }
    if call.body["erase_content"] == true {
      try Storage.trashChildren(of: page.id, call)
    }
    return try json(page, call)
  }

  /// Attaches the uploaded files of a row.
  private static func attachFiles(of page: Record, _ call: Call) throws {
    for (_, value) in page.content["values"]?.members ?? [:] {
      for item in value.array ?? [] {
        if let upload = item["upload"] {
          try FileUploads.attach(upload, at: "body.properties.file_upload.id", call)
        }
      }
    }
  }

  /// Keeps a schema that gained options.
  private static func save(_ schemas: PropertySchemas, in source: Record, _ call: Call) throws {
    var record = try DataSources.find(source.id, call)
    var content = record.content.members ?? [:]
    content["properties"] = schemas.stored
    record.content = .object(content)
    try Storage.update(record, call)
  }

  /// The schema of a page that is no row.
  static let titleOnly = PropertySchemas(properties: [
    Property(id: "title", name: "title", type: "title", config: [:])
  ])

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try call.find(id) else {
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
      return try json(
        page, parent: try parent(of: page, call), schemas: titleOnly, only: [], call)
    }
    let schemas = source.schemas
    let shown = try call.filterProperties.map { name -> String in
      guard let property = schemas.find(name) else {
        throw Refusal.validation("Could not find property with name or id: \(name)")
      }
      return property.id
    }
    return try json(page, source: source, schemas: schemas, only: shown, call)
  }

  /// A row as answers have it.
  static func json(
    _ page: Record, source: Record, schemas: PropertySchemas, only shown: [String], _ call: Call
  ) throws -> JSON {
    try json(
      page,
      parent: [
        "type": "data_source_id", "data_source_id": .string(source.id),
        "database_id": .string(source.parent),
      ], schemas: schemas, only: shown, call)
  }

  private static func json(
    _ page: Record, parent: JSON, schemas: PropertySchemas, only shown: [String], _ call: Call
  ) throws -> JSON {
    let values = page.content["values"]
    let properties =
      shown.isEmpty ? schemas.inOrder : schemas.inOrder.filter { shown.contains($0.id) }
    let title = RichTextValue.text(values?["title"])
    return [
      "object": "page", "id": .string(page.id),
      "created_time": .string(Timestamp.minute(page.created)),
      "last_edited_time": .string(Timestamp.minute(page.edited)),
      "created_by": Users.partial, "last_edited_by": Users.partial,
      "cover": try Icons.shown(page.content["cover"], call),
      "icon": try Icons.shown(page.content["icon"], call),
      "parent": parent,
      "in_trash": .bool(page.isInTrash),
      "is_archived": page.content["is_archived"] ?? false,
      "is_locked": page.content["is_locked"] ?? false,
      "properties": .object(
        JSON.Members(
          try properties.map {
            ($0.name, try PropertyValues.json(values?[$0.id], of: $0, page: page, call: call))
          })),
      "url": .string(url(page.id, title: title)), "public_url": nil,
    ]
  }

  private static func url(_ id: String, title: String) -> String {
    var slug: [UInt8] = []
    func add(_ byte: UInt8?) {
      if let byte {
        slug.append(byte)
      } else if let last = slug.last, last != UInt8(ascii: "-") {
        slug.append(UInt8(ascii: "-"))
      }
    }
    for character in title {
      let byte = character.asciiValue
      add(byte.flatMap { character.isLetter || character.isNumber ? $0 : nil })
    }
    while slug.last == UInt8(ascii: "-") { slug.removeLast() }
    let words = String(decoding: slug.prefix(80), as: UTF8.self)
    return Address.app((words.isEmpty ? "" : words + "-") + Identity.undashed(id))
  }

  static func parent(of record: Record, _ call: Call) throws -> JSON {
    guard !record.parent.isEmpty, let holder = try Storage.find(record.parent, call.database) else {
      return ["type": "workspace", "workspace": true]
    }
    return switch holder.kind {
    case .page: ["type": "page_id", "page_id": .string(holder.id)]
    case .block, .comment, .upload, .view, .task:
      ["type": "block_id", "block_id": .string(holder.id)]
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
    // Names that are unknown and values of another type are told all at once.
    var problems: [String] = []
    for (name, value) in try Check.object(json, at: path) {
      guard let known = changed.find(name),
        let index = changed.properties.firstIndex(where: { $0.id == known.id })
      else {
        problems.append("\(name) is not a property that exists.")
        continue
      }
      if let problem = PropertyValues.mismatch(value, for: known) {
        problems.append(problem)
        continue
      }
      guard problems.isEmpty else { continue }
      let before = changed.properties[index].config
      values[known.id] = try PropertyValues.read(
        value, for: &changed.properties[index], at: "\(path).\(name)")
      hasChanged = hasChanged || changed.properties[index].config != before
    }
    guard problems.isEmpty else { throw Refusal.validation(problems.joined(separator: " ")) }
    return (values, hasChanged ? changed : nil)
  }
}
