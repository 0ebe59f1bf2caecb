import Engines
import Foundation
import Generation
import Notion
import Script
import Store
import Transport

/// `try "…" against "…" on 3 rows using gemini, gpt`: prompts and engines side by side; nothing is
/// written.
struct TryCommand: Command {
  static let signature = CommandSignature(
    name: "try",
    summary: "Shows answers for a few rows, prompts and engines side by side; nothing is written.",
    slots: [
      Slot("prompt", kind: .template, summary: "the prompt; the connection's when left out"),
      Slot(
        "against", words: ["against"], kind: .template, repeats: true,
        summary: "another prompt beside it; may stand again"),
      Slot("rows", words: ["on"], kind: .target, summary: "the rows; the selection when left out"),
      Slot("engines", words: ["using"], kind: .engines, summary: "one engine or several"),
      Slot("shape", words: ["as"], kind: .type, summary: "the shape of the answers"),
    ],
    examples: [
      "try \"Write a title for {Topic}\" on 3 rows",
      "try \"{Topic} in five words\" against \"{Topic} as a question\" on 5 rows",
      "try on 1 rows using gemini, gpt",
    ],
    givesValue: true)

  private let connections: Connections
  private let engines: EngineRoster
  private let settings: Settings
  private let rows: RowTable
  private let targets: TargetRows
  private let planner: RunPlanner
  private let desk: RunDesk
  private let bench: Bench
  private let presenter: Presenter
  private let console: any Console
  private let isAtPrompt: Bool

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    settings = session.settings
    rows = session.rows
    targets = session.targets
    planner = RunPlanner(session)
    desk = session.desk
    bench = session.bench
    presenter = session.presenter
    console = session.console
    isAtPrompt = session.isAtPrompt
  }

  func run(_ call: CommandCall) async throws -> Value {
    let (connection, source, _) = try connections.requireDatabase()
    let variants = try variants(call, connection)
    if call.target("rows") == nil, rows.current == nil, !isAtPrompt || rows.selection == nil {
      throw ScriptError.refusal("V020", "Try it on which rows?", "say: try … on 3 rows")
    }
    let chosenRows = try await rowsToTry(call)
    guard !chosenRows.isEmpty else {
      console.message("No rows to try it on.")
      return .list([])
    }
    for variant in variants { try desk.checkAllowance(variant.engine.name) }
    let type =
      try call.shape("shape").map(PromptRendering.answerType)
      ?? RunTarget.answerType(of: planner.runTargets(call, connection))
    let requests = try chosenRows.map { row in
      try variants.map { variant in
        EngineRequest(
          prompt: PromptRendering.prompt(
            try variant.template.pieces(for: row), row: row,
            titleName: source.titleProperty?.name),
          model: variant.engine.model, temperature: settings.number("temperature"),
          maxOutputTokens: settings.number("max_output_tokens").flatMap { Int(exactly: $0) },
          type: type == .text ? nil : type, timeout: .seconds(settings.number("timeout") ?? 180))
      }
    }
    let asked = variants.map { desk.caching($0.engine.engine) }
    let results = await Self.ask(requests, of: asked, width: Int(settings.number("parallel") ?? 8))
    try Task.checkCancellation()
    bench.last = Bench.Experiment(
      connection: connection.name, variants: variants, rows: chosenRows,
      answers: results.map { $0.map(\.answer) })
    try keepSpent(results, requests, variants, chosenRows, connection)

    let records = chosenRows.enumerated().map { place, row -> Value in
      var record = Record([("Row", .text(row.title))])
      for (column, variant) in variants.enumerated() {
        record[heading(variant, variants)] = .text(results[place][column].text)
      }
      return .record(record)
    }
    presenter.show(.list(records))
    if variants.count > 1 || results.joined().contains(where: { $0.problem != nil }) {
      tell(results, variants)
    }
    return .list(records)
  }

  // MARK: - What is tried

  private func variants(
    _ call: CommandCall, _ connection: OpenConnection
  ) throws -> [Bench.Variant] {
    var templates: [PromptTemplate] = []
    if let given = call.template("prompt") {
      templates.append(given)
    } else if let text = connection.saved.promptText {
      templates.append(PromptTemplate.kept(text))
    }
    var count = 1
    while let other = call.template(count == 1 ? "against" : "against\(count)") {
      templates.append(other)
      count += 1
    }
    guard !templates.isEmpty else {
      throw ScriptError.refusal("V510", "There is no prompt to try.", "try \"…\" on 3 rows")
    }
    let chosen = try (call.names("engines") ?? [connection.saved.engine ?? engines.preferredName])
      .map { try engines.choose($0, model: connection.saved.model) }
    let all = templates.flatMap { template in chosen.map { (template, $0) } }
    guard all.count <= 26 else {
      throw ScriptError.refusal("V511", "At most 26 prompts and engines fit side by side.")
    }
    return zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", all).map {
      Bench.Variant(letter: String($0), template: $1.0, engine: $1.1)
    }
  }

  private func rowsToTry(_ call: CommandCall) async throws -> [Row] {
    if call.target("rows") == nil, let current = rows.current { return [current] }
    return Array(try await targets.rows(call.target("rows")).prefix(100))
  }

  private func heading(_ variant: Bench.Variant, _ all: [Bench.Variant]) -> String {
    if all.count == 1 { return variant.engine.label }
    let isMixed = Set(all.map(\.engine.label)).count > 1
    return variant.letter + (isMixed ? " (\(variant.engine.label))" : "")
  }

  // MARK: - Asking

  private struct Result: Sendable {
    var answer: Answer?
    var problem: String?
    var seconds = 0.0

    var text: String {
      if let problem { return "⚠ \(problem)" }
      return answer.map { $0.value?.string ?? $0.value?.text ?? $0.text } ?? ""
    }
    var isFree: Bool { answer?.usage == Usage() }
  }

  /// Asks every question of every variant, a few at a time; failures come as texts.
  private nonisolated static func ask(
    _ requests: [[EngineRequest]], of engines: [any Engine], width: Int
  ) async -> [[Result]] {
    var results = requests.map { $0.map { _ in Result() } }
    await withTaskGroup(of: (Int, Int, Result).self) { group in
      var waiting = requests.indices.flatMap { row in
        requests[row].indices.map { (row, $0) }
      }[...]
      func startNext() {
        guard !Task.isCancelled, let (row, column) = waiting.popFirst() else { return }
        let request = requests[row][column]
        let engine = engines[column]
        group.addTask {
          let start = ContinuousClock.now
          var result = Result()
          do {
            result.answer = try await engine.answer(request)
          } catch {
            result.problem = Report.sentence(error)
          }
          result.seconds = (ContinuousClock.now - start) / .seconds(1)
          return (row, column, result)
        }
      }
      for _ in 0..<max(1, width) { startNext() }
      for await (row, column, result) in group {
        results[row][column] = result
        startNext()
      }
    }
    return results
  }

  /// What each variant took.
  private func tell(_ results: [[Result]], _ variants: [Bench.Variant]) {
    for (column, variant) in variants.enumerated() {
      let all = results.map { $0[column] }
      let paid = all.filter { !$0.isFree && $0.answer != nil }
      let tokens = paid.reduce(0) { sum, result in
        sum + (result.answer.map { $0.usage.inputTokens + $0.usage.outputTokens } ?? 0)
      }
      let price = Prices.price(engine: variant.engine.name, model: variant.engine.model)
      let cost = price.map { price in
        paid.reduce(0) { $0 + ($1.answer.map { price.cost(of: $0.usage) } ?? 0) }
      }
      let mean = all.reduce(0) { $0 + $1.seconds } / Double(max(1, all.count))
      let failed = all.count { $0.problem != nil }
      var parts = ["\(variant.letter) \(variant.engine.label)"]
      parts.append(Clock.text(.seconds(mean)) + " each")
      parts.append("\(tokens) tokens")
      parts.append(
        variant.engine.name == "practice" ? "free" : cost.map(Money.text) ?? "price unknown")
      if failed > 0 { parts.append("\(failed) failed") }
      console.message(
        parts.joined(separator: " · ") + ": “\(Sanitizer.line(variant.template.source))”")
    }
    if variants.count > 1 {
      console.message("Write one of them, at no further cost: keep B")
    }
  }

  private func keepSpent(
    _ results: [[Result]], _ requests: [[EngineRequest]], _ variants: [Bench.Variant],
    _ rows: [Row], _ connection: OpenConnection
  ) throws {
    for (column, variant) in variants.enumerated() {
      let paid = rows.indices.compactMap { place -> (ItemRecord, Usage)? in
        let result = results[place][column]
        guard let answer = result.answer, !result.isFree else { return nil }
        var item = ItemRecord(
          pageID: rows[place].id, title: rows[place].title, number: rows[place].number,
          prompt: requests[place][column].prompt.json.text)
        item.answer = answer.text
        item.value = answer.value?.text
        return (item, answer.usage)
      }
      try desk.keepTried(
        paid,
        of: RunPlan(
          connection: connection.name, workspace: connection.workspace.name.rawValue, targets: [],
          promptText: variant.template.source,
          parameters: RunParameters(engine: variant.engine.name, model: variant.engine.model),
          items: [], isCounted: false))
    }
  }
}

/// `keep B`: writes the answers of a `try`, and makes its prompt the connection's.
struct KeepCommand: Command {
  static let signature = CommandSignature(
    name: "keep",
    summary: "Writes the answers that were tried, without asking again, and keeps their prompt.",
    slots: [
      Slot("variant", kind: .name, summary: "A, B …; may be left out when one was tried"),
      Slot(
        "force", words: ["force"], kind: .flag,
        summary: "also cells that somebody changed meanwhile"),
    ],
    examples: ["keep", "keep B"])

  private let connections: Connections
  private let settings: Settings
  private let store: LocalStore
  private let planner: RunPlanner
  private let mirror: ConnectionMirror
  private let desk: RunDesk
  private let bench: Bench
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    settings = session.settings
    store = session.store
    planner = RunPlanner(session)
    mirror = session.mirror
    desk = session.desk
    bench = session.bench
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let connection = try connections.requireOpen()
    guard let experiment = bench.last, experiment.connection == connection.name else {
      throw ScriptError.refusal("V512", "Nothing was tried yet.", "try \"…\" on 3 rows")
    }
    let letters = experiment.variants.map(\.letter)
    let wanted = call.text("variant")?.uppercased() ?? (letters.count == 1 ? letters[0] : "")
    guard let column = letters.firstIndex(of: wanted) else {
      throw ScriptError.refusal(
        "V513", wanted.isEmpty ? "Keep which?" : "There is no variant \(wanted).",
        "keep \(letters.joined(separator: ", keep "))")
    }
    let variant = experiment.variants[column]
    let targets = try planner.runTargets(call, connection)
    var items: [ItemRecord] = []
    for (place, row) in experiment.rows.enumerated() {
      guard let answer = experiment.answers[place][column], let page = RowMapping.page(of: row)
      else { continue }
      var item = ItemRecord(
        pageID: row.id, title: row.title, number: row.number,
        before: RunPlan.before(page, targets: targets))
      item.state = .answered
      item.answer = answer.text
      item.value = answer.value?.text
      item.cost = 0
      items.append(item)
    }
    guard !items.isEmpty else {
      console.message("Variant \(wanted) has no answers to keep.")
      return .nothing
    }
    let plan = RunPlan(
      connection: connection.name, workspace: connection.workspace.name.rawValue, targets: targets,
      promptText: variant.template.source,
      parameters: RunParameters(
        engine: variant.engine.name, model: variant.engine.model,
        isForced: call.has("force") || settings.text("conflict") == "overwrite",
        newOptions: settings.text("new_options") == "allow" ? .allow : .deny),
      items: items, isCounted: false)
    if variant.template.holesAreNames {
      let text = variant.template.source
      try connections.update { $0.promptText = text }
      try store.prompts.keep(text, connection: connection.name)
      try await mirror.push()
      console.message("Prompt of “\(connection.name)”: “\(Sanitizer.line(text))”")
    }
    try await desk.start(
      plan, engine: variant.engine.engine, client: connection.workspace.client)
    return .nothing
  }
}
