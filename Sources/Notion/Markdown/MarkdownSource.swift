/// A Markdown text made ready for the parser, which knows no formulas and no Japanese.
///
/// - Formulas (`$x$`, `$$…$$`, `\(x\)`, `\[…\]`) are put aside, each for one mark, so that their
///   `_` and `\` are not read as Markdown; in code a mark is put back as it was written.
/// - CommonMark ends no emphasis between a closing bracket and a letter: `**「強調」**です`. Texts
///   without spaces are full of these, so a mark that counts as a letter is put between.
struct MarkdownSource {
  /// A formula that was put aside.
  struct Formula {
    /// As it was written.
    let source: String
    let expression: String
    let isBlock: Bool
  }

  /// The text for the parser.
  private(set) var text = ""
  private var formulas: [Formula] = []

  /// Marks are scalars for private use; a text that has some of its own keeps them.
  private static let first: UInt32 = 0xF0000
  private static let joint: Unicode.Scalar = "\u{F8FE}"
  private static let limit = 60_000
  /// The most UTF-16 units of a formula that Notion takes.
  static let maximumFormula = 1000

  init(_ source: String) {
    let hasOwn = source.unicodeScalars.contains {
      $0 == MarkdownSource.joint || (MarkdownSource.first..<0xFFFFE).contains($0.value)
    }
    guard !hasOwn else {
      text = source
      return
    }
    var lines = source.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
      .split(separator: "\n", omittingEmptySubsequences: false)[...]
    var output: [String] = []
    var fence: (mark: Character, count: Int)?
    while let line = lines.popFirst() {
      let (prefix, content) = MarkdownSource.split(line)
      if let mark = content.first, mark == "`" || mark == "~" {
        let count = content.prefix { $0 == mark }.count
        if let open = fence {
          let rest = content.dropFirst(count)
          if mark == open.mark, count >= open.count, rest.allSatisfy(\.isWhitespace) { fence = nil }
          output.append(String(line))
          continue
        }
        if count >= 3, mark == "~" || !content.dropFirst(count).contains("`") {
          fence = (mark, count)
          output.append(String(line))
          continue
        }
      }
      guard fence == nil else {
        output.append(String(line))
        continue
      }
      if let block = block(content, prefix, &lines) {
        output.append(prefix + block)
      } else {
        output.append(prefix + joined(inline(content)))
      }
    }
    text = output.joined(separator: "\n")
  }

  /// A line's indentation, quotation marks and item mark, and what follows.
  private static func split(_ line: Substring) -> (prefix: String, content: Substring) {
    var rest = line
    var prefix = ""
    func take(_ isWanted: (Character) -> Bool) {
      let part = rest.prefix(while: isWanted)
      prefix += part
      rest = rest.dropFirst(part.count)
    }
    take { $0 == " " || $0 == "\t" || $0 == ">" }
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    let mark = rest.dropFirst(digits.count).first
    let isItem =
      digits.isEmpty
      ? mark == "-" || mark == "*" || mark == "+"
      : digits.count < 10 && (mark == "." || mark == ")")
    if isItem, rest.dropFirst(digits.count + 1).first == " " {
      prefix += rest.prefix(digits.count + 1)
      rest = rest.dropFirst(digits.count + 1)
      take { $0 == " " }
    }
    return (prefix, rest)
  }

  /// A mark for a formula that stands by itself, its lines taken; `nil` when none begins here.
  private mutating func block(
    _ content: Substring, _ prefix: String, _ lines: inout ArraySlice<Substring>
  ) -> String? {
    for (open, close) in [("$$", "$$"), ("\\[", "\\]")] where content.hasPrefix(open) {
      let rest = content.dropFirst(2).trimmed
      if let end = rest.firstRange(of: close) {
        // `$$x$$` with text behind it is left to the line's other formulas.
        guard rest[end.upperBound...].allSatisfy(\.isWhitespace) else { return nil }
        return keep(String(rest[..<end.lowerBound]).trimmed, content, isBlock: true)
      }
      guard open == "$$" || rest.isEmpty else { return nil }
      var inner = rest.isEmpty ? [] : [String(rest)]
      for (offset, line) in lines.enumerated() {
        let stripped = MarkdownSource.stripped(line, prefix.count)
        let text = stripped.trimmed
        guard text.hasSuffix(close) else {
          inner.append(String(stripped))
          continue
        }
        let last = String(text.dropLast(2)).trimmed
        if !last.isEmpty { inner.append(last) }
        guard
          let mark = keep(inner.joined(separator: "\n").trimmed, content, isBlock: true)
        else { return nil }
        lines = lines.dropFirst(offset + 1)
        return mark
      }
    }
    return nil
  }

  /// A line without as much of the indentation as its container has.
  private static func stripped(_ line: Substring, _ width: Int) -> Substring {
    var rest = line
    var left = width
    while left > 0, let first = rest.first, first == " " || first == ">" || first == "\t" {
      rest = rest.dropFirst()
      left -= 1
    }
    return rest
  }

  /// A line with its formulas put aside.
  private mutating func inline(_ line: Substring) -> String {
    guard line.contains("$") || line.contains("\\(") else { return String(line) }
    var result = ""
    for piece in MarkdownSource.pieces(line) {
      switch piece {
      case .words(let words): result += words
      case .formula(let expression, let source):
        result += keep(expression, source, isBlock: false) ?? String(source)
      }
    }
    return result
  }

  enum Piece {
    case words(Substring)
    case formula(String, Substring)
  }

  /// A line's formulas and what is between.
  ///
  /// A dollar opens one before anything but a space, and not behind a Latin letter or digit; another
  /// closes it behind anything but a space, and not before one of these: `$5 and $6` is money.
  static func pieces(_ line: Substring) -> [Piece] {
    var pieces: [Piece] = []
    var start = line.startIndex
    var index = line.startIndex
    var before: Character?
    func isWord(_ character: Character?) -> Bool {
      character.map { $0.isASCII && ($0.isLetter || $0.isNumber) } ?? false
    }
    while index < line.endIndex {
      let character = line[index]
      let next = line.index(after: index)
      var found: (expression: Substring, end: String.Index)?
      switch character {
      case "`":
        // Code is no place for formulas.
        let count = line[index...].prefix { $0 == "`" }.count
        let fence = String(repeating: "`", count: count)
        let inside = line.index(index, offsetBy: count)
        var rest = line[inside...]
        var end: String.Index?
        while let range = rest.firstRange(of: fence) {
          if range.upperBound == line.endIndex || line[range.upperBound] != "`" {
            end = range.upperBound
            break
          }
          rest = rest[range.upperBound...].drop { $0 == "`" }
        }
        before = "`"
        index = end ?? inside
        continue
      case "\\" where next < line.endIndex && line[next] == "(":
        let inside = line.index(after: next)
        if let end = line[inside...].firstRange(of: "\\)") {
          found = (line[inside..<end.lowerBound], end.upperBound)
        }
      case "\\":
        before = next < line.endIndex ? line[next] : character
        index = next < line.endIndex ? line.index(after: next) : next
        continue
      case "$" where !isWord(before):
        let isDouble = next < line.endIndex && line[next] == "$"
        let inside = isDouble ? line.index(after: next) : next
        if let end = closing(line, from: inside, isDouble ? "$$" : "$"),
          !isWord(end.upperBound < line.endIndex ? line[end.upperBound] : nil)
        {
          found = (line[inside..<end.lowerBound], end.upperBound)
        } else if isDouble {
          before = "$"
          index = inside
          continue
        }
      default: break
      }
      if let found, isFormula(found.expression, isMoney: character == "$") {
        if start < index { pieces.append(.words(line[start..<index])) }
        pieces.append(.formula(String(found.expression).trimmed, line[index..<found.end]))
        before = "$"
        index = found.end
        start = index
      } else {
        before = character
        index = next
      }
    }
    if start < line.endIndex { pieces.append(.words(line[start...])) }
    return pieces
  }

  private static func closing(
    _ line: Substring, from start: String.Index, _ mark: String
  ) -> Range<String.Index>? {
    var index = start
    while index < line.endIndex {
      if line[index] == "\\" {
        index = line.index(after: index)
        if index < line.endIndex { index = line.index(after: index) }
      } else if line[index...].hasPrefix(mark) {
        return index..<line.index(index, offsetBy: mark.count)
      } else {
        index = line.index(after: index)
      }
    }
    return nil
  }

  private static func isFormula(_ expression: Substring, isMoney: Bool) -> Bool {
    guard let first = expression.first, let last = expression.last, !expression.contains("`") else {
      return false
    }
    if isMoney, first.isWhitespace || last.isWhitespace { return false }
    return !expression.allSatisfy(\.isWhitespace) && !expression.allSatisfy { $0 == "$" }
  }

  private mutating func keep(
    _ expression: String, _ source: Substring, isBlock: Bool
  ) -> String? {
    guard formulas.count < MarkdownSource.limit, !expression.isEmpty,
      expression.utf16.count <= MarkdownSource.maximumFormula,
      let mark = Unicode.Scalar(MarkdownSource.first + UInt32(formulas.count))
    else { return nil }
    formulas.append(Formula(source: String(source), expression: expression, isBlock: isBlock))
    return String(Character(mark))
  }

  // MARK: - Emphasis beside brackets

  /// A line with a joint between a CJK mark and the stars beside it.
  private func joined(_ line: String) -> String {
    guard line.contains("*"), line.unicodeScalars.contains(where: MarkdownSource.isWide) else {
      return line
    }
    var result = String.UnicodeScalarView()
    var previous: Unicode.Scalar?
    for scalar in line.unicodeScalars {
      if let previous {
        let closes = scalar == "*" && MarkdownSource.isWideMark(previous)
        let opens = previous == "*" && MarkdownSource.isWideMark(scalar)
        if closes || opens { result.append(MarkdownSource.joint) }
      }
      result.append(scalar)
      previous = scalar
    }
    return String(result)
  }

  private static func isWide(_ scalar: Unicode.Scalar) -> Bool { scalar.value >= 0x3000 }

  /// Whether it is a bracket, full stop or other mark of a script without spaces.
  static func isWideMark(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x3001...0x303F, 0xFE30...0xFE4F, 0xFF01...0xFF0F, 0xFF1A...0xFF20, 0xFF3B...0xFF40,
      0xFF5B...0xFF65:
      scalar != "\u{3005}" && scalar != "\u{3007}"
    // Marks of the West that stand among CJK as well.
    case 0x2014, 0x2018...0x201F, 0x2026: true
    default: false
    }
  }

  // MARK: - Putting back

  /// Text as parsed, cut at its formulas.
  func runs(of text: String) -> [(text: String, formula: Formula?)] {
    guard text.unicodeScalars.contains(where: { formula($0) != nil || $0 == MarkdownSource.joint })
    else { return [(text, nil)] }
    var runs: [(text: String, formula: Formula?)] = []
    var words = String.UnicodeScalarView()
    for scalar in text.unicodeScalars where scalar != MarkdownSource.joint {
      guard let formula = formula(scalar) else {
        words.append(scalar)
        continue
      }
      if !words.isEmpty { runs.append((String(words), nil)) }
      words = String.UnicodeScalarView()
      runs.append((formula.expression, formula))
    }
    if !words.isEmpty { runs.append((String(words), nil)) }
    return runs
  }

  /// Text of code or an address, in which nothing is a formula.
  func plain(_ text: String) -> String {
    runs(of: text).map { $0.formula?.source ?? $0.text }.joined()
  }

  private func formula(_ scalar: Unicode.Scalar) -> Formula? {
    guard scalar.value >= MarkdownSource.first else { return nil }
    let index = Int(scalar.value - MarkdownSource.first)
    return formulas.indices.contains(index) ? formulas[index] : nil
  }
}
