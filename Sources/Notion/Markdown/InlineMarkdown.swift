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

/// A run of text in one style.
struct InlineRun {
  var text: String
  var style: InlineStyle

  /// Notion's items for runs, neighbours of one style joined, each within the limit.
  static func items(_ runs: [InlineRun]) -> JSON {
    var joined: [InlineRun] = []
    for run in runs where !run.text.isEmpty {
      if let last = joined.indices.last, joined[last].style == run.style {
        joined[last].text += run.text
      } else {
        joined.append(run)
      }
    }
    return .array(
      joined.flatMap { run in
        RichText.split(run.text).map { part in
          var text: JSON.Members = ["content": .string(part)]
          if let link = run.style.link { text["link"] = ["url": .string(link)] }
          var item: JSON.Members = ["type": "text", "text": .object(text)]
          var annotations = JSON.Members()
          if run.style.isBold { annotations["bold"] = true }
          if run.style.isItalic { annotations["italic"] = true }
          if run.style.isStruck { annotations["strikethrough"] = true }
          if run.style.isCode { annotations["code"] = true }
          if !annotations.isEmpty { item["annotations"] = .object(annotations) }
          return .object(item)
        }
      })
  }

  /// The Markdown of Notion's items.
  static func markdown(_ items: JSON) -> String {
    var runs: [InlineRun] = []
    for item in items.array ?? [] {
      var style = InlineStyle()
      style.isBold = item["annotations"]?["bold"]?.bool ?? false
      style.isItalic = item["annotations"]?["italic"]?.bool ?? false
      style.isStruck = item["annotations"]?["strikethrough"]?.bool ?? false
      style.isCode = item["annotations"]?["code"]?.bool ?? false
      style.link = item["text"]?["link"]?["url"]?.string ?? item["href"]?.string
      var text = RichText.plainText(of: [item])
      if let expression = item["equation"]?["expression"]?.string { text = "$\(expression)$" }
      if let last = runs.indices.last, runs[last].style == style {
        runs[last].text += text
      } else {
        runs.append(InlineRun(text: text, style: style))
      }
    }
    return runs.map(\.markdown).joined()
  }

  /// Markers stand next to letters, so spaces at the edges go outside them.
  private var markdown: String {
    guard style != InlineStyle() else { return InlineRun.escaped(text) }
    let leading = text.prefix { $0.isWhitespace }
    let trailing = String(text.reversed().prefix { $0.isWhitespace }.reversed())
    var core = String(text.dropFirst(leading.count).dropLast(trailing.count))
    guard !core.isEmpty else { return text }
    if style.isCode {
      let longest = core.split(whereSeparator: { $0 != "`" }).map(\.count).max() ?? 0
      let fence = String(repeating: "`", count: longest + 1)
      let pad = core.hasPrefix("`") || core.hasSuffix("`") ? " " : ""
      core = fence + pad + core + pad + fence
    } else {
      core = InlineRun.escaped(core)
    }
    if style.isStruck { core = "~~\(core)~~" }
    if style.isItalic { core = "*\(core)*" }
    if style.isBold { core = "**\(core)**" }
    if let link = style.link {
      core =
        core == link
        ? "<\(link)>"
        : "[\(core)](\(link.contains(")") || link.contains(" ") ? "<\(link)>" : link))"
    }
    return leading + core + trailing
  }

  /// A text with what Markdown would take for a marker escaped.
  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      if "\\`*_[]<>~".contains(character) { result.append("\\") }
      result.append(character)
    }
    return result
  }
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
