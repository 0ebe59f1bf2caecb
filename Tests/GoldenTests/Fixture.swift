import Foundation
import HTTPTypes
import LocalNotion
import Notion
import Script
import Store
import Transport

@testable import Shell

/// The place where golden scripts run: two databases, `Topics` and `Makers`, on an embedded workspace.
@MainActor enum Fixture {
  /// A moment that all of them are in.
  nonisolated static let now = Date(timeIntervalSince1970: 1_750_000_000)

  private static var template: Task<URL, any Error>?

  /// A home of its own, as a copy of the one that is made first.
  static func home() async throws -> URL {
    let made = template ?? Task { try await makeTemplate() }
    template = made
    let home = newFolder()
    try FileManager.default.copyItem(at: try await made.value, to: home)
    return home
  }

  private static func newFolder() -> URL {
    FileManager.default.temporaryDirectory.appendingPathComponent("visen-golden-\(UUID())")
  }

  static func surroundings(_ home: URL) -> Surroundings {
    let workspace = Result { try open(home) }
    return Surroundings(
      home: home, environment: ["OPENAI_API_KEY": "sk-golden"], isInteractive: false,
      network: RefusingService(),
      openLocalWorkspace: {
        let workspace = try workspace.get()
        return LocalWorkspaceAccess(
          transport: workspace, token: workspace.token, rootPageID: workspace.rootPageID)
      })
  }

  private static func open(_ home: URL) throws -> LocalWorkspace {
    try LocalWorkspace(file: home.appendingPathComponent("workspace.db"), now: { now })
  }

  private static func makeTemplate() async throws -> URL {
    let home = newFolder()
    try PrivateFile.makeFolder(home)
    let workspace = try open(home)
    let client = NotionClient(transport: workspace, token: workspace.token)
    guard let root = NotionID(parsing: workspace.rootPageID) else { throw CancellationError() }
    let topics = try await client.createDatabase(
      parentPage: root, title: "Topics", properties: topicProperties)
    guard let source = topics.dataSources.first else { throw CancellationError() }
    for row in rows.reversed() {
      let page = try await client.createPage(
        parent: .dataSource(source.id), properties: row.properties)
      if let body = row.body {
        _ = try await client.append(Markdown.blocks(from: body), to: page.id)
      }
    }
    let makers = try await client.createDatabase(
      parentPage: root, title: "Makers",
      properties: [
        "Name": ["title": [:]], "Country": ["rich_text": [:]],
        "Topics": [
          "relation": [
            "data_source_id": .string(source.id.description), "single_property": [:],
          ]
        ],
      ])
    guard let makerSource = makers.dataSources.first else { throw CancellationError() }
    for (name, country) in [("Kaffa", "Ethiopia"), ("宇治園", "日本"), ("Aqua", "")] {
      _ = try await client.createPage(
        parent: .dataSource(makerSource.id),
        properties: ["Name": title(name), "Country": text(country)])
    }
    let session = try Session(
      surroundings: surroundings(home), options: RunOptions(), console: KeptConsole())
    _ = await session.run(
      .init(
        """
        connect "Makers" to "\(makers.id)"
        connect "Topics" to "\(topics.id)"
        set engine practice
        """, name: "fixture"), shows: false)
    return home
  }

  // MARK: - Rows

  private static let topicProperties: JSON = [
    "Topic": ["title": [:]],
    "Content": ["rich_text": [:]],
    "Generate": ["checkbox": [:]],
    "Score": ["number": [:]],
    "Category": ["select": ["options": [["name": "tea"], ["name": "coffee"], ["name": "other"]]]],
    "Tags": [
      "multi_select": [
        "options": [["name": "green"], ["name": "black"], ["name": "hot"], ["name": "cold"]]
      ]
    ],
    "Due date": ["date": [:]],
    "Link": ["url": [:]],
    "Double": ["formula": ["expression": "prop(\"Score\") * 2"]],
    "Made": ["created_time": [:]],
  ]

  private static func text(_ text: String) -> JSON {
    ["rich_text": [["text": ["content": .string(text)]]]]
  }

  private static func title(_ text: String) -> JSON {
    ["title": [["text": ["content": .string(text)]]]]
  }

  private static func row(
    _ name: String, ticked: Bool, score: Double?, category: String?, tags: [String],
    due: String? = nil, content: String? = nil, body: String? = nil
  ) -> (properties: JSON, body: String?) {
    var members: JSON.Members = ["Topic": title(name), "Generate": ["checkbox": .bool(ticked)]]
    if let score { members["Score"] = ["number": .double(score)] }
    if let category { members["Category"] = ["select": ["name": .string(category)]] }
    members["Tags"] = ["multi_select": .array(tags.map { ["name": .string($0)] })]
    if let due { members["Due date"] = ["date": ["start": .string(due)]] }
    if let content { members["Content"] = text(content) }
    return (.object(members), body)
  }

  private static let rows = [
    row(
      "green tea", ticked: true, score: 3, category: "tea", tags: ["green", "hot"],
      due: "2025-01-31", body: "# Green tea\n\nIt is steamed, not roasted."),
    row(
      "抹茶の歴史", ticked: true, score: 7, category: "tea", tags: ["green"], due: "2025-02-28"),
    row(
      "espresso", ticked: false, score: 9, category: "coffee", tags: ["black", "hot"],
      content: "short and strong"),
    row("cold brew", ticked: true, score: nil, category: "coffee", tags: ["black", "cold"]),
    row(
      "say {Topic} {1 + 1}", ticked: false, score: 1.5, category: nil, tags: [],
      due: "2024-12-01T09:30:00.000+09:00"),
  ]
}

/// The services outside: there are none, and they say so.
struct RefusingService: HTTPTransport {
  func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    IncomingResponse(
      status: 400, fields: [.contentType: "application/json"],
      bytes: Array(
        #"{"error": {"message": "no such model", "type": "invalid_request_error"}}"#.utf8))
  }
}
