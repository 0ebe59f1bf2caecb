import Foundation
import Generation
import Notion
import Script
import Store
import Transport

/// `runs`, `runs 12`, `runs 12 to "report.html"`: what was generated and written.
struct RunsCommand: Command {
  static let signature = CommandSignature(
    name: "runs",
    summary: "Lists the runs, or the rows of one; or writes a report of one.",
    slots: [
      Slot("number", kind: .number, summary: "a run's number"),
      Slot("file", words: ["to"], kind: .text, summary: "a file that ends in .html, .csv or .json"),
    ],
    examples: ["runs", "runs 12", "runs 12 to \"report.html\""],
    givesValue: true)

  private let store: LocalStore
  private let presenter: Presenter
  private let dialogue: Dialogue
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    presenter = session.presenter
    dialogue = session.dialogue
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard let number = call.number("number") else {
      if call.has("file") {
        throw ScriptError.refusal("V495", "A report of which run?", "runs 12 to \"report.html\"")
      }
      return try list()
    }
    let run = try RunNumber.find(number, in: store)
    if let path = call.text("file") {
      try await write(run, to: path)
      return .nothing
    }
    let records = try store.journal.items(ofRun: run.id).map {
      Value.record(Self.record($0, of: run))
    }
    try presenter.show(.list(records))
    try tell(run)
    return .list(records)
  }

  // MARK: - The runs

  private func list() throws -> Value {
    let records = try store.journal.runs(limit: 100).map { run in
      let counts = try store.journal.counts(ofRun: run.id).byState
      let totals = try store.journal.totals(ofRun: run.id)
      return Value.record(
        Record([
          ("Run", .number(Double(run.id))),
          ("When", .text(RunNumber.time(run.createdAt))),
          ("Connection", .text(run.connection)),
          ("Kind", .text(run.kind.rawValue)),
          ("Cells", .text(RunNumber.targetNames(run))),
          ("Engine", run.engine.isEmpty ? .nothing : .text("\(run.engine)/\(run.model)")),
          ("State", .text(state(run))),
          ("Written", .number(Double(counts[.written] ?? 0))),
          ("Failed", .number(Double((counts[.failed] ?? 0) + (counts[.conflict] ?? 0)))),
          ("Cost", RunNumber.cost(totals, run)),
        ]))
    }
    if records.isEmpty { console.message("Nothing was run yet.") }
    try presenter.show(.list(records))
    return .list(records)
  }

  /// A run that says it runs, and that no process carries out, was stopped by a crash.
  private func state(_ run: RunRecord) -> String {
    run.state == .running && run.kind == .generate && !store.journal.isAtWork(run.id)
      ? RunState.stopped.rawValue : run.state.rawValue
  }

  // MARK: - One run

  /// A row of a run, as a table and a file show it.
  static func record(_ cell: ItemRecord, of run: RunRecord) -> Record {
    Record([
      ("Row", .text(cell.title)),
      ("State", .text(cell.state.rawValue)),
      ("Answer", cell.answer.map(Value.text) ?? .nothing),
      ("Prompt", run.promptVersion.map { .text($0.label) } ?? .nothing),
      ("Attempts", .number(Double(cell.attempts))),
      ("Tokens", .number(Double(cell.inputTokens + cell.outputTokens))),
      (
        "Cost",
        cell.attempts == 0 ? .nothing : cell.cost.map { .text(Money.text($0)) } ?? .text("?")
      ),
      ("Seconds", cell.seconds == 0 ? .nothing : .number((cell.seconds * 100).rounded() / 100)),
      ("Problem", cell.errorMessage.map(Value.text) ?? .nothing),
    ])
  }

  private func tell(_ run: RunRecord) throws {
    let counts = try store.journal.counts(ofRun: run.id)
    let totals = try store.journal.totals(ofRun: run.id)
    let states = ItemState.allCases.compactMap { state in
      counts.byState[state].map { "\($0) \(state.rawValue)" }
    }
    var parts = [states.joined(separator: ", ")]
    if !run.engine.isEmpty {
      parts.append("\(run.engine)/\(run.model)")
      parts.append("\(totals.inputTokens) tokens in, \(totals.outputTokens) out")
      parts.append(RunNumber.cost(totals, run).asText ?? "")
    }
    if totals.lostCalls > 0 {
      parts.append(
        "\(totals.lostCalls) \(totals.lostCalls == 1 ? "call" : "calls") without an answer, "
          + "at most \(Money.text(totals.lostCost))")
    }
    console.message(parts.filter { !$0.isEmpty }.joined(separator: " · "))
    if run.prompt.isEmpty { return }
    let version = run.promptVersion.map { " \(Sanitizer.line($0.label))" } ?? ""
    console.message("Prompt\(version): “\(Sanitizer.line(run.prompt))”")
  }

  // MARK: - Reports

  private func write(_ run: RunRecord, to path: String) async throws {
    let ending = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
    guard ["html", "htm", "csv", "json"].contains(ending) else {
      throw ScriptError.refusal(
        "V491", "“\(path)” does not say which form to write.", "let it end in .html, .csv or .json")
    }
    if FileManager.default.fileExists(atPath: path) {
      guard try await dialogue.confirm("“\(path)” is there already. Replace it?") else {
        console.message("Nothing was written.")
        return
      }
    }
    let report = try RunReport(run, in: store)
    let text =
      switch ending {
      case "csv": try report.csv()
      case "json": try report.json()
      default: try report.html()
      }
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ScriptError.refusal(
        "V492", "“\(path)” could not be written: \(error.localizedDescription)",
        "is the folder there, is it yours, is the disk full?")
    }
    console.message("Wrote \(path).")
  }
}

nonisolated extension RunNumber {
  /// “2026-11-25 14:05”.
  static func time(_ text: String) -> String {
    String(text.prefix(16)).replacing("T", with: " ")
  }

  /// “2026-11-25 14:05:09” of seconds since 1970, in UTC.
  static func time(_ seconds: Double) -> String {
    String(Date(timeIntervalSince1970: seconds).formatted(.iso8601).prefix(19))
      .replacing("T", with: " ")
  }

  /// What a run has cost.
  static func cost(_ totals: RunTotals, _ run: RunRecord) -> Value {
    if run.engine.isEmpty { return .nothing }
    if run.engine == "practice" { return .text("free") }
    return .text(totals.cost.map(Money.text) ?? "unknown")
  }
}
