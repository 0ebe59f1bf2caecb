/// Draws Markdown for a terminal: headings bold, lists with bullets, code apart, tables as tables.
///
/// The text is untrusted; what of it would act on the terminal is made visible first, and no address in
/// it becomes a link.
nonisolated struct MarkdownView: Sendable {
  let width: Int
  let style: Style
  /// Whether boxes and bullets are drawn; a pipe gets the Markdown as it is.
  let isTerminal: Bool

  /// The text, drawn.
  func rendered(_ markdown: String) -> String {
    let clean = Sanitizer.text(markdown)
    guard isTerminal else { return clean }
    var lines: [String] = []
    var table: [[String]] = []
    var fence: String?
    for raw in clean.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let (indent, line) = MarkdownView.indented(raw)
      if let open = fence {
        if line.hasPrefix(open), line.allSatisfy({ $0 == open.first }) {
          fence = nil
        } else {
          lines.append(style.cyan("  " + raw))
        }
        continue
      }
      if line.hasPrefix("|"), line.hasSuffix("|"), line.count > 1 {
        table.append(MarkdownView.cells(line))
        continue
      }
      if !table.isEmpty {
        lines += drawn(table)
        table = []
      }
      if line.hasPrefix("```") || line.hasPrefix("~~~") {
        fence = String(line.prefix(3))
        continue
      }
      lines += block(line, indent: indent)
    }
    if !table.isEmpty { lines += drawn(table) }
    return lines.joined(separator: "\n")
  }

  private static func indented(_ line: String) -> (Int, String) {
    let spaces = line.prefix { $0 == " " }.count
    return (min(spaces, 24), String(line.dropFirst(spaces)))
  }

  private func block(_ line: String, indent: Int) -> [String] {
    let space = String(repeating: " ", count: indent)
    if line.isEmpty { return [""] }
    let hashes = line.prefix { $0 == "#" }.count
    if (1...6).contains(hashes), line.dropFirst(hashes).first == " " {
      let text = String(line.dropFirst(hashes + 1))
      return wrapped(text, first: space, rest: space).map { style.bold($0) }
    }
    if line.count >= 3, line.allSatisfy({ $0 == "-" }) || line.allSatisfy({ $0 == "*" }) {
      return [style.faint(String(repeating: "─", count: max(3, min(width, 40))))]
    }
    if line.hasPrefix("> ") || line == ">" {
      let bar = space + style.faint("│ ")
      return wrapped(String(line.dropFirst(2)), first: bar, rest: bar)
    }
    for (mark, shown) in [
      ("- [ ] ", "☐ "), ("- [x] ", "☑ "), ("- [X] ", "☑ "), ("- ", "• "), ("* ", "• "),
      ("+ ", "• "),
    ] where line.hasPrefix(mark) {
      return wrapped(
        String(line.dropFirst(mark.count)), first: space + shown, rest: space + "  ")
    }
    let digits = line.prefix { $0.isASCII && $0.isNumber }
    if !digits.isEmpty, digits.count < 5, line.dropFirst(digits.count).hasPrefix(". ") {
      let head = "\(digits). "
      return wrapped(
        String(line.dropFirst(head.count)), first: space + head,
        rest: space + String(repeating: " ", count: head.count))
    }
    return wrapped(line, first: space, rest: space)
  }

  // MARK: - Lines

  /// Words between their marks, broken at spaces where they fill the width.
  private func wrapped(_ text: String, first: String, rest: String) -> [String] {
    let room = max(10, width - DisplayWidth.of(Style.plain(first)))
    var lines: [String] = []
    var line = ""
    var used = 0
    for word in MarkdownView.words(text) {
      let size = DisplayWidth.of(word)
      if used + size > room, used > 0, word != " " {
        lines.append(line)
        line = ""
        used = 0
      }
      if word == " ", used == 0 { continue }
      // A word wider than the screen, as Japanese has it, is cut where it must.
      for character in word {
        let size = DisplayWidth.of(character)
        if used + size > room {
          lines.append(line)
          line = ""
          used = 0
        }
        line.append(character)
        used += size
      }
    }
    lines.append(line)
    return inline(lines).enumerated().map { ($0 == 0 ? first : rest) + $1 }
  }

  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    for character in text {
      if character == " " || words.last == " " || words.isEmpty {
        words.append(String(character))
      } else {
        words[words.count - 1].append(character)
      }
    }
    return words
  }

  /// Bold, italic and code of a paragraph; a mark may open on one line and close on another.
  private func inline(_ lines: [String]) -> [String] {
    guard style.isOn else { return lines }
    return lines.map { line in
      var result = ""
      var rest = line[...]
      while let character = rest.first {
        if character == "\\", rest.count > 1 {
          rest = rest.dropFirst()
          result.append(rest.removeFirst())
        } else if let (inner, after) = MarkdownView.span(rest, "**") {
          result += style.bold(String(inner))
          rest = after
        } else if let (inner, after) = MarkdownView.span(rest, "`") {
          result += style.cyan(String(inner))
          rest = after
        } else if let (inner, after) = MarkdownView.span(rest, "~~") {
          result += style.faint(String(inner))
          rest = after
        } else {
          result.append(rest.removeFirst())
        }
      }
      return result
    }
  }

  private static func span(_ text: Substring, _ mark: String) -> (Substring, Substring)? {
    guard text.hasPrefix(mark) else { return nil }
    let inner = text.dropFirst(mark.count)
    guard let end = inner.firstRange(of: mark), end.lowerBound > inner.startIndex,
      inner.first != " "
    else { return nil }
    return (inner[..<end.lowerBound], inner[end.upperBound...])
  }

  // MARK: - Tables

  private static func cells(_ line: String) -> [String] {
    var cells: [String] = []
    var cell = ""
    var isEscaped = false
    for character in line.dropFirst().dropLast() {
      if character == "|", !isEscaped {
        cells.append(cell.trimmingSpaces)
        cell = ""
      } else if character != "\\" || isEscaped {
        cell.append(character)
      }
      isEscaped = character == "\\" && !isEscaped
    }
    return cells + [cell.trimmingSpaces]
  }

  private func drawn(_ rows: [[String]]) -> [String] {
    let isRule = { (row: [String]) in
      !row.isEmpty && row.allSatisfy { !$0.isEmpty && $0.allSatisfy { "-: ".contains($0) } }
    }
    guard let head = rows.first else { return [] }
    let body = rows.dropFirst().filter { !isRule($0) }
    let table = Table(
      columns: head.map { Table.Column(name: $0, isNumeric: false) },
      rows: body.map { $0.map { $0.isEmpty ? .empty : .text($0) } })
    return [
      table.rendered(
        Table.Layout(width: width, style: style, isWhole: true, isTerminal: true))
    ]
  }
}

extension String {
  /// The text without spaces around it.
  fileprivate nonisolated var trimmingSpaces: String {
    var text = self[...]
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
