import Engines
import Generation
import Script
import Store
import Synchronization

/// Finds out what a program would do, without doing it: rows are read, everything else is counted.
nonisolated final class WishPlan: ScriptHost {
  /// What a program would do.
  struct Outcome: Sendable {
    /// A line for each thing it would do.
    var lines: [String] = []
    /// What would be touched: command and page.
    var touched: Set<String> = []
    /// Questions to engines.
    var questions = 0

    /// Whether it would do more than another plan says.
    func exceeds(_ shown: Outcome) -> Bool {
      !touched.isSubset(of: shown.touched) || questions > shown.questions
    }
  }

  private struct Writes {
    var pages: Set<String> = []
    var cleared: Set<String> = []
  }

  private struct State {
    var outcome = Outcome()
    /// Writes by property, in the order in which they come.
    var writes: [(name: String, writes: Writes)] = []
    /// Questions of `ai`, and their tokens.
    var asked = 0
    var tokens = 0
    /// Rows that the program ticks or unticks before.
    var ticks: [String: Bool] = [:]
  }

  let signatures: [CommandSignature]
  private let bridge: ScriptBridge
  private let looks: @MainActor @Sendable (CommandCall, [String: Bool]) async throws -> Look
  private let interpreter: Interpreter
  private let state = Mutex(State())

  /// What one command would do.
  struct Look: Sendable {
    var line: String
    var pages: [String] = []
    var questions = 0
    /// Rows it ticks or unticks.
    var ticks: [String: Bool] = [:]
  }

  @MainActor
  init(_ session: Session) {
    signatures = session.bridge.signatures
    bridge = session.bridge
    interpreter = session.interpreter
    let look = CommandLook(session)
    looks = { call, ticks in try await look.look(at: call, ticks: ticks) }
  }

  /// What a program would do.
  ///
  /// - Throws: What would stop it.
  func outcome(of source: SourceText) async throws -> Outcome {
    let planner = await interpreter.copy(for: self)
    _ = try await planner.run(source) { [self] value in
      guard case .query(let query) = value else { return }
      let count = try await query.rows(from: bridge).count
      note("\(query.source): \(WishPlan.rows(count)) shown")
    }
    return state.withLock { state in
      var outcome = state.outcome
      for (name, writes) in state.writes {
        let written = writes.pages.count - writes.cleared.count
        if written > 0 { outcome.lines.append("\(name) is written in \(WishPlan.rows(written))") }
        if !writes.cleared.isEmpty {
          outcome.lines.append("\(name) is CLEARED in \(WishPlan.rows(writes.cleared.count))")
        }
        outcome.touched.formUnion(writes.pages.map { "\(name) \($0)" })
        outcome.touched.formUnion(writes.cleared.map { "\(name) cleared \($0)" })
      }
      if state.asked > 0 {
        outcome.lines.append("ai is asked \(state.asked) times, about \(state.tokens) tokens in")
        outcome.questions += state.asked
      }
      if outcome.lines.isEmpty { outcome.lines = ["changes nothing"] }
      return outcome
    }
  }

  static func rows(_ count: Int) -> String { "\(count) \(count == 1 ? "row" : "rows")" }

  private func note(_ line: String) { state.withLock { $0.outcome.lines.append(line) } }

  // MARK: - What the program may know

  func shape(of connection: String?) -> ShapeAnswer { bridge.shape(of: connection) }
  func currentRow() -> Row? { bridge.currentRow() }
  func prompt(named name: String) -> String? { bridge.prompt(named: name) }
  var promptNames: [String] { bridge.promptNames }
  func rows(_ request: RowRequest) async throws -> [Row] { try await bridge.rows(request) }
  func body(of row: Row) async throws -> String { try await bridge.body(of: row) }
  func print(_ line: String) {}

  // MARK: - What it would do

  func run(_ call: CommandCall) async throws -> Value {
    let ticks = state.withLock { $0.ticks }
    let look = try await looks(call, ticks)
    state.withLock { state in
      state.outcome.lines.append(look.line)
      state.outcome.touched.formUnion(look.pages.map { "\(call.name) \($0)" })
      state.outcome.questions += look.questions
      state.ticks.merge(look.ticks) { $1 }
    }
    return .nothing
  }

  func write(_ changes: [FieldChange], to row: Row, at span: Span) async throws -> Row {
    state.withLock { state in
      for change in changes {
        let (name, isCleared): (String, Bool) =
          switch change {
          case .set(let name, let value): (name, value.isEmpty)
          case .setRich(let name, let text): (name, text.isEmpty)
          case .replaceBody(let text): ("the body", text.isEmpty)
          case .appendBody: ("the body", false)
          }
        let index =
          state.writes.firstIndex { $0.name == name }
          ?? {
            state.writes.append((name, Writes()))
            return state.writes.count - 1
          }()
        state.writes[index].writes.pages.insert(row.id)
        if isCleared { state.writes[index].writes.cleared.insert(row.id) }
      }
    }
    return row
  }

  func answer(_ request: AIRequest) async throws -> Value {
    state.withLock { state in
      state.asked += 1
      state.tokens += request.pieces.reduce(0) { $0 + TokenEstimate.tokens(in: $1.text) }
    }
    return WishPlan.stand(in: request.shape ?? .text)
  }

  /// A value of a shape, to go on with.
  private static func stand(in shape: AnswerShape) -> Value {
    switch shape {
    case .text: .text("…")
    case .number(let minimum, _): .number(minimum ?? 0)
    case .flag: .flag(false)
    case .date: .text("2026-01-01")
    case .list: .list([])
    case .option(let names): .text(names.first ?? "…")
    case .record(let fields): .record(Record(fields.map { ($0.name, stand(in: $0.shape)) }))
    }
  }
}

/// Says what a command would do.
struct CommandLook {
  private let connections: Connections
  private let engines: EngineRoster
  private let rows: RowTable
  private let targets: TargetRows
  private let bridge: ScriptBridge
  private let store: LocalStore

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    rows = session.rows
    targets = session.targets
    bridge = session.bridge
    store = session.store
  }

  func look(at call: CommandCall, ticks: [String: Bool]) async throws -> WishPlan.Look {
    switch call.name {
    case "tick", "untick":
      let (connection, _, _) = try connections.requireDatabase()
      guard connection.saved.tickProperty != nil else {
        throw ScriptError.refusal(
          "V480", "“\(connection.name)” has no checkbox property to tick.")
      }
      let chosen = try await targets.rows(call.target("on"))
      let isTicked = call.name == "tick"
      return WishPlan.Look(
        line: "\(call.name): \(count(chosen, call.target("on")))", pages: chosen.map(\.id),
        ticks: Dictionary(
          chosen.map { ($0.id, isTicked) }, uniquingKeysWith: { first, _ in first }))
    case "generate", "plan", "try": return try await asking(call, ticks)
    case "add":
      let titles = call.texts("titles").count
      return WishPlan.Look(
        line: titles > 0 ? "add: \(WishPlan.rows(titles))" : "add: the rows of a file",
        pages: call.texts("titles"))
    case "undo":
      guard call.target("what") == nil, let run = try store.journal.lastUndoable() else {
        return WishPlan.Look(line: "undo: \(call.source)", pages: [call.source])
      }
      let written = try store.journal.counts(ofRun: run.id).byState[.written] ?? 0
      return WishPlan.Look(
        line: "undo: run \(run.id) is taken back, \(WishPlan.rows(written))",
        pages: ["run \(run.id)"])
    default:
      let summary = CommandCatalog.command(named: call.name)?.signature.summary ?? ""
      return WishPlan.Look(line: "\(call.name): \(summary)", pages: [call.source])
    }
  }

  /// How many rows; all of a table are told as such.
  private func count(_ rows: [Row], _ target: Target?) -> String {
    if let target, target.limit == nil, case .query(let query) = target.value, query.isWhole {
      return "ALL \(WishPlan.rows(rows.count)) of the table"
    }
    return WishPlan.rows(rows.count)
  }

  /// A command that asks an engine for rows: how many, and about what it costs.
  private func asking(_ call: CommandCall, _ ticks: [String: Bool]) async throws -> WishPlan.Look {
    let connection = try connections.requireOpen()
    var templates = [call.template("prompt")].compactMap(\.self)
    var place = 1
    while let other = call.template(place == 1 ? "against" : "against\(place)") {
      templates.append(other)
      place += 1
    }
    if templates.isEmpty {
      guard let text = connection.saved.promptText else {
        throw ScriptError.refusal(
          "V510", "“\(connection.name)” has no prompt; give one: \(call.name) with \"…\"")
      }
      templates = [PromptTemplate.kept(text)]
    }
    let chosen = try await rows(call, ticks, connection)
    let names = call.names("engines") ?? call.names("engine")
    let asked = try (names ?? [connection.saved.engine ?? engines.preferredName]).map {
      try engines.choose($0, model: connection.saved.model)
    }
    var cost: Double? = 0
    for engine in asked {
      let price = Prices.price(engine: engine.name, model: engine.model)
      for template in templates {
        let tokens = chosen.reduce(0) { sum, row in
          let pieces = (try? template.pieces(for: row)) ?? []
          return sum + pieces.reduce(0) { $0 + TokenEstimate.tokens(in: $1.text) }
        }
        let one = price?.cost(
          of: Usage(inputTokens: tokens, outputTokens: chosen.count * 200))
        cost = cost.flatMap { sum in one.map { sum + $0 } }
      }
    }
    let questions = chosen.count * templates.count * asked.count
    let free = asked.allSatisfy { $0.name == "practice" }
    let money = free ? "free" : cost.map(Money.about) ?? "price unknown"
    let target = (call.names("targets") ?? []).joined(separator: ", ")
    var line = "\(call.name)\(target.isEmpty ? "" : " \(target)"): "
    line += "up to \(count(chosen, call.target("rows")))"
    if questions != chosen.count { line += ", \(questions) questions" }
    line += ", \(money) with \(asked.map(\.label).joined(separator: ", "))"
    if call.name != "generate" { line += "; nothing is written" }
    return WishPlan.Look(line: line, pages: chosen.map(\.id), questions: questions)
  }

  /// The rows a command would take: as said, the selection, or those that are ticked by then.
  private func rows(
    _ call: CommandCall, _ ticks: [String: Bool], _ connection: OpenConnection
  ) async throws -> [Row] {
    if let target = call.target("rows") { return try await targets.rows(target) }
    if call.name == "try", let current = rows.current { return [current] }
    // A statement before it that ticks ends the selection.
    if ticks.isEmpty, let selection = rows.selection { return selection.rows }
    guard connection.source != nil else { return [] }
    guard let tick = connection.saved.tickProperty else {
      throw ScriptError.refusal("V020", "It is not said which rows: \(call.name) … on rows where …")
    }
    return try await bridge.rows(RowRequest()).filter { row in
      ticks[row.id] ?? (row.value(of: tick)?.asFlag == true)
    }
  }
}
