import GRDB
import Transport

/// `/v1/blocks`.
enum Blocks {
  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    try json(find(id, call), call)
  }

  static func children(_ id: String, _ call: Call) throws -> JSON {
    let holder = try find(id, call)
    let size = try Paging.size(call.query, at: "query.page_size")
    let all = try Storage.children(of: holder.id, call.database)
    let (items, next) = try Paging.page(all, size: size, cursor: call.parameter("start_cursor"))
    return Paging.list(try items.map { try json($0, call) }, next: next, type: "block")
  }

  static func append(_ id: String, _ call: Call) throws -> JSON {
    try Check.keys(call.body, at: "body", allowed: ["children", "position"])
    let holder = try find(id, call)
    try checkEditable(holder, call)
    guard holder.kind == .page || BlockInput.holdsChildren(holder) else {
      throw Refusal.validation(
        "Block type \(holder.content["type"]?.string ?? "") does not support children.")
    }
    let blocks = try BlockInput.read(call.body["children"], at: "body.children")
    try BlockInput.checkUploads(blocks, call)
    if holder.content["type"]?.string == "table" {
      guard blocks.allSatisfy({ $0.type == "table_row" }) else {
        throw Refusal.validation("Only table_row blocks can be children of a table.")
      }
      let width = holder.content["payload"]?["table_width"]?.int ?? 0
      for (index, row) in blocks.enumerated() {
        try row.checkCells(atMost: width, at: "body.children[\(index)]")
      }
    } else if blocks.contains(where: { $0.type == "table_row" }) {
      throw Refusal.validation("A table_row can only be a child of a table.")
    }
    let place = try position(call, holder)
    var made: [Record] = []
    for (index, block) in blocks.enumerated() {
      let position = place.map { $0.from + $0.step * Double(index + 1) }
      made.append(try insert(block, in: holder.id, position: position, call))
    }
    try touch(holder, call)
    // In the middle, Notion answers with the new blocks and everything after them.
    var answered = made
    if place != nil, let last = made.last {
      answered += try Storage.children(of: holder.id, call.database).filter {
        $0.position > last.position
      }
    }
    return Paging.list(try answered.map { try json($0, call) }, next: nil, type: "block")
  }

  /// Where to put new blocks: `nil` for the end, else a start and the step between two.
  private static func position(
    _ call: Call, _ holder: Record
  ) throws -> (from: Double, step: Double)? {
    guard let given = call.body["position"] else { return nil }
    try Check.keys(given, at: "body.position", allowed: ["type", "after_block"])
    let all = try Storage.children(of: holder.id, call.database)
    let count = Double((call.body["children"]?.array?.count ?? 0) + 1)
    switch given["type"]?.string {
    case "end": return nil
    case "start":
      let first = all.first?.position ?? 1
      return (first - 1, 1 / count)
    case "after_block":
      let id = try Check.id(given["after_block"]?["id"], at: "body.position.after_block.id")
      guard let index = all.firstIndex(where: { $0.id == id }) else {
        throw Refusal.notFound("block", id)
      }
      let from = all[index].position
      let to = index + 1 < all.count ? all[index + 1].position : from + 1
      return (from, (to - from) / count)
    default:
      throw Refusal.should(
        "body.position.type", "`\"start\"`, `\"end\"` or `\"after_block\"`", given["type"])
    }
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    var block = try find(id, call)
    if call.body["in_trash"] == false {
      try Check.keys(call.body, at: "body", allowed: ["in_trash"])
      block.isInTrash = false
      guard try !Storage.isTrashed(block, call.database) else { throw Refusal.archivedAncestor }
      block.isInTrash = false
      block.edited = call.now
      try Storage.update(block, call)
      return try json(block, call)
    }
    if call.body["in_trash"] == true { return try delete(id, call) }
    try checkEditable(block, call)
    guard block.kind == .block, let type = block.content["type"]?.string else {
      throw Refusal.validation("Pages and databases are changed through their own endpoints.")
    }
    try Check.keys(call.body, at: "body", allowed: ["type", "in_trash", type])
    guard let change = call.body[type] else { throw Refusal.missing("body.\(type)") }
    if type == "table_row", let holder = try Storage.find(block.parent, call.database) {
      let width = holder.content["payload"]?["table_width"]?.int ?? 0
      let cells = change["cells"]?.array?.count ?? 0
      guard cells <= width else {
        throw Refusal.should("body.table_row.cells.length", "≤ `\(width)`", .int(cells))
      }
    }
    block.content = [
      "type": .string(type),
      "payload": try BlockInput.updated(
        type, block.content["payload"] ?? [:], with: change, at: "body.\(type)"),
    ]
    if call.body[type]?["file_upload"] != nil, let upload = block.content["payload"]?["upload"] {
      try FileUploads.attach(upload, at: "body.\(type).file_upload.id", call)
    }
    block.edited = call.now
    try Storage.update(block, call)
    return try json(block, call)
  }

  static func delete(_ id: String, _ call: Call) throws -> JSON {
    var block = try find(id, call)
    guard try !Storage.isTrashed(block, call.database) else { throw Refusal.archived }
    block.isInTrash = true
    block.edited = call.now
    try Storage.update(block, call)
    return try json(block, call)
  }

  /// The position after everything that a page or block holds.
  static func end(of holder: Record, _ call: Call) throws -> Double {
    (try Storage.children(of: holder.id, call.database).last?.position ?? 0) + 1
  }

  static func insert(
    _ input: BlockInput, in parent: String, position: Double? = nil, _ call: Call
  ) throws -> Record {
    var record = Record(
      kind: .block, parent: parent, now: call.now,
      content: ["type": .string(input.type), "payload": input.payload])
    record.position = position ?? .nan
    record = try Storage.insert(record, call)
    for child in input.children { _ = try insert(child, in: record.id, call) }
    return record
  }

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try call.find(id), [.page, .database, .block].contains(record.kind) else {
      throw Refusal.notFound("block", id)
    }
    return record
  }

  /// Nothing in the trash, nor below anything there, can be edited.
  static func checkEditable(_ record: Record, _ call: Call) throws {
    guard !record.isInTrash else { throw Refusal.archived }
    guard try !Storage.isTrashed(record, call.database) else {
      throw Refusal.archivedAncestor
    }
  }

  /// Marks the page that holds something as edited.
  static func touch(_ record: Record, _ call: Call) throws {
    var current: Record? = record
    for _ in 0..<64 {
      guard var here = current, here.kind == .block || here.kind == .page else { return }
      here.edited = call.now
      try Storage.update(here, call)
      if here.kind == .page { return }
      current = try Storage.find(here.parent, call.database)
    }
  }

  static func json(_ record: Record, _ call: Call) throws -> JSON {
    let type: String
    let payload: JSON
    switch record.kind {
    case .page:
      type = "child_page"
      payload = ["title": .string(RichTextValue.text(record.title))]
    case .database:
      type = "child_database"
      payload = ["title": .string(RichTextValue.text(record.title))]
    default:
      type = record.content["type"]?.string ?? "unsupported"
      payload = try shown(type, record.content["payload"] ?? [:], call)
    }
    return .object(
      JSON.Members([
        ("object", "block"), ("id", .string(record.id)),
        ("parent", try Pages.parent(of: record, call)),
        ("created_time", .string(Timestamp.minute(record.created))),
        ("last_edited_time", .string(Timestamp.minute(record.edited))),
        ("created_by", Users.partial), ("last_edited_by", Users.partial),
        (
          "has_children",
          .bool(try record.kind != .database && Storage.hasChildren(record.id, call.database))
        ),
        ("in_trash", .bool(record.isInTrash)), ("type", .string(type)), (type, payload),
      ]))
  }

  /// A kept payload as it reads now: mentions named, uploaded files with an address.
  private static func shown(_ type: String, _ payload: JSON, _ call: Call) throws -> JSON {
    guard var members = payload.members else { return payload }
    for name in ["rich_text", "caption"] where members[name] != nil {
      members[name] = try RichTextValue.shown(members[name], call)
    }
    if let cells = members["cells"]?.array {
      members["cells"] = .array(try cells.map { try RichTextValue.shown($0, call) })
    }
    if members["icon"] != nil { members["icon"] = try Icons.shown(members["icon"], call) }
    if let id = members["upload"] {
      members["upload"] = nil
      let name = members["name"]
      members["name"] = nil
      members["file"] = try FileUploads.file(id, at: "file_upload.id", call).file
      members["name"] = name
    }
    return .object(members)
  }
}
