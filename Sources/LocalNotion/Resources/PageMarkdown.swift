import Foundation
import Notion
import Transport

/// `/v1/pages/{id}/markdown`, in the dialects v1, the default, and v2.
///
/// The words of both dialects are CommonMark's here, read and written by the `Notion` target, with one
/// line between blocks in v1 and two in v2; tags for colours, callouts and columns are not covered, and
/// blocks without a Markdown form read as `<unknown/>`.
enum PageMarkdown {
  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    let version = call.parameter("markdown_version")
    if let version, !["v1", "v2"].contains(version) {
      throw Refusal.should(
        "query.markdown_version", "`\"v1\"` or `\"v2\"`", .string(version))
    }
    return try json(holder(id, call), version: version, call)
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
    let version = call.body["markdown_version"]?.string
    let page = try holder(id, call)
    try Blocks.checkEditable(page, call)
    let path = "body.\(type)"
    let change = try Check.object(call.body[type], at: path)
    let before = try markdown(page, version: version, call)
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
      after = try inserted(change, into: before, at: path)
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
      page, with: after, version: version,
      mayDelete: change["allow_deleting_content"] == true, call)
    try Blocks.touch(page, call)
    let answer = try json(page, version: version, call)
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
    _ change: JSON.Members, into before: String, at path: String
  ) throws -> String {
    let text = try Check.string(change["content"], at: "\(path).content")
    let position = change["position"]
    if let after = change["after"] {
      if let position { throw Refusal.absent("\(path).position", position) }
      let range = try selection(Check.string(after, at: "\(path).after"), in: before)
      // What is inserted begins a block of its own.
      let end = before[range.upperBound...].firstIndex(of: "\n") ?? before.endIndex
      return before[..<end] + "\n" + text + before[end...]
    }
    switch position?["type"] ?? "end" {
    case "end": return before.isEmpty ? text : before + "\n" + text
    case "start": return before.isEmpty ? text : text + "\n" + before
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
    for part in try parts(text, call) {
      if case .block(let input) = part { _ = try Blocks.insert(input, in: page.id, call) }
    }
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

  // MARK: - Reading

  private static func holder(_ id: String, _ call: Call) throws -> Record {
    let record = try Blocks.find(id, call)
    guard record.kind != .database else {
      throw Refusal.validation("Provided ID \(id) is a database, not a page.")
    }
    return record
  }

  private static let unknown: Set<String> = [
    "bookmark", "embed", "link_preview", "breadcrumb", "template",
  ]

  private static func json(_ page: Record, version: String?, _ call: Call) throws -> JSON {
    let unread = try Storage.children(of: page.id, call.database).filter {
      unknown.contains($0.content["type"]?.string ?? "")
    }
    return [
      "object": "page_markdown", "id": .string(page.id),
      "markdown": .string(try markdown(page, version: version, call)), "truncated": false,
      "unknown_block_ids": .array(unread.map { .string($0.id) }),
    ]
  }

  private static func markdown(
    _ page: Record, version: String?, _ call: Call
  ) throws -> String {
    try Storage.children(of: page.id, call.database).map { try shown($0, call) }
      .joined(separator: version == "v2" ? "\n\n" : "\n")
  }

  /// A block as Markdown has it.
  private static func shown(_ record: Record, _ call: Call) throws -> String {
    let address = "https://www.notion.so/\(Identity.undashed(record.id))"
    let title = RichTextValue.text(record.title)
    switch record.kind {
    case .page: return "<page url=\"\(address)\">\(title)</page>"
    case .database: return "<database url=\"\(address)\">\(title)</database>"
    default:
      if unknown.contains(record.content["type"]?.string ?? "") {
        return "<unknown url=\"\(address)\"/>"
      }
      let text = Markdown.text(from: [try block(record, call)])
      return text.hasPrefix("<!--") ? "<unknown url=\"\(address)\"/>" : text.trimmingNewlines
    }
  }

  private static func block(_ record: Record, _ call: Call) throws -> Block {
    Block(
      record.content["type"]?.string ?? "unsupported", record.content["payload"] ?? [:],
      children: try Storage.children(of: record.id, call.database).map { try block($0, call) })
  }

  // MARK: - Writing

  /// A piece of a page's text: a block to make, or what is there and is only named.
  private enum Part {
    case block(BlockInput)
    case held(String)
  }

  /// The pieces of a text, in order.
  private static func parts(_ text: String, _ call: Call) throws -> [Part] {
    var parts: [Part] = []
    var plain: [Substring] = []
    func end() throws {
      let blocks = Markdown.blocks(from: ownLines(plain)).map { $0.json(depth: 64) }
      parts += try BlockInput.readAll(blocks, at: "body.markdown").map(Part.block)
      plain = []
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if let named = line.wholeMatch(of: /\s*<(?:page|database|unknown) url="([^"]*)".*>\s*/),
        let id = Identity.parse(String(named.1.suffix(32)))
      {
        try end()
        parts.append(.held(id))
      } else {
        plain.append(line)
      }
    }
    try end()
    return parts
  }

  /// Makes a page's text another one.
  ///
  /// Blocks before and behind what differs stay as they are, and so
  /// do the pages, databases and unknown blocks that the new text still names.
  private static func replace(
    _ page: Record, with text: String, version: String?, mayDelete: Bool, _ call: Call
  ) throws {
    var old = try Storage.children(of: page.id, call.database)
    var new = try parts(text, call)
    // Blocks are compared by how they read.
    func isSame(_ record: Record, _ part: Part) throws -> Bool {
      switch part {
      case .held(let id): return record.id == id
      case .block(let input):
        guard record.kind == .block else { return false }
        return try shown(record, call) == Markdown.text(from: [input.block]).trimmingNewlines
      }
    }
    var from: Double?
    while let first = old.first, let part = new.first, try isSame(first, part) {
      from = first.position
      old.removeFirst()
      new.removeFirst()
    }
    var to: Double?
    while let last = old.last, let part = new.last, try isSame(last, part) {
      to = last.position
      old.removeLast()
      new.removeLast()
    }
    let named = new.compactMap { if case .held(let id) = $0 { id } else { nil } }
    let gone = old.filter { !named.contains($0.id) }
    let held = gone.filter { $0.kind != .block }
    guard held.isEmpty || mayDelete else {
      throw Refusal.validation(
        "This operation would delete \(held.count) child page(s) or database(s): "
          + held.map { "\($0.kind.rawValue): \"\(RichTextValue.text($0.title))\"" }
          .joined(separator: ", "))
    }
    for var record in gone {
      record.isInTrash = true
      try Storage.update(record, call)
    }
    let start = from ?? (to.map { $0 - 1 } ?? 0)
    let step = ((to ?? start + Double(new.count + 1)) - start) / Double(new.count + 1)
    for (index, part) in new.enumerated() {
      let place = start + step * Double(index + 1)
      switch part {
      case .block(let input):
        _ = try Blocks.insert(input, in: page.id, position: place, call)
      case .held(let id):
        guard var record = old.first(where: { $0.id == id }) else {
          throw Refusal.validation("The text names a page or block that is not in the page: \(id)")
        }
        record.position = place
        try Storage.update(record, call)
      }
    }
  }

  /// In this dialect each plain line is a paragraph of its own.
  private static func ownLines(_ lines: [Substring]) -> String {
    var result: [Substring] = []
    var isFenced = false
    var wasPlain = false
    for line in lines {
      if line.hasPrefix("```") { isFenced.toggle() }
      let isPlain =
        !isFenced && !(line.first.map { "#>|-*+`$< \t0123456789".contains($0) } ?? true)
      if isPlain, wasPlain { result.append("") }
      result.append(line)
      wasPlain = isPlain
    }
    return result.joined(separator: "\n")
  }
}

extension BlockInput {
  /// The block as the `Notion` target writes it.
  fileprivate var block: Block { Block(type, payload, children: children.map(\.block)) }
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
  fileprivate var trimmingNewlines: String {
    String(drop { $0 == "\n" }.reversed().drop { $0 == "\n" }.reversed())
  }
}
