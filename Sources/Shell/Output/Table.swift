/// A cell of a table.
nonisolated enum Cell: Sendable {
  case empty
  case text(String)
  case number(String)
  case flag(Bool)

  /// The cell on one line.
  var shown: String {
    switch self {
    case .empty: "·"
    case .text(let text): Sanitizer.line(text)
    case .number(let digits): digits
    case .flag(let flag): flag ? "✓" : ""
    }
  }

  /// The cell for other programs.
  var plain: String {
    switch self {
    case .empty: ""
    case .text(let text): text
    case .number(let digits): digits
    case .flag(let flag): flag ? "true" : "false"
    }
  }
}

/// Rows and columns, drawn to fit any width.
nonisolated struct Table: Sendable {
  struct Column: Sendable {
    let name: String
    let isNumeric: Bool
  }

  static let shownRows = 40

  let columns: [Column]
  let rows: [[Cell]]

  /// The table for a terminal or a pipe.
  ///
  /// - Parameters:
  ///   - numbersRows: Whether a first column counts the rows.
  ///   - isWhole: Whether every row is drawn, or the first forty.
  ///   - isTerminal: Light lines for a terminal, spaces for a pipe.
  func rendered(
    width: Int, style: Style, numbersRows: Bool, isWhole: Bool, isTerminal: Bool
  ) -> String {
    let shown = isWhole ? rows : Array(rows.prefix(Table.shownRows))
    guard !columns.isEmpty else { return "" }
    var all = columns
    var cells = shown.map { $0.map(\.shown) }
    if numbersRows {
      all.insert(Column(name: "", isNumeric: true), at: 0)
      cells = cells.enumerated().map { ["\($0 + 1)"] + $1 }
    }
    let natural = all.indices.map { index in
      max(
        DisplayWidth.of(Sanitizer.line(all[index].name)),
        cells.map { $0.indices.contains(index) ? DisplayWidth.of($0[index]) : 0 }.max() ?? 0)
    }
    let fixed = numbersRows ? 1 : 0
    guard let (widths, dropped) = fit(natural, all, width: width, fixed: fixed) else {
      return records(shown, width: width, style: style, numbersRows: numbersRows, isWhole: isWhole)
    }
    let separator = isTerminal ? " │ " : "  "
    var lines: [String] = []
    let head = widths.indices.map { index in
      style.bold(pad(Sanitizer.line(all[index].name), widths[index], all[index].isNumeric))
    }
    lines.append(trimmed(head.joined(separator: style.faint(separator))))
    if isTerminal {
      lines.append(
        style.faint(widths.map { String(repeating: "─", count: $0) }.joined(separator: "─┼─")))
    }
    for row in cells {
      let parts = widths.indices.map { index -> String in
        let text = row.indices.contains(index) ? row[index] : ""
        let padded = pad(text, widths[index], all[index].isNumeric)
        return text == "·" || (fixed == 1 && index == 0) ? style.faint(padded) : padded
      }
      lines.append(trimmed(parts.joined(separator: style.faint(separator))))
    }
    if !dropped.isEmpty {
      let names = dropped.map { Sanitizer.line($0.name) }.joined(separator: ", ")
      lines.append(
        style.faint(
          DisplayWidth.cut(
            "+\(dropped.count) \(dropped.count == 1 ? "column" : "columns"): \(names)", to: width)))
    }
    return finished(lines, shown.count, style)
  }

  private func finished(_ lines: [String], _ shown: Int, _ style: Style) -> String {
    var lines = lines
    if rows.count > shown { lines.append(style.faint("… \(rows.count - shown) more (show all)")) }
    if rows.isEmpty { lines.append(style.faint("no rows")) }
    return lines.joined(separator: "\n")
  }

  private func pad(_ text: String, _ width: Int, _ isRight: Bool) -> String {
    DisplayWidth.pad(DisplayWidth.cut(text, to: width), to: width, isRight: isRight)
  }

  private func trimmed(_ line: String) -> String {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }

  /// Widths that fit, and the columns that were dropped from the right; `nil` when fewer than two fit.
  private func fit(
    _ natural: [Int], _ all: [Column], width: Int, fixed: Int
  ) -> ([Int], [Column])? {
    let minimum = natural.map { min($0, 12) }
    var count = natural.count
    func space(_ widths: ArraySlice<Int>) -> Int { widths.reduce(0, +) + 3 * (widths.count - 1) }
    while count > 1, space(minimum[..<count]) > width { count -= 1 }
    let wanted = min(2, natural.count - fixed) + fixed
    guard count >= wanted, space(minimum[..<count]) <= width else { return nil }
    var widths = Array(natural[..<count])
    // The widest column gives way first, so that short ones stay whole.
    while space(widths[...]) > width {
      guard
        let widest = widths.indices.max(by: { widths[$0] - minimum[$0] < widths[$1] - minimum[$1] }
        ),
        widths[widest] > minimum[widest]
      else { return nil }
      widths[widest] -= 1
    }
    return (widths, Array(all[count...]))
  }

  /// One block a row, for screens on which no two columns fit.
  private func records(
    _ shown: [[Cell]], width: Int, style: Style, numbersRows: Bool, isWhole: Bool
  ) -> String {
    var lines: [String] = []
    let names = columns.map { DisplayWidth.cut(Sanitizer.line($0.name), to: max(4, width / 3)) }
    let nameWidth = names.map(DisplayWidth.of).max() ?? 0
    for (index, row) in shown.enumerated() {
      if index > 0 { lines.append("") }
      for (column, cell) in row.enumerated() where names.indices.contains(column) {
        let mark = numbersRows && column == 0 ? "\(index + 1) " : ""
        let text = DisplayWidth.cut(
          cell.shown, to: max(4, width - nameWidth - 2 - DisplayWidth.of(mark)))
        lines.append(
          trimmed(
            style.bold(DisplayWidth.pad(names[column], to: nameWidth)) + "  " + style.faint(mark)
              + text))
      }
    }
    return finished(lines, shown.count, style)
  }

  /// Comma-separated values, RFC 4180, every row whole.
  var csv: String {
    ([columns.map(\.name)] + rows.map { $0.map(\.plain) }).map { row in
      row.map(Table.quoted).joined(separator: ",") + "\r\n"
    }.joined()
  }

  private static func quoted(_ text: String) -> String {
    let needs =
      text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
      || text.first == " " || text.last == " "
    return needs ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
  }

  /// A Markdown table, every row whole.
  var markdown: String {
    func line(_ cells: [String]) -> String {
      "| "
        + cells.map {
          $0.replacing("|", with: "\\|").replacing("\n", with: " ").replacing("\r", with: "")
        }
        .joined(separator: " | ") + " |\n"
    }
    return line(columns.map(\.name)) + line(columns.map { $0.isNumeric ? "---:" : "---" })
      + rows.map { line($0.map(\.plain)) }.joined()
  }
}
