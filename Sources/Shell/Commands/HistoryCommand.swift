import Notion
import Script
import Store

/// `history`, `history of Content row 7`: earlier statements, or what became of a cell.
struct HistoryCommand: Command {
  static let signature = CommandSignature(
    name: "history",
    summary: "Lists earlier statements, the newest last; or everything that was done to a cell.",
    slots: [
      Slot("count", kind: .number, summary: "how many statements; 20 when left out"),
      Slot("cell", words: ["of"], kind: .properties, summary: "a property, or body"),
      Slot("row", words: ["row"], kind: .number, summary: "a row's number in the table last shown"),
      Slot(
        "condition", words: ["where"], kind: .rowsWhere(of: Transcript.source),
        summary: "which statements: by text, time and connection"),
    ],
    examples: [
      "history", "history 50", "history where text contains \"generate\"",
      "history where connection is \"Blog\"", "history of Content row 7",
      "save history to \"session.visen\"",
    ],
    givesValue: true)

  private let transcript: Transcript
  private let store: LocalStore
  private let rows: RowTable
  private let presenter: Presenter
  private let host: ScriptBridge
  private let console: any Console

  init(_ session: Session) {
    transcript = session.transcript
    store = session.store
    rows = session.rows
    presenter = session.presenter
    host = session.bridge
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    if call.has("cell") || call.has("row") { return try cell(call) }
    return try await statements(call)
  }

  private func statements(_ call: CommandCall) async throws -> Value {
    var texts: [String]
    if let query = call.value("condition")?.asQuery {
      texts = try await query.rows(from: host).map(\.title)
    } else {
      texts = transcript.earlier().map(\.text)
    }
    let usual = call.has("condition") ? 200 : 20
    texts = texts.suffix(max(0, call.number("count").flatMap { Int(exactly: $0) } ?? usual))
    let style = console.resultStyle
    // A statement of several lines is one, so its further lines are set in.
    let lines = texts.map { text in
      Sanitizer.text(text).replacing("\n", with: "\n" + style.faint("  "))
    }
    if lines.isEmpty {
      console.message("No statements.")
    } else {
      console.document { _ in lines.joined(separator: "\n") }
    }
    return .list(texts.map(Value.text))
  }

  private func cell(_ call: CommandCall) throws -> Value {
    let row: Row
    if let number = call.number("row") {
      guard let whole = Int(exactly: number) else {
        throw ScriptError.refusal("V451", "A row's number is a whole number.")
      }
      row = try rows.row(whole)
    } else if let current = rows.current {
      row = current
    } else {
      throw ScriptError.refusal(
        "V451", "The history of a cell in which row?", "history of Content row 7")
    }
    let names = call.names("cell") ?? []
    let page = RowMapping.page(of: row)
    // By identity, so that a property's other names in the past do not matter.
    let keys = Set(names.map { page?.property(named: $0)?.id ?? $0 })
    let past = try CellPast.all(ofPage: row.id, in: store).filter {
      names.isEmpty || keys.contains($0.key)
    }
    let records = past.map { entry in
      Value.record(
        Record([
          ("When", .text(entry.time)), ("Run", .number(Double(entry.run.id))),
          ("Cell", .text(entry.name)), ("What", .text(what(entry))), ("By", .text(entry.author)),
          ("Prompt", entry.prompt), ("Cost", entry.cost), ("Before", entry.before),
          ("After", entry.after),
        ]))
    }
    if records.isEmpty {
      console.message(
        "Visen has never written \(names.isEmpty ? "into" : names.joined(separator: ", ") + " of") 「\(row.title)」."
      )
    }
    try presenter.show(.list(records))
    return .list(records)
  }

  private func what(_ entry: CellPast) -> String {
    switch (entry.item.state, entry.run.kind) {
    case (.written, .generate): "generated"
    case (.written, _): "written"
    case (.undone, _): "taken back"
    case (.conflict, _): "left alone"
    case (.failed, _): "failed"
    default: entry.item.state.rawValue
    }
  }
}
