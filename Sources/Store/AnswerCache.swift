import Foundation
import GRDB

/// Answers that were paid for, by what was asked: the same question is not paid for twice.
public struct AnswerCache: Sendable {
  /// A kept answer; documents are the engines' own.
  public struct Entry: Sendable {
    /// The answer's text.
    public let answer: String
    /// The answer's checked value; `nil` for plain text.
    public let value: String?
    /// The model that answered.
    public let model: String

    /// Creates an entry.
    public init(answer: String, value: String?, model: String) {
      self.answer = answer
      self.value = value
      self.model = model
    }
  }

  /// An answer with everything it depends on, as one text.
  public struct Kept: Sendable {
    let entry: Entry
    let request: String

    /// Creates one.
    public init(_ entry: Entry, for request: String) {
      self.entry = entry
      self.request = request
    }
  }

  let access: DatabaseAccess

  /// The answer to a question, asked in exactly these words before; `nil` when there is none.
  ///
  /// - Parameter request: Everything the answer depends on, as one text.
  public func find(_ request: String) throws -> Entry? {
    try access.read { database in
      try Row.fetchOne(
        database, sql: "SELECT * FROM answer WHERE hash = ? AND request = ?",
        arguments: [AnswerCache.hash(request), request]
      ).map { Entry(answer: $0["answer"], value: $0["value"], model: $0["model"]) }
    }
  }

  /// Keeps an answer; a newer one takes an older one's place.
  public func keep(_ kept: Kept) throws {
    try access.write { try AnswerCache.keep(kept, $0) }
  }

  static func keep(_ kept: Kept, _ database: Database) throws {
    let entry = kept.entry
    try database.execute(
      sql: """
        INSERT INTO answer (hash, request, answer, value, model, kept_at)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (hash, request) DO UPDATE SET answer = excluded.answer,
          value = excluded.value, model = excluded.model, kept_at = excluded.kept_at
        """,
      arguments: [
        AnswerCache.hash(kept.request), kept.request, entry.answer, entry.value, entry.model,
        Date().timeIntervalSince1970,
      ])
  }

  /// The FNV-1a hash, for the index alone: the whole request is compared as well.
  private static func hash(_ text: String) -> Int64 {
    Int64(
      bitPattern: text.utf8.reduce(0xcbf2_9ce4_8422_2325) {
        ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      })
  }
}
