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

  /// An item as read, in the form in which Notion takes it back.
  ///
  /// A user or page that is mentioned is named by its identity alone; a link preview, which Notion
  /// only makes itself, becomes a link.
  public static func writable(_ item: JSON) -> JSON {
    var members = JSON.Members()
    for name in ["type", "text", "mention", "equation", "annotations"] {
      if let value = item[name] { members[name] = value }
    }
    // Of a mention's text Notion makes nothing, but it tells two readings apart.
    if item["mention"] != nil, let text = item["plain_text"] { members["plain_text"] = text }
    guard let mention = item["mention"], let kind = mention["type"]?.string else {
      return .object(members)
    }
    switch kind {
    case "user", "page", "database", "custom_emoji":
      guard let id = mention[kind]?["id"] else { break }
      let named: JSON = ["id": id]
      members["mention"] = .object(JSON.Members([("type", .string(kind)), (kind, named)]))
    case "link_preview", "link_mention":
      let url = mention[kind]?["url"] ?? mention[kind]?["href"] ?? item["href"] ?? .null
      members["mention"] = nil
      members["type"] = "text"
      let link: JSON = url.isNull ? .null : ["url": url]
      members["text"] = ["content": item["plain_text"] ?? url, "link": link]
    default: break
    }
    return .object(members)
  }

  /// The items of a text that was formatted and whose words change.
  ///
  /// What stands in both texts keeps its style, its mentions and equations whole; new words take the
  /// style that surrounds them. A text that is mostly another one gets none of the old styles: a
  /// word that happens to come again would be bold for no reason.
  ///
  /// - Returns: `nil` when nothing of the old formatting is kept.
  public static func rewritten(_ old: JSON, to text: String) -> JSON? {
    let items = old.array ?? []
    guard items.contains(where: isFormatted) else { return nil }
    let tokens = items.enumerated().flatMap { index, item -> [Token] in
      let words = plainText(of: [item])
      guard item["type"]?.string == "text" || item["text"] != nil else {
        return [Token(text: words, item: index, isWhole: true)]
      }
      return Token.words(words).map { Token(text: $0, item: index, isWhole: false) }
    }
    let wanted = Token.words(text)
    guard tokens.count <= 4000, wanted.count <= 4000 else { return nil }
    var parts: [(text: String, item: Int?)] = []
    let kept = common(tokens, wanted)
    let said = tokens.reduce(0) { $0 + $1.text.count }
    let same = kept.reduce(0) { $0 + tokens[$1.old].text.count }
    guard same * 2 >= said, kept.contains(where: { isFormatted(items[tokens[$0.old].item]) }) else {
      return nil
    }
    var place = 0
    var before: Int?
    for match in kept {
      if place < match.new {
        let after = tokens[match.old].item
        // Between two pieces of one style the new words have it too.
        let style = before == after && !tokens[match.old].isWhole ? before : nil
        parts.append((wanted[place..<match.new].joined(), style))
      }
      parts.append((tokens[match.old].text, tokens[match.old].item))
      before = tokens[match.old].isWhole ? nil : tokens[match.old].item
      place = match.new + match.length
    }
    if place < wanted.count { parts.append((wanted[place...].joined(), nil)) }
    var result: [(text: String, item: Int?)] = []
    for part in parts {
      if let last = result.indices.last, result[last].item == part.item,
        part.item.map({ items[$0]["text"] != nil }) ?? true
      {
        result[last].text += part.text
      } else {
        result.append(part)
      }
    }
    let made = result.flatMap { part -> [JSON] in
      guard let index = part.item else {
        return split(part.text).map { ["type": "text", "text": ["content": .string($0)]] }
      }
      let item = writable(items[index])
      guard item["text"] != nil else { return [item] }
      let link: JSON = item["text"]?["link"] ?? .null
      return split(part.text).map { piece in
        var members = item.members ?? [:]
        members["text"] = ["content": .string(piece), "link": link]
        return .object(members)
      }
    }
    return made.count <= maximumItems ? .array(made) : nil
  }

  /// Whether an item is more than plain words.
  public static func isFormatted(_ item: JSON) -> Bool {
    guard let text = item["text"] else { return true }
    if let link = text["link"], !link.isNull { return true }
    return (item["annotations"]?.members ?? [:]).contains { name, value in
      value.bool == true || (name == "color" && value.string != "default")
    }
  }

  /// A word, a run of spaces, or a whole mention.
  private struct Token {
    let text: String
    let item: Int
    let isWhole: Bool

    static func words(_ text: String) -> [String] {
      var words: [String] = []
      var isWord = false
      for character in text {
        // Of scripts without spaces each character is a word.
        let goesOn =
          character.isLetter && character.unicodeScalars.allSatisfy { $0.value < 0x2E80 }
          || character.isNumber
        if goesOn, isWord, !words.isEmpty {
          words[words.count - 1].append(character)
        } else {
          words.append(String(character))
        }
        isWord = goesOn
      }
      return words
    }
  }

  /// The longest common run of tokens, in order; a mention may take several words of the new text.
  private static func common(
    _ old: [Token], _ new: [String]
  ) -> [(old: Int, new: Int, length: Int)] {
    var start = 0
    var matches: [(old: Int, new: Int, length: Int)] = []
    // The words of each token, so that a mention can be found among the new text's words.
    let lengths = old.map { $0.isWhole ? max(1, Token.words($0.text).count) : 1 }
    func fits(_ i: Int, _ j: Int) -> Bool {
      guard j + lengths[i] <= new.count else { return false }
      return lengths[i] == 1
        ? old[i].text == new[j] : old[i].text == new[j..<(j + lengths[i])].joined()
    }
    var i = 0
    while i < old.count, start < new.count, fits(i, start) {
      matches.append((i, start, lengths[i]))
      start += lengths[i]
      i += 1
    }
    var tail: [(old: Int, new: Int, length: Int)] = []
    var k = old.count
    var end = new.count
    while k > i, end - lengths[k - 1] >= start, fits(k - 1, end - lengths[k - 1]) {
      end -= lengths[k - 1]
      k -= 1
      tail.append((k, end, lengths[k]))
    }
    let rows = k - i
    let columns = end - start
    if rows > 0, columns > 0, rows * columns <= 4_000_000 {
      // Longest common subsequence of what lies between the equal ends.
      var best = [Int32](repeating: 0, count: (rows + 1) * (columns + 1))
      let width = columns + 1
      for a in stride(from: rows - 1, through: 0, by: -1) {
        for b in stride(from: columns - 1, through: 0, by: -1) {
          var value = max(best[(a + 1) * width + b], best[a * width + b + 1])
          let length = lengths[i + a]
          if b + length <= columns, fits(i + a, start + b) {
            value = max(value, best[(a + 1) * width + b + length] + Int32(length))
          }
          best[a * width + b] = value
        }
      }
      var (a, b) = (0, 0)
      while a < rows, b < columns {
        let length = lengths[i + a]
        if b + length <= columns, fits(i + a, start + b),
          best[a * width + b] == best[(a + 1) * width + b + length] + Int32(length)
        {
          matches.append((i + a, start + b, length))
          a += 1
          b += length
        } else if best[(a + 1) * width + b] >= best[a * width + b + 1] {
          a += 1
        } else {
          b += 1
        }
      }
    }
    return matches + tail.reversed()
  }
}
