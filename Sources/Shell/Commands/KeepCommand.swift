import Engines
import Generation
import Notion
import Script
import Store
import Transport

/// `keep B`: writes the answers of a `try`, and makes its prompt the connection's.
struct KeepCommand: Command {
  static let signature = CommandSignature(
    name: "keep",
    summary: "Writes the answers that were tried, without asking again, and keeps their prompt.",
    slots: [
      Slot(
        "variant", kind: .name,
        summary: "A, B …; the last attempt when left out and there was one"),
      Slot(
        "all", words: ["for", "all"], kind: .flag,
        summary: "makes its prompt the connection's, and generates the other rows"),
      Slot(
        "force", words: ["force"], kind: .flag,
        summary: "also cells that somebody changed meanwhile"),
    ],
    examples: ["keep", "keep B", "keep B for all"])

  private let connections: Connections
  private let engines: EngineRoster
  private let settings: Settings
  private let store: LocalStore
  private let rows: RowTable
  private let planner: RunPlanner
  private let mirror: ConnectionMirror
  private let desk: RunDesk
  private let bench: Bench
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    settings = session.settings
    store = session.store
    rows = session.rows
    planner = RunPlanner(session)
    mirror = session.mirror
    desk = session.desk
    bench = session.bench
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let (connection, _, shape) = try connections.requireDatabase()
    // Only what this session has seen: an experiment of last week is opened first.
    guard let experiment = bench.current, experiment.record.connection == connection.name else {
      throw ScriptError.refusal(
        "V512", "Nothing was tried yet.", "try \"…\" on 3 rows",
        "or open what was tried before: show experiment 4")
    }
    guard experiment.record.workspace == connection.workspace.name.rawValue else {
      throw ScriptError.refusal(
        "V512", "Experiment \(experiment.record.id) was made on another workspace.")
    }
    let column = try chosen(call, experiment)
    let variant = experiment.record.variants[column]
    let engine = try engines.choose(variant.engine, model: variant.model)
    if call.has("all") {
      return try await keepForAll(call, experiment, variant, engine)
    }
    let items = try await items(experiment, column, connection, shape, call)
    guard !items.isEmpty else {
      console.message("Variant \(Experiment.letter(column)) has no answers to keep.")
      return .nothing
    }
    // An attempt on one row is kept for this row alone; the prompt of all rows stays.
    if !experiment.record.isStep, variant.isKeptForm {
      try await keepPrompt(variant.prompt, connection)
    }
    var plan = RunPlan(
      connection: connection.name, workspace: connection.workspace.name.rawValue,
      targets: try planner.runTargets(call, connection), promptText: variant.prompt,
      parameters: RunParameters(
        engine: variant.engine, model: variant.model,
        isForced: call.has("force") || settings.text("conflict") == "overwrite",
        newOptions: settings.newOptions),
      items: items, isCounted: false)
    plan.parameters.promptVersion = try version(of: variant, experiment, connection)
    plan.parameters.experiment = experiment.record.id
    plan.parameters.isConnectionPrompt = !experiment.record.isStep && variant.isKeptForm
    plan.parameters.isEngineNamed = true
    plan.parameters.leavesFailing = settings.text("failed_checks") == "leave"
    try await desk.start(plan, engine: engine.engine, connection: connection)
    if experiment.record.isStep { bench.keptPages.formUnion(items.map(\.pageID)) }
    try await refreshCurrent()
    return .nothing
  }

  /// The variant that is meant: as named, the only one, or the last attempt on one row.
  private func chosen(_ call: CommandCall, _ experiment: Experiment) throws -> Int {
    if let letter = call.text("variant") { return try experiment.variant(letter) }
    if experiment.latest.count == 1, experiment.record.isStep || experiment.letters.count == 1 {
      return experiment.latest.lowerBound
    }
    return try experiment.variant("")
  }

  /// The prompt as which the answers are kept: an attempt's own; else the connection's, as it is now.
  private func version(
    of variant: VariantRecord, _ experiment: Experiment, _ connection: OpenConnection
  ) throws -> PromptVersion? {
    if experiment.record.isStep, let version = variant.version { return version }
    return try store.prompts.version(of: variant.prompt, called: nil, connection: connection.name)
  }

  private func keepPrompt(_ text: String, _ connection: OpenConnection) async throws {
    try connections.update { $0.promptText = text }
    let version = try store.prompts.keep(text, connection: connection.name)
    try await mirror.push()
    console.message("Prompt of “\(connection.name)”, version \(version): “\(Sanitizer.line(text))”")
  }

  /// The journal's entries: the answers as they are, and what stood in the cells.
  private func items(
    _ experiment: Experiment, _ column: Int, _ connection: OpenConnection, _ shape: Shape,
    _ call: CommandCall
  ) async throws -> [ItemRecord] {
    let targets = try planner.runTargets(call, connection)
    let variant = experiment.record.variants[column]
    let inputs = planner.inputs(
      of: PromptTemplate.names(in: variant.prompt), areNames: variant.isKeptForm, connection)
    var items: [ItemRecord] = []
    for (place, tried) in experiment.record.rows.enumerated() {
      guard let cell = experiment.record.cells[place][column], let answer = cell.answer else {
        continue
      }
      // What somebody changed since the row was tried is seen, also after a new start.
      let before: String
      if let known = tried.before {
        before = RunPlan.before(
          known, targets: targets, inputs: inputs, experiment: experiment.record.id,
          past: try store.journal.items(ofPage: tried.pageID))
      } else if let id = NotionID(parsing: tried.pageID) {
        before = RunPlan.before(
          try await connection.workspace.client.page(id), targets: targets, inputs: inputs)
      } else {
        continue
      }
      var item = ItemRecord(
        pageID: tried.pageID, title: tried.title, number: tried.number, prompt: cell.request,
        before: before)
      item.state = .answered
      item.answer = answer
      item.value = cell.value
      item.cost = 0
      items.append(item)
    }
    return items
  }

  /// Makes the prompt the connection's, and generates what was not kept one by one.
  private func keepForAll(
    _ call: CommandCall, _ experiment: Experiment, _ variant: VariantRecord,
    _ engine: ChosenEngine
  ) async throws -> Value {
    guard variant.isKeptForm else {
      throw ScriptError.refusal(
        "V481", "A saved prompt's holes hold property names only.",
        "write {Topic}, not an expression")
    }
    try await keepPrompt(variant.prompt, try connections.requireOpen())
    guard let planned = try await planner.plan(call, using: engine, without: bench.keptPages) else {
      return .nothing
    }
    do {
      try desk.checkAllowance(engine.name)
    } catch {
      try planned.draft.discard()
      throw error
    }
    try await desk.start(planned)
    bench.keptPages = []
    try await refreshCurrent()
    return .nothing
  }

  /// The current row as it is after the write, so that the next attempt is no stranger's edit.
  private func refreshCurrent() async throws {
    guard let current = rows.current else { return }
    let fresh = try await connections.reread(current)
    rows.current = fresh
    rows.replace(fresh)
  }
}
