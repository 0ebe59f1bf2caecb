/// Turns a source into tokens; never fails, but notes what it could not read.
struct Lexer {
  private let source: SourceText
  private let bytes: [UInt8]
  private var at: Int
  private let limit: Int
  private(set) var tokens: [Token] = []
  private(set) var diagnostics: [Diagnostic] = []
  /// Whether the text ended inside a text of several lines.
  private(set) var isIncomplete = false
  private var depth = 0
  /// Where a hole ended that was not closed: what is wrong with its text is said already.
  private var brokenHoleEnd: Int?
  /// Whether texts were nested too deeply: what follows would only be noise.
  private var isTooDeep = false
  /// The longest program, in bytes.
  static let maximumLength = 4_000_000

  init(_ source: SourceText) {
    self.source = source
    bytes = source.bytes
    at = 0
    limit = source.bytes.count
    if bytes.starts(with: [0x23, 0x21]) { skipLine() }
  }

  static func read(_ source: SourceText) -> Lexer {
    var lexer = Lexer(source)
    lexer.run()
    return lexer
  }

  private mutating func run() {
    if limit > Lexer.maximumLength {
      note(
        "V005", "the program is longer than 4 MB", Span(0, 0),
        "put data into a file and read it: read(\"data.csv\")")
      tokens.append(Token(kind: .end, span: Span(limit, limit)))
      return
    }
    tokens.reserveCapacity(limit / 4 + 1)
    while at < limit {
      if let token = next() { tokens.append(token) }
    }
    tokens.append(Token(kind: .end, span: Span(limit, limit)))
  }

  private func byte(_ ahead: Int = 0) -> UInt8 { at + ahead < limit ? bytes[at + ahead] : 0 }

  private mutating func skipLine() {
    while at < limit, bytes[at] != 0x0A { at += 1 }
  }

  private mutating func note(
    _ code: String, _ message: String, _ span: Span, _ notes: String..., label: String = ""
  ) {
    guard !isTooDeep else { return }
    diagnostics.append(Diagnostic(code, message, span, label: label, notes: notes))
  }

  /// The operator or bracket that begins here.
  private func symbol() -> Symbol? {
    let (first, second) = (byte(), byte(1))
    switch first {
    case UInt8(ascii: "?") where second == first, UInt8(ascii: ".") where second == first,
      UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: "+"):
      let isDoubled = first == UInt8(ascii: "?") || first == UInt8(ascii: ".")
      if isDoubled || second == UInt8(ascii: "=") { return Symbol(first, second) }
      return first == UInt8(ascii: "!") ? nil : Symbol(first)
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"),
      UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: ":"),
      UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"),
      UInt8(ascii: "%"), UInt8(ascii: "?"):
      return Symbol(first)
    default: return nil
    }
  }

  /// The next token; `nil` for white space and what cannot be read.
  private mutating func next() -> Token? {
    let start = at
    switch byte() {
    case 0x20, 0x09, 0x0D:
      at += 1
      return nil
    case 0x0A, UInt8(ascii: ";"):
      at += 1
      return Token(kind: .newline, span: Span(start, at))
    case UInt8(ascii: "#"):
      skipLine()
      return nil
    case UInt8(ascii: "\""): return text(quote: UInt8(ascii: "\""), hasHoles: true)
    case UInt8(ascii: "'"): return text(quote: UInt8(ascii: "'"), hasHoles: false)
    case UInt8(ascii: "`"): return quotedName()
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
    case let first where Lexer.isLetter(first): return name()
    default: break
    }
    if byte() == 0xE3, byte(1) == 0x80, byte(2) == 0x80 {
      at += 3  // The full-width space that Japanese input methods type.
      return nil
    }
    if byte() == 0xEF, byte(1) == 0xBB, byte(2) == 0xBF {
      at += 3
      return nil
    }
    if let symbol = symbol() {
      at += symbol.length
      return Token(kind: .symbol(symbol), span: Span(start, at))
    }
    if let token = name() { return token }
    return unreadable()
  }

  private mutating func unreadable() -> Token? {
    let start = at
    let (character, length) = scalar(at)
    at += length
    let span = Span(start, at)
    switch character {
    case "“", "”", "„", "‟", "「", "«", "‘", "’":
      return foreignQuote(from: start)
    case "&", "|":
      // Doubled in other languages; read as the word, so that no second mistake is found behind it.
      if byte() == UInt8(ascii: character) { at += 1 }
      let word = character == "&" ? "and" : "or"
      note(
        "V001", "“\(source.text(Span(start, at)))” has no meaning here", Span(start, at),
        "write \(word)")
      return Token(kind: .name(word), span: Span(start, at))
    case "!":
      note("V001", "“!” has no meaning here", span, "write not")
      return Token(kind: .name("not"), span: span)
    default:
      note("V001", "“\(character.escaped(asASCII: false))” has no meaning here", span)
    }
    return nil
  }

  /// A text between quotes of print: read as a text, so that it is one mistake and not many.
  private mutating func foreignQuote(from start: Int) -> Token {
    let inner = at
    var end = at
    while at < limit, bytes[at] != 0x0A {
      let (character, length) = scalar(at)
      end = at
      at += length
      if ["“", "”", "」", "»", "’", "‘"].contains(character) {
        let words = source.text(Span(inner, end))
        note(
          "V001", "“\(scalar(start).0)” begins no text in Visen", Span(start, at),
          "write \"\(words)\"", label: "quotes of print")
        return Token(kind: .text([.words(words)]), span: Span(start, at))
      }
    }
    note(
      "V001", "“\(scalar(start).0)” begins no text in Visen", Span(start, inner), "write \" instead"
    )
    return Token(kind: .text([.words(source.text(Span(inner, at)))]), span: Span(start, at))
  }

  /// The scalar at a place and its length in bytes; U+FFFD for broken UTF-8.
  private func scalar(_ place: Int) -> (Unicode.Scalar, Int) {
    guard place < limit else { return ("\u{FFFD}", 1) }
    let first = bytes[place]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1
    guard place + length <= limit,
      let text = String(validating: bytes[place..<place + length], as: UTF8.self),
      let scalar = text.unicodeScalars.first
    else { return ("\u{FFFD}", 1) }
    return (scalar, length)
  }

  private static func canBegin(_ scalar: Unicode.Scalar) -> Bool {
    // The properties are looked up in tables, which is slow for what nearly all names consist of.
    if scalar.isASCII { return isLetter(UInt8(truncatingIfNeeded: scalar.value)) }
    return scalar.properties.isAlphabetic
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

  private static func canContinue(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII {
      let byte = UInt8(truncatingIfNeeded: scalar.value)
      return isLetter(byte) || isDigit(byte)
    }
    if canBegin(scalar) || scalar.properties.numericType == .decimal { return true }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark: return true
    default: return scalar == "ー"
    }
  }

  private mutating func name() -> Token? {
    let start = at
    let (first, length) = scalar(at)
    guard Lexer.canBegin(first), first != "\u{FFFD}" else { return nil }
    at += length
    while at < limit {
      let byte = bytes[at]
      if Lexer.isLetter(byte) || Lexer.isDigit(byte) {
        at += 1
        continue
      }
      guard byte >= 0x80 else { break }
      let (scalar, length) = scalar(at)
      guard Lexer.canContinue(scalar), scalar != "\u{FFFD}" else { break }
      at += length
    }
    let span = Span(start, at)
    return Token(kind: .name(source.text(span)), span: span)
  }

  private mutating func quotedName() -> Token? {
    let start = at
    at += 1
    let inner = at
    while at < limit, bytes[at] != UInt8(ascii: "`"), bytes[at] != 0x0A { at += 1 }
    guard byte() == UInt8(ascii: "`"), at > inner else {
      note(
        "V002",
        at > inner
          ? "a name in backquotes does not end" : "there is no name between the backquotes",
        Span(start, max(at, start + 1)), "end it with ` on the same line: `Due date`")
      if byte() == UInt8(ascii: "`") { at += 1 }
      return Token(kind: .quoted(source.text(Span(inner, at))), span: Span(start, at))
    }
    let text = source.text(Span(inner, at))
    at += 1
    return Token(kind: .quoted(text), span: Span(start, at))
  }

  // MARK: - Numbers, dates, durations

  private mutating func number() -> Token? {
    let start = at
    if let token = date() { return token }
    let isDigit = Lexer.isDigit
    while isDigit(byte()) || (byte() == UInt8(ascii: "_") && isDigit(byte(1))) { at += 1 }
    if byte() == UInt8(ascii: "."), isDigit(byte(1)) {
      at += 1
      while isDigit(byte()) || (byte() == UInt8(ascii: "_") && isDigit(byte(1))) { at += 1 }
    }
    let end = at
    while at < limit, Lexer.canContinue(scalar(at).0), scalar(at).0 != "\u{FFFD}" {
      at += scalar(at).1
    }
    if at == end, let value = small(start, end) {
      return Token(kind: .number(value), span: Span(start, end))
    }
    let digits = source.text(Span(start, end)).filter { $0 != "_" }
    let suffixStart = end
    let suffix = source.text(Span(suffixStart, at))
    let span = Span(start, at)
    guard let value = Double(digits), value.isFinite else {
      note("V004", "the number \(digits.prefix(20))… is too large", span)
      return Token(kind: .number(0), span: span)
    }
    if suffix.isEmpty { return Token(kind: .number(value), span: span) }
    if let unit = DurationValue.units[suffix] {
      return Token(kind: .duration(DurationValue(seconds: value * unit)), span: span)
    }
    note(
      "V004", "“\(source.text(span))” is neither a number nor a name", span,
      "durations end in s, min, h, d or w: 30s, 5min; names begin with a letter")
    return Token(kind: .number(value), span: span)
  }

  /// The value of a few digits, as nearly all numbers are.
  private func small(_ start: Int, _ end: Int) -> Double? {
    guard end - start <= 15 else { return nil }
    var value = 0
    for byte in bytes[start..<end] {
      guard Lexer.isDigit(byte) else { return nil }
      value = value * 10 + Int(byte - UInt8(ascii: "0"))
    }
    return Double(value)
  }

  private mutating func date() -> Token? {
    // The pattern is a hundred times slower than a look at the fifth byte, and most numbers are none.
    guard byte(4) == UInt8(ascii: "-"), byte(7) == UInt8(ascii: "-") else { return nil }
    let rest = bytes[at..<min(limit, at + 40)]
    let text = String(decoding: rest, as: UTF8.self)
    guard
      let match = text.prefixMatch(
        of: /\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?/)
    else { return nil }
    let start = at
    at += match.0.utf8.count
    let span = Span(start, at)
    guard let date = DateValue(parsing: String(match.0)) else {
      note(
        "V004", "there is no date \(match.0)", span,
        "months run from 01 to 12; for a subtraction write spaces around the minus")
      return Token(kind: .date(DateValue(start: "1970-01-01")), span: span)
    }
    return Token(kind: .date(date), span: span)
  }

  // MARK: - Texts

  private mutating func text(quote: UInt8, hasHoles: Bool) -> Token? {
    let start = at
    let isLong = byte(1) == quote && byte(2) == quote
    at += isLong ? 3 : 1
    var parts: [TextPart] = []
    var words: [UInt8] = []
    func flush() {
      if !words.isEmpty { parts.append(.words(String(decoding: words, as: UTF8.self))) }
      words = []
    }
    while true {
      guard at < limit else {
        if brokenHoleEnd == at {
          flush()
          return Token(kind: .text(parts), span: Span(start, at))
        }
        if isLong { isIncomplete = true }
        note(
          "V002", "this text does not end", Span(start, min(limit, start + (isLong ? 3 : 1))),
          isLong ? "end it with three quotes" : "end it with the same quote on the same line")
        flush()
        return Token(kind: .text(parts), span: Span(start, at))
      }
      let current = byte()
      if current == quote {
        if isLong {
          if byte(1) == quote, byte(2) == quote {
            at += 3
            break
          }
        } else if !hasHoles, byte(1) == quote {
          words.append(quote)
          at += 2
          continue
        } else {
          at += 1
          break
        }
      }
      if current == 0x0A, !isLong {
        guard brokenHoleEnd != at else {
          flush()
          return Token(kind: .text(parts), span: Span(start, at))
        }
        note(
          "V002", "this text does not end", Span(start, at),
          hasHoles
            ? "end it with \" before the end of the line, or begin it with \"\"\" for several lines"
            : "end it with ' before the end of the line, or begin it with ''' for several lines")
        flush()
        return Token(kind: .text(parts), span: Span(start, at))
      }
      if hasHoles, current == UInt8(ascii: "\\") {
        escape(into: &words)
        continue
      }
      if hasHoles, current == UInt8(ascii: "{"), opensHole() {
        flush()
        parts.append(hole())
        continue
      }
      let run = at
      at += 1
      while at < limit, !Lexer.isSpecial(bytes[at]) { at += 1 }
      if words.isEmpty, at < limit, !isLong {
        // Nearly always it is the whole of what stands before a hole or the end.
        let isEnd = bytes[at] == quote && (hasHoles || byte(1) != quote)
        if isEnd || hasHoles && bytes[at] == UInt8(ascii: "{") && opensHole() {
          parts.append(.words(source.text(Span(run, at))))
          continue
        }
      }
      words.append(contentsOf: bytes[run..<at])
    }
    flush()
    if isLong { parts = Lexer.unindented(parts) }
    return Token(kind: .text(parts), span: Span(start, at))
  }

  /// Whether a byte may mean more inside a text than itself.
  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x0A, UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "\\"), UInt8(ascii: "{"): true
    default: false
    }
  }

  private mutating func escape(into words: inout [UInt8]) {
    let start = at
    at += 1
    let escape = byte()
    at += 1
    switch escape {
    case UInt8(ascii: "n"): words.append(0x0A)
    case UInt8(ascii: "t"): words.append(0x09)
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "{"), UInt8(ascii: "}"):
      words.append(escape)
    case UInt8(ascii: "u") where byte() == UInt8(ascii: "{"):
      let digitsStart = at + 1
      while at < limit, bytes[at] != UInt8(ascii: "}"), bytes[at] != 0x0A { at += 1 }
      let digits = source.text(Span(digitsStart, at))
      if byte() == UInt8(ascii: "}") { at += 1 }
      guard let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) else {
        note("V003", "\\u{\(digits)} is no character", Span(start, at), "write \\u{1F600}")
        return
      }
      words.append(contentsOf: String(Character(scalar)).utf8)
    default:
      at = min(at, limit)
      note(
        "V003", "“\(source.text(Span(start, at)))” is no escape", Span(start, at),
        "escapes are \\n \\t \\\" \\\\ \\{ \\} \\u{…}; for a plain backslash write \\\\")
    }
  }

  /// A hole opens only before a letter, `_`, a backquote or `(`; all other braces are plain.
  private func opensHole() -> Bool {
    let (next, _) = scalar(at + 1)
    guard at + 1 < limit else { return false }
    return next == "(" || next == "`" || (Lexer.canBegin(next) && next != "\u{FFFD}")
  }

  private mutating func hole() -> TextPart {
    let start = at
    at += 1
    var inner: [Token] = []
    var level = 0
    depth += 1
    defer { depth -= 1 }
    let before = diagnostics.count
    guard depth <= 16 else {
      note(
        "V013", "texts are nested too deeply here", Span(start, at),
        "name an inner text first: let x = \"…\"")
      isTooDeep = true
      at = limit
      return .hole([Token(kind: .end, span: Span(at, at))], span: Span(start, at))
    }
    while at < limit {
      if byte() == 0x0A { break }
      if byte() == UInt8(ascii: "}"), level == 0 {
        at += 1
        inner.append(Token(kind: .end, span: Span(at - 1, at - 1)))
        return .hole(inner, span: Span(start, at))
      }
      guard let token = next() else { continue }
      if token.isSymbol("{") { level += 1 }
      if token.isSymbol("}") { level -= 1 }
      inner.append(token)
    }
    // What the rest of the row looked like inside the hole is not what its author meant.
    if !isTooDeep, diagnostics.count > before { diagnostics.removeSubrange(before...) }
    brokenHoleEnd = at
    note(
      "V021", "this hole does not end", Span(start, at), "end it with } on the same line",
      "for a plain brace write \\{", label: "opened here")
    inner.append(Token(kind: .end, span: Span(at, at)))
    return .hole(inner, span: Span(start, at))
  }

  /// A text of several lines without its first line break and the indentation of its last line.
  private static func unindented(_ parts: [TextPart]) -> [TextPart] {
    guard case .words(let last)? = parts.last, let lineStart = last.lastIndex(of: "\n") else {
      return parts
    }
    let indentation = last[last.index(after: lineStart)...]
    guard indentation.allSatisfy({ $0 == " " || $0 == "\t" }) else { return parts }
    var result: [TextPart] = []
    for (index, part) in parts.enumerated() {
      guard case .words(var words) = part else {
        result.append(part)
        continue
      }
      if index == parts.count - 1 { words = String(last[..<lineStart]) }
      if !indentation.isEmpty { words = words.replacing("\n" + indentation, with: "\n") }
      if index == 0 {
        if words.hasPrefix("\n") {
          words.removeFirst()
        } else if parts.count == 1, words.isEmpty {
          continue
        }
      }
      if !words.isEmpty { result.append(.words(words)) }
    }
    // With the first line break gone, the first line has its indentation left.
    if case .words(let first)? = result.first, first.hasPrefix(indentation), !indentation.isEmpty {
      result[0] = .words(String(first.dropFirst(indentation.count)))
    }
    return result
  }
}
