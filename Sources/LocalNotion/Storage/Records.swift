import Foundation
import GRDB
import Transport

/// Anything that has an identity: a page, database, data source or block.
struct Record {
  enum Kind: String {
    case page
    case database
    case source
    case block
    case comment
    case upload
  }

  /// The order in which things were made; Notion's default order of rows.
  var sequence: Int64 = 0
  var id: String
  var kind: Kind
  /// What holds it: a data source for a row, a page or block for others; empty at the top.
  var parent: String
  /// Its place among what its parent holds.
  var position: Double
  var isInTrash = false
  var created: Double
  var edited: Double
  /// What is particular to its kind.
  var content: JSON

  init(kind: Kind, parent: String, now: Double, content: JSON, id: String = Identity.make()) {
    self.id = id
    self.kind = kind
    self.parent = parent
    position = 0
    created = now
    edited = now
    self.content = content
  }

  init(row: Row) throws {
    sequence = row["sequence"]
    id = row["id"]
    kind = Kind(rawValue: row["kind"]) ?? .block
    parent = row["parent"]
    position = row["position"]
    isInTrash = row["in_trash"]
    created = row["created"]
    edited = row["edited"]
    let text: String = row["content"]
    content = try JSON(parsing: text)
  }
}

/// The workspace file.
enum Storage {
  static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1: records") { database in
      try database.execute(
        sql: """
          CREATE TABLE record (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            kind TEXT NOT NULL,
            parent TEXT NOT NULL,
            position REAL NOT NULL,
            in_trash INTEGER NOT NULL,
            created REAL NOT NULL,
            edited REAL NOT NULL,
            content TEXT NOT NULL
          );
          CREATE INDEX record_rows ON record(parent, kind, in_trash, sequence);
          CREATE INDEX record_children ON record(parent, position);
          CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
          """)
    }
    return migrator
  }

  static func find(_ id: String, _ database: Database) throws -> Record? {
    try Row.fetchOne(database, sql: "SELECT * FROM record WHERE id = ?", arguments: [id])
      .map(Record.init(row:))
  }

  /// Adds a record after everything its parent holds.
  static func insert(_ record: Record, _ database: Database) throws -> Record {
    var record = record
    if record.position == 0 {
      let last = try Double.fetchOne(
        database, sql: "SELECT max(position) FROM record WHERE parent = ?",
        arguments: [record.parent])
      record.position = (last ?? 0) + 1
    }
    try database.execute(
      sql: """
        INSERT INTO record (id, kind, parent, position, in_trash, created, edited, content)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        record.id, record.kind.rawValue, record.parent, record.position, record.isInTrash,
        record.created, record.edited, record.content.text,
      ])
    record.sequence = database.lastInsertedRowID
    return record
  }

  static func update(_ record: Record, _ database: Database) throws {
    try database.execute(
      sql: """
        UPDATE record SET parent = ?, position = ?, in_trash = ?, edited = ?, content = ?
        WHERE id = ?
        """,
      arguments: [
        record.parent, record.position, record.isInTrash, record.edited, record.content.text,
        record.id,
      ])
  }

  /// What a page or block holds, in order, trash left out.
  static func children(of id: String, _ database: Database) throws -> [Record] {
    try Row.fetchAll(
      database,
      sql: """
        SELECT * FROM record WHERE parent = ? AND in_trash = 0 AND kind IN ('page', 'database', 'block')
        ORDER BY position, sequence
        """, arguments: [id]
    ).map(Record.init(row:))
  }

  static func hasChildren(_ id: String, _ database: Database) throws -> Bool {
    try Bool.fetchOne(
      database,
      sql: """
        SELECT EXISTS (SELECT 1 FROM record WHERE parent = ? AND in_trash = 0 AND kind IN ('page', 'database', 'block'))
        """, arguments: [id]) ?? false
  }

  static func sources(of databaseID: String, _ database: Database) throws -> [Record] {
    try Row.fetchAll(
      database,
      sql:
        "SELECT * FROM record WHERE parent = ? AND kind = 'source' AND in_trash = 0 ORDER BY sequence",
      arguments: [databaseID]
    ).map(Record.init(row:))
  }

  /// Whether a record or anything above it is in the trash.
  static func isTrashed(_ record: Record, _ database: Database) throws -> Bool {
    var current: Record? = record
    for _ in 0..<64 {
      guard let here = current else { return false }
      if here.isInTrash { return true }
      current = here.parent.isEmpty ? nil : try find(here.parent, database)
    }
    return false
  }

  static func fact(_ name: String, _ database: Database) throws -> String? {
    try String.fetchOne(database, sql: "SELECT value FROM fact WHERE name = ?", arguments: [name])
  }

  static func setFact(_ name: String, _ value: String, _ database: Database) throws {
    try database.execute(
      sql: "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      arguments: [name, value])
  }
}
