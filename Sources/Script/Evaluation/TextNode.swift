/// A text with holes.
final class TextNode: Node, @unchecked Sendable {
  enum Piece: Sendable {
    case words(String)
    case hole(Node, name: String, allowsNothing: Bool)
  }

  let pieces: [Piece]
  /// What its holes hold.
  let holes: [Node]
  private let nodes: NodeList
  /// The places among the pieces of the holes that are not written out.
  private let open: [Hole]
  /// The words before each such hole and after the last, one after the other.
  private let words: [UInt8]

  /// A hole whose value is not known before it runs.
  private struct Hole {
    /// Which of the holes it is.
    let index: Int
    /// The variable in it; -1 for anything else.
    let slot: Int
    /// Whether it is best asked for a number.
    let isNumeric: Bool
    /// Where the words before it end.
    let end: Int
  }

  init(_ pieces: [Piece], _ span: Span) {
    self.pieces = pieces
    var holes: [Node] = []
    var open: [Hole] = []
    var words: [UInt8] = []
    for piece in pieces {
      switch piece {
      case .words(let more): words += more.utf8
      case .hole(let node as NumberNode, _, _):
        holes.append(node)
        words += Value.digits(node.value).utf8
      case .hole(let node, _, _):
        let variable = node as? VariableNode
        open.append(
          Hole(
            index: holes.count, slot: variable?.isGlobal == false ? variable?.slot ?? -1 : -1,
            isNumeric: node.isNumeric, end: words.count))
        holes.append(node)
      }
    }
    self.holes = holes
    self.open = open
    self.words = words
    nodes = NodeList(holes)
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let buffer = context.text
    let start = buffer.count
    var place = 0
    for hole in open {
      append(place, hole.end, buffer)
      place = hole.end
      do throws(ScriptError) {
        if hole.slot >= 0 {
          switch context.frame[hole.slot] {
          case .number(let number): buffer.append(number)
          case .text(let text): buffer.append(text)
          case let value: buffer.append(try words(of: value, hole.index))
          }
        } else if hole.isNumeric {
          let number = try nodes.number(hole.index, context)
          if number.isNaN {
            buffer.append(try words(of: context.takeMisfit(), hole.index))
          } else {
            buffer.append(number)
          }
        } else {
          switch try nodes.eval(hole.index, context) {
          case .number(let number): buffer.append(number)
          case .text(let text): buffer.append(text)
          case let value: buffer.append(try words(of: value, hole.index))
          }
        }
      } catch {
        buffer.drop(from: start)
        throw error
      }
    }
    append(place, words.count, buffer)
    if buffer.count - start > Limits.text {
      let size = buffer.count - start
      buffer.drop(from: start)
      do throws(ScriptError) {
        try Limits.check(text: size)
      } catch {
        throw error.at(span)
      }
    }
    return .text(buffer.take(from: start))
  }

  @inline(__always)
  private func append(_ from: Int, _ to: Int, _ buffer: TextBuffer) {
    words.withUnsafeBufferPointer { buffer.append(UnsafeBufferPointer(rebasing: $0[from..<to])) }
  }

  @inline(never)
  private func words(of value: Value, _ index: Int) throws(ScriptError) -> String {
    var place = 0
    for case .hole(let node, let name, let allowsNothing) in pieces {
      if place == index { return try words(of: value, node, name, allowsNothing) }
      place += 1
    }
    return try value.displayText()
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
    try words(of: try node.eval(context), node, name, allowsNothing)
  }

  private func words(
    of value: Value, _ node: Node, _ name: String, _ allowsNothing: Bool
  ) throws(ScriptError) -> String {
    do throws(ScriptError) {
      return try PromptTemplate.holeText(value, name, allowsNothing, ofRow: node is RowFieldNode)
    } catch {
      throw error.at(node.span)
    }
  }
}
