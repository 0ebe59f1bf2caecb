import Script
import Store

/// A word that could stand at the cursor, and what it is.
nonisolated struct Candidate: Sendable {
  let text: String
  let kind: String
}

/// What the words at the cursor could become.
nonisolated struct CompletionAnswer: Sendable {
  /// Where the word begins that a candidate replaces, in bytes.
  let start: Int
  let candidates: [Candidate]
}

/// Finds what may stand at the cursor: from the catalogs and the schemas last read, never waiting.
nonisolated struct Completion: Sendable {
  let bridge: ScriptBridge
  let store: LocalStore

  /// The candidates for a text and a cursor, in bytes.
  func candidates(in text: String, at cursor: Int) -> CompletionAnswer {
    let bytes = Array(text.utf8)
    let before = String(decoding: bytes.prefix(max(0, min(cursor, bytes.count))), as: UTF8.self)
    let line = String(
      before.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == ";" })
        .last ?? "")
    if let open = Completion.openText(line) { return insideText(before, line, open) }

    var start = before.endIndex
    while start > before.startIndex {
      let previous = before.index(before: start)
      guard
        before[previous].isLetter || before[previous].isNumber || "_`.".contains(before[previous])
      else { break }
      start = previous
    }
    var word = String(before[start...])
    // After a dot only the part behind it is being written.
    var isField = false
    if let dot = word.lastIndex(of: ".") {
      word = String(word[word.index(after: dot)...])
      isField = true
    }
    let offset = before.utf8.count - word.utf8.count
    let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
    let finished = word.isEmpty || isField ? words : Array(words.dropLast())
    return CompletionAnswer(
      start: offset, candidates: matching(word, possible(finished, isField: isField)))
  }

  /// Everything that may stand after some words.
  private func possible(_ words: [String], isField: Bool) -> [Candidate] {
    let properties = self.properties(writableOnly: words.first == "generate" && words.count == 1)
    if isField { return properties }
    guard let first = words.first else { return commands }
    if first == "use" || first == "disconnect" { return connections(quoted: true) }
    if let last = words.last, ["where", "by", "and", "or", "not", "pick"].contains(last) {
      return properties + functions
    }
    if words.contains("rows") || first == "for" {
      let clauses = [
        "where", "sort by", "first", "last", "sample", "pick", "and", "or", "is", "is not",
        "is empty", "is not empty", "contains", "starts with",
      ]
      return clauses.map { Candidate(text: $0, kind: "clause") } + properties
    }
    guard let signature = bridge.signatures.first(where: { $0.name == first }) else {
      return functions + properties + [Candidate(text: "rows", kind: "query")]
    }
    var found: [Candidate] = []
    for slot in signature.slots {
      if !slot.words.isEmpty, !slot.words.allSatisfy(words.contains) {
        found.append(Candidate(text: slot.words.joined(separator: " "), kind: slot.summary))
      }
      switch slot.kind {
      case .properties: found += properties
      case .target, .expression: found.append(Candidate(text: "rows", kind: "query"))
      case .engines:
        if words.last == slot.words.last {
          return ["gemini", "gpt", "local", "practice"].map { Candidate(text: $0, kind: "engine") }
        }
      case .name: found += names(first)
      case .word:
        if words.count == 2 { found += values(of: words[1]) }
      default: break
      }
    }
    return found
  }

  private func names(_ command: String) -> [Candidate] {
    switch command {
    case "set", "unset":
      Preferences.all.map { Candidate(text: $0.name, kind: $0.summary) }
    case "help":
      bridge.signatures.map { Candidate(text: $0.name, kind: $0.summary) } + functions
    case "key":
      ["gemini", "gpt", "local", "notion"].map { Candidate(text: $0, kind: "service") }
    default: []
    }
  }

  private func values(of setting: String) -> [Candidate] {
    guard let found = Preferences.all.first(where: { $0.name == setting }),
      case .words(let words) = found.values
    else { return [] }
    return words.map { Candidate(text: $0, kind: "value") }
  }

  private var commands: [Candidate] {
    bridge.signatures.map { Candidate(text: $0.name, kind: $0.summary) }
      + [
        ("rows", "query"), ("let", "name a value"), ("var", "name a value that changes"),
        ("for", "loop"), ("if", "condition"), ("print", "print a value"), ("fn", "function"),
        ("ai", "ask an engine"),
      ].map { Candidate(text: $0.0, kind: $0.1) }
  }

  private var functions: [Candidate] {
    Function.all.map { Candidate(text: $0.name, kind: "function") }
  }

  private func properties(writableOnly: Bool) -> [Candidate] {
    guard case .known(let shape) = bridge.shape(of: nil) else { return [] }
    return shape.fields.filter { !writableOnly || $0.isWritable }.map { field in
      let isPlain =
        field.name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
        && field.name.first?.isNumber != true
      return Candidate(
        text: isPlain ? field.name : "`\(field.name)`",
        kind: field.typeName.replacing("_", with: " "))
    }
  }

  private func connections(quoted: Bool) -> [Candidate] {
    let names = (try? store.connections.all().map(\.name)) ?? []
    return names.map { Candidate(text: quoted ? "\"\($0)\"" : $0, kind: "connection") }
  }

  /// Candidates that begin with the word, whatever the case; then those that hold it.
  private func matching(_ word: String, _ all: [Candidate]) -> [Candidate] {
    let wanted = word.lowercased().filter { $0 != "`" && $0 != "\"" }
    var seen = Set<String>()
    let unique = all.filter { seen.insert($0.text).inserted }
    guard !wanted.isEmpty else { return unique }
    return unique.filter {
      $0.text.lowercased().filter { $0 != "`" && $0 != "\"" }.hasPrefix(wanted)
    }
  }

  // MARK: - Inside texts

  /// Where a text that is still open begins in a line; `nil` outside of texts.
  private static func openText(_ line: String) -> String.Index? {
    var open: String.Index?
    var index = line.startIndex
    while index < line.endIndex {
      let character = line[index]
      if character == "\\", open != nil {
        index = line.index(after: index)
        if index == line.endIndex { break }
      } else if character == "\"" {
        open = open == nil ? index : nil
      }
      index = line.index(after: index)
    }
    return open
  }

  /// Inside a text: names of connections after `use`, properties in a hole, options after `is`.
  private func insideText(_ before: String, _ line: String, _ open: String.Index)
    -> CompletionAnswer
  {
    let typed = String(line[line.index(after: open)...])
    let words = line[..<open].split(whereSeparator: { $0 == " " }).map(String.init)
    if let hole = typed.lastIndex(of: "{"), !typed[hole...].contains("}") {
      let word = String(typed[typed.index(after: hole)...])
      let names = properties(writableOnly: false).map {
        Candidate(text: $0.text.filter { $0 != "`" } + "}", kind: $0.kind)
      }
      return CompletionAnswer(
        start: before.utf8.count - word.utf8.count, candidates: matching(word, names))
    }
    let start = before.utf8.count - typed.utf8.count
    if let first = words.first, first == "use" || first == "disconnect" || words.last == "of" {
      let names = connections(quoted: false).map { Candidate(text: $0.text + "\"", kind: $0.kind) }
      return CompletionAnswer(start: start, candidates: matching(typed, names))
    }
    if words.count >= 2, ["is", "not", "contains"].contains(words.last ?? ""),
      case .known(let shape) = bridge.shape(of: nil)
    {
      let name = words.last(where: { shape.index(of: $0.filter { $0 != "`" }) != nil })
      let index = name.flatMap { shape.index(of: $0.filter { $0 != "`" }) }
      let options = index.map { shape.fields[$0].options } ?? []
      return CompletionAnswer(
        start: start,
        candidates: matching(typed, options.map { Candidate(text: $0 + "\"", kind: "option") }))
    }
    return CompletionAnswer(start: before.utf8.count, candidates: [])
  }
}
