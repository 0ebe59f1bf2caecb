import Notion
import Transport

/// `/v1/pages/{id}/markdown`, in the dialect that is the default (v1).
///
/// The words of the dialect are CommonMark's here, read and written by the `Notion` target; tags for
/// colours, callouts and columns are not covered, and blocks without a Markdown form read as
/// `<unknown/>`.
enum PageMarkdown {
  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    if call.parameter("markdown_version") == "v2" { throw notCovered("markdown_version v2") }
    return try json(holder(id, call), call)
  }

  static func update(_ id: String, _ call: Call) throws -> JSON {
    let type = try Check.string(call.body["type"], at: "body.type")
    for name in ["allow_async", "markdown_version"] {
      if let value = call.body[name], value != false, value != "v1" { throw notCovered(name) }
    }
    try Check.keys(
      call.body, at: "body", allowed: ["type", type, "allow_async", "markdown_version"])
    let page = try holder(id, call)
    try Blocks.checkEditable(page, call)
    let change = try Check.object(call.body[type], at: "body.\(type)")
    switch type {
    case "replace_content":
      let text = try Check.string(change["new_str"], at: "body.\(type).new_str")
      try replace(page, with: text, mayDelete: change["allow_deleting_content"] == true, call)
    case "update_content":
      var text = try markdown(page, call)
      let updates = try Check.array(
        change["content_updates"], at: "body.\(type).content_updates")
      for (index, update) in updates.enumerated() {
        let path = "body.\(type).content_updates[\(index)]"
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
      try replace(page, with: text, mayDelete: change["allow_deleting_content"] == true, call)
    case "insert_content":
      let text = try Check.string(change["content"], at: "body.\(type).content")
      if change["after"] != nil { throw notCovered("insert_content.after") }
      let isStart = change["position"]?["type"] == "start"
      try insert(text, into: page, atStart: isStart, call)
    default: throw notCovered(type)
    }
    try Blocks.touch(page, call)
    return try json(page, call)
  }

  /// Puts Markdown into a page, and gives the first heading when it was taken as the title.
  static func create(_ text: String, in page: Record, _ call: Call) throws {
    try insert(text, into: page, atStart: false, call)
  }

  /// The title that a first `# Heading` gives a page without one, and the rest of the text.
  static func splitTitle(_ text: String) -> (title: String, rest: String)? {
    let lines = text.split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = lines.first, first.hasPrefix("# ") else { return nil }
    return (
      String(first.dropFirst(2)).trimmingSpaces, lines.count > 1 ? String(lines[1]) : ""
    )
  }

  /// The rich text of a line of Markdown.
  static func inline(_ text: String) throws -> JSON {
    let items = Markdown.blocks(from: text).first?.payload["rich_text"] ?? []
    return try RichTextValue.read(items, at: "body.markdown")
  }

  // MARK: - Parts

  private static func holder(_ id: String, _ call: Call) throws -> Record {
    let record = try Blocks.find(id, call)
    guard record.kind != .database else {
      throw Refusal.validation("Provided ID \(id) is a database, not a page.")
    }
    return record
  }

  private static func json(_ page: Record, _ call: Call) throws -> JSON {
    let unknown = try Storage.children(of: page.id, call.database).filter {
      ["bookmark", "embed", "link_preview", "breadcrumb", "template"].contains(
        $0.content["type"]?.string ?? "")
    }
    return [
      "object": "page_markdown", "id": .string(page.id),
      "markdown": .string(try markdown(page, call)), "truncated": false,
      "unknown_block_ids": .array(unknown.map { .string($0.id) }),
    ]
  }

  private static func markdown(_ page: Record, _ call: Call) throws -> String {
    try Storage.children(of: page.id, call.database).map { record in
      let address = "https://www.notion.so/\(Identity.undashed(record.id))"
      switch record.kind {
      case .page:
        let title = RichTextValue.text(record.content["values"]?["title"])
        return "<page url=\"\(address)\">\(title)</page>"
      case .database:
        let title = RichTextValue.text(record.content["title"])
        return "<database url=\"\(address)\">\(title)</database>"
      default:
        let text = Markdown.text(from: [try block(record, call)])
        return text.hasPrefix("<!--") ? "<unknown url=\"\(address)\"/>" : text.trimmingNewlines
      }
    }.joined(separator: "\n")
  }

  private static func block(_ record: Record, _ call: Call) throws -> Block {
    Block(
      record.content["type"]?.string ?? "unsupported", record.content["payload"] ?? [:],
      children: try Storage.children(of: record.id, call.database).map { try block($0, call) })
  }

  private static func replace(
    _ page: Record, with text: String, mayDelete: Bool, _ call: Call
  ) throws {
    let all = try Storage.children(of: page.id, call.database)
    let held = all.filter { $0.kind != .block }
    guard held.isEmpty || mayDelete else {
      let names = held.map { record in
        let title =
          record.kind == .page ? record.content["values"]?["title"] : record.content["title"]
        return "\(record.kind.rawValue): \"\(RichTextValue.text(title))\""
      }
      throw Refusal.validation(
        "This operation would delete \(held.count) child page(s) or database(s): "
          + names.joined(separator: ", "))
    }
    for var record in all {
      record.isInTrash = true
      try Storage.update(record, call.database)
    }
    try insert(text, into: page, atStart: false, call)
  }

  private static func insert(
    _ text: String, into page: Record, atStart: Bool, _ call: Call
  ) throws {
    let blocks = Markdown.blocks(from: ownLines(text)).map { $0.json(depth: 64) }
    let inputs = try BlockInput.readAll(blocks, at: "body.markdown")
    let first = try Storage.children(of: page.id, call.database).first?.position ?? 1
    for (index, input) in inputs.enumerated() {
      let step = Double(index + 1) / Double(inputs.count + 1)
      _ = try Blocks.insert(input, in: page.id, position: atStart ? first - 1 + step : nil, call)
    }
  }

  /// In this dialect each plain line is a paragraph of its own.
  private static func ownLines(_ text: String) -> String {
    var result: [Substring] = []
    var isFenced = false
    var wasPlain = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") { isFenced.toggle() }
      let isPlain =
        !isFenced && !(line.first.map { "#>|-*+`$< \t0123456789".contains($0) } ?? true)
      if isPlain, wasPlain { result.append("") }
      result.append(line)
      wasPlain = isPlain
    }
    return result.joined(separator: "\n")
  }

  private static func notCovered(_ what: String) -> Refusal {
    .validation("The embedded workspace does not cover \(what) of Markdown.")
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
  fileprivate var trimmingNewlines: String {
    String(drop { $0 == "\n" }.reversed().drop { $0 == "\n" }.reversed())
  }
}
