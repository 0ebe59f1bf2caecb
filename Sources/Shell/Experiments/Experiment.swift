import Engines
import Script
import Store
import Transport

/// Prompts and engines that were tried on rows, as a session holds them.
struct Experiment {
  /// What the store keeps of it.
  var record: ExperimentRecord
  /// The variants that the last `try` added.
  var latest: Range<Int>

  /// The letter of a variant, from `A` on.
  nonisolated static func letter(_ variant: Int) -> String {
    UnicodeScalar(UInt8(65 + min(max(0, variant), 25))).description
  }

  /// The most variants that have a letter.
  static let mostVariants = 26

  var letters: [String] { record.variants.indices.map(Experiment.letter) }

  /// The variant of a letter, whatever its case.
  ///
  /// - Throws: A refusal that names the letters.
  func variant(_ letter: String) throws -> Int {
    if let index = letters.firstIndex(of: letter.uppercased()) { return index }
    throw ScriptError.refusal(
      "V513", letter.isEmpty ? "Keep which?" : "There is no variant \(letter).",
      "keep \(letters.joined(separator: ", keep "))")
  }
}

/// The experiment at hand, so that it can be kept and rated without being asked again.
final class Bench {
  private let store: LocalStore
  /// The experiment at hand.
  var current: Experiment?
  /// Pages into which answers were kept one by one since the last `keep for all`.
  var keptPages: Set<String> = []

  init(store: LocalStore) { self.store = store }

  /// The experiment at hand; after a new start the last one of the connection.
  ///
  /// - Throws: A refusal when nothing was tried yet.
  func require(connection: String?) throws -> Experiment {
    if let current, connection == nil || current.record.connection == connection { return current }
    let kept = try store.experiments.all().first {
      connection == nil || $0.connection == connection
    }
    guard let kept else {
      throw ScriptError.refusal("V512", "Nothing was tried yet.", "try \"…\" on 3 rows")
    }
    return try open(kept.id)
  }

  /// Opens an experiment by its number.
  @discardableResult
  func open(_ id: Int64) throws -> Experiment {
    if let current, current.record.id == id { return current }
    guard let record = try store.experiments.find(id) else {
      throw ScriptError.refusal(
        "V518", "There is no experiment \(id).", "all of them: experiments")
    }
    let experiment = Experiment(record: record, latest: 0..<record.variants.count)
    current = experiment
    return experiment
  }

  /// Opens an experiment by the number that a person gave.
  func open(_ number: Double) throws -> Experiment {
    guard let id = Int64(exactly: number) else {
      throw ScriptError.refusal("V518", "An experiment's number is a whole number.")
    }
    return try open(id)
  }

  /// Keeps an experiment and makes it the one at hand.
  func keep(_ experiment: Experiment) throws {
    var experiment = experiment
    experiment.record.id = try store.experiments.keep(experiment.record)
    current = experiment
  }
}

extension TriedCell {
  /// The sign of what went wrong; empty when nothing did.
  nonisolated var mark: String {
    switch errorCode {
    case nil: failedChecks.isEmpty ? "" : "✗"
    case EngineError.Code.cutShort.rawValue: "✂"
    case EngineError.Code.blocked.rawValue: "⊘"
    default: "⚠"
    }
  }

  /// What went wrong in a word; `nil` when nothing did.
  nonisolated var trouble: String? {
    switch errorCode {
    case nil: nil
    case EngineError.Code.cutShort.rawValue: "cut"
    case EngineError.Code.blocked.rawValue: "blocked"
    case EngineError.Code.invalidAnswer.rawValue: "invalid"
    default: "failed"
    }
  }

  /// The answer, or what stands in its place.
  nonisolated var shown: String {
    if let trouble { return "\(mark) \(trouble): \(errorMessage ?? "")" }
    let document = value.flatMap { try? JSON(parsing: $0) }
    return document.map { $0.string ?? $0.text } ?? answer ?? ""
  }

  /// Whether it cost nothing because it was asked before.
  nonisolated var isFree: Bool { inputTokens == 0 && outputTokens == 0 }

  /// Time, tokens and money, and the checks that fail.
  nonisolated func figures(isPractice: Bool) -> String {
    var parts = [Clock.text(.seconds(seconds))]
    if isFree, errorCode == nil {
      parts.append("kept from before")
    } else {
      parts.append("\(inputTokens + outputTokens) tokens")
      parts.append(isPractice ? "free" : cost.map(Money.text) ?? "price unknown")
    }
    let failed = failedChecks.map { "✗ \($0)" }
    return (failed + parts).joined(separator: " · ")
  }
}

extension PromptVersion {
  /// “intro, version 2”, or “version 2” of the connection's own.
  nonisolated var words: String { (name.map { $0 + ", " } ?? "") + "version \(number)" }
}

extension VariantRecord {
  /// The engine with its model; the practice engine has no models to tell apart.
  nonisolated var engineLabel: String { engine == "practice" ? engine : "\(engine)/\(model)" }
}
