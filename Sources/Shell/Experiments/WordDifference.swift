/// What differs between two texts, word by word: `[-gone-]` and `{+new+}`.
nonisolated enum WordDifference {
  /// The second text with what is new in it and what is gone from the first marked.
  static func marked(_ new: String, against old: String) -> String {
    let a = words(old)
    let b = words(new)
    // Beyond this the table of common words grows too large to be worth it.
    guard a.count <= 2_000, b.count <= 2_000 else { return new }
    var common = [[Int32]](repeating: [Int32](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in a.indices.reversed() {
      for j in b.indices.reversed() {
        common[i][j] =
          a[i] == b[j] ? common[i + 1][j + 1] + 1 : max(common[i + 1][j], common[i][j + 1])
      }
    }
    var result = ""
    var gone = ""
    var added = ""
    func flush() {
      if !gone.allSatisfy(\.isWhitespace) { result += "[-\(gone)-]" }
      if added.allSatisfy(\.isWhitespace) { result += added } else { result += "{+\(added)+}" }
      (gone, added) = ("", "")
    }
    var (i, j) = (0, 0)
    while i < a.count || j < b.count {
      if i < a.count, j < b.count, a[i] == b[j] {
        flush()
        result += b[j]
        (i, j) = (i + 1, j + 1)
      } else if j < b.count, i == a.count || common[i][j + 1] >= common[i + 1][j] {
        added += b[j]
        j += 1
      } else {
        gone += a[i]
        i += 1
      }
    }
    flush()
    return result
  }

  /// Runs of letters and digits, and every other character by itself; wide ones, too, as scripts
  /// without spaces are written.
  private static func words(_ text: String) -> [String] {
    var words: [String] = []
    var word = ""
    for character in text {
      if (character.isLetter || character.isNumber), DisplayWidth.of(character) < 2 {
        word.append(character)
        continue
      }
      if !word.isEmpty { words.append(word) }
      word = ""
      words.append(String(character))
    }
    if !word.isEmpty { words.append(word) }
    return words
  }
}
