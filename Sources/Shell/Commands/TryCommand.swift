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
      Slot(
        "rows", words: ["on"], kind: .target,
        summary: "the rows; the current row or the selection when left out",
        missingInScript: missingRows),
      Slot("engines", words: ["using"], kind: .engines, summary: "one engine or several"),
      Slot("shape", words: ["as"], kind: .type, summary: "the shape of the answers"),
    ],
    examples: [
      "try \"Write a title for {Topic}\" on 3 rows",
      "try \"{Topic} in five words\" against \"{Topic} as a question\" on 5 rows",
      "try prompt \"intro\" against prompt \"short\" on sample 8 rows",
      "try on 1 rows using gemini, gpt",
    ],
    givesValue: true)

  private static let missingRows = Slot.Missing(
    "V020", "try it on which rows?", fix: "say: try … on 3 rows")

  /// The most rows of one experiment; more is a run.
  private static let mostRows = 200

  private let connections: Connections
  private let engines: EngineRoster
  private let settings: Settings
  private let options: RunOptions
  private let store: LocalStore
  private let rows: RowTable
  private let targets: TargetRows
  private let choice: RowChoice
  private let planner: RunPlanner
  private let desk: RunDesk
  private let bench: Bench
  private let checks: AnswerChecks
  private let presenter: Presenter
  private let dialogue: Dialogue
  private let console: any Console
  private let spending: Spending
  private let isAtPrompt: Bool

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    settings = session.settings
    options = session.options
    store = session.store
    rows = session.rows
    targets = session.targets
    choice = RowChoice(session)
    planner = RunPlanner(session)
    desk = session.desk
    bench = session.bench
    checks = session.checks
    presenter = session.presenter
    dialogue = session.dialogue
    console = session.console
    spending = session.spending
    isAtPrompt = session.isAtPrompt
  }

  func run(_ call: CommandCall) async throws -> Value {
    let (connection, source, _) = try connections.requireDatabase()
    let variants = try variants(call, connection)
    if call.target("rows") == nil, rows.current == nil, !isAtPrompt {
      throw TryCommand.whichRows
    }
    let chosen = try await rowsToTry(call)
    let type =
      try call.shape("shape").map(PromptRendering.answerType)
      ?? RunTarget.answerType(of: planner.runTargets(call, connection))
    let asked = requests(chosen, variants, type, title: source.titleProperty?.name)
    guard !asked.isEmpty else {
      console.message("No rows to try it on.")
      return .list([])
    }
    if options.isDry || settings.isOn("dry") {
      for (row, requests) in asked {
        for request in requests { console.result("~ \(row.title): \(request.prompt.text)") }
      }
      console.message("Nothing was sent.")
      return .list([])
    }
    let answerChecks = try await checks.all(of: connection.name)
    for variant in variants { try desk.checkAllowance(variant.engine.name) }
    guard try await isWanted(asked.count * variants.count, variants) else { return .list([]) }

    var experiment = begun(call, connection, variants, asked.map(\.row))
    // An only answer is shown as it arrives.
    let isStreamed =
      asked.count == 1 && experiment.record.variants.count == 1 && presenter.isTable
      && (type == nil || type == .text)
    let stream = isStreamed ? AnswerStream(console: console) : nil
    if stream != nil { showHead(asked[0].row) }
    let result = await ask(asked, variants, stream)
    stream?.end()
    for (place, outcome) in result.outcomes {
      let (row, variant) = (place / variants.count, place % variants.count)
      experiment.record.cells[row][experiment.latest.lowerBound + variant] = await cell(
        outcome, asked[row].requests[variant], asked[row].row, answerChecks)
    }
    try bench.keep(experiment)
    experiment = bench.current ?? experiment
    try keepSpent(result, asked, variants, connection)
    return try finish(experiment, result, isShown: stream?.hasText == true)
  }

  private func showHead(_ row: Row) {
    let number = row.number.map { "row \($0) · " } ?? ""
    console.styledResult(
      console.resultStyle.bold(
        DisplayWidth.cut(Sanitizer.line("\(number)\(row.title)"), to: presenter.readingWidth)))
  }

  /// Shows what came, and says what did not.
  private func finish(
    _ experiment: Experiment, _ result: Trials.Result, isShown: Bool
  ) throws -> Value {
    let record = experiment.record
    let records = record.rows.indices.map { row -> Value in
      var fields = Record([("Row", .text(record.rows[row].title))])
      for (variant, kept) in record.variants.enumerated() {
        let isMixed = Set(record.variants.map(\.engineLabel)).count > 1
        let letter = Experiment.letter(variant)
        let heading =
          record.variants.count == 1
          ? kept.engineLabel : letter + (isMixed ? " (\(kept.engineLabel))" : "")
        fields[heading] = record.cells[row][variant].map { .text($0.shown) } ?? .nothing
      }
      return .record(fields)
    }
    if isShown, let cell = record.cells.first?.first ?? nil, cell.errorCode == nil {
      let isPractice = record.variants[0].engine == "practice"
      console.styledResult(console.resultStyle.faint(cell.figures(isPractice: isPractice)))
    } else if presenter.isTable {
      let view = ExperimentView(
        experiment: record, width: presenter.readingWidth, style: console.resultStyle)
      console.styledResult(view.text)
    } else {
      try presenter.show(.list(records))
    }
    tell(record)
    if result.isCancelled { throw CancellationError() }
    if result.isOverBudget {
      let left = record.cells.joined().count { $0 == nil }
      throw ScriptError.budget(
        "V504", "The budget is used up; \(left) answers are missing.",
        "what was answered is kept; with more the same try asks only for the rest: set max_cost …")
    }
    let problems = result.outcomes.values.compactMap(\.problem)
    if problems.count == result.outcomes.count,
      let problem = problems.first(where: { $0.scope == .run })
    {
      throw problem.code == .badKey
        ? ScriptError.setting("V505", problem.message)
        : ScriptError.refusal("V505", problem.message)
    }
    return .list(records)
  }

  // MARK: - What is tried

  /// A prompt with an engine.
  private struct Variant {
    let template: PromptTemplate
    let engine: ChosenEngine
  }

  private func variants(_ call: CommandCall, _ connection: OpenConnection) throws -> [Variant] {
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
    let all = templates.flatMap { template in chosen.map { Variant(template: template, engine: $0) }
    }
    guard all.count <= Experiment.mostVariants else {
      throw ScriptError.refusal("V511", "At most 26 prompts and engines fit side by side.")
    }
    return all
  }

  private static let whichRows = ScriptError.refusal(
    missingRows.code, missingRows.message, missingRows.fix)

  private func rowsToTry(_ call: CommandCall) async throws -> [Row] {
    if call.target("rows") == nil, let current = rows.current { return [current] }
    var all: [Row] = []
    if let target = call.target("rows") {
      all = try await targets.rows(target)
    } else {
      var reader = try await choice.reader(for: "try")
      while all.count <= TryCommand.mostRows, let part = try await reader.next() { all += part }
      guard !all.isEmpty else { throw TryCommand.whichRows }
    }
    guard all.count <= TryCommand.mostRows else {
      throw ScriptError.refusal(
        "V516", "One try takes at most \(TryCommand.mostRows) rows, and these are more.",
        "try it on some: try … on sample 20 rows", "or fill them all: generate")
    }
    return all
  }

  /// The questions of each row; a row for which a hole has no value is left out and told.
  private func requests(
    _ rows: [Row], _ variants: [Variant], _ type: AnswerType?, title: String?
  ) -> [(row: Row, requests: [EngineRequest])] {
    rows.compactMap { row in
      do {
        return (
          row,
          try variants.map { variant in
            EngineRequest(
              prompt: PromptRendering.prompt(
                try variant.template.pieces(for: row), row: row, titleName: title),
              model: variant.engine.model, temperature: settings.number("temperature"),
              maxOutputTokens: settings.number("max_output_tokens").flatMap { Int(exactly: $0) },
              type: type == .text ? nil : type,
              timeout: .seconds(settings.number("timeout") ?? 180))
          }
        )
      } catch {
        console.message(
          "skipped 「\(row.title)」: \((error as? ScriptError)?.message ?? Report.sentence(error))")
        return nil
      }
    }
  }

  /// Whether a large experiment is meant.
  private func isWanted(_ count: Int, _ variants: [Variant]) async throws -> Bool {
    guard isAtPrompt, Double(count) > settings.number("ask_above") ?? 50,
      variants.contains(where: { $0.engine.name != "practice" })
    else { return true }
    return try await dialogue.confirm("\(count) questions to the engines. Go on?")
  }

  /// A new experiment, or the attempts on the current row with one more.
  private func begun(
    _ call: CommandCall, _ connection: OpenConnection, _ variants: [Variant], _ rows: [Row]
  ) -> Experiment {
    let added = variants.map { variant in
      VariantRecord(
        prompt: variant.template.source, isKeptForm: variant.template.holesAreNames,
        version: (try? store.prompts.version(
          of: variant.template.source, called: variant.template.name,
          connection: connection.name)) ?? nil,
        engine: variant.engine.name, model: variant.engine.model)
    }
    let isStep = call.target("rows") == nil && self.rows.current != nil
    if isStep, var going = bench.current, going.record.isStep,
      going.record.connection == connection.name, going.record.rows.map(\.pageID) == rows.map(\.id),
      going.record.variants.count + added.count <= Experiment.mostVariants
    {
      going.latest =
        going.record.variants.count..<(going.record.variants.count + added.count)
      going.record.variants += added
      going.record.cells[0] += added.map { _ in nil }
      going.record.rows = rows.map { tried($0, connection) }
      return going
    }
    return Experiment(
      record: ExperimentRecord(
        createdAt: RunDesk.now(), connection: connection.name,
        workspace: connection.workspace.name.rawValue, isStep: isStep, variants: added,
        rows: rows.map { tried($0, connection) },
        cells: rows.map { _ in added.map { _ in nil } }),
      latest: 0..<added.count)
  }

  /// A row as an experiment keeps it: with what stands in every cell that an answer may go to.
  private func tried(_ row: Row, _ connection: OpenConnection) -> TriedRow {
    let all = connection.source?.properties ?? []
    let targets = all.filter { PropertyKinds.isWritable($0.type) }.map(RunTarget.property)
    return TriedRow(
      pageID: row.id, title: row.title, number: row.number,
      before: RowMapping.page(of: row).map { RunPlan.before($0, targets: targets, inputs: all) })
  }

  // MARK: - Asking

  private func ask(
    _ asked: [(row: Row, requests: [EngineRequest])], _ variants: [Variant],
    _ stream: AnswerStream?
  ) async -> Trials.Result {
    let engines = variants.map { desk.caching($0.engine.engine) }
    let questions = asked.enumerated().flatMap { row, item in
      item.requests.enumerated().map { column, request in
        Trials.Question(
          place: row * variants.count + column, engine: engines[column], request: request)
      }
    }
    let trials = Trials(
      width: Int(settings.number("parallel") ?? 8),
      maxCost: spending.limit())
    if let stream { return await trials.ask(questions, onPiece: { stream.take($0) }) }
    let progress = TrialProgress(label: "try", total: questions.count, console: console)
    defer { progress.end() }
    return await trials.ask(questions, onOutcome: { _, outcome in progress.note(outcome) })
  }

  private func cell(
    _ outcome: Trials.Outcome, _ request: EngineRequest, _ row: Row, _ checks: [AnswerCheck]
  ) async -> TriedCell {
    var cell = TriedCell(request: request.prompt.json.text)
    cell.answer = outcome.answer?.text
    cell.value = outcome.answer?.value?.text
    cell.inputTokens = outcome.usage.inputTokens
    cell.outputTokens = outcome.usage.outputTokens
    cell.cost = outcome.cost
    cell.seconds = outcome.duration / .seconds(1)
    cell.errorCode = outcome.problem?.code.rawValue
    cell.errorMessage = outcome.problem?.message
    if let answer = outcome.answer {
      let value = AnswerChecks.value(text: answer.text, value: answer.value)
      var failed: [String] = []
      for check in checks {
        if let failure = await check.failure(value, for: row) { failed.append(failure) }
      }
      cell.failedChecks = failed
    }
    return cell
  }

  /// What each variant took.
  private func tell(_ experiment: ExperimentRecord) {
    let hasTrouble = experiment.cells.joined().contains { $0?.errorCode != nil }
    guard experiment.variants.count > 1 || hasTrouble else { return }
    for (place, variant) in experiment.variants.enumerated() {
      let figures = VariantFigures(experiment, [place])
      var parts = ["\(Experiment.letter(place)) \(variant.engineLabel)"]
      if let seconds = figures.seconds { parts.append(Clock.text(.seconds(seconds)) + " each") }
      parts.append("\(figures.tokens) tokens")
      parts.append(figures.costText)
      if figures.failed > 0 { parts.append("\(figures.failed) failed") }
      if figures.failedChecks > 0 {
        parts.append(
          "\(figures.failedChecks) \(figures.failedChecks == 1 ? "fails" : "fail") a check")
      }
      if figures.left > 0 { parts.append("\(figures.left) not asked") }
      console.message(parts.joined(separator: " · ") + ": “\(Sanitizer.line(variant.prompt))”")
    }
    if experiment.variants.count > 1 {
      console.message(
        "Write one of them, at no further cost: keep B · choose blind: rate"
          + (experiment.id > 0 ? " · experiment \(experiment.id)" : ""))
    }
  }

  private func keepSpent(
    _ result: Trials.Result, _ asked: [(row: Row, requests: [EngineRequest])],
    _ variants: [Variant], _ connection: OpenConnection
  ) throws {
    for (column, variant) in variants.enumerated() {
      let paid = asked.indices.compactMap { place -> (ItemRecord, Usage)? in
        guard let outcome = result.outcomes[place * variants.count + column],
          outcome.usage != Usage()
        else { return nil }
        let row = asked[place].row
        var item = ItemRecord(
          pageID: row.id, title: row.title, number: row.number,
          prompt: asked[place].requests[column].prompt.json.text)
        item.answer = outcome.answer?.text
        item.value = outcome.answer?.value?.text
        item.errorMessage = outcome.problem?.message
        return (item, outcome.usage)
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
