import Transport

/// Writes what a page holds in either dialect.
struct MarkdownBlockWriter {
  let dialect: MarkdownDialect
  let call: Call
  /// How deep inside a page the blocks are.
  private var depth = 0

  /// Blocks nested deeper read as `<unknown/>`.
  private static let deepest = 48

  init(dialect: MarkdownDialect, call: Call) {
    self.dialect = dialect
    self.call = call
  }

  /// Writes what is inside the blocks that this one writes.
  private var inside: MarkdownBlockWriter {
    var inside = self
    inside.depth += 1
    return inside
  }

  /// Kinds that a dialect has no words for.
  func isUnknown(_ record: Record) -> Bool {
    guard record.kind == .block else { return false }
    guard depth < MarkdownBlockWriter.deepest else { return true }
    let type = record.content["type"]?.string ?? ""
    switch type {
    case "link_preview", "breadcrumb", "template", "tab", "link_to_page", "unsupported": return true
    case "bookmark", "embed": return dialect == .enhanced
    default: return false
    }
  }

  /// The identities of blocks that read as `<unknown/>`, here and inside.
  func unknown(in records: [Record]) throws -> [String] {
    try records.flatMap { record -> [String] in
      if isUnknown(record) { return [record.id] }
      guard record.kind == .block else { return [] }
      return try inside.unknown(in: children(record))
    }
  }

  /// What records say, one after another.
  func text(_ records: [Record]) throws -> String {
    var text = ""
    var number = 0
    var previous: String?
    for record in records {
      let type = record.kind == .block ? record.content["type"]?.string ?? "" : ""
      number = type == "numbered_list_item" ? number + 1 : 0
      let shown = try self.text(record, number: number)
      if let previous {
        // Items of one list stand together.
        let isTight = type.isItem && previous == type && !shown.hasPrefix("<")
        text += isTight ? "\n" : dialect.separator
      }
      text += shown
      previous = type
    }
    return text
  }

  /// What one record says.
  func text(_ record: Record, number: Int = 1) throws -> String {
    let address = "https://www.notion.so/\(Identity.undashed(record.id))"
    let title = MarkdownInlineWriter.write(
      try RichTextValue.shown(record.title, call), dialect, isOneLine: true)
    switch record.kind {
    case .page: return "<page url=\"\(address)\">\(title)</page>"
    case .database:
      let sources = try Storage.sources(of: record.id, call.database)
      var tag = "<database url=\"\(address)\""
      if record.content["is_inline"] == true { tag += " inline=\"true\"" }
      tag += MarkdownTag.attribute("icon", record.content["icon"]?["emoji"]?.string)
      if sources.count == 1 { tag += " data-source-url=\"collection://\(sources[0].id)\"" }
      return "\(tag)>\(title)</database>"
    default: break
    }
    guard !isUnknown(record) else {
      let kind = record.content["type"]?.string ?? ""
      return "<unknown url=\"\(address)\" alt=\"\(kind)\"/>"
    }
    return try dialect == .enhanced
      ? enhanced(record, address, number: number) : flavored(record, address, number: number)
  }

  private func children(_ record: Record) throws -> [Record] {
    try Storage.children(of: record.id, call.database)
  }

  private func words(_ items: JSON?, isOneLine: Bool = false) throws -> String {
    MarkdownInlineWriter.write(
      try RichTextValue.shown(items, call), dialect, isOneLine: isOneLine)
  }

  // MARK: - v1

  private func enhanced(_ record: Record, _ address: String, number: Int) throws -> String {
    let type = record.content["type"]?.string ?? ""
    let payload = record.content["payload"] ?? [:]
    let color = MarkdownColor.word(payload["color"])
    let words = try self.words(payload["rich_text"])
    let inner =
      try type == "table" ? "" : MarkdownBlockWriter.indented(inside.text(children(record)))
    var suffix = color.map { " {color=\"\($0)\"}" } ?? ""
    func line(_ marker: String, _ words: String) -> String {
      var line = marker + words + suffix
      while line.last == " " { line.removeLast() }
      return line + (inner.isEmpty ? "" : "\n" + inner)
    }
    let colored = MarkdownTag.attribute("color", color)
    switch type {
    case "paragraph":
      if words.isEmpty, suffix.isEmpty { return line("", "<empty-block/>") }
      return line("", MarkdownBlockWriter.guarded(words)).trimmedStart
    case "heading_1", "heading_2", "heading_3", "heading_4":
      if payload["is_toggleable"] == true {
        suffix = " {toggle=\"true\"\(colored)}"
      }
      return line(String(repeating: "#", count: Int(type.suffix(1)) ?? 1) + " ", words)
    case "bulleted_list_item": return line("- ", words)
    case "numbered_list_item": return line("\(number). ", words)
    case "to_do": return line(payload["checked"] == true ? "- [x] " : "- [ ] ", words)
    case "quote": return line("> ", words)
    case "toggle":
      return "<details\(colored)>\n<summary>\(words)</summary>\n"
        + (inner.isEmpty ? "" : inner + "\n") + "</details>"
    case "callout":
      let own =
        words.isEmpty ? inner.isEmpty ? "" : "<empty-block/>" : MarkdownBlockWriter.guarded(words)
      return "<callout\(MarkdownBlockWriter.icon(payload["icon"]))\(colored)>\n"
        + (own.isEmpty ? "" : "\t\(own)\n") + (inner.isEmpty ? "" : inner + "\n") + "</callout>"
    case "table": return try table(record, payload)
    case "column_list":
      return "<columns>\n\(inner)\n</columns>"
    case "column":
      return "<column>\n" + (inner.isEmpty ? "" : inner + "\n") + "</column>"
    case "table_of_contents": return "<table_of_contents\(colored)/>"
    case "synced_block":
      return try synced(payload, address, inner, "synced_block", "synced_block_reference")
    default: return try other(type, payload)
    }
  }

  private static func indented(_ text: String) -> String {
    text.isEmpty
      ? ""
      : text.split(separator: "\n", omittingEmptySubsequences: false).map { "\t" + $0 }
        .joined(separator: "\n")
  }

  // MARK: - v2

  private func flavored(_ record: Record, _ address: String, number: Int) throws -> String {
    let type = record.content["type"]?.string ?? ""
    let payload = record.content["payload"] ?? [:]
    let color = MarkdownTag.attribute("color", MarkdownColor.word(payload["color"]))
    let isHeading = type.hasPrefix("heading_")
    let words = try self.words(payload["rich_text"], isOneLine: isHeading)
    let held = try children(record)
    let inner = try type == "table" ? "" : inside.text(held)
    func tagged(_ name: String, _ attributes: String) -> String {
      let open = "<\(name)\(attributes)>"
      if inner.isEmpty, !words.contains("\n") { return "\(open)\(words)</\(name)>" }
      let own = words.isEmpty ? "<p />" : MarkdownBlockWriter.guarded(words)
      return "\(open)\n\(own)" + (inner.isEmpty ? "" : "\n\n\(inner)") + "\n</\(name)>"
    }
    func item(_ marker: String) -> String {
      let gap = String(repeating: " ", count: marker.hasPrefix("- [") ? 2 : marker.count)
      var own = MarkdownBlockWriter.guarded(words)
      // Without words the item would begin with what is inside it.
      if own.isEmpty, !inner.isEmpty { own = "<p />" }
      var lines = own.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      if !inner.isEmpty {
        if !(held[0].content["type"]?.string ?? "").isItem || inner.hasPrefix("<") {
          lines.append("")
        }
        lines += inner.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      }
      for index in lines.indices {
        lines[index] =
          lines[index].isEmpty && index > 0 ? "" : (index == 0 ? marker : gap) + lines[index]
      }
      while lines[0].last == " " { lines[0].removeLast() }
      return lines.joined(separator: "\n")
    }
    switch type {
    case "paragraph":
      if words.isEmpty, inner.isEmpty, color.isEmpty { return "<p />" }
      guard inner.isEmpty, color.isEmpty else { return tagged("p", color) }
      return MarkdownBlockWriter.guarded(words)
    case "heading_1", "heading_2", "heading_3", "heading_4":
      let level = Int(type.suffix(1)) ?? 1
      if payload["is_toggleable"] == true {
        return tagged("toggle", " heading=\"h\(level)\"\(color)")
      }
      guard color.isEmpty else { return tagged("h\(level)", color) }
      let ending = words.hasSuffix("#") ? words.dropLast() + "\\#" : words[...]
      return String(repeating: "#", count: level) + (words.isEmpty ? "" : " " + ending)
    case "bulleted_list_item":
      return color.isEmpty ? item("- ") : "<ul>\n\(tagged("li", color))\n</ul>"
    case "numbered_list_item":
      return color.isEmpty ? item("\(number). ") : "<ol>\n\(tagged("li", color))\n</ol>"
    case "to_do":
      let isChecked = payload["checked"] == true
      return color.isEmpty
        ? item(isChecked ? "- [x] " : "- [ ] ")
        : tagged("todo", " checked=\"\(isChecked)\"\(color)")
    case "quote":
      guard inner.isEmpty, color.isEmpty, !words.isEmpty else { return tagged("quote", color) }
      return MarkdownBlockWriter.guarded(words).split(
        separator: "\n", omittingEmptySubsequences: false
      )
      .map { "> " + $0 }.joined(separator: "\n")
    case "toggle": return tagged("toggle", color)
    case "callout":
      return tagged("callout", MarkdownBlockWriter.icon(payload["icon"]) + color)
    case "table":
      guard payload["has_column_header"] == true, payload["has_row_header"] != true else {
        return try table(record, payload)
      }
      let rows = try held.map { row in
        try (row.content["payload"]?["cells"]?.array ?? []).map {
          try self.words($0, isOneLine: true)
        }
      }
      let width = payload["table_width"]?.int ?? 1
      var lines = rows.map { row in
        "| "
          + (row + Array(repeating: "", count: max(0, width - row.count))).joined(separator: " | ")
          + " |"
      }
      lines.insert("|" + String(repeating: " --- |", count: width), at: min(1, lines.count))
      return lines.joined(separator: "\n")
    case "column_list":
      return "<columns>\n"
        + (try held.map { try inside.text($0) }.joined(separator: "\n")) + "\n</columns>"
    case "column":
      let ratio = payload["width_ratio"]?.double.map {
        JSON.number(($0 * 10_000).rounded() / 100).text
      }
      return "<column\(MarkdownTag.attribute("ratio", ratio))>\n"
        + (inner.isEmpty ? "" : inner + "\n") + "</column>"
    case "table_of_contents": return "<table-of-contents\(color)/>"
    case "synced_block":
      return try synced(payload, address, inner, "synced-block", "synced-block-reference")
    case "bookmark", "embed":
      let source = MarkdownTag.attribute("source", payload["url"]?.string)
      return "<\(type)\(source)>\(try self.words(payload["caption"], isOneLine: true))</\(type)>"
    default: return try other(type, payload)
    }
  }

  // MARK: - Both

  private static func icon(_ icon: JSON?) -> String {
    MarkdownTag.attribute(
      "icon", icon?["emoji"]?.string ?? icon?["external"]?["url"]?.string)
  }

  private func synced(
    _ payload: JSON, _ address: String, _ inner: String, _ name: String, _ reference: String
  ) throws -> String {
    guard let from = payload["synced_from"]?["block_id"]?.string else {
      return "<\(name) url=\"\(address)\">\n" + (inner.isEmpty ? "" : inner + "\n") + "</\(name)>"
    }
    let original = "https://www.notion.so/\(Identity.undashed(from))"
    let held = try call.find(from).map { try inside.text(children($0)) } ?? ""
    let shown = dialect == .enhanced ? MarkdownBlockWriter.indented(held) : held
    return "<\(reference) url=\"\(original)\">\n" + (shown.isEmpty ? "" : shown + "\n")
      + "</\(reference)>"
  }

  private func table(_ record: Record, _ payload: JSON) throws -> String {
    var tag = "<table"
    if payload["has_column_header"] == true { tag += " header-row=\"true\"" }
    if payload["has_row_header"] == true { tag += " header-column=\"true\"" }
    var lines = [tag + ">"]
    for row in try children(record) {
      lines.append("\t<tr>")
      for cell in row.content["payload"]?["cells"]?.array ?? [] {
        lines.append("\t\t<td>\(try words(cell, isOneLine: true))</td>")
      }
      lines.append("\t</tr>")
    }
    return (lines + ["</table>"]).joined(separator: "\n")
  }

  private func other(_ type: String, _ payload: JSON) throws -> String {
    switch type {
    case "divider": return "---"
    case "equation": return "$$\n\(payload["expression"]?.string ?? "")\n$$"
    case "code":
      let code = RichTextValue.text(payload["rich_text"])
      let longest = code.split { $0 != "`" }.map(\.count).max() ?? 0
      let fence = String(repeating: "`", count: max(3, longest + 1))
      let language = payload["language"]?.string ?? ""
      return fence + (language == "plain text" ? "" : language) + "\n" + code + "\n" + fence
    case "image", "audio", "video", "file", "pdf":
      var address = payload["external"]?["url"]?.string ?? ""
      if let upload = payload["upload"] {
        address = try FileUploads.file(upload, at: "file_upload.id", call).file["url"]?.string ?? ""
      }
      let caption = try words(payload["caption"], isOneLine: true)
      if type == "image" { return "![\(caption)](\(MarkdownInlineWriter.address(address)))" }
      let name = dialect == .enhanced ? "src" : "source"
      return "<\(type)\(MarkdownTag.attribute(name, address))>\(caption)</\(type)>"
    default:
      throw Refusal.validation("The embedded workspace does not cover \(type) in Markdown.")
    }
  }

  /// Words that do not begin like a heading, a list or a rule.
  static func guarded(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
      guard let first = line.first else { return "" }
      if "#-+=".contains(first) { return "\\" + line }
      let digits = line.prefix { $0.isASCII && $0.isNumber }
      if !digits.isEmpty, let mark = line.dropFirst(digits.count).first, mark == "." || mark == ")"
      {
        return digits + "\\" + line.dropFirst(digits.count)
      }
      return String(line)
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var isItem: Bool { self == "to_do" || hasSuffix("list_item") }
  fileprivate var trimmedStart: String { String(drop { $0 == " " }) }
}
