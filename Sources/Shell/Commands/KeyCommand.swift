import Engines
import Foundation
import Notion
import Script
import Store
import Transport

/// `key gemini`: asks for a key without showing it, tries it, and keeps it.
struct KeyCommand: Command {
  static let signature = CommandSignature(
    name: "key",
    summary: "Asks for a service's key without showing it, tries it, and keeps it.",
    slots: [
      Slot("name", kind: .name, isRequired: true, summary: "notion, gemini, gpt or local"),
      Slot(
        "command", words: ["from", "command"], kind: .text,
        summary: "a command that prints it, run when it is needed"),
      Slot(
        "file", words: ["from", "file"], kind: .text,
        summary: "a file whose first line it is, read when it is needed"),
      Slot("forget", words: ["forget"], kind: .flag, summary: "remove the kept key"),
    ],
    examples: [
      "key notion", "key gemini", "key gpt from command \"pass show openai\"",
      "key gpt from file \"~/.secrets/openai\"", "key gpt forget",
    ],
    excessNote:
      "the key itself is never typed in a line: say key notion, and it is asked for, hidden")

  /// What became of a key that was asked for.
  enum Outcome {
    case kept
    /// Nothing was entered.
    case nothing
    /// The person stopped.
    case stopped
  }

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
    warn(service)
    let command = call.text("command").map(KeySource.command)
    if let source = command ?? call.text("file").map(KeySource.file) {
      let sentence = try await verify(service.name, try keys.fetch(source, for: service.name))
      try keys.keep(source, for: service.name)
      reopen(service.name)
      console.message(sentence)
      console.message("It is kept nowhere here; each session takes it from there.")
      return .nothing
    }
    if try await enter(service.name) == .nothing {
      console.message("Nothing was entered; nothing changed.")
    }
    return .nothing
  }

  private func warn(_ service: Keys.Service) {
    if case .variable(let variable)? = keys.origin(service.name) {
      console.message("\(variable) is set and comes first, whatever is kept here.")
    }
  }

  /// Asks for a key, tries it, and keeps it.
  @discardableResult
  func enter(_ name: String) async throws -> Outcome {
    let service = try keys.service(name)
    for line in service.help { console.message(line) }
    let entered = try await dialogue.secret(
      "Key for \(service.name): ", insteadSet: service.variables.first ?? "")
    guard let entered else { return .stopped }
    let key = Secret(entered.trimmingCharacters(in: .whitespacesAndNewlines))
    guard !key.isEmpty else { return .nothing }
    let sentence = try await verify(service.name, key)
    let origin = try keys.keep(key, for: service.name)
    reopen(service.name)
    console.message(sentence)
    if origin == .kept(.secretService) { console.message("It is kept in the Secret Service.") }
    return .kept
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
