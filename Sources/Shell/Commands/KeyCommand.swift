import Engines
import Foundation
import Notion
import Script
import Transport

/// `key gemini`: asks for a key without showing it, tries it, and keeps it.
struct KeyCommand: Command {
  static let signature = CommandSignature(
    name: "key",
    summary: "Asks for a service's key without showing it, tries it, and keeps it.",
    slots: [
      Slot("name", kind: .name, isRequired: true, summary: "notion, gemini, gpt or local"),
      Slot("forget", words: ["forget"], kind: .flag, summary: "remove the kept key"),
    ],
    examples: ["key notion", "key gemini", "key gpt forget"],
    excessNote:
      "the key itself is never typed in a line: say key notion, and it is asked for, hidden")

  private let keys: Keys
  private let engines: EngineRoster
  private let workspaces: Workspaces
  private let surroundings: Surroundings
  private let dialogue: Dialogue
  private let console: any Console

  init(_ session: Session) {
    keys = session.keys
    engines = session.engines
    workspaces = session.workspaces
    surroundings = session.surroundings
    dialogue = session.dialogue
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let service = try keys.service(call.text("name") ?? "")
    if call.has("forget") {
      try keys.forget(service.name)
      reopen(service.name)
      console.message("The key for \(service.name) is forgotten.")
      return .nothing
    }
    try await enter(service.name)
    return .nothing
  }

  /// Asks for a key, tries it, and keeps it.
  func enter(_ name: String) async throws {
    let service = try keys.service(name)
    if case .variable(let variable)? = keys.find(service.name)?.origin {
      console.message("\(variable) is set and comes first, whatever is kept here.")
    }
    for line in service.help { console.message(line) }
    let entered = try await dialogue.secret(
      "Key for \(service.name): ", insteadSet: service.variables.first ?? "")
    let key = Secret(entered.trimmingCharacters(in: .whitespacesAndNewlines))
    guard !key.isEmpty else {
      console.message("Nothing was entered; nothing changed.")
      return
    }
    let sentence = try await verify(service.name, key)
    try keys.keep(key, for: service.name)
    reopen(service.name)
    console.message(sentence)
  }

  /// Tries a key before it is kept, so that a wrong one is noticed where it was typed.
  private func verify(_ name: String, _ key: Secret) async throws -> String {
    if name == "notion" {
      let base = surroundings.environment["NOTION_BASE_URL"] ?? NotionClient.defaultBaseURL
      let client = NotionClient(transport: surroundings.network, token: key, baseURL: base)
      let bot = try await client.me()
      return "Notion knows this key: “\(bot.name)” in \(bot.workspaceName ?? "its workspace")."
    }
    return try await engines.trial(name, key: key).verify()
  }

  private func reopen(_ name: String) {
    if name == "notion" { workspaces.forget(.notion) } else { engines.forget(name) }
  }
}
