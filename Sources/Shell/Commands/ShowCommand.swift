import Notion
import Script
import Store

/// `show`: a value, the selection whole, or one row with its body.
struct ShowCommand: Command {
  static let signature = CommandSignature(
    name: "show",
    summary: "Shows a value; all rows of the selection; one row with its body.",
    slots: [
      Slot("value", kind: .expression, summary: "what to show"),
      Slot("all", words: ["all"], kind: .flag, summary: "every row of the table last shown"),
      Slot("row", words: ["row"], kind: .number, summary: "a row's number in the table last shown"),
      Slot(
        "experiment", words: ["experiment"], kind: .number, summary: "an experiment, by its number"),
      Slot(
        "differences", words: ["differences"], kind: .flag,
        summary: "what differs between the variants that were tried"),
      Slot(
        "request", words: ["request"], kind: .number,
        summary: "what was asked for the n-th row that was tried"),
    ],
    examples: [
      "show rows where Generate", "show row 3", "show all", "show experiment 4",
      "show differences", "show request 3",
    ], choosesRow: true)

  private let connections: Connections
  private let rows: RowTable
  private let walk: RowWalk
  private let experiments: ExperimentShow
  private let presenter: Presenter

  init(_ session: Session) {
    connections = session.connections
    rows = session.rows
    walk = RowWalk(session)
    experiments = ExperimentShow(session)
    presenter = session.presenter
  }

  func run(_ call: CommandCall) async throws -> Value {
    if let number = call.number("row") {
      guard let whole = Int(exactly: number) else {
        throw ScriptError.refusal("V451", "A row's number is a whole number.", "show row 3")
      }
      _ = try await walk.go(to: whole)
      return .nothing
    }
    if let number = call.number("request") { return try experiments.request(number) }
    if call.has("experiment") || call.has("differences") {
      return try experiments.show(
        call.number("experiment"), marksDifferences: call.has("differences"))
    }
    if call.has("all") {
      let all = rows.selection?.rows ?? rows.shown
      try presenter.show(.list(all.map(Value.row)), isWhole: true)
      return .nothing
    }
    if let value = call.value("value") {
      try await presenter.showFetching(value)
      return .nothing
    }
    let connection = try connections.requireOpen()
    guard connection.source == nil,
      let id = connection.saved.pageID.flatMap(NotionID.init(parsing:))
    else {
      try presenter.show(.list((rows.selection?.rows ?? rows.shown).map(Value.row)))
      return .nothing
    }
    let blocks = try await connection.workspace.client.tree(of: id)
    presenter.showMarkdown(Markdown.text(from: blocks))
    return .nothing
  }
}
