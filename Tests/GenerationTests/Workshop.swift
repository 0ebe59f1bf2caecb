import Engines
import Generation
import HTTPTypes
import LocalNotion
import Notion
import Store
import Synchronization
import Testing
import Transport

/// A workspace with a database of rows, a journal, and an engine that counts.
struct Workshop {
  let workspace: LocalWorkspace
  let client: NotionClient
  let store: LocalStore
  let source: DataSource
  let engine: CountingEngine

  init(
    rows: Int, engine: CountingEngine = CountingEngine(),
    transport: (LocalWorkspace) -> any HTTPTransport = { $0 }
  ) async throws {
    workspace = try LocalWorkspace.inMemory()
    client = NotionClient(transport: transport(workspace), token: workspace.token)
    store = try LocalStore.inMemory()
    self.engine = engine
    let root = try #require(NotionID(parsing: workspace.rootPageID))
    let plain = NotionClient(transport: workspace, token: workspace.token)
    let database = try await plain.createDatabase(
      parentPage: root, title: "Topics",
      properties: [
        "Topic": ["title": [:]], "Content": ["rich_text": [:]], "Score": ["number": [:]],
        "Kind": ["select": ["options": [["name": "red"], ["name": "blue"]]]],
      ])
    source = try await plain.dataSource(try #require(database.dataSources.first).id)
    for number in 0..<rows {
      _ = try await plain.createPage(
        parent: .dataSource(source.id),
        properties: ["Topic": ["title": [["text": ["content": "row \(number)"]]]]])
    }
  }

  func target(_ name: String) throws -> RunTarget {
    .property(try #require(source.property(named: name)))
  }

  func plan(
    _ targets: [RunTarget],
    parameters: RunParameters = RunParameters(engine: "practice", model: "m")
  ) async throws -> RunPlan {
    let pages = try await client.rows(source.id)
    return RunPlan(
      connection: "Topics", workspace: "local", targets: targets, promptText: "p",
      parameters: parameters,
      items: pages.map { page in
        ItemRecord(
          pageID: page.id.description, title: page.title,
          prompt: Prompt("about \(page.title)").json.text,
          before: RunPlan.before(page, targets: targets))
      }, isCounted: false)
  }

  func runner(_ checkpoint: @escaping @Sendable (String) throws -> Void = { _ in }) -> Runner {
    Runner(client: client, engine: engine, journal: store.journal, checkpoint: checkpoint)
  }

  func pages() async throws -> [Page] { try await client.rows(source.id) }

  func contents(_ name: String) async throws -> [String: String] {
    Dictionary(
      try await pages().map { ($0.title, $0.property(named: name)?.value.scalar.text ?? "") },
      uniquingKeysWith: { first, _ in first })
  }
}

/// Stops everything at the n-th boundary it passes.
final class Boundary: Sendable {
  struct Crash: Error {}
  private let left: Mutex<Int>
  private let dead = Atomic<Bool>(false)
  init(_ count: Int) { left = Mutex(count) }

  var isDead: Bool { dead.load(ordering: .sequentiallyConsistent) }

  func pass(_ name: String) throws {
    // After the crash nothing happens any more, on no worker.
    if isDead { throw Crash() }
    let dies = left.withLock { left in
      left -= 1
      return left == 0
    }
    if dies {
      dead.store(true, ordering: .sequentiallyConsistent)
      throw Crash()
    }
  }
}

/// A transport whose process is dead after a boundary: no request leaves it.
struct MortalTransport: HTTPTransport {
  let base: any HTTPTransport
  let boundary: Boundary
  func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    if boundary.isDead { throw Boundary.Crash() }
    return try await base.send(request)
  }
}
