import Script
import Store

/// `experiments`: what was tried.
struct ExperimentsCommand: Command {
  static let signature = CommandSignature(
    name: "experiments",
    summary: "Lists what was tried; show experiment 4 opens one again.",
    slots: [], examples: ["experiments", "show experiment 4", "save experiment 4 to \"x.html\""],
    givesValue: true)

  private let store: LocalStore
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let records = try store.experiments.all().map { experiment in
      Value.record(
        Record([
          ("Experiment", .number(Double(experiment.id))),
          ("When", .text(String(experiment.createdAt.prefix(16)).replacing("T", with: " "))),
          ("Connection", .text(experiment.connection)),
          ("Rows", .number(Double(experiment.rows))),
          ("Variants", .number(Double(experiment.variants))),
          ("Rated", .number(Double(experiment.rated))),
          ("Cost", experiment.cost.map { .text(Money.text($0)) } ?? .nothing),
          ("Prompt", .text(experiment.prompt)),
        ]))
    }
    if records.isEmpty { console.message("Nothing was tried yet: try \"…\" on 3 rows") }
    try presenter.show(.list(records))
    return .list(records)
  }
}
