import Transport

/// Writes blocks as Markdown.
struct MarkdownWriter {
  private var lines: [String] = []

  /// Writes blocks.
  static func write(_ blocks: [Block]) -> String {
    var writer = MarkdownWriter()
    writer.write(blocks, indent: "")
    while writer.lines.last?.isEmpty == true { writer.lines.removeLast() }
    return writer.lines.joined(separator: "\n")
  }

  private mutating func write(_ blocks: [Block], indent: String) {
    var number = 0
    var previous: String?
    for block in blocks {
      number = block.type == "numbered_list_item" ? number + 1 : 0
      // Items of one list stand together; everything else has an empty line between.
      if let previous, !isSameList(previous, block.type) {
        lines.append(indent.trimmingSpaces)
      }
      write(block, number: number, indent: indent)
      previous = block.type
    }
  }

  private func isSameList(_ a: String, _ b: String) -> Bool {
    isBullet(a) ? isBullet(b) : isItem(a) && a == b
  }

  private func isBullet(_ type: String) -> Bool { type == "to_do" || type == "bulleted_list_item" }
  private func isItem(_ type: String) -> Bool { type == "to_do" || type.hasSuffix("list_item") }

  private mutating func write(_ block: Block, number: Int, indent: String) {
    let text = InlineRun.markdown(block.payload["rich_text"] ?? .null)
    switch block.type {
    case "paragraph":
      add(MarkdownWriter.guarded(text), indent: indent)
      nested(block, indent: indent)
    case "heading_1", "heading_2", "heading_3", "heading_4":
      let level = Int(block.type.suffix(1)) ?? 1
      add(
        String(repeating: "#", count: level) + MarkdownWriter.heading(block.payload["rich_text"]),
        indent: indent)
      nested(block, indent: indent)
    case "bulleted_list_item": item("- ", text, block, indent: indent)
    case "numbered_list_item": item("\(max(1, number)). ", text, block, indent: indent)
    case "to_do":
      item(
        block.payload["checked"]?.bool == true ? "- [x] " : "- [ ] ", text, block, indent: indent,
        width: 2)
    case "quote": quote(MarkdownWriter.guarded(text), block, indent: indent)
    case "callout":
      let mark = "[!\(Callout.word(block.payload["icon"]))]"
      quote(text.isEmpty ? mark : mark + "\n" + MarkdownWriter.guarded(text), block, indent: indent)
    case "toggle":
      let title = InlineRun.markdown(block.payload["rich_text"] ?? .null, lineBreak: " ")
      add("<details>\n<summary>\(title)</summary>\n", indent: indent)
      if !block.children.isEmpty {
        write(block.children, indent: indent)
        lines.append(indent.trimmingSpaces)
      }
      add("</details>", indent: indent)
    case "code":
      let code = RichText.plainText(of: block.payload["rich_text"] ?? .null)
      let longest = code.split(whereSeparator: { $0 != "`" }).map(\.count).max() ?? 0
      let fence = String(repeating: "`", count: max(3, longest + 1))
      add(
        fence + CodeLanguage.fence(block.payload["language"]?.string ?? "") + "\n" + code + "\n"
          + fence,
        indent: indent)
    case "divider": add("---", indent: indent)
    case "equation": add("$$\n\(block.payload["expression"]?.string ?? "")\n$$", indent: indent)
    case "table": table(block, indent: indent)
    case "image": media(block, "!", indent: indent)
    case "bookmark", "embed", "link_preview", "video", "audio", "pdf", "file":
      media(block, "", indent: indent)
    case "column_list", "column", "synced_block", "tab":
      write(block.children, indent: indent)
    case "child_page", "child_database":
      note("\(block.type): \(block.payload["title"]?.string ?? "")", indent: indent)
    default:
      if text.isEmpty {
        note(block.type, indent: indent)
      } else {
        add(MarkdownWriter.guarded(text), indent: indent)
      }
      nested(block, indent: indent)
    }
  }

  /// What has no form in Markdown is named, so that a reader sees that it is there.
  private mutating func note(_ text: String, indent: String) {
    let words = text.replacing("_", with: " ").replacing("-->", with: "").replacing("\n", with: " ")
    add("<!-- \(words) -->", indent: indent)
  }

  private mutating func media(_ block: Block, _ mark: String, indent: String) {
    let payload = block.payload
    let url =
      payload["url"]?.string ?? payload["external"]?["url"]?.string
      ?? payload["file"]?["url"]?.string ?? ""
    let caption = RichText.plainText(of: payload["caption"] ?? .null)
    let name = caption.isEmpty ? payload["name"]?.string ?? "" : caption
    let words = InlineRun.markdown(
      [["type": "text", "text": ["content": .string(name)]]], lineBreak: " ")
    let address = url.contains { $0.isWhitespace || "()<>".contains($0) } ? "<\(url)>" : url
    add(
      mark.isEmpty && name.isEmpty ? "<\(url)>" : "\(mark)[\(words)](\(address))", indent: indent)
  }

  private mutating func nested(_ block: Block, indent: String) {
    guard !block.children.isEmpty else { return }
    lines.append(indent.trimmingSpaces)
    write(block.children, indent: indent)
  }

  private mutating func quote(_ text: String, _ block: Block, indent: String) {
    var inner = MarkdownWriter()
    inner.add(text, indent: "")
    if !block.children.isEmpty {
      inner.lines.append("")
      inner.write(block.children, indent: "")
    }
    for line in inner.lines { lines.append(indent + (line.isEmpty ? ">" : "> " + line)) }
  }

  private mutating func item(
    _ marker: String, _ text: String, _ block: Block, indent: String, width: Int? = nil
  ) {
    let inner = indent + String(repeating: " ", count: width ?? marker.count)
    guard !text.isEmpty || block.type == "to_do" || block.children.isEmpty else {
      // Without words of its own the item begins with what is inside it, on the same line.
      var writer = MarkdownWriter()
      writer.write(block.children, indent: "")
      for (index, line) in writer.lines.enumerated() {
        // Three dashes behind a dash would be a line across the page.
        let line = index == 0 && line == "---" ? "***" : line
        lines.append(index == 0 ? indent + marker + line : line.isEmpty ? "" : inner + line)
      }
      return
    }
    let parts = MarkdownWriter.guarded(text).split(
      separator: "\n", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      lines.append((index == 0 ? indent + marker : inner) + part)
    }
    if text.isEmpty {
      lines[lines.count - 1] = indent + String(marker.dropLast())
      // A box without words is none to a parser.
      if block.type == "to_do" { lines[lines.count - 1] += " &#8203;" }
    }
    guard let first = block.children.first else { return }
    if !isItem(first.type) { lines.append("") }
    write(block.children, indent: inner)
  }

  private mutating func table(_ block: Block, indent: String) {
    let rows = block.children.map { row in
      (row.payload["cells"]?.array ?? []).map { InlineRun.markdown($0, isCell: true) }
    }
    guard let width = rows.map(\.count).max(), width > 0 else { return }
    for (index, row) in rows.enumerated() {
      let cells = row + Array(repeating: "", count: width - row.count)
      lines.append(indent + "| " + cells.joined(separator: " | ") + " |")
      if index == 0 { lines.append(indent + "|" + String(repeating: " --- |", count: width)) }
    }
  }

  private mutating func add(_ text: String, indent: String) {
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      lines.append(line.isEmpty ? indent.trimmingSpaces : indent + line)
    }
  }

  /// The words of a heading, on one line, with a space before them.
  private static func heading(_ items: JSON?) -> String {
    var text = guarded(InlineRun.markdown(items ?? .null, lineBreak: " "), marks: "")
    guard !text.isEmpty else { return "" }
    // Number signs at the end would be taken for decoration.
    if text.last == "#" { text = String(text.dropLast()) + "\\#" }
    return " " + text
  }

  /// A text whose lines do not begin like a heading, a list, a quotation, a table or a rule, and none
  /// of whose lines or spaces are lost.
  private static func guarded(_ text: String, marks: String = "#+-=:|") -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.enumerated().map { index, line -> String in
      let isLast = index == lines.count - 1
      var rest = line
      var head = ""
      // Spaces at the edges of a line are dropped by a parser, references to them are not.
      while let first = rest.first, first == " " || first == "\t" {
        head += first == " " ? "&#32;" : "&#9;"
        rest = rest.dropFirst()
      }
      var tail = ""
      while let last = rest.last, last == " " || last == "\t" {
        tail = (last == " " ? "&#32;" : "&#9;") + tail
        rest = rest.dropLast()
      }
      // A line without anything ends a paragraph; a line break does not.
      if rest.isEmpty, head.isEmpty, tail.isEmpty { return isLast ? "" : "\\" }
      if head.isEmpty, let first = rest.first, marks.contains(first) {
        return "\\" + rest + tail
      }
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      if head.isEmpty, !marks.isEmpty, !digits.isEmpty, digits.count < 10,
        let mark = rest.dropFirst(digits.count).first, mark == "." || mark == ")"
      {
        return digits + "\\" + rest.dropFirst(digits.count) + tail
      }
      return head + rest + tail
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmingSpaces: String { allSatisfy { $0 == " " } ? "" : self }
}
