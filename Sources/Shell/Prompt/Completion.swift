import Engines
import Foundation
import Script
import Store

/// A word that could stand at the cursor, and what it is.
nonisolated struct Candidate: Sendable {
  let text: String
  let kind: String
  /// Whether a space follows it.
  var isWhole = true
  /// How well its sort fits the place: the least stands first.
  var rank = 1
}

/// What the words at the cursor could become.
nonisolated struct CompletionAnswer: Sendable {
  /// Where the word begins that a candidate replaces, in bytes.
  let start: Int
  /// The best candidates, the likeliest first.
  let candidates: [Candidate]
  /// How many more there are.
  var more = 0
  /// What all of them, those left out too, begin with.
  var common = ""
}

/// What completion knows, taken before a line is read: nothing is waited for while a key is pressed.
nonisolated struct CompletionFacts: Sendable {
  /// The rows of the open connection.
  var shape: Shape?
  /// The names of the connections, the one used last first.
  var connections: [String] = []
  var variables: [String] = []
  /// The program's own functions.
  var functions: [String] = []
  /// The prompts of the open connection, the newest first.
  var prompts: [String] = []
  /// The names under which prompts are kept.
  var promptNames: [String] = []
  /// The models that were named lately, `engine/model`.
  var models: [String] = []
  /// The rows last shown.
  var rows = RowWords([])
}

/// What stands in the rows last shown, for completing a value.
nonisolated final class RowWords: Sendable {
  /// The most rows that are looked through for a property that is no title.
  static let limit = 10_000
  private let rows: [Row]

  init(_ rows: [Row]) { self.rows = rows }

  /// The texts in a field that begin with a text, whatever the case, each once; at most so many.
  func texts(in field: String, beginningWith typed: String, limit: Int) -> [String] {
    guard let place = rows.first?.shape.index(of: field) else { return [] }
    let wanted = Array(typed.lowercased().utf8)
    var seen = Set<String>()
    var found: [String] = []
    for row in rows.prefix(RowWords.limit) where row.values.indices.contains(place) {
      guard case .text(let text) = row.values[place], !text.isEmpty,
        RowWords.begins(text, with: wanted), !text.contains("\n"),
        seen.insert(text).inserted
      else { continue }
      found.append(text)
      if found.count == limit { break }
    }
    return found
  }

  /// Compares ASCII by bytes, because ten thousand lower-cased texts a key press would be felt.
  private static func begins(_ text: String, with wanted: [UInt8]) -> Bool {
    guard !wanted.isEmpty else { return true }
    var place = 0
    for byte in text.utf8 {
      if byte >= 0x80 { return text.lowercased().utf8.starts(with: wanted) }
      guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == wanted[place] else { return false }
      place += 1
      if place == wanted.count { return true }
    }
    return false
  }
}

/// Finds what may stand at the cursor: the parser says which sorts of words, the catalogs and the facts
/// which words those are.
nonisolated struct Completion: Sendable {
  /// The most candidates that are given at once.
  static let limit = 200
  /// The most texts of rows that are looked at: nobody reads more, and each costs time at a key press.
  static let rowLimit = 500

  let signatures: [CommandSignature]
  let index: [String: CommandSignature]
  /// How often each word was used.
  let uses: @Sendable (String) -> Int

  init(signatures: [CommandSignature], uses: @escaping @Sendable (String) -> Int = { _ in 0 }) {
    self.signatures = signatures
    index = Dictionary(signatures.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.uses = uses
  }

  /// The candidates for a text and a cursor, in bytes.
  func candidates(in text: String, at cursor: Int, knowing facts: CompletionFacts)
    -> CompletionAnswer
  {
    var end =
      text.utf8.index(
        text.startIndex, offsetBy: max(0, cursor), limitedBy: text.endIndex) ?? text.endIndex
    // Never inside a character.
    while end > text.startIndex, end.samePosition(in: text.unicodeScalars) == nil {
      end = text.utf8.index(before: end)
    }
    let before = String(text[..<end])
    let point = CompletionPoint(before: before, signatures: index)
    var found: [Candidate] = []
    for expectation in point.expected.sorted(by: { "\($0)" < "\($1)" }) {
      found +=
        point.quote == nil
        ? words(expectation, point, before, facts) : texts(expectation, point, before, facts)
    }
    return ranked(found, point)
  }

  // MARK: - Words

  private func words(
    _ expectation: Expectation, _ point: CompletionPoint, _ before: String,
    _ facts: CompletionFacts
  ) -> [Candidate] {
    switch expectation {
    case .statement:
      return commands + facts.variables.map { Candidate(text: $0, kind: "variable", rank: 3) }
    case .word(let word):
      let isRare = ["and", "or", "catch"].contains(word)
      return [Candidate(text: word, kind: "clause", rank: isRare ? 5 : 2)]
    case .value(let isInRow):
      var found = isInRow ? properties(facts, isInHole: point.isInHole) : []
      let rank = found.isEmpty ? 1 : 2
      found += facts.variables.map { variable in
        Candidate(
          text: point.isInHole ? variable + "}" : variable, kind: "variable",
          isWhole: !point.isInHole, rank: rank)
      }
      found += functions(facts)
      if !point.isInHole {
        found += [("rows", "query"), ("ai", "ask an engine")].map {
          Candidate(text: $0.0, kind: $0.1, rank: isInRow ? 4 : 1)
        }
      }
      found += ["it", "true", "false", "nothing"].map {
        Candidate(text: $0, kind: "word", rank: 4)
      }
      return found
    case .comparison(let field):
      return valuesOf(field, facts, typed: point.word).map { value in
        Candidate(text: Completion.quoted(value.text), kind: value.kind, rank: 0)
      }
    case .comparator:
      return [
        "is", "is not", "is empty", "is not empty", "contains", "not contains", "in",
        "starts with", "ends with", "matches",
      ].map { Candidate(text: $0, kind: "comparison", rank: 3) }
    case .field, .property: return properties(facts, isInHole: false)
    case .connection:
      return facts.connections.map {
        Candidate(text: Completion.quoted($0), kind: "connection", rank: 0)
      }
    case .engine: return engines(facts)
    case .type:
      return ["text", "number", "flag", "date", "list of", "one of ["].map {
        Candidate(text: $0, kind: "type", isWhole: !$0.hasSuffix("["))
      }
    case .promptName:
      return facts.promptNames.map {
        Candidate(text: Completion.quoted($0), kind: "named prompt", rank: 0)
      }
    case .script: return []
    case .valueCommand:
      return signatures.filter(\.givesValue).map {
        Candidate(text: $0.name, kind: $0.summary, rank: 3)
      }
    case .slot(let command, let name):
      guard let slot = index[command]?.slots.first(where: { $0.name == name }) else { return [] }
      return slotWords(command, slot, point, before, facts)
    }
  }

  private func slotWords(
    _ command: String, _ slot: Slot, _ point: CompletionPoint, _ before: String,
    _ facts: CompletionFacts
  ) -> [Candidate] {
    switch slot.kind {
    case .properties: return properties(facts, isInHole: false, isWritable: true)
    case .connection:
      return facts.connections.map {
        Candidate(text: Completion.quoted($0), kind: "connection", rank: 0)
      }
    case .engines: return engines(facts)
    case .target, .expression:
      return functions(facts) + facts.variables.map { Candidate(text: $0, kind: "variable") } + [
        Candidate(text: "rows", kind: "query", rank: 0)
      ]
    case .template, .text, .texts:
      return facts.variables.map { Candidate(text: $0, kind: "variable") }
        + (command == "prompt" && slot.kind == .template
          ? words(.promptName, point, before, facts) : [])
        + (slot.kind == .template
          ? facts.prompts.prefix(20).map {
            Candidate(text: "\"" + Completion.template($0) + "\"", kind: "earlier prompt")
          } : [])
    case .name: return names(command, facts)
    case .word:
      let head = String(decoding: before.utf8.prefix(point.start), as: UTF8.self)
      return values(of: head.split(separator: " ").last.map(String.init) ?? "", facts)
    case .condition, .rowsWhere, .type, .flag, .number, .fields: return []
    }
  }

  private func names(_ command: String, _ facts: CompletionFacts) -> [Candidate] {
    switch command {
    case "set", "unset":
      return Preferences.all.map { Candidate(text: $0.name, kind: $0.summary) }
    case "help":
      return signatures.map { Candidate(text: $0.name, kind: $0.summary) }
        + Function.all.map { Candidate(text: $0.name, kind: "function: \($0.summary)", rank: 2) }
        + [Candidate(text: "keys", kind: "the keys of the prompt")]
        + properties(facts, isInHole: false).map {
          Candidate(text: $0.text, kind: $0.kind, rank: 2)
        }
    case "key":
      return Keys.services.map { Candidate(text: $0.name, kind: "service") }
    default: return []
    }
  }

  private func values(of setting: String, _ facts: CompletionFacts) -> [Candidate] {
    if setting == "engine" || setting == "model" { return engines(facts) }
    guard let found = Preferences.all.first(where: { $0.name == setting }),
      case .words(let words) = found.values
    else { return [] }
    return words.map { Candidate(text: $0, kind: "value of \(setting)", rank: 0) }
  }

  private func engines(_ facts: CompletionFacts) -> [Candidate] {
    EngineCatalog.all.map { Candidate(text: $0.name, kind: "engine: \($0.summary)", rank: 0) }
      + facts.models.map { Candidate(text: Completion.quoted($0), kind: "model", rank: 1) }
  }

  private var commands: [Candidate] {
    signatures.map { Candidate(text: $0.name, kind: $0.summary) }
      + [
        ("rows", "the rows of the open connection"), ("let", "names a value"),
        ("var", "names a value that changes"), ("for", "goes through rows or a list"),
        ("if", "a condition"), ("print", "prints a value"), ("fn", "makes a function"),
        ("include", "brings in the functions of a file"), ("param", "an option of a script"),
        ("every", "again and again"), ("retry", "tries a block again"), ("assert", "must hold"),
        ("ai", "asks an engine"),
      ].map { Candidate(text: $0.0, kind: $0.1) }
  }

  private func functions(_ facts: CompletionFacts) -> [Candidate] {
    Function.all.map {
      Candidate(text: $0.name + "(", kind: $0.signatureText, isWhole: false, rank: 3)
    }
      + facts.functions.map {
        Candidate(text: $0 + "(", kind: "your function", isWhole: false, rank: 2)
      }
  }

  private func properties(
    _ facts: CompletionFacts, isInHole: Bool, isWritable: Bool = false
  ) -> [Candidate] {
    (facts.shape?.fields ?? []).filter { !isWritable || $0.isWritable }.map { field in
      let kind = "property, \(field.typeName.replacing("_", with: " "))"
      if isInHole {
        return Candidate(
          text: Completion.holeName(field.name) + "}", kind: kind, isWhole: false, rank: 0)
      }
      return Candidate(text: Completion.name(field.name), kind: kind, rank: 0)
    }
  }

  /// What a field can hold: its options, else what the rows last shown hold.
  private func valuesOf(_ field: String, _ facts: CompletionFacts, typed: String) -> [(
    text: String, kind: String
  )] {
    guard let shape = facts.shape, let place = shape.index(of: field) else { return [] }
    let options = shape.fields[place].options
    if !options.isEmpty { return options.map { ($0, "option of \(field)") } }
    let kind = shape.fields[place].typeName == "title" ? "row" : "\(field) of a row"
    return facts.rows.texts(in: field, beginningWith: typed, limit: Completion.rowLimit).map {
      ($0, kind)
    }
  }

  // MARK: - Inside texts

  private func texts(
    _ expectation: Expectation, _ point: CompletionPoint, _ before: String,
    _ facts: CompletionFacts
  ) -> [Candidate] {
    let quote = point.quote ?? "\""
    func closed(_ text: String, _ kind: String) -> Candidate {
      Candidate(text: Completion.escaped(text, quote) + quote, kind: kind)
    }
    switch expectation {
    case .comparison(let field):
      return valuesOf(field, facts, typed: point.word.replacing("\\", with: ""))
        .map { closed($0.text, $0.kind) }
    case .connection: return facts.connections.map { closed($0, "connection") }
    case .engine:
      return (EngineCatalog.all.map(\.name) + facts.models).map { closed($0, "engine") }
    case .promptName: return facts.promptNames.map { closed($0, "named prompt") }
    case .script: return files(point.word, quote, endings: ["visen"])
    case .slot(let command, let name):
      guard let slot = index[command]?.slots.first(where: { $0.name == name }) else { return [] }
      switch slot.kind {
      case .connection: return facts.connections.map { closed($0, "connection") }
      case .engines:
        return (EngineCatalog.all.map(\.name) + facts.models).map { closed($0, "engine") }
      case .template:
        // After `prompt` the name of one does as well as its words.
        return (command == "prompt" ? facts.promptNames.map { closed($0, "named prompt") } : [])
          + facts.prompts.compactMap { prompt in
            // Between ' marks nothing is a hole.
            guard quote.hasPrefix("'") else {
              return Candidate(text: Completion.template(prompt) + quote, kind: "earlier prompt")
            }
            return PromptTemplate.names(in: prompt).isEmpty ? closed(prompt, "earlier prompt") : nil
          }
      case .word: return facts.models.map { closed($0, "model") }
      case .text where ["file", "path", "script"].contains(slot.name):
        return files(point.word, quote, endings: command == "run" ? ["visen"] : [])
      default: return []
      }
    default: return []
    }
  }

  /// The files and folders that a path could become.
  private func files(_ typed: String, _ quote: String, endings: [String]) -> [Candidate] {
    let slash = typed.lastIndex(of: "/")
    let folder = slash.map { String(typed[...$0]) } ?? ""
    let place = folder.isEmpty ? "." : HomePath.expanded(folder)
    let begun = slash.map { String(typed[typed.index(after: $0)...]) } ?? typed
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: place) else { return [] }
    return names.filter { begun.hasPrefix(".") || !$0.hasPrefix(".") }.sorted().prefix(2000)
      .compactMap { name in
        // A name that would have to be escaped is typed by hand.
        guard !name.contains(where: { "\"'\\{}".contains($0) || $0.isNewline }) else { return nil }
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: "\(place)/\(name)", isDirectory: &isFolder)
        if isFolder.boolValue {
          return Candidate(text: "\(folder)\(name)/", kind: "folder", isWhole: false, rank: 2)
        }
        guard endings.isEmpty || endings.contains(where: { name.hasSuffix(".\($0)") }) else {
          return nil
        }
        return Candidate(text: "\(folder)\(name)\(quote)", kind: "file")
      }
  }

  // MARK: - Spelling

  /// A name as it stands in a program: in backquotes where it must.
  static func name(_ name: String) -> String {
    let isPlain =
      name.unicodeScalars.allSatisfy {
        $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType == .decimal
      }
      && name.unicodeScalars.first?.properties.isAlphabetic == true
      && !TextWords.reserved.contains(name)
    return isPlain ? name : "`\(name)`"
  }

  /// A name in a hole, where several words in a row are one.
  private static func holeName(_ name: String) -> String {
    let words = name.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    return words.allSatisfy { !$0.isEmpty && Completion.name($0) == $0 } ? name : "`\(name)`"
  }

  private static func quoted(_ text: String) -> String { "\"" + escaped(text, "\"") + "\"" }

  /// A kept prompt as it is typed: its holes stay holes, and what was escaped stays so.
  private static func template(_ prompt: String) -> String {
    var result = ""
    var rest = Substring(prompt)
    while let character = rest.popFirst() {
      switch (character, rest.first) {
      case ("\\", let brace?) where brace == "{" || brace == "}":
        result += "\\\(brace)"
        rest.removeFirst()
      case ("{", _), ("}", _): result.append(character)
      default: result += escaped(String(character), "\"")
      }
    }
    return result
  }

  private static func escaped(_ text: String, _ quote: String) -> String {
    if quote.hasPrefix("'") { return text.replacing("'", with: "''") }
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\", "\"", "{": result += "\\\(scalar)"
      case "\n": result += "\\n"
      case "\t": result += "\\t"
      default:
        // What a terminal would obey stands as the language writes it.
        let plain = String(scalar)
        result +=
          Sanitizer.line(plain) == plain
          ? plain : "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      }
    }
    return result
  }

  // MARK: - Order

  /// How well a candidate begins with what was typed; `nil` when it does not hold it.
  private static func fit(_ text: String, _ typed: String, _ lowered: String) -> Int? {
    if typed.isEmpty { return 0 }
    let bare = text.first == "`" || text.first == "\"" ? text.dropFirst() : text[...]
    if bare.hasPrefix(typed) || text.hasPrefix(typed) { return 0 }
    let low = bare.lowercased()
    if low.hasPrefix(lowered) { return 1 }
    guard lowered.count > 1 else { return nil }
    if low.contains(" " + lowered) || low.contains("_" + lowered) { return 2 }
    return low.contains(lowered) && lowered.count > 2 ? 3 : nil
  }

  private func ranked(_ all: [Candidate], _ point: CompletionPoint) -> CompletionAnswer {
    let lowered = point.word.lowercased()
    var seen = Set<String>()
    var found: [(candidate: Candidate, fit: Int, uses: Int, place: Int)] = []
    for (place, candidate) in all.enumerated() {
      guard let fit = Completion.fit(candidate.text, point.word, lowered),
        seen.insert(candidate.text).inserted
      else { continue }
      let count = uses(candidate.text)
      found.append((candidate, fit, count, place))
    }
    // Words that only hold what was typed would be in the way of those that begin with it.
    // Who writes a capital letter means it.
    let isExact = point.word.contains(where: \.isUppercase)
    if let best = found.map(\.fit).min(), best < 2 {
      found.removeAll { $0.fit > (isExact ? best : 1) }
    }
    found.sort { a, b in
      (a.fit, a.candidate.rank, -a.uses, a.place) < (b.fit, b.candidate.rank, -b.uses, b.place)
    }
    let words = found.map(\.candidate)
    // Of texts that were not all looked at, nobody knows what they have in common.
    let isCut = words.count >= Completion.rowLimit
    return CompletionAnswer(
      start: point.start, candidates: Array(words.prefix(Completion.limit)),
      more: max(0, words.count - Completion.limit),
      common: isCut ? point.word : Completion.common(words.map(\.text)))
  }

  /// What all texts begin with; no character is split.
  private static func common(_ texts: [String]) -> String {
    guard var common = texts.first else { return "" }
    for text in texts.dropFirst() where !text.hasPrefix(common) {
      common = String(zip(common, text).prefix { $0 == $1 }.map(\.0))
    }
    return common
  }
}
