/// A word of a program, with its place.
struct Token: Sendable {
  enum Kind: Sendable {
    /// A name; reserved words too, told apart by the parser.
    case name(String)
    /// A name in backquotes, never a reserved word.
    case quoted(String)
    case number(Double)
    case duration(DurationValue)
    indirect case date(DateValue)
    case text([TextPart])
    /// An operator or bracket.
    case symbol(Symbol)
    /// The end of a line, or `;`.
    case newline
    case end
  }

  var kind: Kind
  var span: Span

  var isEnd: Bool { if case .end = kind { true } else { false } }
  var isNewline: Bool { if case .newline = kind { true } else { false } }

  func isSymbol(_ wanted: Symbol) -> Bool {
    if case .symbol(let symbol) = kind { symbol == wanted } else { false }
  }

  func isWord(_ text: String) -> Bool {
    // To see that two texts differ takes longer than to see that they are the same, and most do.
    if case .name(let name) = kind {
      name.utf8.count == text.utf8.count && name == text
    } else {
      false
    }
  }
}

/// An operator or bracket, of one character or two.
///
/// A parser asks for one after the other, and to compare texts would be most of its time.
struct Symbol: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
  private let code: UInt16

  init(_ first: UInt8, _ second: UInt8 = 0) { code = UInt16(first) | UInt16(second) << 8 }

  /// One that is written out: ASCII, one character or two.
  init(stringLiteral text: StaticString) {
    self.init(text.utf8Start[0], text.utf8CodeUnitCount > 1 ? text.utf8Start[1] : 0)
  }

  /// How many bytes it has.
  var length: Int { code > 0xFF ? 2 : 1 }

  var description: String {
    let bytes = [UInt8(truncatingIfNeeded: code), UInt8(truncatingIfNeeded: code >> 8)]
    return String(decoding: bytes[..<length], as: UTF8.self)
  }
}

/// A piece of a text literal.
enum TextPart: Sendable {
  /// Words, escapes resolved.
  case words(String)
  /// The tokens of a hole, its braces left out.
  case hole([Token], span: Span)
}

/// The words that cannot be a bare name.
enum Reserved {
  static let words: Set<String> = [
    "and", "or", "not", "is", "in", "contains", "starts", "ends", "matches", "empty", "where",
    "pick", "sort", "first", "last", "sample", "of", "on", "with", "using", "as", "parallel", "to",
    "against", "if", "then", "else", "for", "let", "var", "fn", "return", "param", "include", "do",
    "catch", "retry", "ai", "rows", "it", "true", "false", "nothing",
  ]

  /// Those that are values by themselves.
  static let values: Set<String> = ["it", "true", "false", "nothing"]
}

/// What a program's text is made of, for those who write one.
public enum TextWords {
  /// The words that stand for a name only in backquotes.
  public static let reserved = Reserved.words
}
