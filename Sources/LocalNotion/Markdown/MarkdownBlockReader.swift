import Transport

/// Reads a page's text in either dialect.
struct MarkdownBlockReader {
  let dialect: MarkdownDialect
  var depth = 0

  /// Blocks nested deeper are refused.
  static let deepest = 48

  /// The pieces of a text, in order.
  ///
  /// - Throws: ``Refusal`` for tags that do not end, that lack what they need, or that are not covered.
  static func read(_ text: String, _ dialect: MarkdownDialect) throws -> [MarkdownNode] {
    // A carriage return and a line feed are one character to Swift.
    let scalars = text.unicodeScalars.filter { $0 != "\r" && $0 != "\0" }
    let lines = String(String.UnicodeScalarView(scalars)).split(
      separator: "\n", omittingEmptySubsequences: false)
    return try MarkdownBlockReader(dialect: dialect).blocks(lines[...])
  }

  init(dialect: MarkdownDialect) { self.dialect = dialect }

  func blocks(_ lines: ArraySlice<Substring>) throws -> [MarkdownNode] {
    var reader = self
    reader.depth += 1
    guard reader.depth <= MarkdownBlockReader.deepest else {
      throw Refusal.validation(
        "The Markdown is nested more than \(MarkdownBlockReader.deepest) deep.")
    }
    var nodes: [MarkdownNode] = []
    var at = lines.startIndex
    while at < lines.endIndex {
      if lines[at].isBlank {
        at += 1
      } else {
        nodes += try reader.block(lines, &at)
      }
    }
    return nodes
  }

  /// Reads a block, and moves behind it.
  func block(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> [MarkdownNode] {
    let line = lines[at].trimmed
    if let fence = Fence(line) { return [code(fence, lines, &at)] }
    if let node = equation(lines, &at) { return [node] }
    if line.isDivider {
      at += 1
      return [MarkdownNode("divider", [:])]
    }
    if let (tag, behind) = MarkdownTag.read(line), !tag.isClosing, names.contains(tag.name),
      let element = try MarkdownElement(tag, behind, lines, &at)
    {
      return try self.element(element, lines, &at)
    }
    if let node = try table(lines, &at) { return [node] }
    return try dialect == .enhanced ? enhanced(line, lines, &at) : flavored(line, lines, &at)
  }

  func words(_ text: some StringProtocol) throws -> JSON {
    try MarkdownInlineReader.read(text, dialect)
  }

  // MARK: - Code and formulas

  /// The line that begins a block of code.
  struct Fence {
    let mark: Character
    let count: Int
    let language: String

    init?(_ line: Substring) {
      guard let mark = line.first, mark == "`" || mark == "~" else { return nil }
      let count = line.prefix { $0 == mark }.count
      let info = line.dropFirst(count)
      guard count >= 3, mark == "~" || !info.contains("`") else { return nil }
      self.mark = mark
      self.count = count
      language = String(info.trimmed)
    }

    func isEnded(by line: Substring) -> Bool {
      let line = line.trimmed
      return line.count >= count && line.allSatisfy { $0 == mark }
    }
  }

  func code(
    _ fence: Fence, _ lines: ArraySlice<Substring>, _ at: inout Int
  ) -> MarkdownNode {
    let indent = lines[at].indent.count
    var text: [String] = []
    at += 1
    while at < lines.endIndex, !fence.isEnded(by: lines[at]) {
      text.append(String(lines[at].dropFirst(min(indent, lines[at].indent.count))))
      at += 1
    }
    at = min(at + 1, lines.endIndex)
    let items = MarkdownInlineReader.split(text.joined(separator: "\n")).filter { !$0.isEmpty }
      .map { JSON.object(["text": ["content": .string($0)]]) }
    return MarkdownNode(
      "code",
      ["rich_text": .array(items), "language": .string(CodeLanguages.named(fence.language))])
  }

  func equation(_ lines: ArraySlice<Substring>, _ at: inout Int) -> MarkdownNode? {
    let line = lines[at].trimmed
    guard line.hasPrefix("$$") else { return nil }
    if line.count > 4, line.hasSuffix("$$") {
      at += 1
      return MarkdownNode(
        "equation", ["expression": .string(String(line.dropFirst(2).dropLast(2).trimmed))])
    }
    guard line == "$$",
      let end = lines[(at + 1)...].firstIndex(where: { $0.trimmed == "$$" })
    else { return nil }
    let text = lines[(at + 1)..<end].map { String($0.trimmed) }.joined(separator: "\n")
    at = end + 1
    return MarkdownNode("equation", ["expression": .string(text)])
  }

  // MARK: - Lines of v1

  func enhanced(
    _ line: Substring, _ lines: ArraySlice<Substring>, _ at: inout Int
  ) throws -> [MarkdownNode] {
    let (text, attributes) = MarkdownBlockReader.suffix(of: line)
    var payload: JSON.Members = [:]
    let color = try MarkdownColor.read(attributes["color"], at: "{color}")
    var type = "paragraph"
    var rest = text
    var isParent = true
    if let image = try image(text) {
      at += 1
      return [image]
    }
    if let (level, words) = MarkdownBlockReader.heading(text) {
      type = "heading_\(level)"
      rest = words
      isParent = attributes["toggle"] == "true"
      if isParent { payload["is_toggleable"] = true }
    } else if let item = Item(text) {
      type = item.type
      rest = item.text
      if type == "to_do" { payload["checked"] = .bool(item.isChecked) }
    } else if text.hasPrefix(">") {
      type = "quote"
      rest = text.dropFirst().trimmed
    }
    payload["rich_text"] = try words(rest)
    payload["color"] = color
    at += 1
    var node = MarkdownNode(type, payload)
    let inner = indented(lines, &at, bySpaces: type.hasSuffix("list_item") || type == "to_do")
    let children = try blocks(inner[...])
    guard isParent else { return [node] + children }
    node.children = children
    return [node]
  }

  /// The lines that are indented below a line, their indent taken away.
  func indented(
    _ lines: ArraySlice<Substring>, _ at: inout Int, bySpaces: Bool
  ) -> [Substring] {
    var inner: [Substring] = []
    var pending = 0
    var fence: Fence?
    var width: Int?
    var next = at
    while next < lines.endIndex {
      let line = lines[next]
      if line.isBlank, fence == nil {
        pending += 1
        next += 1
        continue
      }
      let indent = line.indent
      let isInside = indent.first == "\t" || (bySpaces && indent.count >= 2)
      guard isInside || fence != nil else { break }
      if width == nil { width = indent.first == "\t" ? 1 : indent.count }
      inner += Array(repeating: "", count: pending)
      pending = 0
      let cut = min(width ?? 0, indent.count)
      let stripped = indent.first == "\t" ? line.dropFirst(1) : line.dropFirst(cut)
      inner.append(stripped)
      if let open = fence {
        if open.isEnded(by: line) { fence = nil }
      } else {
        fence = Fence(line.trimmed)
      }
      next += 1
      at = next
    }
    return inner
  }

  /// `{color="blue" toggle="true"}` at a line's end.
  static func suffix(of line: Substring) -> (Substring, [String: String]) {
    guard line.hasSuffix("}"), let brace = line.lastIndex(of: "{"),
      brace == line.startIndex || line[line.index(before: brace)] == " "
    else { return (line, [:]) }
    let inside = line[line.index(after: brace)...].dropLast()
    guard let (tag, rest) = MarkdownTag.read("<a \(inside)>"), rest.isEmpty,
      !tag.attributes.isEmpty, tag.attributes.keys.allSatisfy({ $0 == "color" || $0 == "toggle" })
    else { return (line, [:]) }
    return (line[..<brace].trimmed, tag.attributes)
  }

  static func heading(_ line: Substring) -> (level: Int, text: Substring)? {
    let level = line.prefix { $0 == "#" }.count
    guard (1...6).contains(level) else { return nil }
    let rest = line.dropFirst(level)
    guard rest.isEmpty || rest.first == " " || rest.first == "\t" else { return nil }
    return (min(level, 4), rest.trimmed)
  }

  /// What begins an item of a list.
  struct Item {
    var type: String
    /// How far what is inside the item is indented.
    var width: Int
    var text: Substring
    var isChecked = false

    init?(_ line: Substring) {
      guard let first = line.first else { return nil }
      if "-*+".contains(first) {
        type = "bulleted_list_item"
        text = line.dropFirst()
      } else {
        let digits = line.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty, digits.count < 10,
          let mark = line.dropFirst(digits.count).first, mark == "." || mark == ")"
        else { return nil }
        type = "numbered_list_item"
        text = line.dropFirst(digits.count + 1)
      }
      guard text.isEmpty || text.first == " " || text.first == "\t" else { return nil }
      width = line.count - text.trimmed.count
      text = text.trimmed
      for (box, isChecked) in [("[ ]", false), ("[x]", true), ("[X]", true)]
      where type == "bulleted_list_item" && text.hasPrefix(box) {
        guard text.count == 3 || text.dropFirst(3).first == " " else { continue }
        type = "to_do"
        self.isChecked = isChecked
        text = text.dropFirst(3).trimmed
      }
    }
  }

  // MARK: - Blocks of v2

  func flavored(
    _ line: Substring, _ lines: ArraySlice<Substring>, _ at: inout Int
  ) throws -> [MarkdownNode] {
    if let (level, text) = MarkdownBlockReader.heading(line) {
      at += 1
      var text = text
      // Number signs at the end are decoration.
      if let end = text.lastIndex(where: { $0 != "#" }), text.last == "#", text[end] == " " {
        text = text[..<end].trimmed
      }
      return [MarkdownNode("heading_\(level)", ["rich_text": try words(text)])]
    }
    if line.hasPrefix(">") { return [try quote(lines, &at)] }
    if let item = Item(line) { return [try self.item(item, lines, &at)] }
    return [try paragraph(lines, &at)]
  }

  func quote(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> MarkdownNode {
    var inner: [Substring] = []
    while at < lines.endIndex {
      let line = lines[at].trimmed
      if line.hasPrefix(">") {
        let rest = line.dropFirst()
        inner.append(rest.first == " " ? rest.dropFirst() : rest)
      } else if !line.isEmpty, inner.last?.isBlank == false, !isStart(lines, at) {
        inner.append(line)
      } else {
        break
      }
      at += 1
    }
    return try filled("quote", [:], with: blocks(inner[...]))
  }

  func item(
    _ item: Item, _ lines: ArraySlice<Substring>, _ at: inout Int
  ) throws -> MarkdownNode {
    let outer = lines[at].indent.count
    let width = outer + (item.text.isEmpty ? 2 : min(item.width, 8))
    var inner: [Substring] = [item.text]
    at += 1
    var next = at
    while next < lines.endIndex {
      let line = lines[next]
      if line.isBlank {
        inner.append("")
        next += 1
        continue
      }
      // A tab is as good as the marker's width.
      if line.indent.count >= min(width, outer + 2) || line.indent.contains("\t") {
        inner.append(
          line.indent.contains("\t") && line.indent.count < width
            ? line.dropFirst(line.indent.count) : line.dropFirst(min(width, line.indent.count)))
      } else if inner.last?.isBlank == false, !isStart(lines, next), Item(line.trimmed) == nil {
        inner.append(line.trimmed)
      } else {
        break
      }
      next += 1
      at = next
    }
    var payload: JSON.Members = [:]
    if item.type == "to_do" { payload["checked"] = .bool(item.isChecked) }
    // Words that would begin another block begin one inside the item.
    return try filled(item.type, payload, with: blocks(inner[...]))
  }

  func paragraph(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> MarkdownNode {
    var text: [String] = []
    while at < lines.endIndex, !lines[at].isBlank {
      let line = lines[at].trimmed
      if !text.isEmpty {
        let underline = line.trimmed
        if underline.allSatisfy({ $0 == "=" }) || (underline.allSatisfy { $0 == "-" }) {
          at += 1
          let level = underline.first == "=" ? 1 : 2
          return MarkdownNode(
            "heading_\(level)", ["rich_text": try words(text.joined(separator: "\n"))])
        }
        if isStart(lines, at) { break }
      }
      // Two spaces at a line's end break it.
      let breaks = lines[at].hasSuffix("  ") && at + 1 < lines.endIndex && !lines[at + 1].isBlank
      text.append(line + (breaks ? "\\" : ""))
      at += 1
    }
    let whole = text.joined(separator: "\n")
    return try image(whole[...]) ?? MarkdownNode("paragraph", ["rich_text": try words(whole)])
  }

  /// Whether a line begins a block, so that no paragraph goes on in it.
  func isStart(_ lines: ArraySlice<Substring>, _ at: Int) -> Bool {
    let line = lines[at].trimmed
    if Fence(line) != nil || line.isDivider || line == "$$" || line.hasPrefix(">") { return true }
    if MarkdownBlockReader.heading(line) != nil { return true }
    if let item = Item(line) {
      return !item.text.isEmpty && (item.type != "numbered_list_item" || line.hasPrefix("1"))
    }
    guard let (tag, _) = MarkdownTag.read(line) else { return false }
    return names.contains(tag.name)
  }

  /// A block with words: those of the first paragraph are its own, the others are inside.
  func filled(
    _ type: String, _ payload: JSON.Members, with nodes: [MarkdownNode]
  ) throws -> MarkdownNode {
    var payload = payload
    var children = nodes
    payload["rich_text"] = []
    if let first = nodes.first, case .block("paragraph", let held) = first.kind,
      held["color"] == nil
    {
      payload["rich_text"] = held["rich_text"]
      children = first.children + nodes.dropFirst()
    }
    return MarkdownNode(type, payload, children: children)
  }
}

/// The words of rich text as a request has it.
enum RichTextPlain {
  static func text(_ items: JSON) -> String {
    (items.array ?? []).map {
      $0["text"]?["content"]?.string ?? $0["equation"]?["expression"]?.string ?? ""
    }.joined()
  }
}
