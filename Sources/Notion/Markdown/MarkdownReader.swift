import CMarkdown
import Transport

/// Turns md4c's events into blocks.
final class MarkdownReader {
  /// Reads a text.
  static func read(_ text: String) -> [Block] {
    let reader = MarkdownReader()
    // md4c knows no NUL inside a text.
    var bytes = Array(text.utf8.filter { $0 != 0 })
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
    return withExtendedLifetime(reader) { reader.root }
  }

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
      levels.append(Level(type: "heading_\(min(max(depth, 1), 3))"))
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
      // The first paragraph of an item or quotation is its own text; Notion has no level between.
      if let index = levels.indices.last, isTextContainer(levels[index].type),
        !levels[index].hasOwnText, levels[index].blocks.isEmpty, levels[index].inline.isEmpty
      {
        levels[index].inline = level.inline
        levels[index].hasOwnText = true
      } else {
        add(textBlocks("paragraph", level.inline))
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
        style.link = InlineStyle.address(MarkdownReader.string(link.href))
      }
    case MD_SPAN_IMG:
      if let image = detail?.assumingMemoryBound(to: MD_SPAN_IMG_DETAIL.self).pointee {
        style.link = InlineStyle.address(MarkdownReader.string(image.src))
      }
    default: break
    }
  }

  private func leaveSpan(_ type: MD_SPANTYPE) {
    style = styles.popLast() ?? InlineStyle()
  }

  private func text(_ type: MD_TEXTTYPE, _ start: UnsafePointer<CChar>?, _ size: Int) {
    guard let index = levels.indices.last else { return }
    let text: String
    switch type {
    case MD_TEXT_BR: text = "\n"
    case MD_TEXT_SOFTBR: text = "\n"
    case MD_TEXT_NULLCHAR: text = "\u{FFFD}"
    case MD_TEXT_ENTITY: text = Entities.text(of: MarkdownReader.string(start, size))
    default: text = MarkdownReader.string(start, size)
    }
    levels[index].inline.append(InlineRun(text: text, style: style))
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
