import Engines
import Notion
import Script
import Store
import Transport

/// `try "…" on 3 rows`: answers for a few rows; nothing is written.
struct TryCommand: Command {
  static let signature = CommandSignature(
    name: "try",
    summary: "Shows answers for a few rows; nothing is written.",
    slots: [
      Slot("prompt", kind: .template, summary: "the prompt; the connection's when left out"),
      Slot("rows", words: ["on"], kind: .target, summary: "the rows; the selection when left out"),
      Slot("engines", words: ["using"], kind: .engines, summary: "one engine or several"),
      Slot("shape", words: ["as"], kind: .type, summary: "the shape of the answers"),
    ],
    examples: ["try \"Write a title for {Topic}\" on 3 rows", "try on 1 rows using gemini, gpt"],
    givesValue: true)

  private let connections: Connections
  private let engines: EngineRoster
  private let settings: Settings
  private let rows: RowTable
  private let targets: TargetRows
  private let desk: RunDesk
  private let presenter: Presenter
  private let console: any Console
  private let isAtPrompt: Bool

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    settings = session.settings
    rows = session.rows
    targets = session.targets
    desk = session.desk
    presenter = session.presenter
    console = session.console
    isAtPrompt = session.isAtPrompt
  }

  func run(_ call: CommandCall) async throws -> Value {
    let (connection, source, _) = try connections.requireDatabase()
    let template: PromptTemplate
    if let given = call.template("prompt") {
      template = given
    } else if let text = connection.saved.promptText {
      template = PromptTemplate.kept(text)
    } else {
      throw ScriptError.refusal("V510", "There is no prompt to try.", "try \"…\" on 3 rows")
    }
    if call.target("rows") == nil, !isAtPrompt || rows.selection == nil {
      throw ScriptError.refusal("V020", "Try it on which rows?", "say: try … on 3 rows")
    }
    let chosenRows = Array(try await targets.rows(call.target("rows")).prefix(20))
    guard !chosenRows.isEmpty else {
      console.message("No rows to try it on.")
      return .list([])
    }
    let chosen = try (call.names("engines") ?? [connection.saved.engine ?? engines.preferredName])
      .map { try engines.choose($0, model: connection.saved.model) }
    for engine in chosen { try desk.checkAllowance(engine.name) }
    let type = call.shape("shape").map(PromptRendering.answerType)
    let temperature = settings.number("temperature")
    let limit = settings.number("max_output_tokens").flatMap { Int(exactly: $0) }

    let requests = try chosenRows.map { row in
      EngineRequest(
        prompt: PromptRendering.prompt(
          try template.pieces(for: row), row: row, titleName: source.titleProperty?.name),
        temperature: temperature, maxOutputTokens: limit, type: type == .text ? nil : type,
        timeout: .seconds(settings.number("timeout") ?? 180))
    }
    let answers = await Self.ask(requests, of: chosen)
    try Task.checkCancellation()
    var records: [Value] = []
    for (index, row) in chosenRows.enumerated() {
      var record = Record([("Row", .text(row.title))])
      for (column, engine) in chosen.enumerated() {
        record[engine.label] = .text(answers[index * chosen.count + column] ?? "")
      }
      records.append(.record(record))
    }
    presenter.show(.list(records))
    return .list(records)
  }

  /// Asks every question of every engine, a few at a time; failures come as texts.
  private nonisolated static func ask(
    _ requests: [EngineRequest], of engines: [ChosenEngine]
  ) async -> [Int: String] {
    await withTaskGroup(of: (Int, String).self) { group in
      var answers: [Int: String] = [:]
      var running = 0
      for (index, request) in requests.enumerated() {
        for (column, engine) in engines.enumerated() {
          if running >= 8, let (place, text) = await group.next() {
            answers[place] = text
            running -= 1
          }
          let place = index * engines.count + column
          var question = request
          question.model = engine.model
          group.addTask { [question] in
            do {
              let answer = try await engine.engine.answer(question)
              return (place, answer.value?.string ?? answer.value?.text ?? answer.text)
            } catch {
              return (place, "⚠ \(Report.sentence(error))")
            }
          }
          running += 1
        }
      }
      for await (place, text) in group { answers[place] = text }
      return answers
    }
  }
}
