import Engines
import Foundation
import Notion
import Script
import Store
import Transport

/// Everything one conversation knows; its parts are handed to the commands that need them.
public final class Session {
  let surroundings: Surroundings
  let options: RunOptions
  let console: any Console
  let store: LocalStore
  let settings: Settings
  let keys: Keys
  let workspaces: Workspaces
  let engines: EngineRoster
  let connections: Connections
  let mirror: ConnectionMirror
  let rows: RowTable
  let targets: TargetRows
  let writer: RowWriter
  let desk: RunDesk
  let batches: BatchDesk
  let presenter: Presenter
  let dialogue: Dialogue
  let transcript: Transcript
  let outcome = OutcomeCount()
  /// What is being waited for.
  let waits = WaitBoard()
  let spending: Spending
  let progress: InputProgress
  let bench: Bench
  let checks: AnswerChecks
  let talk: Talk
  let bridge: ScriptBridge
  let interpreter: Interpreter
  /// Scripts that were started by scripts and go on.
  var runDepth = 0
  /// What a wish has put on the line, as it was shown.
  var proposal: Proposal?
  /// Whether the prompt is to end.
  var isLeaving = false
  /// Whether statements come from a person at the prompt.
  var isAtPrompt = false {
    didSet { bridge.setAtPrompt(isAtPrompt) }
  }

  /// Opens a session; nothing is asked of any service yet.
  ///
  /// - Throws: `StoreError` when the home cannot be used.
  init(surroundings: Surroundings, options: RunOptions, console: any Console) throws {
    self.surroundings = surroundings
    self.options = options
    self.console = console
    store = try LocalStore(home: surroundings.home)
    settings = Settings(preferences: store.preferences)
    spending = Spending(options: options, settings: settings)
    progress = InputProgress(waits: waits, console: console)
    keys = Keys(file: KeyFile(home: surroundings.home), environment: surroundings.environment)
    workspaces = Workspaces(
      surroundings: surroundings, keys: keys, settings: settings, waits: waits)
    engines = EngineRoster(
      surroundings: surroundings, keys: keys, settings: settings, facts: store.facts, waits: waits)
    Prices.use { [facts = store.facts] in try facts.prices().map(PriceCommand.dated) }
    connections = Connections(store: store, workspaces: workspaces, settings: settings)
    dialogue = Dialogue(surroundings: surroundings, options: options, console: console)
    mirror = ConnectionMirror(
      store: store, workspaces: workspaces, settings: settings, console: console,
      dialogue: dialogue)
    rows = RowTable()
    targets = TargetRows(rows: rows)
    writer = RowWriter(
      connections: connections, settings: settings, store: store, surroundings: surroundings,
      options: options, console: console, dialogue: dialogue)
    desk = RunDesk(
      connections: connections, workspaces: workspaces, engines: engines, settings: settings,
      store: store, surroundings: surroundings, options: options, waits: waits, console: console,
      outcome: outcome, dialogue: dialogue, spending: spending)
    batches = BatchDesk(
      desk: desk, store: store, surroundings: surroundings, engines: engines, console: console)
    presenter = Presenter(console: console, options: options, settings: settings, rows: rows)
    transcript = Transcript(history: History(home: surroundings.home))
    let bridge = ScriptBridge(
      signatures: CommandCatalog.signatures, store: store, console: console)
    self.bridge = bridge
    interpreter = Interpreter(host: bridge)
    bench = Bench(store: store)
    checks = AnswerChecks(store: store, interpreter: interpreter)
    talk = Talk(store: store, settings: settings)
    desk.checks = checks
    presenter.host = bridge
    presenter.wanted = { [connections] shape in
      connections.open.flatMap { $0.name == shape.name ? $0.saved.targets : nil } ?? []
    }
    presenter.address = { [store] row in Session.address(of: row, in: store) }
    targets.host = bridge
    bridge.attach(self)
    connections.onChange = { [weak bridge] connection in bridge?.open(connection?.shape) }
  }

  /// Where a row's page is in a browser, built from its id; `nil` for the embedded workspace.
  private static func address(of row: Row, in store: LocalStore) -> String? {
    guard let id = NotionID(parsing: row.id),
      let saved = try? store.connections.find(named: row.shape.name),
      saved.workspace == WorkspaceName.notion.rawValue
    else { return nil }
    return "https://www.notion.so/\(id.description.filter { $0 != "-" })"
  }

  /// Runs statements, and reports what went wrong.
  ///
  /// - Parameter shows: Whether the values of expressions are shown.
  /// - Returns: The exit code.
  func run(_ source: SourceText, shows: Bool) async -> Int32 {
    let report = Report(style: console.messageStyle, columns: console.columns)
    workspaces.beginCounting()
    let requests = workspaces.requestCount
    // A script that a script runs is a part of its input.
    if runDepth == 0 {
      spending.begin()
      progress.begin()
    }
    defer {
      if runDepth == 0 {
        progress.end()
        tellAnswered()
      }
      try? writer.endRun()
    }
    var source = source
    if shows, let topic = HelpQuestion.topic(of: source.text) {
      source = SourceText("help \(Completion.name(topic))", name: source.name)
    }
    var failures: [RowFailure] = []
    var code = ExitCode.success
    do {
      let show: @Sendable (Value) async throws -> Void = { [weak self] value in
        try await self?.showValue(value)
      }
      let outcome = try await outcome(of: source, onValue: shows ? show : nil)
      failures = outcome.failures
      // What could not be read was taken for absent here and there.
      if let problem = store.problem { throw problem }
      transcript.succeeded(source.text)
    } catch {
      let error = store.problem ?? error
      if let interruption = error as? Interruption { failures = interruption.failures }
      console.progress(nil)
      // Who closed the pipe does not ask why it ends.
      if console.outputFailure?.isClosedPipe != true {
        console.problem(report.text(error, in: source).redacting(keys.all))
      }
      code = Report.exitCode(error)
    }
    if !failures.isEmpty {
      let word = failures.allSatisfy(\.isRow) ? "row" : "item"
      console.message("\(failures.count) \(word)\(failures.count == 1 ? "" : "s") failed:")
      for failure in failures {
        let line = failure.span.map { "line \(source.line(of: $0.start))" } ?? ""
        let number = failure.number.map { "row \($0) " } ?? ""
        console.problem(
          Sanitizer.line(
            "  \(number)「\(failure.title)」 \(failure.message) [\(failure.code)] \(line)"
          )
          .redacting(keys.all))
      }
      outcome.failedRows += failures.count
    }
    if code == ExitCode.success, outcome.failedRows > 0 { code = ExitCode.failedRows }
    let sent = workspaces.requestCount - requests
    if options.isVerbose, sent > 0 { console.message("Notion: \(Requests.text(sent))") }
    return code
  }

  /// Runs a program; where it speaks of a property that a saved schema lacks, and somebody has changed
  /// the database since, once more.
  private func outcome(
    of source: SourceText, onValue: (@Sendable (Value) async throws -> Void)?
  ) async throws -> RunOutcome {
    bridge.beginInput()
    do {
      return try await interpreter.run(source, onValue: onValue)
    } catch let failure as CheckFailure
      where failure.diagnostics.contains(where: { $0.code == "V101" })
    {
      var haveChanged = false
      for name in bridge.consultedInVain.sorted() {
        if await connections.hasChanged(name) { haveChanged = true }
      }
      guard haveChanged else { throw failure }
      return try await interpreter.run(source, onValue: onValue)
    }
  }

  /// Tells what the `ai` of an input cost, and keeps it.
  private func tellAnswered() {
    let (answers, cost) = spending.told
    guard answers > 0 else { return }
    try? desk.keepAnswered(spending.take(), connection: connections.open?.name)
    console.message(
      "ai: \(answers) \(answers == 1 ? "answer" : "answers") · "
        + (cost.map(Money.about) ?? "price unknown"))
  }

  /// Takes a line of the prompt: runs it, or asks the engine for the statements of a wish.
  ///
  /// - Returns: What is to stand on the next line for the person to edit or run; empty for nothing.
  func take(_ text: String) async -> String {
    let wishes = WishDesk(self)
    do {
      if let wish = Intent.wish(in: text) {
        proposal = try await wishes.propose(wish)
        return proposal?.text ?? ""
      }
      if let proposal, proposal.text == text {
        // What was shown is what may happen: a table that grew meanwhile is shown again first.
        self.proposal = try await wishes.grown(proposal)
        if let again = self.proposal { return again.text }
      }
      proposal = nil
    } catch {
      proposal = nil
      let report = Report(style: console.messageStyle, columns: console.columns)
      console.progress(nil)
      console.problem(report.text(error, in: nil).redacting(keys.all))
      return ""
    }
    _ = await run(SourceText(text, name: "<prompt>"), shows: true)
    return ""
  }

  /// Shows the value of an expression; rows become the selection.
  private func showValue(_ value: Value) async throws {
    switch value {
    case .query(let query):
      let found = try await query.rows(from: bridge).enumerated().map { $1.numbered($0 + 1) }
      // Of another connection's rows no selection is made: `generate` would write elsewhere.
      if query.connection == nil { rows.select(found, of: query) }
      try presenter.show(.list(found.map(Value.row)), picked: query.picked)
      // A table that took a while says what it took of Notion's limit.
      if isAtPrompt, workspaces.counted > 3 {
        console.message("\(found.count) rows in \(Requests.text(workspaces.counted))")
      }
    case .list(let items) where items.isEmpty && options.format == .table:
      console.message("The list is empty.")
    default: try presenter.show(value)
    }
  }
}
