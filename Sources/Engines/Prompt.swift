public import Transport

/// What an engine is asked: text in pieces, so that data is told apart from words.
public struct Prompt: Sendable, Hashable {
  /// A piece of a prompt.
  public enum Piece: Sendable, Hashable {
    /// Words of the person.
    case literal(String)
    /// Data put into a hole, with the hole's name.
    case data(name: String, text: String)
  }

  /// What holds for the whole conversation; `nil` for nothing.
  public var system: String?
  /// The pieces in order.
  public var pieces: [Piece]

  /// Creates a prompt.
  public init(system: String? = nil, pieces: [Piece]) {
    self.system = system
    self.pieces = pieces
  }

  /// Creates a prompt of words only.
  public init(_ text: String) {
    self.init(pieces: [.literal(text)])
  }

  /// The pieces joined, as an engine reads them.
  public var text: String {
    pieces.map { piece in
      switch piece {
      case .literal(let text): text
      case .data(_, let text): text
      }
    }.joined()
  }

  /// Whether any data is in it.
  public var hasData: Bool {
    pieces.contains { if case .data = $0 { true } else { false } }
  }

  /// The prompt as a document, for a journal.
  public var json: JSON {
    let items: [JSON] = pieces.map { piece in
      switch piece {
      case .literal(let text): .string(text)
      case .data(let name, let text): ["name": .string(name), "text": .string(text)]
      }
    }
    var members: JSON.Members = ["pieces": .array(items)]
    if let system { members["system"] = .string(system) }
    return .object(members)
  }

  /// Reads what ``json`` wrote; `nil` for anything else.
  public init?(json: JSON) {
    guard let items = json["pieces"]?.array else { return nil }
    system = json["system"]?.string
    pieces = []
    for item in items {
      if let text = item.string {
        pieces.append(.literal(text))
      } else if let name = item["name"]?.string, let text = item["text"]?.string {
        pieces.append(.data(name: name, text: text))
      } else {
        return nil
      }
    }
  }
}
