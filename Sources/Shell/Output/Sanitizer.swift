/// Makes texts from outside harmless: what a terminal would obey becomes visible.
nonisolated enum Sanitizer {
  /// A text of several lines: line ends and tabs stay.
  static func text(_ raw: String) -> String { clean(raw, keepsLines: true) }

  /// A text for one line: line ends and tabs become visible, too.
  static func line(_ raw: String) -> String { clean(raw, keepsLines: false) }

  private static func clean(_ raw: String, keepsLines: Bool) -> String {
    if raw.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return raw }
    var result = String.UnicodeScalarView()
    for scalar in raw.unicodeScalars {
      switch scalar.value {
      case 0x0A:
        result.append(keepsLines ? scalar : "↵")
      case 0x09:
        result.append(contentsOf: (keepsLines ? "    " : " ").unicodeScalars)
      case 0x0D:
        result.append(contentsOf: "^M".unicodeScalars)
      case 0x1B: result.append("␛")
      case 0..<0x20:
        result.append(Unicode.Scalar(0x2400 + scalar.value) ?? "?")
      case 0x7F: result.append("␡")
      case 0x80..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F, 0x061C:
        result.append(
          contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
      case 0xFEFF, 0x2060, 0x200B, 0xE0000...0xE0FFF, 0xFFF9...0xFFFB, 0x180E:
        continue
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
