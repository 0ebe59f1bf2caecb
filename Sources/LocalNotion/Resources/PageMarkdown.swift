import Foundation
import Transport

/// `/v1/pages/{id}/markdown`, in the dialects v1, the default, and v2.
///
/// What a text leaves as it is stays the same block, with its identity; blocks without a form in the
/// dialect read as `<unknown/>`, and stay where the text names them.
enum PageMarkdown {
  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    let version = call.parameter("markdown_version")
    if let version, !["v1", "v2"].contains(version) {
      throw Refusal.should(
        "query.markdown_version", "`\"v1\"` or `\"v2\"`", .string(version))
    }
    return try json(holder(id, call), MarkdownDialect(version), call)
  }

  /// Checks `markdown_version`, which stands beside Markdown only.
  static func checkVersion(_ body: JSON) throws {
    guard let version = body["markdown_version"] else { return }
    guard version == "v1" || version == "v2" else {
      throw Refusal.should("body.markdown_version", "`\"v1\"` or `\"v2\"`", version)
    }
    guard body["markdown"] != nil || body["type"] != nil else {
      throw Refusal.absent("body.markdown_version", version)
    }
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    let type = try Check.string(call.body["type"], at: "body.type")
    try Check.keys(
      call.body, at: "body", allowed: ["type", type, "allow_async", "markdown_version"])
    try checkVersion(call.body)
    let dialect = MarkdownDialect(call.body["markdown_version"]?.string)
    let page = try holder(id, call)
    try Blocks.checkEditable(page, call)
    let path = "body.\(type)"
    let change = try Check.object(call.body[type], at: path)
    let before = try markdown(page, dialect, call)
    let after: String
    switch type {
    case "replace_content":
      try Check.keys(
        .object(change), at: path, allowed: ["new_str", "allow_deleting_content"])
      after = try Check.string(change["new_str"], at: "\(path).new_str")
    case "update_content":
      try Check.keys(
        .object(change), at: path, allowed: ["content_updates", "allow_deleting_content"])
      after = try updated(
        before, try Check.array(change["content_updates"], at: "\(path).content_updates"),
        at: "\(path).content_updates")
    case "insert_content":
      try Check.keys(.object(change), at: path, allowed: ["content", "position", "after"])
      after = try inserted(change, into: before, dialect, at: path)
    case "replace_content_range":
      try Check.keys(
        .object(change), at: path,
        allowed: ["content", "content_range", "allow_deleting_content"])
      let range = try selection(
        Check.string(change["content_range"], at: "\(path).content_range"), in: before)
      after = before.replacingCharacters(
        in: range, with: try Check.string(change["content"], at: "\(path).content"))
    default:
      throw Refusal.oneOf(
        ["replace_content", "update_content", "insert_content", "replace_content_range"],
        at: "body")
    }
    try replace(
      page, with: after, dialect,
      mayDelete: change["allow_deleting_content"] == true, call)
    try Blocks.touch(page, call)
    let answer = try json(page, dialect, call)
    guard call.body["allow_async"] == true else { return answer }
    return try AsyncTasks.queued(answer, operation: "PATCH /v1/pages/:page_id/markdown", call)
  }

  private static func updated(
    _ before: String, _ updates: [JSON], at place: String
  ) throws -> String {
    var text = before
    for (index, update) in updates.enumerated() {
      let path = "\(place)[\(index)]"
      try Check.keys(update, at: path, allowed: ["old_str", "new_str", "replace_all_matches"])
      let old = try Check.string(update["old_str"], at: "\(path).old_str")
      let new = try Check.string(update["new_str"], at: "\(path).new_str")
      guard !old.isEmpty else { throw Refusal.should("\(path).old_str.length", "≥ `1`", 0) }
      let count = text.ranges(of: old).count
      guard count > 0 else {
        throw Refusal.validation("Could not find old_str in the page content: \(old)")
      }
      guard count == 1 || update["replace_all_matches"] == true else {
        throw Refusal.validation(
          "old_str matches \(count) places; set replace_all_matches or name more of it: \(old)")
      }
      text = text.replacing(old, with: new)
    }
    return text
  }

  private static func inserted(
    _ change: JSON.Members, into before: String, _ dialect: MarkdownDialect, at path: String
  ) throws -> String {
    let text = try Check.string(change["content"], at: "\(path).content")
    let position = change["position"]
    if let after = change["after"] {
      if let position { throw Refusal.absent("\(path).position", position) }
      let range = try selection(Check.string(after, at: "\(path).after"), in: before)
      // What is inserted begins a block of its own.
      let end = before[range.upperBound...].firstIndex(of: "\n") ?? before.endIndex
      return before[..<end] + dialect.separator + text + before[end...]
    }
    let gap = before.isEmpty ? "" : dialect.separator
    switch position?["type"] ?? "end" {
    case "end": return before + gap + text
    case "start": return text + gap + before
    default:
      throw Refusal.should(
        "\(path).position.type", "`\"start\"` or `\"end\"`", position?["type"])
    }
  }

  /// The place that `start text...end text` means.
  private static func selection(_ words: String, in text: String) throws -> Range<String.Index> {
    let missing = Refusal.validation("Could not find the selection in the page content: \(words)")
    guard let dots = words.firstRange(of: "...") else {
      guard !words.isEmpty, let range = text.firstRange(of: words) else { throw missing }
      return range
    }
    let start = words[..<dots.lowerBound]
    let end = words[dots.upperBound...]
    guard !start.isEmpty, !end.isEmpty, let first = text.firstRange(of: start),
      let last = text[first.lowerBound...].firstRange(of: end)
    else { throw missing }
    return first.lowerBound..<max(first.upperBound, last.upperBound)
  }

  /// Puts Markdown into a new page.
  static func create(_ text: String, in page: Record, _ call: Call) throws {
    let dialect = MarkdownDialect(call.body["markdown_version"]?.string)
    for (index, node) in try MarkdownBlockReader.read(text, dialect).enumerated() {
      try put(node, in: page.id, at: Double(index + 1), dialect, in: page, call)
    }
  }

  /// The title that a first `# Heading` gives a page without one, and the rest of the text.
  static func splitTitle(_ text: String) -> (title: String, rest: String)? {
    let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = lines.first, first.hasPrefix("# ") else { return nil }
    let words = String(first.dropFirst(2)).trimmingSpaces
    let title = (try? MarkdownInlineReader.read(words, .enhanced)).map(RichTextPlain.text)
    return (title ?? words, lines.count > 1 ? String(lines[1]) : "")
  }

  /// The rich text of a line of Markdown.
  static func inline(_ text: String, version: String? = nil) throws -> JSON {
    try RichTextValue.read(
      MarkdownInlineReader.read(text, MarkdownDialect(version)), at: "body.markdown")
  }

  // MARK: - Reading

  private static func holder(_ id: String, _ call: Call) throws -> Record {
    let record = try Blocks.find(id, call)
    guard record.kind != .database else {
      throw Refusal.validation("Provided ID \(id) is a database, not a page.")
    }
    return record
  }

  private static func json(_ page: Record, _ dialect: MarkdownDialect, _ call: Call) throws -> JSON
  {
    let writer = MarkdownBlockWriter(dialect: dialect, call: call)
    let held = try Storage.children(of: page.id, call.database)
    return [
      "object": "page_markdown", "id": .string(page.id),
      "markdown": .string(try writer.text(held)), "truncated": false,
      "unknown_block_ids": .array(try writer.unknown(in: held).map(JSON.string)),
    ]
  }

  private static func markdown(
    _ page: Record, _ dialect: MarkdownDialect, _ call: Call
  ) throws -> String {
    try MarkdownBlockWriter(dialect: dialect, call: call)
      .text(Storage.children(of: page.id, call.database))
  }

  // MARK: - Writing

  /// Makes a page's text another one.
  ///
  /// Blocks before and behind what differs stay as they are, and so
  /// do the pages, databases and unknown blocks that the new text still names.
  private static func replace(
    _ page: Record, with text: String, _ dialect: MarkdownDialect, mayDelete: Bool, _ call: Call
  ) throws {
    let writer = MarkdownBlockWriter(dialect: dialect, call: call)
    var old = try Storage.children(of: page.id, call.database)
    var new = try MarkdownBlockReader.read(text, dialect)
    // A block is the same when what it reads as says the same.
    func isSame(_ record: Record, _ node: MarkdownNode) throws -> Bool {
      switch node.kind {
      case .held(let id, let title):
        return record.id == id
          && (record.kind != .database || title == RichTextValue.text(record.title))
      case .page: return false
      case .fixed(let id, _): guard record.id == id else { return false }
      case .block: guard record.kind == .block else { return false }
      }
      return try MarkdownBlockReader.read(writer.text(record), dialect) == [node]
    }
    var from: Double?
    while let first = old.first, let node = new.first, try isSame(first, node) {
      from = first.position
      old.removeFirst()
      new.removeFirst()
    }
    var to: Double?
    while let last = old.last, let node = new.last, try isSame(last, node) {
      to = last.position
      old.removeLast()
      new.removeLast()
    }
    let named = Set(new.flatMap(\.named))
    let gone = old.filter { !named.contains($0.id) }
    let held = gone.filter { $0.kind != .block }
    guard held.isEmpty || mayDelete else {
      throw Refusal.validation(
        "This operation would delete \(held.count) child page(s) or database(s): "
          + held.map { "\($0.kind.rawValue): \"\(RichTextValue.text($0.title))\"" }
          .joined(separator: ", "))
    }
    let start = from ?? (to.map { $0 - 1 } ?? 0)
    let step = ((to ?? start + Double(new.count + 1)) - start) / Double(new.count + 1)
    for (index, node) in new.enumerated() {
      try put(
        node, in: page.id, at: start + step * Double(index + 1), dialect, in: page, call)
    }
    // Last, as what is inside of them may have been put elsewhere.
    for var record in gone {
      record.isInTrash = true
      try Storage.update(record, call)
    }
  }

  /// Puts a piece of a text where it belongs.
  private static func put(
    _ node: MarkdownNode, in parent: String, at position: Double, _ dialect: MarkdownDialect,
    in page: Record, _ call: Call
  ) throws {
    let made: Record
    switch node.kind {
    case .page(let title):
      var child = Record(
        kind: .page, parent: parent, now: call.now,
        content: ["values": ["title": RichTextValue.plain(title)]])
      child.position = position
      made = try Storage.insert(child, call)
    case .held(let id, _), .fixed(let id, _):
      guard var record = try call.find(id), !record.isInTrash,
        try Storage.ancestors(of: record, call.database).contains(page.id)
      else {
        throw Refusal.validation("The text names a page or block that is not in the page: \(id)")
      }
      if case .fixed(_, let text) = node.kind {
        let writer = MarkdownBlockWriter(dialect: dialect, call: call)
        guard try writer.text(record) == text else {
          throw Refusal.validation(
            "The embedded workspace does not cover changing a synced block by Markdown; "
              + "change its blocks: \(id)")
        }
      }
      if case .held(_, let title) = node.kind, record.kind == .database, !title.isEmpty,
        title != RichTextValue.text(record.title)
      {
        try Databases.rename(&record, title, call)
      }
      record.parent = parent
      record.position = position
      try Storage.update(record, call)
      made = record
    case .block(let type, let payload):
      if type == "synced_block", payload["synced_from"]?.isNull == false, !node.children.isEmpty {
        throw Refusal.validation(
          "The embedded workspace does not cover new references to synced blocks with words in "
            + "them; leave the reference empty.")
      }
      let input = try BlockInput(markdown: type, .object(payload), at: "body.markdown")
      try BlockInput.checkUploads([input], call)
      made = try Blocks.insert(input, in: parent, position: position, call)
    }
    for (index, child) in node.children.enumerated() {
      try put(child, in: made.id, at: Double(index + 1), dialect, in: page, call)
    }
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
