/// A word of a program, with its place.
struct Token: Sendable {
  enum Kind: Sendable {
    /// A name; reserved words too, told apart by the parser.
    case name(String)
    /// A name in backquotes, never a reserved word.
    case quoted(String)
    case number(Double)
    case duration(DurationValue)
    case date(DateValue)
    case text([TextPart])
    /// An operator or bracket.
    case symbol(String)
    /// The end of a line, or `;`.
    case newline
    case end
  }

  var kind: Kind
  var span: Span

  var isEnd: Bool { if case .end = kind { true } else { false } }
  var isNewline: Bool { if case .newline = kind { true } else { false } }

  func isSymbol(_ text: String) -> Bool {
    if case .symbol(let symbol) = kind { symbol == text } else { false }
  }

  func isWord(_ text: String) -> Bool {
    if case .name(let name) = kind { name == text } else { false }
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
