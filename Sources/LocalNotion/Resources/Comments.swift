import GRDB
import Transport

/// `/v1/comments`.
enum Comments {
  static func create(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: [
        "parent", "discussion_id", "rich_text", "markdown", "markdown_version", "attachments",
        "display_name",
      ])
    try PageMarkdown.checkVersion(call.body)
    let holder: Record
    let discussion: String
    if let given = call.body["discussion_id"] {
      guard call.body["parent"] == nil else {
        throw Refusal.absent("body.parent", call.body["parent"] ?? nil)
      }
      discussion = try Check.id(given, at: "body.discussion_id")
      let first = try Row.fetchAll(
        call.database, sql: "SELECT * FROM record WHERE kind = 'comment' AND in_trash = 0"
      ).map(Record.init(row:)).first { $0.content["discussion"]?.string == discussion }
      guard let first else { throw Refusal.notFound("discussion", discussion) }
      holder = try Blocks.find(first.parent, call)
    } else {
      let parent = try Check.object(call.body["parent"], at: "body.parent")
      guard let given = parent["page_id"] ?? parent["block_id"] else {
        throw Refusal.oneOf(["page_id", "block_id"], at: "body.parent")
      }
      holder = try Blocks.find(try Check.id(given, at: "body.parent"), call)
      discussion = Identity.make()
    }
    var content: JSON.Members = [
      "discussion": .string(discussion), "rich_text": try text(call),
      "name": try displayName(call.body["display_name"]),
    ]
    if let given = call.body["attachments"] {
      content["uploads"] = .array(
        try Check.array(given, at: "body.attachments", atMost: 3).enumerated().map { index, item in
          let path = "body.attachments[\(index)].file_upload_id"
          let id = try Check.id(item["file_upload_id"], at: path)
          try FileUploads.attach(.string(id), at: path, call)
          return .string(id)
        })
    }
    let comment = try Storage.insert(
      Record(kind: .comment, parent: holder.id, now: call.now, content: .object(content)), call)
    return try json(comment, call)
  }

  private static func displayName(_ json: JSON?) throws -> JSON {
    guard let json else { return name("integration", LocalWorkspace.botName) }
    switch json["type"] {
    case "integration": return name("integration", LocalWorkspace.botName)
    case "user": return name("user", "You")
    case "custom":
      return name(
        "custom", try Check.string(json["custom"]?["name"], at: "body.display_name.custom.name"))
    default:
      throw Refusal.should(
        "body.display_name.type", "`\"integration\"`, `\"user\"` or `\"custom\"`", json["type"])
    }
  }

  private static func name(_ type: String, _ name: String) -> JSON {
    ["type": .string(type), "resolved_name": .string(name)]
  }

  static func list(_ call: Call) throws -> JSON {
    guard let given = call.parameter("block_id") else {
      throw Refusal.validation(
        "query failed validation: query.block_id should be defined, instead was `undefined`.")
    }
    let holder = try Blocks.find(try Check.id(.string(given), at: "query.block_id"), call)
    let size = try Paging.size(call.query, at: "query.page_size")
    let all = try Row.fetchAll(
      call.database,
      sql: """
        SELECT * FROM record WHERE parent = ? AND kind = 'comment' AND in_trash = 0
        ORDER BY sequence
        """, arguments: [holder.id]
    ).map(Record.init(row:))
    let (items, next) = try Paging.page(all, size: size, cursor: call.parameter("start_cursor"))
    return Paging.list(try items.map { try json($0, call) }, next: next, type: "comment")
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON { try json(find(id, call), call) }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(call.body, at: "body", allowed: ["rich_text", "markdown", "markdown_version"])
    try PageMarkdown.checkVersion(call.body)
    var comment = try find(id, call)
    var content = comment.content.members ?? [:]
    content["rich_text"] = try text(call)
    comment.content = .object(content)
    comment.edited = call.now
    try Storage.update(comment, call)
    return try json(comment, call)
  }

  static func delete(_ id: String, _ call: Call) throws -> JSON {
    var comment = try find(id, call)
    comment.isInTrash = true
    try Storage.update(comment, call)
    return try json(comment, call)
  }

  private static func text(_ call: Call) throws -> JSON {
    guard call.body["markdown"] == nil || call.body["rich_text"] == nil else {
      throw Refusal.absent("body.rich_text", call.body["rich_text"] ?? nil)
    }
    if let markdown = call.body["markdown"] {
      let text = try Check.string(markdown, at: "body.markdown")
      return try PageMarkdown.inline(
        text, version: call.body["markdown_version"]?.string)
    }
    return try RichTextValue.read(call.body["rich_text"], at: "body.rich_text")
  }

  private static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try call.find(id), record.kind == .comment, !record.isInTrash
    else { throw Refusal.notFound("comment", id) }
    return record
  }

  private static func json(_ comment: Record, _ call: Call) throws -> JSON {
    var members: JSON.Members = [
      "object": "comment", "id": .string(comment.id),
      "parent": try Pages.parent(of: comment, call),
      "discussion_id": comment.content["discussion"] ?? nil,
      "created_time": .string(Timestamp.minute(comment.created)),
      "last_edited_time": .string(Timestamp.minute(comment.edited)),
      "created_by": Users.partial,
      "rich_text": try RichTextValue.shown(comment.content["rich_text"], call),
      "display_name": comment.content["name"] ?? name("integration", LocalWorkspace.botName),
    ]
    if let uploads = comment.content["uploads"]?.array, !uploads.isEmpty {
      members["attachments"] = .array(
        try uploads.map { id in
          let upload = try FileUploads.find(id.string ?? "", call)
          let kind = upload.content["content_type"]?.string?.prefix { $0 != "/" } ?? ""
          return [
            "category": ["image", "video", "audio"].contains(kind) ? .string(String(kind)) : "file",
            "file": try FileUploads.file(id, at: "attachments", call).file,
          ]
        })
    }
    return .object(members)
  }
}
