import Foundation
import HTTPTypes
import LocalNotion
import Notion
import Synchronization
import Testing
import Transport

/// The client against the embedded workspace: what is long is read whole, what is lost is found.
@Suite struct ClientTests {
  fileprivate struct Place {
    let workspace: LocalWorkspace
    let client: NotionClient
    let root: NotionID

    init(_ transport: (LocalWorkspace) -> any HTTPTransport = { $0 }) throws {
      workspace = try LocalWorkspace.inMemory()
      client = NotionClient(
        transport: transport(workspace), token: workspace.token, sleep: { _ in })
      root = try #require(NotionID(parsing: workspace.rootPageID))
    }

    func source(_ title: String, _ properties: JSON) async throws -> DataSource {
      let database = try await client.createDatabase(
        parentPage: root, title: title, properties: properties)
      return try await client.dataSource(try #require(database.dataSources.first).id)
    }

    func page(_ title: String, in source: DataSource, _ more: JSON.Members = [:]) async throws
      -> Page
    {
      var members = more
      members["Name"] = ["title": try RichText.items(for: title)]
      return try await client.createPage(
        parent: .dataSource(source.id), properties: .object(members))
    }
  }

  // MARK: - Bodies

  @Test func everyAnswerIsWrittenAndReadBack() async throws {
    let place = try Place()
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Corpus")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil
    ).filter { $0.pathExtension == "md" }
    #expect(files.count >= 60)
    for file in files {
      let blocks = Markdown.blocks(
        from: String(decoding: try Data(contentsOf: file), as: UTF8.self))
      let page = try await place.client.createPage(
        parent: .page(place.root),
        properties: ["title": ["title": try RichText.items(for: file.lastPathComponent)]])
      let made = try await place.client.append(blocks, to: page.id)
      #expect(made.count == blocks.count)
      let read = try await place.client.tree(of: page.id)
      #expect(
        Markdown.text(from: read) == Markdown.text(from: blocks), "\(file.lastPathComponent)")
      #expect(ClientTests.shape(read) == ClientTests.shape(blocks), "\(file.lastPathComponent)")
    }
  }

  private static func shape(_ blocks: [Block]) -> [String] {
    blocks.flatMap { ["\($0.type): \($0.plainText)"] + shape($0.children).map { " " + $0 } }
  }

  @Test func blocksGoRightBehindASibling() async throws {
    let place = try Place()
    let page = try await place.client.createPage(
      parent: .page(place.root), properties: ["title": ["title": []]])
    let first = try await place.client.append(
      Markdown.blocks(from: "## Draft\n\nold\n\n## End"), to: page.id)
    let many = Markdown.blocks(from: (1...230).map { "- item \($0)" }.joined(separator: "\n"))
    let made = try await place.client.append(many, to: page.id, after: first[0].id)
    #expect(made.count == 230)
    let texts = try await place.client.children(of: page.id).map(\.plainText)
    #expect(texts == ["Draft"] + (1...230).map { "item \($0)" } + ["old", "End"])
  }

  // MARK: - Properties

  @Test func longRelationsAndWhatIsComputedOverThemAreWhole() async throws {
    let place = try Place()
    let tasks = try await place.source(
      "Tasks", ["Name": ["title": [:]], "Hours": ["number": [:]]])
    let projects = try await place.source(
      "Projects",
      [
        "Name": ["title": [:]],
        "Tasks": [
          "relation": ["data_source_id": .string(tasks.id.description), "single_property": [:]]
        ],
        "Total": [
          "rollup": [
            "relation_property_name": "Tasks", "rollup_property_name": "Hours", "function": "sum",
          ]
        ],
        "Each": [
          "rollup": [
            "relation_property_name": "Tasks", "rollup_property_name": "Hours",
            "function": "show_original",
          ]
        ],
      ])
    var ids: [JSON] = []
    for number in 0..<60 {
      ids.append([
        "id": .string(
          try await place.page("task \(number)", in: tasks, ["Hours": ["number": .int(number)]])
            .id.description)
      ])
    }
    let made = try await place.page(
      "Apollo", in: projects, ["Tasks": ["relation": .array(ids)]])
    let page = try await place.client.page(made.id)
    #expect(page.property(named: "Tasks")?.value.isCut == true)
    let whole = try await place.client.completed(page, projects.properties)
    #expect(whole.property(named: "Tasks")?.value.payload.array?.count == 60)
    #expect(whole.property(named: "Total")?.value.scalar == .number(1770))
    guard case .list(let each)? = whole.property(named: "Each")?.value.scalar else {
      Issue.record("a rollup that shows its values is a list")
      return
    }
    #expect(each.count == 60)
    let named = try await References(client: place.client).namingRows([whole], projects.properties)
    #expect(
      named[0].property(named: "Tasks")?.value.scalar.text.hasPrefix("task 0, task 1,") == true)
  }

  @Test func peopleAndRowsAreFoundByTheirNames() async throws {
    let place = try Place()
    let tasks = try await place.source("Tasks", ["Name": ["title": [:]]])
    let projects = try await place.source(
      "Projects",
      [
        "Name": ["title": [:]], "Owner": ["people": [:]],
        "Tasks": [
          "relation": ["data_source_id": .string(tasks.id.description), "single_property": [:]]
        ],
      ])
    let paint = try await place.page("Paint the wall", in: tasks)
    for _ in 0..<2 { _ = try await place.page("Twice", in: tasks) }
    let owner = try #require(projects.property(named: "Owner"))
    let relation = try #require(projects.property(named: "Tasks"))
    let references = References(client: place.client)
    for name in ["You", "you", "YOU@example.com"] {
      let scalar = try await references.resolved(.text(name), for: owner)
      let payload = try PropertyKinds.payload(for: scalar, schema: owner, newOptions: .deny)
      #expect(payload["people"]?.array?.count == 1)
    }
    for text in ["Paint the wall", "paint the WALL", paint.id.description, paint.url] {
      let scalar = try await references.resolved(.list([.text(text)]), for: relation)
      let payload = try PropertyKinds.payload(for: scalar, schema: relation, newOptions: .deny)
      #expect(payload == ["relation": [["id": .string(paint.id.description)]]])
    }
    await #expect(throws: PropertyError.self) {
      try await references.resolved(.text("Nobody"), for: owner)
    }
    await #expect(throws: PropertyError.self) {
      try await references.resolved(.text("Twice"), for: relation)
    }
  }

  /// Notion of a later year: each schema and page has a property of a kind that nobody knows yet.
  private final class Later: HTTPTransport {
    private let base: any HTTPTransport
    let sent = Mutex<[JSON]>([])
    init(_ base: any HTTPTransport) { self.base = base }

    static let value: JSON = ["level": 3, "words": "new"]

    func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
      if request.method == .patch, let body = try? JSON(parsing: request.body) {
        sent.withLock { $0.append(body) }
      }
      let response = try await base.send(request)
      let json = try JSON(parsing: try await response.body.collect())
      return IncomingResponse(
        status: response.status, fields: response.fields, bytes: Later.changed(json).bytes)
    }

    private static func changed(_ json: JSON) -> JSON {
      guard var members = json.members else { return json }
      if let results = json["results"]?.array { members["results"] = .array(results.map(changed)) }
      if ["page", "data_source"].contains(json["object"]?.string ?? ""),
        var properties = json["properties"]?.members
      {
        properties["Later"] = [
          "id": "sp%3Ak", "name": "Later", "type": "sparkle", "sparkle": value,
        ]
        members["properties"] = .object(properties)
      }
      return .object(members)
    }
  }

  @Test func aKindOfTheFutureIsShownAndLeftAlone() async throws {
    let workspace = try LocalWorkspace.inMemory()
    let later = Later(workspace)
    let client = NotionClient(transport: later, token: workspace.token)
    let root = try #require(NotionID(parsing: workspace.rootPageID))
    let database = try await client.createDatabase(
      parentPage: root, title: "Later", properties: ["Name": ["title": [:]], "N": ["number": [:]]])
    let source = try await client.dataSource(try #require(database.dataSources.first).id)
    let made = try await client.createPage(
      parent: .dataSource(source.id),
      properties: ["Name": ["title": try RichText.items(for: "one")]])
    let schema = try #require(source.property(named: "Later"))
    let value = try #require(made.property(named: "Later")?.value)
    // It reads as text, its own form untouched, and it is never written, by nobody.
    #expect(value.payload == Later.value)
    #expect(value.scalar == .text(Later.value.text))
    #expect(!PropertyKinds.isWritable("sparkle") && PropertyKinds.writable(value) == nil)
    let error = #expect(throws: PropertyError.self) {
      try PropertyKinds.payload(for: .text("x"), schema: schema, newOptions: .allow)
    }
    #expect(error?.message.contains("sparkle") == true)
    let whole = try await client.completed(made, source.properties)
    #expect(whole.property(named: "Later")?.value == value)
    let written = try await client.updatePage(made.id, properties: ["N": ["number": 7]])
    #expect(written.property(named: "Later")?.value == value)
    #expect(later.sent.withLock { $0 } == [["properties": ["N": ["number": 7]]]])
  }

  // MARK: - Refusals

  private struct Answering: HTTPTransport {
    let response: IncomingResponse
    func send(_ request: OutgoingRequest) async throws -> IncomingResponse { response }
  }

  @Test func anEdgeBeforeNotionIsToldApart() async throws {
    let ray = try #require(HTTPField.Name("CF-Ray"))
    let client = NotionClient(
      transport: Answering(
        response: IncomingResponse(
          status: 502, fields: [ray: "8f0-NRT"], bytes: Array("<html>Bad Gateway</html>".utf8))),
      token: Secret("ntn_x"))
    let error = await #expect(throws: NotionError.self) { try await client.me() }
    #expect(error?.code == .notNotion && error?.status == 502)
    #expect(error?.description.contains("502") == true)
    #expect(error?.description.contains("CF-Ray 8f0-NRT") == true)
    #expect(error?.description.contains("html") == false)
  }

  // MARK: - Long queries

  /// Knows places of a query no more when it is asked for the third and the ninth.
  private final class Forgetful: HTTPTransport {
    private let base: any HTTPTransport
    private let forgets: @Sendable (Int) -> Bool
    private let queries = Atomic<Int>(0)
    init(_ base: any HTTPTransport, _ forgets: @escaping @Sendable (Int) -> Bool) {
      self.base = base
      self.forgets = forgets
    }

    func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
      var request = request
      if request.url.hasSuffix("/query"), var body = try? JSON(parsing: request.body).members,
        body["start_cursor"] != nil,
        forgets(queries.wrappingAdd(1, ordering: .relaxed).newValue)
      {
        body["start_cursor"] = "s:00000000-0000-4000-8000-000000000000:gone"
        request.body = JSON.object(body).bytes
      }
      return try await base.send(request)
    }
  }

  @Test func aQueryGoesOnWhenItsPlaceIsForgotten() async throws {
    let place = try Place { Forgetful($0) { [3, 9].contains($0) } }
    let source = try await place.source("Tasks", ["Name": ["title": [:]]])
    for number in 0..<53 { _ = try await place.page("task \(number)", in: source) }
    var titles: [String] = []
    var next: NotionClient.RowCursor?
    repeat {
      let part = try await place.client.rows(source.id, from: next, pageSize: 10)
      titles += part.pages.map(\.title)
      next = part.next
    } while next != nil
    #expect(titles == (0..<53).reversed().map { "task \($0)" })
  }

  @Test func aQueryThatForgetsEveryPlaceIsAnError() async throws {
    let place = try Place { Forgetful($0) { _ in true } }
    let source = try await place.source("Tasks", ["Name": ["title": [:]]])
    for number in 0..<23 { _ = try await place.page("task \(number)", in: source) }
    let first = try await place.client.rows(source.id, from: nil, pageSize: 10)
    await #expect(throws: NotionError.self) {
      var next = first.next
      while next != nil {
        next = try await place.client.rows(source.id, from: next, pageSize: 10).next
      }
    }
  }

  // MARK: - Answers that are lost

  /// Carries requests out, or does not, and loses the answers of some.
  private final class Lossy: HTTPTransport {
    enum Loss: CaseIterable {
      case timedOutAfter, timedOutBefore, gatewayAfter, unavailableBefore, htmlAfter
    }
    private let base: any HTTPTransport
    private let losses: Mutex<[Loss]>
    let made = Atomic<Int>(0)

    init(_ base: any HTTPTransport, _ losses: [Loss]) {
      self.base = base
      self.losses = Mutex(losses)
    }

    func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
      // Reading children has a query behind it.
      let creates = request.url.hasSuffix("/pages") || request.url.hasSuffix("/children")
      guard creates, let loss = losses.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else {
        if creates { made.add(1, ordering: .relaxed) }
        return try await base.send(request)
      }
      switch loss {
      case .timedOutAfter, .gatewayAfter, .htmlAfter:
        made.add(1, ordering: .relaxed)
        _ = try await base.send(request).body.collect()
      case .timedOutBefore, .unavailableBefore: break
      }
      switch loss {
      case .timedOutAfter, .timedOutBefore:
        throw TransportError(.timedOut, "No answer came.", mayHaveArrived: true)
      case .gatewayAfter: return IncomingResponse(status: 504, bytes: Array("<html>".utf8))
      case .unavailableBefore: return IncomingResponse(status: 503, bytes: [])
      case .htmlAfter: return IncomingResponse(status: 200, bytes: Array("<html>".utf8))
      }
    }
  }

  @Test(arguments: Lossy.Loss.allCases)
  private func aPageIsMadeOnceWhateverBecomesOfTheAnswer(loss: Lossy.Loss) async throws {
    let place = try Place { Lossy($0, [loss, loss]) }
    let source = try await place.source("Tasks", ["Name": ["title": [:]]])
    // Two rows of the same words are two rows.
    let a = try await place.page("tea", in: source)
    let b = try await place.page("tea", in: source)
    #expect(a.id != b.id)
    #expect(try await place.client.rows(source.id).count == 2)
  }

  @Test(arguments: Lossy.Loss.allCases)
  private func blocksAreAddedOnceWhateverBecomesOfTheAnswer(loss: Lossy.Loss) async throws {
    let place = try Place { Lossy($0, [loss, loss, loss]) }
    let blocks = Markdown.blocks(from: (1...150).map { "line \($0)\n\n" }.joined())
    let made = try await place.client.append(blocks, to: place.root)
    #expect(made.count == 150)
    let again = try await place.client.append(Array(blocks.prefix(3)), to: place.root)
    #expect(again.count == 3 && Set(made.map(\.id)).isDisjoint(with: again.map(\.id)))
    #expect(try await place.client.children(of: place.root).count == 153)
  }
}
