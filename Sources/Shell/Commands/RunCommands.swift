import Notion
import Script
import Store
import Transport

/// `runs`, `runs 12`: what was generated and written.
struct RunsCommand: Command {
  static let signature = CommandSignature(
    name: "runs",
    summary: "Lists the runs, or the cells of one.",
    slots: [Slot("number", kind: .number, summary: "a run's number")],
    examples: ["runs", "runs 12"],
    givesValue: true)

  private let store: LocalStore
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let records: [Value]
    if let number = call.number("number") {
      let run = try RunNumber.find(number, in: store)
      records = try store.journal.items(ofRun: run.id).map { cell in
        .record(
          Record([
            ("Row", .text(cell.title)),
            ("State", .text(cell.state.rawValue)),
            ("Answer", cell.answer.map(Value.text) ?? .nothing),
            ("Attempts", .number(Double(cell.attempts))),
            ("Tokens", .number(Double(cell.inputTokens + cell.outputTokens))),
            ("Problem", cell.errorMessage.map(Value.text) ?? .nothing),
          ]))
      }
    } else {
      records = try store.journal.runs(limit: 100).map { run in
        let counts = try store.journal.counts(ofRun: run.id).byState
        return .record(
          Record([
            ("Run", .number(Double(run.id))),
            ("When", .text(String(run.createdAt.prefix(16)).replacing("T", with: " "))),
            ("Connection", .text(run.connection)),
            ("Kind", .text(run.kind.rawValue)),
            ("Cells", .text(RunNumber.targetNames(run))),
            ("Engine", run.engine.isEmpty ? .nothing : .text(run.engine)),
            ("State", .text(run.state.rawValue)),
            ("Written", .number(Double(counts[.written] ?? 0))),
            ("Failed", .number(Double(counts[.failed] ?? 0))),
          ]))
      }
      if records.isEmpty { console.message("Nothing was run yet.") }
    }
    presenter.show(.list(records))
    return .list(records)
  }
}

/// Finds a run by the number a person gave.
enum RunNumber {
  /// What a run fills, in words.
  static func targetNames(_ run: RunRecord) -> String {
    let targets = (try? JSON(parsing: run.targets))?.array ?? []
    return targets.map { target in
      target.string ?? target["property"]?["name"]?.string ?? "body"
    }.joined(separator: ", ")
  }

  static func find(_ number: Double, in store: LocalStore) throws -> RunRecord {
    guard let id = Int64(exactly: number), let run = try store.journal.run(id) else {
      throw ScriptError.refusal(
        "V495", "There is no run \(Value.number(number).display).", "all runs: runs")
    }
    return run
  }
}

/// `undo`, `undo 12`, `undo 12 rows where …`: puts back what a run replaced.
struct UndoCommand: Command {
  static let signature = CommandSignature(
    name: "undo",
    summary: "Takes a run back, cell by cell; cells somebody changed since stay.",
    slots: [
      Slot(
        "what", kind: .target,
        summary: "the run, the rows, or both; all of the last run when left out"),
      Slot("force", words: ["force"], kind: .flag, summary: "also cells changed since"),
    ],
    examples: ["undo", "undo 12", "undo rows where Score < 3", "undo 12 rows where Kind is \"A\""])

  private let desk: RunDesk
  private let targets: TargetRows

  init(_ session: Session) {
    desk = session.desk
    targets = session.targets
  }

  func run(_ call: CommandCall) async throws -> Value {
    var number: Double?
    var pages: Set<String>?
    if let target = call.target("what") {
      if case .number(let run) = target.value {
        number = run
      } else {
        // In `undo 12 rows where …` the number is the run's, not a count of rows.
        number = target.limit.map(Double.init)
        pages = Set(try await targets.rows(Target(value: target.value)).map(\.id))
      }
    }
    try await desk.undo(number: number, pages: pages, isForced: call.has("force"))
    return .nothing
  }
}

/// `redo`: writes an undone run again, from the journal.
struct RedoCommand: Command {
  static let signature = CommandSignature(
    name: "redo",
    summary: "Writes again what `undo` took back; no engine is asked.",
    slots: [
      Slot("number", kind: .number, summary: "the run; the last undone one when left out")
    ],
    examples: ["redo", "redo 12"])

  private let desk: RunDesk

  init(_ session: Session) { desk = session.desk }

  func run(_ call: CommandCall) async throws -> Value {
    try await desk.redo(number: call.number("number"))
    return .nothing
  }
}

/// `resume`: goes on after a stop, a crash, a budget, an error.
struct ResumeCommand: Command {
  static let signature = CommandSignature(
    name: "resume",
    summary: "Goes on with a run that stopped; failed cells again, nothing else.",
    slots: [
      Slot("number", kind: .number, summary: "the run; the last unfinished one when left out")
    ],
    examples: ["resume", "resume 12"])

  private let desk: RunDesk

  init(_ session: Session) { desk = session.desk }

  func run(_ call: CommandCall) async throws -> Value {
    try await desk.resume(number: call.number("number"))
    return .nothing
  }
}

/// `blame row 7`: what wrote each cell of a row.
struct BlameCommand: Command {
  static let signature = CommandSignature(
    name: "blame",
    summary: "Tells which run, engine and words wrote each cell of a row, and what stood there.",
    slots: [
      Slot(
        "row", words: ["row"], kind: .number, isRequired: true,
        summary: "a row's number in the table last shown")
    ],
    examples: ["blame row 7"],
    givesValue: true)

  private let store: LocalStore
  private let rows: RowTable
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    rows = session.rows
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard let number = call.number("row"), let whole = Int(exactly: number) else {
      throw ScriptError.refusal("V451", "A row's number is a whole number.", "blame row 3")
    }
    let row = try rows.row(whole)
    let records = try store.journal.items(ofPage: row.id).map { run, item in
      Value.record(
        Record([
          ("Run", .number(Double(run.id))),
          ("When", .text(String(run.createdAt.prefix(16)).replacing("T", with: " "))),
          ("Cells", .text(RunNumber.targetNames(run))),
          ("State", .text(item.state.rawValue)),
          ("By", .text(run.engine.isEmpty ? "you" : "\(run.engine)/\(run.model)")),
          ("Prompt", run.prompt.isEmpty ? .nothing : .text(run.prompt)),
          ("Before", BlameCommand.text(item.old)), ("After", BlameCommand.text(item.new)),
          ("Cost", item.cost.map { .text(Money.text($0)) } ?? .nothing),
        ]))
    }
    if records.isEmpty { console.message("Visen has written nothing into 「\(row.title)」.") }
    presenter.show(.list(records))
    return .list(records)
  }

  /// The plain words of what the journal keeps of a page's cells.
  private static func text(_ document: String?) -> Value {
    guard let json = document.flatMap({ try? JSON(parsing: $0) }) else { return .nothing }
    let parts = (json["properties"]?.members ?? [:]).map { _, wrapped -> String in
      let type = wrapped.members?.names.first ?? ""
      return PropertyValue(type: type, payload: wrapped[type] ?? .null).scalar.text
    }.filter { !$0.isEmpty }
    return parts.isEmpty ? .nothing : .text(parts.joined(separator: " · "))
  }
}
