import Foundation
import Script
import Store

/// How often each variant was the best, and whether that tells anything.
nonisolated struct Ratings {
  /// A count of wins out of comparisons; answers that say the same share a win.
  struct Score {
    var wins = 0.0
    var compared = 0

    /// The share of wins with the bounds between which it lies in 95 of 100 cases.
    ///
    /// - Source: E. B. Wilson, “Probable inference, the law of succession, and statistical
    ///   inference”, 1927.
    var interval: (share: Double, low: Double, high: Double)? {
      guard compared > 0 else { return nil }
      let n = Double(compared)
      let p = wins / n
      let z = 1.959_964
      let middle = (p + z * z / (2 * n)) / (1 + z * z / n)
      let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
      return (p, max(0, middle - half), min(1, middle + half))
    }

    /// “60 % (31–83)”.
    var text: String {
      guard let interval else { return "–" }
      func percent(_ share: Double) -> Int { Int((share * 100).rounded()) }
      return
        "\(percent(interval.share)) % (\(percent(interval.low))–\(percent(interval.high)))"
    }
  }

  let experiment: ExperimentRecord
  /// The winners of each rated row; none where no answer was better.
  let winners: [Int: [Int]]

  /// The score of variants that belong together: one, or all of a prompt or engine.
  func score(of variants: Set<Int>) -> Score {
    var score = Score()
    for (row, best) in winners {
      guard experiment.cells.indices.contains(row),
        variants.contains(where: { experiment.cells[row][$0]?.answer != nil })
      else { continue }
      score.compared += 1
      guard !best.isEmpty else { continue }
      score.wins += Double(best.count { variants.contains($0) }) / Double(best.count)
    }
    return score
  }

  /// What can be said of the best and the next best: sentences that never say too much.
  ///
  /// Where there are several prompts and several engines, each is told of by itself as well.
  var verdicts: [String] {
    guard experiment.variants.count > 1, !winners.isEmpty else { return ["Nothing was compared."] }
    var sentences = [
      verdict(experiment.variants.indices.map { (Experiment.letter($0), [$0]) })
    ]
    let prompts = groups(\.prompt)
    let engines = groups(\.engineLabel)
    if prompts.count > 1, engines.count > 1 {
      sentences.append("Prompts: " + verdict(prompts.map { ("“\($0.name)”", $0.variants) }))
      sentences.append("Engines: " + verdict(engines))
    }
    return sentences
  }

  private func verdict(_ groups: [(name: String, variants: Set<Int>)]) -> String {
    let scored = groups.enumerated().map {
      (place: $0, group: $1, wins: score(of: $1.variants).wins)
    }
    .sorted { ($1.wins, $0.place) < ($0.wins, $1.place) }.map(\.group)
    guard let best = scored.first else { return "Nothing was compared." }
    for next in scored.dropFirst() {
      func won(_ group: Set<Int>, _ other: Set<Int>) -> Int {
        winners.values.count { !group.isDisjoint(with: $0) && other.isDisjoint(with: $0) }
      }
      let (ahead, behind) = (
        won(best.variants, next.variants), won(next.variants, best.variants)
      )
      // Those that always said the same cannot be told apart; the next one may.
      guard ahead + behind > 0 else { continue }
      let chance = Ratings.chance(ahead, behind)
      if chance < 0.05 { return "\(best.name) is better than \(next.name): \(ahead) to \(behind)." }
      let times = Int((chance * 100).rounded())
      return "Too few to tell: \(best.name) to \(next.name) is \(ahead) to \(behind), which "
        + "tossing a coin gives \(times) times in 100."
    }
    return "No answer was better than another."
  }

  /// How likely a difference at least as large is when neither is better: the sign test, both sides.
  static func chance(_ a: Int, _ b: Int) -> Double {
    let n = a + b
    guard n > 0 else { return 1 }
    func logChoose(_ k: Int) -> Double {
      lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
    }
    let tail = (0...min(a, b)).reduce(0.0) { $0 + exp(logChoose($1) - Double(n) * log(2.0)) }
    return min(1, 2 * tail)
  }

  // MARK: - As a table

  /// A record for each variant, then for each prompt and each engine where there are several.
  var records: [Value] {
    var records = experiment.variants.enumerated().map { place, variant in
      record(
        Experiment.letter(place), [place], prompt: variant.prompt, engine: variant.engineLabel)
    }
    let prompts = groups(\.prompt)
    let engines = groups(\.engineLabel)
    if prompts.count > 1, engines.count > 1 {
      // Told apart by what they are, as the last columns may not fit.
      records += prompts.map {
        let name = "“\(DisplayWidth.cut(Sanitizer.line($0.name), to: 24))”"
        return record(name, $0.variants, prompt: $0.name, engine: "all")
      }
      records += engines.map { record($0.name, $0.variants, prompt: "all", engine: $0.name) }
    }
    return records
  }

  private func groups(_ key: (VariantRecord) -> String) -> [(name: String, variants: Set<Int>)] {
    var groups: [(name: String, variants: Set<Int>)] = []
    for (place, variant) in experiment.variants.enumerated() {
      if let index = groups.firstIndex(where: { $0.name == key(variant) }) {
        groups[index].variants.insert(place)
      } else {
        groups.append((key(variant), [place]))
      }
    }
    return groups
  }

  private func record(
    _ name: String, _ variants: Set<Int>, prompt: String, engine: String
  ) -> Value {
    let figures = VariantFigures(experiment, variants)
    var fields: [(String, Value)] = [("Variant", .text(name))]
    if !winners.isEmpty {
      let score = score(of: variants)
      let wins = (score.wins * 10).rounded() / 10
      fields += [
        ("Wins", .text("\(Value.number(wins).display) of \(score.compared)")),
        ("Share (95 %)", .text(score.text)),
      ]
    }
    fields += [
      ("Time", .text(figures.seconds.map { Clock.text(.seconds($0)) } ?? "–")),
      ("Cost", .text(figures.costText)),
      ("Length", figures.length.map { .number($0.rounded()) } ?? .nothing),
      ("Failed", .number(Double(figures.failed))),
      ("Checks failed", .number(Double(figures.failedChecks))),
      ("Engine", .text(engine)), ("Prompt", .text(prompt)),
    ]
    return .record(Record(fields))
  }
}

/// What variants took: means over their answers, sums of money.
nonisolated struct VariantFigures {
  /// Mean seconds of the answers that were asked for; `nil` when all were kept from before.
  let seconds: Double?
  /// Tokens billed.
  let tokens: Int
  /// Dollars; `nil` when the price of some is unknown.
  let cost: Double?
  /// Mean characters of an answer; `nil` without any.
  let length: Double?
  /// Questions without an answer.
  let failed: Int
  /// Answers that fail a check.
  let failedChecks: Int
  /// Questions that were never sent.
  let left: Int
  private let isPractice: Bool

  init(_ experiment: ExperimentRecord, _ variants: Set<Int>) {
    let all = experiment.cells.flatMap { row in variants.map { row[$0] } }
    let cells = all.compactMap(\.self)
    left = all.count - cells.count
    let asked = cells.filter { !$0.isFree }
    seconds =
      asked.isEmpty ? nil : asked.reduce(0) { $0 + $1.seconds } / Double(asked.count)
    tokens = cells.reduce(0) { $0 + $1.inputTokens + $1.outputTokens }
    cost = cells.reduce(0.0) { sum, cell in sum.flatMap { sum in cell.cost.map { sum + $0 } } }
    let answers = cells.compactMap(\.answer)
    length =
      answers.isEmpty ? nil : Double(answers.reduce(0) { $0 + $1.count }) / Double(answers.count)
    failed = cells.count { $0.errorCode != nil }
    failedChecks = cells.count { !$0.failedChecks.isEmpty }
    isPractice = variants.allSatisfy { experiment.variants[$0].engine == "practice" }
  }

  /// “free”, “$0.0012”, “price unknown”.
  var costText: String { isPractice ? "free" : cost.map(Money.text) ?? "price unknown" }
}
