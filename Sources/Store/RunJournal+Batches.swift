public import Foundation
import GRDB

/// Where a batch stands, as far as this journal knows.
public enum BatchState: String, Sendable {
  /// Its rows are set aside for it; the service does not have it.
  case prepared
  /// The service was asked to make it; whether it did is not noted yet.
  case creating
  /// The service has it.
  case sent
  /// Its answers are in the journal, or it was given up: it holds no row any more.
  case closed
}

/// Rows of a run whose questions a service answers later.
public struct BatchRecord: Sendable {
  /// Its number.
  public internal(set) var id: Int64 = 0
  /// The run that its rows are of.
  public let runID: Int64
  /// What the service is told, so that it can be found there again; no other batch has it.
  public let label: String
  /// The engine.
  public let engine: String
  /// The model.
  public let model: String
  /// Where it stands here.
  public var state = BatchState.prepared
  /// The service's identity of the file of questions.
  public var file: String?
  /// The service's identity of the batch.
  public var remote: String?
  /// Where it stood at the service when it was last looked at; `nil` before.
  public var seen: String?
  /// How many questions it asks; rows with the same words share one.
  public let questions: Int
  /// How many were answered when it was last looked at.
  public var answered = 0
  /// How many had failed.
  public var failed = 0
  /// The most tokens of each answer; `nil` for the model's own limit.
  public let longestAnswer: Int?
  /// Dollars set aside for it; `nil` when the price is unknown, or when it is closed.
  public var reserved: Double?
  /// When its rows were set aside.
  public let createdAt: Date
  /// When the service had it.
  public var sentAt: Date?
  /// When the service gives up.
  public var endsBy: Date?

  /// Creates a batch that is not recorded yet.
  public init(
    runID: Int64, label: String, engine: String, model: String, questions: Int,
    longestAnswer: Int?, reserved: Double?, createdAt: Date
  ) {
    self.runID = runID
    self.label = label
    self.engine = engine
    self.model = model
    self.questions = questions
    self.longestAnswer = longestAnswer
    self.reserved = reserved
    self.createdAt = createdAt
  }
}

extension RunJournal {
  /// Sets rows aside for a batch, in one transaction, and gives the batch's number.
  ///
  /// - Parameter positions: The rows' places in the run; only those that are to be asked are taken.
  public func open(_ batch: BatchRecord, positions: [Int]) throws -> Int64 {
    try access.write { database in
      try database.execute(
        sql: """
          INSERT INTO batch (run_id, label, engine, model, state, questions, longest_answer,
            reserved, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          batch.runID, batch.label, batch.engine, batch.model, batch.state.rawValue,
          batch.questions, batch.longestAnswer, batch.reserved,
          batch.createdAt.timeIntervalSince1970,
        ])
      let id = database.lastInsertedRowID
      let statement = try database.makeStatement(
        sql: """
          UPDATE item SET state = 'sent', batch_id = ?, error_code = NULL, error_message = NULL
          WHERE run_id = ? AND position = ? AND answer IS NULL AND state IN ('planned', 'failed')
          """)
      for position in positions {
        try statement.execute(arguments: [id, batch.runID, position])
      }
      try database.execute(
        sql: "UPDATE run SET state = 'waiting' WHERE id = ?", arguments: [batch.runID])
      return id
    }
  }

  /// Records where a batch stands now.
  public func update(_ batch: BatchRecord) throws {
    try access.write { database in
      try database.execute(
        sql: """
          UPDATE batch SET state = ?, file = ?, remote = ?, seen = ?, answered = ?, failed = ?,
            reserved = ?, sent_at = ?, ends_by = ? WHERE id = ?
          """,
        arguments: [
          batch.state.rawValue, batch.file, batch.remote, batch.seen, batch.answered,
          batch.failed, batch.reserved, batch.sentAt?.timeIntervalSince1970,
          batch.endsBy?.timeIntervalSince1970, batch.id,
        ])
    }
  }

  /// Takes in what became of rows of a batch, in one transaction; rows that it no longer holds are
  /// left as they are, so that nothing is taken in twice.
  ///
  /// - Parameter answers: Answers to be kept for the same question, in the same transaction.
  public func settle(
    _ items: [ItemRecord], ofBatch id: Int64, keeping answers: [AnswerCache.Kept] = []
  ) throws {
    try access.write { database in
      for answer in answers { try AnswerCache.keep(answer, database) }
      for item in items {
        let isHeld = try Bool.fetchOne(
          database,
          sql: """
            SELECT EXISTS (SELECT 1 FROM item
              WHERE run_id = ? AND position = ? AND batch_id = ? AND state = 'sent')
            """, arguments: [item.runID, item.position, id])
        if isHeld == true { try RunJournal.update(item, database) }
      }
    }
  }

  /// Closes a batch; the rows it still holds are to be asked again, with their problem if there is one.
  public func close(_ batch: BatchRecord, problem: (code: String, message: String)?) throws {
    try access.write { database in
      try database.execute(
        sql: """
          UPDATE item SET state = ?, error_code = ?, error_message = ?
          WHERE batch_id = ? AND state = 'sent'
          """,
        arguments: [
          problem == nil ? "planned" : "failed", problem?.code, problem?.message, batch.id,
        ])
      try database.execute(
        sql: "UPDATE batch SET state = 'closed', reserved = NULL WHERE id = ?",
        arguments: [batch.id])
      try database.execute(
        sql: """
          UPDATE run SET state = 'stopped' WHERE id = ? AND state = 'waiting'
            AND NOT EXISTS (SELECT 1 FROM item WHERE run_id = run.id AND state = 'sent')
          """, arguments: [batch.runID])
    }
  }

  /// A batch by its number; `nil` when there is none.
  public func batch(_ id: Int64) throws -> BatchRecord? {
    try batches("WHERE id = ?", [id]).first
  }

  /// The batches, the newest first.
  public func batches(limit: Int) throws -> [BatchRecord] {
    try batches("ORDER BY id DESC LIMIT ?", [limit])
  }

  /// The batches that hold rows, the oldest first.
  ///
  /// - Parameter run: Of this run only; `nil` for any.
  public func openBatches(ofRun run: Int64? = nil) throws -> [BatchRecord] {
    try batches("WHERE state != 'closed' AND (?1 IS NULL OR run_id = ?1) ORDER BY id", [run])
  }

  /// Dollars set aside for the open batches of a run.
  public func reservedInBatches(ofRun id: Int64) throws -> Double {
    try openBatches(ofRun: id).reduce(0) { $0 + ($1.reserved ?? 0) }
  }

  /// The rows that a batch holds, in order.
  public func items(ofBatch id: Int64) throws -> [ItemRecord] {
    try items("WHERE batch_id = ? AND state = 'sent' ORDER BY position", [id])
  }

  private func batches(_ tail: String, _ arguments: StatementArguments) throws -> [BatchRecord] {
    try access.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM batch \(tail)", arguments: arguments).map {
        row in
        func date(_ name: String) -> Date? {
          (row[name] as Double?).map { Date(timeIntervalSince1970: $0) }
        }
        var batch = BatchRecord(
          runID: row["run_id"], label: row["label"], engine: row["engine"], model: row["model"],
          questions: row["questions"], longestAnswer: row["longest_answer"],
          reserved: row["reserved"], createdAt: date("created_at") ?? Date(timeIntervalSince1970: 0)
        )
        batch.id = row["id"]
        batch.state = BatchState(rawValue: row["state"]) ?? .closed
        batch.file = row["file"]
        batch.remote = row["remote"]
        batch.seen = row["seen"]
        batch.answered = row["answered"]
        batch.failed = row["failed"]
        batch.sentAt = date("sent_at")
        batch.endsBy = date("ends_by")
        return batch
      }
    }
  }
}
