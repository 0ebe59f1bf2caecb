import Notion
import Script
import Store
import Transport

/// Finds a run by the number a person gave.
nonisolated enum RunNumber {
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
      Slot(
        "from", words: ["from"], kind: .number,
        summary: "a run; it and every later one are taken back, the last first"),
      Slot("force", words: ["force"], kind: .flag, summary: "also cells changed since"),
    ],
    examples: [
      "undo", "undo 12", "undo from 12", "undo rows where Score < 3",
      "undo 12 rows where Kind is \"A\"",
    ])

  private let desk: RunDesk
  private let targets: TargetRows
  private let store: LocalStore

  init(_ session: Session) {
    desk = session.desk
    store = session.store
    targets = session.targets
  }

  func run(_ call: CommandCall) async throws -> Value {
    if let first = call.number("from") {
      try await desk.undo(from: RunNumber.find(first, in: store).id, isForced: call.has("force"))
      return .nothing
    }
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
      Slot("number", kind: .number, summary: "the run; the last unfinished one when left out"),
      Slot(
        "engine", words: ["using"], kind: .engines,
        summary: "another engine for what is left, or engine/model in quotes"),
      Slot("force", words: ["force"], kind: .flag, summary: "also cells changed since"),
      RunPlanner.batchSlot,
    ],
    examples: ["resume", "resume 12", "resume 12 using gpt", "resume 12 as batch"])

  private let desk: RunDesk
  private let batches: BatchDesk

  init(_ session: Session) {
    desk = session.desk
    batches = session.batches
  }

  func run(_ call: CommandCall) async throws -> Value {
    let number = call.number("number")
    let engine = call.names("engine")?.first
    // A batch that was half sent is what stopped; what is left besides it is asked as said.
    let sent = try await batches.goOnSending(run: number)
    do {
      if call.has("batch") {
        try await batches.resume(
          number: number, engine: engine, isForced: call.has("force"))
      } else {
        try await desk.resume(number: number, engine: engine, isForced: call.has("force"))
      }
    } catch let error as ScriptError where error.code == "V501" && sent > 0 {
      return .nothing
    }
    return .nothing
  }
}
