import Script
import Store

/// `disconnect "Blog"`: forgets the connection, never the data.
struct DisconnectCommand: Command {
  static let signature = CommandSignature(
    name: "disconnect",
    summary: "Forgets a connection; the data stays, and it can be restored.",
    slots: [Slot("name", kind: .connection, isRequired: true, summary: "its name")],
    examples: ["disconnect \"Blog\""])

  private let connections: Connections
  private let mirror: ConnectionMirror
  private let rows: RowTable
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    mirror = session.mirror
    rows = session.rows
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    try await mirror.sync()
    let saved = try connections.find(call.text("name") ?? "")
    try connections.store.connections.delete(saved.id)
    if connections.open?.saved.id == saved.id {
      connections.close()
      rows.clear()
    }
    try await mirror.push()
    console.message(
      "“\(saved.name)” is disconnected; nothing in Notion changed. "
        + "Back again: connections restore \"\(saved.name)\"")
    return .nothing
  }
}
