import GRDB
import Transport

/// `/v1/comments`.
enum Comments {
  static func create(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: ["parent", "discussion_id", "rich_text", "markdown", "attachments", "display_name"])
    for name in ["attachments"] where call.body[name] != nil {
      throw Refusal.validation("The embedded workspace does not cover \(name) of comments.")
    }
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
        throw Refusal.validation(
          "body failed validation. Fix one:\n"
            + ["page_id", "block_id"].map {
              "body.parent.\($0) should be defined, instead was `undefined`."
            }.joined(separator: "\n"))
      }
      holder = try Blocks.find(try Check.id(given, at: "body.parent"), call)
      discussion = Identity.make()
    }
    let text = try text(call)
    let comment = try Storage.insert(
      Record(
        kind: .comment, parent: holder.id, now: call.now,
        content: ["discussion": .string(discussion), "rich_text": text]), call.database)
    return try json(comment, call)
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
    try Check.keys(call.body, at: "body", allowed: ["rich_text", "markdown"])
    var comment = try find(id, call)
    var content = comment.content.members ?? [:]
    content["rich_text"] = try text(call)
    comment.content = .object(content)
    comment.edited = call.now
    try Storage.update(comment, call.database)
    return try json(comment, call)
  }

  static func delete(_ id: String, _ call: Call) throws -> JSON {
    var comment = try find(id, call)
    comment.isInTrash = true
    try Storage.update(comment, call.database)
    return try json(comment, call)
  }

  private static func text(_ call: Call) throws -> JSON {
    if let markdown = call.body["markdown"] {
      let text = try Check.string(markdown, at: "body.markdown")
      return try PageMarkdown.inline(text)
    }
    return try RichTextValue.read(call.body["rich_text"], at: "body.rich_text")
  }

  private static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try Storage.find(id, call.database), record.kind == .comment,
      !record.isInTrash
    else { throw Refusal.notFound("comment", id) }
    return record
  }

  private static func json(_ comment: Record, _ call: Call) throws -> JSON {
    [
      "object": "comment", "id": .string(comment.id),
      "parent": try Pages.parent(of: comment, call),
      "discussion_id": comment.content["discussion"] ?? nil,
      "created_time": .string(Timestamp.minute(comment.created)),
      "last_edited_time": .string(Timestamp.minute(comment.edited)),
      "created_by": Users.partial,
      "rich_text": try RichTextValue.shown(comment.content["rich_text"], call),
      "display_name": ["type": "integration", "resolved_name": .string(LocalWorkspace.botName)],
    ]
  }
}
