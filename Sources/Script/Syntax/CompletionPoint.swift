/// What may stand at the end of a text, as the parser meets it there.
public enum Expectation: Hashable, Sendable {
  /// A statement begins.
  case statement
  /// A word of the language or of a command's clause.
  case word(String)
  /// An operand of an expression; where a row's properties stand by their bare names, it says so.
  case value(inRow: Bool)
  /// What a field is compared with or set to.
  case comparison(field: String)
  /// A word that compares what stands before.
  case comparator
  /// A name behind a dot.
  case field
  /// The name of a property.
  case property
  /// The name of a connection.
  case connection
  /// The name of an engine.
  case engine
  /// The shape of an answer.
  case type
  /// The name of a kept prompt.
  case promptName
  /// The path of a script.
  case script
  /// A command that gives a value.
  case valueCommand
  /// What a slot of a command takes.
  case slot(command: String, name: String)
}

/// The place at which a text is to be completed: the word that is begun there, and what may stand.
public struct CompletionPoint: Sendable {
  /// What has been typed of the word.
  public let word: String
  /// Where the word begins, in bytes; a backquote before it is part of it.
  public let start: Int
  /// What may stand there; empty where the text before is no program.
  public let expected: Set<Expectation>
  /// The quote of the text inside which the place is; `nil` outside of texts.
  public let quote: String?
  /// Whether the word is all that stands in a hole of a text.
  public let isInHole: Bool

  /// Finds what may stand at the end of a text.
  public init(before text: String, signatures: [String: CommandSignature]) {
    let source = SourceText(text, name: "")
    let lexer = Lexer.read(source)
    // What is open at the end: the last text, hole or name in backquotes that does not end.
    let open = lexer.diagnostics.filter { ["V002", "V021"].contains($0.code) }.map(\.span.start)
      .filter { start in
        let rest = source.bytes[min(start, source.bytes.count)...]
        return rest.starts(with: [0x22, 0x22, 0x22]) || rest.starts(with: [0x27, 0x27, 0x27])
          || !rest.contains(0x0A)
      }.max()
    guard let open else {
      let start = CompletionPoint.wordStart(source.bytes, from: 0)
      word = source.text(Span(start, source.bytes.count))
      self.start = start
      let last = lexer.tokens.dropLast().last?.span.end ?? 0
      let isComment = source.bytes[min(last, source.bytes.count)...].contains(UInt8(ascii: "#"))
      expected = isComment ? [] : Parser.expectations(source.text(Span(0, start)), signatures)
      quote = nil
      isInHole = false
      return
    }
    let rest = source.text(Span(open, source.bytes.count))
    let outer = Parser.expectations(source.text(Span(0, open)), signatures)
    switch rest.first {
    case "`":
      word = String(rest.dropFirst())
      start = open
      expected = outer
      quote = nil
      isInHole = false
    case "{":
      let inner = CompletionPoint.inHole(
        open, source, signatures, holder: CompletionPoint.holder(of: open, lexer.tokens))
      (word, start, expected) = (inner.word, inner.start, inner.expected)
      quote = nil
      isInHole = inner.isWhole
    default:
      if rest.hasPrefix("\""), rest.hasSuffix("{"), !rest.hasSuffix("\\{") {
        // A brace with nothing behind it yet is about to open a hole.
        let inner = CompletionPoint.inHole(
          source.bytes.count - 1, source, signatures, holder: open)
        (word, start, expected) = (inner.word, inner.start, inner.expected)
        quote = nil
        isInHole = true
        return
      }
      let mark = rest.hasPrefix("\"\"\"") || rest.hasPrefix("'''") ? 3 : 1
      word = String(rest.dropFirst(mark))
      start = open + mark
      expected = outer
      quote = String(rest.prefix(mark))
      isInHole = false
    }
  }

  /// The word in a hole, and what may stand there.
  private static func inHole(
    _ hole: Int, _ source: SourceText, _ signatures: [String: CommandSignature], holder: Int
  ) -> (word: String, start: Int, expected: Set<Expectation>, isWhole: Bool) {
    let inner = source.text(Span(hole + 1, source.bytes.count))
    // Several words in a row are one name, so all of them are the word.
    let isName = inner.unicodeScalars.allSatisfy { scalar in
      scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
        || scalar == " " || scalar == "_"
    }
    let start = isName ? hole + 1 : wordStart(source.bytes, from: hole + 1)
    let around = Parser.expectations(source.text(Span(0, holder)), signatures)
    let isInRow = around.contains { expectation in
      guard case .slot(let command, let name) = expectation else { return false }
      return signatures[command]?.slots.contains { $0.name == name && $0.kind == .template } == true
    }
    let expected: Set<Expectation> =
      isName
      ? [.value(inRow: isInRow)]
      : Parser.expectations(
        source.text(Span(hole + 1, start)), signatures, asExpression: true, inRow: isInRow)
    return (source.text(Span(start, source.bytes.count)), start, expected, isName)
  }

  /// Where the text begins in which a hole stands.
  private static func holder(of hole: Int, _ tokens: [Token]) -> Int {
    let holder = tokens.last { token in
      guard case .text = token.kind else { return false }
      return token.span.start < hole
    }
    return holder?.span.start ?? hole
  }

  /// Where the name at the end of a text begins.
  private static func wordStart(_ bytes: [UInt8], from least: Int) -> Int {
    var start = bytes.count
    let text = Array(String(decoding: bytes[least...], as: UTF8.self).unicodeScalars)
    for scalar in text.reversed() {
      guard
        scalar == "_" || scalar.properties.isAlphabetic
          || scalar.properties.numericType == .decimal
          || scalar.properties.generalCategory == .nonspacingMark
      else { break }
      start -= UTF8.width(scalar)
    }
    // A number is no name that is begun.
    if start < bytes.count, bytes[start] &- 0x30 <= 9 { return bytes.count }
    return max(least, start)
  }
}

extension Parser {
  /// What may stand at the end of a text.
  static func expectations(
    _ text: String, _ signatures: [String: CommandSignature], asExpression: Bool = false,
    inRow: Bool = false
  ) -> Set<Expectation> {
    let source = SourceText(text, name: "")
    var parser = Parser(
      source: source, commands: signatures, tokens: Lexer.read(source).tokens)
    parser.expected = []
    if inRow { parser.rowDepth = 1 }
    if asExpression { _ = try? parser.expression() } else { _ = parser.program() }
    return parser.expected ?? []
  }

  /// Notes what may stand here, at the end of a text that is being completed.
  mutating func expect(_ expectation: @autoclosure () -> Expectation) {
    guard expected != nil, current.isEnd else { return }
    expected?.insert(expectation())
  }

  /// Notes what may go on a command at the end of a text: clauses, and what stands by its place.
  mutating func expectMore(
    _ signature: CommandSignature, _ filled: [CommandSyntax.Filled], _ next: Slot?
  ) {
    guard expected != nil, current.isEnd else { return }
    for slot in signature.slots where !slot.words.isEmpty {
      if !slot.repeats, filled.contains(where: { $0.slot.name == slot.name }) { continue }
      expected?.insert(.word(slot.words.joined(separator: " ")))
    }
    if let next {
      expected?.insert(.slot(command: signature.name, name: next.name))
      if next.kind == .template, signature.name != "prompt" { expected?.insert(.word("prompt")) }
    }
  }

  /// Notes the rest of a clause of several words whose first ones end the text.
  mutating func expectRest(_ signature: CommandSignature) {
    guard expected != nil else { return }
    let rest = tokens[min(position, tokens.count - 1)...].dropLast()
    for slot in signature.slots where slot.words.count > rest.count && !rest.isEmpty {
      if zip(rest, slot.words).allSatisfy({ $0.isWord($1) }) {
        expected?.insert(.word(slot.words.dropFirst(rest.count).joined(separator: " ")))
      }
    }
  }
}

extension Expression {
  /// The field that an expression names: `Topic`, `row.Topic`, `it.Topic`.
  var fieldName: String? {
    switch kind {
    case .name(let name): name
    case .field(_, let name, _): name
    default: nil
    }
  }
}
