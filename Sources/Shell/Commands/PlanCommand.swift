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
    ] + RunPlanner.slots + [RunPlanner.batchSlot],
    examples: [
      "plan generate",
      "plan generate Kind, Score with \"Read: {Text}\" on rows where Kind is empty samples 5",
    ],
    givesValue: true)

  private let planner: RunPlanner
  private let desk: RunDesk
  private let engines: EngineRoster
  private let settings: Settings
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    planner = RunPlanner(session)
    desk = session.desk
    engines = session.engines
    settings = session.settings
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
    defer { try? planned.draft.discard() }
    let samples = try await PlanCommand.answers(
      try planned.draft.samples(count), planned.plan, desk.caching(planned.engine.engine))
    try desk.keepTried(
      samples.filter { !$0.isKept }.map { ($0.item, $0.usage) }, of: planned.plan)
    let records = samples.flatMap { cells(of: $0, planned) }
    if !records.isEmpty { try presenter.show(.list(records)) }
    for sample in samples {
      if let problem = sample.problem {
        console.problem(Sanitizer.line("  「\(sample.item.title)」 \(problem)"))
      }
    }
    tell(planned, samples, asBatch: call.has("batch"))
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
    _ items: [ItemRecord], _ plan: RunPlan, _ engine: any Engine
  ) async throws -> [Sample] {
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
                type: RunTarget.answerType(of: plan.targets, as: plan.parameters.shapes),
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

  private func tell(_ planned: RunPlanner.Planned, _ samples: [Sample], asBatch: Bool) {
    let plan = planned.plan
    let total = planned.draft.rows
    let answered = samples.filter { $0.problem == nil }
    let left = total - answered.count
    var line = "\(total) \(total == 1 ? "row" : "rows") with \(planned.engine.label)"
    if !answered.isEmpty { line += " · \(answered.count) answered already" }
    console.message(line)
    if let skipped = planned.skipped.text { console.message(skipped) }

    let paid = samples.filter { !$0.isKept && $0.usage.outputTokens > 0 }
    let lengths = paid.map(\.usage.outputTokens)
    let perAnswer =
      paid.isEmpty
      ? min(200, plan.parameters.maxOutputTokens ?? 200)
      : lengths.reduce(0, +) / paid.count
    let inputLeft = total == 0 ? 0 : planned.draft.inputTokens * left / total
    let outputLeft = perAnswer * left
    console.message(
      "about \(inputLeft) tokens in and \(outputLeft) out are still to come"
        + (paid.isEmpty ? " (no sample tells how long answers are)" : ""))
    tellMoney(
      planned, input: inputLeft, output: outputLeft, lengths: lengths, samples, asBatch: asBatch)
    tellTime(planned, samples, left: left, asBatch: asBatch)
    console.message("Nothing was written. Do it: generate\(asBatch ? " as batch" : "")")
  }

  private func tellMoney(
    _ planned: RunPlanner.Planned, input: Int, output: Int, lengths: [Int], _ samples: [Sample],
    asBatch: Bool
  ) {
    let engine = planned.engine
    guard engine.name != "practice" else {
      console.message("free")
      return
    }
    guard let dated = Prices.dated(engine: engine.name, model: engine.model) else {
      console.message(
        "price unknown: “\(engine.model)” is in no price list; "
          + "say it: price \"\(engine.label)\" input 0.10 output 0.50")
      return
    }
    // Prompts are estimated within a quarter; answers as the samples differ, and by half at least.
    let mean = lengths.isEmpty ? 0 : Double(lengths.reduce(0, +)) / Double(lengths.count)
    let spread = Double((lengths.max() ?? 0) - (lengths.min() ?? 0)) / max(1, mean) / 2
    let doubt = lengths.isEmpty ? 1.0 : min(1.5, max(0.5, spread))
    let price = asBatch ? dated.price.inBatch : dated.price
    func cost(_ inputs: Double, _ outputs: Double) -> Double {
      price.cost(
        of: Usage(
          inputTokens: Int(Double(input) * inputs), outputTokens: Int(Double(output) * outputs)))
    }
    let spent = samples.reduce(0) { $0 + dated.price.cost(of: $1.usage) }
    var money = "\(Money.about(cost(1, 1))) (\(Money.text(cost(0.75, max(0.2, 1 - doubt)))) to "
    money += "\(Money.text(cost(1.25, 1 + doubt)))), "
    money += dated.isGiven ? "your price of \(dated.date)" : "prices of \(dated.date)"
    if spent > 0 { money += "; the samples cost \(Money.text(spent))" }
    console.message(money)
    if asBatch {
      console.message("that is the price of a batch, half of the usual")
    } else if engine.engine.batches != nil, cost(1, 1) > 1 || planned.draft.rows > 500 {
      console.message("as batch: \(Money.about(cost(1, 1) / 2)), answered within a day or two")
    }
    if let limit = planned.plan.parameters.maxCost {
      console.message(
        cost(1, 1) <= limit
          ? "the budget of \(Money.text(limit)) holds it"
          : "the budget of \(Money.text(limit)) will stop it before the end; then: budget …, resume"
      )
    }
  }

  /// Requests and time: what waits longest, the engine or Notion, decides.
  private func tellTime(
    _ planned: RunPlanner.Planned, _ samples: [Sample], left: Int, asBatch: Bool
  ) {
    let plan = planned.plan
    let total = planned.draft.rows
    let pack = plan.parameters.packed
    let questions = (left + pack - 1) / pack
    let writes = plan.targets.isEmpty ? 0 : total
    let reads = plan.parameters.isStrict ? total : 0
    let isRemote = planned.connection.workspace.name == .notion
    let rate = settings.number("notion_rate") ?? 180
    let notion = isRemote ? max(0, (Double(reads + writes) / rate - 1) * 60) : 0

    let seconds = samples.filter { !$0.isKept }.map(\.seconds)
    let mean = seconds.isEmpty ? 0 : seconds.reduce(0, +) / Double(seconds.count)
    var engine = asBatch ? 0 : mean * Double(questions) / Double(plan.parameters.width)
    let limits = asBatch ? [] : engines.knownLimits(of: planned.engine)
    var binding: EngineLimit?
    for limit in limits where limit.unit == .requests {
      let spans = Double((questions + limit.amount - 1) / limit.amount - 1)
      let floor = max(0, spans) * (limit.span / .seconds(1))
      if floor > engine { (engine, binding) = (floor, limit) }
    }
    let floor = max(engine, notion)
    var time = ""
    if floor >= 1 {
      let whose = engine >= notion ? planned.engine.name : "Notion"
      time = "; about \(Clock.text(.seconds(floor))), as \(whose) allows"
    }
    let asked =
      asBatch
      ? "\(questions) \(questions == 1 ? "question" : "questions") in a batch, answered within a day or two"
      : "\(questions) \(questions == 1 ? "request" : "requests") to the engine"
    console.message(
      "\(asked), "
        + "\(reads + writes) to Notion\(time)")
    if let binding {
      console.message(
        "\(planned.engine.name) takes \(binding.text)"
          + (pack == 1 && questions > binding.amount
            ? "; ask several rows at once: generate … packed 20" : ""))
    }
  }
}
