@preconcurrency import Dispatch
import Foundation
import Script
import Synchronization

/// Answers what the editor asks while a person types, from what was known when the line began.
nonisolated final class TypingHelper: Sendable {
  /// The commands, by name, too.
  private struct Language {
    let signatures: [CommandSignature]
    let index: [String: CommandSignature]
  }

  private let language = Mutex<Language?>(nil)
  private let isTaught = DispatchSemaphore(value: 0)
  /// `nil` until the store was read behind the first prompt.
  private let facts = Mutex<CompletionFacts?>(nil)
  private let isInformed = DispatchSemaphore(value: 0)
  private let uses = Mutex<[Substring: Int]>([:])

  /// Teaches the commands; until then a key that needs them waits.
  ///
  /// The first prompt stands there before they are gathered.
  func learn(_ signatures: [CommandSignature]) {
    let index = Dictionary(
      signatures.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    language.withLock { $0 = Language(signatures: signatures, index: index) }
    isTaught.signal()
  }

  private var known: Language {
    while true {
      if let language = language.withLock({ $0 }) { return language }
      isTaught.wait()
    }
  }

  /// Tells what is known from now on.
  func know(_ new: CompletionFacts) {
    facts.withLock { $0 = new }
    isInformed.signal()
  }

  /// Counts the words of statements, for the order of candidates.
  func count(_ statements: [String]) {
    uses.withLock { uses in
      for statement in statements {
        for word in statement.split(whereSeparator: { " \n(),:;`\"".contains($0) }) {
          uses[word, default: 0] += 1
        }
      }
    }
  }

  /// Whether Enter sends a text.
  func isComplete(_ text: String) -> Bool {
    if HelpQuestion.topic(of: text) != nil || Intent.wish(in: text) != nil { return true }
    return !Interpreter.parse(SourceText(text, name: "<prompt>"), signatures: known.signatures)
      .isIncomplete
  }

  /// Candidates as C takes them: a line of what all begin with and how many more there are, then lines
  /// of a word, what it is, and whether a space follows.
  func candidates(_ text: String, _ cursor: Int) -> (start: Int, lines: String) {
    let completion = Completion(signatures: known.signatures) { [self] word in
      uses.withLock { $0[word[...].prefix { !"(`\"".contains($0) }] ?? 0 }
    }
    let answer = completion.candidates(
      in: text, at: cursor, knowing: facts.withLock { $0 } ?? CompletionFacts())
    guard !answer.candidates.isEmpty else { return (answer.start, "") }
    var lines = "\(Sanitizer.line(answer.common))\t\(answer.more)\n"
    for candidate in answer.candidates {
      lines +=
        "\(Sanitizer.line(candidate.text))\t\(Sanitizer.line(candidate.kind))\t\(candidate.isWhole ? 1 : 0)\n"
    }
    return (answer.start, lines)
  }

  /// How to paint a text: a letter for each Unicode scalar.
  func paint(_ text: String) -> String {
    if HelpQuestion.topic(of: text) != nil || Intent.wish(in: text) != nil {
      return String(repeating: " ", count: text.unicodeScalars.count)
    }
    let roles = Interpreter.roles(of: SourceText(text, name: ""), signatures: known.index)
    return String(decoding: roles.map(\.rawValue), as: UTF8.self)
  }

  /// A pasted text without the prompts in it, and with each character in one piece.
  func cleaned(_ text: String) -> String {
    // Only a paste into a prompt that has just appeared comes before the names are known.
    if facts.withLock({ $0 == nil }) { _ = isInformed.wait(timeout: .now() + 1) }
    let names = ["visen"] + (facts.withLock { $0?.connections } ?? [])
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if let end = TypingHelper.promptEnd(line, names) { lines[index] = line[end...] }
    }
    let result = lines.joined(separator: "\n")
    return result.utf8.allSatisfy { $0 < 0x80 }
      ? result : result.precomposedStringWithCanonicalMapping
  }

  /// Where a prompt at the start of a line ends: a name, facts behind it, then `> `.
  private static func promptEnd(_ line: Substring, _ names: [String]) -> Substring.Index? {
    for name in names where line.hasPrefix(name) {
      let rest = line.dropFirst(name.count)
      guard rest.hasPrefix("> ") || rest.hasPrefix(" (") || rest.hasPrefix(" · ") || rest == ">"
      else { continue }
      guard let end = rest.firstIndex(of: ">"), rest[..<end].count < 80 else { continue }
      let after = rest.index(after: end)
      if after == rest.endIndex { return after }
      if rest[after] == " " { return rest.index(after: after) }
    }
    return nil
  }

  /// The one character for a character and a mark; 0 when there is none.
  static func composed(_ character: UInt32, _ mark: UInt32) -> UInt32 {
    guard let first = Unicode.Scalar(character), let second = Unicode.Scalar(mark) else { return 0 }
    var scalars = String.UnicodeScalarView()
    scalars.append(first)
    scalars.append(second)
    let composed = String(scalars).precomposedStringWithCanonicalMapping.unicodeScalars
    guard composed.count == 1, let one = composed.first else { return 0 }
    return one.value
  }
}

/// `name?`: a question about a name.
nonisolated enum HelpQuestion {
  /// The name that is asked about; `nil` for anything else.
  static func topic(of text: String) -> String? {
    var text = text[...]
    while text.last?.isWhitespace == true { text.removeLast() }
    while text.first?.isWhitespace == true { text.removeFirst() }
    guard text.last == "?", text.first != "?" else { return nil }
    text.removeLast()
    while text.last == " " { text.removeLast() }
    if text.count > 2, let quote = text.first, quote == "`" || quote == "\"", text.last == quote {
      let inner = text.dropFirst().dropLast()
      return inner.contains(quote) || inner.contains("\n") ? nil : String(inner)
    }
    let isName = text.unicodeScalars.allSatisfy {
      $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType == .decimal
    }
    return isName && !text.isEmpty ? String(text) : nil
  }
}
