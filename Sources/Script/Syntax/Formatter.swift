/// Gives a program its one layout.
///
/// It works on tokens, so that comments and the rows that a person chose stay: spaces, indentation
/// and blank lines are set, `==` becomes `is`, and a `;` between rows becomes a row's end.
public struct Formatter {
  private let source: SourceText
  private let tokens: [Token]
  private var rows: [String] = []
  private var row = ""
  /// Where open brackets stand: the indentation of what is inside, and whether it is a block on one
  /// row, a record, or something else.
  private var open: [(indent: Int, kind: Bracket)] = []
  private var rowIndent = 0
  private var isBlank = false
  /// Whether the row before is a comment whose end has not been seen.
  private var isAfterComment = false
  private var last: Token?

  private enum Bracket {
    case block, shortBlock, record, other
  }

  private init(_ source: SourceText, _ tokens: [Token]) {
    self.source = source
    self.tokens = tokens
  }

  /// The program in its one layout; `nil` when it cannot be read.
  ///
  /// - Parameter signatures: The commands that a program may use.
  public static func format(_ source: SourceText, signatures: [CommandSignature]) -> String? {
    let commands = Dictionary(
      signatures.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    guard Parser.parse(source, commands: commands).diagnostics.isEmpty else { return nil }
    let ordered = ordered(source, commands)
    var formatter = Formatter(ordered, Lexer.read(ordered).tokens)
    return formatter.run()
  }

  /// The program with the clauses of each query in the order in which they work.
  ///
  /// A query is left alone where a comment stands inside it, or where a clause would belong to
  /// another query afterwards.
  private static func ordered(
    _ source: SourceText, _ commands: [String: CommandSignature]
  ) -> SourceText {
    var source = source
    var known: Set<Int> = []
    for _ in 0..<200 {
      let parsed = Parser.parse(source, commands: commands)
      guard
        let clauses = parsed.disordered.first(where: { clauses in
          clauses.first.map { !known.contains($0.span.start) } ?? false
        }), let first = clauses.first, let last = clauses.last
      else { return source }
      known.insert(first.span.start)
      let sorted = clauses.sorted { $0.clause.rawValue < $1.clause.rawValue }
      var text = source.text(Span(0, first.span.start))
      for (index, clause) in clauses.enumerated() {
        if index > 0 { text += source.text(Span(clauses[index - 1].span.end, clause.span.start)) }
        text += source.text(sorted[index].span)
      }
      text += source.text(Span(last.span.end, source.bytes.count))
      let moved = SourceText(text, name: source.name)
      let reparsed = Parser.parse(moved, commands: commands)
      guard reparsed.diagnostics.isEmpty,
        !hasComment(Span(first.span.start, last.span.end), in: source),
        TreeOutline.text(reparsed.statements) == TreeOutline.text(parsed.statements)
      else { continue }
      source = moved
    }
    return source
  }

  private static func hasComment(_ span: Span, in source: SourceText) -> Bool {
    var end = span.start
    for token in Lexer.read(source).tokens where token.span.start >= span.start {
      guard token.span.start <= span.end else { break }
      if source.text(Span(end, token.span.start)).contains("#") { return true }
      end = max(end, token.span.end)
    }
    return false
  }

  private mutating func run() -> String {
    var end = 0
    if source.text.hasPrefix("#!") {
      let first = source.text.prefix { !$0.isNewline }
      rows.append(String(first))
      end = first.utf8.count
      isAfterComment = true
    }
    for (index, token) in tokens.enumerated() {
      comments(from: end, to: token.span.start)
      end = max(end, token.span.end)
      switch token.kind {
      case .end: break
      case .newline: lineEnd(token, index)
      default: put(token, index)
      }
    }
    flush()
    while rows.last == "" { rows.removeLast() }
    return rows.isEmpty ? "" : rows.joined(separator: "\n") + "\n"
  }

  // MARK: - Rows

  /// Comments between two tokens: after what stands on the row, or on rows of their own.
  private mutating func comments(from start: Int, to end: Int) {
    guard end > start else { return }
    for part in source.text(Span(start, end)).split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      let text = trimmed(part)
      guard text.hasPrefix("#") else { continue }
      if row.isEmpty {
        startRow(nil)
        row += text
        flush()
        isAfterComment = true
      } else {
        row += "  " + text
      }
    }
  }

  private mutating func lineEnd(_ token: Token, _ index: Int) {
    if source.text(token.span) == ";" {
      // Inside a block on one row it parts statements; elsewhere a row's end does.
      if case .shortBlock? = open.last?.kind {
        if !row.hasSuffix("{ ") { row += ";" }
        last = token
        return
      }
      flush()
      last = token
      return
    }
    if row.isEmpty, !isAfterComment, let text = rows.last, !text.isEmpty, !text.hasSuffix("{") {
      isBlank = true
    }
    isAfterComment = false
    flush()
    last = token
  }

  private mutating func flush() {
    guard !row.isEmpty else { return }
    while row.last == " " { row.removeLast() }
    rows.append(row)
    row = ""
  }

  private mutating func startRow(_ token: Token?) {
    var indent = open.last?.indent ?? 0
    var closing: Int?
    if let token, isCloser(token) { closing = max(0, (open.last?.indent ?? 1) - 1) }
    if closing == nil, let last, !last.isNewline || continues(), open.last?.kind != .other,
      open.last?.kind != .record, continues()
    {
      indent += 1
    }
    rowIndent = closing ?? indent
    if isBlank, closing == nil { rows.append("") }
    isBlank = false
    row = String(repeating: "  ", count: rowIndent)
  }

  /// Whether the row before ends in the middle of a statement.
  private func continues() -> Bool {
    guard let text = rows.last(where: { !trimmed($0[...]).hasPrefix("#") }), !text.isEmpty else {
      return false
    }
    return Formatter.openEnds.contains { text.hasSuffix($0) }
  }

  private static let openEnds = [
    " =", " +=", ",", " +", " -", " *", " /", " %", " <", " >", " <=", " >=", " ??", " and", " or",
    " not", " is", " in", " contains", " with", " where", " by", " on", " using", " as", " then",
    " to", " to page",
  ]

  // MARK: - Tokens

  private mutating func put(_ token: Token, _ index: Int) {
    let text = spelled(token)
    // What stands in a block of several rows has rows of its own, and so has its closing brace.
    if case .block? = open.last?.kind, token.isSymbol("}") || last?.isSymbol("{") == true {
      flush()
    }
    if row.isEmpty {
      startRow(token)
    } else if needsSpace(before: token, index) {
      row += " "
    }
    if isCloser(token), let closed = open.popLast() {
      if case .shortBlock = closed.kind, !row.hasSuffix("{"), !row.hasSuffix(" ") { row += " " }
    }
    row += text
    if isOpener(token) { opened(token, index) }
    last = token
  }

  private mutating func opened(_ token: Token, _ index: Int) {
    var kind = Bracket.other
    if token.isSymbol("{") {
      kind = isRecord(index) ? .record : closesOnRow(index) ? .shortBlock : .block
    }
    open.append((indent: rowIndent + 1, kind: kind))
    if case .shortBlock = kind { row += " " }
  }

  private func spelled(_ token: Token) -> String {
    if token.isSymbol("==") { return "is" }
    if token.isSymbol("!=") { return "is not" }
    return source.text(token.span)
  }

  private func isOpener(_ token: Token) -> Bool {
    token.isSymbol("{") || token.isSymbol("(") || token.isSymbol("[")
  }

  private func isCloser(_ token: Token) -> Bool {
    token.isSymbol("}") || token.isSymbol(")") || token.isSymbol("]")
  }

  /// Whether the brace at a place opens a record: it does where a value may come.
  private func isRecord(_ index: Int) -> Bool {
    guard let before = tokens[..<index].last(where: { !$0.isNewline }) else { return true }
    switch before.kind {
    case .name(let word):
      if ["else", "do"].contains(word) { return false }
      if word == "type", index >= 2, tokens[index - 2].isSymbol("=") { return true }
      return Reserved.words.contains(word) && !Formatter.values.contains(word)
        || BuiltinStatement(rawValue: word) != nil
    case .symbol(let symbol):
      return ![")", "]", "}", "?"].contains(symbol) || isStatementStart(index)
    default: return isStatementStart(index)
    }
  }

  private static let values: Set<String> = ["it", "true", "false", "nothing", "rows", "empty"]

  private func isStatementStart(_ index: Int) -> Bool {
    index == 0 || tokens[index - 1].isNewline
  }

  /// Whether the bracket at a place is closed before the row ends.
  private func closesOnRow(_ index: Int) -> Bool {
    // Whether each open bracket is one in which a `;` parts statements.
    var blocks: [Bool] = []
    for (place, token) in tokens[index...].enumerated() {
      if token.isNewline, source.text(token.span) != ";" || blocks.last == false { return false }
      if isOpener(token) { blocks.append(token.isSymbol("{") && !isRecord(index + place)) }
      if isCloser(token) {
        _ = blocks.popLast()
        if blocks.isEmpty { return true }
      }
    }
    return false
  }

  private func needsSpace(before token: Token, _ index: Int) -> Bool {
    guard let last, !row.hasSuffix(" ") else { return false }
    if token.isSymbol(",") || token.isSymbol(":") || token.isSymbol(")") || token.isSymbol("]") {
      return false
    }
    if token.isSymbol("}") { return open.last.map { $0.kind != .record } ?? true }
    if token.isSymbol(".") || token.isSymbol("..") || last.isSymbol(".") || last.isSymbol("..") {
      return false
    }
    if last.isSymbol("(") || last.isSymbol("[") { return false }
    if last.isSymbol("{") { return open.last.map { $0.kind != .record } ?? true }
    if token.isSymbol("(") || token.isSymbol("[") {
      // A call or an index stands at its name; a bracket that begins a value stands apart.
      // After a dot every word is a name.
      let isField = index >= 2 && tokens[index - 2].isSymbol(".")
      return last.span.end != token.span.start || !(endsValue(last) || isField)
    }
    if last.isSymbol("-"), isUnary(index - 1) { return false }
    return true
  }

  private func endsValue(_ token: Token) -> Bool {
    switch token.kind {
    case .name(let word):
      !Reserved.words.contains(word) || Formatter.values.contains(word)
        || Function.byName[word] != nil
    case .quoted, .number, .text, .date, .duration: true
    case .symbol(let symbol): [")", "]", "}"].contains(symbol)
    default: false
    }
  }

  /// Whether the minus at a place stands before a value without one before it.
  private func isUnary(_ index: Int) -> Bool {
    guard index > 0 else { return true }
    return !endsValue(tokens[index - 1])
  }

  private func trimmed(_ text: Substring) -> String {
    var result = text.drop { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\u{3000}" }
    while let end = result.last, end == " " || end == "\t" || end == "\r" { result.removeLast() }
    return String(result)
  }
}
