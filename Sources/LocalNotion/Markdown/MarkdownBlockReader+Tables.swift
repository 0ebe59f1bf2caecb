import Transport

/// Pictures and tables.
extension MarkdownBlockReader {
  /// `![caption](address)` by itself.
  func image(_ line: Substring) throws -> MarkdownNode? {
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

  func media(_ address: String, _ caption: JSON) -> JSON.Members {
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
  func table(_ lines: ArraySlice<Substring>, _ at: inout Int) throws -> MarkdownNode? {
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

  func table(
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
  static func cells(_ line: Substring) -> [Substring] {
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
}
