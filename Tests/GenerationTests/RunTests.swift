import Engines
import Generation
import LocalNotion
import Notion
import Store
import Testing
import Transport

@Suite struct RunTests {
  @Test func fillsEveryRowOnceAndTakesItBack() async throws {
    let shop = try await Workshop(rows: 25)
    let plan = try await shop.plan([try shop.target("Content")])
    let runner = shop.runner()
    let id = try runner.begin(plan)
    let summary = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    #expect(summary.count(.written) == 25)
    #expect(summary.stop == nil)
    #expect(try await shop.contents("Content")["row 7"] == "answer to about row 7")
    #expect(shop.engine.asked.values.allSatisfy { $0 == 1 })
    let run = try #require(try shop.store.journal.run(id))
    #expect(run.state == .finished)

    let undone = try await Undo(client: shop.client, journal: shop.store.journal)
      .undo(run, isForced: false)
    #expect(undone.restored == 25)
    #expect(try await shop.contents("Content").values.allSatisfy(\.isEmpty))
    let again = try await Undo(client: shop.client, journal: shop.store.journal)
      .redo(try #require(try shop.store.journal.run(id)))
    #expect(again.restored == 25)
    #expect(try await shop.contents("Content")["row 7"] == "answer to about row 7")
    #expect(shop.engine.asked.values.allSatisfy { $0 == 1 })
  }

  @Test func undoLeavesWhatAPersonChangedAndListsIt() async throws {
    let shop = try await Workshop(rows: 10)
    let plan = try await shop.plan([try shop.target("Content")])
    let runner = shop.runner()
    let id = try runner.begin(plan)
    _ = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    let edited = try #require(try await shop.pages().first { $0.title == "row 3" })
    _ = try await shop.client.updatePage(
      edited.id, properties: ["Content": ["rich_text": [["text": ["content": "mine"]]]]])
    let run = try #require(try shop.store.journal.run(id))
    let summary = try await Undo(client: shop.client, journal: shop.store.journal)
      .undo(run, isForced: false)
    #expect(summary.restored == 9)
    #expect(summary.left.map(\.title) == ["row 3"])
    #expect(try await shop.contents("Content")["row 3"] == "mine")
  }

  @Test func aCellChangedSinceItWasPlannedIsLeftAlone() async throws {
    let shop = try await Workshop(rows: 5)
    let plan = try await shop.plan([try shop.target("Content")])
    let edited = try #require(try await shop.pages().first { $0.title == "row 2" })
    _ = try await shop.client.updatePage(
      edited.id, properties: ["Content": ["rich_text": [["text": ["content": "mine"]]]]])
    let runner = shop.runner()
    let id = try runner.begin(plan)
    let summary = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    #expect(summary.count(.conflict) == 1)
    #expect(summary.count(.written) == 4)
    #expect(try await shop.contents("Content")["row 2"] == "mine")
  }

  @Test func aFailedRowIsListedAndOnlyItIsAskedAgain() async throws {
    let isBroken = Switch(true)
    let engine = CountingEngine { prompt in
      if isBroken.isOn, prompt.text.hasSuffix("row 1") {
        throw EngineError(.blocked, "blocked", usage: Usage(inputTokens: 3))
      }
      return "fine"
    }
    let shop = try await Workshop(rows: 4, engine: engine)
    let plan = try await shop.plan([try shop.target("Content")])
    let runner = shop.runner()
    let id = try runner.begin(plan)
    let first = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    #expect(first.count(.failed) == 1)
    #expect(first.problems.first?.inputTokens == 3)
    isBroken.set(false)
    let second = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    #expect(second.count(.written) == 4)
    #expect(engine.asked["about row 1"] == 2)
    #expect(engine.asked["about row 0"] == 1)
  }

  @Test func severalTypedTargetsAreOneCallAndOneUpdate() async throws {
    let shop = try await Workshop(rows: 3)
    let targets = [try shop.target("Score"), try shop.target("Kind"), try shop.target("Content")]
    let plan = try await shop.plan(targets)
    let runner = Runner(client: shop.client, engine: PracticeEngine(), journal: shop.store.journal)
    let id = try runner.begin(plan)
    let summary = try await runner.run(id, targets: targets, parameters: plan.parameters)
    #expect(summary.count(.written) == 3, "\(summary.problems.map(\.errorMessage))")
    for page in try await shop.pages() {
      #expect(page.property(named: "Score")?.value.payload.double != nil)
      #expect(["red", "blue"].contains(page.property(named: "Kind")?.value.scalar.text))
    }
  }

  @Test func aBudgetStopsResumably() async throws {
    let shop = try await Workshop(rows: 20)
    var parameters = RunParameters(
      engine: "gpt", model: "gpt-6-luna", maxOutputTokens: 100, width: 2)
    // A call costs 10 × $0.10 + 5 × $0.50 a million; this is enough for twelve.
    parameters.maxCost = 0.0000035 * 12
    let plan = try await shop.plan([try shop.target("Content")], parameters: parameters)
    let runner = shop.runner()
    let id = try runner.begin(plan)
    let summary = try await runner.run(id, targets: plan.targets, parameters: parameters)
    guard case .budget? = summary.stop else {
      Issue.record("it did not stop for the budget")
      return
    }
    #expect(summary.left > 0 && summary.count(.written) > 4)
    #expect((summary.cost ?? 1) <= parameters.maxCost ?? 0)
    parameters.maxCost = nil
    let rest = try await runner.run(id, targets: plan.targets, parameters: parameters)
    #expect(rest.count(.written) == 20)
    #expect(shop.engine.asked.values.allSatisfy { $0 == 1 })
  }

  /// 200 rows, eight at a time: stopped after the 1st, 2nd, 3rd … boundary and resumed each time,
  /// until one try completes untouched.
  @Test func noRowIsLostOrFilledTwiceWhereverItStops() async throws {
    let rows = 200
    let width = 8
    var boundary = 1
    var step = 1
    while true {
      let crash = Boundary(boundary)
      let shop = try await Workshop(rows: rows) { MortalTransport(base: $0, boundary: crash) }
      var parameters = RunParameters(engine: "practice", model: "m")
      parameters.width = width
      let plan = try await shop.plan([try shop.target("Content")], parameters: parameters)
      let runner = shop.runner { try crash.pass($0) }
      var id: Int64 = 1
      var completed = false
      do {
        id = try runner.begin(plan)
        _ = try await runner.run(id, targets: plan.targets, parameters: parameters)
        completed = true
      } catch is Boundary.Crash {}

      let client = NotionClient(transport: shop.workspace, token: shop.workspace.token)
      let second = Runner(client: client, engine: shop.engine, journal: shop.store.journal)
      let summary = try await second.run(id, targets: plan.targets, parameters: parameters)
      #expect(summary.count(.written) == rows, "after boundary \(boundary)")
      for page in try await client.rows(shop.source.id) {
        #expect(
          page.property(named: "Content")?.value.scalar.text == "answer to about \(page.title)")
      }
      let twice = shop.engine.asked.values.filter { $0 > 1 }
      #expect(twice.count <= width && twice.allSatisfy { $0 == 2 }, "after boundary \(boundary)")
      if completed { return }
      // Every boundary of the first rows, then ever larger steps; the long test takes each one.
      if boundary > 40 { step = 37 }
      boundary += step
    }
  }

  @Test func anInterruptedAppendIsAdoptedNotRepeated() async throws {
    let answer = "# Title\n\ntext\n\n- one\n- two\n\n| a | b |\n| --- | --- |\n| 1 | 2 |"
    for boundary in 1...6 {
      let crash = Boundary(boundary)
      let shop = try await Workshop(rows: 1, engine: CountingEngine { _ in answer }) {
        MortalTransport(base: $0, boundary: crash)
      }
      let plan = try await shop.plan([.body(.append)])
      let runner = shop.runner { try crash.pass($0) }
      var id: Int64 = 1
      do {
        id = try runner.begin(plan)
        _ = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
      } catch is Boundary.Crash {}
      let client = NotionClient(transport: shop.workspace, token: shop.workspace.token)
      let second = Runner(client: client, engine: shop.engine, journal: shop.store.journal)
      _ = try await second.run(id, targets: plan.targets, parameters: plan.parameters)
      let page = try #require(try await client.rows(shop.source.id).first)
      let blocks = try await client.tree(of: page.id)
      #expect(
        blocks.map(\.type) == [
          "heading_1", "paragraph", "bulleted_list_item", "bulleted_list_item", "table",
        ], "after boundary \(boundary)")
      let run = try #require(try shop.store.journal.run(id))
      let undone = try await Undo(client: client, journal: shop.store.journal)
        .undo(run, isForced: false)
      #expect(undone.restored == 1)
      #expect(try await client.tree(of: page.id).isEmpty)
    }
  }
}
