import Engines
import Foundation
import Notion
import Store
import Synchronization
import Transport

/// What is done for a row, or for rows that are asked together.
///
/// Ten thousand rows may be in flight, and each task keeps what stands in the frames of its functions:
/// so this is a class, what they hand on of a row is a reference, and what needs no waiting, or is
/// seldom needed, stands in functions of its own that are not taken into those frames.
final class RowWork: Sendable {
  /// A row while something is done for it.
  final class Row {
    var item: ItemRecord
    init(_ item: ItemRecord) { self.item = item }

    /// The row as the journal takes it.
    @inline(never) var records: [ItemRecord] { [item] }

    /// Takes its answer in, with what it took.
    @inline(never) func take(
      _ answer: Answer, _ cost: Double?, _ reservation: Budget.Reservation, by author: String,
      since start: ContinuousClock.Instant
    ) {
      item.seconds += (.now - start) / .seconds(1)
      item.count(answer.usage, cost)
      item.lose(answer.lostCalls, reservation.amount)
      item.keep(answer, by: author)
      item.reserved = nil
    }
  }

  /// What is known of a question while it is asked: what is out, what is lost, what it took.
  final class Flight: Sendable {
    struct State {
      var spent = Spent()
      /// Whether a call is out, which may be billed whatever becomes of it.
      var isOut = false
      /// When the first call left, in seconds since 1970.
      var askedAt: Double?
    }
    private let state = Mutex(State())

    var now: State { state.withLock { $0 } }

    func leave() {
      state.withLock {
        $0.isOut = true
        $0.askedAt = $0.askedAt ?? Date().timeIntervalSince1970
      }
    }

    func end(_ spent: Spent) {
      state.withLock {
        $0.isOut = false
        $0.spent = spent
      }
    }
  }

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

  private let references: References
  private let engine: any Engine
  /// The answers kept for the same question; `nil` when each is asked anew.
  private let cache: CachingEngine?
  private let journal: RunJournal
  private let checkpoint: @Sendable (String) throws -> Void
  private let check: Runner.AnswerCheck?
  private let review: Runner.Review?
  private let targets: [RunTarget]
  private let parameters: RunParameters
  private let budget: Budget
  private let access: AccessWatch

  /// The shape of one row's answer; `nil` for plain text.
  private let type: AnswerType?
  private let writer: PageWriter

  init(
    client: NotionClient, engine: any Engine, cache: CachingEngine?, journal: RunJournal,
    checkpoint: @escaping @Sendable (String) throws -> Void, check: Runner.AnswerCheck?,
    review: Runner.Review?, targets: [RunTarget], parameters: RunParameters, budget: Budget,
    access: AccessWatch
  ) {
    references = References(client: client)
    self.engine = engine
    self.cache = cache
    self.journal = journal
    self.checkpoint = checkpoint
    self.check = check
    self.review = review
    self.targets = targets
    self.parameters = parameters
    self.budget = budget
    self.access = access
    type = RunTarget.answerType(of: targets, as: parameters.shapes)
    writer = PageWriter(client: client, journal: journal, checkpoint: checkpoint)
  }

  /// Whose answers these are.
  private var author: String { "\(parameters.engine)/\(parameters.model)" }

  // MARK: - Asking

  /// Asks for rows: one by itself, or several in one question.
  func ask(_ items: [ItemRecord]) async throws -> Turn {
    let rows = items.map(Row.init)
    do {
      try Task.checkCancellation()
      if let only = rows.first, rows.count == 1 {
        return turn(rows, isHeld: try await askAlone(only))
      }
      return turn(rows, isHeld: try await askPacked(rows))
    } catch {
      return try await failed(rows, error)
    }
  }

  /// How a question ended that was answered, or that the budget does not hold.
  @inline(never) private func turn(_ rows: [Row], isHeld: Bool) -> Turn {
    var turn = Turn(asked: rows.count)
    guard isHeld else {
      turn.stop = .budget
      return turn
    }
    turn.answered = rows.map(\.item).filter { $0.state == .answered }
    turn.spoilt = rows.map(\.item).filter { $0.state != .answered }
    return turn
  }

  /// How a question ended that was not answered.
  @inline(never) private func failed(_ rows: [Row], _ error: any Error) async throws -> Turn {
    var turn = Turn(asked: rows.count)
    if error is CancellationError {
      turn.stop = .cancelled
    } else if let error = error as? EngineError, rows.count > 1, error.stop == nil {
      // Together they were too much; fewer may not be.
      turn.spoilt = rows.map(\.item)
      turn.isTooMuch = true
    } else {
      for row in rows {
        guard try await note(error, row, &turn) else { throw error }
        if turn.stop != nil, rows.count > 1 { break }
      }
    }
    return turn
  }

  /// Asks for one row and keeps the answer.
  ///
  /// - Returns: `false` when the budget does not hold the call.
  private func askAlone(_ row: Row) async throws -> Bool {
    var request = try question(row)
    if cache != nil, try await takeKept(row, request) { return true }
    guard
      let reservation = await budget.reserve(
        tokens: TokenEstimate.tokens(in: request.prompt.text),
        maxOutputTokens: parameters.maxOutputTokens)
    else { return false }
    request.maxOutputTokens = reservation.maxOutputTokens
    let flight = watch(&request, row, reservation)
    let start = ContinuousClock.now
    let answer: Answer
    do {
      answer = try await engine.answer(request)
    } catch {
      try await lost([row], flight, reservation, error, since: start)
      throw error
    }
    row.item.askedAt = flight.now.askedAt ?? row.item.askedAt
    let cost = await budget.settle(reservation, answer.usage, lostCalls: answer.lostCalls)
    row.take(answer, cost, reservation, by: author, since: start)
    // One transaction: an answer is never there without what it cost.
    try await journal.record(row.records, keeping: cache?.entry(answer, for: request))
    try checkpoint("answered")
    return true
  }

  /// The question of a row; of one whose last answer was no good, with what was wrong with it.
  @inline(never) private func question(_ row: Row) throws -> EngineRequest {
    guard var prompt = row.item.question else {
      throw GenerationError("The journal has no prompt for “\(row.item.title)”.")
    }
    if row.item.state == .failed, let said = row.item.errorMessage,
      row.item.errorCode == EngineError.Code.invalidAnswer.rawValue
    {
      prompt.pieces.append(.literal("\n\nThis was asked before. \(said) Answer again."))
    }
    var request = parameters.request(
      prompt, maxOutputTokens: parameters.maxOutputTokens, type: type)
    if check != nil || looksUp {
      let asked = row.records
      request.check = { [self] in try await problem($0, of: asked[0]) }
    }
    return request
  }

  /// Takes the answer that was kept for the same question; `false` when there is none.
  @inline(never) private func takeKept(_ row: Row, _ request: EngineRequest) async throws -> Bool {
    guard let answer = try await cache?.kept(for: request) else { return false }
    row.item.count(Usage(), 0)
    row.item.keep(answer, by: author)
    try await journal.record(row.records)
    try checkpoint("answered")
    return true
  }

  /// Settles a question that has no answer; what was lost of it stands in the first row.
  @inline(never) private func lost(
    _ rows: [Row], _ flight: Flight, _ reservation: Budget.Reservation, _ error: any Error,
    since start: ContinuousClock.Instant
  ) async throws {
    let last = flight.now
    var spent = last.spent
    if let known = error as? EngineError {
      spent.usage = known.usage ?? Usage()
      spent.lostCalls = known.lostCalls
    } else if last.isOut {
      // Stopped in the middle: it may be billed, and the journal says so.
      spent.lostCalls += 1
    }
    let cost = await budget.settle(reservation, spent.usage, lostCalls: spent.lostCalls)
    for row in rows { row.item.askedAt = last.askedAt ?? row.item.askedAt }
    if error is EngineError || spent.usage != Usage() {
      share(spent.usage, cost, seconds: (.now - start) / .seconds(1), rows)
    }
    rows[0].item.lose(spent.lostCalls, reservation.amount)
    rows[0].item.reserved = nil
    try await journal.record(rows.map(\.item))
  }

  /// Has the journal told of each call before it leaves and after it failed, so that a crash forgets
  /// neither what may be billed nor what was.
  @inline(never) private func watch(
    _ request: inout EngineRequest, _ row: Row, _ reservation: Budget.Reservation
  ) -> Flight {
    let flight = Flight()
    row.item.askedAt = Date().timeIntervalSince1970
    @Sendable func record(_ reserved: Double?, _ asked: [ItemRecord]) async throws {
      let now = flight.now
      var items = asked
      items[0].askedAt = now.askedAt
      items[0].reserved = reserved
      if now.spent != Spent() {
        items[0].count(now.spent.usage, reservation.price?.cost(of: now.spent.usage))
        items[0].lose(now.spent.lostCalls, reservation.amount)
      }
      try await journal.record(items)
    }
    request.onSend = { [asked = row.records] in
      flight.leave()
      try await record(reservation.amount, asked)
    }
    request.onSpent = { [asked = row.records] spent in
      flight.end(spent)
      try await record(nil, asked)
    }
    return flight
  }

  /// Whether the value of a target says more than its shape, so that it may not be written.
  private var looksUp: Bool {
    targets.contains { target in
      guard case .property(let schema) = target else { return false }
      return ["relation", "people", "files", "date", "url", "email", "phone_number"]
        .contains(schema.type)
    }
  }

  /// What is wrong with an answer for its row; `nil` when it may be kept.
  private func problem(_ answer: Answer, of item: ItemRecord) async throws -> String? {
    if let said = try await check?(item, answer) { return said }
    guard looksUp else { return nil }
    var item = item
    item.keep(answer, by: author)
    do {
      _ = try await change(item)
      return nil
    } catch let error as PropertyError {
      return error.newOption == nil ? error.message : nil
    } catch is NotionError {
      // Notion does not answer now; the row is looked at again when it is written.
      return nil
    }
  }

  /// Asks for several rows at once, and keeps each answer that fits; the others stay as they were.
  ///
  /// - Returns: `false` when the budget does not hold the call.
  @inline(never) private func askPacked(_ rows: [Row]) async throws -> Bool {
    let prompts = rows.compactMap(\.item.question)
    guard prompts.count == rows.count else {
      throw GenerationError("The journal has no prompt for “\(rows[0].item.title)”.")
    }
    let type = type ?? .text
    let prompt = PromptSections.packed(prompts)
    var request = parameters.request(
      prompt, maxOutputTokens: parameters.maxOutputTokens.map { $0 * rows.count },
      type: .record(rows.indices.map { AnswerType.Field(PromptSections.name($0), type) }))
    request.acceptsParts = true
    if let answer = try await cache?.kept(for: request) {
      share(Usage(), 0, seconds: 0, rows)
      _ = try await take(answer, type, rows)
      try await journal.record(rows.map(\.item))
      try checkpoint("answered")
      return true
    }
    guard
      let reservation = await budget.reserve(
        tokens: TokenEstimate.tokens(in: prompt.text), maxOutputTokens: request.maxOutputTokens)
    else { return false }
    request.maxOutputTokens = reservation.maxOutputTokens
    // What is set aside for the question, and what is lost of it, stands in the first row.
    let flight = watch(&request, rows[0], reservation)
    let start = ContinuousClock.now
    let answer: Answer
    do {
      answer = try await engine.answer(request)
    } catch {
      try await lost(rows, flight, reservation, error, since: start)
      throw error
    }
    for row in rows { row.item.askedAt = flight.now.askedAt ?? rows[0].item.askedAt }
    let cost = await budget.settle(reservation, answer.usage, lostCalls: answer.lostCalls)
    share(answer.usage, cost, seconds: (.now - start) / .seconds(1), rows)
    rows[0].item.lose(answer.lostCalls, reservation.amount)
    rows[0].item.reserved = nil
    let isWhole = try await take(answer, type, rows)
    try await journal.record(
      rows.map(\.item), keeping: isWhole ? cache?.entry(answer, for: request) : nil)
    try checkpoint("answered")
    return true
  }

  /// Keeps each part of a common answer that fits its row.
  ///
  /// - Returns: Whether all do.
  private func take(
    _ answer: Answer, _ type: AnswerType, _ rows: [Row]
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
      if try await problem(own, of: rows[index].item) != nil {
        isWhole = false
        continue
      }
      rows[index].item.keep(own, by: author)
    }
    return isWhole
  }

  /// Shares out what a common question took.
  private func share(
    _ usage: Usage, _ cost: Double?, seconds: Double, _ rows: [Row]
  ) {
    for (index, row) in rows.enumerated() {
      row.item.seconds += seconds / Double(rows.count)
      // What does not divide goes to the first.
      let extra = index == 0
      row.item.count(
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
  func write(_ item: ItemRecord) async throws -> Turn {
    var turn = Turn(isWrite: true)
    let row = Row(item)
    do {
      try Task.checkCancellation()
      if case .conflict(let text) = try await written(row) { try await leave(row, text) }
      await access.noteSuccess()
      turn.ended = [row.item]
    } catch is CancellationError {
      // Nothing is marked: the row stands where its journal entry says.
      turn.stop = .cancelled
    } catch {
      guard try await note(error, row, &turn) else { throw error }
    }
    return turn
  }

  private func written(_ row: Row) async throws -> PageWriter.Outcome {
    if RunStep(for: row.item) == .check {
      return try await writer.finish(
        try await change(row.item), item: &row.item, isForced: parameters.isForced)
    }
    if let failed = try await review?(row.item), !failed.isEmpty {
      row.item.failedChecks = failed.joined(separator: ", ")
      if parameters.leavesFailing {
        throw GenerationError(
          "The answer fails \(row.item.failedChecks ?? ""), so it was not written.")
      }
    } else {
      row.item.failedChecks = nil
    }
    return try await writer.write(
      try await change(row.item), item: &row.item, isForced: parameters.isForced,
      isStrict: parameters.isStrict
    ).outcome
  }

  /// The code of a row that only lacks an option.
  static let newOption = "option"

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

  private func leave(_ row: Row, _ text: String) async throws {
    row.item.state = .conflict
    row.item.errorCode = "conflict"
    row.item.errorMessage =
      "somebody changed the cell meanwhile; it says “\(text.prefix(60))” and was left alone"
    try await journal.record(row.records)
  }

  // MARK: - Failing

  /// Records a failure of a row.
  ///
  /// - Returns: Whether it is one of a row; `false` for what stops the journal itself.
  @inline(never) private func note(
    _ error: any Error, _ row: Row, _ turn: inout Turn
  ) async throws -> Bool {
    let (code, message): (String, String)
    switch error {
    case let error as EngineError:
      (code, message) = (error.code.rawValue, error.message)
      turn.stop = error.stop
      if turn.stop != nil {
        // It is no fault of the row, which goes on from where it stands.
        row.item.reserved = nil
        try await journal.record(row.records)
        return true
      }
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
    row.item.state = .failed
    row.item.reserved = nil
    row.item.errorCode = code
    row.item.errorMessage = message
    try await journal.record(row.records)
    turn.ended.append(row.item)
    return true
  }
}

extension EngineError {
  /// Why a run stops, when this error concerns every question of it.
  var stop: StopReason? {
    scope == .run ? .problem(message, isKey: code == .badKey) : nil
  }
}
