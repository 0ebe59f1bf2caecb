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
  private let waits: WaitBoard
  private let console: any Console
  private let outcome: OutcomeCount
  private let spending: Spending
  /// The checks of answers; set when the session is whole.
  var checks: AnswerChecks?
  private let dialogue: Dialogue

  init(
    connections: Connections, workspaces: Workspaces, engines: EngineRoster, settings: Settings,
    store: LocalStore, surroundings: Surroundings, options: RunOptions, waits: WaitBoard,
    console: any Console, outcome: OutcomeCount, dialogue: Dialogue, spending: Spending
  ) {
    self.spending = spending
    self.dialogue = dialogue
    self.waits = waits
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

  /// Starts a run whose rows are at hand.
  ///
  /// - Parameter isFresh: Whether what was answered before to the same words is asked anew.
  func start(
    _ plan: RunPlan, engine: any Engine, connection: OpenConnection, isFresh: Bool = false
  ) async throws {
    let runner = runner(
      connection.workspace.client, isFresh ? engine : caching(engine),
      try await checks?.looks(connection), plan.parameters)
    let id = try runner.begin(plan)
    try await carryOut(
      id, client: connection.workspace.client, claim: store.journal.claim(id), runner: runner,
      targets: plan.targets,
      parameters: plan.parameters, left: plan.items.count)
  }

  /// Starts a run whose rows were gathered.
  ///
  /// - Parameter isFresh: Whether what was answered before to the same words is asked anew.
  func start(_ planned: RunPlanner.Planned, isFresh: Bool = false) async throws {
    guard let prepared = try await begin(planned) else { return }
    let engine = planned.engine.engine
    try await carryOut(
      prepared.run, client: prepared.workspace.client, claim: prepared.claim,
      runner: runner(
        prepared.workspace.client, isFresh ? engine : caching(engine), prepared.looks,
        prepared.parameters),
      targets: prepared.targets, parameters: prepared.parameters, left: planned.draft.rows)
  }

  /// A run that goes on: its parts as they are now.
  struct Prepared {
    let run: Int64
    let targets: [RunTarget]
    let parameters: RunParameters
    let workspace: Workspace
    let chosen: ChosenEngine
    let looks: AnswerChecks.Looks?
    /// That no other process carries it out, as long as this value lives.
    let claim: RunClaim
  }

  /// Goes on with a run that stopped.
  ///
  /// - Parameters:
  ///   - engine: Another engine for what is left, `gpt` or `gpt/gpt-6-sol`; `nil` for the run's own.
  ///   - isForced: Whether cells that somebody changed are overwritten.
  func resume(number: Double?, engine: String? = nil, isForced: Bool = false) async throws {
    let run = try unfinished(number, isForced: isForced)
    let prepared = try await prepare(run, engine: engine, isForced: isForced)
    let counts = try store.journal.counts(ofRun: run.id)
    guard try await mayAskOneByOne(prepared) else { return }
    console.message("Run \(run.id) goes on: \(counts.left) of \(counts.total) rows.")
    try await carryOut(
      run.id, client: prepared.workspace.client, claim: prepared.claim,
      runner: runner(
        prepared.workspace.client, caching(prepared.chosen.engine), prepared.looks,
        prepared.parameters),
      targets: prepared.targets, parameters: prepared.parameters, left: counts.left)
  }

  /// Records a run whose rows were gathered; nothing is asked.
  ///
  /// - Returns: `nil` when other runs took every row meanwhile, which is told.
  func begin(_ planned: RunPlanner.Planned) async throws -> Prepared? {
    let looks = try await checks?.looks(planned.connection)
    RunPlanner.tell(try planned.draft.publish(), console)
    guard planned.draft.rows > 0 else { return nil }
    surroundings.checkpoint?("planned")
    return Prepared(
      run: planned.draft.id, targets: planned.plan.targets, parameters: planned.plan.parameters,
      workspace: planned.connection.workspace, chosen: planned.engine, looks: looks,
      claim: planned.draft.claim)
  }

  /// Writes the answers that a run has.
  ///
  /// - Parameter asks: Which rows are asked besides.
  func write(_ prepared: Prepared, rows: Int, asks: RunAsking = .none) async throws {
    try await carryOut(
      prepared.run, client: prepared.workspace.client, claim: prepared.claim,
      runner: runner(
        prepared.workspace.client, prepared.chosen.engine, prepared.looks, prepared.parameters),
      targets: prepared.targets, parameters: prepared.parameters, left: rows, asks: asks)
  }

  /// Whether rows that were meant for a batch may be asked one by one: that is never done unsaid.
  private func mayAskOneByOne(_ prepared: Prepared) async throws -> Bool {
    guard prepared.parameters.isBatch else { return true }
    let rows = try store.journal.countToAsk(ofRun: prepared.run)
    guard rows > 0 else { return true }
    let text =
      "Run \(prepared.run) was begun as batch; \(rows) \(rows == 1 ? "row is" : "rows are") asked one by "
      + "one now, at the full price (at half of it: resume \(prepared.run) as batch)."
    guard dialogue.canAsk else {
      console.message(text)
      return true
    }
    return try await dialogue.confirm(text + " Go on?")
  }

  /// The run that goes on: the one of that number, else the last that has rows left.
  ///
  /// - Parameter isForced: Whether rows that were left alone are left to do as well.
  func unfinished(_ number: Double?, isForced: Bool = false) throws -> RunRecord {
    let found =
      try number.map { try RunNumber.find($0, in: store) }
      ?? store.journal.lastUnfinished(isForced: isForced)
    let open = try store.journal.openBatches(ofRun: found?.id).last
    let out = open.map { "batch \($0.id) is out: collect \($0.id)" }
    guard let run = found else {
      throw ScriptError.refusal("V501", "There is no unfinished run.", out ?? "all runs: runs")
    }
    let counts = try store.journal.counts(ofRun: run.id)
    guard run.kind == .generate,
      counts.left > 0 || (isForced && counts.byState[.conflict] ?? 0 > 0)
    else {
      throw ScriptError.refusal(
        "V501", "Run \(run.id) has nothing left to do.", out ?? "its rows: runs \(run.id)")
    }
    guard run.state != .undone else {
      throw ScriptError.refusal(
        "V502", "Run \(run.id) was taken back.", "write it again: redo \(run.id)")
    }
    return run
  }

  /// The parts of a run as they are now: the schema, the engine, the budget, the checks.
  func prepare(
    _ run: RunRecord, engine: String? = nil, isForced: Bool = false
  ) async throws -> Prepared {
    guard let claim = store.journal.claim(run.id) else { throw RunDesk.busy(run) }
    var parameters = RunParameters(
      json: (try? JSON(parsing: run.parameters)) ?? [:])
    parameters.maxCost = spending.limit(ofRun: run.id) ?? parameters.maxCost
    parameters.leavesFailing = settings.text("failed_checks") == "leave"
    if isForced {
      parameters.isForced = true
      try store.journal.retakeConflicts(ofRun: run.id)
    }
    let workspace = try workspaces.open(WorkspaceName(rawValue: run.workspace) ?? .local)
    let chosen = try engines.choose(engine ?? run.engine, model: engine == nil ? run.model : nil)
    if engine != nil {
      parameters.engine = chosen.name
      parameters.model = chosen.model
      parameters.isEngineNamed = true
      try store.journal.setEngine(
        chosen.name, model: chosen.model, parameters: parameters.json.text, ofRun: run.id)
    }
    let source = try await currentSource(run, parameters, workspace)
    let kept = (try? JSON(parsing: run.targets))?.array ?? []
    let targets = kept.compactMap { RunTarget(json: $0, source: source) }
    guard targets.count == kept.count, !targets.isEmpty else {
      throw ScriptError.refusal("V503", "The journal of run \(run.id) cannot be read.")
    }
    return Prepared(
      run: run.id, targets: targets, parameters: parameters, workspace: workspace, chosen: chosen,
      looks: try await looks(of: run), claim: claim)
  }

  /// The checks of a run that goes on; they may be others than when it began.
  private func looks(of run: RunRecord) async throws -> AnswerChecks.Looks? {
    guard !(try store.prompts.checks(of: run.connection)).isEmpty,
      let saved = try store.connections.find(named: run.connection)
    else { return nil }
    return try await checks?.looks(try await connections.peek(saved))
  }

  /// Another process carries the run out.
  private static func busy(_ run: RunRecord) -> ScriptError {
    ScriptError.refusal(
      "V528", "Run \(run.id) is being carried out by another Visen.",
      "wait until it is done, or stop it there with Ctrl-C")
  }

  /// The schema as it is: a property that was renamed keeps its identity.
  private func currentSource(
    _ run: RunRecord, _ parameters: RunParameters, _ workspace: Workspace
  ) async throws -> DataSource? {
    let id = try parameters.sourceID ?? store.connections.find(named: run.connection)?.dataSourceID
    guard let id = id.flatMap(NotionID.init(parsing:)) else { return nil }
    return try await workspace.client.dataSource(id)
  }

  /// Keeps answers that were paid for and not written, so that what was spent is known.
  func keepTried(_ answers: [(item: ItemRecord, usage: Usage)], of plan: RunPlan) throws {
    spending.note(try keepPaid(answers, of: plan))
  }

  /// - Returns: What they cost, as far as prices are known.
  @discardableResult
  private func keepPaid(
    _ answers: [(item: ItemRecord, usage: Usage)], of plan: RunPlan
  ) throws -> Double {
    guard !answers.isEmpty, plan.parameters.engine != "practice" else { return 0 }
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
    return items.reduce(0) { $0 + ($1.cost ?? 0) }
  }

  /// Keeps what the `ai` of an input were asked and answered, a run for each engine.
  func keepAnswered(_ answers: [Spending.Answered], connection: String?) throws {
    for (label, part) in Dictionary(grouping: answers, by: \.engine.label).sorted(by: {
      $0.key < $1.key
    }) {
      guard let engine = part.first?.engine else { continue }
      try keepPaid(
        part.map { ($0.item, $0.usage) },
        of: RunPlan(
          connection: connection ?? "", workspace: "", targets: [], promptText: "ai with \(label)",
          parameters: RunParameters(engine: engine.name, model: engine.model), items: [],
          isCounted: false))
    }
  }

  /// Keeps what a question of a conversation was answered; its cost is counted already.
  func keepAsked(
    _ question: String, _ prompt: Prompt, _ answer: Answer, _ chosen: ChosenEngine,
    connection: String?
  ) throws {
    var item = ItemRecord(pageID: "", title: question, prompt: prompt.json.text)
    item.answer = answer.text
    try keepPaid(
      [(item, answer.usage)],
      of: RunPlan(
        connection: connection ?? "", workspace: "", targets: [], promptText: question,
        parameters: RunParameters(engine: chosen.name, model: chosen.model), items: [],
        isCounted: false))
  }

  /// The engine, not asked the same twice; the practice engine costs nothing to ask.
  func caching(_ engine: any Engine) -> any Engine {
    engine.name == "practice" ? engine : CachingEngine(around: engine, cache: store.answers)
  }

  private func runner(
    _ client: NotionClient, _ engine: any Engine, _ looks: AnswerChecks.Looks?,
    _ parameters: RunParameters
  ) -> Runner {
    // An answer that is not to be written is asked for once more, told what is wrong with it.
    Runner(
      client: client, engine: engine, journal: store.journal,
      check: parameters.leavesFailing ? looks?.check : nil, review: looks?.review,
      checkpoint: { [checkpoint = surroundings.checkpoint] in checkpoint?($0) })
  }

  private func carryOut(
    _ id: Int64, client: NotionClient, claim: RunClaim?, runner: Runner, targets: [RunTarget],
    parameters: RunParameters, left: Int, asks: RunAsking = .all
  ) async throws {
    let label = targets.map(\.name).joined(separator: ", ")
    let progress = RunProgress(
      label: label, total: left, isFree: parameters.engine == "practice", tellsElsewhere: true,
      waits: waits, console: console)
    progress.begin()
    let summary: RunSummary
    let paid = try store.journal.totals(ofRun: id).spent
    defer {
      if let now = try? store.journal.totals(ofRun: id).spent {
        spending.note(now - paid, run: id)
      }
    }
    do {
      summary = try await runner.run(
        id, targets: targets, parameters: parameters, asks: asks,
        onEvent: { progress.note($0) })
    } catch {
      progress.end()
      throw error
    }
    progress.end()
    let lacking = summary.problems.filter(\.needsNewOption)
    if !lacking.isEmpty, parameters.newOptions == .ask, dialogue.canAsk {
      for reason in Set(lacking.compactMap(\.errorMessage)).sorted().prefix(20) {
        console.message(Sanitizer.line(reason))
      }
      if try await dialogue.confirm(
        "\(lacking.count) \(lacking.count == 1 ? "row needs" : "rows need") options that are not "
          + "there. Make them?")
      {
        var allowing = parameters
        allowing.newOptions = .allow
        return try await carryOut(
          id, client: client, claim: claim, runner: runner, targets: targets,
          parameters: allowing, left: lacking.count, asks: asks)
      }
    }
    withExtendedLifetime(claim) {}
    report(summary, label: label, engine: parameters.engine)
    switch summary.stop {
    case .cancelled?:
      console.message("\(summary.left) left. Go on: resume")
      throw CancellationError()
    case .budget?:
      throw ScriptError.budget(
        "V504", "The budget is used up; \(summary.left) of \(summary.total) rows are left.",
        "go on with more: budget …, then resume")
    case .problem(let message, let isKey)?:
      let left = summary.left == 1 ? "1 row is left" : "\(summary.left) rows are left"
      let note = "\(left); when it is put right: resume"
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
    let sent = summary.count(.sent)
    if sent > 0 { parts.append("\(sent) in a batch") }
    if !summary.unfit.isEmpty {
      parts.append("\(summary.unfit.count) \(summary.unfit.count == 1 ? "fails" : "fail") a check")
    }
    // With what was read for the run; the next one counts for itself.
    if workspaces.counted > 0 { parts.append(Requests.text(workspaces.counted)) }
    workspaces.beginCounting()
    parts.append(Clock.text(summary.duration))
    switch (engine, summary.cost) {
    case ("practice", _): parts.append("free")
    case (_, 0?): parts.append("no further cost")
    case (_, let cost?): parts.append(Money.about(cost))
    case (_, nil): parts.append("price unknown")
    }
    console.message("\(label): \(parts.joined(separator: " · "))")
    let lost = summary.totals.lostCalls
    if lost > 0, engine != "practice" {
      console.message(
        "\(lost) \(lost == 1 ? "call" : "calls") ended without an answer and may be billed"
          + (summary.totals.lostCost > 0 ? ": at most \(Money.text(summary.totals.lostCost))" : ""))
    }
    for item in summary.problems {
      let number = item.number.map { "row \($0): " } ?? ""
      console.problem(
        Sanitizer.line(
          "  \(number)「\(item.title)」 \(item.errorMessage ?? item.errorCode ?? "failed")"))
    }
    for item in summary.unfit {
      let number = item.number.map { "row \($0): " } ?? ""
      console.problem(
        Sanitizer.line("  \(number)「\(item.title)」 fails \(item.failedChecks ?? "")"))
    }
    if failed + conflicts > summary.problems.count {
      console.message(
        "  … \(failed + conflicts - summary.problems.count) more: runs \(summary.runID)")
    }
    if failed > 0 { console.message("Failed rows again: resume") }
    if conflicts > 0 {
      console.message("Rows left alone, written all the same: resume \(summary.runID) force")
    }
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
    // What was sent last is what a plain `undo` is about.
    let open = try store.journal.openBatches(ofRun: number == nil ? nil : run.id)
    if pages == nil, let batch = open.last, batch.runID >= run.id {
      throw ScriptError.refusal(
        "V534", "Rows of run \(batch.runID) are in batch \(batch.id).",
        "stop it: batches cancel \(batch.id)", "or take its answers in first: collect \(batch.id)")
    }
    guard let claim = store.journal.claim(run.id) else { throw RunDesk.busy(run) }
    defer { withExtendedLifetime(claim) {} }
    let workspace = try workspaces.open(WorkspaceName(rawValue: run.workspace) ?? .local)
    let total = try pages?.count ?? store.journal.counts(ofRun: run.id).byState[.written] ?? 0
    let progress = RunProgress(label: "undo", total: total, waits: waits, console: console)
    progress.begin()
    defer { progress.end() }
    let summary: Undo.Summary
    do {
      summary = try await Undo(
        client: workspace.client, journal: store.journal, onRow: { progress.step() }
      ).undo(run, pages: pages, isForced: isForced)
    } catch is CancellationError {
      let left = try store.journal.counts(ofRun: run.id).byState[.written] ?? 0
      progress.end()
      console.message("\(left) of run \(run.id) still written. Go on: undo \(run.id)")
      throw CancellationError()
    }
    progress.end()
    tell(
      summary, "restored", run.id, isForced ? nil : "take them back as well: undo \(run.id) force")
  }

  /// Takes a run and every later one back, the last first.
  func undo(from first: Int64, isForced: Bool) async throws {
    var taken = 0
    for run in try store.journal.runs(limit: 100_000) where run.id >= first {
      guard run.state != .undone,
        try store.journal.counts(ofRun: run.id).byState[.written] ?? 0 > 0
      else { continue }
      try await undo(number: Double(run.id), pages: nil, isForced: isForced)
      taken += 1
    }
    if taken == 0 {
      throw ScriptError.refusal("V506", "There is nothing to take back.", "all runs: runs")
    }
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
    guard let claim = store.journal.claim(run.id) else { throw RunDesk.busy(run) }
    defer { withExtendedLifetime(claim) {} }
    let workspace = try workspaces.open(WorkspaceName(rawValue: run.workspace) ?? .local)
    let total = try store.journal.counts(ofRun: run.id).byState[.undone] ?? 0
    let progress = RunProgress(label: "redo", total: total, waits: waits, console: console)
    progress.begin()
    defer { progress.end() }
    let summary = try await Undo(
      client: workspace.client, journal: store.journal, onRow: { progress.step() }
    ).redo(run)
    progress.end()
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
