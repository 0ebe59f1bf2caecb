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

  /// How and where a table is drawn.
  struct Layout: Sendable {
    /// The columns of the screen.
    var width: Int
    var style: Style
    /// Whether a first column counts the rows.
    var numbersRows = false
    /// Whether every row is drawn, or the first forty.
    var isWhole = false
    /// Light lines for a terminal, spaces for a pipe.
    var isTerminal = false
    /// Whether columns are reached by moving the cursor: where a terminal and we disagree on the width
    /// of a character, that shifts one cell and not the rest of the row.
    var movesCursor = false
    /// Where the rows lead, by their places; linked from their first cell.
    var links: [String?] = []
  }

  /// The table for a terminal or a pipe.
  func rendered(_ layout: Layout) -> String {
    let style = layout.style
    let shown = layout.isWhole ? rows : Array(rows.prefix(Table.shownRows))
    guard !columns.isEmpty else { return "" }
    var all = columns
    var cells = shown.map { $0.map(\.shown) }
    if layout.numbersRows {
      all.insert(Column(name: "", isNumeric: true), at: 0)
      cells = cells.enumerated().map { ["\($0 + 1)"] + $1 }
    }
    let natural = all.indices.map { index in
      max(
        DisplayWidth.of(Sanitizer.line(all[index].name)),
        cells.map { $0.indices.contains(index) ? DisplayWidth.of($0[index]) : 0 }.max() ?? 0)
    }
    let fixed = layout.numbersRows ? 1 : 0
    guard let (widths, dropped) = fit(natural, all, width: layout.width, fixed: fixed) else {
      return records(shown, layout)
    }
    var lines = [
      line(widths.indices.map { Sanitizer.line(all[$0].name) }, widths, all, layout) { _, text in
        style.bold(text)
      }
    ]
    if layout.isTerminal {
      lines.append(
        style.faint(widths.map { String(repeating: "─", count: $0) }.joined(separator: "─┼─")))
    }
    for (place, row) in cells.enumerated() {
      let texts = widths.indices.map { row.indices.contains($0) ? row[$0] : "" }
      let link = layout.links.indices.contains(place) ? layout.links[place] : nil
      lines.append(
        line(texts, widths, all, layout) { index, text in
          if text == "·" || index < fixed { return style.faint(text) }
          let marked = Table.marked(text, style)
          return index == fixed ? link.map { Style.link(marked, to: $0) } ?? marked : marked
        })
    }
    if !dropped.isEmpty {
      let names = dropped.map { Sanitizer.line($0.name) }.joined(separator: ", ")
      lines.append(
        style.faint(
          DisplayWidth.cut(
            "+\(dropped.count) \(dropped.count == 1 ? "column" : "columns"): \(names)",
            to: layout.width)))
    }
    return finished(lines, shown.count, style)
  }

  /// One line of cells; where no rules stand between them, what is behind the last one with text is
  /// left out.
  private func line(
    _ texts: [String], _ widths: [Int], _ all: [Column], _ layout: Layout,
    styled: (Int, String) -> String
  ) -> String {
    let last =
      layout.isTerminal ? texts.count - 1 : texts.lastIndex { !$0.isEmpty } ?? 0
    let separator = layout.style.faint(layout.isTerminal ? " │ " : "  ")
    var line = ""
    var column = 1
    for (index, whole) in texts.enumerated().prefix(last + 1) {
      if index > 0 {
        line += layout.movesCursor ? "\u{1B}[\(column)G\(separator)" : separator
        column += layout.isTerminal ? 3 : 2
      }
      let text = DisplayWidth.cut(whole, to: widths[index])
      let space = String(repeating: " ", count: max(0, widths[index] - DisplayWidth.of(text)))
      let needsEnd = index < last && !layout.movesCursor
      line +=
        all[index].isNumeric
        ? space + styled(index, text) : styled(index, text) + (needsEnd ? space : "")
      column += widths[index]
    }
    return line
  }

  /// A text with the marks of its line ends faint, so that they are told from its words.
  private static func marked(_ text: String, _ style: Style) -> String {
    style.isOn && text.contains("↵") ? text.replacing("↵", with: style.faint("↵")) : text
  }

  private func finished(_ lines: [String], _ shown: Int, _ style: Style) -> String {
    var lines = lines
    if rows.count > shown { lines.append(style.faint("… \(rows.count - shown) more (show all)")) }
    if rows.isEmpty { lines.append(style.faint("no rows")) }
    return lines.joined(separator: "\n")
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
  private func records(_ shown: [[Cell]], _ layout: Layout) -> String {
    let style = layout.style
    var lines: [String] = []
    let names = columns.map {
      DisplayWidth.cut(Sanitizer.line($0.name), to: max(4, layout.width / 3))
    }
    let nameWidth = names.map(DisplayWidth.of).max() ?? 0
    for (index, row) in shown.enumerated() {
      if index > 0 { lines.append("") }
      for (column, cell) in row.enumerated() where names.indices.contains(column) {
        let mark = layout.numbersRows && column == 0 ? "\(index + 1) " : ""
        var text = DisplayWidth.cut(
          cell.shown, to: max(4, layout.width - nameWidth - 2 - DisplayWidth.of(mark)))
        text = text == "·" ? style.faint(text) : Table.marked(text, style)
        if column == 0, layout.links.indices.contains(index), let link = layout.links[index] {
          text = Style.link(text, to: link)
        }
        let head = style.bold(DisplayWidth.pad(names[column], to: nameWidth))
        lines.append(
          text.isEmpty ? style.bold(names[column]) : head + "  " + style.faint(mark) + text)
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
