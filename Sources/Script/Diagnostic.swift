/// What is wrong with a program, where, and what to type instead.
public struct Diagnostic: Sendable, Hashable, Error {
  /// The stable code, `V101`; `help V101` explains it.
  public var code: String
  /// One sentence with the user's own words.
  public var message: String
  /// Where.
  public var span: Span
  /// What stands under the carets.
  public var label: String
  /// Further facts and fixes, one a line.
  public var notes: [String]

  /// Creates a diagnostic.
  public init(
    _ code: String, _ message: String, _ span: Span, label: String = "", notes: [String] = []
  ) {
    self.code = code
    self.message = message
    self.span = span
    self.label = label
    self.notes = notes
  }
}

/// Why a program was not started: what the check found, at most ten.
public struct CheckFailure: Error, Sendable {
  /// The diagnostics, in the order of the text.
  public let diagnostics: [Diagnostic]
  /// The text they speak of, when it is another than the one that was to run: an included file.
  public var source: SourceText?
}

/// What went wrong while a program ran.
public struct ScriptError: Error, Sendable, CustomStringConvertible {
  /// Whom a failure stops, and with which exit code.
  public enum Kind: String, Sendable {
    /// A problem; `catch` takes it.
    case problem
    /// A key or setting is missing; nothing catches it.
    case setting
    /// The budget or allowance is used up; nothing catches it.
    case budget
    /// A person stopped it; nothing catches it.
    case cancelled
    /// `skip`, `stop` or `return` on its way to its loop or function; never seen outside a program.
    case control
  }

  /// What ends a part of a program without an error.
  enum Leaving { case turn, loop, function }

  private struct Facts {
    var code: String
    var message: String
    var span: Span?
    var label = ""
    var notes: [String]
    var kind: Kind
    var rowTitle: String?
    var attempts = 1
    var leaving: Leaving?
    var refusedParameter: Int?
  }

  /// One reference: an error passes through every node on its way out, and each makes room for it.
  private final class Box: Sendable {
    let facts: Facts
    init(_ facts: Facts) { self.facts = facts }
  }

  private var box: Box

  private subscript<Fact>(fact: WritableKeyPath<Facts, Fact>) -> Fact {
    get { box.facts[keyPath: fact] }
    set {
      var facts = box.facts
      facts[keyPath: fact] = newValue
      box = Box(facts)
    }
  }

  /// The stable code.
  public var code: String {
    get { box.facts.code }
    set { self[\.code] = newValue }
  }
  /// One sentence.
  public var message: String {
    get { box.facts.message }
    set { self[\.message] = newValue }
  }
  /// Where in the program; `nil` before that is known.
  public var span: Span? {
    get { box.facts.span }
    set { self[\.span] = newValue }
  }
  /// What stands under the carets.
  public var label: String {
    get { box.facts.label }
    set { self[\.label] = newValue }
  }
  /// Further facts and fixes, one a line.
  public var notes: [String] {
    get { box.facts.notes }
    set { self[\.notes] = newValue }
  }
  /// Whom it stops.
  public var kind: Kind {
    get { box.facts.kind }
    set { self[\.kind] = newValue }
  }
  /// The title of the row it concerns.
  public var rowTitle: String? {
    get { box.facts.rowTitle }
    set { self[\.rowTitle] = newValue }
  }
  /// How often it was tried.
  public var attempts: Int {
    get { box.facts.attempts }
    set { self[\.attempts] = newValue }
  }
  /// Where a `skip`, `stop` or `return` is on its way to.
  var leaving: Leaving? { box.facts.leaving }

  /// The parameter, from 0, whose value a function refused; the call knows where that was given.
  var refusedParameter: Int? {
    get { box.facts.refusedParameter }
    set { self[\.refusedParameter] = newValue }
  }

  /// Creates an error.
  public init(
    code: String, message: String, span: Span? = nil, notes: [String] = [], kind: Kind = .problem
  ) {
    box = Box(Facts(code: code, message: message, span: span, notes: notes, kind: kind))
  }

  private init(_ leaving: Leaving) {
    box = Box(Facts(code: "", message: "", notes: [], kind: .control, leaving: leaving))
  }

  /// The message.
  public var description: String { message }

  static let skip = ScriptError(.turn)
  static let stop = ScriptError(.loop)
  static let giveBack = ScriptError(.function)
  static let cancelled = ScriptError(code: "V399", message: "Stopped.", kind: .cancelled)

  /// The same error with a place, where it had none.
  func at(_ place: Span) -> ScriptError {
    var error = self
    error.span = span ?? place
    return error
  }
}

/// Finds the word a person meant.
public enum NearestWord {
  /// The candidate nearest to a word, when one is near enough to propose.
  public static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    // No name is that long; the time grows with the product of the lengths.
    guard word.utf8.count <= 200 else { return nil }
    let wanted = Array(word.lowercased())
    let limit = wanted.count < 2 ? 0 : max(1, wanted.count / 3)
    var best: (word: String, distance: Int, growth: Int)?
    for candidate in candidates where candidate != word {
      let letters = Array(candidate.lowercased())
      let distance = distance(wanted, letters)
      // Of two as near, letters that stand wrongly are likelier than one too many: rosw is rows.
      let growth = abs(letters.count - wanted.count)
      if distance <= limit, (distance, growth) < (best?.distance ?? .max, best?.growth ?? .max) {
        best = (candidate, distance, growth)
      }
    }
    if let best { return best.word }
    // What was begun and not finished.
    guard wanted.count >= 2 else { return nil }
    return candidates.filter { $0 != word && $0.lowercased().hasPrefix(String(wanted)) }
      .min { $0.count < $1.count }
  }

  /// “did you mean …?” when one is near, then all of them.
  public static func notes(for word: String, among candidates: [String], kind: String) -> [String] {
    let near = nearest(to: word, among: candidates).map { ["did you mean `\($0)`?"] } ?? []
    let all = candidates.prefix(20).joined(separator: ", ")
    return near
      + (candidates.isEmpty ? [] : ["\(kind): \(all)\(candidates.count > 20 ? ", …" : "")"])
  }

  /// The edits between two words, two neighbours swapped counting as one.
  static func distance(_ a: [Character], _ b: [Character]) -> Int {
    guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1...a.count {
      var current = [i] + [Int](repeating: 0, count: b.count)
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        current[j] = min(last[j] + 1, current[j - 1] + 1, last[j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          current[j] = min(current[j], beforeLast[j - 2] + 1)
        }
      }
      beforeLast = last
      last = current
    }
    return last[b.count]
  }
}
