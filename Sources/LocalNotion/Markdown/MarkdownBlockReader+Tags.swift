import Transport

/// Blocks that are written as tags.
extension MarkdownBlockReader {
  var names: Set<String> {
    dialect == .enhanced ? MarkdownBlockReader.enhancedNames : MarkdownBlockReader.flavoredNames
  }

  static let sharedNames: Set<String> = [
    "callout", "table", "columns", "column", "audio", "video", "file", "pdf", "page", "database",
    "meeting-notes", "unknown",
  ]
  static let enhancedNames = sharedNames.union([
    "details", "empty-block", "table_of_contents", "synced_block", "synced_block_reference",
  ])
  static let flavoredNames = sharedNames.union([
    "p", "h1", "h2", "h3", "h4", "quote", "toggle", "ul", "ol", "todo", "tabs", "tab", "image",
    "table-of-contents", "synced-block", "synced-block-reference", "bookmark", "embed",
  ])

  func element(
    _ element: MarkdownElement, _ lines: ArraySlice<Substring>, _ at: inout Int
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
  func worded(
    _ type: String, _ payload: JSON.Members, _ element: MarkdownElement
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

  static func icon(_ tag: MarkdownTag) -> JSON? {
    guard let icon = tag.attributes["icon"], !icon.isEmpty else { return nil }
    return icon.hasPrefix("https://") || icon.hasPrefix("http://")
      ? ["external": ["url": .string(icon)]] : ["emoji": .string(icon)]
  }

  func details(_ payload: JSON.Members, _ element: MarkdownElement) throws -> MarkdownNode {
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
      "toggle", payload, children: try blocks(MarkdownElement.dedented(Array(lines))[...]))
  }

  func list(_ element: MarkdownElement) throws -> [MarkdownNode] {
    let type = element.tag.name == "ul" ? "bulleted_list_item" : "numbered_list_item"
    return try inside(element, only: "li").map { item in
      var payload: JSON.Members = [:]
      payload["color"] = try MarkdownColor.read(item.tag.attributes["color"], at: "<li>")
      return try worded(type, payload, item)
    }
  }

  func columns(_ element: MarkdownElement) throws -> MarkdownNode {
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
  func inside(_ element: MarkdownElement, only name: String) throws -> [MarkdownElement] {
    let lines = (element.words.map { [$0] } ?? element.lines)[...]
    var found: [MarkdownElement] = []
    var at = lines.startIndex
    while at < lines.endIndex {
      let line = lines[at].trimmed
      if line.isEmpty {
        at += 1
        continue
      }
      guard let (tag, behind) = MarkdownTag.read(line), tag.name == name, !tag.isClosing,
        let inner = try MarkdownElement(tag, behind, lines, &at)
      else {
        throw Refusal.validation(
          "In <\(element.tag.name)> there are only <\(name)>, not “\(line)”.")
      }
      found.append(inner)
    }
    return found
  }

  /// The cells of a table of tags.
  static func rows(_ text: String) -> [[String]] {
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
