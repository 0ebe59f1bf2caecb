import Foundation

/// Texts as they are compared.
enum Folding {
  /// For `contains` and its like, and for searching: letters whatever their case.
  static func lower(_ text: String) -> String {
    let lowered = text.lowercased()
    return isASCII(lowered) ? lowered : lowered.precomposedStringWithCanonicalMapping
  }

  /// For sorting, after an empty text: every other key comes before it.
  static let last = "\u{10FFFF}"

  /// How much of a text its order follows, in bytes of its key.
  private static let longest = 512

  /// For sorting: a text whose bytes compare as the texts do in natural order, which takes numbers
  /// by their value and letters whatever their case and width.
  static func naturalKey(_ text: String) -> String {
    guard !text.isEmpty else { return last }
    var folded = String(text.prefix(longest))
    if !isASCII(folded) { folded = folded.precomposedStringWithCompatibilityMapping }
    folded = folded.lowercased()
    var key = String.UnicodeScalarView()
    var size = 0
    var digits = Substring.UnicodeScalarView()
    func end(_ key: inout String.UnicodeScalarView) {
      // A number: any digit, how many digits follow, and the digits.
      let value = digits.drop { $0 == "0" }
      key.append("0")
      key.append(Unicode.Scalar(UInt8(truncatingIfNeeded: 33 + min(value.count, 90))))
      key.append(contentsOf: value)
      digits.removeAll()
    }
    for scalar in folded.unicodeScalars {
      if ("0"..."9").contains(scalar), digits.count < 90 {
        digits.append(scalar)
        continue
      }
      // SQLite's texts end at a zero.
      guard scalar != "\0" else { continue }
      if !digits.isEmpty { end(&key) }
      size += UTF8.width(scalar)
      guard size <= longest else { return String(key) }
      key.append(scalar)
    }
    if !digits.isEmpty { end(&key) }
    return String(key)
  }

  private static func isASCII(_ text: String) -> Bool { text.utf8.allSatisfy { $0 < 0x80 } }
}

extension String {
  /// Whether the bytes of another text are among these; of folded texts, whether one is in the other.
  func hasBytes(_ part: String) -> Bool {
    part.isEmpty || utf8.firstRange(of: part.utf8) != nil
  }
}
