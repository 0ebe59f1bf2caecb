import Script
import Store

/// `prompt "translate the topic to Japanese"`: the connection's prompt.
struct PromptCommand: Command {
  static let signature = CommandSignature(
    name: "prompt",
    summary: "Sets the prompt of the open connection, or shows it.",
    slots: [Slot("text", kind: .template, summary: "the prompt; {Name} stands for a property")],
    examples: [
      "prompt \"translate the topic to Japanese\"",
      "prompt \"Write an intro about {Topic}\"",
    ],
    givesValue: true)

  private let connections: Connections
  private let mirror: ConnectionMirror
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    mirror = session.mirror
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let connection = try connections.requireOpen()
    guard let template = call.template("text") else {
      if let text = connection.saved.promptText {
        console.result(text)
        return .text(text)
      }
      console.message("“\(connection.name)” has no prompt yet. Set one: prompt \"…\"")
      return .nothing
    }
    guard template.holesAreNames else {
      throw ScriptError.refusal(
        "V481", "A saved prompt's holes hold property names only.",
        "write {Topic}, not an expression",
        "or give the prompt directly: generate with \"…\"")
    }
    if let shape = connection.shape {
      let unknown = template.holeNames.filter { name in !shape.fields.contains { $0.name == name } }
      if let name = unknown.first {
        throw ScriptError(
          code: "V101", message: "There is no property named “\(name)” in \(connection.name).",
          notes: NearestWord.notes(for: name, among: shape.fields.map(\.name), kind: "properties")
            + ["for a plain brace write \\{\(name)}"],
          kind: .problem)
      }
    }
    let text = template.source
    try connections.update { $0.promptText = text }
    try connections.store.prompts.keep(text, connection: connection.name)
    try await mirror.push()
    if template.holeNames.isEmpty, connection.shape != nil {
      console.message("Prompt set. It has no holes, so each row's title goes with it.")
    } else {
      console.message("Prompt set.")
    }
    return .nothing
  }
}
