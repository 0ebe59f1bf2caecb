import Engines
import Foundation
import Script
import Store
import Transport

/// The conversation: reads a statement, runs it, tells what became of it, again.
final class PromptLoop {
  private let console: StandardConsole
  private let helper: TypingHelper
  private let reader: LineReader

  /// Opens the terminal; nothing is read yet.
  init(_ console: StandardConsole) {
    self.console = console
    helper = TypingHelper()
    reader = LineReader(helper: helper, hasColors: console.resultStyle.isOn)
  }

  /// Goes on until the person leaves.
  ///
  /// The first prompt stands there before anything is opened, and what it shows of the store follows;
  /// only statements of a start file go before it.
  ///
  /// - Parameters:
  ///   - home: The folder of all files.
  ///   - opening: Opens the session.
  /// - Returns: The program's exit code.
  func run(home: String, opening: () throws -> Session) async -> Int32 {
    console.usePager()
    let startFile = home + "/rc.visen"
    let hasStartFile = access(startFile, F_OK) == 0
    let isFirstStart = access(home + "/visen.db", F_OK) != 0
    var first: PendingLine?
    if !hasStartFile {
      greet(isFirstStart: isFirstStart)
      let prompt = PromptLine().text(form: "short", columns: console.columns, style: promptStyle)
      first = begin(prompt: prompt, isStatement: true)
    }
    helper.learn(CommandCatalog.signatures)
    let session: Session
    do {
      session = try opening()
      // At the prompt nothing goes without it; scripts open it when they come to use it.
      try session.store.open()
    } catch {
      reader.leave()
      await reader.close()
      console.promptIsOpen(nil)
      console.problem(Sanitizer.text("visen: \(Report.sentence(error))"))
      return ExitCode.problem
    }
    session.isAtPrompt = true
    session.dialogue.readLine = { [self] question in
      switch await read(prompt: question, isStatement: false) {
      case .line(let text): text
      case .interrupted, .end, .edit: nil
      }
    }
    if hasStartFile {
      await readStartFile(startFile, in: session)
      greet(isFirstStart: isFirstStart && session.connections.open == nil)
    }
    // What was typed before is read while the first prompt stands there.
    session.transcript.load { [reader, helper] statements in
      reader.offer(statements)
      helper.count(statements)
    }
    testAbove(in: session)
    while !session.isLeaving {
      reader.offer(session.transcript.fresh())
      let draft = session.dialogue.draft ?? ""
      session.dialogue.draft = nil
      let prompt = promptText(in: session)
      if first != nil { reader.change(prompt: prompt) }
      helper.know(await facts(in: session))
      let line = first ?? begin(prompt: prompt, draft: draft, isStatement: true)
      first = nil
      switch await end(of: line) {
      case .end:
        await reader.close()
        return ExitCode.success
      case .interrupted: continue
      case .edit(let text):
        do {
          session.dialogue.draft = try PersonalEditor.edit(
            text, environment: session.surroundings.environment)
        } catch {
          console.problem(report.text(error, in: nil))
          session.dialogue.draft = text
        }
      case .line(let text):
        guard !text.allSatisfy(\.isWhitespace) else { continue }
        remember(text, in: session)
        await execute(text, in: session)
      }
    }
    await reader.close()
    return ExitCode.success
  }

  private var report: Report {
    Report(style: console.messageStyle, columns: console.columns)
  }

  private func read(prompt: String, isStatement: Bool) async -> ReadResult {
    await end(of: begin(prompt: prompt, isStatement: isStatement))
  }

  /// Shows a prompt; from here on everything is printed above it.
  private func begin(prompt: String, draft: String = "", isStatement: Bool) -> PendingLine {
    console.promptIsOpen { [reader] text in reader.printAbove(text) }
    return reader.begin(prompt: prompt, draft: draft, isStatement: isStatement)
  }

  private func end(of line: PendingLine) async -> ReadResult {
    let result = await line.result
    console.promptIsOpen(nil)
    return result
  }

  private func execute(_ text: String, in session: Session) async {
    let work = Task { await session.take(text) }
    let watch = InterruptWatch { work.cancel() }
    // What a wish has put on the line.
    let proposed = await work.value
    if !proposed.isEmpty { session.dialogue.draft = proposed }
    watch.end()
  }

  private func remember(_ text: String, in session: Session) {
    // A key that was typed or pasted openly is found neither by Up nor in the file.
    let holdsKey =
      SecretText.holdsKey(text) || session.keys.all.contains { text.contains($0.reveal()) }
    guard !holdsKey else {
      console.message("This line holds a key and is not kept in the history.")
      return
    }
    reader.remember(text)
    helper.count([text])
    do {
      try session.transcript.keep(text, connection: session.connections.open?.name)
    } catch {
      console.message("The history is not kept: \(Report.sentence(error))")
    }
  }

  /// Runs `rc.visen` of the home; what is wrong in it is told, and the prompt opens all the same.
  private func readStartFile(_ path: String, in session: Session) async {
    guard let data = FileManager.default.contents(atPath: path),
      let text = String(validating: data, as: UTF8.self)
    else {
      console.message("\(path) cannot be read as text; it is passed over.")
      return
    }
    let work = Task { await session.run(SourceText(text, name: path), shows: false) }
    let watch = InterruptWatch { work.cancel() }
    _ = await work.value
    watch.end()
  }

  private func greet(isFirstStart: Bool) {
    guard isFirstStart else {
      console.message("Visen. `help` explains, Tab completes, Ctrl-D leaves.")
      return
    }
    console.message(
      """
      Visen fills Notion with AI. Nothing is needed to begin:
        connect "Blog" to template   makes a first table, in a file of Visen's own
        setup                        leads to your own Notion and engine
      `help` explains, Tab completes, Ctrl-C stops, Ctrl-D leaves.
      """)
  }

  // MARK: - What is known while a line is typed

  private static let models = ["gemini", "gpt"].flatMap { engine in
    Prices.models(of: engine).map { "\(engine)/\($0)" }
  }

  private func facts(in session: Session) async -> CompletionFacts {
    var facts = CompletionFacts()
    let store = session.store
    facts.shape = session.connections.open?.shape
    facts.connections = (try? store.connections.all().map(\.name)) ?? []
    (facts.variables, facts.functions) = await session.interpreter.names
    if let name = session.connections.open?.name {
      facts.prompts = (try? store.prompts.versions(of: name).map(\.text)) ?? []
    }
    facts.promptNames = (try? store.prompts.named().compactMap(\.name)) ?? []
    facts.rows = session.rows.words
    facts.models = PromptLoop.models
    return facts
  }

  /// The connection, what is chosen, the engine, what is left, the run that is not finished.
  private func promptText(in session: Session) -> String {
    let settings = session.settings
    let form = settings.text("prompt_line") ?? "full"
    var line = PromptLine()
    line.connection = session.connections.open?.name
    line.selected = session.rows.selection?.rows.count
    line.engine = session.engines.preferredName
    if line.engine != "practice", let left = try? session.store.allowance.state().left {
      line.left = "\(left) left"
    }
    if let budget = session.spending.limit() {
      let money = "at most \(Money.text(budget))"
      line.left = line.left.map { "\($0), \(money)" } ?? money
    }
    if let name = line.connection,
      let run = try? session.store.journal.lastUnfinished(connection: name),
      let counts = try? session.store.journal.counts(ofRun: run.id)
    {
      line.run = "run \(run.id): \(counts.left) of \(counts.total) left"
    }
    return line.text(form: form, columns: console.columns, style: promptStyle)
  }

  private var promptStyle: Style {
    console.resultsAreTerminal ? console.resultStyle : Style.plain
  }

  /// Debug builds can be told to print lines while the prompt stands there, as work in the background
  /// would; tests do.
  private func testAbove(in session: Session) {
    #if DEBUG
      guard let count = session.surroundings.environment["VISEN_TEST_ABOVE"].flatMap({ Int($0) })
      else { return }
      let thread = Thread { [console] in
        for number in 1...max(1, count) {
          usleep(700_000)
          console.progress("progress that nobody sees \(number)")
          console.message("background line \(number) 日本語")
        }
      }
      thread.start()
    #endif
  }
}

/// A person's own editor, for texts that are too long for a line.
enum PersonalEditor {
  /// Lets a text be changed.
  ///
  /// - Returns: The text as it was left, without line ends behind it.
  /// - Throws: A refusal when the editor could not be run; the text is as it was.
  static func edit(_ text: String, environment: [String: String]) throws -> String {
    let chosen = [environment["VISUAL"], environment["EDITOR"]].compactMap { $0 }.first {
      !$0.allSatisfy(\.isWhitespace)
    }
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    let found = ["nano", "vi", "ed"].first { name in
      folders.contains { access("\($0)/\(name)", X_OK) == 0 }
    }
    guard let editor = chosen ?? found else {
      throw ScriptError.refusal(
        "V499", "There is no editor here.", "name one: export EDITOR=nano, then start Visen anew")
    }
    let path = NSTemporaryDirectory() + "visen-\(UUID().uuidString).visen"
    try PrivateFile.write(Array((text + "\n").utf8), to: path)
    defer { unlink(path) }
    let code = TerminalLoan.run("\(editor) \(TerminalLoan.quoted(path))").code
    guard code == 0, let data = FileManager.default.contents(atPath: path),
      let changed = String(validating: data, as: UTF8.self)
    else {
      throw ScriptError.refusal(
        "V499", "The editor “\(editor)” ended with \(code); the text is as it was.",
        code == 127 ? "is it installed? EDITOR and VISUAL name it" : "try again: edit")
    }
    var result = changed[...]
    while result.last?.isNewline == true { result.removeLast() }
    return String(result)
  }
}
