import Engines
import Foundation
import Notion
import Script
import Store
import Transport

/// `doctor`: looks at everything, and says how to put right what is wrong.
struct DoctorCommand: Command {
  static let signature = CommandSignature(
    name: "doctor",
    summary: "Checks files, keys, services, terminal and the open connection; says what to do.",
    slots: [],
    examples: ["doctor"],
    givesValue: true)

  private let session: Session
  private let console: any Console

  init(_ session: Session) {
    self.session = session
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    var findings = 0
    func bad(_ what: String, _ text: String, _ fix: String) {
      findings += 1
      self.bad(what, text, fix)
    }
    checkFiles(bad)
    checkTerminal(bad)
    await checkEngine(bad)
    await checkWorkspace(bad)
    let allowance = try session.store.allowance.state()
    if allowance.left == 0 {
      bad("allowance", "every prompt is used", "upgrade")
    } else {
      good("allowance", allowance.left.map { "\($0) prompts left" } ?? "no limit")
    }
    do {
      if let wrong = try await session.mirror.findings() {
        for finding in wrong {
          bad("mirror", "in the connections database \(finding.problem)", "connections repair")
        }
        if wrong.isEmpty { good("mirror", "the connections database has every column it needs") }
      }
    } catch {
      bad("mirror", Report.sentence(error), fix(error))
    }
    let open = session.connections.open?.saved.id
    for saved in try session.store.connections.all() {
      try Task.checkCancellation()
      do {
        if saved.id == open { try await session.connections.refresh() }
        check(try await session.connections.peek(saved), bad)
      } catch let error as CancellationError {
        throw error
      } catch {
        bad("connection", "“\(saved.name)”: \(Report.sentence(error))", fix(error))
      }
    }
    if let run = try session.store.journal.lastUnfinished() {
      bad(
        "runs", "run \(run.id) of “\(run.connection)” is not finished",
        "use \"\(run.connection)\", then resume \(run.id)")
    }
    console.message(
      findings == 0 ? "Everything is well." : "\(findings) to put right; the lines with = say how.")
    return .number(Double(findings))
  }

  // MARK: - Here

  private func checkFiles(_ bad: (String, String, String) -> Void) {
    let home = session.surroundings.home
    var open: [String] = []
    for name in ["visen.db", "keys.json", "history.jsonl", "workspace.db"] {
      let path = home.appendingPathComponent(name).path
      let rights = (try? FileManager.default.attributesOfItem(atPath: path))?[.posixPermissions]
      if let rights = rights as? Int, rights & 0o077 != 0 { open.append(path) }
    }
    if open.isEmpty {
      good("files", home.path)
    } else {
      bad(
        "files", "others may read \(open.joined(separator: ", "))",
        "chmod 600 \(open.map(TerminalLoan.quoted).joined(separator: " "))")
    }
  }

  private func checkTerminal(_ bad: (String, String, String) -> Void) {
    let environment = session.surroundings.environment
    guard session.surroundings.isInteractive else { return }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty }
    let name = environment["TERM"] ?? ""
    if name.isEmpty || name == "dumb" {
      bad(
        "terminal", "TERM is “\(name)”, so colours, links and the pager are off",
        "if it can do more: export TERM=xterm-256color")
    } else if locale?.lowercased().replacing("-", with: "").contains("utf8") != true {
      bad(
        "terminal", "the locale is “\(locale ?? "not set")”; Visen reads and writes UTF-8",
        "if Japanese or ✓ look wrong: export LC_ALL=C.UTF-8")
    } else {
      good("terminal", "\(name), \(console.columns) columns")
    }
  }

  // MARK: - Services

  private func checkEngine(_ bad: (String, String, String) -> Void) async {
    let name = session.engines.preferredName
    do {
      let chosen = try session.engines.choose(nil)
      good("engine", "\(chosen.label): \(try await chosen.engine.verify())")
      tellLimits(chosen)
      if name == "practice" {
        console.result("  its answers are for trying things out; a real one: setup")
      }
    } catch {
      bad("engine", "\(name): \(Report.sentence(error))", fix(error, key: name))
    }
    for service in Keys.services where service.name != name && service.name != "notion" {
      guard session.keys.has(service.name), session.keys.find(service.name) == nil else { continue }
      bad(
        "key \(service.name)", session.keys.failure(service.name) ?? "it cannot be had",
        "key \(service.name), or: key \(service.name) forget")
    }
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

  private func checkWorkspace(_ bad: (String, String, String) -> Void) async {
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
        "visible", "\(seen.items.count - sources)\(more) pages, \(sources)\(more) databases")
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
      bad("workspace", Report.sentence(error), fix(error, key: "notion"))
    }
  }

  private func check(_ connection: OpenConnection, _ bad: (String, String, String) -> Void) {
    let names = connection.shape?.names ?? []
    let holes = connection.saved.promptText.map(PromptTemplate.names(in:)) ?? []
    let known = { (name: String) in names.contains(name) }
    if connection.source == nil {
      good("connection", "\(connection.name), a page")
    } else if let hole = holes.first(where: { !known($0) }) {
      bad(
        "connection", "the prompt of “\(connection.name)” names “\(hole)”, which is no property",
        "set another: prompt \"…\"; properties: \(names.joined(separator: ", "))")
    } else if let target = connection.saved.targets.first(where: { !known($0) && $0 != "body" }) {
      bad(
        "connection", "“\(connection.name)” fills “\(target)”, which is no property any more",
        "name another once: generate PROPERTY; properties: \(names.joined(separator: ", "))")
    } else {
      good("connection", "\(connection.name), \(names.count) properties")
    }
  }

  private func fix(_ error: any Error, key: String = "notion") -> String {
    if let error = error as? ScriptError, let note = error.notes.first { return note }
    if let error = error as? NotionError {
      if error.code == .unauthorized { return "enter the key again: key notion" }
      if error.code == .objectNotFound {
        return
          "share it in Notion: ••• at its top right, Connections; or open another: use \"NAME\""
      }
    }
    if let error = error as? EngineError, error.code == .badKey {
      return "enter the key again: key \(key)"
    }
    if error is StoreError { return "look at the key: key \(key)" }
    let variables = [
      "notion": "NOTION_BASE_URL", "gpt": "OPENAI_BASE_URL", "gemini": "GEMINI_BASE_URL",
    ]
    if let variable = variables[key], let address = session.surroundings.environment[variable],
      !address.isEmpty
    {
      return "is \(address) right? \(variable) names it; unset it for the service's own"
    }
    if key == "local" {
      return "start the server, or say where it is: set local_url \"http://127.0.0.1:11434\""
    }
    return "is the network there? Try again: doctor"
  }

  private func good(_ what: String, _ text: String) {
    console.styledResult(console.resultStyle.green("✓") + Sanitizer.line(" \(what): \(text)"))
  }

  private func bad(_ what: String, _ text: String, _ fix: String) {
    console.styledResult(console.resultStyle.red("✗") + Sanitizer.line(" \(what): \(text)"))
    console.result("  = \(fix)")
  }
}
