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
    ])

  private let planner: RunPlanner
  private let settings: Settings
  private let desk: RunDesk
  private let dialogue: Dialogue
  private let console: any Console
  private let options: RunOptions
  private let isAtPrompt: Bool

  init(_ session: Session) {
    planner = RunPlanner(session)
    settings = session.settings
    desk = session.desk
    dialogue = session.dialogue
    console = session.console
    options = session.options
    isAtPrompt = session.isAtPrompt
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard let planned = try await planner.plan(call) else { return .nothing }
    let (plan, chosen) = (planned.plan, planned.engine)
    if options.isDry || settings.isOn("dry") {
      show(plan.items)
      return .nothing
    }
    try desk.checkAllowance(chosen.name)
    let limit = settings.number("ask_above") ?? 50
    if isAtPrompt, Double(plan.items.count) > limit, chosen.name != "practice" {
      let price = estimate(plan.items, chosen).map(Money.about) ?? "price unknown"
      guard
        try await dialogue.confirm(
          "\(plan.items.count) rows with \(chosen.label), \(price). Go on?")
      else { return .nothing }
    }
    try await desk.start(
      plan, engine: chosen.engine, client: planned.connection.workspace.client,
      isFresh: call.has("fresh"))
    return .nothing
  }

  // MARK: - Before it starts

  private func show(_ items: [ItemRecord]) {
    for item in items {
      let prompt = item.prompt.flatMap { try? JSON(parsing: $0) }.flatMap(Prompt.init(json:))
      let text = prompt?.text.split(whereSeparator: \.isNewline).joined(separator: " ") ?? ""
      console.result("~ \(item.title): \(text)")
    }
    console.message("\(items.count) rows would be asked; nothing was sent.")
  }

  private func estimate(_ items: [ItemRecord], _ chosen: ChosenEngine) -> Double? {
    guard let price = Prices.price(engine: chosen.name, model: chosen.model) else { return nil }
    let tokens = items.reduce(0) { $0 + TokenEstimate.tokens(in: $1.prompt ?? "") }
    return price.cost(of: Usage(inputTokens: tokens, outputTokens: items.count * 200))
  }
}
