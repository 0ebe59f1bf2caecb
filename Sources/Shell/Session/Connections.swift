import Notion
import Script
import Store
import Transport

/// A connection that is open: where it leads, and what its rows look like.
struct OpenConnection {
  var saved: SavedConnection
  let workspace: Workspace
  /// The rows' schema; `nil` for a page.
  var source: DataSource?
  /// The same for the language; `nil` for a page.
  var shape: Shape?

  var name: String { saved.name }
}

/// The saved connections, and the open one.
final class Connections {
  let store: LocalStore
  let workspaces: Workspaces
  private let settings: Settings

  /// The connection that statements speak of.
  private(set) var open: OpenConnection?

  /// Called whenever the open connection or its schema changes.
  var onChange: ((OpenConnection?) -> Void)?

  init(store: LocalStore, workspaces: Workspaces, settings: Settings) {
    self.store = store
    self.workspaces = workspaces
    self.settings = settings
  }

  /// The open connection.
  ///
  /// - Throws: A refusal that says how to open one.
  func requireOpen() throws -> OpenConnection {
    if let open { return open }
    let names = try store.connections.all().map(\.name)
    throw ScriptError.refusal(
      "V401", "No connection is open.",
      names.isEmpty
        ? "make one: connect \"Blog\" to template" : "open one: use \"\(names[0])\"",
      names.isEmpty
        ? "or for your own: connect \"NAME\" to \"URL of the database\""
        : "connections: \(names.joined(separator: ", "))")
  }

  /// The open connection when it leads to a database.
  func requireDatabase() throws -> (connection: OpenConnection, source: DataSource, shape: Shape) {
    let connection = try requireOpen()
    guard let source = connection.source, let shape = connection.shape else {
      throw ScriptError.refusal(
        "V402", "“\(connection.name)” is a page; it has no rows.",
        "open a database: use \"NAME\"", "or write into the page: generate")
    }
    return (connection, source, shape)
  }

  /// A row of the open database as it is now; the table last shown may be older.
  func reread(_ row: Row) async throws -> Row {
    guard let open else { return row }
    return try await Sharing.explained(open.workspace, "that row") { try await read(row, open).row }
  }

  /// The same; `nil` when it was deleted or is hidden from the integration.
  func rereadIfThere(_ row: Row) async throws -> Row? {
    guard let open else { return row }
    do {
      let (row, isInTrash) = try await read(row, open)
      return isInTrash ? nil : row
    } catch let error as NotionError where error.code == .objectNotFound {
      return nil
    }
  }

  private func read(
    _ row: Row, _ open: OpenConnection
  ) async throws -> (row: Row, isInTrash: Bool) {
    guard let shape = open.shape, let id = NotionID(parsing: row.id) else { return (row, false) }
    let page = try await open.workspace.client.page(id)
    return (RowMapping.row(page, shape: shape, number: row.number), page.isInTrash)
  }

  /// The saved connection of that name.
  func find(_ name: String) throws -> SavedConnection {
    if let saved = try store.connections.find(named: name) { return saved }
    let all = try store.connections.all().map(\.name)
    var notes: [String] = []
    if let near = NearestWord.nearest(to: name, among: all) {
      notes.append("did you mean: use \"\(near)\"")
    }
    notes.append(
      all.isEmpty
        ? "there is none yet; make one: connect \"\(name)\" to template"
        : "connections: \(all.joined(separator: ", "))")
    throw ScriptError(
      code: "V403", message: "There is no connection called “\(name)”.", notes: notes,
      kind: .problem)
  }

  /// Opens a saved connection and reads its schema.
  @discardableResult
  func use(_ saved: SavedConnection) async throws -> OpenConnection {
    let connection = try await peek(saved)
    open = connection
    try store.connections.markUsed(saved.id)
    onChange?(connection)
    return connection
  }

  /// Reads where a saved connection leads, and leaves the open one open.
  func peek(_ saved: SavedConnection) async throws -> OpenConnection {
    let name = WorkspaceName(rawValue: saved.workspace) ?? .local
    let workspace = try workspaces.open(name)
    var connection = OpenConnection(saved: saved, workspace: workspace, source: nil, shape: nil)
    switch saved.kind {
    case .database:
      guard let id = saved.dataSourceID.flatMap(NotionID.init(parsing:)) else {
        throw ScriptError.refusal(
          "V404", "“\(saved.name)” does not say which database it is.",
          "make it again: connect \"\(saved.name)\" to \"URL\"")
      }
      let source = try await Sharing.explained(workspace, "the database of “\(saved.name)”") {
        try await workspace.client.dataSource(id)
      }
      connection.source = source
      connection.shape = RowMapping.shape(of: source, called: saved.name)
      try store.schemas.keep(source.json.text, for: source.id.description)
    case .page:
      guard let id = saved.pageID.flatMap(NotionID.init(parsing:)) else {
        throw ScriptError.refusal(
          "V404", "“\(saved.name)” does not say which page it is.",
          "make it again: connect \"\(saved.name)\" to page \"URL\"")
      }
      _ = try await Sharing.explained(workspace, "the page of “\(saved.name)”") {
        try await workspace.client.page(id)
      }
    }
    return connection
  }

  /// Whether a connection's properties are others than when they were last read; they are read anew.
  ///
  /// - Returns: `false` as well when Notion does not answer soon.
  func hasChanged(_ name: String) async -> Bool {
    guard let saved = try? store.connections.find(named: name), saved.kind == .database else {
      return false
    }
    let before = Connections.cachedShape(of: saved, in: store)?.names
    let reading = Task { [self] in
      if open?.saved.id == saved.id { try await refresh() } else { _ = try await peek(saved) }
    }
    let patience = Task {
      try await Task.sleep(for: Connections.patience)
      reading.cancel()
    }
    try? await reading.value
    patience.cancel()
    return Connections.cachedShape(of: saved, in: store)?.names != before
  }

  /// So long a mistaken name waits for what Notion says of it.
  private static let patience = Duration.seconds(3)

  /// Reads the open database's schema again.
  func refresh() async throws {
    guard let open else { return }
    try await use(open.saved)
  }

  /// Changes what is saved of the open connection.
  func update(_ change: (inout SavedConnection) -> Void) throws {
    guard var connection = open else { return }
    // Another session, or the mirror in Notion, may have changed it since it was opened.
    connection.saved = try store.connections.find(connection.saved.id) ?? connection.saved
    change(&connection.saved)
    try store.connections.save(connection.saved)
    open = connection
    onChange?(connection)
  }

  /// Closes the open connection.
  func close() {
    open = nil
    onChange?(nil)
  }

  /// The shape of a saved connection's rows as last read; no request is sent.
  nonisolated static func cachedShape(of saved: SavedConnection, in store: LocalStore) -> Shape? {
    guard saved.kind == .database, let id = saved.dataSourceID,
      let text = try? store.schemas.text(for: id), let json = try? JSON(parsing: text),
      let source = try? DataSource(json: json)
    else { return nil }
    return RowMapping.shape(of: source, called: saved.name)
  }
}
