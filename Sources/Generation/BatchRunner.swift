public import Engines
public import Foundation
public import Store
import Transport

/// Sends a run's questions through a service's batches, and takes the answers in.
///
/// What is to be done is journalled before it is done: the rows are set aside with a label, the file
/// is uploaded, the batch is asked for, its identity is noted. Whoever goes on after a crash looks for
/// the label before asking again, so that nothing is paid for twice. Writing is the ``Runner``'s: a
/// row whose answer was taken in stands where any answered row stands.
public struct BatchRunner: Sendable {
  /// What became of the rows of a run.
  public struct Sending: Sendable {
    /// The batches that the service has.
    public var batches: [BatchRecord] = []
    /// Rows in them.
    public var rows = 0
    /// Rows whose answer was kept from before.
    public var known = 0
    /// Rows that the budget does not hold.
    public var held = 0
  }

  /// What became of a batch's rows.
  public struct Taken: Sendable {
    /// Rows with an answer.
    public var answered = 0
    /// Rows without one.
    public var failed = 0
    /// Those among them whose answer could not be used, and that may be asked once more.
    public var unusable = 0
    /// Rows that were not asked, because the batch was cancelled or refused.
    public var left = 0
  }

  /// A question, and the rows that ask it in the same words.
  private struct Group {
    var rows: [ItemRecord]
    let question: EngineRequest
    var key: String { BatchRunner.key(rows[0]) }
  }

  /// What goes into one batch.
  private struct Load {
    var positions: [Int] = []
    var questions = 0
    var bytes = 0
    var reserved: Double?
  }

  private let service: any BatchService
  private let cache: CachingEngine?
  private let check: Runner.AnswerCheck?
  private let journal: RunJournal
  private let checkpoint: @Sendable (String) throws -> Void
  private let now: @Sendable () -> Date
  private let sleep: @Sendable (Duration) async throws -> Void

  /// Creates it; `nil` when the engine's service has no batches.
  ///
  /// - Parameters:
  ///   - check: Looks at each answer before it is taken, as the ``Runner`` does.
  ///   - checkpoint: Called at each boundary; a test stops there by throwing.
  public init?(
    engine: any Engine, journal: RunJournal, check: Runner.AnswerCheck? = nil,
    checkpoint: @escaping @Sendable (String) throws -> Void = { _ in },
    now: @escaping @Sendable () -> Date = { Date() },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    guard let service = engine.batches else { return nil }
    self.service = service
    cache = engine as? CachingEngine
    self.journal = journal
    self.check = check
    self.checkpoint = checkpoint
    self.now = now
    self.sleep = sleep
  }

  /// How long the service may take, in hours.
  public var hours: Int { service.hours }

  // MARK: - Sending

  /// Puts the rows of a run that are to be asked into batches, and sends them.
  ///
  /// - Throws: ``EngineError`` when the service refused, and nothing of what it refused is set aside
  ///   any more. After any other error the batches stay, and ``goOn(_:targets:parameters:)`` goes on.
  public func send(
    run id: Int64, targets: [RunTarget], parameters: RunParameters
  ) async throws -> Sending {
    var sending = Sending()
    let loads = try await loads(run: id, targets, parameters, &sending)
    var opened: [BatchRecord] = []
    for load in loads {
      let batch = BatchRecord(
        runID: id, label: "visen-\(UUID().uuidString.lowercased().filter { $0 != "-" })",
        engine: parameters.engine, model: parameters.model, questions: load.questions,
        longestAnswer: longestAnswer(parameters), reserved: load.reserved, createdAt: now())
      let number = try journal.open(batch, positions: load.positions)
      if let kept = try journal.batch(number) { opened.append(kept) }
      try checkpoint("batch prepared")
      sending.rows += load.positions.count
    }
    for (index, batch) in opened.enumerated() {
      do {
        sending.batches.append(try await goOn(batch, targets: targets, parameters: parameters))
      } catch let error as EngineError {
        // Those after it would be refused as well.
        for later in opened.dropFirst(index + 1) { try journal.close(later, problem: nil) }
        throw error
      }
    }
    return sending
  }

  /// What is to be asked, by batch; answers that are kept from before are taken at once.
  private func loads(
    run id: Int64, _ targets: [RunTarget], _ parameters: RunParameters, _ sending: inout Sending
  ) async throws -> [Load] {
    let price = Prices.price(engine: parameters.engine, model: parameters.model)?.inBatch
    let longest = longestAnswer(parameters)
    var free: Double?
    if let limit = parameters.maxCost, price != nil {
      let totals = try journal.totals(ofRun: id)
      free =
        limit - totals.knownCost - totals.lostCost - (try journal.reservedInBatches(ofRun: id))
    }
    var loads: [Load] = []
    /// The batch and the place in it of each question, by its words.
    var places: [String: Int] = [:]
    var refusedWords: Set<String> = []
    var known: [ItemRecord] = []
    var feed = RowFeed(journal, run: id)
    while var item = try feed.next() {
      guard RunStep(for: item) == .ask, let words = item.prompt,
        let question = question(item, targets, parameters, maxOutputTokens: longest)
      else { continue }
      if let place = places[words] {
        loads[place].positions.append(item.position)
        continue
      }
      if let answer = try await cache?.kept(for: question) {
        item.count(Usage(), 0)
        item.keep(answer, by: "\(parameters.engine)/\(parameters.model)")
        known.append(item)
        sending.known += 1
        if known.count >= 200 {
          try journal.update(known)
          known = []
        }
        continue
      }
      let cost = price.map { worst(question, $0) }
      if let left = free, let cost {
        guard cost <= left, !refusedWords.contains(words) else {
          refusedWords.insert(words)
          sending.held += 1
          continue
        }
        free = left - cost
      }
      let bytes = service.line(question, key: BatchRunner.key(item), model: parameters.model).count
      if loads.last.map({
        $0.questions >= service.mostQuestions || $0.bytes + bytes > service.mostBytes
      }) ?? true {
        loads.append(Load(reserved: price == nil ? nil : 0))
      }
      let last = loads.count - 1
      places[words] = last
      loads[last].positions.append(item.position)
      loads[last].questions += 1
      loads[last].bytes += bytes
      if let cost { loads[last].reserved? += cost }
    }
    try journal.update(known)
    return loads
  }

  /// What a row's line in the file is known by.
  private static func key(_ item: ItemRecord) -> String { "row-\(item.position)" }

  private func question(
    _ item: ItemRecord, _ targets: [RunTarget], _ parameters: RunParameters, maxOutputTokens: Int?
  ) -> EngineRequest? {
    guard let prompt = item.question else { return nil }
    var request = parameters.request(
      prompt, maxOutputTokens: maxOutputTokens,
      type: RunTarget.answerType(of: targets, as: parameters.shapes))
    if let check { request.check = { try await check(item, $0) } }
    return request
  }

  /// All questions leave at once, so that with a budget each answer must have its bound beforehand.
  private func longestAnswer(_ parameters: RunParameters) -> Int? {
    parameters.maxOutputTokens ?? (parameters.maxCost == nil ? nil : 2_000)
  }

  /// What a question may cost: its words with a margin, and the longest answer.
  private func worst(_ question: EngineRequest, _ price: Price) -> Double {
    price.cost(
      of: Usage(
        inputTokens: TokenEstimate.tokens(in: question.prompt.text) * 4 / 3 + 16,
        outputTokens: question.maxOutputTokens ?? 2_000))
  }

  /// Brings a batch that is not sent to the service, from wherever it stopped.
  ///
  /// - Throws: ``EngineError`` when the service refused it: its rows are no longer set aside, unless
  ///   nobody can tell whether the batch was made.
  public func goOn(
    _ record: BatchRecord, targets: [RunTarget], parameters: RunParameters
  ) async throws -> BatchRecord {
    var batch = record
    if batch.state == .creating, let found = try await service.find(label: batch.label) {
      return try noted(found, batch)
    }
    guard batch.state == .prepared || batch.state == .creating else { return batch }
    do {
      // A file from long ago may be gone by now.
      if batch.file == nil || batch.createdAt < now().addingTimeInterval(-86_400) {
        var lines: [UInt8] = []
        for group in try groups(of: batch, targets, parameters) {
          lines += service.line(group.question, key: group.key, model: batch.model)
        }
        guard !lines.isEmpty else {
          try journal.close(batch, problem: nil)
          batch.state = .closed
          return batch
        }
        batch.file = try await service.upload(lines, label: batch.label)
        try checkpoint("batch uploaded")
        try journal.update(batch)
      }
      batch.state = .creating
      try journal.update(batch)
      try checkpoint("batch asked for")
      let made = try await created(batch)
      try checkpoint("batch created")
      return try noted(made, batch)
    } catch let error as EngineError {
      try journal.close(batch, problem: nil)
      throw error
    }
  }

  private func noted(_ remote: RemoteBatch, _ record: BatchRecord) throws -> BatchRecord {
    var batch = record
    batch.state = .sent
    batch.sentAt = now()
    note(remote, in: &batch)
    try journal.update(batch)
    try checkpoint("batch noted")
    return batch
  }

  private func note(_ remote: RemoteBatch, in batch: inout BatchRecord) {
    batch.remote = remote.id
    batch.seen = remote.state.rawValue
    batch.answered = remote.answered
    batch.failed = remote.failed
    batch.endsBy = remote.endsBy ?? batch.endsBy
  }

  /// Asks for the batch until it is made, and looks for it after each try that may have made it.
  ///
  /// - Throws: ``EngineError`` when it was surely not made, ``BatchDoubt`` when nobody knows.
  private func created(_ batch: BatchRecord) async throws -> RemoteBatch {
    var pause = Duration.seconds(1)
    for attempt in 1... {
      do {
        return try await service.create(
          file: batch.file ?? "", label: batch.label, model: batch.model)
      } catch let error as EngineError where error.mayPassLater {
        // A limit is refused before anything is made.
        if error.code != .rateLimited {
          do {
            if let found = try await service.find(label: batch.label) { return found }
          } catch let second as EngineError {
            throw BatchDoubt(reason: second.message)
          }
        }
        let wait = error.retryAfter ?? pause
        guard attempt < 5, wait <= .seconds(120) else { throw error }
        try await sleep(wait)
        pause *= 2
      }
    }
    throw CancellationError()
  }

  // MARK: - Looking and taking in

  /// A batch as its service sees it now; kept in the journal.
  ///
  /// - Parameter record: A batch that was sent.
  public func look(_ record: BatchRecord) async throws -> (batch: BatchRecord, remote: RemoteBatch)
  {
    var batch = record
    let remote = try await service.look(batch.remote ?? "")
    note(remote, in: &batch)
    try journal.update(batch)
    return (batch, remote)
  }

  /// Asks a batch to stop.
  ///
  /// - Returns: The batch; closed when the service does not have it.
  public func cancel(_ record: BatchRecord) async throws -> BatchRecord {
    var batch = record
    if batch.state == .creating, let found = try await service.find(label: batch.label) {
      batch = try noted(found, batch)
    }
    do {
      guard let remote = batch.remote else {
        throw EngineError(.batchNotFound, "It was not sent.")
      }
      try await service.cancel(remote)
      return try await look(batch).batch
    } catch let error as EngineError where error.code == .batchNotFound {
      try journal.close(batch, problem: nil)
      if let file = batch.file { await service.discard(files: [file]) }
      batch.state = .closed
      return batch
    }
  }

  /// Takes the answers of a batch that has ended into the journal, and closes it.
  ///
  /// May be stopped anywhere and done again: what is taken in is not taken in twice.
  public func take(
    _ batch: BatchRecord, _ remote: RemoteBatch, targets: [RunTarget], parameters: RunParameters
  ) async throws -> Taken {
    var taken = Taken()
    let price = Prices.price(engine: batch.engine, model: batch.model)?.inBatch
    var held = Dictionary(
      try groups(of: batch, targets, parameters).map { ($0.key, $0) },
      uniquingKeysWith: { first, _ in first })
    var settled: [ItemRecord] = []
    var answers: [AnswerCache.Kept] = []
    try await service.results(of: remote, model: batch.model) { answer in
      guard let group = held[answer.key],
        let (rows, kept) = try await settledRows(group, answer.result, price, batch)
      else { return }
      held[answer.key] = nil
      taken.answered += rows.count { $0.state == .answered }
      taken.failed += rows.count { $0.state == .failed }
      taken.unusable += rows.count(where: \.isUnusable)
      settled += rows
      answers += kept.map { [$0] } ?? []
      if settled.count >= 200 {
        try journal.settle(settled, ofBatch: batch.id, keeping: answers)
        settled = []
        answers = []
        try checkpoint("batch settled")
      }
    }
    try journal.settle(settled, ofBatch: batch.id, keeping: answers)
    try checkpoint("batch settled")
    let rest = held.values.reduce(0) { $0 + $1.rows.count }
    var problem: (code: String, message: String)?
    switch remote.state {
    case .cancelled, .failed: taken.left = rest
    case .expired:
      problem = (
        EngineError.Code.batchExpired.rawValue,
        "\(service.title) did not come to it within \(service.hours) hours."
      )
      taken.failed += rest
    default:
      problem = (EngineError.Code.empty.rawValue, "\(service.title) gave no answer to it.")
      taken.failed += rest
    }
    try journal.close(batch, problem: problem)
    try checkpoint("batch closed")
    await service.discard(files: remote.files + [batch.file].compactMap(\.self))
    return taken
  }

  /// The rows of a question with what became of them, and the answer to keep; `nil` when they were not
  /// asked.
  private func settledRows(
    _ group: Group, _ result: Result<Answer, EngineError>, _ price: Price?, _ batch: BatchRecord
  ) async throws -> (rows: [ItemRecord], kept: AnswerCache.Kept?)? {
    var rows = group.rows
    var kept: AnswerCache.Kept?
    var usage = Usage()
    var failure: EngineError?
    do {
      let given = try result.get()
      usage = given.usage
      let answer = try await service.accepted(given, for: group.question)
      kept = cache?.entry(answer, for: group.question)
      for index in rows.indices {
        rows[index].keep(answer, by: "\(batch.engine)/\(batch.model)")
      }
    } catch let error as EngineError {
      guard error.code != .batchCancelled else { return nil }
      usage = error.usage ?? usage
      failure = error
    }
    for index in rows.indices {
      rows[index].askedAt = batch.sentAt?.timeIntervalSince1970
      if let failure {
        rows[index].state = .failed
        rows[index].errorCode = failure.code.rawValue
        rows[index].errorMessage = failure.message
        if failure.code == .batchExpired { continue }
      }
      // The question was asked once, whatever the number of rows.
      let share = index == 0 ? usage : Usage()
      rows[index].count(share, index == 0 ? price?.cost(of: share) : 0)
    }
    return (rows, kept)
  }

  /// The questions of a batch, with the rows it holds.
  private func groups(
    of batch: BatchRecord, _ targets: [RunTarget], _ parameters: RunParameters
  ) throws -> [Group] {
    var groups: [Group] = []
    var places: [String: Int] = [:]
    for item in try journal.items(ofBatch: batch.id) {
      if let place = item.prompt.flatMap({ places[$0] }) {
        groups[place].rows.append(item)
      } else if let words = item.prompt,
        let question = question(
          item, targets, parameters, maxOutputTokens: batch.longestAnswer)
      {
        places[words] = groups.count
        groups.append(Group(rows: [item], question: question))
      }
    }
    return groups
  }
}

/// Nobody knows whether a batch was made: the service could not be asked.
public struct BatchDoubt: Error, Sendable {
  /// Why it could not be asked.
  public let reason: String
}
