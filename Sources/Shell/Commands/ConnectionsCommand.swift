import Notion
import Script
import Store

/// `connections`: the saved connections.
struct ConnectionsCommand: Command {
  static let signature = CommandSignature(
    name: "connections",
    summary:
      "Lists the saved connections; restores one; makes or repairs their database in Notion.",
    slots: [
      Slot("restore", words: ["restore"], kind: .text, summary: "a disconnected one to bring back"),
      Slot(
        "init", words: ["init"], kind: .flag,
        summary: "make a database in Notion that mirrors them"),
      Slot(
        "repair", words: ["repair"], kind: .flag,
        summary: "put right what the columns of that database lack"),
      Slot("under", words: ["under"], kind: .text, summary: "the page to make it in"),
    ],
    examples: [
      "connections", "connections restore \"Blog\"", "connections init under \"PAGE URL\"",
      "connections repair",
    ],
    givesValue: true)

  private let connections: Connections
  private let mirror: ConnectionMirror
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    mirror = session.mirror
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    if call.has("init") {
      try await mirror.create(under: call.text("under"))
      return .nothing
    }
    if call.has("repair") {
      try await mirror.repair()
      return .nothing
    }
    if let name = call.text("restore") {
      guard let saved = try connections.store.connections.restore(named: name) else {
        let gone = try connections.store.connections.deleted().map(\.name)
        throw ScriptError(
          code: "V403", message: "No disconnected connection is called “\(name)”.",
          notes: gone.isEmpty
            ? ["none was disconnected; those that are there: connections"]
            : NearestWord.notes(for: name, among: gone, kind: "disconnected"), kind: .problem)
      }
      try await mirror.push()
      console.message("“\(saved.name)” is back. Open it: use \"\(saved.name)\"")
      return .nothing
    }
    try await mirror.sync()
    let all = try connections.store.connections.all()
    if all.isEmpty {
      console.message("There is no connection yet. Make one: connect \"Blog\" to template")
    }
    let records = all.map { saved in
      Value.record(
        Record([
          ("Name", .text(saved.name)),
          ("Kind", .text(saved.kind.rawValue)),
          ("Workspace", .text(saved.workspace)),
          ("Prompt", saved.promptText.map(Value.text) ?? .nothing),
          ("Engine", saved.engine.map(Value.text) ?? .nothing),
          ("Address", saved.url.map(Value.text) ?? .nothing),
        ]))
    }
    try presenter.show(.list(records))
    return .list(records)
  }
}
