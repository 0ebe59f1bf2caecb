/// Whether to colour.
public nonisolated enum ColorChoice: String, Sendable {
  /// Where the terminal shows it.
  case auto
  case always
  case never
}

/// How results are printed.
public nonisolated enum OutputFormat: String, Sendable {
  case table
  case csv
  case json
  case md
  /// One JSON value a line; for files.
  case jsonl

  /// The format that a file's ending names.
  init?(fileName: String) {
    guard let dot = fileName.lastIndex(of: ".") else { return nil }
    switch fileName[fileName.index(after: dot)...].lowercased() {
    case "csv": self = .csv
    case "json": self = .json
    case "jsonl", "ndjson": self = .jsonl
    case "md", "markdown": self = .md
    default: return nil
    }
  }
}

/// Colours and weights of one stream, by the terminal's own sixteen colours.
nonisolated struct Style: Sendable {
  let isOn: Bool

  /// No colours.
  static let plain = Style(choice: .never, isTerminal: false)

  /// Decides for a stream: the option, then NO_COLOR, FORCE_COLOR, TERM, CLICOLOR, then the terminal.
  ///
  /// - Parameter variable: Gives the value of an environment variable.
  init(choice: ColorChoice, isTerminal: Bool, variable: (String) -> String? = { _ in nil }) {
    func isSet(_ name: String) -> Bool { !(variable(name) ?? "").isEmpty }
    func isForced(_ name: String) -> Bool { isSet(name) && variable(name) != "0" }
    switch choice {
    case .always: isOn = true
    case .never: isOn = false
    case .auto:
      if isSet("NO_COLOR") {
        isOn = false
      } else if isForced("CLICOLOR_FORCE") || isForced("FORCE_COLOR") {
        isOn = true
      } else if variable("TERM") == "dumb" || variable("CLICOLOR") == "0" {
        isOn = false
      } else {
        isOn = isTerminal
      }
    }
  }

  /// Whether a terminal can be told to move its cursor, and knows links.
  static func movesCursor(_ variable: (String) -> String?) -> Bool {
    let name = variable("TERM") ?? ""
    return !name.isEmpty && name != "dumb"
  }

  /// A text without the escapes that our renderers put into it.
  static func plain(_ text: String) -> String {
    guard text.utf8.contains(0x1B) else { return text }
    var result = String.UnicodeScalarView()
    var scalars = text.unicodeScalars[...]
    while let scalar = scalars.popFirst() {
      guard scalar == "\u{1B}" else {
        result.append(scalar)
        continue
      }
      switch scalars.popFirst() {
      case "[": scalars = scalars.drop { !("@"..."~").contains($0) }.dropFirst()
      case "]": scalars = scalars.drop { $0 != "\u{1B}" }.dropFirst(2)
      default: break
      }
    }
    return String(result)
  }

  /// A text that leads somewhere, for terminals that know links.
  ///
  /// - Parameter address: Built by Visen, never copied from data; anything but plain ASCII is refused.
  static func link(_ text: String, to address: String) -> String {
    guard address.utf8.count < 2_000, address.utf8.allSatisfy({ (0x21..<0x7F).contains($0) }),
      address.hasPrefix("https://") || address.hasPrefix("http://")
    else { return text }
    return "\u{1B}]8;;\(address)\u{1B}\\\(text)\u{1B}]8;;\u{1B}\\"
  }

  private func wrap(_ text: String, _ code: String) -> String {
    isOn && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }

  func bold(_ text: String) -> String { wrap(text, "1") }
  func faint(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "1;31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  func yellow(_ text: String) -> String { wrap(text, "33") }
  func cyan(_ text: String) -> String { wrap(text, "36") }
}
