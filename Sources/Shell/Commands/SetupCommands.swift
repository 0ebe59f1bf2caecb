import Engines
import Foundation
import Notion
import Script
import Store
import Transport

/// `setup`: asks for everything in order; each step may be left out.
struct SetupCommand: Command {
  static let signature = CommandSignature(
    name: "setup",
    summary: "Asks for an engine, its key and Notion's, one after the other.",
    slots: [],
    examples: ["setup"])

  private let session: Session
  private let dialogue: Dialogue
  private let keys: Keys
  private let settings: Settings
  private let console: any Console

  init(_ session: Session) {
    self.session = session
    dialogue = session.dialogue
    keys = session.keys
    settings = session.settings
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard dialogue.canAsk else {
      throw ScriptError.refusal(
        "V498", "setup is a conversation and needs a terminal.",
        "set things one by one: set engine …, and the variables NOTION_TOKEN, GEMINI_API_KEY, OPENAI_API_KEY"
      )
    }
    console.message(
      "Everything works without any key, on the embedded workspace and the practice engine.")
    let names = EngineCatalog.all.map(\.name).joined(separator: ", ")
    for description in EngineCatalog.all {
      console.message("  \(description.name): \(description.summary)")
    }
    while true {
      let answer = await dialogue.line("Engine (\(names)) [\(session.engines.preferredName)]: ")
      guard let answer else { return .nothing }
      let name = answer.trimmingCharacters(in: .whitespaces)
      if name.isEmpty { break }
      guard let description = EngineCatalog.all.first(where: { $0.name == name }) else {
        console.message("There is no engine called “\(name)”.")
        continue
      }
      if description.needsKey, keys.secret(name) == nil { try await enter(name) }
      if !description.needsKey || keys.secret(name) != nil {
        try settings.set("engine", to: name)
        console.message("Engine: \(name)")
      }
      break
    }
    if keys.secret("notion") == nil {
      let answer = await dialogue.line("Connect your own Notion now? [y/N] ")
      if answer?.lowercased().hasPrefix("y") == true { try await enter("notion") }
    }
    console.message(
      keys.secret("notion") == nil
        ? "Try it: connect \"Blog\" to template"
        : "Next: connect \"NAME\" to \"the address of a database\"")
    return .nothing
  }

  private func enter(_ name: String) async throws {
    do {
      try await KeyCommand(session).enter(name)
    } catch let error as ScriptError where error.kind == .cancelled {
      throw error
    } catch {
      console.message(Report.sentence(error))
      console.message("The key was not kept. Enter it later: key \(name)")
    }
  }
}

/// `doctor`: looks at everything, and says how to put right what is wrong.
struct DoctorCommand: Command {
  static let signature = CommandSignature(
    name: "doctor",
    summary: "Checks files, keys, services and the open connection.",
    slots: [],
    examples: ["doctor"])

  private let session: Session
  private let console: any Console

  init(_ session: Session) {
    self.session = session
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let home = session.surroundings.home.path
    good("files", home)
    let engine = session.engines.preferredName
    do {
      let chosen = try session.engines.choose(nil)
      good("engine", "\(chosen.label): \(try await chosen.engine.verify())")
      tellLimits(chosen)
    } catch {
      bad("engine", "\(engine): \(Report.sentence(error))", fix(error))
    }
    do {
      let workspace = try session.workspaces.open(session.workspaces.preferred)
      let bot = try await workspace.client.me()
      let seen = try await workspace.client.search()
      good(
        "workspace",
        "\(workspace.name.rawValue): “\(bot.name)” in \(bot.workspaceName ?? "its workspace")")
      let sources = seen.items.count { $0["object"]?.string == "data_source" }
      let more = seen.next == nil ? "" : " or more"
      good(
        "visible",
        "\(seen.items.count - sources)\(more) pages, \(sources)\(more) databases")
      if workspace.name == .notion {
        let rate = session.settings.number("notion_rate").flatMap { Int(exactly: $0) } ?? 180
        good(
          "limits",
          "\(rate) requests a minute (set notion_rate), "
            + (bot.maximumUpload.map { "files up to \($0 >> 20) MB" } ?? "files of unknown size"))
      }
      if workspace.name == .notion, seen.items.isEmpty {
        bad(
          "sharing", "nothing is shared with “\(bot.name)” yet",
          "in Notion open a page: ••• at its top right, Connections, “\(bot.name)”")
      }
    } catch {
      bad("workspace", Report.sentence(error), fix(error))
    }
    let allowance = try session.store.allowance.state()
    good("allowance", allowance.left.map { "\($0) prompts left" } ?? "no limit")
    let open = session.connections.open?.saved.id
    for saved in try session.store.connections.all() {
      try Task.checkCancellation()
      do {
        if saved.id == open { try await session.connections.refresh() }
        check(try await session.connections.peek(saved))
      } catch let error as CancellationError {
        throw error
      } catch {
        bad("connection", "“\(saved.name)”: \(Report.sentence(error))", fix(error))
      }
    }
    if let run = try session.store.journal.lastUnfinished() {
      bad("runs", "run \(run.id) of “\(run.connection)” is unfinished", "resume \(run.id)")
    }
    return .nothing
  }

  /// What the engine takes in a minute and a day, as far as it or the person has said.
  private func tellLimits(_ engine: ChosenEngine) {
    let limits = session.engines.knownLimits(of: engine)
    guard !limits.isEmpty else { return }
    good("limits", limits.map(\.text).joined(separator: ", "))
    if let few = limits.first(where: {
      $0.unit == .requests && $0.amount <= (($0.isDaily) ? 500 : 30)
    }) {
      console.result(
        "  = \(few.text) are few; ask several rows in one question: generate … packed 20")
    }
  }

  private func check(_ connection: OpenConnection) {
    let names = connection.shape?.names ?? []
    let holes = connection.saved.promptText.map(PromptTemplate.names(in:)) ?? []
    let missing =
      holes.filter { !names.contains($0) }
      + connection.saved.targets.filter { !names.contains($0) && $0 != "body" }
    if connection.source != nil, let first = missing.first {
      bad(
        "connection", "“\(connection.name)” has no property “\(first)” any more",
        "properties: \(names.joined(separator: ", ")); change the prompt or the target")
    } else {
      good("connection", connection.name)
    }
  }

  private func fix(_ error: any Error) -> String {
    if let error = error as? ScriptError { return error.notes.first ?? "" }
    if let error = error as? NotionError, error.code == .unauthorized { return "key notion" }
    return "is the address right, is the network there?"
  }

  private func good(_ what: String, _ text: String) {
    console.styledResult(console.resultStyle.green("✓") + Sanitizer.line(" \(what): \(text)"))
  }

  private func bad(_ what: String, _ text: String, _ fix: String) {
    console.styledResult(console.resultStyle.red("✗") + Sanitizer.line(" \(what): \(text)"))
    if !fix.isEmpty { console.result("  = \(fix)") }
  }
}
