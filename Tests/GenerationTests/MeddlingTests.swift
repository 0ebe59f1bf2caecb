import Engines
import Generation
import HTTPTypes
import LocalNotion
import Notion
import Store
import Synchronization
import Testing
import Transport

/// Somebody else works on the database while a run fills it: what cannot be written is told for its
/// rows, the others are finished.
@Suite struct MeddlingTests {
  /// Does something once, before the n-th question is answered.
  private actor Meddler {
    private let place: Int
    private let act: @Sendable () async throws -> Void
    private var asked = 0
    private(set) var problem: String?
    var count: Int { asked }
    init(_ place: Int, _ act: @escaping @Sendable () async throws -> Void) {
      self.place = place
      self.act = act
    }
    func ask() async {
      asked += 1
      guard asked == place else { return }
      do { try await act() } catch { problem = "\(error)" }
    }
  }

  private struct MeddledEngine: Engine {
    let name = "practice"
    let defaultModel = "m"
    let meddler: Meddler
    let reply: @Sendable (Prompt) -> JSON
    func answer(_ request: EngineRequest) async throws -> Answer {
      await meddler.ask()
      let value = reply(request.prompt)
      return Answer(
        text: value.string ?? value.text, value: value,
        usage: Usage(inputTokens: 1, outputTokens: 1), model: "m")
    }
    func models() async throws -> [String] { ["m"] }
    func verify() async throws -> String { "Here." }
  }

  @Test func renamedRemovedTrashedChangedAndUnshared() async throws {
    let shop = try await Workshop(rows: 20)
    let pages = Dictionary(
      try await shop.pages().map { ($0.title, $0.id) }, uniquingKeysWith: { a, _ in a })
    let (client, workspace, source) = (shop.client, shop.workspace, shop.source)
    let trashed = try #require(pages["row 15"])
    let changed = try #require(pages["row 14"])
    let unshared = try #require(pages["row 13"])
    let meddler = Meddler(3) {
      // `Content` has another name, `red` is no option any more.
      _ = try await client.updateDataSource(
        source.id,
        properties: [
          "Content": ["name": "Text"], "Kind": ["select": ["options": [["name": "blue"]]]],
        ])
      _ = try await client.setTrash(trashed, true)
      _ = try await client.updatePage(
        changed, properties: ["Text": ["rich_text": [["text": ["content": "mine"]]]]])
      _ = try workspace.share(unshared.description, false)
    }
    let engine = MeddledEngine(meddler: meddler) { prompt in
      let number = Int(prompt.text.split(separator: " ").last ?? "") ?? 0
      return ["Content": .string("about \(number)"), "Kind": number % 5 == 1 ? "red" : "blue"]
    }
    // The newest row comes first, so these two are written before anything changes.
    let plan = try await shop.plan(
      [try shop.target("Content"), try shop.target("Kind")],
      parameters: RunParameters(engine: "practice", model: "m", width: 1))
    let runner = Runner(client: client, engine: engine, journal: shop.store.journal)
    let id = try runner.begin(plan)
    let summary = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    #expect(await meddler.problem == nil)
    #expect(summary.stop == nil && summary.left == 0)

    let failed = Dictionary(
      summary.problems.filter { $0.state == .failed }.map { ($0.title, $0.errorMessage ?? "") },
      uniquingKeysWith: { a, _ in a })
    // 16, 11, 6 and 1 answered with the option that is gone; 15 is in the trash, 13 not shared.
    #expect(Set(failed.keys) == ["row 16", "row 11", "row 6", "row 1", "row 15", "row 13"])
    #expect(failed["row 15"]?.contains("trash") == true)
    #expect(failed["row 13"]?.contains("shared") == true)
    #expect(failed["row 11"]?.contains("Kind") == true, "\(failed["row 11"] ?? "")")
    #expect(summary.problems.filter { $0.state == .conflict }.map(\.title) == ["row 14"])
    #expect(summary.count(.written) == 13)
    let texts = try await shop.contents("Text")
    #expect(texts["row 19"] == "about 19" && texts["row 0"] == "about 0")
    #expect(texts["row 14"] == "mine")
    // The option that somebody removed was not made again.
    let now = try await client.dataSource(source.id)
    #expect(now.property(named: "Kind")?.options.map(\.name) == ["blue"])
  }

  // MARK: - The whole database

  /// Notion, once the capability to change anything was taken from the integration.
  private struct ForbiddingTransport: HTTPTransport {
    let base: any HTTPTransport
    let forbids: Switch
    func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
      guard request.method == .patch, forbids.isOn else { return try await base.send(request) }
      let body: JSON = [
        "object": "error", "status": 403, "code": "restricted_resource",
        "message": "Insufficient permissions for this endpoint.",
      ]
      return IncomingResponse(status: 403, bytes: body.bytes)
    }
  }

  private static let allRows = 120

  /// A run of many rows in the middle of which something becomes of the database itself.
  private func interrupted(
    transport: (LocalWorkspace) -> any HTTPTransport = { $0 },
    _ act: @escaping @Sendable (Workshop) async throws -> Void
  ) async throws -> (shop: Workshop, run: Int64, plan: RunPlan, summary: RunSummary, asked: Int) {
    let shop = try await Workshop(rows: MeddlingTests.allRows, transport: transport)
    let meddler = Meddler(10) { try await act(shop) }
    let engine = MeddledEngine(meddler: meddler) { _ in "words" }
    var parameters = RunParameters(engine: "practice", model: "m", width: 4)
    parameters.sourceID = shop.source.id.description
    let plan = try await shop.plan([try shop.target("Content")], parameters: parameters)
    let runner = Runner(client: shop.client, engine: engine, journal: shop.store.journal)
    let id = try runner.begin(plan)
    let summary = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    #expect(await meddler.problem == nil)
    return (shop, id, plan, summary, await meddler.count)
  }

  @Test(arguments: [true, false])
  func aDatabaseThatIsAwayStopsTheRunBeforeMoreIsAsked(isTrashed: Bool) async throws {
    let (shop, id, plan, summary, asked) = try await interrupted { shop in
      let database = try #require(shop.source.databaseID)
      if isTrashed {
        try await shop.client.deleteBlock(database)
      } else {
        _ = try shop.workspace.share(database.description, false)
      }
    }
    guard case .problem(let message, isKey: false)? = summary.stop else {
      Issue.record("the run stops: \(String(describing: summary.stop))")
      return
    }
    #expect(message.contains(isTrashed ? "trash" : "shared"), "\(message)")
    // What was in flight is answered and kept; most are not asked, however busy the machine is.
    #expect(asked < MeddlingTests.allRows * 3 / 4, "\(asked) were asked")
    let database = try #require(shop.source.databaseID)
    if isTrashed {
      try await shop.client.restoreBlock(database)
    } else {
      _ = try shop.workspace.share(database.description, true)
    }
    // Put right, the run goes on, and asks nobody twice.
    let meddler = Meddler(0) {}
    let engine = MeddledEngine(meddler: meddler) { _ in "words" }
    let runner = Runner(client: shop.client, engine: engine, journal: shop.store.journal)
    let rest = try await runner.run(id, targets: plan.targets, parameters: plan.parameters)
    #expect(rest.stop == nil && rest.count(.written) == MeddlingTests.allRows)
    #expect(asked + (await meddler.count) == MeddlingTests.allRows)
    #expect(try await shop.contents("Content").values.allSatisfy { $0 == "words" })
  }

  @Test func anIntegrationThatMayNotWriteAnyMoreStopsTheRun() async throws {
    let forbids = Switch(false)
    let (_, _, _, summary, asked) = try await interrupted {
      ForbiddingTransport(base: $0, forbids: forbids)
    } _: { _ in
      forbids.set(true)
    }
    guard case .problem(let message, isKey: false)? = summary.stop else {
      Issue.record("the run stops: \(String(describing: summary.stop))")
      return
    }
    #expect(message.contains("capabilities"), "\(message)")
    #expect(asked < MeddlingTests.allRows * 3 / 4, "\(asked) were asked")
  }

  // MARK: - Bodies

  private func page(_ shop: Workshop, _ text: String) async throws -> (Page, ItemRecord) {
    let page = try #require(try await shop.pages().first)
    _ = try await shop.client.append(Markdown.blocks(from: text), to: page.id)
    var item = ItemRecord(pageID: page.id.description, title: page.title, before: "{}")
    item.runID = try shop.store.journal.begin(
      RunRecord(
        createdAt: "2026-01-01T00:00:00Z", kind: .edit, connection: "c", workspace: "local",
        targets: "[]"),
      items: [])
    item.position = try shop.store.journal.add(item, toRun: item.runID)
    return (page, item)
  }

  private func body(_ shop: Workshop, _ page: Page) async throws -> String {
    Markdown.text(from: try await shop.client.tree(of: page.id))
  }

  @Test func aSectionIsReplacedAndTakenBack() async throws {
    let shop = try await Workshop(rows: 1)
    let before = "intro\n\n## Draft\n\nold\n\n### Part of it\n\nolder\n\n## Next\n\nkept"
    var (page, item) = try await page(shop, before)
    let writer = PageWriter(client: shop.client, journal: shop.store.journal)
    try await writer.write(
      .init(body: (Markdown.blocks(from: "new\n\n- a\n- b"), .section("draft"))), item: &item,
      isForced: false)
    #expect(
      try await body(shop, page)
        == "intro\n\n## Draft\n\nnew\n\n- a\n- b\n\n## Next\n\nkept")
    #expect(try await writer.undo(&item, isForced: false) == .written)
    #expect(try await body(shop, page) == before)
    #expect(try await writer.redo(&item) == .written)
    #expect(try await body(shop, page).contains("## Draft\n\nnew\n\n- a\n- b\n\n## Next"))
  }

  @Test func aSectionThatIsMissingIsMade() async throws {
    let shop = try await Workshop(rows: 1)
    var (page, item) = try await page(shop, "intro")
    let writer = PageWriter(client: shop.client, journal: shop.store.journal)
    try await writer.write(
      .init(body: (Markdown.blocks(from: "new"), .section("Draft"))), item: &item, isForced: false)
    #expect(try await body(shop, page) == "intro\n\n## Draft\n\nnew")
    #expect(try await writer.undo(&item, isForced: false) == .written)
    #expect(try await body(shop, page) == "intro")
  }

  @Test func aReplacementThatWouldTrashAPageIsRefusedUnlessForced() async throws {
    let shop = try await Workshop(rows: 1)
    var (page, item) = try await page(shop, "old")
    let inner = try await shop.client.createPage(
      parent: .page(page.id), properties: ["title": ["title": try RichText.items(for: "Inner")]])
    let writer = PageWriter(client: shop.client, journal: shop.store.journal)
    let change = PageWriter.Change(body: (Markdown.blocks(from: "new"), .replace))
    let error = await #expect(throws: GenerationError.self) {
      var copy = item
      try await writer.write(change, item: &copy, isForced: false)
    }
    #expect(error?.message.contains("Inner") == true && error?.message.contains("force") == true)
    try await writer.write(change, item: &item, isForced: true)
    #expect(try await shop.client.page(inner.id).isInTrash)
    #expect(try await body(shop, page) == "new")
    #expect(try await writer.undo(&item, isForced: false) == .written)
    #expect(try await !shop.client.page(inner.id).isInTrash)
  }

  @Test func wordsAroundAMentionChangeAndItStays() async throws {
    let shop = try await Workshop(rows: 1)
    let page = try #require(try await shop.pages().first)
    let person = try #require(try await shop.client.users().first?["id"])
    _ = try await shop.client.updatePage(
      page.id,
      properties: [
        "Content": [
          "rich_text": [
            ["text": ["content": "ask "]], ["mention": ["user": ["id": person]]],
            ["text": ["content": " for "]],
            ["text": ["content": "tea"], "annotations": ["bold": true]],
          ]
        ]
      ])
    var item = ItemRecord(pageID: page.id.description, title: page.title, before: "{}")
    item.runID = try shop.store.journal.begin(
      RunRecord(
        createdAt: "2026-01-01T00:00:00Z", kind: .edit, connection: "c", workspace: "local",
        targets: "[]"),
      items: [])
    item.position = try shop.store.journal.add(item, toRun: item.runID)
    let content = try #require(shop.source.property(named: "Content"))
    let writer = PageWriter(client: shop.client, journal: shop.store.journal)
    try await writer.write(
      .init(properties: [
        content.id: ["rich_text": try RichText.items(for: "please ask @You for tea")]
      ]), item: &item, isForced: false)
    let now = try await shop.client.page(page.id)
    let items = try #require(now.property(named: "Content")?.value.payload)
    #expect(
      Markdown.text(fromItems: items)
        == "please ask [@You](user://\(person.string ?? "")) for **tea**")
    #expect(try await writer.undo(&item, isForced: false) == .written)
    let back = try await shop.client.page(page.id).property(named: "Content")?.value.payload
    #expect(RichText.plainText(of: back ?? .null) == "ask @You for tea")
  }
}
