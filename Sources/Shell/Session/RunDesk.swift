import Engines
import Foundation
import Generation
import Notion
import Script
import Store
import Transport

/// Plans, starts, resumes and takes back runs, and tells how they went.
final class RunDesk {
  private let connections: Connections
  private let workspaces: Workspaces
  private let engines: EngineRoster
  private let settings: Settings
  private let store: LocalStore
  private let surroundings: Surroundings
  private let options: RunOptions
  private let console: any Console
  private let outcome: OutcomeCount

  init(
    connections: Connections, workspaces: Workspaces, engines: EngineRoster, settings: Settings,
    store: LocalStore, surroundings: Surroundings, options: RunOptions, console: any Console,
    outcome: OutcomeCount
  ) {
    self.connections = connections
    self.workspaces = workspaces
    self.engines = engines
    self.settings = settings
    self.store = store
    self.surroundings = surroundings
    self.options = options
    self.console = console
    self.outcome = outcome
  }

  static func now() -> String { Date().formatted(.iso8601) }

  /// Refuses when the allowance does not hold another run of this engine.
  func checkAllowance(_ engine: String) throws {
    guard engine != "practice" else { return }
    let state = try store.allowance.state()
    if let left = state.left, left <= 0 {
      throw ScriptError.budget(
        "V500", "All \(state.limit ?? 0) prompts of the allowance are used.",
        "raise it: upgrade to 100, or lift it: upgrade unlimited",
        "the practice engine is free: set engine practice")
    }
  }

  /// Starts a run.
  ///
  /// - Parameter isFresh: Whether what was answered before to the same words is asked anew.
  func start(
    _ plan: RunPlan, engine: any Engine, client: NotionClient, isFresh: Bool = false
  ) async throws {
    let runner = runner(client, isFresh ? engine : caching(engine))
    let id = try runner.begin(plan)
    try await carryOut(
      id, runner: runner, targets: plan.targets, parameters: plan.parameters,
      left: plan.items.count)
  }

  /// Goes on with a run that stopped.
  func resume(number: Double?) async throws {
    let found =
      try number.map { try RunNumber.find($0, in: store) } ?? store.journal.lastUnfinished()
    guard let run = found else {
      throw ScriptError.refusal("V501", "There is no unfinished run.", "all runs: runs")
    }
    let counts = try store.journal.counts(ofRun: run.id)
    guard run.kind == .generate, counts.left > 0 else {
      throw ScriptError.refusal(
        "V501", "Run \(run.id) has nothing left to do.", "its rows: runs \(run.id)")
    }
    guard run.state != .undone else {
      throw ScriptError.refusal(
        "V502", "Run \(run.id) was taken back.", "write it again: redo \(run.id)")
    }
    var parameters = RunParameters(
      json: (try? JSON(parsing: run.parameters)) ?? [:])
    parameters.maxCost = options.maxCost ?? settings.number("max_cost") ?? parameters.maxCost
    let workspace = try workspaces.open(WorkspaceName(rawValue: run.workspace) ?? .local)
    let chosen = try engines.choose(run.engine, model: run.model)
    let source = try await currentSource(run, workspace)
    let kept = (try? JSON(parsing: run.targets))?.array ?? []
    let targets = kept.compactMap { RunTarget(json: $0, source: source) }
    guard targets.count == kept.count, !targets.isEmpty else {
      throw ScriptError.refusal("V503", "The journal of run \(run.id) cannot be read.")
    }
    console.message("Run \(run.id) goes on: \(counts.left) of \(counts.total) rows.")
    try await carryOut(
      run.id, runner: runner(workspace.client, caching(chosen.engine)), targets: targets,
      parameters: parameters, left: counts.left)
  }

  private func currentSource(_ run: RunRecord, _ workspace: Workspace) async throws -> DataSource? {
    guard let saved = try store.connections.find(named: run.connection),
      let id = saved.dataSourceID.flatMap(NotionID.init(parsing:))
    else { return nil }
    return try await workspace.client.dataSource(id)
  }

  /// Keeps answers that were paid for and not written, so that what was spent is known.
  func keepTried(_ answers: [(item: ItemRecord, usage: Usage)], of plan: RunPlan) throws {
    guard !answers.isEmpty, plan.parameters.engine != "practice" else { return }
    let price = Prices.price(engine: plan.parameters.engine, model: plan.parameters.model)
    let items = answers.map { answer in
      var item = answer.item
      item.state = item.answer == nil ? .failed : .answered
      item.attempts = 1
      item.inputTokens = answer.usage.inputTokens
      item.outputTokens = answer.usage.outputTokens
      item.cost = price?.cost(of: answer.usage)
      return item
    }
    let run = RunRecord(
      createdAt: RunDesk.now(), kind: .plan, connection: plan.connection,
      workspace: plan.workspace, engine: plan.parameters.engine, model: plan.parameters.model,
      prompt: plan.promptText, targets: JSON.array(plan.targets.map(\.json)).text,
      parameters: plan.parameters.json.text)
    let id = try store.journal.begin(run, items: items)
    try store.journal.setState(.finished, ofRun: id)
  }

  /// The engine, not asked the same twice; the practice engine costs nothing to ask.
  func caching(_ engine: any Engine) -> any Engine {
    engine.name == "practice" ? engine : CachingEngine(around: engine, cache: store.answers)
  }

  private func runner(_ client: NotionClient, _ engine: any Engine) -> Runner {
    Runner(
      client: client, engine: engine, journal: store.journal,
      checkpoint: { [checkpoint = surroundings.checkpoint] in checkpoint?($0) })
  }

  private func carryOut(
    _ id: Int64, runner: Runner, targets: [RunTarget], parameters: RunParameters, left: Int
  ) async throws {
    let label = targets.map(\.name).joined(separator: ", ")
    let progress = RunProgress(label: label, total: left, console: console)
    let summary: RunSummary
    do {
      summary = try await runner.run(
        id, targets: targets, parameters: parameters, onEvent: { progress.note($0) })
    } catch {
      progress.end()
      throw error
    }
    progress.end()
    report(summary, label: label, engine: parameters.engine)
    switch summary.stop {
    case .cancelled?:
      console.message("Stopped; \(summary.left) left. Go on: resume")
      throw CancellationError()
    case .budget?:
      throw ScriptError.budget(
        "V504", "The budget is used up; \(summary.left) of \(summary.items.count) rows are left.",
        "go on with more: set max_cost …, then resume")
    case .problem(let message, let isKey)?:
      let note = "\(summary.left) rows are left; when it is put right: resume"
      throw isKey
        ? ScriptError.setting("V505", message, note) : ScriptError.refusal("V505", message, note)
    case nil: break
    }
  }

  /// The summary line, then one line for each row that failed.
  private func report(_ summary: RunSummary, label: String, engine: String) {
    var parts = ["\(summary.count(.written)) written"]
    let failed = summary.count(.failed)
    let conflicts = summary.count(.conflict)
    if failed > 0 { parts.append("\(failed) failed") }
    if conflicts > 0 { parts.append("\(conflicts) left alone") }
    if summary.left > 0 { parts.append("\(summary.left) left") }
    parts.append(Clock.text(summary.duration))
    switch (engine, summary.cost) {
    case ("practice", _): parts.append("free")
    case (_, 0?): parts.append("no further cost")
    case (_, let cost?): parts.append(Money.about(cost))
    case (_, nil): parts.append("price unknown")
    }
    console.message("\(label): \(parts.joined(separator: " · "))")
    for item in summary.items where item.state == .failed || item.state == .conflict {
      let number = item.number.map { "row \($0): " } ?? ""
      console.problem(
        Sanitizer.line(
          "  \(number)「\(item.title)」 \(item.errorMessage ?? item.errorCode ?? "failed")"))
    }
    if failed > 0 { console.message("Failed rows again: resume") }
    outcome.failedRows += failed + conflicts
  }

  // MARK: - Taking back

  /// Takes a run back.
  ///
  /// - Parameter pages: The rows to take back; `nil` for all.
  func undo(number: Double?, pages: Set<String>?, isForced: Bool) async throws {
    let found = try number.map { try RunNumber.find($0, in: store) } ?? store.journal.lastUndoable()
    guard let run = found else {
      throw ScriptError.refusal("V506", "There is nothing to take back.", "all runs: runs")
    }
    guard run.state != .undone else {
      throw ScriptError.refusal(
        "V502", "Run \(run.id) was taken back already.", "write it again: redo \(run.id)")
    }
    let workspace = try workspaces.open(WorkspaceName(rawValue: run.workspace) ?? .local)
    let summary = try await Undo(client: workspace.client, journal: store.journal)
      .undo(run, pages: pages, isForced: isForced)
    tell(
      summary, "restored", run.id, isForced ? nil : "take them back as well: undo \(run.id) force")
  }

  /// Writes an undone run again.
  func redo(number: Double?) async throws {
    let found = try number.map { try RunNumber.find($0, in: store) } ?? store.journal.lastUndone()
    guard let run = found else {
      throw ScriptError.refusal("V507", "There is nothing to write again.", "all runs: runs")
    }
    guard run.state == .undone else {
      throw ScriptError.refusal(
        "V507", "Run \(run.id) was not taken back.", "take it back: undo \(run.id)")
    }
    let workspace = try workspaces.open(WorkspaceName(rawValue: run.workspace) ?? .local)
    let summary = try await Undo(client: workspace.client, journal: store.journal).redo(run)
    tell(summary, "written again", run.id, nil)
  }

  private func tell(_ summary: Undo.Summary, _ word: String, _ run: Int64, _ hint: String?) {
    console.message(
      "Run \(run): \(summary.restored) \(summary.restored == 1 ? "row" : "rows") \(word)"
        + (summary.left.isEmpty ? "." : ", \(summary.left.count) left alone."))
    for row in summary.left {
      let number = row.number.map { "row \($0): " } ?? ""
      console.problem(Sanitizer.line("  \(number)「\(row.title)」 \(row.reason)"))
    }
    if !summary.left.isEmpty, let hint { console.message(hint) }
    outcome.failedRows += summary.left.count
  }
}

/// Rows that went wrong in this session; they decide the exit code.
final class OutcomeCount {
  var failedRows = 0
}
