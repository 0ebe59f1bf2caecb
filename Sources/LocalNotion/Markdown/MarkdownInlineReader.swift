import Foundation
import Transport

/// Reads the words of one block: styles, links, formulas, mentions.
///
/// The time is linear in the text, whatever stands in it.
struct MarkdownInlineReader {
  let dialect: MarkdownDialect
  private var pieces: [Piece] = []
  private var delimiters: [Character: [Delimiter]] = [:]
  /// Styles that begin and end before a piece, by the number of pieces.
  private var edges: [Int: [(Style, Int)]] = [:]
  /// Closing tags that do not come any more.
  private var missing: Set<String> = []
  private var spans: [(name: String, style: [Style], start: Int)] = []

  /// What a piece of text says, before its style is known.
  private enum Piece {
    case text(String, link: String?)
    case code(String, link: String?)
    case formula(String)
    case mention(JSON)
    /// A marker of emphasis, or what is left of it.
    case marker(Character, Int, link: String?)
  }

  private enum Style: Hashable {
    case bold, italic, struck, underlined
    case color(String)
  }

  private struct Delimiter {
    let piece: Int
    let canClose: Bool
  }

  private init(dialect: MarkdownDialect) { self.dialect = dialect }

  /// The rich text of a text, as a request has it.
  static func read(_ text: some StringProtocol, _ dialect: MarkdownDialect) throws -> JSON {
    var reader = MarkdownInlineReader(dialect: dialect)
    try reader.read(Array(String(text)), link: nil)
    return reader.items()
  }

  private static let schemes = ["http://", "https://", "mailto:", "tel:", "/", "notion://"]

  // MARK: - Pieces

  private mutating func read(_ text: [Character], link: String?) throws {
    let brackets = MarkdownInlineReader.brackets(text)
    var plain = ""
    var at = 0
    var unclosed: Set<Int> = []
    func flushed() -> Piece? {
      defer { plain = "" }
      return plain.isEmpty ? nil : .text(plain, link: link)
    }
    func end(_ reader: inout Self) {
      if let piece = flushed() { reader.pieces.append(piece) }
    }
    while at < text.count {
      let character = text[at]
      let next = at + 1 < text.count ? text[at + 1] : nil
      switch character {
      case "\\":
        if next == "\n" {
          plain.append("\n")
          at += 2
        } else if let next, next.isASCII, next.isPunctuation || next.isSymbol {
          plain.append(next)
          at += 2
        } else {
          plain.append(character)
          at += 1
        }
        continue
      case "\n":
        // A line that only ends goes on.
        plain.append(" ")
        at += 1
        continue
      case "`":
        let count = MarkdownInlineReader.run(text, at)
        if !unclosed.contains(count),
          let close = MarkdownInlineReader.closing(text, at + count, count)
        {
          end(&self)
          pieces.append(
            .code(MarkdownInlineReader.unpadded(text[(at + count)..<close]), link: link))
          at = close + count
        } else {
          unclosed.insert(count)
          plain += String(repeating: "`", count: count)
          at += count
        }
        continue
      case "$":
        if let (formula, after) = MarkdownInlineReader.formula(text, at) {
          end(&self)
          pieces.append(.formula(formula))
          at = after
          continue
        }
      case "[":
        // A link is in no other link.
        if link == nil, let close = brackets[at] {
          let inner = String(text[(at + 1)..<close])
          if dialect == .enhanced, inner.hasPrefix("^"), inner.contains("://") {
            throw Refusal.validation(
              "The embedded workspace does not cover citations in Markdown: [\(inner)].")
          }
          // What Notion takes for no address stays as it is written.
          if let (address, after) = MarkdownInlineReader.address(text, close + 1),
            MarkdownInlineReader.schemes.contains(where: address.lowercased().hasPrefix)
          {
            end(&self)
            try read(Array(text[(at + 1)..<close]), link: address)
            at = after
            continue
          }
        }
      case "<":
        let rest = MarkdownInlineReader.tagLike(text, at)
        if let (tag, behind) = MarkdownTag.read(rest[...]) {
          let length = rest.count - behind.count
          end(&self)
          if let after = try self.tag(tag, text, at, at + length, link: link) {
            at = after
            continue
          }
        }
      case "*", "~", "_":
        guard character != "_" || dialect == .flavored else { break }
        let count = MarkdownInlineReader.run(text, at)
        guard character != "~" || count == 2 else {
          plain += String(repeating: character, count: count)
          at += count
          continue
        }
        end(&self)
        marker(character, count, text, at, link: link)
        at += count
        continue
      default: break
      }
      plain.append(character)
      at += 1
    }
    end(&self)
  }

  /// A tag inside words; `nil` when it is none of ours and stays as it is.
  private mutating func tag(
    _ tag: MarkdownTag, _ text: [Character], _ start: Int, _ after: Int, link: String?
  ) throws -> Int? {
    switch tag.name {
    case "br":
      pieces.append(.text("\n", link: link))
      return after
    case "span", "u":
      guard tag.name == "span" || dialect == .flavored else { return nil }
      if tag.isClosing {
        guard let index = spans.lastIndex(where: { $0.name == tag.name }) else { return nil }
        let span = spans.remove(at: index)
        for style in span.style { mark(style, from: span.start, to: pieces.count) }
        return after
      }
      var styles: [Style] = []
      if tag.name == "u" || tag.flag("underline") { styles.append(.underlined) }
      if let color = try MarkdownColor.read(tag.attributes["color"], at: "<span>")?.string {
        styles.append(.color(color))
      }
      guard !styles.isEmpty else { return nil }
      spans.append((tag.name, styles, pieces.count))
      return after
    case "equation":
      guard dialect == .flavored, !tag.isClosing,
        let close = find("</equation>", in: text, from: after)
      else { return nil }
      pieces.append(.formula(String(text[after..<close])))
      return close + 11
    case "mention-date", "date":
      guard !tag.isClosing, (tag.name == "date") == (dialect == .flavored) else { return nil }
      pieces.append(.mention(try MarkdownInlineReader.date(tag)))
      return after
    case "mention-user", "mention-page", "mention-database", "mention-data-source",
      "mention-agent", "mention":
      guard !tag.isClosing, (tag.name == "mention") == (dialect == .flavored) else { return nil }
      pieces.append(.mention(try MarkdownInlineReader.mention(tag)))
      guard !tag.isEmpty else { return after }
      let ending = "</\(tag.name)>"
      guard let close = find(ending, in: text, from: after) else {
        throw Refusal.validation("<\(tag.name)> has no \(ending).")
      }
      return close + ending.count
    default: return nil
    }
  }

  private static func mention(_ tag: MarkdownTag) throws -> JSON {
    let address = tag.attributes["url"] ?? ""
    guard let id = tag.id else {
      throw Refusal.validation("<\(tag.name)> needs the url of what it mentions, not “\(address)”.")
    }
    var kind = String(tag.name.dropFirst("mention-".count))
    if kind.isEmpty {
      kind =
        address.hasPrefix("user://")
        ? "user"
        : address.hasPrefix("collection://")
          ? "data-source"
          : address.hasPrefix("agent://") ? "agent" : tag.attributes["type"] ?? "page"
    }
    switch kind {
    case "user", "page", "database": break
    case "data-source":
      throw Refusal.validation(
        "The embedded workspace does not cover mentions of data sources; mention the database.")
    default:
      throw Refusal.validation("The embedded workspace does not cover mentions of \(kind)s.")
    }
    let named: JSON = ["id": .string(id)]
    return .object(JSON.Members([("type", .string(kind)), (kind, named)]))
  }

  private static func date(_ tag: MarkdownTag) throws -> JSON {
    func part(_ names: String...) -> String? { names.lazy.compactMap { tag.attributes[$0] }.first }
    guard let start = part("start") else {
      throw Refusal.validation("<\(tag.name)> needs a start, such as start=\"2026-07-04\".")
    }
    let zone = part("timezone", "time-zone")
    // An offset stands behind the time, a zone beside it.
    let offset = zone.flatMap { $0.first == "+" || $0.first == "-" || $0 == "Z" ? $0 : nil }
    func moment(_ day: String, _ time: String?) -> JSON {
      .string(time.map { "\(day)T\($0)\(offset ?? "")" } ?? day)
    }
    let startTime = part("starttime", "start-time")
    var date: JSON.Members = ["start": moment(start, startTime)]
    if let end = part("end") { date["end"] = moment(end, part("endtime", "end-time")) }
    if let zone, offset == nil, startTime != nil { date["time_zone"] = .string(zone) }
    return ["type": "date", "date": .object(date)]
  }

  // MARK: - Emphasis

  private mutating func marker(
    _ character: Character, _ count: Int, _ text: [Character], _ at: Int, link: String?
  ) {
    let before = at > 0 ? text[at - 1] : " "
    let after = at + count < text.count ? text[at + count] : " "
    var canOpen = !after.isWhitespace
    var canClose = !before.isWhitespace
    if character == "_" {
      canOpen = canOpen && !(before.isLetter || before.isNumber)
      canClose = canClose && !(after.isLetter || after.isNumber)
    }
    let both = canOpen && canClose
    var rest = count
    let place = pieces.count
    pieces.append(.marker(character, count, link: link))
    while canClose, rest > 0,
      let index = opener(of: character, count: rest, isBoth: both)
    {
      let open = delimiters[character, default: []][index]
      guard case .marker(_, let held, let openLink) = pieces[open.piece], held > 0 else { break }
      let used = min(2, min(held, rest))
      guard character != "~" || used == 2 else { break }
      mark(
        character == "~" ? .struck : used == 2 ? .bold : .italic, from: open.piece + 1, to: place)
      rest -= used
      pieces[open.piece] = .marker(character, held - used, link: openLink)
      pieces[place] = .marker(character, rest, link: link)
      delimiters[character]?.removeSubrange((index + (held > used ? 1 : 0))...)
    }
    if rest > 0, canOpen {
      delimiters[character, default: []].append(
        Delimiter(piece: place, canClose: canClose))
    }
  }

  /// The nearest marker that this one ends, by CommonMark's rule of three, which counts what is left
  /// of a marker here, so that `***a**b**c***` is as it was written.
  private func opener(of character: Character, count: Int, isBoth: Bool) -> Int? {
    let open = delimiters[character, default: []]
    for index in open.indices.reversed().prefix(32) {
      guard case .marker(_, let left, _) = pieces[open[index].piece] else { continue }
      let odd = (isBoth || open[index].canClose) && (left + count) % 3 == 0
      if !odd || (left % 3 == 0 && count % 3 == 0) { return index }
    }
    return nil
  }

  private mutating func mark(_ style: Style, from start: Int, to end: Int) {
    guard start < end else { return }
    edges[start, default: []].append((style, 1))
    edges[end, default: []].append((style, -1))
  }

  // MARK: - Items

  private func items() -> JSON {
    var counts: [Style: Int] = [:]
    var runs: [(text: String, link: String?, annotations: JSON.Members)] = []
    var result: [JSON] = []
    func flush() {
      for run in runs {
        var text: JSON.Members = [:]
        if let link = run.link { text["link"] = ["url": .string(link)] }
        for part in MarkdownInlineReader.split(run.text) {
          text["content"] = .string(part)
          var item: JSON.Members = ["type": "text", "text": .object(text)]
          if !run.annotations.isEmpty { item["annotations"] = .object(run.annotations) }
          result.append(.object(item))
        }
      }
      runs = []
    }
    func add(_ text: String, _ link: String?, _ annotations: JSON.Members) {
      guard !text.isEmpty else { return }
      if let last = runs.indices.last, runs[last].link == link,
        runs[last].annotations == annotations
      {
        runs[last].text += text
      } else {
        runs.append((text, link, annotations))
      }
    }
    // A style that is opened and never closed is none.
    for (index, piece) in pieces.enumerated() {
      for (style, change) in edges[index] ?? [] { counts[style, default: 0] += change }
      let styles = Set(counts.filter { $0.value > 0 }.keys)
      var annotations: JSON.Members = [:]
      if styles.contains(.bold) { annotations["bold"] = true }
      if styles.contains(.italic) { annotations["italic"] = true }
      if styles.contains(.struck) { annotations["strikethrough"] = true }
      if styles.contains(.underlined) { annotations["underline"] = true }
      for case .color(let color) in styles { annotations["color"] = .string(color) }
      func other(_ kind: String, _ value: JSON) {
        flush()
        var item: JSON.Members = ["type": .string(kind), kind: value]
        if !annotations.isEmpty { item["annotations"] = .object(annotations) }
        result.append(.object(item))
      }
      switch piece {
      case .text(let text, let link): add(text, link, annotations)
      case .marker(let character, let count, let link):
        add(String(repeating: character, count: count), link, annotations)
      case .code(let text, let link):
        annotations["code"] = true
        add(text, link, annotations)
      case .formula(let text): other("equation", ["expression": .string(text)])
      case .mention(let mention): other("mention", mention)
      }
    }
    flush()
    return .array(result)
  }

  /// A text in parts of at most 2,000 units, which is what one item holds.
  static func split(_ text: String) -> [String] {
    guard text.utf16.count > 2000 else { return [text] }
    var parts: [String] = []
    var part = ""
    var size = 0
    for character in text {
      let count = character.utf16.count
      if size + count > 2000 {
        parts.append(part)
        part = ""
        size = 0
      }
      part.append(character)
      size += count
    }
    return parts + [part]
  }

  // MARK: - Scanning

  private static func run(_ text: [Character], _ start: Int) -> Int {
    var end = start
    while end < text.count, text[end] == text[start] { end += 1 }
    return end - start
  }

  /// Where the next run of so many backticks begins.
  private static func closing(_ text: [Character], _ start: Int, _ count: Int) -> Int? {
    var at = start
    while at < text.count {
      guard text[at] == "`" else {
        at += 1
        continue
      }
      let length = run(text, at)
      if length == count { return at }
      at += length
    }
    return nil
  }

  private static func unpadded(_ code: ArraySlice<Character>) -> String {
    guard code.count > 2, code.first == " ", code.last == " ", code.contains(where: { $0 != " " })
    else { return String(code) }
    return String(code.dropFirst().dropLast())
  }

  /// `$x$`, and `` $`x`$ `` for what has a dollar in it.
  private static func formula(_ text: [Character], _ start: Int) -> (String, Int)? {
    guard start + 2 < text.count else { return nil }
    if text[start + 1] == "`" {
      guard let close = closing(text, start + 2, 1), close + 1 < text.count, text[close + 1] == "$",
        close > start + 2
      else { return nil }
      return (String(text[(start + 2)..<close]), close + 2)
    }
    guard !text[start + 1].isWhitespace, text[start + 1] != "$" else { return nil }
    var at = start + 1
    while at < text.count, text[at] != "$", text[at] != "\n" { at += text[at] == "\\" ? 2 : 1 }
    guard at < text.count, text[at] == "$", !text[at - 1].isWhitespace,
      at + 1 == text.count || !text[at + 1].isNumber
    else { return nil }
    return (String(text[(start + 1)..<at]), at + 1)
  }

  /// The text from one `<` up to the next `>`, before another `<`.
  private static func tagLike(_ text: [Character], _ start: Int) -> String {
    var end = start + 1
    while end < text.count, end - start < 2_200, text[end] != "<", text[end] != "\n" {
      end += 1
      if text[end - 1] == ">" { break }
    }
    return String(text[start..<end])
  }

  /// The bracket that ends each bracket.
  private static func brackets(_ text: [Character]) -> [Int: Int] {
    var open: [Int] = []
    var result: [Int: Int] = [:]
    var at = 0
    while at < text.count {
      switch text[at] {
      case "\\": at += 1
      case "[": open.append(at)
      case "]": if let start = open.popLast() { result[start] = at }
      default: break
      }
      at += 1
    }
    return result
  }

  /// The address of a link in brackets that begin here, and what is behind them.
  private static func address(_ text: [Character], _ start: Int) -> (String, Int)? {
    guard start < text.count, text[start] == "(" else { return nil }
    var depth = 1
    var at = start + 1
    var address = ""
    while at < text.count, address.count <= 2_100 {
      let character = text[at]
      // Another bracket is another link's, but in `http://[::1]/`.
      if character.isWhitespace || (character == "[" && !address.hasSuffix("://")) { return nil }
      if character == "\\", at + 1 < text.count, text[at + 1].isASCII, text[at + 1].isPunctuation {
        address.append(text[at + 1])
        at += 2
        continue
      }
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if depth == 0 { return address.isEmpty ? nil : (address, at + 1) }
      address.append(character)
      at += 1
    }
    return nil
  }

  private mutating func find(_ ending: String, in text: [Character], from start: Int) -> Int? {
    guard !missing.contains(ending) else { return nil }
    let words = Array(ending)
    var at = start
    while at + words.count <= text.count {
      if text[at] == words[0], text[at..<(at + words.count)].elementsEqual(words) { return at }
      at += 1
    }
    missing.insert(ending)
    return nil
  }
}
