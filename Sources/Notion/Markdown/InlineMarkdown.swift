import Transport

/// How a run of text looks.
struct InlineStyle: Hashable {
  var isBold = false
  var isItalic = false
  var isStruck = false
  var isCode = false
  var link: String?

  /// An address that Notion takes as a link; others stay plain text.
  static func address(_ text: String) -> String? {
    let lower = text.lowercased()
    guard ["http://", "https://", "mailto:", "tel:"].contains(where: lower.hasPrefix),
      text.utf16.count <= 2000
    else { return nil }
    return text
  }
}

/// What a run says: words, a formula, or a mention of a person, page or day.
///
/// A mention is written as a link of its own kind: `[@Ada](user://UUID)`, `[Plan](page://UUID)`,
/// `[Tasks](database://UUID)`, `[2025-01-31](date:2025-01-31)`.
struct InlineRun {
  var text: String
  var style: InlineStyle
  /// Whether the text is a formula's.
  var isFormula = false
  /// Whether it is a formula that stands by itself.
  var isBlockFormula = false
  /// What is mentioned, in Notion's form.
  var mention: JSON?
  /// The address of the image that it names.
  var imageAddress: String?

  init(text: String, style: InlineStyle, isFormula: Bool = false, mention: JSON? = nil) {
    self.text = text
    self.style = style
    self.isFormula = isFormula
    self.mention = mention
  }

  private var isWords: Bool { !isFormula && mention == nil }

  /// What a link of ours mentions; `nil` for any other.
  static func mention(_ address: String) -> JSON? {
    for kind in ["user", "page", "database"] where address.hasPrefix("\(kind)://") {
      guard let id = NotionID(parsing: String(address.dropFirst(kind.count + 3))) else {
        return nil
      }
      let named: JSON = ["id": .string(id.description)]
      return .object(JSON.Members([("type", .string(kind)), (kind, named)]))
    }
    guard address.hasPrefix("date:") else { return nil }
    let parts = address.dropFirst(5).split(separator: "/").map(String.init)
    guard (1...2).contains(parts.count), parts.allSatisfy(ISODate.isValid) else {
      return nil
    }
    let end: JSON = parts.count > 1 ? .string(parts[1]) : .null
    return ["type": "date", "date": ["start": .string(parts[0]), "end": end]]
  }

  /// The link that stands for a mention; `nil` for kinds that are read as text.
  private static func address(of mention: JSON) -> String? {
    switch mention["type"]?.string {
    case "user": return mention["user"]?["id"]?.string.map { "user://\($0)" }
    case "page": return mention["page"]?["id"]?.string.map { "page://\($0)" }
    case "database": return mention["database"]?["id"]?.string.map { "database://\($0)" }
    case "date":
      guard let start = mention["date"]?["start"]?.string else { return nil }
      return "date:\(start)" + (mention["date"]?["end"]?.string.map { "/\($0)" } ?? "")
    default: return nil
    }
  }

  /// Notion's items for runs, neighbours of one style joined, each within the limit.
  static func items(_ runs: [InlineRun]) -> JSON {
    .array(
      joined(runs).flatMap { run -> [JSON] in
        var annotations = JSON.Members()
        if run.style.isBold { annotations["bold"] = true }
        if run.style.isItalic { annotations["italic"] = true }
        if run.style.isStruck { annotations["strikethrough"] = true }
        if run.style.isCode { annotations["code"] = true }
        func item(_ kind: String, _ value: JSON) -> JSON {
          var item = JSON.Members([("type", .string(kind)), (kind, value)])
          if !annotations.isEmpty { item["annotations"] = .object(annotations) }
          return .object(item)
        }
        if run.isFormula { return [item("equation", ["expression": .string(run.text)])] }
        if let mention = run.mention {
          var members = item("mention", mention).members ?? [:]
          members["plain_text"] = .string(run.text)
          return [.object(members)]
        }
        return RichText.split(run.text).map { part in
          var text: JSON.Members = ["content": .string(part)]
          if let link = run.style.link { text["link"] = ["url": .string(link)] }
          return item("text", .object(text))
        }
      })
  }

  private static func joined(_ runs: [InlineRun]) -> [InlineRun] {
    var joined: [InlineRun] = []
    for run in runs where !run.text.isEmpty {
      if let last = joined.indices.last, run.isWords, joined[last].isWords,
        joined[last].style == run.style
      {
        joined[last].text += run.text
      } else {
        joined.append(run)
      }
    }
    return joined
  }

  /// The Markdown of Notion's items.
  ///
  /// - Parameters:
  ///   - lineBreak: What stands for a line break; a heading has one line only.
  ///   - isCell: Whether they stand in a table's cell.
  static func markdown(
    _ items: JSON, lineBreak: String = "\n", isCell: Bool = false
  ) -> String {
    let runs = (items.array ?? []).map { item -> InlineRun in
      var style = InlineStyle()
      style.isBold = item["annotations"]?["bold"]?.bool ?? false
      style.isItalic = item["annotations"]?["italic"]?.bool ?? false
      style.isStruck = item["annotations"]?["strikethrough"]?.bool ?? false
      style.isCode = item["annotations"]?["code"]?.bool ?? false
      let text = RichText.plainText(of: [item])
      if item["equation"] != nil { return InlineRun(text: text, style: style, isFormula: true) }
      style.link = item["text"]?["link"]?["url"]?.string ?? item["href"]?.string
      if let mention = item["mention"], let address = address(of: mention) {
        style.link = address
      }
      return InlineRun(text: text, style: style)
    }
    let text = runs.map(\.text).joined()
    let hasLinks =
      runs.contains { $0.style.link != nil }
      || ["](", "]:", "]["].contains(where: text.contains)
    var writer = InlineWriter(
      lineBreak: isCell ? "<br>" : lineBreak, isCell: isCell, hasLinks: hasLinks)
    writer.write(joined(runs)[...])
    return writer.text
  }
}

/// Writes runs as Markdown, so that a parser of CommonMark reads the same styles again.
struct InlineWriter {
  private(set) var text = ""
  private let lineBreak: String
  /// The character before a marker beside which the next letter must not stand.
  private var edge: Unicode.Scalar?

  /// Whether a bar would end the cell.
  private let isCell: Bool
  /// Whether a bracket could be a link's; brackets alone say nothing.
  private let hasLinks: Bool

  init(lineBreak: String, isCell: Bool, hasLinks: Bool) {
    self.lineBreak = lineBreak
    self.isCell = isCell
    self.hasLinks = hasLinks
  }

  private enum Span {
    case link(String), bold, italic, struck

    func holds(_ style: InlineStyle) -> Bool {
      switch self {
      case .link(let address): style.link == address
      case .bold: style.isBold
      case .italic: style.isItalic
      case .struck: style.isStruck
      }
    }

    func removed(from style: InlineStyle) -> InlineStyle {
      var style = style
      switch self {
      case .link: style.link = nil
      case .bold: style.isBold = false
      case .italic: style.isItalic = false
      case .struck: style.isStruck = false
      }
      return style
    }
  }

  /// Writes runs; the style that goes on the longest goes around the others.
  mutating func write(_ runs: ArraySlice<InlineRun>) {
    var rest = runs
    while let run = rest.first {
      var spans: [Span] = []
      if let link = run.style.link { spans.append(.link(link)) }
      if run.style.isBold { spans.append(.bold) }
      if run.style.isItalic { spans.append(.italic) }
      if run.style.isStruck { spans.append(.struck) }
      let lengths = spans.map { span in
        rest.prefix { span.holds($0.style) }.count
      }
      guard let longest = lengths.max(), let place = lengths.firstIndex(of: longest) else {
        write(run)
        rest = rest.dropFirst()
        continue
      }
      let part = rest.prefix(longest)
      rest = rest.dropFirst(longest)
      write(
        part.map { run in
          InlineRun(
            text: run.text, style: spans[place].removed(from: run.style), isFormula: run.isFormula,
            mention: run.mention)
        }, in: spans[place])
    }
  }

  /// Writes runs between the markers of a style; spaces at the edges go outside.
  private mutating func write(_ runs: [InlineRun], in span: Span) {
    var runs = runs
    var leading = ""
    var trailing = ""
    while let first = runs.first, first.isPlain {
      let spaces = first.text.prefix { $0.isWhitespace }
      leading += spaces
      guard spaces.count == first.text.count else {
        runs[0].text = String(first.text.dropFirst(spaces.count))
        break
      }
      runs.removeFirst()
    }
    while let last = runs.last, last.isPlain {
      let spaces = String(last.text.reversed().prefix { $0.isWhitespace }.reversed())
      trailing = spaces + trailing
      guard spaces.count == last.text.count else {
        runs[runs.count - 1].text = String(last.text.dropLast(spaces.count))
        break
      }
      runs.removeLast()
    }
    add(leading)
    if !runs.isEmpty {
      switch span {
      case .link(let address): link(runs, address)
      case .bold: emphasis(runs, text.last == "*" ? "__" : "**")
      case .italic: emphasis(runs, text.last == "*" ? "_" : "*")
      case .struck: emphasis(runs, "~~")
      }
    }
    add(trailing)
  }

  private mutating func link(_ runs: [InlineRun], _ address: String) {
    if runs.count == 1, runs[0].isPlain, runs[0].text == address,
      InlineStyle.address(address) != nil,
      !address.contains(where: { $0.isWhitespace || $0 == "<" || $0 == ">" })
    {
      add("<\(address)>")
      return
    }
    // `!` before a link would make it an image.
    if text.last == "!" { text = String(text.dropLast()) + "\\!" }
    add("[")
    write(runs[...])
    let isPlain = !address.contains { $0.isWhitespace || "()<>\\".contains($0) }
    add(
      "]("
        + (isPlain
          ? address
          : "<\(address.replacing("<", with: "%3C").replacing(">", with: "%3E").replacing("\\", with: "%5C").replacing("\n", with: "%0A"))>")
        + ")")
  }

  /// Markers count only where letters and punctuation stand rightly around them; a neighbour that
  /// does not is written as a reference, which reads as punctuation and says the same.
  private mutating func emphasis(_ runs: [InlineRun], _ marker: String) {
    var inner = InlineWriter(lineBreak: lineBreak, isCell: isCell, hasLinks: hasLinks)
    inner.write(runs[...])
    let first = inner.text.unicodeScalars.first.map(InlineWriter.kind) ?? .space
    let before = text.unicodeScalars.last.map(InlineWriter.kind) ?? .space
    let needsGap = marker.hasPrefix("_") ? before == .letter : before == .letter && first == .mark
    if needsGap, let last = text.unicodeScalars.last,
      !InlineWriter.areOfOneKind(inner.text.unicodeScalars.first, last)
    {
      text.unicodeScalars.removeLast()
      text += "&#\(last.value);"
    }
    add(marker + inner.text + marker)
    let last = inner.text.unicodeScalars.last
    edge = marker.hasPrefix("_") ? "_" : last.flatMap { InlineWriter.kind($0) == .mark ? $0 : nil }
  }

  /// Whether a mark stands by a letter of a script without spaces, where none of the rule applies.
  private static func areOfOneKind(_ mark: Unicode.Scalar?, _ letter: Unicode.Scalar) -> Bool {
    letter.value >= 0x3000 && (mark.map(MarkdownSource.isWideMark) ?? false)
  }

  private enum Kind {
    case space, letter, mark
  }

  /// What a character is for CommonMark's rule, with the one difference that ``MarkdownSource`` makes.
  private static func kind(_ scalar: Unicode.Scalar) -> Kind {
    if scalar.properties.isWhitespace { return .space }
    if scalar.value >= 0x3000, MarkdownSource.isWideMark(scalar) { return .letter }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
      .initialPunctuation, .finalPunctuation, .otherPunctuation:
      return .mark
    default: return "$+<=>^`|~".unicodeScalars.contains(scalar) ? .mark : .letter
    }
  }

  private mutating func write(_ run: InlineRun) {
    if run.isFormula {
      let isPlain =
        !run.text.contains { "$`\n".contains($0) }
        && run.text.first?.isWhitespace == false && run.text.last?.isWhitespace == false
      add(isPlain ? "$\(run.text)$" : "\\(\(run.text.replacing("\n", with: " "))\\)")
      return
    }
    guard run.style.isCode else { return add(escaped(run.text)) }
    var code = run.text.replacing("\n", with: " ")
    if isCell { code = code.replacing("|", with: "\\|") }
    let longest = code.split(whereSeparator: { $0 != "`" }).map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: longest + 1)
    let needsPad =
      code.hasPrefix("`") || code.hasSuffix("`")
      || (code.hasPrefix(" ") && code.hasSuffix(" ") && !code.allSatisfy { $0 == " " })
    let pad = needsPad ? " " : ""
    add(fence + pad + code + pad + fence)
  }

  private mutating func add(_ more: String) {
    guard let first = more.unicodeScalars.first else { return }
    if let edge, InlineWriter.kind(first) == .letter, !InlineWriter.areOfOneKind(edge, first) {
      text += "&#\(first.value);"
      text.unicodeScalars.append(contentsOf: more.unicodeScalars.dropFirst())
    } else {
      text += more
    }
    edge = nil
  }

  /// Whether a text begins like the box of a task.
  private func isBox(_ text: ArraySlice<Character>) -> Bool {
    let start = text.prefix(3)
    return start.count == 3 && start.last == "]"
      && start.dropFirst().first.map { " xX".contains($0) } ?? false
  }

  /// A text with what Markdown would take for a marker escaped.
  private func escaped(_ text: String) -> String {
    // Two dollars that would make a formula of what is between.
    let hasFormula =
      text.contains("$") || text.contains("\\(")
      ? text.split(separator: "\n").contains { line in
        MarkdownSource.pieces(line).contains { if case .formula = $0 { true } else { false } }
      } : false
    var result = ""
    let characters = Array(text)
    for (index, character) in characters.enumerated() {
      let next = index + 1 < characters.count ? characters[index + 1] : nil
      switch character {
      case "\n":
        result += lineBreak
        continue
      case "\\", "`", "*", "_", "~": result.append("\\")
      case "[" where hasLinks || next == "!" || isBox(characters[index...]):
        result.append("\\")
      case "|" where isCell: result.append("\\")
      case "$" where hasFormula: result.append("\\")
      case "<":
        // `<br` is a line break, and an escaped one is none.
        if characters[(index + 1)...].prefix(2).elementsEqual("br") {
          result += "&lt;"
          continue
        }
        if next.map({ $0.isLetter || "/!?".contains($0) }) ?? true { result.append("\\") }
      case ">" where index == 0 || characters[index - 1] == "\n":
        result.append("\\")
      case "&" where next.map { $0 == "#" || ($0.isASCII && $0.isLetter) } ?? false:
        result.append("\\")
      case "!" where next == "[" && hasLinks: result.append("\\")
      default: break
      }
      result.append(character)
    }
    return result
  }
}

extension InlineRun {
  /// Words without code: their edges may be moved.
  fileprivate var isPlain: Bool { !isFormula && mention == nil && !style.isCode }
}

/// The names of code languages: what people write after a fence, and what Notion takes.
enum CodeLanguage {
  /// Notion's name for a fence's word; “plain text” for what it does not know.
  static func notion(_ word: String) -> String {
    let name = word.lowercased().split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
    if let alias = aliases[name] { return alias }
    return known.contains(name) ? name : "plain text"
  }

  /// The word after a fence for Notion's name.
  static func fence(_ name: String) -> String { name == "plain text" ? "" : name }

  private static let aliases = [
    "js": "javascript", "ts": "typescript", "tsx": "typescript", "jsx": "javascript",
    "py": "python", "rb": "ruby", "sh": "shell", "zsh": "shell", "console": "shell",
    "yml": "yaml", "md": "markdown", "rs": "rust", "cs": "c#", "csharp": "c#", "cpp": "c++",
    "objc": "objective-c", "golang": "go", "kt": "kotlin", "hs": "haskell", "ps1": "powershell",
    "tex": "latex", "text": "plain text", "txt": "plain text", "dockerfile": "docker",
    "make": "makefile", "vb": "visual basic",
  ]

  private static let known: Set<String> = [
    "abap", "agda", "arduino", "ascii art", "assembly", "bash", "basic", "bnf", "c", "c#", "c++",
    "clojure", "coffeescript", "coq", "css", "dart", "dhall", "diff", "docker", "ebnf", "elixir",
    "elm", "erlang", "f#", "flow", "fortran", "gherkin", "glsl", "go", "graphql", "groovy",
    "haskell", "hcl", "html", "idris", "java", "javascript", "json", "julia", "kotlin", "latex",
    "less", "lisp", "livescript", "llvm ir", "lua", "makefile", "markdown", "markup", "matlab",
    "mathematica", "mermaid", "nix", "notion formula", "objective-c", "ocaml", "pascal", "perl",
    "php", "plain text", "powershell", "prolog", "protobuf", "purescript", "python", "r", "racket",
    "reason", "ruby", "rust", "sass", "scala", "scheme", "scss", "shell", "smalltalk", "solidity",
    "sql", "swift", "toml", "typescript", "vb.net", "verilog", "vhdl", "visual basic",
    "webassembly", "xml", "yaml",
  ]
}

/// The character references that models write; others stay as they are.
enum Entities {
  static func text(of reference: String) -> String {
    let name = reference.dropFirst().dropLast()
    if name.hasPrefix("#") {
      let digits = name.dropFirst()
      let code =
        digits.lowercased().hasPrefix("x")
        ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
      guard let code, code != 0, let scalar = Unicode.Scalar(code) else { return "\u{FFFD}" }
      return String(Character(scalar))
    }
    return named[String(name)] ?? reference
  }

  private static let named = [
    "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'", "nbsp": "\u{A0}", "copy": "©",
    "reg": "®", "trade": "™", "hellip": "…", "mdash": "—", "ndash": "–", "lsquo": "‘",
    "rsquo": "’", "ldquo": "“", "rdquo": "”", "laquo": "«", "raquo": "»", "bull": "•",
    "middot": "·", "deg": "°", "times": "×", "divide": "÷", "plusmn": "±", "frac12": "½",
    "euro": "€", "pound": "£", "yen": "¥", "cent": "¢", "sect": "§", "para": "¶", "larr": "←",
    "rarr": "→", "uarr": "↑", "darr": "↓", "auml": "ä", "ouml": "ö", "uuml": "ü", "Auml": "Ä",
    "Ouml": "Ö", "Uuml": "Ü", "szlig": "ß", "eacute": "é", "egrave": "è", "ntilde": "ñ",
  ]
}
