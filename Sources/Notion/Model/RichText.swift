public import Transport

/// Notion's rich text: arrays of styled items.
public enum RichText {
  /// The most UTF-16 units in one item.
  public static let maximumUnits = 2000
  /// The most items in one array.
  public static let maximumItems = 100

  /// The text of an array of items, styles left out.
  public static func plainText(of items: JSON) -> String {
    guard let items = items.array else { return "" }
    return items.map { item in
      item["plain_text"]?.string ?? item["text"]?["content"]?.string
        ?? item["equation"]?["expression"]?.string ?? ""
    }.joined()
  }

  /// Items for a plain text, each within Notion's limit, no character cut in two.
  ///
  /// - Throws: ``PropertyError`` when more than 100 items would be needed.
  public static func items(for text: String) throws(PropertyError) -> JSON {
    let parts = split(text)
    guard parts.count <= maximumItems else {
      throw PropertyError(
        "the text is too long for a property: \(text.count) characters, and Notion takes about "
          + "\(maximumItems * maximumUnits)")
    }
    return .array(parts.map { ["type": "text", "text": ["content": .string($0)]] })
  }

  /// A text in pieces of at most 2,000 UTF-16 units, cut between characters.
  ///
  /// A single character longer than that (thousands of combining marks) is cut between its scalars.
  public static func split(_ text: String) -> [String] {
    guard text.utf16.count > maximumUnits else { return text.isEmpty ? [] : [text] }
    var parts: [String] = []
    var part = ""
    var units = 0
    func flush() {
      if !part.isEmpty { parts.append(part) }
      part = ""
      units = 0
    }
    for character in text {
      let size = character.utf16.count
      if size > maximumUnits {
        flush()
        for scalar in character.unicodeScalars {
          let scalarSize = scalar.utf16.count
          if units + scalarSize > maximumUnits { flush() }
          part.unicodeScalars.append(scalar)
          units += scalarSize
        }
        continue
      }
      if units + size > maximumUnits { flush() }
      part.append(character)
      units += size
    }
    flush()
    return parts
  }
}
