import Engines
import Foundation
import Notion
import Script
import Store
import Transport

/// `setup`: asks for everything in order; each step may be left out, and what is done stays done.
struct SetupCommand: Command {
  static let signature = CommandSignature(
    name: "setup",
    summary: "Asks for an engine, its key, Notion's and a first connection, one after the other.",
    slots: [],
    examples: ["setup"])

  /// The person pressed Ctrl-C.
  private struct Stopped: Error {}

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
    console.message("Visen works without any key, on a workspace in a file and a practice engine.")
    console.message("Enter alone keeps what stands in [ ]; Ctrl-C leaves, and setup goes on later.")
    do {
      try await chooseEngine()
      try await enterNotion()
      try await connectFirst()
    } catch is Stopped {
      console.message("What is done is kept. Go on with: setup")
      return .nothing
    }
    console.message(
      "Ready. `doctor` looks whether everything works, `help` shows what can be done.")
    return .nothing
  }

  private func ask(_ question: String) async throws -> String {
    guard let answer = await dialogue.line(question) else { throw Stopped() }
    return answer.trimmingCharacters(in: .whitespaces)
  }

  private func isYes(_ question: String, usually: Bool) async throws -> Bool {
    let answer = try await ask("\(question) \(usually ? "[Y/n]" : "[y/N]") ").lowercased()
    return answer.isEmpty ? usually : answer.hasPrefix("y")
  }

  private func title(_ number: Int, _ text: String) {
    console.styledResult("\n" + console.resultStyle.bold("\(number) of 3  \(text)"))
  }

  // MARK: - The engine

  private func chooseEngine() async throws {
    title(1, "The engine that answers")
    for description in EngineCatalog.all {
      let mark = description.needsKey && keys.has(description.name) ? " (its key is here)" : ""
      console.message("  \(description.name): \(description.summary)\(mark)")
    }
    let names = EngineCatalog.all.map(\.name)
    while true {
      let now = session.engines.preferredName
      let answer = try await ask("Engine (\(names.joined(separator: ", "))) [\(now)]: ")
      let name = answer.isEmpty ? now : answer.lowercased()
      guard let description = EngineCatalog.all.first(where: { $0.name == name }) else {
        let near = NearestWord.nearest(to: name, among: names).map { " Did you mean \($0)?" } ?? ""
        console.message("There is no engine called “\(answer)”.\(near)")
        continue
      }
      guard try await isUsable(description) else { continue }
      if !answer.isEmpty || settings.isSet("engine") { try settings.set("engine", to: name) }
      console.message("Engine: \(name)")
      return
    }
  }

  /// Sees to it that an engine can be asked; `false` when the person gave that up.
  private func isUsable(_ description: EngineDescription) async throws -> Bool {
    if description.name == "local" { return try await findLocalServer() }
    if !description.needsKey { return true }
    if keys.has(description.name) {
      do {
        console.message(try await session.engines.choose(description.name).engine.verify())
        return true
      } catch {
        console.message(Report.sentence(error))
        guard try await isYes("Enter another key?", usually: true) else { return false }
      }
    }
    return try await enterKey(description.name)
  }

  private func findLocalServer() async throws -> Bool {
    while true {
      let now = settings.text("local_url") ?? ""
      let answer = try await ask("Where does it listen? [\(now)]: ")
      if !answer.isEmpty {
        do {
          try settings.set("local_url", to: answer)
          session.engines.forget("local")
        } catch {
          console.message(Report.sentence(error))
          continue
        }
      }
      do {
        console.message(try await session.engines.choose("local").engine.verify())
        return true
      } catch {
        console.message(Report.sentence(error))
        guard try await isYes("Try another address?", usually: true) else { return false }
      }
    }
  }

  /// Asks for a key until one works or the person gives up.
  private func enterKey(_ name: String) async throws -> Bool {
    while true {
      do {
        switch try await KeyCommand(session).enter(name) {
        case .kept: return true
        case .nothing:
          console.message("Nothing was entered. Later: key \(name)")
          return false
        case .stopped: throw Stopped()
        }
      } catch let stop as Stopped {
        throw stop
      } catch let error as CancellationError {
        throw error
      } catch {
        console.message(Report.sentence(error))
        console.message("The key was not kept.")
        guard try await isYes("Try again?", usually: true) else {
          console.message("Later: key \(name)")
          return false
        }
      }
    }
  }

  // MARK: - Notion

  private func enterNotion() async throws {
    title(2, "Your Notion")
    if keys.has("notion") {
      do {
        let bot = try await session.workspaces.open(.notion).client.me()
        console.message("Connected as “\(bot.name)” in \(bot.workspaceName ?? "its workspace").")
        return
      } catch {
        console.message(Report.sentence(error))
      }
    } else {
      console.message("Without it, tables live in a file of Visen's own.")
    }
    if try await isYes("Connect your own Notion now?", usually: false) {
      _ = try await enterKey("notion")
    }
  }

  // MARK: - A connection

  private func connectFirst() async throws {
    title(3, "A first table")
    if let saved = try session.store.connections.all().first {
      console.message("“\(saved.name)” is there. Open it with: use \"\(saved.name)\"")
      return
    }
    let isNotion = session.workspaces.preferred == .notion
    while true {
      let target: String
      if isNotion {
        console.message("Open a database in Notion, copy its address, paste it here.")
        console.message(
          "Or paste a page's address with “under ” before it, for a sample in that page.")
        let answer = try await ask("Address [none]: ")
        if answer.isEmpty {
          console.message("Later: connect \"NAME\" to \"the address of a database\"")
          return
        }
        target =
          answer.lowercased().hasPrefix("under ")
          ? "to template under \(SetupCommand.text(String(answer.dropFirst(6))))"
          : "to \(SetupCommand.text(answer))"
      } else {
        guard try await isYes("Make a sample with three topics?", usually: true) else { return }
        target = "to template"
      }
      let name = try await ask("Its name here [Blog]: ")
      let statement = "connect \(SetupCommand.text(name.isEmpty ? "Blog" : name)) \(target)"
      console.message("  \(statement)")
      do {
        // The words a person would type, so that they are learnt.
        _ = try await Interpreter(host: session.bridge).run(SourceText(statement, name: "<setup>"))
        return
      } catch let error as CancellationError {
        throw error
      } catch {
        let report = Report(style: console.messageStyle, columns: console.columns)
        console.problem(report.text(error, in: nil).redacting(keys.all))
        guard try await isYes("Try again?", usually: true) else { return }
      }
    }
  }

  /// A text as the language writes it.
  private static func text(_ words: String) -> String {
    "'" + words.trimmingCharacters(in: .whitespaces).replacing("'", with: "''") + "'"
  }
}
