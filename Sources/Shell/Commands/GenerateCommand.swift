import Engines
import Generation
import Notion
import Script
import Store
import Transport

/// `generate`: a prompt for each row, the answers into properties or bodies.
struct GenerateCommand: Command {
  static let signature = CommandSignature(
    name: "generate",
    summary: "Asks the prompt for each row, and writes the answers.",
    slots: RunPlanner.slots + [
      RunPlanner.batchSlot,
      Slot(
        "force", words: ["force"], kind: .flag,
        summary: "also cells that somebody changes meanwhile"),
      Slot(
        "fresh", words: ["fresh"], kind: .flag,
        summary: "ask anew what was answered before to the same words"),
    ],
    examples: [
      "generate",
      "generate Content with \"Write an intro about {Topic}\" on rows where Generate",
      "generate with \"Summarise {Text}\" packed 20",
      "generate Kind, Score, Summary with \"Read: {Text}\"",
      "generate as batch",
    ])

  private let planner: RunPlanner
  private let settings: Settings
  private let desk: RunDesk
  private let batches: BatchDesk
  private let dialogue: Dialogue
  private let console: any Console
  private let options: RunOptions
  private let isAtPrompt: Bool

  init(_ session: Session) {
    planner = RunPlanner(session)
    settings = session.settings
    desk = session.desk
    batches = session.batches
    dialogue = session.dialogue
    console = session.console
    options = session.options
    isAtPrompt = session.isAtPrompt
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard let planned = try await planner.plan(call) else { return .nothing }
    do {
      if options.isDry || settings.isOn("dry") {
        try show(planned)
        try planned.draft.discard()
        return .nothing
      }
      guard try await mayStart(planned, asBatch: call.has("batch")) else {
        try planned.draft.discard()
        return .nothing
      }
    } catch {
      try planned.draft.discard()
      throw error
    }
    if call.has("batch") {
      try await batches.start(planned, isFresh: call.has("fresh"))
    } else {
      try await desk.start(planned, isFresh: call.has("fresh"))
    }
    return .nothing
  }

  // MARK: - Before it starts

  private func mayStart(_ planned: RunPlanner.Planned, asBatch: Bool) async throws -> Bool {
    let chosen = planned.engine
    try desk.checkAllowance(chosen.name)
    let limit = settings.number("ask_above") ?? 50
    guard isAtPrompt, Double(planned.draft.rows) > limit, chosen.name != "practice" else {
      return true
    }
    let price =
      Prices.price(engine: chosen.name, model: chosen.model).map { price in
        Money.about(
          (asBatch ? price.inBatch : price).cost(
            of: Usage(
              inputTokens: planned.draft.inputTokens, outputTokens: planned.draft.rows * 200)))
      } ?? "price unknown"
    return try await dialogue.confirm(
      "\(planned.draft.rows) rows with \(chosen.label), \(price). Go on?")
  }

  private func show(_ planned: RunPlanner.Planned) throws {
    try planned.draft.each { item in
      let prompt = item.prompt.flatMap { try? JSON(parsing: $0) }.flatMap(Prompt.init(json:))
      let text = prompt?.text.split(whereSeparator: \.isNewline).joined(separator: " ") ?? ""
      console.result("~ \(item.title): \(text)")
    }
    if let skipped = planned.skipped.text { console.message(skipped) }
    console.message("\(planned.draft.rows) rows would be asked; nothing was sent.")
  }
}
