import Transport

/// Writes rich text as Notion's Markdown has it.
struct MarkdownInlineWriter {
  let dialect: MarkdownDialect
  /// What a line break is.
  let lineBreak: String

  private enum Span: Hashable {
    case link(String), color(String), underlined, struck, bold, italic
  }

  private struct Run {
    var text: String
    var spans: Set<Span>
    /// Whether the text is written already.
    var isDone: Bool
  }

  /// The Markdown of items as they are read.
  ///
  /// - Parameter isOneLine: Whether a line break must not end the line.
  static func write(_ items: JSON, _ dialect: MarkdownDialect, isOneLine: Bool = false) -> String {
    let lineBreak = dialect == .flavored && !isOneLine ? "\\\n" : "<br>"
    let writer = MarkdownInlineWriter(dialect: dialect, lineBreak: lineBreak)
    var runs: [Run] = []
    for item in items.array ?? [] {
      let run = writer.run(item)
      if let last = runs.indices.last, !run.isDone, !runs[last].isDone,
        runs[last].spans == run.spans
      {
        runs[last].text += run.text
      } else {
        runs.append(run)
      }
    }
    return writer.write(runs[...])
  }

  private func run(_ item: JSON) -> Run {
    let look = item["annotations"]
    var spans: Set<Span> = []
    if look?["bold"]?.bool == true { spans.insert(.bold) }
    if look?["italic"]?.bool == true { spans.insert(.italic) }
    if look?["strikethrough"]?.bool == true { spans.insert(.struck) }
    if look?["underline"]?.bool == true { spans.insert(.underlined) }
    if let color = MarkdownColor.word(look?["color"]) { spans.insert(.color(color)) }
    let text = item["plain_text"]?.string ?? ""
    if let expression = item["equation"]?["expression"]?.string {
      return Run(text: formula(expression), spans: spans, isDone: true)
    }
    if let mention = item["mention"] {
      let words = self.mention(mention, text)
      return Run(text: words ?? text, spans: spans, isDone: words != nil)
    }
    if let link = item["href"]?.string { spans.insert(.link(link)) }
    if look?["code"]?.bool == true {
      return Run(text: code(text), spans: spans, isDone: true)
    }
    return Run(text: text, spans: spans, isDone: false)
  }

  private func formula(_ text: String) -> String {
    let text = text.replacing("\n", with: " ")
    let isPlain =
      !text.contains("$") && text.first?.isWhitespace == false && text.last?.isWhitespace == false
    if isPlain { return "$\(text)$" }
    return dialect == .flavored ? "<equation>\(text)</equation>" : "$`\(text)`$"
  }

  private func code(_ text: String) -> String {
    let text = text.replacing("\n", with: " ")
    let longest = text.split { $0 != "`" }.map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: longest + 1)
    let pad =
      text.hasPrefix("`") || text.hasSuffix("`") || (text.hasPrefix(" ") && text.hasSuffix(" "))
      ? " " : ""
    return fence + pad + text + pad + fence
  }

  /// The tag of a mention; `nil` for kinds that are plain words.
  private func mention(_ mention: JSON, _ text: String) -> String? {
    let kind = mention["type"]?.string ?? ""
    let id = mention[kind]?["id"]?.string ?? ""
    let name = escaped(text.hasPrefix("@") ? String(text.dropFirst()) : text)
    switch kind {
    case "user":
      return dialect == .flavored
        ? "<mention url=\"user://\(id)\">\(name)</mention>"
        : "<mention-user url=\"user://\(id)\">\(name)</mention-user>"
    case "page", "database":
      let address = "https://www.notion.so/\(Identity.undashed(id))"
      guard dialect == .flavored else {
        return "<mention-\(kind) url=\"\(address)\">\(name)</mention-\(kind)>"
      }
      let type = kind == "database" ? " type=\"database\"" : ""
      return "<mention url=\"\(address)\"\(type)>\(name)</mention>"
    case "date": return date(mention["date"] ?? [:])
    case "link_mention":
      let address = mention["link_mention"]?["href"]?.string ?? ""
      return "[\(name)](\(MarkdownInlineWriter.address(address)))"
    default: return nil
    }
  }

  private func date(_ date: JSON) -> String {
    var zone: String?
    func attributes(_ name: String) -> String {
      guard let text = date[name]?.string else { return "" }
      guard let mark = text.firstIndex(of: "T") else {
        return MarkdownTag.attribute(name, text)
      }
      let time = text[text.index(after: mark)...]
      let end = String(time.dropFirst(12))
      zone = end.isEmpty || end == "+00:00" || end == "Z" ? "UTC" : end
      let timeName = dialect == .flavored ? "\(name)-time" : "\(name)Time"
      return MarkdownTag.attribute(name, String(text[..<mark]))
        + MarkdownTag.attribute(timeName, String(time.prefix(5)))
    }
    let parts = attributes("start") + attributes("end")
    let zoneName = dialect == .flavored ? "time-zone" : "timeZone"
    let tag = dialect == .flavored ? "date" : "mention-date"
    return "<\(tag)\(parts)\(MarkdownTag.attribute(zoneName, zone))/>"
  }

  // MARK: - Spans

  /// Writes runs; what goes on the longest goes around the others.
  private func write(_ runs: ArraySlice<Run>) -> String {
    var text = ""
    var rest = runs
    while let run = rest.first {
      var longest: (span: Span, count: Int)?
      for span in MarkdownInlineWriter.order(run.spans) {
        let count = rest.prefix { $0.spans.contains(span) }.count
        if count > longest?.count ?? 0 { longest = (span, count) }
      }
      guard let (span, count) = longest else {
        text += run.isDone ? run.text : escaped(run.text)
        rest = rest.dropFirst()
        continue
      }
      var part = Array(rest.prefix(count))
      for index in part.indices { part[index].spans.remove(span) }
      text += wrapped(part, in: span)
      rest = rest.dropFirst(count)
    }
    return text
  }

  private static func order(_ spans: Set<Span>) -> [Span] {
    spans.sorted { rank($0) < rank($1) }
  }

  private static func rank(_ span: Span) -> Int {
    switch span {
    case .link: 0
    case .color: 1
    case .underlined: 2
    case .struck: 3
    case .bold: 4
    case .italic: 5
    }
  }

  private func wrapped(_ runs: [Run], in span: Span) -> String {
    let inner = write(runs[...])
    switch span {
    case .link(let address): return "[\(inner)](\(MarkdownInlineWriter.address(address)))"
    case .color(let color): return "<span color=\"\(color)\">\(inner)</span>"
    case .underlined:
      return dialect == .flavored ? "<u>\(inner)</u>" : "<span underline=\"true\">\(inner)</span>"
    case .struck: return emphasis(inner, "~~")
    case .bold: return emphasis(inner, "**")
    case .italic: return emphasis(inner, "*")
    }
  }

  /// Markers beside a space say nothing, so spaces at the edges go outside.
  private func emphasis(_ inner: String, _ marker: String) -> String {
    let leading = inner.prefix { $0.isWhitespace }
    let rest = inner.dropFirst(leading.count)
    var end = rest.endIndex
    while end > rest.startIndex, rest[rest.index(before: end)].isWhitespace {
      end = rest.index(before: end)
    }
    guard !rest[..<end].isEmpty else { return inner }
    return leading + marker + rest[..<end] + marker + rest[end...]
  }

  /// An address that ends where the link's bracket does.
  static func address(_ text: String) -> String {
    var depth = 0
    var isBalanced = true
    for character in text {
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if depth < 0 { isBalanced = false }
    }
    let plain = text.replacing("\\", with: "\\\\").replacing(" ", with: "%20")
      .replacing("\n", with: "%0A")
    guard !isBalanced || depth != 0 else { return plain }
    return plain.replacing("(", with: "\\(").replacing(")", with: "\\)")
  }

  private static let marks: [MarkdownDialect: Set<Character>] = [
    .enhanced: Set("\\*~`$[]<>{}|^"), .flavored: Set("\\*_~`$[]<>|"),
  ]

  private func escaped(_ text: String) -> String {
    let marks = MarkdownInlineWriter.marks[dialect] ?? []
    var result = ""
    let characters = Array(text)
    for (index, character) in characters.enumerated() {
      if character == "\n" {
        // A line that ends a text, or begins with a space, is one by a tag only.
        let next = index + 1 < characters.count ? characters[index + 1] : " "
        result += next.isWhitespace || index == 0 ? "<br>" : lineBreak
      } else {
        if marks.contains(character) { result.append("\\") }
        result.append(character)
      }
    }
    return result
  }
}
