package import Foundation

/// Makes programs out of others: the same for the same number, so that each can be made again.
package struct Mutator: Sendable {
  private let seeds: [[UInt8]]

  /// Reads every script below some folders.
  package init(folders: [URL]) {
    var seeds: [[UInt8]] = []
    for folder in folders {
      let names = FileManager.default.enumerator(atPath: folder.path)
      while let name = names?.nextObject() as? String {
        guard name.hasSuffix(".visen"),
          let data = FileManager.default.contents(atPath: folder.appendingPathComponent(name).path),
          data.count < 3000
        else { continue }
        seeds.append([UInt8](data))
      }
    }
    self.seeds = seeds.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// How many scripts it begins with.
  package var count: Int { seeds.count }

  /// Words and marks of the language, and what is troublesome in texts.
  private static let words = [
    "let ", "var ", "fn f(", "for x in ", "if ", "else ", " then ", "rows", " where ", " sort by ",
    " first ", " last ", " sample ", " pick ", " of ", " with ", " using ", " as ", " parallel ",
    " on error continue", " and ", " or ", "not ", " is ", " is not ", " is empty", " in ",
    " contains ", " matches ", " starts with ", "do ", " catch ", "retry 2 ", "ai ", "it", "true",
    "false", "nothing", "return ", "param ", "include \"a\"", "skip", "stop", "fail ", "assert ",
    "print ", "every 1s ", "problem", "type ", "use \"Topics\"\n", "generate Content with ",
    "Topic", "Score", "`Due date`", "Tags", "row.", "row.Content = ", "{", "}", "(", ")", "[", "]",
    "\"", "'", "\"\"\"", "'''", "`", "\\", "\n", ";", ",", ":", ".", "..", "??", "+", "-", "*", "/",
    "%", "==", "!=", "<=", "=", "+=", "?", "#", "{x}", "{x?}", "{(", "0", "1", "2.5", "1_000",
    "1_000_000_000", "99999999999999999999", "30s", "2h", "2025-01-31", "2025-13-40",
    "2025-01-31T10:00+09:00", "one of [\"a\"]", "list of text", "number 0..10", "upper(x)",
    "count(rows)", "x", "y", "row", "日本語", "\u{3000}", "\u{FEFF}", "é", "👩‍👩‍👧", "\u{202E}",
    "\0", "\t", "  ", "“", "”", "&&", "|", "!", "@", "repeat(\"a\", 100000000)", "1..",
    "sort(", "join(", "read(\"a.csv\")", "parse_json(", "format(2025-01-31, ",
  ].map { Array($0.utf8) }

  /// The program with a number.
  package func program(_ number: UInt64) -> [UInt8] {
    var random = SplitMix(state: number)
    guard !seeds.isEmpty else { return [] }
    var bytes = seeds[random.below(seeds.count)]
    for _ in 0..<(1 + random.below(random.below(4) == 0 ? 12 : 4)) { mutate(&bytes, &random) }
    return bytes.count > 6000 ? Array(bytes.prefix(6000)) : bytes
  }

  private func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix) {
    let place = random.below(bytes.count + 1)
    switch random.below(12) {
    case 0...3:
      bytes.insert(contentsOf: Mutator.words[random.below(Mutator.words.count)], at: place)
    case 4:
      bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.below(8)))
    case 5:
      // A piece of another program.
      let other = seeds[random.below(seeds.count)]
      let start = random.below(other.count + 1)
      let end = min(other.count, start + random.below(60))
      bytes.insert(contentsOf: other[start..<end], at: place)
    case 6:
      // A piece of its own, again elsewhere.
      let end = min(bytes.count, place + random.below(60))
      bytes.insert(contentsOf: Array(bytes[place..<end]), at: random.below(bytes.count + 1))
    case 7 where !bytes.isEmpty:
      bytes[min(place, bytes.count - 1)] = UInt8(truncatingIfNeeded: random.next())
    case 8 where !bytes.isEmpty:
      bytes[min(place, bytes.count - 1)] ^= 1 << UInt8(random.below(8))
    case 9:
      var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
      let line = random.below(lines.count)
      switch random.below(3) {
      case 0: lines.remove(at: line)
      case 1: lines.insert(lines[line], at: random.below(lines.count + 1))
      default: lines.swapAt(line, random.below(lines.count))
      }
      bytes = Array(lines.joined(separator: [0x0A]))
    case 10:
      // The same mark many times: nesting and length.
      let word = Mutator.words[random.below(Mutator.words.count)]
      for _ in 0..<random.below(200) { bytes.insert(contentsOf: word, at: min(place, bytes.count)) }
    default:
      let other = seeds[random.below(seeds.count)]
      bytes = Array(bytes.prefix(place)) + other.suffix(random.below(other.count + 1))
    }
  }
}

/// Sebastiano Vigna's SplitMix64: small, good, and the same everywhere.
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  mutating func below(_ limit: Int) -> Int { limit <= 1 ? 0 : Int(next() % UInt64(limit)) }
}
