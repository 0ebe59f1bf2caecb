import Script

/// `budget 2.00`: the most one run may spend.
struct BudgetCommand: Command {
  static let signature = CommandSignature(
    name: "budget",
    summary:
      "Sets the most one run may spend, in dollars; a run stops within it and can be resumed.",
    slots: [Slot("amount", kind: .word, summary: "dollars, or none; what it is when left out")],
    examples: ["budget 2.00", "budget none", "budget"])

  private let settings: Settings
  private let console: any Console

  init(_ session: Session) {
    settings = session.settings
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    switch call.text("amount") {
    case nil: break
    case "none"?: try settings.unset("max_cost")
    case let amount?: try settings.set("max_cost", to: amount)
    }
    console.message(
      settings.number("max_cost").map { "Budget: \(Money.text($0)) for one run" }
        ?? "No budget; set one: budget 2.00")
    return .nothing
  }
}
