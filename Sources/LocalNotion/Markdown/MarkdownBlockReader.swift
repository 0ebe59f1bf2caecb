import Transport

/// Reads a page's text in either dialect.
struct MarkdownBlockReader {
  private let dialect: MarkdownDialect
  private var depth = 0

  /// Blocks nested deeper are refused.
  private static let deepest = 48

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

  private init(dialect: MarkdownDialect) { self.dialect = dialect }

  private func blocks(_ lines: ArraySlice<Substring>) throws -> [MarkdownNode] {
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
  private func block(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> [MarkdownNode] {
    let line = lines[at].trimmed
    if let fence = Fence(line) { return [code(fence, lines, &at)] }
    if let node = equation(lines, &at) { return [node] }
    if line.isDivider {
      at += 1
      return [MarkdownNode("divider", [:])]
    }
    if let (tag, behind) = MarkdownTag.read(line), !tag.isClosing, names.contains(tag.name),
      let element = try Element(tag, behind, lines, &at)
    {
      return try self.element(element, lines, &at)
    }
    if let node = try table(lines, &at) { return [node] }
    return try dialect == .enhanced ? enhanced(line, lines, &at) : flavored(line, lines, &at)
  }

  private func words(_ text: some StringProtocol) throws -> JSON {
    try MarkdownInlineReader.read(text, dialect)
  }

  // MARK: - Code and formulas

  /// The line that begins a block of code.
  private struct Fence {
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

  private func code(
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

  private func equation(_ lines: ArraySlice<Substring>, _ at: inout Int) -> MarkdownNode? {
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

  private func enhanced(
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
  private func indented(
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
  private static func suffix(of line: Substring) -> (Substring, [String: String]) {
    guard line.hasSuffix("}"), let brace = line.lastIndex(of: "{"),
      brace == line.startIndex || line[line.index(before: brace)] == " "
    else { return (line, [:]) }
    let inside = line[line.index(after: brace)...].dropLast()
    guard let (tag, rest) = MarkdownTag.read("<a \(inside)>"), rest.isEmpty,
      !tag.attributes.isEmpty, tag.attributes.keys.allSatisfy({ $0 == "color" || $0 == "toggle" })
    else { return (line, [:]) }
    return (line[..<brace].trimmed, tag.attributes)
  }

  private static func heading(_ line: Substring) -> (level: Int, text: Substring)? {
    let level = line.prefix { $0 == "#" }.count
    guard (1...6).contains(level) else { return nil }
    let rest = line.dropFirst(level)
    guard rest.isEmpty || rest.first == " " || rest.first == "\t" else { return nil }
    return (min(level, 4), rest.trimmed)
  }

  /// What begins an item of a list.
  private struct Item {
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

  private func flavored(
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

  private func quote(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> MarkdownNode {
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

  private func item(
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

  private func paragraph(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> MarkdownNode {
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
  private func isStart(_ lines: ArraySlice<Substring>, _ at: Int) -> Bool {
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
  private func filled(
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

  // MARK: - Pictures and tables

  /// `![caption](address)` by itself.
  private func image(_ line: Substring) throws -> MarkdownNode? {
    guard line.hasPrefix("!["), line.hasSuffix(")"),
      let items = try words(line.dropFirst()).array, !items.isEmpty
    else { return nil }
    let links = Set(items.map { $0["text"]?["link"]?["url"]?.string })
    if links.count == 1, let link = links.first, let address = link {
      let caption = items.map { item -> JSON in
        var members = item.members ?? [:]
        members["text"] = ["content": item["text"]?["content"] ?? ""]
        return .object(members)
      }
      return MarkdownNode("image", media(address, .array(caption)))
    }
    return nil
  }

  private func media(_ address: String, _ caption: JSON) -> JSON.Members {
    var payload: JSON.Members = [:]
    // An address of this workspace is that of an uploaded file.
    if let id = FileUploads.id(in: address) {
      payload["file_upload"] = ["id": .string(id)]
    } else {
      payload["external"] = ["url": .string(address)]
    }
    if caption != [] { payload["caption"] = caption }
    return payload
  }

  /// A table of bars, its first row the header.
  private func table(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> MarkdownNode? {
    guard at + 1 < lines.endIndex, lines[at].contains("|") else { return nil }
    let rule = MarkdownBlockReader.cells(lines[at + 1])
    guard lines[at + 1].contains("|") || rule.count > 1,
      rule.allSatisfy({ cell in
        let dashes = cell.drop { $0 == ":" }.reversed().drop { $0 == ":" }
        return !dashes.isEmpty && dashes.allSatisfy { $0 == "-" }
      })
    else { return nil }
    let head = MarkdownBlockReader.cells(lines[at])
    guard head.count == rule.count else { return nil }
    var rows = [head]
    at += 2
    while at < lines.endIndex, !lines[at].isBlank, lines[at].contains("|") {
      rows.append(MarkdownBlockReader.cells(lines[at]))
      at += 1
    }
    return try table(rows.map { $0.map(String.init) }, hasRowHeader: false, hasColumnHeader: true)
  }

  private func table(
    _ rows: [[String]], hasRowHeader: Bool, hasColumnHeader: Bool
  ) throws -> MarkdownNode {
    let width = rows.map(\.count).max() ?? 0
    guard width > 0 else { throw Refusal.validation("A <table> needs at least one cell.") }
    let made = try rows.map { row in
      let cells = try (0..<width).map { try $0 < row.count ? words(row[$0]) : [] }
      return MarkdownNode("table_row", ["cells": .array(cells)])
    }
    return MarkdownNode(
      "table",
      [
        "table_width": .int(width), "has_column_header": .bool(hasColumnHeader),
        "has_row_header": .bool(hasRowHeader),
      ], children: made)
  }

  /// The cells of a row between bars.
  private static func cells(_ line: Substring) -> [Substring] {
    var line = line.trimmed
    if line.first == "|" { line = line.dropFirst() }
    var cells: [Substring] = []
    var start = line.startIndex
    var at = start
    var isCode = false
    while at < line.endIndex {
      if line[at] == "\\", line.index(after: at) < line.endIndex {
        at = line.index(at, offsetBy: 2)
        continue
      }
      if line[at] == "`" { isCode.toggle() }
      if line[at] == "|", !isCode {
        cells.append(line[start..<at].trimmed)
        start = line.index(after: at)
      }
      at = line.index(after: at)
    }
    if start < line.endIndex { cells.append(line[start...].trimmed) }
    return cells
  }

  // MARK: - Tags

  /// A tag with what is in it.
  private struct Element {
    let tag: MarkdownTag
    /// What stands between the tags on one line; `nil` when there are lines of their own.
    var words: Substring?
    var lines: [Substring] = []
    /// All of it, as it is written.
    var source = ""

    /// Finds the end of an element; `nil` when it is followed by something else and so is none.
    init?(
      _ tag: MarkdownTag, _ behind: Substring, _ all: ArraySlice<Substring>, _ at: inout Int
    ) throws {
      self.tag = tag
      let start = at
      let ending = "</\(tag.name)>"
      defer {
        if at > start { source = Element.dedented(Array(all[start..<at])).joined(separator: "\n") }
      }
      if tag.isEmpty {
        guard behind.isBlank else { return nil }
        at += 1
        return
      }
      if let close = behind.ranges(of: ending).last {
        guard behind[close.upperBound...].isBlank else { return nil }
        words = behind[..<close.lowerBound].trimmed
        at += 1
        return
      }
      var inner: [Substring] = behind.isBlank ? [] : [behind]
      var depth = 1
      var fence: Fence?
      for index in (at + 1)..<all.endIndex {
        let line = all[index].trimmed
        if let open = fence {
          if open.isEnded(by: line) { fence = nil }
        } else if let open = Fence(line) {
          fence = open
        } else if let (other, rest) = MarkdownTag.read(line), other.name == tag.name {
          if other.isClosing {
            depth -= 1
          } else if !other.isEmpty, rest.firstRange(of: ending) == nil {
            depth += 1
          }
        } else if line.hasSuffix(ending), depth == 1 {
          inner.append(all[index].dropLast(ending.count))
          depth = 0
          lines = Element.dedented(inner)
          at = index + 1
          return
        }
        if depth == 0 {
          lines = Element.dedented(inner)
          at = index + 1
          return
        }
        inner.append(all[index])
      }
      throw Refusal.validation("<\(tag.name)> has no \(ending).")
    }

    /// Lines without the indent that all of them have.
    static func dedented(_ lines: [Substring]) -> [Substring] {
      let common = lines.filter { !$0.isBlank }.map { $0.indent.count }.min() ?? 0
      return lines.map { $0.dropFirst(min(common, $0.indent.count)) }
    }
  }

  private var names: Set<String> {
    dialect == .enhanced ? MarkdownBlockReader.enhancedNames : MarkdownBlockReader.flavoredNames
  }

  private static let sharedNames: Set<String> = [
    "callout", "table", "columns", "column", "audio", "video", "file", "pdf", "page", "database",
    "meeting-notes", "unknown",
  ]
  private static let enhancedNames = sharedNames.union([
    "details", "empty-block", "table_of_contents", "synced_block", "synced_block_reference",
  ])
  private static let flavoredNames = sharedNames.union([
    "p", "h1", "h2", "h3", "h4", "quote", "toggle", "ul", "ol", "todo", "tabs", "tab", "image",
    "table-of-contents", "synced-block", "synced-block-reference", "bookmark", "embed",
  ])

  private func element(
    _ element: Element, _ lines: ArraySlice<Substring>, _ at: inout Int
  ) throws -> [MarkdownNode] {
    let tag = element.tag
    let name = "<\(tag.name)>"
    var payload: JSON.Members = [:]
    payload["color"] = try MarkdownColor.read(tag.attributes["color"], at: name)
    func need(_ attribute: String, _ value: String?) throws -> String {
      guard let value, !value.isEmpty else {
        throw Refusal.validation("\(name) needs \(attribute)=\"…\".")
      }
      return value
    }
    switch tag.name {
    case "empty-block":
      payload["rich_text"] = []
      let inner = indented(lines, &at, bySpaces: false)
      return [MarkdownNode("paragraph", payload, children: try blocks(inner[...]))]
    case "p": return [try worded("paragraph", payload, element)]
    case "h1", "h2", "h3", "h4":
      return [try worded("heading_\(tag.name.dropFirst())", payload, element)]
    case "quote": return [try worded("quote", payload, element)]
    case "todo":
      payload["checked"] = .bool(tag.flag("checked"))
      return [try worded("to_do", payload, element)]
    case "toggle":
      guard let heading = tag.attributes["heading"] else {
        return [try worded("toggle", payload, element)]
      }
      guard ["h1", "h2", "h3", "h4"].contains(heading) else {
        throw Refusal.validation("\(name): heading is h1, h2, h3 or h4, not “\(heading)”.")
      }
      payload["is_toggleable"] = true
      return [try worded("heading_\(heading.dropFirst())", payload, element)]
    case "callout":
      payload["icon"] = MarkdownBlockReader.icon(tag)
      return [try worded("callout", payload, element)]
    case "details": return [try details(payload, element)]
    case "ul", "ol": return try list(element)
    case "columns": return [try columns(element)]
    case "table":
      return [
        try table(
          MarkdownBlockReader.rows(element.lines.joined(separator: "\n") + (element.words ?? "")),
          hasRowHeader: tag.flag("header-column"), hasColumnHeader: tag.flag("header-row"))
      ]
    case "table_of_contents", "table-of-contents":
      return [MarkdownNode("table_of_contents", payload)]
    case "image", "audio", "video", "file", "pdf":
      let address = try need(
        dialect == .enhanced ? "src" : "source", tag.attributes["source"] ?? tag.attributes["src"])
      return [MarkdownNode(tag.name, media(address, try words(element.words ?? "")))]
    case "bookmark", "embed":
      var payload: JSON.Members = ["url": .string(try need("source", tag.attributes["source"]))]
      if let caption = element.words, !caption.isEmpty { payload["caption"] = try words(caption) }
      return [MarkdownNode(tag.name, payload)]
    case "page", "database", "unknown":
      let title = try RichTextPlain.text(words(element.words ?? ""))
      if let id = tag.id { return [MarkdownNode(.held(id, title: title))] }
      guard tag.name == "page", dialect == .flavored, tag.attributes["url"] == nil else {
        throw Refusal.validation("\(name) needs the url of what it names.")
      }
      return [MarkdownNode(.page(title: title))]
    case "synced_block", "synced-block":
      if tag.attributes["url"] != nil {
        guard let id = tag.id else {
          throw Refusal.validation("\(name) needs the url of its block.")
        }
        return [MarkdownNode(.fixed(id, text: element.source))]
      }
      let inner = try blocks(element.lines[...])
      return [MarkdownNode("synced_block", ["synced_from": nil], children: inner)]
    case "synced_block_reference", "synced-block-reference":
      guard let id = tag.id else { throw Refusal.validation("\(name) needs the url of its block.") }
      return [
        MarkdownNode(
          "synced_block", ["synced_from": ["block_id": .string(id)]],
          children: try blocks(element.lines[...]))
      ]
    default:
      throw Refusal.validation("The embedded workspace does not cover \(name) in Markdown here.")
    }
  }

  /// A block whose words and whatever else is inside stand between its tags.
  private func worded(
    _ type: String, _ payload: JSON.Members, _ element: Element
  ) throws -> MarkdownNode {
    var payload = payload
    guard element.lines.isEmpty else {
      let node = try filled(type, payload, with: blocks(element.lines[...]))
      let holds = BlockInput.holdsChildren(type) || payload["is_toggleable"] == true
      guard node.children.isEmpty || holds else {
        throw Refusal.validation("<\(element.tag.name)> holds words only; a toggle holds blocks.")
      }
      return node
    }
    payload["rich_text"] = try words(element.words ?? "")
    return MarkdownNode(type, payload)
  }

  private static func icon(_ tag: MarkdownTag) -> JSON? {
    guard let icon = tag.attributes["icon"], !icon.isEmpty else { return nil }
    return icon.hasPrefix("https://") || icon.hasPrefix("http://")
      ? ["external": ["url": .string(icon)]] : ["emoji": .string(icon)]
  }

  private func details(_ payload: JSON.Members, _ element: Element) throws -> MarkdownNode {
    var payload = payload
    payload["rich_text"] = []
    var lines = element.lines[...]
    if let inline = element.words { lines = [inline] }
    while lines.first?.isBlank ?? false { lines.removeFirst() }
    if let first = lines.first, let (tag, behind) = MarkdownTag.read(first.trimmed),
      tag.name == "summary"
    {
      let ending = "</summary>"
      var title = behind
      lines.removeFirst()
      var rest: Substring = ""
      while true {
        if let close = title.firstRange(of: ending) {
          rest = title[close.upperBound...]
          title = title[..<close.lowerBound]
          break
        }
        guard let next = lines.popFirst() else {
          throw Refusal.validation("<summary> has no \(ending).")
        }
        title = "\(title) \(next.trimmed)"
      }
      payload["rich_text"] = try words(title.trimmed)
      if !rest.isBlank { lines.insert(rest, at: lines.startIndex) }
    }
    return MarkdownNode(
      "toggle", payload, children: try blocks(Element.dedented(Array(lines))[...]))
  }

  private func list(_ element: Element) throws -> [MarkdownNode] {
    let type = element.tag.name == "ul" ? "bulleted_list_item" : "numbered_list_item"
    return try inside(element, only: "li").map { item in
      var payload: JSON.Members = [:]
      payload["color"] = try MarkdownColor.read(item.tag.attributes["color"], at: "<li>")
      return try worded(type, payload, item)
    }
  }

  private func columns(_ element: Element) throws -> MarkdownNode {
    let columns = try inside(element, only: "column").map { column in
      var payload: JSON.Members = [:]
      if let ratio = column.tag.attributes["ratio"] {
        guard let percent = Double(ratio), percent > 0, percent <= 100 else {
          throw Refusal.validation("<column>: ratio is a percentage, not “\(ratio)”.")
        }
        payload["width_ratio"] = .number(percent / 100)
      }
      let lines = column.words.map { [$0] } ?? column.lines
      return MarkdownNode("column", payload, children: try blocks(lines[...]))
    }
    guard columns.count >= 2 else {
      throw Refusal.validation("<columns> needs at least two <column>.")
    }
    return MarkdownNode("column_list", [:], children: columns)
  }

  /// The elements of one name that an element consists of.
  private func inside(_ element: Element, only name: String) throws -> [Element] {
    let lines = (element.words.map { [$0] } ?? element.lines)[...]
    var found: [Element] = []
    var at = lines.startIndex
    while at < lines.endIndex {
      let line = lines[at].trimmed
      if line.isEmpty {
        at += 1
        continue
      }
      guard let (tag, behind) = MarkdownTag.read(line), tag.name == name, !tag.isClosing,
        let inner = try Element(tag, behind, lines, &at)
      else {
        throw Refusal.validation(
          "In <\(element.tag.name)> there are only <\(name)>, not “\(line)”.")
      }
      found.append(inner)
    }
    return found
  }

  /// The cells of a table of tags.
  private static func rows(_ text: String) -> [[String]] {
    var rows: [[String]] = []
    var rest = text[...]
    while let mark = rest.firstIndex(of: "<") {
      rest = rest[mark...]
      guard let (tag, behind) = MarkdownTag.read(rest) else {
        rest = rest.dropFirst()
        continue
      }
      rest = behind
      if tag.name == "tr", !tag.isClosing { rows.append([]) }
      guard tag.name == "td" || tag.name == "th", !tag.isClosing else { continue }
      if rows.isEmpty { rows.append([]) }
      let end = rest.firstRange(of: "</\(tag.name)>")
      let cell = tag.isEmpty ? "" : rest[..<(end?.lowerBound ?? rest.endIndex)]
      rows[rows.count - 1].append(
        cell.split(separator: "\n").map { String($0.trimmed) }.joined(separator: "<br>"))
      if !tag.isEmpty { rest = rest[(end?.upperBound ?? rest.endIndex)...] }
    }
    return rows
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

extension Substring {
  fileprivate var isBlank: Bool { allSatisfy { $0 == " " || $0 == "\t" } }

  /// The spaces and tabs in front.
  fileprivate var indent: Substring { prefix { $0 == " " || $0 == "\t" } }

  fileprivate var trimmed: Substring {
    var text = dropFirst(indent.count)
    while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
    return text
  }

  /// Three or more of one mark, and nothing else.
  fileprivate var isDivider: Bool {
    guard let first, "-*_".contains(first) else { return false }
    let marks = filter { $0 != " " }
    return marks.count >= 3 && marks.allSatisfy { $0 == first }
  }
}
