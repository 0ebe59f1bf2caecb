import Foundation
import GRDB

/// A question, or a wish in plain words, and what was answered.
public struct Turn: Sendable {
  /// Whether it was a wish, answered by statements.
  public let isWish: Bool
  /// What was asked.
  public let question: String
  /// What was answered.
  public let answer: String
  /// The engine, with its model.
  public let engine: String

  /// Creates a turn.
  public init(isWish: Bool, question: String, answer: String, engine: String) {
    self.isWish = isWish
    self.question = question
    self.answer = answer
    self.engine = engine
  }
}

/// A conversation as a list shows it.
public struct ConversationSummary: Sendable {
  /// Its number.
  public let id: Int64
  /// When it began, ISO 8601 in UTC.
  public let beganAt: String
  /// The connection it is about; empty for none.
  public let connection: String
  /// How many questions it has.
  public let turns: Int
  /// What was asked first.
  public let first: String
}

/// What was asked and answered, conversation by conversation.
public struct ConversationTable: Sendable {
  let access: DatabaseAccess

  /// Adds a turn to a conversation, or to a new one, and gives the conversation's number.
  public func add(_ turn: Turn, to conversation: Int64?, connection: String) throws -> Int64 {
    let now = Date().formatted(.iso8601)
    return try access.write { database in
      let id: Int64
      if let conversation {
        id = conversation
      } else {
        try database.execute(
          sql: "INSERT INTO conversation (began_at, connection) VALUES (?, ?)",
          arguments: [now, connection])
        id = database.lastInsertedRowID
      }
      try database.execute(
        sql: """
          INSERT INTO turn VALUES (?1,
            (SELECT coalesce(max(position), -1) + 1 FROM turn WHERE conversation_id = ?1),
            ?2, ?3, ?4, ?5, ?6)
          """,
        arguments: [id, now, turn.isWish, turn.question, turn.answer, turn.engine])
      return id
    }
  }

  /// The turns of a conversation, in order; empty when there is none of that number.
  public func turns(of conversation: Int64) throws -> [Turn] {
    try access.read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM turn WHERE conversation_id = ? ORDER BY position",
        arguments: [conversation]
      ).map {
        Turn(
          isWish: $0["is_wish"], question: $0["question"], answer: $0["answer"],
          engine: $0["engine"])
      }
    }
  }

  /// The conversations, the newest first.
  public func all(limit: Int = 100) throws -> [ConversationSummary] {
    try access.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT conversation.*, count(*) AS turns,
            (SELECT question FROM turn WHERE conversation_id = conversation.id
              ORDER BY position LIMIT 1) AS first
          FROM conversation JOIN turn ON turn.conversation_id = conversation.id
          GROUP BY conversation.id ORDER BY conversation.id DESC LIMIT ?
          """, arguments: [limit]
      ).map {
        ConversationSummary(
          id: $0["id"], beganAt: $0["began_at"], connection: $0["connection"], turns: $0["turns"],
          first: $0["first"])
      }
    }
  }
}
