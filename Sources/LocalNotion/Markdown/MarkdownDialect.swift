import Transport

/// Notion's two dialects of Markdown.
enum MarkdownDialect {
  /// `v1`, “enhanced Markdown”: each line is a block, tabs indent what is inside another.
  case enhanced
  /// `v2`, “Notion-flavored Markdown”: CommonMark's rules, tags for what these do not say.
  case flavored

  /// The dialect of a request's `markdown_version`.
  init(_ version: String?) { self = version == "v2" ? .flavored : .enhanced }

  /// What stands between two blocks.
  var separator: String { self == .flavored ? "\n\n" : "\n" }
}

/// A piece of a page's text.
struct MarkdownNode: Equatable {
  enum Kind: Equatable {
    /// A block to make, its payload as a request has it.
    case block(String, JSON.Members)
    /// What is there already and is only named; a database takes the title that its tag says.
    case held(String, title: String)
    /// What is there already and cannot be changed by a text, with the words that it must have.
    case fixed(String, text: String)
    /// A page to make.
    case page(title: String)
  }

  var kind: Kind
  var children: [MarkdownNode] = []

  init(_ kind: Kind, children: [MarkdownNode] = []) {
    self.kind = kind
    self.children = children
  }

  init(_ type: String, _ payload: JSON.Members, children: [MarkdownNode] = []) {
    self.init(.block(type, payload), children: children)
  }

  /// The identities of what is there already, here and inside.
  var named: [String] {
    let inner = children.flatMap(\.named)
    switch kind {
    case .held(let id, _), .fixed(let id, _): return [id] + inner
    default: return inner
    }
  }
}

/// A tag: `<name attribute="value">`, `<name/>` or `</name>`.
struct MarkdownTag {
  let name: String
  var attributes: [String: String] = [:]
  var isClosing = false
  /// Whether it has no body.
  var isEmpty = false

  /// The tag that a text begins with, and the text behind it.
  static func read(_ text: Substring) -> (tag: MarkdownTag, rest: Substring)? {
    guard text.first == "<" else { return nil }
    var rest = text.dropFirst()
    let isClosing = rest.first == "/"
    if isClosing { rest = rest.dropFirst() }
    let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
    guard name.first?.isLetter ?? false else { return nil }
    rest = rest.dropFirst(name.count)
    var tag = MarkdownTag(name: name.lowercased(), isClosing: isClosing)
    while true {
      rest = rest.drop { $0 == " " || $0 == "\t" }
      if rest.hasPrefix("/>") {
        tag.isEmpty = true
        return (tag, rest.dropFirst(2))
      }
      if rest.first == ">" { return (tag, rest.dropFirst()) }
      let key = rest.prefix { $0.isASCII && ($0.isLetter || $0 == "-" || $0 == "_") }
      guard !key.isEmpty else { return nil }
      rest = rest.dropFirst(key.count)
      guard rest.first == "=" else {
        tag.attributes[key.lowercased()] = "true"
        continue
      }
      rest = rest.dropFirst()
      if rest.first == "\"" {
        rest = rest.dropFirst()
        guard let end = rest.firstIndex(of: "\"") else { return nil }
        tag.attributes[key.lowercased()] = String(rest[..<end])
        rest = rest[rest.index(after: end)...]
      } else {
        let value = rest.prefix { $0 != " " && $0 != ">" && $0 != "/" }
        tag.attributes[key.lowercased()] = String(value)
        rest = rest.dropFirst(value.count)
      }
    }
  }

  /// An attribute whose words are `true` and `false`.
  func flag(_ name: String) -> Bool { attributes[name] == "true" }

  /// The identity at the end of the `url`.
  var id: String? { attributes["url"].flatMap(MarkdownTag.id) }

  /// The identity at the end of an address: `https://…/Title-<32 digits>`, `user://<UUID>`.
  static func id(in address: String) -> String? {
    let last = address.split(separator: "/").last.map(String.init) ?? ""
    let path = last.prefix { $0 != "?" && $0 != "#" }
    return Identity.parse(String(path)) ?? Identity.parse(String(path.suffix(32)))
  }

  /// An attribute as it is written, nothing for no value.
  static func attribute(_ name: String, _ value: String?) -> String {
    guard let value, !value.isEmpty else { return "" }
    return " \(name)=\"\(value.replacing("\"", with: "%22"))\""
  }
}

/// Colours: `blue` and `blue_bg` in Markdown, `blue_background` in blocks.
enum MarkdownColor {
  static func read(_ text: String?, at path: String) throws -> JSON? {
    guard let text else { return nil }
    let name = text.hasSuffix("_bg") ? text.dropLast(3) + "_background" : text
    guard RichTextValue.colors.contains(name) else {
      throw Refusal.validation(
        "\(path): “\(text)” is no color; there are default, gray, brown, orange, yellow, green, "
          + "blue, purple, pink and red, and each of them with _bg.")
    }
    return .string(name)
  }

  /// The word for a block's or text's colour; `nil` for the default.
  static func word(_ color: JSON?) -> String? {
    guard let color = color?.string, color != "default" else { return nil }
    return color.hasSuffix("_background") ? color.dropLast(11) + "_bg" : color
  }
}
