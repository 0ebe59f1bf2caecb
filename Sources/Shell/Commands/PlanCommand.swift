import Engines
import Foundation
import Generation
import Notion
import Script
import Store
import Transport

/// `plan generate …`: what it would change, cost and take; nothing is written.
struct PlanCommand: Command {
  static let signature = CommandSignature(
    name: "plan",
    summary: "Shows what a generate would change, cost and take; nothing is written.",
    slots: [
      Slot("generate", words: ["generate"], kind: .flag, summary: "what is planned"),
      Slot(
        "samples", words: ["samples"], kind: .number,
        summary: "rows to answer for, 0 to 20; 3 when left out"),
    ] + RunPlanner.slots,
    examples: [
      "plan generate",
      "plan generate Kind, Score with \"Read: {Text}\" on rows where Kind is empty samples 5",
    ],
    givesValue: true)

  private let planner: RunPlanner
  private let desk: RunDesk
  private let store: LocalStore
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    planner = RunPlanner(session)
    desk = session.desk
    store = session.store
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard call.has("generate") else {
      throw ScriptError.refusal("V508", "Plan what?", "plan generate")
    }
    let wanted = call.number("samples") ?? 3
    guard let count = Int(exactly: wanted), (0...20).contains(count) else {
      throw ScriptError.refusal("V306", "samples takes a whole number from 0 to 20.")
    }
    guard let planned = try await planner.plan(call) else { return .nothing }
    let items = planned.plan.items
    // Spread over all rows, so that they stand for them.
    let places = (0..<min(count, items.count)).map { $0 * items.count / min(count, items.count) }
    let start = ContinuousClock.now
    let samples = try await PlanCommand.answers(
      places.map { items[$0] }, planned, desk.caching(planned.engine.engine))
    let elapsed = start.duration(to: .now)
    try desk.keepTried(
      samples.filter { !$0.isKept }.map { ($0.item, $0.usage) }, of: planned.plan)
    let records = samples.flatMap { cells(of: $0, planned) }
    if !records.isEmpty { presenter.show(.list(records)) }
    for sample in samples {
      if let problem = sample.problem {
        console.problem(Sanitizer.line("  「\(sample.item.title)」 \(problem)"))
      }
    }
    tell(planned, samples, elapsed)
    return .list(records)
  }

  // MARK: - Samples

  private struct Sample: Sendable {
    var item: ItemRecord
    var changes: [(name: String, new: String)] = []
    var problem: String?
    var usage = Usage()
    var isKept = false
    var seconds = 0.0
  }

  private nonisolated static func answers(
    _ items: [ItemRecord], _ planned: RunPlanner.Planned, _ engine: any Engine
  ) async throws -> [Sample] {
    let plan = planned.plan
    return try await withThrowingTaskGroup(of: (Int, Sample).self) { group in
      for (index, item) in items.enumerated() {
        group.addTask {
          var sample = Sample(item: item)
          guard
            let prompt = item.prompt.flatMap({ try? JSON(parsing: $0) }).flatMap(
              Prompt.init(json:))
          else { return (index, sample) }
          let start = ContinuousClock.now
          do {
            let answer = try await engine.answer(
              EngineRequest(
                prompt: prompt, model: plan.parameters.model,
                temperature: plan.parameters.temperature,
                maxOutputTokens: plan.parameters.maxOutputTokens,
                type: RunTarget.answerType(of: plan.targets),
                timeout: .seconds(plan.parameters.timeout)))
            sample.usage = answer.usage
            sample.isKept = answer.usage == Usage()
            sample.item.answer = answer.text
            sample.item.value = answer.value?.text
            sample.item.attempts = sample.isKept ? 0 : 1
            sample.changes = plan.targets.map { target in
              let part = plan.targets.count > 1 ? answer.value?[target.name] : answer.value
              return (target.name, part.map { $0.string ?? $0.text } ?? answer.text)
            }
          } catch let error as EngineError where error.scope == .row {
            sample.problem = error.message
            sample.usage = error.usage ?? Usage()
            sample.item.errorMessage = error.message
          }
          sample.seconds = (ContinuousClock.now - start) / .seconds(1)
          return (index, sample)
        }
      }
      var samples: [Int: Sample] = [:]
      for try await (index, sample) in group { samples[index] = sample }
      return samples.sorted { $0.key < $1.key }.map(\.value)
    }
  }

  /// A line for each cell: what stands there, and what would.
  private func cells(of sample: Sample, _ planned: RunPlanner.Planned) -> [Value] {
    let before = sample.item.before.flatMap { try? JSON(parsing: $0) }
    return zip(planned.plan.targets, sample.changes).map { target, change in
      var old = Value.nothing
      if case .property(let schema) = target, let kept = before?["values"]?[schema.id], !kept.isNull
      {
        old = .text(kept.string ?? kept.text)
      }
      return .record(
        Record([
          ("Row", .text(sample.item.title)), ("Property", .text(change.name)), ("Old", old),
          ("New", .text(change.new)),
        ]))
    }
  }

  // MARK: - What it takes

  private func tell(
    _ planned: RunPlanner.Planned, _ samples: [Sample], _ elapsed: Duration
  ) {
    let plan = planned.plan
    let total = plan.items.count
    let answered = samples.filter { $0.problem == nil }
    let left = total - answered.count
    var line = "\(total) \(total == 1 ? "row" : "rows") with \(planned.engine.label)"
    if planned.skipped > 0 { line += " · \(planned.skipped) skipped" }
    if !answered.isEmpty { line += " · \(answered.count) answered already" }
    console.message(line)

    let input = plan.items.reduce(0) { sum, item in
      sum + TokenEstimate.tokens(in: item.prompt ?? "")
    }
    let paid = samples.filter { !$0.isKept && $0.usage.outputTokens > 0 }
    let perAnswer =
      paid.isEmpty
      ? 200 : paid.reduce(0) { $0 + $1.usage.outputTokens } / paid.count
    let inputLeft = total == 0 ? 0 : input * left / total
    let outputLeft = perAnswer * left
    console.message(
      "about \(inputLeft) tokens in and \(outputLeft) out are still to come"
        + (paid.isEmpty ? " (no sample tells how long answers are)" : ""))
    if planned.engine.name == "practice" {
      console.message("free")
    } else if let price = Prices.price(engine: planned.engine.name, model: planned.engine.model) {
      let expected = price.cost(of: Usage(inputTokens: inputLeft, outputTokens: outputLeft))
      // Prompts are estimated within a quarter; answers vary by half, thinking by more.
      let low = expected * 0.6
      let high = expected * 1.6
      let spent = samples.reduce(0) { $0 + price.cost(of: $1.usage) }
      var money = "\(Money.about(expected)) (\(Money.text(low)) to \(Money.text(high)))"
      money += ", prices of \(Prices.date)"
      if spent > 0 { money += "; the samples cost \(Money.text(spent))" }
      console.message(money)
    } else {
      console.message("price unknown: “\(planned.engine.model)” is in no price list of Visen's")
    }
    let writes = plan.targets.isEmpty ? 0 : total
    let reads = plan.parameters.isStrict ? total : 0
    var time = ""
    let seconds = samples.filter { !$0.isKept }.map(\.seconds)
    if !seconds.isEmpty || planned.connection.workspace.name == .notion {
      let mean = seconds.isEmpty ? 0 : seconds.reduce(0, +) / Double(seconds.count)
      let engineFloor = mean * Double(left) / Double(plan.parameters.width)
      let notionFloor =
        planned.connection.workspace.name == .notion ? Double(reads + writes) / 3 : 0
      let floor = max(engineFloor, notionFloor)
      if floor >= 1 { time = "; about \(Clock.text(.seconds(floor)))" }
    }
    let pack = plan.parameters.packed
    let questions = (left + pack - 1) / pack
    console.message(
      "\(questions) \(questions == 1 ? "request" : "requests") to the engine, "
        + "\(reads + writes) to Notion\(time)")
    console.message("Nothing was written. Do it: generate")
  }
}
