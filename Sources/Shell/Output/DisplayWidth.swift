/// How many columns texts take on a terminal.
nonisolated enum DisplayWidth {
  /// The columns of a character: its widest scalar; emoji, and what asks to be shown as one, take two.
  static func of(_ character: Character) -> Int {
    var width = 0
    for scalar in character.unicodeScalars {
      if scalar.value == 0xFE0F { return 2 }
      width = max(width, of(scalar))
    }
    return width
  }

  /// The columns of a text.
  static func of(_ text: String) -> Int {
    var width = 0
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text.utf8.count }
    for character in text { width += of(character) }
    return width
  }

  /// The rows that a text takes on a screen, escapes left out of account.
  static func rows(of text: String, columns: Int) -> Int {
    text.split(separator: "\n", omittingEmptySubsequences: false).reduce(0) { sum, line in
      sum + max(1, (of(Style.plain(String(line))) + columns - 1) / max(1, columns))
    }
  }

  private static func of(_ scalar: Unicode.Scalar) -> Int {
    let value = scalar.value
    if value < 0x20 || (0x7F..<0xA0).contains(value) { return 0 }
    if value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return value == 0xAD ? 1 : 0
    default: break
    }
    if (0x1160...0x11FF).contains(value) { return 0 }
    if isWide(value) || scalar.properties.isEmojiPresentation { return 2 }
    return 1
  }

  /// The East Asian wide and full-width blocks of Unicode 16.
  private static func isWide(_ value: UInt32) -> Bool {
    switch value {
    case 0x1100...0x115F, 0x231A...0x231B, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x33FF,
      0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6,
      0x16FE0...0x18DF2, 0x1B000...0x1B2FF, 0x1F200...0x1F2FF, 0x1FA70...0x1FAFF,
      0x20000...0x3FFFD:
      true
    default: false
    }
  }

  /// A text cut to so many columns, with … where it was cut; no character is split.
  static func cut(_ text: String, to columns: Int) -> String {
    guard of(text) > columns else { return text }
    guard columns > 0 else { return "" }
    var result = ""
    var width = 0
    for character in text {
      let next = of(character)
      if width + next > columns - 1 { break }
      result.append(character)
      width += next
    }
    return result + "…"
  }

  /// A text filled with spaces to so many columns.
  static func pad(_ text: String, to columns: Int, isRight: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, columns - of(text)))
    return isRight ? space + text : text + space
  }
}
