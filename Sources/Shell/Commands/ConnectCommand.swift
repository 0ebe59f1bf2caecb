import Foundation
import Notion
import Script
import Store
import Transport

/// `connect "Blog" to template`: saves a name for a database or page, and opens it.
struct ConnectCommand: Command {
  static let signature = CommandSignature(
    name: "connect",
    summary: "Saves a name for a database or page, and opens it.",
    slots: [
      Slot("name", kind: .text, isRequired: true, summary: "the name to save it under"),
      Slot("url", words: ["to"], kind: .text, summary: "the address of a database"),
      Slot("page", words: ["to", "page"], kind: .text, summary: "the address of a page"),
      Slot(
        "template", words: ["to", "template"], kind: .flag,
        summary: "a new database with topic, checkbox and content"),
      Slot(
        "under", words: ["under"], kind: .text,
        summary: "the page to make the template in; the embedded workspace has one"),
    ],
    examples: [
      "connect \"Blog\" to template",
      "connect \"Tasks\" to \"https://www.notion.so/…\"",
      "connect \"Essay\" to page \"https://www.notion.so/…\"",
    ],
    opensConnection: "name")

  private let connections: Connections
  private let workspaces: Workspaces
  private let mirror: ConnectionMirror
  private let dialogue: Dialogue
  private let rows: RowTable
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    workspaces = session.workspaces
    mirror = session.mirror
    dialogue = session.dialogue
    rows = session.rows
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let name = (call.text("name") ?? "").trimmingCharacters(in: .whitespaces)
    guard !name.isEmpty, name.count <= 200 else {
      throw ScriptError.refusal("V405", "A connection needs a name of 1 to 200 characters.")
    }
    if let saved = try connections.store.connections.find(named: name) {
      throw ScriptError.refusal(
        "V406", "There is a connection called “\(saved.name)” already.",
        "open it: use \"\(saved.name)\"",
        "or remove it first (its data stays): disconnect \"\(saved.name)\"")
    }
    let workspace = try workspaces.open(workspaces.preferred)
    let saved: SavedConnection
    if call.has("template") {
      saved = try await makeTemplate(named: name, in: workspace, under: call.text("under"))
    } else if let address = call.text("page") {
      saved = try await page(named: name, at: address, in: workspace)
    } else if let address = call.text("url") {
      saved = try await database(named: name, at: address, in: workspace)
    } else {
      throw ScriptError.refusal(
        "V407", "Connect “\(name)” to what?", "connect \"\(name)\" to template",
        "connect \"\(name)\" to \"URL of a database\"",
        "connect \"\(name)\" to page \"URL of a page\"")
    }
    let kept = try connections.store.connections.save(saved)
    rows.clear()
    try await connections.use(kept)
    try await mirror.push()
    return .nothing
  }

  // MARK: - A template

  private func makeTemplate(
    named name: String, in workspace: Workspace, under address: String?
  ) async throws -> SavedConnection {
    let parent = try await Template.parent(
      in: workspace, under: address, for: "connect \"\(name)\" to template")
    let database = try await Sharing.explained(workspace, "that page") {
      try await workspace.client.createDatabase(
        parentPage: parent, title: name, properties: Template.properties, isInline: true)
    }
    guard let source = database.dataSources.first else {
      throw ScriptError.refusal("V408", "Notion made the database without a data source.")
    }
    // Notion shows the newest row first, so the last topic is made first.
    for topic in Template.topics.reversed() {
      try Task.checkCancellation()
      _ = try await workspace.client.createPage(
        parent: .dataSource(source.id), properties: Template.row(topic))
    }
    console.message(
      "Made “\(name)” with \(Template.topics.count) sample rows: "
        + "\(Template.title), \(Template.tick), \(Template.content).")
    var saved = SavedConnection(name: name, kind: .database, workspace: workspace.name.rawValue)
    saved.databaseID = database.id.description
    saved.dataSourceID = source.id.description
    saved.url = database.url
    saved.tickProperty = Template.tick
    saved.targets = [Template.content]
    return saved
  }

  // MARK: - What is there already

  private func database(
    named name: String, at address: String, in workspace: Workspace
  ) async throws -> SavedConnection {
    let (base, sourceName) = split(address)
    guard let id = NotionID.find(in: base, wanting: .database) else {
      throw notAnAddress(address, kind: "database")
    }
    let database: Database
    do {
      database = try await waitingForShare(workspace, "that database") {
        try await workspace.client.database(id)
      }
    } catch let error as NotionError where error.code == .validationError {
      // No UUID that Notion makes, or the identity of a page.
      throw notAnAddress(address, kind: "database", error.message)
    }
    let source = try await choose(database, sourceName)
    var saved = SavedConnection(name: name, kind: .database, workspace: workspace.name.rawValue)
    saved.databaseID = database.id.description
    saved.dataSourceID = source.id.description
    saved.url = database.url
    let schema = try await workspace.client.dataSource(source.id)
    let checkboxes = schema.properties.filter { $0.type == "checkbox" }
    saved.tickProperty =
      (checkboxes.first { $0.name == Template.tick } ?? checkboxes.first)?.name
    if schema.properties.contains(where: { $0.name == Template.content && $0.type == "rich_text" })
    {
      saved.targets = [Template.content]
    }
    console.message("Connected “\(name)” to the database “\(database.title)”.")
    if saved.tickProperty == nil {
      console.message("It has no checkbox property, so rows are chosen with `on rows where …`.")
    }
    return saved
  }

  /// An address, and the name of a data source when one stands after it and a slash.
  private func split(_ address: String) -> (String, String?) {
    guard let slash = address.lastIndex(of: "/") else { return (address, nil) }
    let name = String(address[address.index(after: slash)...])
    let before = String(address[..<slash])
    guard !name.isEmpty, NotionID.find(in: name, wanting: .database) == nil,
      NotionID.find(in: "notion://" + name, wanting: .database) == nil,
      NotionID.find(in: before, wanting: .database) != nil
    else { return (address, nil) }
    return (before, name)
  }

  /// The data source that was named, the only one, or the one that a person chooses.
  private func choose(_ database: Database, _ name: String?) async throws -> Database.Source {
    let sources = database.dataSources
    if let name {
      if let source = sources.first(where: { $0.name == name }) { return source }
      throw ScriptError.refusal(
        "V409", "“\(database.title)” has no data source called “\(name)”.",
        "data sources: \(sources.map(\.name).joined(separator: ", "))")
    }
    guard let first = sources.first else {
      throw ScriptError.refusal("V408", "“\(database.title)” has no data source Visen may see.")
    }
    guard sources.count == 1 else {
      if dialogue.canAsk {
        console.message("“\(database.title)” has several data sources:")
        for (index, source) in sources.enumerated() {
          console.message("  \(index + 1)  \(source.name)")
        }
        while let answer = await dialogue.line("Which one? [1] ") {
          let text = answer.trimmingCharacters(in: .whitespaces)
          if text.isEmpty { return first }
          if let number = Int(text), sources.indices.contains(number - 1) {
            return sources[number - 1]
          }
          if let source = sources.first(where: { $0.name == text }) { return source }
          console.message("Type a number from 1 to \(sources.count).")
        }
        throw CancellationError()
      }
      throw ScriptError.refusal(
        "V409", "“\(database.title)” has several data sources; say which.",
        "write it after the address: \"…/\(first.name)\"",
        "data sources: \(sources.map(\.name).joined(separator: ", "))")
    }
    return first
  }

  private func page(
    named name: String, at address: String, in workspace: Workspace
  ) async throws -> SavedConnection {
    guard let id = NotionID.find(in: address, wanting: .page) else {
      throw notAnAddress(address, kind: "page")
    }
    let page: Page
    do {
      page = try await waitingForShare(workspace, "that page") {
        try await workspace.client.page(id)
      }
    } catch let error as NotionError where error.code == .validationError {
      throw notAnAddress(address, kind: "page", error.message)
    }
    var saved = SavedConnection(name: name, kind: .page, workspace: workspace.name.rawValue)
    saved.pageID = page.id.description
    saved.url = page.url
    console.message("Connected “\(name)” to the page “\(page.title)”.")
    return saved
  }

  private func notAnAddress(
    _ address: String, kind: String, _ answer: String? = nil
  ) -> ScriptError {
    var notes = [
      "in Notion: ••• at the top right, “Copy link”; it looks like "
        + "https://www.notion.so/Title-0123456789abcdef0123456789abcdef"
    ]
    if let answer { notes.append("Notion says: \(answer)") }
    return ScriptError(
      code: "V415", message: "“\(address)” is no address of a Notion \(kind).", notes: notes,
      kind: .problem)
  }

  /// With a person at the terminal, waits while they share the page, and goes on by itself.
  private func waitingForShare<Result: Sendable>(
    _ workspace: Workspace, _ thing: String, _ request: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await request()
    } catch let error as NotionError where error.code == .objectNotFound {
      let refusal = await Sharing.refusal(workspace, thing, error)
      guard dialogue.canAsk, workspace.name == .notion else { throw refusal }
      console.message(refusal.message)
      for note in refusal.notes { console.message("  \(note)") }
      console.message("Waiting for the share (Ctrl-C stops) …")
      for _ in 0..<200 {
        try await Task.sleep(for: .seconds(3))
        do {
          return try await request()
        } catch let error as NotionError where error.code == .objectNotFound {
          continue
        }
      }
      throw refusal
    }
  }
}
