import Script
import Store

/// `prompt "translate the topic to Japanese"`: the connection's prompt, its versions, its name.
struct PromptCommand: Command {
  static let signature = CommandSignature(
    name: "prompt",
    summary:
      "Sets the prompt of the open connection, shows it, names it, goes through its versions.",
    slots: [
      Slot(
        "text", kind: .template,
        summary: "the prompt, or the name of one; {Name} stands for a property"),
      Slot(
        "called", words: ["called"], kind: .text,
        summary: "a name, under which it can be used everywhere"),
      Slot("history", words: ["history"], kind: .flag, summary: "the versions so far"),
      Slot("diff", words: ["diff"], kind: .flag, summary: "what changed; in the last version"),
      Slot("from", words: ["from"], kind: .number, summary: "an older version"),
      Slot("to", words: ["to"], kind: .number, summary: "a newer version"),
      Slot("version", words: ["version"], kind: .number, summary: "the version to go back to"),
    ],
    examples: [
      "prompt \"translate the topic to Japanese\"",
      "prompt \"Write an intro about {Topic}\" called \"intro\"", "prompt \"intro\"",
      "prompt history", "prompt diff", "prompt diff from 1 to 3", "prompt version 2",
    ],
    givesValue: true)

  private let connections: Connections
  private let store: LocalStore
  private let mirror: ConnectionMirror
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    store = session.store
    mirror = session.mirror
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let connection = try connections.requireOpen()
    if call.has("history") { return try history(connection) }
    if call.has("diff") { return try difference(call, connection) }
    if let number = call.number("version") {
      let kept = try version(number, connection)
      try await set(kept.text, checks: kept.checks, connection)
      return .nothing
    }
    let name = call.text("called")
    guard let template = call.template("text") else {
      guard let text = connection.saved.promptText else {
        console.message("“\(connection.name)” has no prompt yet. Set one: prompt \"…\"")
        return .nothing
      }
      if let name { return try keep(text, called: name, connection) }
      console.result(text)
      return .text(text)
    }
    // The name of a kept prompt stands for its words.
    let named = try store.prompts.find(named: template.name ?? template.source)
    if let named, name == nil {
      try check(PromptTemplate.kept(named.text), connection)
      let mine = try store.prompts.checks(of: connection.name)
      try await set(
        named.text, checks: named.checks.isEmpty ? mine : named.checks, connection)
      return .nothing
    }
    try check(template, connection)
    let checks = try store.prompts.checks(of: connection.name)
    if let name { _ = try keep(template.source, called: name, connection) }
    try await set(template.source, checks: checks, connection)
    return .nothing
  }

  private func check(_ template: PromptTemplate, _ connection: OpenConnection) throws {
    guard template.holesAreNames else {
      throw ScriptError.refusal(
        "V481", "A saved prompt's holes hold property names only.",
        "write {Topic}, not an expression",
        "or give the prompt directly: generate with \"…\"")
    }
    guard let shape = connection.shape else { return }
    let unknown = template.holeNames.filter { name in !shape.fields.contains { $0.name == name } }
    if let name = unknown.first {
      throw ScriptError(
        code: "V101", message: "There is no property named “\(name)” in \(connection.name).",
        notes: NearestWord.notes(for: name, among: shape.fields.map(\.name), kind: "properties")
          + ["for a plain brace write \\{\(name)}"],
        kind: .problem)
    }
  }

  private func set(
    _ text: String, checks: [KeptCheck], _ connection: OpenConnection
  ) async throws {
    let hasChanged = try store.prompts.checks(of: connection.name) != checks
    try connections.update { $0.promptText = text }
    let version = try store.prompts.keep(text, connection: connection.name)
    if hasChanged { try store.prompts.setChecks(checks, of: connection.name) }
    try await mirror.push()
    var message = version > 1 ? "Prompt set, version \(version)." : "Prompt set."
    if PromptTemplate.names(in: text).isEmpty, connection.shape != nil {
      message += " It has no holes, so each row's title goes with it."
    }
    if hasChanged {
      message +=
        " Its checks: \(checks.isEmpty ? "none" : checks.map(\.name).joined(separator: ", "))."
    }
    console.message(message)
  }

  private func keep(
    _ text: String, called name: String, _ connection: OpenConnection
  ) throws -> Value {
    guard !name.allSatisfy(\.isWhitespace) else {
      throw ScriptError.refusal("V523", "A name is not empty.", "prompt \"…\" called \"intro\"")
    }
    let version = try store.prompts.keep(
      text, named: name, checks: try store.prompts.checks(of: connection.name))
    console.message(
      "Kept as “\(name)”, version \(version). Use it anywhere: try prompt \"\(name)\" on 3 rows")
    return .text(text)
  }

  // MARK: - Versions

  private func history(_ connection: OpenConnection) throws -> Value {
    let records = try store.prompts.versions(of: connection.name).map { kept in
      Value.record(
        Record([
          ("Version", .number(Double(kept.version))),
          ("When", .text(PromptClock.text(kept.keptAt))),
          ("Checks", .number(Double(kept.checks.count))), ("Prompt", .text(kept.text)),
        ]))
    }
    if records.isEmpty { console.message("“\(connection.name)” has no prompt yet.") }
    try presenter.show(.list(records))
    return .list(records)
  }

  private func version(_ number: Double, _ connection: OpenConnection) throws -> KeptPrompt {
    let versions = try store.prompts.versions(of: connection.name)
    guard let kept = versions.first(where: { Double($0.version) == number }) else {
      throw ScriptError.refusal(
        "V524", "The prompt has no version \(Value.number(number).display).",
        versions.isEmpty
          ? "it has none yet" : "versions 1 to \(versions[0].version): prompt history")
    }
    return kept
  }

  private func difference(_ call: CommandCall, _ connection: OpenConnection) throws -> Value {
    let newest = try store.prompts.versions(of: connection.name).first?.version ?? 0
    let new = try version(call.number("to") ?? Double(newest), connection)
    guard call.number("from") != nil || new.version > 1 else {
      console.message("There is one version so far; nothing changed.")
      return .nothing
    }
    let old = try version(call.number("from") ?? Double(new.version - 1), connection)
    let marked = WordDifference.marked(new.text, against: old.text)
    console.message("Version \(old.version) → \(new.version)")
    console.result(marked)
    return .text(marked)
  }
}

/// `prompts`: the prompts that have names.
struct PromptsCommand: Command {
  static let signature = CommandSignature(
    name: "prompts",
    summary: "Lists the prompts that have names.",
    slots: [], examples: ["prompts"], givesValue: true)

  private let store: LocalStore
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let records = try store.prompts.named().map { kept in
      Value.record(
        Record([
          ("Name", .text(kept.name ?? "")), ("Version", .number(Double(kept.version))),
          ("When", .text(PromptClock.text(kept.keptAt))),
          ("Checks", .number(Double(kept.checks.count))), ("Prompt", .text(kept.text)),
        ]))
    }
    if records.isEmpty {
      console.message("No prompt has a name yet: prompt \"…\" called \"intro\"")
    }
    try presenter.show(.list(records))
    return .list(records)
  }
}
