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
      if let previous, !(isItem(previous) && isItem(block.type)) {
        lines.append(indent.trimmingSpaces)
      }
      if let before = previous, isItem(before), isItem(block.type), before != block.type,
        !(isBullet(before) && isBullet(block.type))
      {
        lines.append(indent.trimmingSpaces)
      }
      write(block, number: number, indent: indent)
      previous = block.type
    }
  }

  private func isBullet(_ type: String) -> Bool { type == "to_do" || type == "bulleted_list_item" }
  private func isItem(_ type: String) -> Bool { type == "to_do" || type.hasSuffix("list_item") }

  private mutating func write(_ block: Block, number: Int, indent: String) {
    let text = InlineRun.markdown(block.payload["rich_text"] ?? .null)
    switch block.type {
    case "paragraph":
      add(MarkdownWriter.guarded(text), indent: indent)
      nested(block, indent: indent + "  ")
    case "heading_1", "heading_2", "heading_3", "heading_4":
      let level = Int(block.type.suffix(1)) ?? 1
      add(
        String(repeating: "#", count: level) + " " + text.replacing("\n", with: " "),
        indent: indent)
      nested(block, indent: indent)
    case "bulleted_list_item": item("- ", text, block, indent: indent)
    case "numbered_list_item": item("\(max(1, number)). ", text, block, indent: indent)
    case "to_do":
      item(
        block.payload["checked"]?.bool == true ? "- [x] " : "- [ ] ", text, block, indent: indent,
        width: 2)
    case "quote", "callout":
      var inner = MarkdownWriter()
      inner.add(MarkdownWriter.guarded(text), indent: "")
      if !block.children.isEmpty {
        inner.lines.append("")
        inner.write(block.children, indent: "")
      }
      for line in inner.lines { lines.append(indent + (line.isEmpty ? ">" : "> " + line)) }
    case "toggle":
      item("- ", text, block, indent: indent)
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
    case "child_page", "child_database":
      add(
        "<!-- \(block.type.replacing("_", with: " ")): \(block.payload["title"]?.string ?? "") -->",
        indent: indent)
    default:
      if text.isEmpty {
        add("<!-- \(block.type.replacing("_", with: " ")) -->", indent: indent)
      } else {
        add(MarkdownWriter.guarded(text), indent: indent)
      }
      nested(block, indent: indent + "  ")
    }
  }

  private mutating func nested(_ block: Block, indent: String) {
    guard !block.children.isEmpty else { return }
    lines.append("")
    write(block.children, indent: indent)
  }

  private mutating func item(
    _ marker: String, _ text: String, _ block: Block, indent: String, width: Int? = nil
  ) {
    let inner = indent + String(repeating: " ", count: width ?? marker.count)
    let parts = MarkdownWriter.guarded(text).split(
      separator: "\n", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() {
      lines.append((index == 0 ? indent + marker : inner) + part)
    }
    if parts.isEmpty { lines.append(indent + marker) }
    guard let first = block.children.first else { return }
    if !isItem(first.type) { lines.append("") }
    write(block.children, indent: inner)
  }

  private mutating func table(_ block: Block, indent: String) {
    let rows = block.children.map { row in
      (row.payload["cells"]?.array ?? []).map {
        InlineRun.markdown($0).replacing("|", with: "\\|").replacing("\n", with: " ")
      }
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
      lines.append(line.isEmpty ? "" : indent + line)
    }
  }

  /// A text whose lines do not begin like a heading, a list, a quotation or a rule.
  private static func guarded(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
      let trimmed = line.drop { $0 == " " }
      if let first = trimmed.first, "#+-=".contains(first) {
        return line.prefix(line.count - trimmed.count) + "\\" + trimmed
      }
      let digits = trimmed.prefix { $0.isASCII && $0.isNumber }
      if !digits.isEmpty, digits.count < 10, let mark = trimmed.dropFirst(digits.count).first,
        mark == "." || mark == ")"
      {
        return digits + "\\" + trimmed.dropFirst(digits.count)
      }
      return String(line)
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmingSpaces: String { allSatisfy { $0 == " " } ? "" : self }
}
