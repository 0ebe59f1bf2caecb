public import Engines
public import Foundation
public import Notion
public import Store
import Transport

/// Carries a run out: asks, journals, writes, journals; many rows at once, each in turn.
///
/// A fresh run and a resumed one are the same: what a row needs next stands in the journal.
public struct Runner: Sendable {
  private let client: NotionClient
  private let engine: any Engine
  private let journal: RunJournal
  private let checkpoint: @Sendable (String) throws -> Void
  private let now: @Sendable () -> Date

  /// Creates a runner.
  ///
  /// - Parameter checkpoint: Called at each boundary; a test stops the run there by throwing.
  public init(
    client: NotionClient, engine: any Engine, journal: RunJournal,
    checkpoint: @escaping @Sendable (String) throws -> Void = { _ in },
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.client = client
    self.engine = engine
    self.journal = journal
    self.checkpoint = checkpoint
    self.now = now
  }

  /// Records a plan and gives the run's number; nothing is asked yet.
  public func begin(_ plan: RunPlan) throws -> Int64 {
    let time = now().formatted(.iso8601)
    let id = try journal.begin(plan.record(at: time), items: plan.items)
    try checkpoint("planned")
    return id
  }

  /// Carries out what is left of a run.
  ///
  /// - Parameters:
  ///   - targets: Where the answers go, by the schema as it is now.
  ///   - onEvent: Told of each row that ends; called from many tasks.
  /// - Returns: How it ended; one bad row never ends it.
  /// - Throws: What stopped the journal itself; the run goes on with `resume`.
  public func run(
    _ id: Int64, targets: [RunTarget], parameters: RunParameters,
    onEvent: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> RunSummary {
    let clock = ContinuousClock()
    let start = clock.now
    let items = try journal.items(ofRun: id)
    let budget = Budget(
      limit: parameters.maxCost,
      price: Prices.price(engine: parameters.engine, model: parameters.model),
      spent: items.reduce(0) { $0 + ($1.cost ?? 0) })
    let work = RowWork(
      client: client, engine: engine, journal: journal, checkpoint: checkpoint, targets: targets,
      parameters: parameters, budget: budget)
    try journal.setState(.running, ofRun: id)

    var ended = items
    var stop: StopReason?
    try await withThrowingTaskGroup(of: RowWork.Turn.self) { group in
      var waiting = items.filter { RunStep(for: $0) != .done }[...]
      var packed = parameters.packed
      func startNext() -> Bool {
        guard stop == nil, !Task.isCancelled, let item = waiting.popFirst() else { return false }
        var rows = [item]
        while rows.count < packed, RunStep(for: item) == .ask, let next = waiting.first,
          RunStep(for: next) == .ask
        {
          rows.append(next)
          waiting.removeFirst()
        }
        group.addTask { [rows] in try await work.carryOut(rows, onEvent) }
        return true
      }
      for _ in 0..<max(1, parameters.width) where !startNext() { break }
      while let turn = try await group.next() {
        for end in turn.ends {
          ended[end.item.position] = end.item
          if let reason = end.stop, stop == nil { stop = reason }
        }
        // More than a fifth of a pack unusable: smaller packs.
        if turn.unusable * 5 > turn.ends.count, turn.ends.count > 1 {
          packed = max(1, min(packed, turn.ends.count / 2))
        }
        _ = startNext()
      }
    }
    if Task.isCancelled, stop == nil { stop = .cancelled }
    let summary = RunSummary(
      runID: id, items: ended, duration: start.duration(to: clock.now), stop: stop)
    try journal.setState(summary.left == 0 && stop == nil ? .finished : .stopped, ofRun: id)
    return summary
  }
}

/// One row's way through a run.
struct RowWork: Sendable {
  /// How a row ended, and whether the whole run must.
  struct End: Sendable {
    var item: ItemRecord
    var stop: StopReason?
  }

  /// How the rows that were asked together ended.
  struct Turn: Sendable {
    var ends: [End] = []
    /// Rows whose part of the common answer could not be used.
    var unusable = 0
  }

  let client: NotionClient
  let engine: any Engine
  let journal: RunJournal
  let checkpoint: @Sendable (String) throws -> Void
  let targets: [RunTarget]
  let parameters: RunParameters
  let budget: Budget

  /// Carries rows out: one by itself, or several asked in one question.
  func carryOut(
    _ rows: [ItemRecord], _ onEvent: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> Turn {
    var rows = rows
    var turn = Turn()
    if rows.count > 1 {
      do {
        guard try await askPacked(&rows) else {
          turn.ends = rows.map { End(item: $0, stop: .budget) }
          return turn
        }
      } catch is CancellationError {
        turn.ends = rows.map { End(item: $0, stop: .cancelled) }
        return turn
      } catch let error as EngineError {
        if let stop = error.stop {
          turn.ends = rows.map { End(item: $0, stop: stop) }
          return turn
        }
        // Together they were too much; each by itself may not be.
      }
      turn.unusable = rows.count { $0.state == .planned }
    }
    for row in rows {
      let end = try await carryOut(row)
      if end.item.state != .planned { onEvent(.ended(end.item)) }
      turn.ends.append(end)
    }
    return turn
  }

  /// Asks for several rows at once, and keeps each answer that fits; the others stay planned.
  ///
  /// - Returns: `false` when the budget does not hold the call.
  private func askPacked(_ rows: inout [ItemRecord]) async throws -> Bool {
    try Task.checkCancellation()
    let prompts = rows.compactMap { row in
      row.prompt.flatMap { try? JSON(parsing: $0) }.flatMap(Prompt.init(json:))
    }
    guard prompts.count == rows.count else { return true }
    let type = RunTarget.answerType(of: targets) ?? .text
    let prompt = PromptSections.packed(prompts)
    guard
      let reservation = await budget.reserve(
        prompt.text, maxOutputTokens: parameters.maxOutputTokens.map { $0 * rows.count })
    else { return false }
    var request = EngineRequest(
      prompt: prompt, model: parameters.model, temperature: parameters.temperature,
      maxOutputTokens: reservation.maxOutputTokens,
      type: .record(
        rows.indices.map { AnswerType.Field(PromptSections.name($0), type) }),
      timeout: .seconds(parameters.timeout))
    request.acceptsParts = true
    let answer: Answer
    do {
      answer = try await engine.answer(request)
    } catch let error as EngineError {
      share(error.usage ?? Usage(), await budget.settle(reservation, error.usage), &rows)
      for row in rows { try journal.update(row) }
      throw error
    } catch {
      _ = await budget.settle(reservation, nil)
      throw error
    }
    share(answer.usage, await budget.settle(reservation, answer.usage), &rows)
    for index in rows.indices {
      if let part = answer.value?[PromptSections.name(index)], let value = try? type.checked(part) {
        rows[index].answer = value.string ?? value.text
        rows[index].value = type == .text ? nil : value.text
        rows[index].state = .answered
      }
      try journal.update(rows[index])
    }
    try checkpoint("answered")
    return true
  }

  /// Shares out what a common question took.
  private func share(_ usage: Usage, _ cost: Double?, _ rows: inout [ItemRecord]) {
    for index in rows.indices {
      // What does not divide goes to the first.
      let extra = index == 0
      count(
        Usage(
          inputTokens: usage.inputTokens / rows.count
            + (extra ? usage.inputTokens % rows.count : 0),
          outputTokens: usage.outputTokens / rows.count
            + (extra ? usage.outputTokens % rows.count : 0)),
        cost.map { $0 / Double(rows.count) }, &rows[index])
    }
  }

  func carryOut(_ start: ItemRecord) async throws -> End {
    var item = start
    do {
      while true {
        switch RunStep(for: item) {
        case .ask:
          guard try await ask(&item) else { return End(item: item, stop: .budget) }
        case .write:
          let outcome = try await writer.write(
            change(item), item: &item, isForced: parameters.isForced,
            isStrict: parameters.isStrict
          ).outcome
          if case .conflict(let text) = outcome { try leave(&item, text) }
        case .check:
          let outcome = try await writer.finish(
            change(item), item: &item, isForced: parameters.isForced)
          if case .conflict(let text) = outcome { try leave(&item, text) }
        case .done:
          return End(item: item)
        }
      }
    } catch is CancellationError {
      // Nothing is marked: the row stands where its journal entry says.
      return End(item: try journal.items(ofRun: item.runID)[item.position], stop: .cancelled)
    } catch let error as EngineError {
      return try failed(&item, code: error.code.rawValue, message: error.message, stop: error.stop)
    } catch let error as NotionError {
      return try failed(
        &item, code: error.code.rawValue, message: error.description,
        stop: error.concernsEverything ? .problem(error.description, isKey: true) : nil)
    } catch let error as TransportError {
      return try failed(&item, code: "transport", message: error.message, stop: nil)
    } catch let error as PropertyError {
      return try failed(
        &item, code: "value",
        message: error.message + (error.hint.map { " (\($0))" } ?? ""), stop: nil)
    } catch let error as GenerationError {
      return try failed(&item, code: "write", message: error.message, stop: nil)
    }
  }

  private var writer: PageWriter {
    PageWriter(client: client, journal: journal, checkpoint: checkpoint)
  }

  /// Asks the engine and keeps the answer.
  ///
  /// - Returns: `false` when the budget does not hold the call.
  private func ask(_ item: inout ItemRecord) async throws -> Bool {
    guard let prompt = item.prompt.flatMap({ try? JSON(parsing: $0) }).flatMap(Prompt.init(json:))
    else {
      throw GenerationError("The journal has no prompt for “\(item.title)”.")
    }
    try Task.checkCancellation()
    guard
      let reservation = await budget.reserve(
        prompt.text, maxOutputTokens: parameters.maxOutputTokens)
    else { return false }
    do {
      let answer = try await engine.answer(
        EngineRequest(
          prompt: prompt, model: parameters.model, temperature: parameters.temperature,
          maxOutputTokens: reservation.maxOutputTokens,
          type: RunTarget.answerType(of: targets),
          timeout: .seconds(parameters.timeout)))
      count(answer.usage, await budget.settle(reservation, answer.usage), &item)
      item.answer = answer.text
      item.value = answer.value?.text
    } catch let error as EngineError {
      count(error.usage ?? Usage(), await budget.settle(reservation, error.usage), &item)
      throw error
    } catch {
      _ = await budget.settle(reservation, nil)
      throw error
    }
    item.state = .answered
    try journal.update(item)
    try checkpoint("answered")
    return true
  }

  private func count(_ usage: Usage, _ cost: Double?, _ item: inout ItemRecord) {
    item.attempts += 1
    item.inputTokens += usage.inputTokens
    item.outputTokens += usage.outputTokens
    // One call of unknown price makes the sum unknown.
    item.cost = cost.flatMap { cost in
      item.attempts == 1 ? cost : item.cost.map { $0 + cost }
    }
  }

  /// What the kept answer changes.
  private func change(_ item: ItemRecord) throws -> PageWriter.Change {
    let value = item.value.flatMap { try? JSON(parsing: $0) }
    var change = PageWriter.Change()
    for target in targets {
      let part: JSON =
        targets.count > 1
        ? value?[target.name] ?? .null : value ?? .string(item.answer ?? "")
      switch target {
      case .property(let schema):
        let text = part.string.map(RowWork.trimmed)
        change.properties[schema.id] = try PropertyKinds.payload(
          for: text.map(Scalar.text) ?? RowWork.scalar(part), schema: schema,
          newOptions: parameters.newOptions)
      case .body(let mode):
        change.body = (Markdown.blocks(from: part.string ?? part.text), mode)
      }
    }
    return change
  }

  /// Answers end in line breaks that nobody wants in a cell.
  private static func trimmed(_ text: String) -> String {
    text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private static func scalar(_ json: JSON) -> Scalar {
    switch json {
    case .null, .object: .none
    case .bool(let flag): .flag(flag)
    case .int(let whole): .number(Double(whole))
    case .double(let number): .number(number)
    case .string(let text): .text(text)
    case .array(let items): .list(items.map(scalar))
    }
  }

  private func leave(_ item: inout ItemRecord, _ text: String) throws {
    item.state = .conflict
    item.errorCode = "conflict"
    item.errorMessage =
      "somebody changed the cell meanwhile; it says “\(text.prefix(60))” and was left alone"
    try journal.update(item)
  }

  private func failed(
    _ item: inout ItemRecord, code: String, message: String, stop: StopReason?
  ) throws -> End {
    // A failed write keeps what it had, so that `resume` can look whether it happened after all.
    item.state = .failed
    item.errorCode = code
    item.errorMessage = message
    try journal.update(item)
    return End(item: item, stop: stop)
  }
}

extension EngineError {
  fileprivate var stop: StopReason? {
    scope == .run ? .problem(message, isKey: code == .badKey) : nil
  }
}
