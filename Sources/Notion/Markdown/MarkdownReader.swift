import CMarkdown
import Transport

/// Turns md4c's events into blocks.
final class MarkdownReader {
  /// Reads a text.
  ///
  /// - Parameter isInline: Whether each line is a text by itself, in which only styles are looked for.
  static func read(_ text: String, isInline: Bool = false) -> [Block] {
    guard isInline else { return parse(text) }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      // A reference to a space: no block begins with it, and markers count behind it. It goes again.
      let block = parse("&#32;" + line).first ?? Block("paragraph", ["rich_text": []])
      let items = block.payload["rich_text"] ?? []
      let rest = InlineItems.slice(items, from: 1)
      return Block("paragraph", ["rich_text": rest])
    }
  }

  private static func parse(_ text: String) -> [Block] {
    let reader = MarkdownReader(MarkdownSource(text))
    // md4c knows no NUL inside a text.
    var bytes = Array(reader.source.text.utf8.filter { $0 != 0 })
    bytes.append(0)
    var parser = MD_PARSER()
    parser.flags = visen_markdown_flags
    parser.enter_block = { type, detail, context in
      MarkdownReader.from(context)?.enter(type, detail)
      return 0
    }
    parser.leave_block = { type, detail, context in
      MarkdownReader.from(context)?.leave(type)
      return 0
    }
    parser.enter_span = { type, detail, context in
      MarkdownReader.from(context)?.enterSpan(type, detail)
      return 0
    }
    parser.leave_span = { type, detail, context in
      MarkdownReader.from(context)?.leaveSpan(type)
      return 0
    }
    parser.text = { type, text, size, context in
      MarkdownReader.from(context)?.text(type, text, Int(size))
      return 0
    }
    let context = Unmanaged.passUnretained(reader).toOpaque()
    _ = bytes.withUnsafeBufferPointer { buffer in
      buffer.baseAddress?.withMemoryRebound(to: CChar.self, capacity: buffer.count) { start in
        md_parse(start, MD_SIZE(buffer.count - 1), &parser, context)
      }
    }
    return withExtendedLifetime(reader) { MarkdownReader.folded(reader.root) }
  }

  private let source: MarkdownSource

  private init(_ source: MarkdownSource) { self.source = source }

  private static func from(_ context: UnsafeMutableRawPointer?) -> MarkdownReader? {
    context.map { Unmanaged<MarkdownReader>.fromOpaque($0).takeUnretainedValue() }
  }

  /// A container that is open: its kind, what was said directly in it, and its finished blocks.
  private struct Level {
    var type: String
    var inline: [InlineRun] = []
    var blocks: [Block] = []
    var isChecked = false
    var language = ""
    var rows: [[JSON]] = []
    var hasOwnText = false
  }

  private var root: [Block] = []
  private var levels: [Level] = []
  private var listKinds: [String] = []
  private var style = InlineStyle()
  private var styles: [InlineStyle] = []
  private var cells: [JSON] = []
  /// The address of the image whose words are being read.
  private var image: String?
  /// What the link whose words are being read mentions.
  private var mention: JSON?

  // MARK: - Blocks

  private func enter(_ type: MD_BLOCKTYPE, _ detail: UnsafeMutableRawPointer?) {
    switch type {
    case MD_BLOCK_UL: listKinds.append("bulleted_list_item")
    case MD_BLOCK_OL: listKinds.append("numbered_list_item")
    case MD_BLOCK_LI:
      flushLooseText()
      var level = Level(type: listKinds.last ?? "bulleted_list_item")
      if let item = detail?.assumingMemoryBound(to: MD_BLOCK_LI_DETAIL.self).pointee,
        item.is_task != 0
      {
        level.type = "to_do"
        level.isChecked = item.task_mark != 0x20
      }
      levels.append(level)
    case MD_BLOCK_QUOTE:
      flushLooseText()
      levels.append(Level(type: "quote"))
    case MD_BLOCK_H:
      let depth = detail?.assumingMemoryBound(to: MD_BLOCK_H_DETAIL.self).pointee.level ?? 1
      levels.append(Level(type: "heading_\(min(max(depth, 1), 4))"))
    case MD_BLOCK_CODE:
      var level = Level(type: "code")
      if let code = detail?.assumingMemoryBound(to: MD_BLOCK_CODE_DETAIL.self).pointee {
        level.language = MarkdownReader.string(code.lang)
      }
      levels.append(level)
    case MD_BLOCK_P: levels.append(Level(type: "paragraph"))
    case MD_BLOCK_TABLE: levels.append(Level(type: "table"))
    case MD_BLOCK_TR: cells = []
    case MD_BLOCK_TH, MD_BLOCK_TD: levels.append(Level(type: "cell"))
    case MD_BLOCK_HR: add(Block("divider", [:]))
    default: break
    }
  }

  private func leave(_ type: MD_BLOCKTYPE) {
    switch type {
    case MD_BLOCK_UL, MD_BLOCK_OL: if !listKinds.isEmpty { listKinds.removeLast() }
    case MD_BLOCK_TR:
      if let index = levels.lastIndex(where: { $0.type == "table" }) {
        levels[index].rows.append(cells)
      }
    case MD_BLOCK_TH, MD_BLOCK_TD:
      guard let level = levels.popLast() else { return }
      cells.append(InlineRun.items(level.inline))
    case MD_BLOCK_LI, MD_BLOCK_QUOTE, MD_BLOCK_H, MD_BLOCK_CODE, MD_BLOCK_P, MD_BLOCK_TABLE:
      guard let level = levels.popLast() else { return }
      close(level)
    default: break
    }
  }

  /// Text right inside a list item that comes before a nested container belongs to the item.
  private func flushLooseText() {
    guard let index = levels.indices.last, !levels[index].inline.isEmpty else { return }
    levels[index].hasOwnText = true
  }

  private func close(_ level: Level) {
    switch level.type {
    case "paragraph":
      guard !isComment(level.inline) else { return }
      // The first paragraph of an item or quotation is its own text; Notion has no level between.
      if let index = levels.indices.last, isTextContainer(levels[index].type),
        !levels[index].hasOwnText, levels[index].blocks.isEmpty, levels[index].inline.isEmpty
      {
        levels[index].inline = level.inline
        levels[index].hasOwnText = true
      } else {
        add(paragraphs(level.inline))
      }
    case "code":
      let text = level.inline.map(\.text).joined()
      let trimmed = text.hasSuffix("\n") ? String(text.dropLast()) : text
      let parts = MarkdownReader.chunks(RichText.split(trimmed), of: RichText.maximumItems)
      for part in parts.isEmpty ? [[]] : parts {
        add(
          Block(
            "code",
            [
              "rich_text": .array(part.map { ["type": "text", "text": ["content": .string($0)]] }),
              "language": .string(CodeLanguage.notion(level.language)),
            ]))
      }
    case "table":
      let width = level.rows.map(\.count).max() ?? 0
      guard width > 0 else { return }
      let rows = level.rows.map { row in
        Block("table_row", ["cells": .array(row + Array(repeating: [], count: width - row.count))])
      }
      // Notion takes at most 100 rows with a table; a longer one is continued in another.
      for part in MarkdownReader.chunks(rows, of: 100) {
        add(
          Block(
            "table",
            [
              "table_width": .int(width), "has_column_header": true, "has_row_header": false,
            ], children: part))
      }
    default:
      var level = level
      level.blocks = MarkdownReader.folded(level.blocks)
      if level.inline.contains(where: \.isBlockFormula) {
        level.blocks = paragraphs(level.inline) + level.blocks
        level.inline = []
        if level.blocks.first?.type == "paragraph" {
          // The words before the formula are the item's own.
          var blocks = textBlocks(level.type, [])
          blocks[0].payload = with(
            blocks[0].payload, "rich_text", level.blocks.removeFirst().payload["rich_text"] ?? [])
          if level.type == "to_do" {
            blocks[0].payload = with(blocks[0].payload, "checked", .bool(level.isChecked))
          }
          blocks[0].children = level.blocks
          blocks[0].hasChildren = !level.blocks.isEmpty
          return add(blocks)
        }
      }
      // The writer puts something into a box without words, or it would be none.
      if level.type == "to_do", level.inline.map(\.text).joined() == "\u{200B}" {
        level.inline = []
      }
      if level.type == "quote", let callout = MarkdownReader.callout(level.inline, level.blocks) {
        return add(callout)
      }
      if level.type.hasPrefix("heading") {
        // A heading has one line.
        for index in level.inline.indices where level.inline[index].text == "\n" {
          level.inline[index].text = " "
        }
      }
      var blocks = textBlocks(level.type, level.inline)
      if level.type == "to_do" {
        for index in blocks.indices {
          blocks[index].payload = with(blocks[index].payload, "checked", .bool(level.isChecked))
        }
      }
      if level.type.hasPrefix("heading"), !level.blocks.isEmpty {
        add(blocks)
        add(level.blocks)
        return
      }
      if var last = blocks.popLast() {
        last.children = level.blocks
        last.hasChildren = !level.blocks.isEmpty
        blocks.append(last)
      }
      add(blocks)
    }
  }

  /// Whether a paragraph is a note that nobody is to read.
  private func isComment(_ inline: [InlineRun]) -> Bool {
    let text = inline.map(\.text).joined()
    return text.hasPrefix("<!--") && text.hasSuffix("-->") && inline.allSatisfy { !$0.style.isCode }
  }

  /// A paragraph; formulas and images that stand in it by themselves become blocks of their own.
  private func paragraphs(_ inline: [InlineRun]) -> [Block] {
    if let image = MarkdownReader.image(inline) { return [image] }
    var blocks: [Block] = []
    var words: [InlineRun] = []
    func flush() {
      while words.first?.text == "\n" { words.removeFirst() }
      while words.last?.text == "\n" { words.removeLast() }
      if !words.isEmpty { blocks += textBlocks("paragraph", words) }
      words = []
    }
    for run in inline {
      if run.isBlockFormula {
        flush()
        blocks.append(Block("equation", ["expression": .string(run.text)]))
      } else {
        words.append(run)
      }
    }
    flush()
    // What says nothing that Notion can hold, such as an image of this disk, is no paragraph.
    return blocks
  }

  /// An image that stands by itself, with what is written under it.
  private static func image(_ inline: [InlineRun]) -> Block? {
    guard let address = inline.first?.imageAddress,
      inline.allSatisfy({ $0.imageAddress == address }),
      address.lowercased().hasPrefix("http")
    else { return nil }
    let caption = inline.filter { !$0.text.isEmpty }.map { run -> InlineRun in
      var run = run
      run.style.link = nil
      return run
    }
    return Block(
      "image",
      [
        "type": "external", "external": ["url": .string(address)],
        "caption": InlineRun.items(caption),
      ])
  }

  /// A quotation that begins with `[!NOTE]` or an emoji in such marks.
  private static func callout(_ inline: [InlineRun], _ children: [Block]) -> Block? {
    let items = InlineRun.items(inline)
    let text = RichText.plainText(of: items)
    guard text.hasPrefix("[!"), let end = text.firstIndex(of: "]") else { return nil }
    let word = String(text[..<end].dropFirst(2))
    let rest = text[text.index(after: end)...]
    let gap = rest.prefix { $0 == " " || $0 == "\n" }
    guard rest.isEmpty || gap.contains("\n"), let icon = Callout.icon(word) else { return nil }
    let used = text.distance(from: text.startIndex, to: end) + 1 + gap.count
    var own = InlineItems.slice(items, from: used)
    var children = children
    if own.array?.isEmpty ?? true, let first = children.first, first.type == "paragraph",
      first.children.isEmpty
    {
      own = first.payload["rich_text"] ?? []
      children.removeFirst()
    }
    return Block(
      "callout",
      ["rich_text": own, "icon": ["type": "emoji", "emoji": .string(icon)]], children: children)
  }

  /// Blocks with what stands between `<details>` and `</details>` inside a toggle.
  private static func folded(_ blocks: [Block]) -> [Block] {
    guard blocks.contains(where: { $0.type == "paragraph" && $0.plainText.hasPrefix("<details") })
    else { return blocks }
    var result: [Block] = []
    var rest = blocks[...]
    while let block = rest.popFirst() {
      guard let (title, first, isClosed) = summary(block) else {
        result.append(block)
        continue
      }
      if isClosed {
        result.append(Block("toggle", ["rich_text": title], children: first))
        continue
      }
      var depth = 1
      var end: Int?
      for index in rest.indices where rest[index].type == "paragraph" {
        let text = rest[index].plainText
        if text.hasPrefix("<details"), !text.contains("</details>") { depth += 1 }
        if text.hasSuffix("</details>"), !text.hasPrefix("<details") { depth -= 1 }
        if depth == 0 {
          end = index
          break
        }
      }
      guard let end else {
        result.append(block)
        continue
      }
      var inner = first + Array(rest[..<end])
      let last = rest[end].plainText.dropLast("</details>".count)
      if !last.trimmed.isEmpty {
        var words = rest[end]
        words.payload = [
          "rich_text": InlineItems.slice(
            rest[end].payload["rich_text"] ?? [], from: 0, to: last.trimmedEnd)
        ]
        inner.append(words)
      }
      rest = rest[(end + 1)...]
      result.append(Block("toggle", ["rich_text": title], children: folded(inner)))
    }
    return result
  }

  /// What a paragraph that opens a toggle says: its title, and the words behind it.
  private static func summary(
    _ block: Block
  ) -> (title: JSON, first: [Block], isClosed: Bool)? {
    guard block.type == "paragraph" else { return nil }
    let items = block.payload["rich_text"] ?? []
    let text = block.plainText
    guard text.hasPrefix("<details"), let start = text.firstRange(of: "<summary>"),
      let end = text.firstRange(of: "</summary>"), start.upperBound <= end.lowerBound,
      text[..<start.lowerBound].dropFirst(8).drop(while: { $0 != ">" }).dropFirst().trimmed.isEmpty
    else { return nil }
    func offset(_ index: String.Index) -> Int { text.distance(from: text.startIndex, to: index) }
    var title = text[start.upperBound..<end.lowerBound]
    let lead = title.prefix { $0.isWhitespace }.count
    title = title.dropFirst(lead)
    let heading = InlineItems.slice(
      items, from: offset(start.upperBound) + lead,
      to: offset(start.upperBound) + lead + title.trimmedEnd)
    var rest = text[end.upperBound...]
    let isClosed = rest.trimmed.hasSuffix("</details>")
    if isClosed, let close = rest.firstRange(of: "</details>") { rest = rest[..<close.lowerBound] }
    let skipped = rest.prefix { $0.isWhitespace }.count
    guard rest.count > skipped else { return (heading, [], isClosed) }
    let from = offset(end.upperBound) + skipped
    let words = InlineItems.slice(
      items, from: from, to: from + rest.dropFirst(skipped).trimmedEnd)
    return (heading, [Block("paragraph", ["rich_text": words])], isClosed)
  }

  private func isTextContainer(_ type: String) -> Bool {
    type == "quote" || type == "to_do" || type.hasSuffix("list_item")
  }

  /// Blocks of one kind for a text, several when it has more items than one block takes.
  private func textBlocks(_ type: String, _ inline: [InlineRun]) -> [Block] {
    let items = InlineRun.items(inline).array ?? []
    let parts = MarkdownReader.chunks(items, of: RichText.maximumItems)
    return (parts.isEmpty ? [[]] : parts).map { Block(type, ["rich_text": .array($0)]) }
  }

  private func with(_ payload: JSON, _ name: String, _ value: JSON) -> JSON {
    var members = payload.members ?? [:]
    members[name] = value
    return .object(members)
  }

  private func add(_ block: Block) {
    if levels.isEmpty { root.append(block) } else { levels[levels.count - 1].blocks.append(block) }
  }

  private func add(_ blocks: [Block]) {
    for block in blocks { add(block) }
  }

  private static func chunks<Item>(_ items: [Item], of size: Int) -> [[Item]] {
    stride(from: 0, to: items.count, by: size).map {
      Array(items[$0..<min($0 + size, items.count)])
    }
  }

  // MARK: - Text

  private func enterSpan(_ type: MD_SPANTYPE, _ detail: UnsafeMutableRawPointer?) {
    styles.append(style)
    switch type {
    case MD_SPAN_EM: style.isItalic = true
    case MD_SPAN_STRONG: style.isBold = true
    case MD_SPAN_DEL: style.isStruck = true
    case MD_SPAN_CODE: style.isCode = true
    case MD_SPAN_A:
      if let link = detail?.assumingMemoryBound(to: MD_SPAN_A_DETAIL.self).pointee {
        let address = source.plain(MarkdownReader.string(link.href))
        mention = InlineRun.mention(address)
        style.link = mention == nil ? InlineStyle.address(address) : nil
      }
    case MD_SPAN_IMG:
      if let picture = detail?.assumingMemoryBound(to: MD_SPAN_IMG_DETAIL.self).pointee {
        style.link = InlineStyle.address(source.plain(MarkdownReader.string(picture.src)))
        image = style.link
        // An image without words is there all the same.
        if image != nil { append(InlineRun(text: "", style: style)) }
      }
    default: break
    }
  }

  private func leaveSpan(_ type: MD_SPANTYPE) {
    style = styles.popLast() ?? InlineStyle()
    if type == MD_SPAN_IMG { image = nil }
    if type == MD_SPAN_A { mention = nil }
  }

  private func text(_ type: MD_TEXTTYPE, _ start: UnsafePointer<CChar>?, _ size: Int) {
    guard !levels.isEmpty else { return }
    let isCode = style.isCode || levels.last?.type == "code"
    switch type {
    case MD_TEXT_BR, MD_TEXT_SOFTBR: append(InlineRun(text: "\n", style: style))
    case MD_TEXT_NULLCHAR: append(InlineRun(text: "\u{FFFD}", style: style))
    case MD_TEXT_ENTITY:
      append(
        InlineRun(text: Entities.text(of: MarkdownReader.string(start, size)), style: style))
    default:
      let text = MarkdownReader.string(start, size)
      guard !isCode, image == nil else {
        var plain = source.plain(text)
        // A bar in a cell's code is written with a backslash that is not the code's.
        if levels.last?.type == "cell" { plain = plain.replacing("\\|", with: "|") }
        return append(InlineRun(text: plain, style: style))
      }
      for run in source.runs(of: text) {
        if let formula = run.formula {
          var made = InlineRun(text: run.text, style: style, isFormula: true)
          made.style.link = nil
          made.isBlockFormula = formula.isBlock
          append(made)
        } else {
          for (index, part) in MarkdownReader.lines(run.text).enumerated() {
            if index > 0 { append(InlineRun(text: "\n", style: style)) }
            append(InlineRun(text: String(part), style: style))
          }
        }
      }
    }
  }

  /// A text cut where it says `<br>`, the one tag that people write inside cells and lines.
  private static func lines(_ text: String) -> [Substring] {
    guard text.contains("<br") else { return [text[...]] }
    return text.split(
      separator: /<br ?\/?>/.ignoresCase(), maxSplits: .max, omittingEmptySubsequences: false)
  }

  private func append(_ run: InlineRun) {
    guard let index = levels.indices.last else { return }
    var run = run
    if mention != nil, !run.text.isEmpty {
      // A mention is one piece, whatever the pieces of its text.
      if let last = levels[index].inline.indices.last, levels[index].inline[last].mention != nil,
        levels[index].inline[last].mention == mention
      {
        levels[index].inline[last].text += run.text
        return
      }
      run.mention = mention
      run.isFormula = false
    }
    run.imageAddress = image
    levels[index].inline.append(run)
  }

  private static func string(_ attribute: MD_ATTRIBUTE) -> String {
    string(attribute.text, Int(attribute.size))
  }

  private static func string(_ start: UnsafePointer<CChar>?, _ size: Int) -> String {
    guard let start, size > 0 else { return "" }
    return start.withMemoryRebound(to: UInt8.self, capacity: size) {
      String(decoding: UnsafeBufferPointer(start: $0, count: size), as: UTF8.self)
    }
  }
}

/// Rich text cut by characters.
enum InlineItems {
  /// The part of some items between two places in their text.
  static func slice(_ items: JSON, from start: Int, to end: Int = .max) -> JSON {
    var place = 0
    var result: [JSON] = []
    for item in items.array ?? [] {
      let text = RichText.plainText(of: [item])
      let count = text.count
      defer { place += count }
      let from = max(0, start - place)
      let to = min(count, end - place)
      guard from < to else { continue }
      guard from > 0 || to < count, item["text"] != nil, var members = item.members else {
        result.append(item)
        continue
      }
      let part = text.dropFirst(from).prefix(to - from)
      var inner = item["text"]?.members ?? [:]
      inner["content"] = .string(String(part))
      members["text"] = .object(inner)
      members["plain_text"] = nil
      result.append(.object(members))
    }
    return .array(result)
  }
}

/// The words for callouts, as GitHub has them, and the icons they stand for.
enum Callout {
  private static let words = [
    ("NOTE", "ℹ️"), ("TIP", "💡"), ("IMPORTANT", "❗"), ("WARNING", "⚠️"), ("CAUTION", "🛑"),
  ]

  /// The icon for a word, or for an emoji itself.
  static func icon(_ word: String) -> String? {
    if let known = words.first(where: { $0.0 == word.uppercased() }) { return known.1 }
    guard word.count == 1, let first = word.unicodeScalars.first, first.properties.isEmoji,
      first.value > 0xFF
    else { return nil }
    return word
  }

  /// The word for an icon; the icon itself where there is none.
  static func word(_ icon: JSON?) -> String {
    guard let emoji = icon?["emoji"]?.string else { return "NOTE" }
    return words.first { $0.1 == emoji }?.0 ?? emoji
  }
}

extension StringProtocol {
  /// How many characters are left when white space at the end is taken off.
  fileprivate var trimmedEnd: Int {
    count - reversed().prefix { $0.isWhitespace }.count
  }
}
