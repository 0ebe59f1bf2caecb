import Script
import Store

/// `use "Blog"`: opens a connection where it was left.
struct UseCommand: Command {
  static let signature = CommandSignature(
    name: "use",
    summary: "Opens a saved connection where you left it.",
    slots: [Slot("name", kind: .connection, isRequired: true, summary: "its name")],
    examples: ["use \"Blog\""],
    opensConnection: "name")

  private let connections: Connections
  private let mirror: ConnectionMirror
  private let rows: RowTable
  private let console: any Console
  private let store: LocalStore
  private let isAtPrompt: Bool

  init(_ session: Session) {
    connections = session.connections
    mirror = session.mirror
    rows = session.rows
    console = session.console
    store = session.store
    isAtPrompt = session.isAtPrompt
  }

  func run(_ call: CommandCall) async throws -> Value {
    try await mirror.sync()
    let saved = try connections.find(call.text("name") ?? "")
    rows.clear()
    let connection = try await connections.use(saved)
    // A script knows what it opens; a person is reminded.
    if isAtPrompt {
      var facts = [connection.name]
      if let prompt = saved.promptText { facts.append("prompt “\(prompt.prefix(60))”") }
      if let engine = saved.engine { facts.append(engine) }
      console.message(facts.joined(separator: " · "))
    }
    if let run = try store.journal.lastUnfinished(connection: saved.name) {
      let counts = try store.journal.counts(ofRun: run.id)
      console.message("\(counts.left) of \(counts.total) left in run \(run.id): resume")
    }
    for batch in try store.journal.openBatches() {
      guard let run = try store.journal.run(batch.runID), run.connection == saved.name else {
        continue
      }
      console.message(
        "\(batch.questions) questions of run \(run.id) are in batch \(batch.id): collect \(batch.id)"
      )
    }
    return .nothing
  }
}
