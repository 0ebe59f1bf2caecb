import Engines
import Generation
import Script
import Store
import Transport

/// The money of one start of the program: what was spent, and what may still be.
///
/// `--max-cost` bounds everything that a start of the program spends: runs, trials, `ask`, and `ai` in
/// a script's loops. `budget` bounds each run, and what the `ai` of one input spend together.
final class Spending {
  private let options: RunOptions
  private let settings: Settings
  private var total = 0.0
  private var ofRuns: [Int64: Double] = [:]
  /// Asks within what may be spent; made anew when something else has spent.
  private var asking: Trials?

  /// An answer that `ai` got, as the journal keeps it.
  struct Answered {
    let item: ItemRecord
    let usage: Usage
    let cost: Double?
    let engine: ChosenEngine
  }

  /// What the `ai` of the current input got and the journal does not have yet.
  private var answered: [Answered] = []
  /// How many answers the `ai` of the current input got, and for how much; `nil` when a price is
  /// unknown.
  private(set) var told: (answers: Int, cost: Double?) = (0, 0)

  /// So many answers go into the journal together.
  private static let part = 200

  init(options: RunOptions, settings: Settings) {
    self.options = options
    self.settings = settings
  }

  /// The most, in US dollars, that a run may have spent in all; `nil` for no limit.
  ///
  /// - Parameter run: A run that goes on; `nil` for what begins.
  func limit(ofRun run: Int64? = nil) -> Double? {
    guard let most = options.maxCost else { return settings.number("max_cost") }
    return max(0, most - total + (run.flatMap { ofRuns[$0] } ?? 0))
  }

  /// Counts what was spent elsewhere.
  func note(_ cost: Double, run: Int64? = nil) {
    guard cost > 0 else { return }
    total += cost
    if let run { ofRuns[run, default: 0] += cost }
    asking = nil
  }

  /// Asks within what may be spent.
  ///
  /// - Parameter onPiece: Told of the answer's text as it arrives; `nil` when nobody looks.
  /// - Returns: The answer or the problem, with what was billed.
  /// - Throws: A refusal with which a program ends when the money does not hold the question.
  func answer(
    _ request: EngineRequest, of engine: any Engine,
    onPiece: (@Sendable (AnswerPiece) -> Void)? = nil
  ) async throws -> Trials.Outcome {
    let asking = asking ?? Trials(width: max(64, width), maxCost: limit())
    self.asking = asking
    let result = await asking.ask(
      [Trials.Question(place: 0, engine: engine, request: request)], onPiece: onPiece)
    if result.isCancelled { throw CancellationError() }
    guard let outcome = result.outcomes[0] else {
      throw ScriptError.budget(
        "V504", "The budget is used up: it does not hold another question.",
        options.maxCost == nil ? "go on with more: budget …" : "start again with more: --max-cost …"
      )
    }
    total += outcome.cost ?? 0
    return outcome
  }

  /// The same where a problem is no outcome.
  func answered(
    _ request: EngineRequest, by engine: any Engine,
    onPiece: (@Sendable (AnswerPiece) -> Void)? = nil
  ) async throws -> Answer {
    let outcome = try await answer(request, of: engine, onPiece: onPiece)
    if let problem = outcome.problem { throw problem }
    guard let answer = outcome.answer else { throw CancellationError() }
    return answer
  }

  private var width: Int { settings.number("parallel").flatMap { Int(exactly: $0) } ?? 8 }

  /// Begins an input: its `ai` have the whole budget.
  func begin() {
    asking = nil
    answered = []
    told = (0, 0)
  }

  /// Counts an answer of `ai`.
  ///
  /// - Returns: Answers to put into the journal now, so that many are never in memory together.
  func keep(_ answer: Answered) -> [Answered] {
    told.answers += 1
    told.cost = told.cost.flatMap { sum in answer.cost.map { sum + $0 } }
    answered.append(answer)
    return answered.count >= Spending.part ? take() : []
  }

  /// The answers that the journal does not have yet.
  func take() -> [Answered] {
    defer { answered = [] }
    return answered
  }
}
