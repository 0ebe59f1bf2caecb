import Engines
import Foundation
import Notion
import Store
import Transport

/// What is done for a row, or for rows that are asked together.
struct RowWork: Sendable {
  /// How a task ended.
  struct Turn: Sendable {
    /// Rows that are done with for now: written, failed, left alone.
    var ended: [ItemRecord] = []
    /// Rows whose answer is kept, to be written.
    var answered: [ItemRecord] = []
    /// Rows whose part of a common answer could not be used.
    var spoilt: [ItemRecord] = []
    /// Rows that were in the question.
    var asked = 0
    /// Whether they were too much for one question, all together.
    var isTooMuch = false
    /// Whether it was a write.
    var isWrite = false
    /// Why the whole run must stop.
    var stop: StopReason?
    /// Whether no other row can be written either; what was answered waits for `resume`.
    var endsWriting = false
  }

  let client: NotionClient
  let references: References
  let engine: any Engine
  /// The answers kept for the same question; `nil` when each is asked anew.
  let cache: CachingEngine?
  let journal: RunJournal
  let checkpoint: @Sendable (String) throws -> Void
  let check: Runner.AnswerCheck?
  let review: Runner.Review?
  let targets: [RunTarget]
  let parameters: RunParameters
  let budget: Budget
  let access: AccessWatch

  /// The shape of one row's answer; `nil` for plain text.
  private var type: AnswerType? { RunTarget.answerType(of: targets, as: parameters.shapes) }

  /// Whose answers these are.
  private var author: String { "\(parameters.engine)/\(parameters.model)" }

  // MARK: - Asking

  /// Asks for rows: one by itself, or several in one question.
  func ask(_ rows: [ItemRecord]) async throws -> Turn {
    var turn = Turn(asked: rows.count)
    var rows = rows
    do {
      try Task.checkCancellation()
      if rows.count == 1 {
        guard try await askAlone(&rows[0]) else {
          turn.stop = .budget
          return turn
        }
        turn.answered = rows
      } else {
        guard try await askPacked(&rows) else {
          turn.stop = .budget
          return turn
        }
        turn.answered = rows.filter { $0.state == .answered }
        turn.spoilt = rows.filter { $0.state != .answered }
      }
    } catch is CancellationError {
      turn.stop = .cancelled
    } catch let error as EngineError where rows.count > 1 && error.stop == nil {
      // Together they were too much; fewer may not be.
      turn.spoilt = rows
      turn.isTooMuch = true
    } catch {
      for index in rows.indices {
        guard try await note(error, &rows[index], &turn) else { throw error }
        if turn.stop != nil, rows.count > 1 { break }
      }
    }
    return turn
  }

  /// Asks for one row and keeps the answer.
  ///
  /// - Returns: `false` when the budget does not hold the call.
  private func askAlone(_ item: inout ItemRecord) async throws -> Bool {
    guard let prompt = item.question else {
      throw GenerationError("The journal has no prompt for “\(item.title)”.")
    }
    var request = parameters.request(
      prompt, maxOutputTokens: parameters.maxOutputTokens, type: type)
    if let check {
      let asked = item
      request.check = { try await check(asked, $0) }
    }
    if let answer = try await cache?.kept(for: request) {
      item.count(Usage(), 0)
      item.keep(answer, by: author)
      try await journal.record(item)
      try checkpoint("answered")
      return true
    }
    guard
      let reservation = await budget.reserve(
        tokens: TokenEstimate.tokens(in: prompt.text),
        maxOutputTokens: parameters.maxOutputTokens)
    else { return false }
    request.maxOutputTokens = reservation.maxOutputTokens
    try await setAside(reservation.amount, &item)
    request.onSpent = noting(item, reservation)
    let start = ContinuousClock.now
    var kept: AnswerCache.Kept?
    do {
      let answer = try await engine.answer(request)
      item.seconds += (ContinuousClock.now - start) / .seconds(1)
      let cost = await budget.settle(reservation, answer.usage, lostCalls: answer.lostCalls)
      item.count(answer.usage, cost)
      item.lose(answer.lostCalls, reservation.amount)
      item.keep(answer, by: author)
      kept = cache?.entry(answer, for: request)
    } catch let error as EngineError {
      item.seconds += (ContinuousClock.now - start) / .seconds(1)
      let cost = await budget.settle(reservation, error.usage, lostCalls: error.lostCalls)
      item.count(error.usage ?? Usage(), cost)
      item.lose(error.lostCalls, reservation.amount)
      item.reserved = nil
      throw error
    } catch {
      // Stopped in the middle: it may be billed, and the journal says so.
      _ = await budget.settle(reservation, nil, lostCalls: 1)
      item.lose(1, reservation.amount)
      item.reserved = nil
      try await journal.record(item)
      throw error
    }
    item.reserved = nil
    // One transaction: an answer is never there without what it cost.
    try await journal.record([item], keeping: kept)
    try checkpoint("answered")
    return true
  }

  /// Records what was spent on a question before its answer comes, so that a crash does not forget it.
  private func noting(
    _ item: ItemRecord, _ reservation: Budget.Reservation
  ) -> (@Sendable (Spent) async throws -> Void)? {
    guard item.reserved != nil else { return nil }
    return { [journal] spent in
      var item = item
      item.count(spent.usage, reservation.price?.cost(of: spent.usage))
      item.lose(spent.lostCalls, reservation.amount)
      try await journal.record(item)
    }
  }

  /// Asks for several rows at once, and keeps each answer that fits; the others stay as they were.
  ///
  /// - Returns: `false` when the budget does not hold the call.
  private func askPacked(_ rows: inout [ItemRecord]) async throws -> Bool {
    let prompts = rows.compactMap(\.question)
    guard prompts.count == rows.count else {
      throw GenerationError("The journal has no prompt for “\(rows[0].title)”.")
    }
    let type = type ?? .text
    let prompt = PromptSections.packed(prompts)
    var request = parameters.request(
      prompt, maxOutputTokens: parameters.maxOutputTokens.map { $0 * rows.count },
      type: .record(rows.indices.map { AnswerType.Field(PromptSections.name($0), type) }))
    request.acceptsParts = true
    if let answer = try await cache?.kept(for: request) {
      share(Usage(), 0, seconds: 0, &rows)
      _ = try await take(answer, type, &rows)
      try await journal.record(rows)
      try checkpoint("answered")
      return true
    }
    guard
      let reservation = await budget.reserve(
        tokens: TokenEstimate.tokens(in: prompt.text), maxOutputTokens: request.maxOutputTokens)
    else { return false }
    request.maxOutputTokens = reservation.maxOutputTokens
    // What is set aside for the question, and what is lost of it, stands in the first row.
    try await setAside(reservation.amount, &rows[0])
    request.onSpent = noting(rows[0], reservation)
    let asked = rows[0].askedAt
    for index in rows.indices { rows[index].askedAt = asked }
    let start = ContinuousClock.now
    let answer: Answer
    do {
      answer = try await engine.answer(request)
    } catch {
      let known = error as? EngineError
      let lost = known?.lostCalls ?? 1
      let cost = await budget.settle(reservation, known?.usage, lostCalls: lost)
      share(known?.usage ?? Usage(), cost, seconds: (.now - start) / .seconds(1), &rows)
      rows[0].lose(lost, reservation.amount)
      rows[0].reserved = nil
      try await journal.record(rows)
      throw error
    }
    let cost = await budget.settle(reservation, answer.usage, lostCalls: answer.lostCalls)
    share(answer.usage, cost, seconds: (.now - start) / .seconds(1), &rows)
    rows[0].lose(answer.lostCalls, reservation.amount)
    rows[0].reserved = nil
    let isWhole = try await take(answer, type, &rows)
    try await journal.record(rows, keeping: isWhole ? cache?.entry(answer, for: request) : nil)
    try checkpoint("answered")
    return true
  }

  /// Keeps each part of a common answer that fits its row.
  ///
  /// - Returns: Whether all do.
  private func take(
    _ answer: Answer, _ type: AnswerType, _ rows: inout [ItemRecord]
  ) async throws -> Bool {
    let members = answer.value?.members ?? [:]
    var isWhole = true
    for index in rows.indices {
      let name = PromptSections.name(index)
      // A row that is answered twice is answered wrongly: which of both is meant?
      guard members.pairs.count(where: { $0.name == name }) == 1, let part = members[name],
        let value = try? type.checked(part), part.string?.isEmpty != true
      else {
        isWhole = false
        continue
      }
      let text = value.string ?? value.text
      // A bare `nil` would be JSON's null here, and clear the cell.
      let shaped: JSON? = type == .text ? .none : .some(value)
      let own = Answer(text: text, value: shaped, usage: Usage(), model: answer.model)
      if let check, try await check(rows[index], own) != nil {
        isWhole = false
        continue
      }
      rows[index].keep(own, by: author)
    }
    return isWhole
  }

  /// Records that a call is about to be made, and what it may cost.
  private func setAside(_ amount: Double, _ item: inout ItemRecord) async throws {
    item.askedAt = Date().timeIntervalSince1970
    // An engine that costs nothing and answers at once has nothing to lose.
    guard engine.name != "practice" || amount > 0 else { return }
    item.reserved = amount
    try await journal.record(item)
  }

  /// Shares out what a common question took.
  private func share(
    _ usage: Usage, _ cost: Double?, seconds: Double, _ rows: inout [ItemRecord]
  ) {
    for index in rows.indices {
      rows[index].seconds += seconds / Double(rows.count)
      // What does not divide goes to the first.
      let extra = index == 0
      rows[index].count(
        Usage(
          inputTokens: usage.inputTokens / rows.count
            + (extra ? usage.inputTokens % rows.count : 0),
          outputTokens: usage.outputTokens / rows.count
            + (extra ? usage.outputTokens % rows.count : 0)),
        cost.map { $0 / Double(rows.count) })
    }
  }

  // MARK: - Writing

  /// Writes a row, or looks whether it was written.
  func write(_ start: ItemRecord) async throws -> Turn {
    var turn = Turn(isWrite: true)
    var item = start
    do {
      try Task.checkCancellation()
      let outcome: PageWriter.Outcome
      if RunStep(for: item) == .check {
        outcome = try await writer.finish(
          try await change(item), item: &item, isForced: parameters.isForced)
      } else {
        if let failed = try await review?(item), !failed.isEmpty {
          item.failedChecks = failed.joined(separator: ", ")
          if parameters.leavesFailing {
            throw GenerationError(
              "The answer fails \(item.failedChecks ?? ""), so it was not written.")
          }
        } else {
          item.failedChecks = nil
        }
        outcome = try await writer.write(
          try await change(item), item: &item, isForced: parameters.isForced,
          isStrict: parameters.isStrict
        ).outcome
      }
      if case .conflict(let text) = outcome { try await leave(&item, text) }
      await access.noteSuccess()
      turn.ended = [item]
    } catch is CancellationError {
      // Nothing is marked: the row stands where its journal entry says.
      turn.stop = .cancelled
    } catch {
      guard try await note(error, &item, &turn) else { throw error }
    }
    return turn
  }

  /// The code of a row that only lacks an option.
  static let newOption = "option"

  private var writer: PageWriter {
    PageWriter(client: client, journal: journal, checkpoint: checkpoint)
  }

  /// What the kept answer changes.
  private func change(_ item: ItemRecord) async throws -> PageWriter.Change {
    let value = item.value.flatMap { try? JSON(parsing: $0) }
    var change = PageWriter.Change()
    for (place, target) in targets.enumerated() {
      let part: JSON
      if targets.count > 1 {
        // A property may have got another name since the answer came; its place is the same.
        let members = value?.members
        part =
          members?[target.name]
          ?? (members.map { $0.count > place ? $0.pairs[place].value : .null } ?? .null)
      } else {
        part = value ?? .string(item.answer ?? "")
      }
      switch target {
      case .property(let schema):
        let text = part.string.map(RowWork.trimmed)
        let scalar = try await references.resolved(
          text.map(Scalar.text) ?? RowWork.scalar(part), for: schema)
        change.properties[schema.id] = try PropertyKinds.payload(
          for: scalar, schema: schema, newOptions: parameters.newOptions)
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

  private func leave(_ item: inout ItemRecord, _ text: String) async throws {
    item.state = .conflict
    item.errorCode = "conflict"
    item.errorMessage =
      "somebody changed the cell meanwhile; it says “\(text.prefix(60))” and was left alone"
    try await journal.record(item)
  }

  // MARK: - Failing

  /// Records a failure of a row.
  ///
  /// - Returns: Whether it is one of a row; `false` for what stops the journal itself.
  private func note(
    _ error: any Error, _ item: inout ItemRecord, _ turn: inout Turn
  ) async throws -> Bool {
    let (code, message): (String, String)
    switch error {
    case let error as EngineError:
      (code, message) = (error.code.rawValue, error.message)
      turn.stop = error.stop
    case let error as NotionError:
      (code, message) = (error.code.rawValue, error.description)
      if let reason = await access.reason(after: error) {
        turn.stop = reason
        turn.endsWriting = true
      }
    case let error as TransportError: (code, message) = ("transport", error.message)
    case let error as PropertyError:
      code = error.newOption == nil ? "value" : RowWork.newOption
      message = error.message + (error.hint.map { " (\($0))" } ?? "")
    case let error as GenerationError:
      (code, message) = ("write", error.message)
      if error.isTrash, let reason = await access.reasonAfterAbsence() {
        turn.stop = reason
        turn.endsWriting = true
      }
    default: return false
    }
    // A failed write keeps what it had, so that `resume` can look whether it happened after all.
    item.state = .failed
    item.reserved = nil
    item.errorCode = code
    item.errorMessage = message
    try await journal.record(item)
    turn.ended.append(item)
    return true
  }
}

extension EngineError {
  /// Why a run stops, when this error concerns every question of it.
  var stop: StopReason? {
    scope == .run ? .problem(message, isKey: code == .badKey) : nil
  }
}
