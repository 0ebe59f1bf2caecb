import Foundation
import Notion
import Script
import Store
import Transport

/// Keeps the connections and their database in Notion alike, in both directions.
///
/// The later edit wins. Notion's times are floored to the minute, so one in the same minute is taken
/// for the same edit.
final class ConnectionMirror {
  private let store: LocalStore
  private let workspaces: Workspaces
  private let settings: Settings
  private let console: any Console

  init(store: LocalStore, workspaces: Workspaces, settings: Settings, console: any Console) {
    self.store = store
    self.workspaces = workspaces
    self.settings = settings
    self.console = console
  }

  private static let columns: [(name: String, schema: JSON)] = [
    ("Name", ["title": [:]]),
    (
      "Type",
      ["select": ["options": [["name": "Notion database"], ["name": "Notion page"]]]]
    ),
    ("URL", ["url": [:]]),
    ("Prompt", ["rich_text": [:]]),
    ("Target", ["rich_text": [:]]),
    ("Engine", ["rich_text": [:]]),
  ]

  // MARK: - Making and adopting

  /// Makes the database in a page, and fills it.
  func create(under address: String?) async throws {
    let workspace = try workspaces.open(workspaces.preferred)
    let parent = try await Template.parent(in: workspace, under: address, for: "connections init")
    let database = try await Sharing.explained(workspace, "that page") {
      try await workspace.client.createDatabase(
        parentPage: parent, title: "Visen connections",
        properties: .object(JSON.Members(Self.columns.map { ($0.name, $0.schema) })))
    }
    guard let source = database.dataSources.first else {
      throw ScriptError.refusal("V408", "Notion made the database without a data source.")
    }
    try remember(workspace, source.id)
    try settings.set("connections_database", to: database.url)
    try await push()
    console.message("The connections are mirrored in \(database.url)")
  }

  /// Takes a database made by hand; columns that are missing are added.
  func adopt(address: String) async throws {
    guard let id = NotionID.find(in: address, wanting: .database) else {
      throw ScriptError.refusal(
        "V415", "“\(address)” is no address of a Notion database.",
        "or let Visen make one: connections init under \"PAGE URL\"")
    }
    let workspace = try workspaces.open(workspaces.preferred)
    let database = try await Sharing.explained(workspace, "that database") {
      try await workspace.client.database(id)
    }
    guard let first = database.dataSources.first else {
      throw ScriptError.refusal("V408", "“\(database.title)” has no data source Visen may see.")
    }
    let source = try await workspace.client.dataSource(first.id)
    var changes = JSON.Members()
    for (name, schema) in Self.columns {
      let wanted = schema.members?.names.first ?? ""
      if wanted == "title" {
        if let title = source.titleProperty, title.name != name {
          changes[title.id] = ["name": .string(name)]
        }
      } else if let found = source.property(named: name) {
        guard found.type == wanted else {
          throw ScriptError.refusal(
            "V417",
            "“\(name)” in “\(database.title)” is a \(found.type) property, and must be \(wanted).",
            "rename it in Notion, and say the same again: Visen adds the right one")
        }
      } else {
        changes[name] = schema
      }
    }
    if !changes.isEmpty {
      _ = try await workspace.client.updateDataSource(source.id, properties: .object(changes))
    }
    try remember(workspace, source.id)
    try settings.set("connections_database", to: address)
    try await sync()
    console.message("The connections are mirrored in “\(database.title)”.")
  }

  private func remember(_ workspace: Workspace, _ source: NotionID) throws {
    try store.preferences.set(".mirror", to: "\(workspace.name.rawValue) \(source)")
  }

  private func target() throws -> (Workspace, NotionID)? {
    guard settings.isSet("connections_database"), let kept = try store.preferences.value(".mirror")
    else { return nil }
    let parts = kept.split(separator: " ").map(String.init)
    guard parts.count == 2, let name = WorkspaceName(rawValue: parts[0]),
      let id = NotionID(parsing: parts[1])
    else { return nil }
    return (try workspaces.open(name), id)
  }

  // MARK: - Both directions

  /// Brings what changed here to Notion; quiet where no database is set.
  func push() async throws { try await sync() }

  /// Makes both sides alike.
  func sync() async throws {
    guard let (workspace, source) = try target() else { return }
    let pages = try await workspace.client.rows(source)
    var remote = Dictionary(
      pages.map { ($0.id.description, $0) }, uniquingKeysWith: { first, _ in first })

    for var saved in try store.connections.deleted() {
      guard let id = saved.mirrorPageID, let page = remote.removeValue(forKey: id) else { continue }
      _ = try await workspace.client.setTrash(page.id, true)
      saved.mirrorPageID = nil
      try store.connections.save(saved, editedAt: saved.editedAt)
    }
    for var saved in try store.connections.all() {
      guard let id = saved.mirrorPageID else {
        let page = try await workspace.client.createPage(
          parent: .dataSource(source), properties: properties(of: saved))
        saved.mirrorPageID = page.id.description
        try store.connections.save(saved, editedAt: saved.editedAt)
        continue
      }
      guard let page = remote.removeValue(forKey: id) else {
        // The row went to the trash in Notion: the connection is deleted there, so here too.
        try store.connections.delete(saved.id)
        console.message(
          "“\(saved.name)” was deleted in Notion; back again: connections restore \"\(saved.name)\""
        )
        continue
      }
      let edited = ConnectionMirror.seconds(page.lastEditedTime)
      if edited >= (saved.editedAt / 60).rounded(.down) * 60 + 60 {
        try pull(page, into: saved, at: edited)
      } else if differs(page, saved) {
        _ = try await workspace.client.updatePage(page.id, properties: properties(of: saved))
      }
    }
    for page in remote.values.sorted(by: { $0.createdTime < $1.createdTime }) {
      try await adoptRow(page, workspace)
    }
  }

  private func properties(of saved: SavedConnection) throws -> JSON {
    [
      "Name": ["title": try RichText.items(for: saved.name)],
      "Type": ["select": ["name": saved.kind == .database ? "Notion database" : "Notion page"]],
      "URL": ["url": saved.url.map(JSON.string) ?? .null],
      "Prompt": ["rich_text": try RichText.items(for: saved.promptText ?? "")],
      "Target": ["rich_text": try RichText.items(for: saved.targets.joined(separator: ", "))],
      "Engine": ["rich_text": try RichText.items(for: saved.engine ?? "")],
    ]
  }

  private func text(_ page: Page, _ name: String) -> String {
    page.property(named: name)?.value.scalar.text ?? ""
  }

  private func differs(_ page: Page, _ saved: SavedConnection) -> Bool {
    text(page, "Name") != saved.name || text(page, "Prompt") != saved.promptText ?? ""
      || text(page, "Target") != saved.targets.joined(separator: ", ")
      || text(page, "Engine") != saved.engine ?? ""
  }

  /// What somebody wrote in Notion.
  private func pull(_ page: Page, into connection: SavedConnection, at time: Double) throws {
    var saved = connection
    let name = text(page, "Name").trimmingCharacters(in: .whitespaces)
    let taken = try store.connections.find(named: name)
    if !name.isEmpty, taken == nil || taken?.id == saved.id { saved.name = name }
    let prompt = text(page, "Prompt")
    saved.promptText = prompt.isEmpty ? nil : prompt
    saved.targets = text(page, "Target").split(separator: ",").map {
      $0.trimmingCharacters(in: .whitespaces)
    }.filter { !$0.isEmpty }
    let engine = text(page, "Engine")
    saved.engine = engine.isEmpty ? nil : engine
    guard saved != connection else { return }
    try store.connections.save(saved, editedAt: time)
  }

  /// A row that somebody added in Notion becomes a connection, when its address leads somewhere.
  private func adoptRow(_ page: Page, _ workspace: Workspace) async throws {
    let name = text(page, "Name").trimmingCharacters(in: .whitespaces)
    let address = text(page, "URL")
    guard !name.isEmpty, !address.isEmpty, try store.connections.find(named: name) == nil else {
      return
    }
    let isPage = text(page, "Type") == "Notion page"
    guard let id = NotionID.find(in: address, wanting: isPage ? .page : .database) else { return }
    var saved = SavedConnection(
      name: name, kind: isPage ? .page : .database, workspace: workspace.name.rawValue)
    saved.url = address
    saved.mirrorPageID = page.id.description
    if isPage {
      saved.pageID = id.description
    } else {
      do {
        let database = try await workspace.client.database(id)
        guard let source = database.dataSources.first else { return }
        saved.databaseID = id.description
        saved.dataSourceID = source.id.description
        let schema = try await workspace.client.dataSource(source.id)
        saved.tickProperty = schema.properties.first { $0.type == "checkbox" }?.name
      } catch let error as NotionError {
        console.message("“\(name)” in the connections database leads nowhere: \(error)")
        return
      }
    }
    try pull(page, into: saved, at: ConnectionMirror.seconds(page.lastEditedTime))
  }

  private static func seconds(_ time: String) -> Double {
    DateValue(parsing: time)?.seconds ?? 0
  }
}
