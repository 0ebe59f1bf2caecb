/// A prompt: text with holes for a row's properties.
public struct PromptTemplate: Sendable {
  /// A piece of a rendered prompt.
  public enum Piece: Sendable, Hashable {
    /// Words of the person.
    case literal(String)
    /// Data, with the name of its hole.
    case data(name: String, text: String)

    /// The piece's text.
    public var text: String {
      switch self {
      case .literal(let text): text
      case .data(_, let text): text
      }
    }
  }

  /// The name under which it was kept; `nil` for words that were typed.
  public let name: String?
  /// The text as it would be kept: words, and `{name}` for each hole.
  public let source: String
  /// The names of its holes; of an expression, its source.
  public let holeNames: [String]
  /// Whether every hole is the name of a property.
  public let holesAreNames: Bool
  private let render: @Sendable (Row) throws -> [Piece]

  init(
    source: String, holeNames: [String], holesAreNames: Bool, name: String? = nil,
    render: @escaping @Sendable (Row) throws -> [Piece]
  ) {
    self.name = name
    self.source = source
    self.holeNames = holeNames
    self.holesAreNames = holesAreNames
    self.render = render
  }

  /// The prompt for a row.
  ///
  /// - Throws: ``ScriptError`` when a hole has no value for this row.
  public func pieces(for row: Row) throws -> [Piece] { try render(row) }

  /// A prompt that was kept as data: `{name}` and `{two words}` stand for fields, and nothing else
  /// in it is looked at.
  public static func kept(_ text: String, name: String? = nil) -> PromptTemplate {
    PromptTemplate(
      source: text, holeNames: names(in: text), holesAreNames: true, name: name,
      render: { row in
        try filled(text) { name throws(ScriptError) -> Value? in row.value(of: name) }
      })
  }

  /// The names in a kept prompt's holes.
  public static func names(in text: String) -> [String] {
    segments(text).compactMap { if case .hole(let name, _) = $0 { name } else { nil } }
  }

  static func filled(
    _ text: String, ofRow: Bool = true, _ value: (String) throws(ScriptError) -> Value?
  ) throws(ScriptError) -> [Piece] {
    var pieces: [Piece] = []
    for segment in segments(text) {
      switch segment {
      case .words(let words): pieces.append(.literal(words))
      case .hole(let name, let allowsNothing):
        guard let found = try value(name) else {
          throw ScriptError(
            code: "V101", message: "there is no property named “\(name)” for the hole {\(name)}",
            notes: ["for a plain brace write \\{\(name)}"])
        }
        pieces.append(
          .data(name: name, text: try holeText(found, name, allowsNothing, ofRow: ofRow)))
      }
    }
    return pieces
  }

  /// The text of a hole's value; `nothing` would spoil the prompt and cost money all the same.
  static func holeText(
    _ value: Value, _ name: String, _ allowsNothing: Bool, ofRow: Bool = true
  ) throws(ScriptError) -> String {
    if value.isNothing, !allowsNothing {
      guard ofRow else {
        throw ScriptError(
          code: "V304", message: "{\(name)} has no value",
          notes: ["allow it with {\(name)?}", "or give it another value: {\(name) ?? \"none\"}"])
      }
      throw ScriptError(
        code: "V304", message: "{\(name)} has no value for this row",
        notes: [
          "allow it with {\(name)?}", "or leave such rows out: rows where `\(name)` is not empty",
        ])
    }
    return try value.displayText()
  }

  private enum Segment {
    case words(String)
    case hole(String, allowsNothing: Bool)
  }

  /// One pass over the text: a brace opens a hole only before a letter, `_` or a backquote.
  private static func segments(_ text: String) -> [Segment] {
    var segments: [Segment] = []
    var words = ""
    var rest = Substring(text)
    while let character = rest.first {
      if character == "\\", let next = rest.dropFirst().first, next == "{" || next == "}" {
        words.append(next)
        rest = rest.dropFirst(2)
        continue
      }
      if character == "{", let next = rest.dropFirst().first,
        next.isLetter || next == "_" || next == "`", let end = rest.firstIndex(of: "}"),
        !rest[..<end].dropFirst().contains(where: { $0 == "{" || $0.isNewline })
      {
        var name = String(rest[..<end].dropFirst())
        let allowsNothing = name.hasSuffix("?")
        if allowsNothing { name.removeLast() }
        if name.hasPrefix("`"), name.hasSuffix("`"), name.count > 2 {
          name = String(name.dropFirst().dropLast())
        }
        if !words.isEmpty { segments.append(.words(words)) }
        words = ""
        segments.append(.hole(name, allowsNothing: allowsNothing))
        rest = rest[rest.index(after: end)...]
        continue
      }
      words.append(character)
      rest = rest.dropFirst()
    }
    if !words.isEmpty { segments.append(.words(words)) }
    return segments
  }
}
