/// Breaks texts into lines of a width.
nonisolated enum TextWrap {
  /// The lines of a text, each at most so many columns wide: broken at spaces, inside a word that is
  /// wider than a line, and between characters of scripts that write no spaces.
  static func lines(_ text: String, width: Int) -> [String] {
    let width = max(2, width)
    var lines: [String] = []
    for paragraph in Sanitizer.text(text).split(separator: "\n", omittingEmptySubsequences: false) {
      var line = ""
      var used = 0
      func end() {
        while line.last == " " { line.removeLast() }
        lines.append(line)
        (line, used) = ("", 0)
      }
      for word in words(paragraph) {
        let wide = DisplayWidth.of(word)
        if used + wide <= width {
          line += word
          used += wide
          continue
        }
        // The space after a word may stand beyond the edge, where nobody sees it.
        let bare = word.last == " " ? String(word.dropLast()) : word
        if used + DisplayWidth.of(bare) <= width {
          line += bare
          end()
          continue
        }
        if used > 0 { end() }
        for character in word {
          let next = DisplayWidth.of(character)
          if used + next > width { end() }
          line.append(character)
          used += next
        }
      }
      if used > 0 || paragraph.isEmpty { end() }
    }
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.isEmpty ? [""] : lines
  }

  /// Words with the space behind them; a wide character is a word by itself.
  private static func words(_ text: Substring) -> [String] {
    var words: [String] = []
    var word = ""
    for character in text {
      if DisplayWidth.of(character) == 2 {
        if !word.isEmpty { words.append(word) }
        words.append(String(character))
        word = ""
        continue
      }
      word.append(character)
      if character == " " {
        words.append(word)
        word = ""
      }
    }
    if !word.isEmpty { words.append(word) }
    return words
  }
}
