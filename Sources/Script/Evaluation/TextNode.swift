/// A text with holes.
final class TextNode: Node, @unchecked Sendable {
  enum Piece: Sendable {
    case words(String)
    case hole(Node, name: String, allowsNothing: Bool)
  }

  let pieces: [Piece]
  init(_ pieces: [Piece], _ span: Span) {
    self.pieces = pieces
    super.init(span)
  }

  /// What its holes hold.
  var holes: [Node] {
    pieces.compactMap { if case .hole(let node, _, _) = $0 { node } else { nil } }
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    var text = ""
    for piece in pieces {
      switch piece {
      case .words(let words): text += words
      case .hole(let node, let name, let allowsNothing):
        text += try hole(node, name, allowsNothing, context)
      }
    }
    return .text(text)
  }

  /// The text in pieces, so that data stays apart from words.
  func prompt(_ context: Context) throws(ScriptError) -> [PromptTemplate.Piece] {
    var result: [PromptTemplate.Piece] = []
    for piece in pieces {
      switch piece {
      case .words(let words): result.append(.literal(words))
      case .hole(let node, let name, let allowsNothing):
        result.append(.data(name: name, text: try hole(node, name, allowsNothing, context)))
      }
    }
    return result
  }

  private func hole(
    _ node: Node, _ name: String, _ allowsNothing: Bool, _ context: Context
  ) throws(ScriptError) -> String {
    let value = try node.eval(context)
    do throws(ScriptError) {
      return try PromptTemplate.holeText(value, name, allowsNothing)
    } catch {
      throw error.at(node.span)
    }
  }
}
