import Foundation
import GRDB

/// A saved name for one database or page, with what belongs to it.
public struct SavedConnection: Sendable, Equatable {
  /// What it leads to.
  public enum Kind: String, Sendable {
    case database
    case page
  }

  /// Its identity; 0 before it was saved.
  public var id: Int64 = 0
  /// The name a person gave it.
  public var name: String
  /// What it leads to.
  public var kind: Kind
  /// `local` or `notion`.
  public var workspace: String
  /// The database, for one of kind `database`.
  public var databaseID: String?
  /// The data source whose rows it shows.
  public var dataSourceID: String?
  /// The page, for one of kind `page`.
  public var pageID: String?
  /// The address a person would open.
  public var url: String?
  /// The prompt of its `generate`.
  public var promptText: String?
  /// The properties that `generate` fills; empty for the row's body.
  public var targets: [String] = []
  /// The checkbox that chooses rows.
  public var tickProperty: String?
  /// The engine; `nil` for the session's.
  public var engine: String?
  /// The model; `nil` for the engine's own.
  public var model: String?
  /// What was typed to choose rows.
  public var selection: String?
  /// Its row in the connections database.
  public var mirrorPageID: String?
  /// When it was changed last, in seconds since 1970.
  public var editedAt: Double = 0
  /// When it was disconnected; `nil` while it is in use.
  public var deletedAt: Double?

  /// Creates a connection that is not saved yet.
  public init(name: String, kind: Kind, workspace: String) {
    self.name = name
    self.kind = kind
    self.workspace = workspace
  }
}

/// The saved connections.
public struct ConnectionTable: Sendable {
  let access: DatabaseAccess

  /// The connections in use, the one used last first.
  public func all() throws -> [SavedConnection] {
    try fetch("WHERE deleted_at IS NULL ORDER BY used_at DESC NULLS LAST, id DESC")
  }

  /// The connections that were disconnected, the last one first.
  public func deleted() throws -> [SavedConnection] {
    try fetch("WHERE deleted_at IS NOT NULL ORDER BY deleted_at DESC")
  }

  /// The connection of that name, whatever its case.
  public func find(named name: String) throws -> SavedConnection? {
    try fetch("WHERE deleted_at IS NULL AND name = ? COLLATE NOCASE", [name]).first
  }

  /// The connection of an identity, disconnected or not.
  public func find(_ id: Int64) throws -> SavedConnection? {
    try fetch("WHERE id = ?", [id]).first
  }

  /// Saves a connection, and says with which identity.
  ///
  /// - Parameter editedAt: When it was changed; `nil` for now.
  @discardableResult
  public func save(_ connection: SavedConnection, editedAt: Double? = nil) throws -> SavedConnection
  {
    var saved = connection
    saved.editedAt = editedAt ?? Date().timeIntervalSince1970
    let targets = try String(decoding: JSONEncoder().encode(saved.targets), as: UTF8.self)
    saved.id = try access.write { database in
      let values: StatementArguments = [
        saved.name, saved.kind.rawValue, saved.workspace, saved.databaseID, saved.dataSourceID,
        saved.pageID, saved.url, saved.promptText, targets, saved.tickProperty, saved.engine,
        saved.model, saved.selection, saved.mirrorPageID, saved.editedAt, saved.deletedAt,
      ]
      if saved.id == 0 {
        try database.execute(
          sql: """
            INSERT INTO connection (name, kind, workspace, database_id, data_source_id, page_id,
              url, prompt, targets, tick_property, engine, model, selection, mirror_page_id,
              edited_at, deleted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, arguments: values)
        return database.lastInsertedRowID
      }
      try database.execute(
        sql: """
          UPDATE connection SET name = ?, kind = ?, workspace = ?, database_id = ?,
            data_source_id = ?, page_id = ?, url = ?, prompt = ?, targets = ?, tick_property = ?,
            engine = ?, model = ?, selection = ?, mirror_page_id = ?, edited_at = ?, deleted_at = ?
          WHERE id = ?
          """, arguments: values + [saved.id])
      return saved.id
    }
    return saved
  }

  /// Remembers that a connection was opened.
  public func markUsed(_ id: Int64) throws {
    try access.write {
      try $0.execute(
        sql: "UPDATE connection SET used_at = ? WHERE id = ?",
        arguments: [Date().timeIntervalSince1970, id])
    }
  }

  /// Disconnects; the entry stays, so that it can be restored.
  public func delete(_ id: Int64) throws {
    let now = Date().timeIntervalSince1970
    try access.write {
      try $0.execute(
        sql: "UPDATE connection SET deleted_at = ?, edited_at = ? WHERE id = ?",
        arguments: [now, now, id])
    }
  }

  /// Brings the last disconnected one of a name back; `nil` when there is none.
  ///
  /// - Throws: ``StoreError`` when another one has taken the name.
  public func restore(named name: String) throws -> SavedConnection? {
    guard
      var connection = try fetch(
        "WHERE deleted_at IS NOT NULL AND name = ? COLLATE NOCASE ORDER BY deleted_at DESC", [name]
      ).first
    else { return nil }
    guard try find(named: name) == nil else {
      throw StoreError("Another connection is called “\(name)” now; disconnect that one first.")
    }
    connection.deletedAt = nil
    // Its row in the connections database went to the trash with it; the mirror makes a new one.
    connection.mirrorPageID = nil
    return try save(connection)
  }

  private func fetch(_ tail: String, _ arguments: StatementArguments = []) throws
    -> [SavedConnection]
  {
    try access.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM connection \(tail)", arguments: arguments)
        .map { row in
          var connection = SavedConnection(
            name: row["name"], kind: SavedConnection.Kind(rawValue: row["kind"]) ?? .database,
            workspace: row["workspace"])
          connection.id = row["id"]
          connection.databaseID = row["database_id"]
          connection.dataSourceID = row["data_source_id"]
          connection.pageID = row["page_id"]
          connection.url = row["url"]
          connection.promptText = row["prompt"]
          let targets: String = row["targets"]
          connection.targets =
            (try? JSONDecoder().decode([String].self, from: Data(targets.utf8))) ?? []
          connection.tickProperty = row["tick_property"]
          connection.engine = row["engine"]
          connection.model = row["model"]
          connection.selection = row["selection"]
          connection.mirrorPageID = row["mirror_page_id"]
          connection.editedAt = row["edited_at"]
          connection.deletedAt = row["deleted_at"]
          return connection
        }
    }
  }
}

/// The schemas last read, so that checks and completion never wait for the network.
public struct SchemaCache: Sendable {
  let access: DatabaseAccess

  /// Keeps a data source's JSON.
  public func keep(_ text: String, for id: String) throws {
    try access.write {
      try $0.execute(
        sql: """
          INSERT INTO schema_cache VALUES (?, ?, ?)
          ON CONFLICT (data_source_id) DO UPDATE SET json = excluded.json, read_at = excluded.read_at
          """,
        arguments: [id, text, Date().timeIntervalSince1970])
    }
  }

  /// The JSON last kept for a data source; `nil` when there is none.
  public func text(for id: String) throws -> String? {
    try access.read {
      try String.fetchOne(
        $0, sql: "SELECT json FROM schema_cache WHERE data_source_id = ?", arguments: [id])
    }
  }
}
