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
  private let dialogue: Dialogue
  /// What was told last of a mirror that cannot be reached or does not fit.
  private var told: [String] = []

  init(
    store: LocalStore, workspaces: Workspaces, settings: Settings, console: any Console,
    dialogue: Dialogue
  ) {
    self.dialogue = dialogue
    self.store = store
    self.workspaces = workspaces
    self.settings = settings
    self.console = console
  }

  // MARK: - Making and adopting

  /// Makes the database in a page, and fills it.
  func create(under address: String?) async throws {
    let workspace = try workspaces.open(workspaces.preferred)
    let parent = try await Template.parent(in: workspace, under: address, for: "connections init")
    let database = try await Sharing.explained(workspace, "that page") {
      try await workspace.client.createDatabase(
        parentPage: parent, title: "Visen connections", properties: MirrorColumns.schema)
    }
    guard let source = database.dataSources.first else {
      throw ScriptError.refusal("V408", "Notion made the database without a data source.")
    }
    try remember(workspace, source.id)
    try settings.set("connections_database", to: database.url)
    try await makeAlike()
    console.message("The connections are mirrored in \(database.url)")
  }

  /// Takes a database made by hand; what is wrong with it is put right when the person agrees.
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
    try await putRight(try await workspace.client.dataSource(first.id), database.title, workspace)
    try remember(workspace, first.id)
    try settings.set("connections_database", to: address)
    try await makeAlike()
    console.message("The connections are mirrored in “\(database.title)”.")
  }

  /// What is wrong with the columns of the connections database; `nil` when none is set.
  func findings() async throws -> [MirrorColumns.Finding]? {
    guard let (workspace, id) = try target() else { return nil }
    return MirrorColumns.findings(in: try await source(workspace, id))
  }

  /// Puts the columns of the connections database right, and makes both sides alike.
  func repair() async throws {
    guard let (workspace, id) = try target() else {
      throw ScriptError.refusal(
        "V417", "There is no connections database.",
        "make one: connections init under \"PAGE URL\"",
        "or take one of your own: set connections_database \"URL\"")
    }
    let source = try await source(workspace, id)
    if MirrorColumns.findings(in: source).isEmpty {
      console.message("“\(source.name)” has every column it needs.")
    } else {
      try await putRight(source, source.name, workspace)
    }
    try await makeAlike()
  }

  private func source(_ workspace: Workspace, _ id: NotionID) async throws -> DataSource {
    try await Sharing.explained(workspace, "the connections database") {
      try await workspace.client.dataSource(id)
    }
  }

  /// Names what is wrong with each column and how it is put right, and does so on consent.
  private func putRight(
    _ source: DataSource, _ title: String, _ workspace: Workspace
  ) async throws {
    let findings = MirrorColumns.findings(in: source)
    guard !findings.isEmpty else { return }
    for finding in findings {
      console.message(Sanitizer.line("\(finding.problem): \(finding.fix)"))
    }
    guard
      try await dialogue.confirm(
        "Change \(findings.count) \(findings.count == 1 ? "column" : "columns") of “\(title)” so?")
    else {
      throw ScriptError.refusal(
        "V417", "“\(title)” is left as it is, and connections are not mirrored in it.",
        "or let Visen make one: connections init under \"PAGE URL\"")
    }
    for change in findings.flatMap(\.changes) {
      try Task.checkCancellation()
      _ = try await workspace.client.updateDataSource(source.id, properties: change)
    }
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

  /// Makes both sides alike; where that fails it is told, and what was to be done goes on: connections
  /// work without their mirror.
  func sync() async throws {
    do {
      try await makeAlike()
    } catch let error where error is ScriptError || error is NotionError || error is TransportError
    {
      var lines = ["The connections are not mirrored in Notion: \(Report.sentence(error))"]
      if let error = error as? ScriptError {
        guard error.kind != .control else { throw error }
        lines += error.notes.map { "  = \($0)" }
      }
      // A script says it once.
      guard told != lines else { return }
      told = lines
      for line in lines { console.problem(Sanitizer.line(line)) }
    }
  }

  /// Makes both sides alike.
  private func makeAlike() async throws {
    guard let (workspace, id) = try target() else { return }
    do {
      try await Sharing.explained(workspace, "the connections database") {
        try await sync(workspace, id)
      }
    } catch let error as NotionError where error.code == .validationError {
      // A column may have been removed or changed in Notion.
      guard let source = try? await workspace.client.dataSource(id),
        let first = MirrorColumns.findings(in: source).first
      else { throw error }
      throw ScriptError.refusal(
        "V417", "The connections database does not fit: \(first.problem).",
        "put it right: connections repair",
        "or mirror the connections no longer: unset connections_database")
    }
  }

  private func sync(_ workspace: Workspace, _ source: NotionID) async throws {
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
      var page = remote.removeValue(forKey: id)
      // Queries lag behind: only the page itself says that it is gone.
      if page == nil { page = try await there(id, workspace) }
      guard let page else {
        // The row went to the trash in Notion: the connection is deleted there, so here too.
        try store.connections.delete(saved.id)
        console.message(
          "“\(saved.name)” was deleted in Notion; back again: connections restore \"\(saved.name)\""
        )
        continue
      }
      let edited = ConnectionMirror.seconds(page.lastEditedTime)
      if edited >= (saved.editedAt / 60).rounded(.down) * 60 + 60 {
        try await pull(page, into: saved, at: edited, workspace)
      } else if differs(page, saved) {
        _ = try await workspace.client.updatePage(page.id, properties: properties(of: saved))
      }
    }
    for page in remote.values.sorted(by: { $0.createdTime < $1.createdTime }) {
      try await adoptRow(page, workspace)
    }
  }

  /// The row of a connection that a query does not show; `nil` when it is in the trash or gone.
  private func there(_ id: String, _ workspace: Workspace) async throws -> Page? {
    guard let id = NotionID(parsing: id) else { return nil }
    do {
      let page = try await workspace.client.page(id)
      return page.isInTrash ? nil : page
    } catch let error as NotionError where error.code == .objectNotFound {
      return nil
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

  /// What stands in a column; `nil` where the row has none of that name and kind, which says nothing
  /// about what the person wants.
  private func text(_ page: Page, _ name: String) -> String? {
    guard let property = page.property(named: name),
      MirrorColumns.all.contains(where: { $0.name == name && $0.type == property.value.type })
    else { return nil }
    return property.value.scalar.text
  }

  private func differs(_ page: Page, _ saved: SavedConnection) -> Bool {
    text(page, "Name") != saved.name || text(page, "Prompt") != saved.promptText ?? ""
      || text(page, "Target") != saved.targets.joined(separator: ", ")
      || text(page, "Engine") != saved.engine ?? "" || text(page, "URL") != saved.url ?? ""
  }

  /// What somebody wrote in Notion.
  private func pull(
    _ page: Page, into connection: SavedConnection, at time: Double, _ workspace: Workspace
  ) async throws {
    var saved = connection
    if let name = text(page, "Name")?.trimmingCharacters(in: .whitespaces), !name.isEmpty {
      let taken = try store.connections.find(named: name)
      if taken == nil || taken?.id == saved.id { saved.name = name }
    }
    if let prompt = text(page, "Prompt") { saved.promptText = prompt.isEmpty ? nil : prompt }
    if let targets = text(page, "Target") {
      saved.targets = targets.split(separator: ",").map {
        $0.trimmingCharacters(in: .whitespaces)
      }.filter { !$0.isEmpty }
    }
    if let engine = text(page, "Engine") { saved.engine = engine.isEmpty ? nil : engine }
    if let address = text(page, "URL"), !address.isEmpty, address != saved.url,
      let found = try await located(saved, at: address, workspace)
    {
      saved = found
    }
    guard saved != connection || saved.id == 0 else { return }
    try store.connections.save(saved, editedAt: time)
  }

  /// A row that somebody added in Notion becomes a connection, when its address leads somewhere.
  private func adoptRow(_ page: Page, _ workspace: Workspace) async throws {
    let name = (text(page, "Name") ?? "").trimmingCharacters(in: .whitespaces)
    let address = text(page, "URL") ?? ""
    guard !name.isEmpty, !address.isEmpty, try store.connections.find(named: name) == nil else {
      return
    }
    let isPage = text(page, "Type") == "Notion page"
    var saved = SavedConnection(
      name: name, kind: isPage ? .page : .database, workspace: workspace.name.rawValue)
    saved.mirrorPageID = page.id.description
    guard let found = try await located(saved, at: address, workspace) else { return }
    try await pull(
      page, into: found, at: ConnectionMirror.seconds(page.lastEditedTime), workspace)
  }

  /// The connection as it leads to an address; `nil`, and told, when that leads nowhere.
  private func located(
    _ connection: SavedConnection, at address: String, _ workspace: Workspace
  ) async throws -> SavedConnection? {
    var saved = connection
    let isPage = saved.kind == .page
    guard let id = NotionID.find(in: address, wanting: isPage ? .page : .database) else {
      console.message(
        "“\(saved.name)” in the connections database leads nowhere: “\(address)” is no address")
      return nil
    }
    saved.url = address
    do {
      if isPage {
        _ = try await workspace.client.page(id)
        saved.pageID = id.description
        return saved
      }
      let database = try await workspace.client.database(id)
      guard let source = database.dataSources.first else { return nil }
      saved.databaseID = id.description
      saved.dataSourceID = source.id.description
      let schema = try await workspace.client.dataSource(source.id)
      saved.tickProperty = schema.properties.first { $0.type == "checkbox" }?.name
      return saved
    } catch let error as NotionError
      where [.objectNotFound, .validationError].contains(error.code)
    {
      console.message("“\(saved.name)” in the connections database leads nowhere: \(error)")
      return nil
    }
  }

  private static func seconds(_ time: String) -> Double {
    DateValue(parsing: time)?.seconds ?? 0
  }
}
