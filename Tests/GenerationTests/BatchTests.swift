import Engines
import Generation
import Notion
import Store
import Synchronization
import Testing
import Transport

@Suite struct BatchTests {
  private static let parameters = RunParameters(engine: "gpt", model: "gpt-6-luna")

  /// A run of a few rows, and what sends it.
  private struct Bench {
    let shop: Workshop
    let plan: RunPlan
    let service: FakeBatches
    let id: Int64

    init(
      rows: Int, service: FakeBatches = FakeBatches(), target: String = "Content",
      parameters: RunParameters = BatchTests.parameters, sameWords: Bool = false
    ) async throws {
      shop = try await Workshop(rows: rows)
      var plan = try await shop.plan([try shop.target(target)], parameters: parameters)
      if sameWords {
        for index in plan.items.indices { plan.items[index].prompt = Prompt("one").json.text }
      }
      self.plan = plan
      self.service = service
      id = try shop.runner().begin(plan)
    }

    func runner(
      _ checkpoint: @escaping @Sendable (String) throws -> Void = { _ in }
    ) throws -> BatchRunner {
      let runner = BatchRunner(
        engine: CachingEngine(around: BatchEngine(service: service), cache: shop.store.answers),
        journal: shop.store.journal, checkpoint: checkpoint, sleep: { _ in })
      return try #require(runner)
    }

    @discardableResult
    func send(_ runner: BatchRunner) async throws -> BatchRunner.Sending {
      try await runner.send(run: id, targets: plan.targets, parameters: plan.parameters)
    }

    /// Takes in what is out, and writes it.
    @discardableResult
    func collect(
      _ runner: BatchRunner, _ checkpoint: @escaping @Sendable (String) throws -> Void = { _ in }
    ) async throws -> RunSummary {
      for record in try shop.store.journal.openBatches() {
        let sent = try await runner.goOn(
          record, targets: plan.targets, parameters: plan.parameters)
        guard sent.state == .sent else { continue }
        let (batch, remote) = try await runner.look(sent)
        _ = try await runner.take(
          batch, remote, targets: plan.targets, parameters: plan.parameters)
      }
      return try await shop.runner(checkpoint).run(
        id, targets: plan.targets, parameters: plan.parameters, asks: .none)
    }

    func items() throws -> [ItemRecord] { try shop.store.journal.items(ofRun: id) }
    func count(_ state: ItemState) throws -> Int { try items().count { $0.state == state } }
  }

  @Test func everyRowIsAnsweredOnceWhereverItStops() async throws {
    var boundary = 1
    while true {
      let bench = try await Bench(rows: 4, service: FakeBatches(mostQuestions: 2))
      let crash = Boundary(boundary)
      var isWhole = true
      do {
        let runner = try bench.runner { try crash.pass($0) }
        try await bench.send(runner)
        try await bench.collect(runner) { try crash.pass($0) }
      } catch is Boundary.Crash {
        isWhole = false
        let runner = try bench.runner()
        if try bench.items().contains(where: { $0.state == .planned }) {
          try await bench.send(runner)
        }
        try await bench.collect(runner)
      }
      #expect(try bench.count(.written) == 4, "stopped at \(boundary)")
      #expect(try await bench.shop.contents("Content")["row 2"] == "answer to about row 2")
      #expect(bench.service.asked.count == 4)
      #expect(bench.service.asked.values.allSatisfy { $0 == 1 }, "stopped at \(boundary)")
      #expect(try bench.shop.store.journal.openBatches().isEmpty)
      #expect(try bench.shop.store.journal.run(bench.id)?.state == .finished)
      if isWhole { break }
      boundary += 1
    }
    #expect(boundary > 20)
  }

  @Test func aCreationWhoseAnswerIsLostIsLookedForBeforeItIsRepeated() async throws {
    for creations in [[FakeBatches.Creation.lostAfter], [.lostBefore, .lostAfter], [.lostBefore]] {
      let bench = try await Bench(rows: 3)
      bench.service.state.withLock { $0.creations = creations }
      let runner = try bench.runner()
      let sending = try await bench.send(runner)
      #expect(sending.batches.map(\.state) == [.sent])
      #expect(bench.service.state.withLock { $0.batches.count } == 1)
      #expect(try await bench.collect(runner).count(.written) == 3)
    }
  }

  @Test func aDoubtStaysADoubtUntilTheServiceCanBeAsked() async throws {
    let bench = try await Bench(rows: 3)
    bench.service.state.withLock { state in
      state.creations = [.lostAfter]
      state.isFindable = false
    }
    let runner = try bench.runner()
    await #expect(throws: BatchDoubt.self) { try await bench.send(runner) }
    #expect(try bench.count(.sent) == 3)
    bench.service.state.withLock { $0.isFindable = true }
    #expect(try await bench.collect(runner).count(.written) == 3)
    #expect(bench.service.state.withLock { $0.batches.count } == 1)
  }

  @Test func aRefusalLeavesTheRowsAsTheyWere() async throws {
    let bench = try await Bench(rows: 5, service: FakeBatches(mostQuestions: 2))
    bench.service.state.withLock { $0.creations = [.fine, .refused] }
    let runner = try bench.runner()
    await #expect(throws: EngineError.self) { try await bench.send(runner) }
    #expect(try bench.count(.sent) == 2)
    #expect(try bench.count(.planned) == 3)
    #expect(try await bench.collect(runner).count(.written) == 2)
    #expect(try bench.shop.store.journal.run(bench.id)?.state == .stopped)
    try await bench.send(runner)
    #expect(try await bench.collect(runner).count(.written) == 5)
    #expect(bench.service.asked.values.allSatisfy { $0 == 1 })
  }

  @Test func answersAreCheckedAndOneBadRowStopsNoOther() async throws {
    let service = FakeBatches { prompt in
      let usage = Usage(inputTokens: 1000, outputTokens: 100)
      if prompt.hasSuffix("row 0") {
        return .failure(EngineError(.cutShort, "Cut.", usage: usage))
      }
      if prompt.hasSuffix("row 1") { return nil }
      let text = prompt.hasSuffix("row 2") ? "many" : #"{"value": 7}"#
      return .success(Answer(text: text, usage: usage, model: "m"))
    }
    let bench = try await Bench(rows: 4, service: service, target: "Score")
    let runner = try bench.runner()
    try await bench.send(runner)
    let run = try await bench.collect(runner).runID
    let items = try bench.shop.store.journal.items(ofRun: run)
    let errors = Dictionary(
      uniqueKeysWithValues: items.map { ($0.title, $0.errorCode) })
    #expect(
      errors == ["row 0": "cut_short", "row 1": "empty", "row 2": "invalid_answer", "row 3": nil])
    #expect(try await bench.shop.contents("Score")["row 3"] == "7")
    // Half of 1,000 × $0.10 and 100 × $0.50 a million, for what was asked.
    let half = (1000 * 0.10 + 100 * 0.50) / 1_000_000 / 2
    for item in items where item.title != "row 1" {
      #expect(abs((item.cost ?? 0) - half) < 1e-12)
    }
    #expect(items.first { $0.title == "row 1" }?.attempts == 0)
  }

  @Test func theSameWordsAreAskedOnceAndKeptForTheNextTime() async throws {
    let bench = try await Bench(rows: 6, sameWords: true)
    let runner = try bench.runner()
    let sending = try await bench.send(runner)
    #expect(sending.batches.map(\.questions) == [1])
    #expect(sending.rows == 6)
    #expect(try await bench.collect(runner).count(.written) == 6)
    let cost = try bench.items().reduce(0) { $0 + ($1.cost ?? 0) }
    #expect(abs(cost - (10 * 0.10 + 5 * 0.50) / 2_000_000) < 1e-12)
    let again = try bench.shop.runner().begin(bench.plan)
    let kept = try await runner.send(
      run: again, targets: bench.plan.targets, parameters: bench.plan.parameters)
    #expect(kept.known == 6)
    #expect(kept.batches.isEmpty)
  }

  @Test func theBudgetIsSetAsideWhenSentAndSettledWhenTaken() async throws {
    var parameters = BatchTests.parameters
    // Each question: about 22 tokens in, at most 2,000 out, at half the price.
    parameters.maxCost = 0.00110
    let bench = try await Bench(rows: 4, parameters: parameters)
    let runner = try bench.runner()
    let sending = try await bench.send(runner)
    #expect(sending.rows == 2)
    #expect(sending.held == 2)
    #expect(sending.batches.first?.longestAnswer == 2_000)
    let reserved = try bench.shop.store.journal.reservedInBatches(ofRun: bench.id)
    #expect(reserved > 0.00099 && reserved < 0.00110)
    // What is set aside is not there for others.
    #expect(try await bench.send(runner).rows == 0)
    try await bench.collect(runner)
    #expect(try bench.shop.store.journal.reservedInBatches(ofRun: bench.id) == 0)
    #expect(try await bench.send(runner).rows == 2)
    #expect(try await bench.collect(runner).count(.written) == 4)
  }

  @Test func whatAPersonWroteMeanwhileStaysAndTheRestIsTakenBack() async throws {
    let bench = try await Bench(rows: 4)
    let runner = try bench.runner()
    try await bench.send(runner)
    let edited = try #require(try await bench.shop.pages().first { $0.title == "row 2" })
    _ = try await bench.shop.client.updatePage(
      edited.id, properties: ["Content": ["rich_text": [["text": ["content": "mine"]]]]])
    let summary = try await bench.collect(runner)
    #expect(summary.count(.conflict) == 1)
    #expect(summary.count(.written) == 3)
    let run = try #require(try bench.shop.store.journal.run(bench.id))
    let undone = try await Undo(client: bench.shop.client, journal: bench.shop.store.journal)
      .undo(run, isForced: false)
    #expect(undone.restored == 3)
    let contents = try await bench.shop.contents("Content")
    #expect(contents == ["row 0": "", "row 1": "", "row 2": "mine", "row 3": ""])
  }

  @Test func anExpiredBatchKeepsWhatWasAnswered() async throws {
    let service = FakeBatches { prompt in
      prompt.hasSuffix("0") || prompt.hasSuffix("1")
        ? .success(Answer(text: "a", usage: Usage(inputTokens: 1), model: "m"))
        : prompt.hasSuffix("2") ? .failure(EngineError(.batchExpired, "Too late.")) : nil
    }
    service.state.withLock { $0.end = .expired }
    let bench = try await Bench(rows: 4, service: service)
    let runner = try bench.runner()
    try await bench.send(runner)
    let summary = try await bench.collect(runner)
    #expect(summary.count(.written) == 2)
    let items = try bench.shop.store.journal.items(ofRun: summary.runID)
    #expect(
      items.filter { $0.state == .failed }.map(\.errorCode) == [
        "batch_expired", "batch_expired",
      ])
    #expect(items.allSatisfy { $0.state == .written || $0.attempts == 0 })
  }

  @Test func aCancelledBatchGivesItsRowsBack() async throws {
    let service = FakeBatches { prompt in
      prompt.hasSuffix("0") ? .success(Answer(text: "a", usage: Usage(), model: "m")) : nil
    }
    let bench = try await Bench(rows: 3, service: service)
    let runner = try bench.runner()
    let batch = try #require(try await bench.send(runner).batches.first)
    #expect(try await runner.cancel(batch).seen == "cancelled")
    let summary = try await bench.collect(runner)
    #expect(summary.count(.written) == 1)
    #expect(summary.count(.planned) == 2)
    #expect(try bench.shop.store.journal.run(bench.id)?.state == .stopped)
  }
}
