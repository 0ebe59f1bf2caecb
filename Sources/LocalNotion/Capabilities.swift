import GRDB
import Synchronization

/// What a connection may do; without one, its requests are answered with 403.
///
/// - Source: Notion API, “Connection capabilities”.
public enum Capability: String, Sendable, CaseIterable {
  /// Reading pages, blocks, data sources; queries and searches.
  case read
  /// Changing what is there.
  case update
  /// Adding pages, databases and blocks.
  case insert
  /// Reading comments.
  case readComments = "read-comments"
  /// Adding and changing comments.
  case insertComments = "insert-comments"
  /// Reading users.
  case users
}

/// The pages and databases that were taken from the bot again, with all that is below them.
final class Unshared: Sendable {
  private let state = Mutex<Set<String>>([])

  var identities: Set<String> { state.withLock { $0 } }

  func load(_ database: Database) throws {
    let names = try String.fetchAll(
      database, sql: "SELECT name FROM fact WHERE name LIKE 'unshared:%'")
    state.withLock { $0 = Set(names.map { String($0.dropFirst(9)) }) }
  }

  func set(_ id: String, isShared: Bool, _ database: Database) throws {
    if isShared {
      try database.execute(
        sql: "DELETE FROM fact WHERE name = ?", arguments: ["unshared:" + id])
    } else {
      try Storage.setFact("unshared:" + id, "", database)
    }
    try load(database)
  }
}
