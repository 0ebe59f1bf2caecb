/// What a character of a text is, for painting it while it is typed.
public enum TextRole: UInt8, Sendable {
  case plain = 0x20
  /// A command's word or a word of the language.
  case word = 0x63
  case text = 0x73
  /// A hole in a text, its braces included.
  case hole = 0x68
  /// A number, a date, a duration or a constant.
  case number = 0x6E
  case function = 0x66
  case comment = 0x23
  /// What does not fit at its place.
  case misfit = 0x21
}

extension Interpreter {
  /// The role of each Unicode scalar of a text; needs no database and never fails.
  ///
  /// What is only not finished yet is no misfit.
  public nonisolated static func roles(
    of source: SourceText, signatures: [String: CommandSignature]
  ) -> [TextRole] {
    let lexer = Lexer.read(source)
    var bytes = [TextRole](repeating: .plain, count: source.bytes.count)
    Highlighter.paint(lexer.tokens, &bytes, source, signatures)
    let parsed = Parser.parse(source, commands: signatures)
    if !parsed.isIncomplete, lexer.diagnostics.isEmpty {
      for diagnostic in parsed.diagnostics where diagnostic.span.end < source.bytes.count {
        Highlighter.fill(&bytes, diagnostic.span, .misfit)
      }
    }
    var roles: [TextRole] = []
    var offset = 0
    for scalar in source.text.unicodeScalars {
      roles.append(bytes.indices.contains(offset) ? bytes[offset] : .plain)
      offset += UTF8.width(scalar)
    }
    return roles
  }
}

private enum Highlighter {
  static func fill(_ bytes: inout [TextRole], _ span: Span, _ role: TextRole) {
    let start = min(max(0, span.start), bytes.count)
    for place in start..<min(max(start, span.end), bytes.count) { bytes[place] = role }
  }

  static func paint(
    _ tokens: [Token], _ bytes: inout [TextRole], _ source: SourceText,
    _ signatures: [String: CommandSignature]
  ) {
    var last = 0
    for (index, token) in tokens.enumerated() {
      // Between tokens stand white space and comments.
      if let mark = source.bytes[min(last, token.span.start)..<token.span.start]
        .firstIndex(of: UInt8(ascii: "#"))
      {
        fill(&bytes, Span(mark, token.span.start), .comment)
      }
      last = token.span.end
      let before = index > 0 ? tokens[index - 1] : nil
      let after = index + 1 < tokens.count ? tokens[index + 1] : nil
      switch token.kind {
      case .number, .duration, .date: fill(&bytes, token.span, .number)
      case .text(let parts):
        fill(&bytes, token.span, .text)
        for case .hole(let inner, let span) in parts {
          fill(&bytes, span, .hole)
          paint(inner.filter { !$0.isEnd }, &bytes, source, signatures)
        }
      case .name(let name):
        if before?.isSymbol(".") == true { break }
        if after?.isSymbol("(") == true, after?.span.start == token.span.end {
          fill(&bytes, token.span, .function)
        } else if ["true", "false", "nothing"].contains(name) {
          fill(&bytes, token.span, .number)
        } else if Reserved.words.contains(name) || isStart(before) && isWord(name, signatures) {
          fill(&bytes, token.span, .word)
        }
      default: break
      }
    }
  }

  /// Whether a statement begins behind a token.
  private static func isStart(_ before: Token?) -> Bool {
    guard let before else { return true }
    return before.isNewline || before.isSymbol("{") || before.isSymbol("=")
  }

  private static func isWord(_ name: String, _ signatures: [String: CommandSignature]) -> Bool {
    signatures[name] != nil || BuiltinStatement(rawValue: name) != nil || name == "every"
  }
}
