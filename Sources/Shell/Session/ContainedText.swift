import Foundation

/// A text that is looked for in others, as Notion can look for it without losing a row.
///
/// The language ignores case, and full or half width. Notion's `contains` ignores case too; of width
/// nothing is known of it. So pieces of the text are asked for in each way in which they may be written,
/// and the language looks at what comes.
/// - Source: Notion API, recorded queries: `contains` and `starts_with` ignore case on email, whose
///   conditions are those of every text; see ``reliesOnCase``.
nonisolated enum ContainedText {
  /// Whether Notion is relied on to ignore the case of ASCII letters; other letters with a case are
  /// never asked for.
  static let reliesOnCase = true
  /// The most ways to write one piece; a piece is as long as they allow.
  private static let mostWays = 16
  /// The most ways to write all pieces together: what a filter has room for.
  private static let mostInAll = 40
  /// The most UTF-16 units that a condition takes.
  private static let longest = 100

  /// Lists of pieces: a text in which another is contained has one of each list in it.
  ///
  /// - Returns: The longest pieces first; empty when no piece can be asked for.
  static func pieces(of text: String) -> [[String]] {
    var pieces: [[[String]]] = []
    var piece: [[String]] = []
    var ways = 1
    func end() {
      // Spaces at an end may be taken away on the way.
      while piece.last?.contains(" ") == true { piece.removeLast() }
      if !piece.isEmpty { pieces.append(piece) }
      piece = []
      ways = 1
    }
    for scalar in text.lowercased().unicodeScalars {
      guard let more = spellings(of: scalar) else {
        end()
        continue
      }
      if piece.isEmpty, more.contains(" ") { continue }
      let units = piece.reduce(0) { $0 + ($1.map(\.utf16.count).max() ?? 0) }
      if ways * more.count > mostWays || units >= longest - 4 { end() }
      if piece.isEmpty, more.contains(" ") { continue }
      piece.append(more)
      ways *= more.count
    }
    end()
    var left = mostInAll
    var result: [[String]] = []
    for piece in pieces.sorted(by: { $0.count > $1.count }) {
      let all = piece.reduce([""]) { starts, more in
        starts.flatMap { start in more.map { start + $0 } }
      }
      guard all.count <= left else { break }
      left -= all.count
      result.append(all)
    }
    return result
  }

  /// The ways in which a character is written that the language takes for it; `nil` for one that Notion
  /// may compare otherwise.
  private static func spellings(of scalar: Unicode.Scalar) -> [String]? {
    switch scalar.value {
    case 0x20, 0x3000: return [" ", "\u{3000}"]
    case 0x21...0x7E, 0xFF01...0xFF5E:
      let half = scalar.value > 0x7E ? scalar.value - 0xFEE0 : scalar.value
      guard let narrow = Unicode.Scalar(half), let wide = Unicode.Scalar(half + 0xFEE0) else {
        return nil
      }
      guard reliesOnCase || !narrow.properties.isAlphabetic else { return nil }
      return [String(narrow), String(wide)] + alike(narrow)
    case 0x80...:
      let properties = scalar.properties
      guard !properties.changesWhenCaseMapped, !properties.isGraphemeExtend,
        !properties.isDefaultIgnorableCodePoint, !properties.isWhitespace
      else { return nil }
      let apart = String(scalar).decomposedStringWithCanonicalMapping
      let isWhole = Array(apart.unicodeScalars) == [scalar]
      return [String(scalar)] + (isWhole ? [] : [apart]) + alike(scalar)
    default: return nil
    }
  }

  /// Other characters that are this one to the language, for it compares texts by what they look like:
  /// the Kelvin sign is a K, and some ideographs stand twice in Unicode.
  private static func alike(_ scalar: Unicode.Scalar) -> [String] { twins[scalar] ?? [] }

  private static let twins: [Unicode.Scalar: [String]] = {
    var twins: [Unicode.Scalar: [String]] = ["k": ["\u{212A}"]]
    let ranges: [ClosedRange<UInt32>] = [
      0x0340...0x037E, 0x1FBE...0x1FFD, 0x2000...0x232A, 0xF900...0xFAD9, 0x2F800...0x2FA1D,
    ]
    for value in ranges.joined() {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let single = String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars
      if single.count == 1, let other = single.first, other != scalar {
        twins[other, default: []].append(String(scalar))
      }
    }
    return twins
  }()
}
