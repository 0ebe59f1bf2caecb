import GRDB
import Synchronization
import Transport

/// Anything that has an identity: a page, database, data source, block and what hangs on them.
struct Record {
  enum Kind: String {
    case page
    case database
    case source
    case block
    case comment
    case upload
    case view
    case task
  }

  /// The order in which things were made; Notion's default order of rows.
  var sequence: Int64 = 0
  var id: String
  var kind: Kind
  /// What holds it: a data source for a row, a page or block for others; empty at the top.
  var parent: String
  /// Its place among what its parent holds; not a number until it is inserted.
  var position: Double
  var isInTrash = false
  var created: Double
  var edited: Double
  /// What is particular to its kind.
  var content: JSON { didSet { knownSchemas = nil } }
  private var knownSchemas: PropertySchemas?

  init(kind: Kind, parent: String, now: Double, content: JSON, id: String = Identity.make8()) {
    self.id = id
    self.kind = kind
    self.parent = parent
    position = .nan
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
    guard kind == .source else {
      content = try JSON(parsing: text)
      return
    }
    // A request looks at its data source several times, and the next one at the same again.
    if let known = SourceCache.shared.find(text) {
      content = known.content
      knownSchemas = known.schemas
    } else {
      content = try JSON(parsing: text)
      let schemas = PropertySchemas(stored: content["properties"])
      knownSchemas = schemas
      SourceCache.shared.keep(text, content, schemas)
    }
  }

  /// The schema of a data source.
  var schemas: PropertySchemas { knownSchemas ?? PropertySchemas(stored: content["properties"]) }

  /// The title as rich text, of what has one.
  var title: JSON? {
    switch kind {
    case .page: content["values"]?["title"]
    case .database, .source: content["title"]
    default: nil
    }
  }

  /// The title as searching reads it; `nil` for what is not found by its title.
  fileprivate var searchableTitle: String? {
    kind == .page || kind == .source ? Folding.lower(RichTextValue.text(title)) : nil
  }
}

/// The contents of data sources that were read lately, by how they are written.
private final class SourceCache: Sendable {
  static let shared = SourceCache()
  private static let limit = 64

  private let state = Mutex<[String: (content: JSON, schemas: PropertySchemas)]>([:])

  func find(_ text: String) -> (content: JSON, schemas: PropertySchemas)? {
    state.withLock { $0[text] }
  }

  func keep(_ text: String, _ content: JSON, _ schemas: PropertySchemas) {
    state.withLock { known in
      if known.count >= SourceCache.limit { known.removeAll() }
      known[text] = (content, schemas)
    }
  }
}

/// The workspace file: one table of records, whose content is JSON, and what is derived from them
/// and kept in step by every write: titles to search by and cells to filter and sort by.
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
    migrator.registerMigration("2: cells") { database in
      try database.execute(
        sql: """
          ALTER TABLE record ADD COLUMN title TEXT;
          CREATE INDEX record_edited ON record(parent, kind, in_trash, edited, sequence);
          CREATE INDEX record_titles ON record(in_trash, edited, sequence, kind, title)
            WHERE title IS NOT NULL;
          CREATE TABLE cell (
            property INTEGER NOT NULL,
            page INTEGER NOT NULL,
            place INTEGER NOT NULL,
            num REAL,
            key TEXT,
            text TEXT,
            PRIMARY KEY (property, page, place)
          ) WITHOUT ROWID;
          CREATE INDEX cell_num ON cell(property, num, page DESC) WHERE num IS NOT NULL;
          CREATE INDEX cell_key ON cell(property, key, page DESC) WHERE key IS NOT NULL;
          """)
      try derive(database)
    }
    return migrator
  }

  /// Fills what is derived from the records of a file that had none of it.
  private static func derive(_ database: Database) throws {
    let titled = try Row.fetchCursor(
      database, sql: "SELECT * FROM record WHERE kind IN ('page', 'source')")
    while let row = try titled.next() {
      let record = try Record(row: row)
      try database.execute(
        sql: "UPDATE record SET title = ? WHERE sequence = ?",
        arguments: [record.searchableTitle, record.sequence])
    }
    let sources = try Row.fetchAll(database, sql: "SELECT * FROM record WHERE kind = 'source'")
    for source in try sources.map(Record.init(row:)) {
      try Cells.rebuild(source.schemas.properties, of: source, database)
    }
  }

  // MARK: - Reading

  static func find(_ id: String, _ database: Database) throws -> Record? {
    let statement = try database.cachedStatement(sql: "SELECT * FROM record WHERE id = ?")
    return try Row.fetchOne(statement, arguments: [id]).map(Record.init(row:))
  }

  static func find(sequence: Int64, _ database: Database) throws -> Record? {
    let statement = try database.cachedStatement(sql: "SELECT * FROM record WHERE sequence = ?")
    return try Row.fetchOne(statement, arguments: [sequence]).map(Record.init(row:))
  }

  /// The records with these sequences that are there.
  static func find(sequences: [Int64], _ database: Database) throws -> [Int64: Record] {
    let list = sequences.map(String.init).joined(separator: ",")
    let rows = try Row.fetchCursor(
      database, sql: "SELECT * FROM record WHERE sequence IN (\(list))")
    var result: [Int64: Record] = [:]
    while let row = try rows.next() {
      let record = try Record(row: row)
      result[record.sequence] = record
    }
    return result
  }

  /// Whether a page is there and not in the trash, without reading it.
  static func isLive(_ id: String, _ database: Database) throws -> Bool {
    let statement = try database.cachedStatement(
      sql: "SELECT in_trash = 0 FROM record WHERE id = ?")
    return try Bool.fetchOne(statement, arguments: [id]) ?? false
  }

  /// What a page or block holds, in order, trash left out.
  static func children(of id: String, _ database: Database) throws -> [Record] {
    let statement = try database.cachedStatement(
      sql: """
        SELECT * FROM record WHERE parent = ? AND in_trash = 0 AND kind IN ('page', 'database', 'block')
        ORDER BY position, sequence
        """)
    return try Row.fetchAll(statement, arguments: [id]).map(Record.init(row:))
  }

  static func hasChildren(_ id: String, _ database: Database) throws -> Bool {
    let statement = try database.cachedStatement(
      sql: """
        SELECT EXISTS (SELECT 1 FROM record WHERE parent = ? AND in_trash = 0 AND kind IN ('page', 'database', 'block'))
        """)
    return try Bool.fetchOne(statement, arguments: [id]) ?? false
  }

  /// The data sources of a database, in their order.
  static func sources(of databaseID: String, _ database: Database) throws -> [Record] {
    let statement = try database.cachedStatement(
      sql: """
        SELECT * FROM record WHERE parent = ? AND kind = 'source' AND in_trash = 0
        ORDER BY position, sequence
        """)
    return try Row.fetchAll(statement, arguments: [databaseID]).map(Record.init(row:))
  }

  /// Whether a record or anything above it is in the trash.
  static func isTrashed(_ record: Record, _ database: Database) throws -> Bool {
    if record.isInTrash { return true }
    let statement = try database.cachedStatement(
      sql: "SELECT parent, in_trash FROM record WHERE id = ?")
    var parent = record.parent
    for _ in 0..<Storage.depth where !parent.isEmpty {
      guard let row = try Row.fetchOne(statement, arguments: [parent]) else { return false }
      if row["in_trash"] { return true }
      parent = row["parent"]
    }
    return false
  }

  /// The identities of what a record is in, the nearest first.
  static func ancestors(of record: Record, _ database: Database) throws -> [String] {
    let statement = try database.cachedStatement(sql: "SELECT parent FROM record WHERE id = ?")
    var result: [String] = []
    var parent = record.parent
    for _ in 0..<Storage.depth where !parent.isEmpty {
      result.append(parent)
      parent = try String.fetchOne(statement, arguments: [parent]) ?? ""
    }
    return result
  }

  /// How far up is looked at most; a workspace cannot be nested deeper than requests make it.
  private static let depth = 512

  // MARK: - Writing

  /// Adds a record after everything its parent holds, unless it has a position.
  static func insert(_ record: Record, _ call: Call) throws -> Record {
    let made = try insert(record, call.database)
    if made.kind == .page { try Cells.add(made, call) }
    if made.kind == .source {
      try Cells.rebuild(made.schemas.properties, of: made, call.database)
    }
    return made
  }

  /// Adds a record that no data source holds.
  static func insert(_ record: Record, _ database: Database) throws -> Record {
    var record = record
    if record.position.isNaN {
      let last = try Double.fetchOne(
        database.cachedStatement(sql: "SELECT max(position) FROM record WHERE parent = ?"),
        arguments: [record.parent])
      record.position = (last ?? 0) + 1
    }
    let statement = try database.cachedStatement(
      sql: """
        INSERT INTO record (id, kind, parent, position, in_trash, created, edited, content, title)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try statement.execute(arguments: [
      record.id, record.kind.rawValue, record.parent, record.position, record.isInTrash,
      record.created, record.edited, record.content.text, record.searchableTitle,
    ])
    record.sequence = database.lastInsertedRowID
    return record
  }

  static func update(_ record: Record, _ call: Call) throws {
    switch record.kind {
    case .page: try Cells.follow(record, call)
    case .source: try Cells.followSchema(of: record, call)
    default: break
    }
    let statement = try call.database.cachedStatement(
      sql: """
        UPDATE record SET parent = ?, position = ?, in_trash = ?, edited = ?, content = ?, title = ?
        WHERE id = ?
        """)
    try statement.execute(arguments: [
      record.parent, record.position, record.isInTrash, record.edited, record.content.text,
      record.searchableTitle, record.id,
    ])
  }

  /// Puts everything right inside a page or block into the trash.
  static func trashChildren(of id: String, _ call: Call) throws {
    for var record in try children(of: id, call.database) {
      record.isInTrash = true
      try update(record, call)
    }
  }

  // MARK: - Facts

  static func fact(_ name: String, _ database: Database) throws -> String? {
    try String.fetchOne(database, sql: "SELECT value FROM fact WHERE name = ?", arguments: [name])
  }

  static func setFact(_ name: String, _ value: String, _ database: Database) throws {
    try database.execute(
      sql: "INSERT INTO fact VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
      arguments: [name, value])
  }
}
