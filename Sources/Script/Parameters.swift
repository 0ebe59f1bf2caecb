/// A parameter of a script, as its help shows it.
public struct ScriptParameter: Sendable {
  /// Its name.
  public let name: String
  /// What it takes, in words: “a number from 0 to 10”.
  public let type: String
  /// The default as written; `nil` when it must be given.
  public let defaultValue: String?
  /// The comment above it.
  public let summary: String
  let shape: AnswerShape?

  /// Whether a value, or its text, may be given for it.
  public func accepts(_ value: Value) -> Bool { Parameters.value(value, as: shape) != nil }
}

/// Values for the parameters of scripts.
enum Parameters {
  /// A value, or a text of the command line, as a shape asks for; `nil` when it does not fit.
  ///
  /// - Parameter readsTexts: Whether a text may stand for a number, a truth value or a list.
  static func value(_ given: Value, as shape: AnswerShape?, readsTexts: Bool = true) -> Value? {
    guard let shape else { return given }
    if !readsTexts, case .text = given {
      switch shape {
      case .text, .option, .date: break
      default: return nil
      }
    }
    switch (shape, given) {
    case (.text, .text), (.flag, .flag), (.date, .date), (.record, .record): return given
    case (.number(let minimum, let maximum), .number(let number)):
      return number >= minimum ?? number && number <= maximum ?? number ? given : nil
    case (.number, .text(let text)):
      return Double(text).flatMap { $0.isFinite ? value(.number($0), as: shape) : nil }
    case (.flag, .text(let text)):
      switch text.lowercased() {
      case "true", "yes", "on", "1", "": return .flag(true)
      case "false", "no", "off", "0": return .flag(false)
      default: return nil
      }
    case (.date, .text(let text)): return DateValue(parsing: text).map(Value.date)
    case (.option(let names), .text(let text)): return names.contains(text) ? given : nil
    case (.list(let item), .list(let items)):
      let read = items.compactMap { value($0, as: item, readsTexts: readsTexts) }
      return read.count == items.count ? .list(read) : nil
    case (.list, .text(let text)):
      let parts = text.isEmpty ? [] : text.split(separator: ",", omittingEmptySubsequences: false)
      return value(
        .list(
          parts.map { part in
            var word = part.drop { $0 == " " }
            while word.last == " " { word.removeLast() }
            return .text(String(word))
          }), as: shape)
    default: return nil
    }
  }

  /// What a type as written is; `nil` for one that is known only when the program runs.
  static func shape(_ syntax: ShapeSyntax?) -> AnswerShape? {
    switch syntax {
    case .text: .text
    case .number(let minimum, let maximum): .number(minimum: minimum, maximum: maximum)
    case .flag: .flag
    case .date: .date
    case .list(let item): shape(item).map(AnswerShape.list)
    case .option(let names): .option(names)
    case .record, .optionOf, .named, nil: nil
    }
  }

  /// What a type as written takes, in words.
  static func words(_ shape: ShapeSyntax?) -> String {
    switch shape {
    case nil: "any value"
    case .text: words(AnswerShape.text)
    case .number(let minimum, let maximum):
      words(AnswerShape.number(minimum: minimum, maximum: maximum))
    case .flag: words(AnswerShape.flag)
    case .date: words(AnswerShape.date)
    case .list(let item): "a list of \(words(item)), with commas"
    case .option(let names): words(AnswerShape.option(names))
    case .optionOf: "one of a list"
    case .record: "a record"
    case .named(let name, _): name
    }
  }

  /// What a shape takes, in words.
  static func words(_ shape: AnswerShape?) -> String {
    switch shape {
    case nil: "any value"
    case .text: "text"
    case .number(nil, nil): "a number"
    case .number(let minimum, let maximum):
      "a number from \(minimum.map(Value.digits) ?? "…") to \(maximum.map(Value.digits) ?? "…")"
    case .flag: "true or false"
    case .date: "a date"
    case .list(let item): "a list of \(words(item)), with commas"
    case .option(let names): "one of \(names.joined(separator: ", "))"
    case .record: "a record"
    }
  }

  /// The comment that stands directly above a place.
  static func comment(above start: Int, in source: SourceText) -> String {
    let lines = source.text.split(separator: "\n", omittingEmptySubsequences: false)
    var index = source.line(of: start) - 2
    var words: [String] = []
    while lines.indices.contains(index) {
      let line = lines[index].drop { $0 == " " || $0 == "\t" }
      guard line.hasPrefix("#"), !line.hasPrefix("#!") else { break }
      words.insert(String(line.dropFirst().drop { $0 == " " }), at: 0)
      index -= 1
    }
    return words.joined(separator: " ")
  }
}
