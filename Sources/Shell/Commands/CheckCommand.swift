import Script
import Store

/// `check that length(answer) < 280`: what every answer must fulfil.
struct CheckCommand: Command {
  static let signature = CommandSignature(
    name: "check",
    summary: "Keeps a condition that every answer is looked at by; alone it lists them.",
    slots: [
      Slot(
        "condition", words: ["that"], kind: .condition(answer: "answer"),
        summary: "the condition; answer is the answer, other names are the row's properties"),
      Slot("called", words: ["called"], kind: .text, summary: "its name"),
      Slot("remove", words: ["remove"], kind: .text, summary: "the name of one to take away"),
    ],
    examples: [
      "check that length(answer) < 280",
      "check that answer contains Topic called \"names the topic\"", "check",
      "check remove \"names the topic\"",
    ],
    givesValue: true)

  private let connections: Connections
  private let store: LocalStore
  private let settings: Settings
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    store = session.store
    settings = session.settings
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let connection = try connections.requireOpen()
    var checks = try store.prompts.checks(of: connection.name)
    if let name = call.text("remove") {
      guard let index = checks.firstIndex(where: { $0.name == name }) else {
        throw ScriptError(
          code: "V522", message: "There is no check called “\(name)”.",
          notes: checks.isEmpty
            ? ["there is none yet"]
            : NearestWord.notes(for: name, among: checks.map(\.name), kind: "checks"),
          kind: .problem)
      }
      checks.remove(at: index)
      try store.prompts.setChecks(checks, of: connection.name)
      console.message(
        "Removed. \(checks.count) \(checks.count == 1 ? "check is" : "checks are") left.")
      return .nothing
    }
    guard let condition = call.condition("condition") else {
      let records = checks.map {
        Value.record(Record([("Check", .text($0.name)), ("Condition", .text($0.condition))]))
      }
      if checks.isEmpty {
        console.message(
          "Answers of “\(connection.name)” are not checked: check that length(answer) < 280")
      }
      try presenter.show(.list(records))
      return .list(records)
    }
    let check = KeptCheck(
      name: call.text("called") ?? condition.source, condition: condition.source)
    if let index = checks.firstIndex(where: { $0.name == check.name }) {
      checks[index] = check
    } else {
      checks.append(check)
    }
    try store.prompts.setChecks(checks, of: connection.name)
    let effect =
      settings.text("failed_checks") == "leave"
      ? "an answer that fails is not written" : "an answer that fails is written and listed"
    console.message("Every try and generate is checked; \(effect) (set failed_checks).")
    return .nothing
  }
}
