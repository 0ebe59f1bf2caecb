import Engines
import Foundation
import Generation
import Script
import Store
import Transport

/// Sends runs through a service's batches, looks after them, and takes their answers in.
final class BatchDesk {
  private let desk: RunDesk
  private let store: LocalStore
  private let surroundings: Surroundings
  private let engines: EngineRoster
  private let console: any Console

  init(
    desk: RunDesk, store: LocalStore, surroundings: Surroundings, engines: EngineRoster,
    console: any Console
  ) {
    self.desk = desk
    self.store = store
    self.surroundings = surroundings
    self.engines = engines
    self.console = console
  }

  // MARK: - Sending

  /// Starts a run whose questions go into batches.
  ///
  /// - Parameter isFresh: Whether what was answered before to the same words is asked anew.
  func start(_ planned: RunPlanner.Planned, isFresh: Bool) async throws {
    let engine = planned.engine.engine
    let batches: any Engine = isFresh ? engine : desk.caching(engine)
    // An engine without batches is told before anything is recorded.
    guard batches.batches != nil else {
      try planned.draft.discard()
      throw BatchDesk.without(planned.engine.label)
    }
    guard let prepared = try await desk.begin(planned) else { return }
    try await send(prepared, try runner(batches, prepared))
    withExtendedLifetime(prepared.claim) {}
  }

  /// Sends what is left of a run as new batches.
  func resume(number: Double?, engine: String?, isForced: Bool) async throws {
    let run = try desk.unfinished(number, isForced: isForced)
    let prepared = try await desk.prepare(run, engine: engine, isForced: isForced)
    try await send(prepared, try runner(desk.caching(prepared.chosen.engine), prepared))
    withExtendedLifetime(prepared.claim) {}
  }

  /// Goes on with batches that a crash or a lost connection left half sent.
  ///
  /// - Returns: How many there were.
  func goOnSending(run number: Double?) async throws -> Int {
    let id = number.flatMap { Int64(exactly: $0) }
    let halves = try store.journal.openBatches(ofRun: id).filter { $0.state != .sent }
    for batch in halves {
      let prepared = try await prepared(batch)
      tell(try await goOn(batch, prepared, runner(of: batch, prepared)))
      withExtendedLifetime(prepared.claim) {}
    }
    return halves.count
  }

  private func send(_ prepared: RunDesk.Prepared, _ runner: BatchRunner) async throws {
    console.progress("sending the questions of run \(prepared.run) …")
    let sending: BatchRunner.Sending
    do {
      sending = try await runner.send(
        run: prepared.run, targets: prepared.targets, parameters: prepared.parameters)
      console.progress(nil)
    } catch {
      console.progress(nil)
      throw explained(error, run: prepared.run)
    }
    for batch in sending.batches { tell(batch) }
    if !sending.batches.isEmpty {
      let numbers = sending.batches.map { "\($0.id)" }.joined(separator: ", ")
      console.message(
        "The answers come within \(runner.hours) hours. Take them in: collect"
          + (sending.batches.count == 1 ? " \(numbers)" : ""))
    }
    if sending.known > 0 { try await desk.write(prepared, rows: sending.known) }
    if sending.held > 0 {
      throw ScriptError.budget(
        "V504",
        "The budget does not hold \(sending.held) \(sending.held == 1 ? "row" : "rows") of run "
          + "\(prepared.run).",
        "go on with more: set max_cost …, then resume \(prepared.run) as batch")
    }
  }

  private func tell(_ batch: BatchRecord) {
    guard batch.state == .sent else {
      console.message("Batch \(batch.id) had nothing left to ask.")
      return
    }
    var line =
      "Batch \(batch.id) (run \(batch.runID)): \(batch.questions) "
      + "\(batch.questions == 1 ? "question" : "questions") sent to \(batch.engine)/\(batch.model)"
    line += batch.reserved.map { ", at most \(Money.text($0))" } ?? ", price unknown"
    console.message(line)
  }

  private func goOn(
    _ batch: BatchRecord, _ prepared: RunDesk.Prepared, _ runner: BatchRunner
  ) async throws -> BatchRecord {
    do {
      return try await runner.goOn(
        batch, targets: prepared.targets, parameters: prepared.parameters)
    } catch {
      throw explained(error, run: batch.runID, batch: batch)
    }
  }

  /// What a failure to send means for the rows.
  private func explained(
    _ error: any Error, run: Int64, batch: BatchRecord? = nil
  ) -> any Error {
    if let doubt = error as? BatchDoubt {
      let number = batch?.id ?? (try? store.journal.openBatches(ofRun: run).last?.id) ?? 0
      return ScriptError.refusal(
        "V535", "Nobody knows whether batch \(number) was made: \(doubt.reason)",
        "look for it, and make it if it is not there: collect \(number)")
    }
    guard let error = error as? EngineError else { return error }
    let note = "its rows are as before: resume \(run) as batch, or one by one: resume \(run)"
    return error.code == .badKey
      ? ScriptError.setting("V505", error.message, note)
      : ScriptError.refusal("V505", error.message, note)
  }

  // MARK: - Collecting

  /// Takes the answers of a batch in and writes them, or says when to come back.
  ///
  /// - Parameters:
  ///   - number: The batch; all that are open when `nil`.
  ///   - waits: Whether to stay until the service has ended.
  func collect(number: Double?, waits: Bool) async throws {
    let chosen = try number.map { [try find($0)] } ?? store.journal.openBatches()
    guard !chosen.isEmpty else {
      console.message("No batch is out. Send one: generate as batch")
      return
    }
    for batch in chosen { try await collect(batch, waits: waits) }
  }

  private func collect(_ record: BatchRecord, waits: Bool) async throws {
    let prepared = try await prepared(record)
    defer { withExtendedLifetime(prepared.claim) {} }
    guard record.state != .closed else {
      // A crash may have come between taking in and writing.
      let counts = try store.journal.counts(ofRun: record.runID).byState
      let rows = (counts[.answered] ?? 0) + (counts[.writing] ?? 0)
      guard rows > 0 else {
        console.message(
          "Batch \(record.id) was dealt with already; its rows: runs \(record.runID)")
        return
      }
      return try await desk.write(prepared, rows: rows)
    }
    let runner = try runner(of: record, prepared)
    var batch = record
    if batch.state != .sent {
      batch = try await goOn(batch, prepared, runner)
      tell(batch)
      guard batch.state == .sent else { return }
    }
    guard let (seen, remote) = try await ended(batch, runner, waits: waits) else { return }
    if remote.state == .failed {
      try store.journal.close(seen, problem: nil)
      throw ScriptError.refusal(
        "V533",
        "The service refused batch \(batch.id) whole: "
          + (remote.problem ?? "it does not say why."),
        "nothing was asked; its rows are as before: resume \(batch.runID) as batch, "
          + "or one by one: resume \(batch.runID)")
    }
    console.progress("taking in batch \(batch.id) …")
    let taken: BatchRunner.Taken
    do {
      taken = try await runner.take(
        seen, remote, targets: prepared.targets, parameters: prepared.parameters)
      console.progress(nil)
    } catch {
      console.progress(nil)
      throw error
    }
    tell(taken, batch, remote)
    if taken.unusable > 0 {
      // As in any run: once more, told what was wrong.
      console.message(
        taken.unusable == 1
          ? "1 answer was not usable; its row is asked once more now, at the full price."
          : "\(taken.unusable) answers were not usable; their rows are asked once more now, one by "
            + "one at the full price.")
    }
    if taken.answered + taken.failed > 0 {
      try await desk.write(
        prepared, rows: taken.answered + taken.unusable,
        asks: taken.unusable > 0 ? .unusable : .none)
    }
    if taken.failed - taken.unusable + taken.left > 0 {
      console.message("What is left, as a new batch: resume \(batch.runID) as batch")
    }
  }

  private func tell(
    _ taken: BatchRunner.Taken, _ batch: BatchRecord, _ remote: RemoteBatch
  ) {
    var parts = ["\(taken.answered) answered"]
    if taken.failed > 0 { parts.append("\(taken.failed) without an answer") }
    if taken.left > 0 { parts.append("\(taken.left) not asked") }
    let how =
      switch remote.state {
      case .expired: "ran out of time"
      case .cancelled: "was stopped"
      default: "is done"
      }
    console.message("Batch \(batch.id) \(how): \(parts.joined(separator: " · "))")
  }

  /// The batch when it has ended; `nil`, and it is told, when it has not and nobody waits.
  private func ended(
    _ record: BatchRecord, _ runner: BatchRunner, waits: Bool
  ) async throws -> (BatchRecord, RemoteBatch)? {
    var pause = Duration.seconds(1)
    defer { console.progress(nil) }
    while true {
      let (batch, remote) = try await runner.look(record)
      if remote.state.isEnd { return (batch, remote) }
      guard waits else {
        console.message(
          "\(standing(batch)). Come back later, or wait here: collect \(batch.id) wait")
        return nil
      }
      console.progress("\(standing(batch)); looking again in \(Clock.text(pause))")
      try await Task.sleep(for: pause)
      pause = min(pause * 3 / 2, .seconds(60))
    }
  }

  private func standing(_ batch: BatchRecord) -> String {
    var text = "Batch \(batch.id) is \(batch.seen ?? "out"): "
    text += "\(batch.answered + batch.failed) of \(batch.questions) done"
    if let sent = batch.sentAt {
      text += ", sent \(Clock.text(.seconds(max(0, Date().timeIntervalSince(sent))))) ago"
    }
    if let end = batch.endsBy { text += ", it ends by \(BatchDesk.moment(end))" }
    return text
  }

  // MARK: - Looking after them

  /// The batches, the newest first; those that are out are looked at.
  func list() async throws -> [Value] {
    var values: [Value] = []
    var ready: [Int64] = []
    var halves: [Int64] = []
    for record in try store.journal.batches(limit: 100) {
      var batch = record
      let run = try store.journal.run(batch.runID)
      if batch.state == .sent {
        do {
          let chosen = try engines.choose(batch.engine, model: batch.model)
          if let runner = BatchRunner(engine: chosen.engine, journal: store.journal) {
            let looked = try await runner.look(batch)
            batch = looked.batch
            if looked.remote.state.isEnd { ready.append(batch.id) }
          }
        } catch let error as EngineError {
          console.problem("batch \(batch.id): \(error.message)")
        } catch let error as ScriptError {
          console.problem("batch \(batch.id): \(error.message)")
        }
      } else if batch.state != .closed {
        halves.append(batch.id)
      }
      values.append(
        .record(
          Record([
            ("Batch", .number(Double(batch.id))), ("Run", .number(Double(batch.runID))),
            ("Connection", run.map { .text($0.connection) } ?? .nothing),
            ("Engine", .text("\(batch.engine)/\(batch.model)")),
            ("Questions", .number(Double(batch.questions))),
            ("Answered", .number(Double(batch.answered))),
            ("Failed", .number(Double(batch.failed))), ("State", .text(BatchDesk.word(batch))),
            ("Sent", batch.sentAt.map { .text(BatchDesk.moment($0)) } ?? .nothing),
            ("Until", batch.endsBy.map { .text(BatchDesk.moment($0)) } ?? .nothing),
          ])))
    }
    if values.isEmpty { console.message("No batch was sent yet. Send one: generate as batch") }
    for id in ready { console.message("Batch \(id) is ready: collect \(id)") }
    for id in halves { console.message("Batch \(id) was not sent to its end: collect \(id)") }
    return values
  }

  /// Stops a batch.
  func cancel(number: Double) async throws {
    let record = try find(number)
    guard record.state != .closed else {
      throw ScriptError.refusal(
        "V531", "Batch \(record.id) is over already.", "its rows: runs \(record.runID)")
    }
    let prepared = try await prepared(record)
    defer { withExtendedLifetime(prepared.claim) {} }
    let batch = try await runner(of: record, prepared).cancel(record)
    if batch.state == .closed {
      console.message(
        "Batch \(batch.id) is given up; nothing was asked. Its rows: resume \(batch.runID) as batch, "
          + "or one by one: resume \(batch.runID)")
    } else if let state = batch.seen.flatMap(RemoteBatch.State.init(rawValue:)),
      state.isEnd, state != .cancelled
    {
      console.message("Batch \(batch.id) had ended already: collect \(batch.id)")
    } else {
      // Gemini calls a batch that it stops “running” until it has.
      console.message(
        "Batch \(batch.id) is being stopped. What was answered by then is paid for: "
          + "collect \(batch.id)")
    }
  }

  // MARK: - What all need

  private func find(_ number: Double) throws -> BatchRecord {
    guard let id = Int64(exactly: number), let batch = try store.journal.batch(id) else {
      throw ScriptError.refusal(
        "V531", "There is no batch \(Value.number(number).display).", "all batches: batches")
    }
    return batch
  }

  private func prepared(_ batch: BatchRecord) async throws -> RunDesk.Prepared {
    guard let run = try store.journal.run(batch.runID) else {
      throw ScriptError.refusal("V531", "The run of batch \(batch.id) is gone.")
    }
    return try await desk.prepare(run)
  }

  private func runner(
    of batch: BatchRecord, _ prepared: RunDesk.Prepared
  ) throws -> BatchRunner {
    try runner(desk.caching(prepared.chosen.engine), prepared)
  }

  private func runner(_ engine: any Engine, _ prepared: RunDesk.Prepared) throws -> BatchRunner {
    let checkpoint = surroundings.checkpoint
    guard
      let runner = BatchRunner(
        engine: engine, journal: store.journal,
        check: prepared.parameters.leavesFailing ? prepared.looks?.check : nil,
        checkpoint: { checkpoint?($0) })
    else { throw BatchDesk.without(prepared.chosen.label) }
    return runner
  }

  private static func without(_ label: String) -> ScriptError {
    ScriptError.refusal(
      "V530", "\(label) has no batches.", "gpt and gemini have: generate using gpt as batch",
      "to rehearse them without a key: visen serve")
  }

  private static func word(_ batch: BatchRecord) -> String {
    switch batch.state {
    case .prepared: return "not sent"
    case .creating: return "not sure"
    case .sent:
      return batch.seen == RemoteBatch.State.finished.rawValue ? "ready" : batch.seen ?? "sent"
    case .closed:
      let ends: [RemoteBatch.State] = [.cancelled, .failed, .expired]
      return ends.first { $0.rawValue == batch.seen }?.rawValue ?? "collected"
    }
  }

  /// “2026-11-26 14:55”, by the clock of this machine.
  private static func moment(_ date: Date) -> String {
    let style = Date.ISO8601FormatStyle(timeZone: .current)
      .year().month().day().dateSeparator(.dash).dateTimeSeparator(.space)
      .time(includingFractionalSeconds: false).timeSeparator(.colon)
    return String(date.formatted(style).prefix(16))
  }
}
