import Foundation
import GRDB

/// The journal of runs: written before each effect, read by `resume` and `undo`.
///
/// A run may have a hundred thousand rows: they are read a few at a time, and counted in the database.
public struct RunJournal: Sendable {
  let access: DatabaseAccess
  let claims: RunClaims
  private let commits: GroupCommit

  init(access: DatabaseAccess, claims: RunClaims) {
    self.access = access
    self.claims = claims
    commits = GroupCommit(access: access)
  }

  // MARK: - Beginning

  /// Records a run and all its rows in one transaction, and gives the run's number.
  public func begin(_ run: RunRecord, items: [ItemRecord]) throws -> Int64 {
    try access.write { database in
      let id = try insert(run, database)
      for (position, item) in items.enumerated() {
        try insert(item, run: id, position: position, database)
      }
      return id
    }
  }

  /// Begins to gather the rows of a run; until ``publish(_:begunAt:where:)`` nothing sees it.
  public func draft(_ run: RunRecord) throws -> Int64 {
    var run = run
    run.state = .draft
    return try access.write { try insert(run, $0) }
  }

  /// Adds rows to a draft, in their order.
  ///
  /// - Parameter position: The place of the first.
  public func append(_ items: [ItemRecord], toDraft id: Int64, from position: Int) throws {
    try access.write { database in
      for (offset, item) in items.enumerated() {
        try insert(item, run: id, position: position + offset, database)
      }
    }
  }

  /// Forgets a draft; its number is free again.
  public func discard(_ id: Int64) throws {
    try access.write { try discard([id], $0) }
  }

  /// Forgets the drafts of processes that are gone.
  public func discardDeadDrafts() throws {
    let ids = try access.read {
      try Int64.fetchAll($0, sql: "SELECT id FROM run WHERE state = 'draft'")
    }.filter { !claims.isHeld($0) }
    guard !ids.isEmpty else { return }
    try access.write { try discard(ids, $0) }
  }

  private func discard(_ ids: [Int64], _ database: Database) throws {
    for id in ids {
      try database.execute(
        sql: "DELETE FROM run WHERE id = ? AND state = 'draft'", arguments: [id])
    }
    try database.execute(
      sql: """
        UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(id), 0) FROM run) WHERE name = 'run'
        """)
  }

  /// Takes the rows out of a draft that other runs fill, or have filled since it was begun.
  ///
  /// - Parameters:
  ///   - start: When the draft was begun, in seconds since 1970.
  ///   - overlaps: Whether another run fills any of the same cells.
  /// - Returns: What was taken out, by run.
  public func yieldRows(
    ofDraft id: Int64, begunAt start: Double, where overlaps: (RunRecord) -> Bool
  ) throws -> [YieldedRows] {
    try access.write { try yieldRows(ofDraft: id, begunAt: start, where: overlaps, $0) }
  }

  /// Makes a draft a run that `resume` takes up, without the rows that others took meanwhile.
  ///
  /// Both are one transaction: of two processes that begin at once the second sees the first at work.
  /// A draft that has no rows left is forgotten.
  /// - Parameters: As ``yieldRows(ofDraft:begunAt:where:)``.
  public func publish(
    _ id: Int64, begunAt start: Double, where overlaps: (RunRecord) -> Bool
  ) throws -> [YieldedRows] {
    try access.write { database in
      let yielded = try yieldRows(ofDraft: id, begunAt: start, where: overlaps, database)
      let hasRows = try Bool.fetchOne(
        database, sql: "SELECT EXISTS (SELECT 1 FROM item WHERE run_id = ?)", arguments: [id])
      if hasRows == true {
        try database.execute(
          sql: "UPDATE run SET state = 'running' WHERE id = ? AND state = 'draft'", arguments: [id])
      } else {
        try discard([id], database)
      }
      return yielded
    }
  }

  private func yieldRows(
    ofDraft id: Int64, begunAt start: Double, where overlaps: (RunRecord) -> Bool,
    _ database: Database
  ) throws -> [YieldedRows] {
    // Other drafts are none of its business: whoever is published first has the rows. What no process
    // works on is left to `resume`.
    let others = try runs(
      """
      WHERE id != ? AND kind = 'generate' AND state NOT IN ('draft', 'undone')
        AND (state = 'running' OR ended_at >= ? OR EXISTS (
          SELECT 1 FROM item WHERE run_id = run.id AND state = 'sent'))
      """, [id, Date(timeIntervalSince1970: start).formatted(.iso8601)], database
    ).filter(overlaps)
    var yielded: [YieldedRows] = []
    func take(_ other: RunRecord, _ fate: YieldedRows.Fate, _ which: String) throws {
      try database.execute(
        sql: """
          DELETE FROM item WHERE run_id = ? AND page_id IN (
            SELECT page_id FROM item WHERE run_id = ? AND \(which))
          """, arguments: [id, other.id])
      if database.changesCount > 0 {
        yielded.append(YieldedRows(run: other.id, rows: database.changesCount, fate: fate))
      }
    }
    for other in others {
      if claims.isHeld(other.id) {
        try take(other, .atWork, "state IN ('planned', 'answered', 'writing')")
      }
      try take(other, .inBatch, "state = 'sent'")
      try take(other, .filled, "state = 'written' AND written_at >= \(start)")
    }
    return yielded
  }

  /// Takes a run for this process; `nil` while another one carries it out.
  ///
  /// The claim ends with the value, or with the process, however that ends.
  public func claim(_ id: Int64) -> RunClaim? { claims.claim(id) }

  /// Whether some process carries a run out.
  public func isAtWork(_ id: Int64) -> Bool { claims.isHeld(id) }

  /// Adds a row to a run, and gives its place.
  public func add(_ item: ItemRecord, toRun id: Int64) throws -> Int {
    try access.write { database in
      let position =
        try Int.fetchOne(
          database, sql: "SELECT coalesce(max(position), -1) + 1 FROM item WHERE run_id = ?",
          arguments: [id]) ?? 0
      try insert(item, run: id, position: position, database)
      return position
    }
  }

  private func insert(_ run: RunRecord, _ database: Database) throws -> Int64 {
    try database.execute(
      sql: """
        INSERT INTO run (created_at, kind, state, connection, workspace, engine, model, prompt,
          targets, parameters, counted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        run.createdAt, run.kind.rawValue, run.state.rawValue, run.connection, run.workspace,
        run.engine, run.model, run.prompt, run.targets, run.parameters, run.isCounted ? 1 : 0,
      ])
    return database.lastInsertedRowID
  }

  private func insert(
    _ item: ItemRecord, run id: Int64, position: Int, _ database: Database
  ) throws {
    let statement = try database.cachedStatement(
      sql: """
        INSERT INTO item (run_id, position, page_id, title, number, prompt, before, state, answer,
          value, old, new, input_tokens, output_tokens, cost, attempts, error_code, error_message,
          asked_at, seconds, written_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """)
    try statement.execute(arguments: [
      id, position, item.pageID, item.title, item.number, item.prompt, item.before,
      item.state.rawValue, item.answer, item.value, item.old, item.new, item.inputTokens,
      item.outputTokens, item.cost, item.attempts, item.errorCode, item.errorMessage,
      item.askedAt, item.seconds, item.writtenAt,
    ])
  }

  // MARK: - Going on

  /// Records where a row stands now.
  public func update(_ item: ItemRecord) throws {
    try access.write { try RunJournal.update(item, $0) }
  }

  /// Records where several rows stand now, in one transaction.
  public func update(_ items: [ItemRecord]) throws {
    guard !items.isEmpty else { return }
    try access.write { database in
      for item in items { try RunJournal.update(item, database) }
    }
  }

  /// Records where rows stand now, in one transaction with what other rows record meanwhile.
  ///
  /// It is on the disk when this returns.
  /// - Parameter answer: An answer to be kept for the same question, in the same transaction: what was
  ///   paid for is then known to both the run and the cache, or to neither.
  public func record(_ items: [ItemRecord], keeping answer: AnswerCache.Kept? = nil) async throws {
    try await commits.record(items, keeping: answer)
  }

  /// Records where a row stands now; see ``record(_:keeping:)``.
  public func record(_ item: ItemRecord) async throws { try await commits.record([item]) }

  static func update(_ item: ItemRecord, _ database: Database) throws {
    let statement = try database.cachedStatement(
      sql: """
        UPDATE item SET state = ?, answer = ?, value = ?, old = ?, new = ?, blocks = ?,
          input_tokens = ?, output_tokens = ?, cost = ?, attempts = ?, error_code = ?,
          error_message = ?, asked_at = ?, seconds = ?, written_at = ?, reserved = ?,
          lost_calls = ?, lost_cost = ?, answered_by = ?, failed_checks = ?
        WHERE run_id = ? AND position = ?
        """)
    try statement.execute(arguments: [
      item.state.rawValue, item.answer, item.value, item.old, item.new, item.blocks,
      item.inputTokens, item.outputTokens, item.cost, item.attempts, item.errorCode,
      item.errorMessage, item.askedAt, item.seconds, item.writtenAt, item.reserved,
      item.lostCalls, item.lostCost, item.answeredBy, item.failedChecks, item.runID,
      item.position,
    ])
  }

  /// Counts the calls that were under way when a process died: their answers are lost, their price
  /// may have been billed.
  public func settleLost(ofRun id: Int64) throws {
    try access.write {
      try $0.execute(
        sql: """
          UPDATE item SET lost_calls = lost_calls + 1, lost_cost = lost_cost + reserved,
            reserved = NULL
          WHERE run_id = ? AND reserved IS NOT NULL
          """, arguments: [id])
    }
  }

  /// Takes up the rows of a run that were left alone because somebody had changed them.
  public func retakeConflicts(ofRun id: Int64) throws {
    try access.write {
      try $0.execute(
        sql: """
          UPDATE item SET error_code = NULL, error_message = NULL, state = CASE
            WHEN old IS NOT NULL THEN 'writing' WHEN answer IS NULL THEN 'planned' ELSE 'answered'
          END
          WHERE run_id = ? AND state = 'conflict'
          """, arguments: [id])
    }
  }

  /// Records where a run stands now.
  public func setState(_ state: RunState, ofRun id: Int64) throws {
    let ended = state == .running ? nil : Date().formatted(.iso8601)
    try access.write {
      try $0.execute(
        sql: "UPDATE run SET state = ?, ended_at = coalesce(?, ended_at) WHERE id = ?",
        arguments: [state.rawValue, ended, id])
    }
  }

  /// Changes how a run is asked from here on: another engine, another model.
  public func setEngine(
    _ engine: String, model: String, parameters: String, ofRun id: Int64
  ) throws {
    try access.write {
      try $0.execute(
        sql: "UPDATE run SET engine = ?, model = ?, parameters = ? WHERE id = ?",
        arguments: [engine, model, parameters, id])
    }
  }

  // MARK: - Runs

  /// A run by its number; `nil` when there is none.
  public func run(_ id: Int64) throws -> RunRecord? {
    try runs("WHERE id = ? AND state != 'draft'", [id]).first
  }

  /// The runs, the newest first.
  public func runs(limit: Int) throws -> [RunRecord] {
    try runs("WHERE state != 'draft' ORDER BY id DESC LIMIT ?", [limit])
  }

  /// The newest run that `undo` without a number takes: written, and not taken back.
  public func lastUndoable() throws -> RunRecord? {
    try runs(
      """
      WHERE state NOT IN ('undone', 'draft') AND EXISTS (
        SELECT 1 FROM item WHERE run_id = run.id AND state IN ('written', 'writing'))
      ORDER BY id DESC LIMIT 1
      """, []
    ).first
  }

  /// The run that `redo` without a number takes: the one taken back last.
  public func lastUndone() throws -> RunRecord? {
    try runs("WHERE state = 'undone' ORDER BY id DESC LIMIT 1", []).first
  }

  /// The newest `generate` that has rows left.
  ///
  /// - Parameters:
  ///   - connection: Of this connection only; `nil` for any.
  ///   - isForced: Whether rows that were left alone are left to do as well.
  public func lastUnfinished(
    connection: String? = nil, isForced: Bool = false
  ) throws -> RunRecord? {
    try runs(
      """
      WHERE kind = 'generate' AND state NOT IN ('undone', 'draft')
        AND (?1 IS NULL OR connection = ?1)
        AND EXISTS (SELECT 1 FROM item WHERE run_id = run.id
          AND (state IN ('planned', 'answered', 'writing', 'failed')
            OR (?2 AND state = 'conflict')))
      ORDER BY id DESC LIMIT 1
      """, [connection, isForced]
    ).first
  }

  private func runs(_ tail: String, _ arguments: StatementArguments) throws -> [RunRecord] {
    try access.read { try runs(tail, arguments, $0) }
  }

  private func runs(
    _ tail: String, _ arguments: StatementArguments, _ database: Database
  ) throws -> [RunRecord] {
    try Row.fetchAll(database, sql: "SELECT * FROM run \(tail)", arguments: arguments).map { row in
      var run = RunRecord(
        createdAt: row["created_at"], kind: RunKind(rawValue: row["kind"]) ?? .edit,
        connection: row["connection"], workspace: row["workspace"], engine: row["engine"],
        model: row["model"], prompt: row["prompt"], targets: row["targets"],
        parameters: row["parameters"], isCounted: row["counted"])
      run.id = row["id"]
      run.state = RunState(rawValue: row["state"]) ?? .stopped
      run.endedAt = row["ended_at"]
      return run
    }
  }

  // MARK: - Rows

  /// What was done to a page, with the run that did it, the newest first.
  public func items(ofPage id: String) throws -> [(run: RunRecord, item: ItemRecord)] {
    let items = try items("WHERE page_id = ? ORDER BY run_id DESC, position", [id])
    return try items.compactMap { item in try run(item.runID).map { ($0, item) } }
  }

  /// The rows of a run, in order.
  public func items(ofRun id: Int64) throws -> [ItemRecord] {
    try items("WHERE run_id = ? ORDER BY position", [id])
  }

  /// Some rows of a run, in order.
  ///
  /// - Parameters:
  ///   - position: Only rows behind this place; -1 begins with the first.
  ///   - limit: At most so many.
  ///   - states: Only rows that stand so; empty for all.
  public func items(
    ofRun id: Int64, after position: Int, limit: Int, in states: [ItemState] = []
  ) throws -> [ItemRecord] {
    try items(
      "WHERE run_id = ? AND position > ? \(filter(states)) ORDER BY position LIMIT ?",
      [id, position, limit])
  }

  /// Some rows of a run, the last first.
  ///
  /// - Parameter position: Only rows before this place.
  public func items(
    ofRun id: Int64, before position: Int, limit: Int, in states: [ItemState] = []
  ) throws -> [ItemRecord] {
    try items(
      "WHERE run_id = ? AND position < ? \(filter(states)) ORDER BY position DESC LIMIT ?",
      [id, position, limit])
  }

  /// The row at a place of a run.
  public func item(_ position: Int, ofRun id: Int64) throws -> ItemRecord? {
    try items("WHERE run_id = ? AND position = ?", [id, position]).first
  }

  private func filter(_ states: [ItemState]) -> String {
    states.isEmpty
      ? "" : "AND state IN (\(states.map { "'\($0.rawValue)'" }.joined(separator: ", ")))"
  }

  /// The first rows of a run that were written though their answer fails a check.
  public func unfitItems(ofRun id: Int64, limit: Int) throws -> [ItemRecord] {
    try items(
      "WHERE run_id = ? AND state = 'written' AND failed_checks IS NOT NULL ORDER BY position LIMIT ?",
      [id, limit])
  }

  func items(_ tail: String, _ arguments: StatementArguments) throws -> [ItemRecord] {
    try access.read { database in
      let statement = try database.cachedStatement(sql: "SELECT * FROM item \(tail)")
      return try Row.fetchAll(statement, arguments: arguments).map(RunJournal.item)
    }
  }

  private static func item(_ row: Row) -> ItemRecord {
    var item = ItemRecord(
      pageID: row["page_id"], title: row["title"], number: row["number"],
      prompt: row["prompt"], before: row["before"])
    item.runID = row["run_id"]
    item.position = row["position"]
    item.state = ItemState(rawValue: row["state"]) ?? .failed
    item.answer = row["answer"]
    item.value = row["value"]
    item.old = row["old"]
    item.new = row["new"]
    item.blocks = row["blocks"]
    item.inputTokens = row["input_tokens"]
    item.outputTokens = row["output_tokens"]
    item.cost = row["cost"]
    item.attempts = row["attempts"]
    item.errorCode = row["error_code"]
    item.errorMessage = row["error_message"]
    item.askedAt = row["asked_at"]
    item.seconds = row["seconds"]
    item.writtenAt = row["written_at"]
    item.reserved = row["reserved"]
    item.lostCalls = row["lost_calls"]
    item.lostCost = row["lost_cost"]
    item.answeredBy = row["answered_by"]
    item.failedChecks = row["failed_checks"]
    return item
  }

  // MARK: - Sums

  /// How many rows of a run stand where.
  public func counts(ofRun id: Int64) throws -> RunCounts {
    try access.read { database in
      let rows = try Row.fetchAll(
        database, sql: "SELECT state, count(*) AS n FROM item WHERE run_id = ? GROUP BY state",
        arguments: [id])
      var counts: [ItemState: Int] = [:]
      for row in rows {
        if let state = ItemState(rawValue: row["state"]) { counts[state] = row["n"] }
      }
      return RunCounts(byState: counts)
    }
  }

  /// How many rows of a run have no answer yet, and are in no batch.
  public func countToAsk(ofRun id: Int64) throws -> Int {
    try access.read {
      try Int.fetchOne(
        $0,
        sql: """
          SELECT count(*) FROM item
          WHERE run_id = ? AND state IN ('planned', 'failed') AND answer IS NULL
          """, arguments: [id]) ?? 0
    }
  }

  /// What a run has taken.
  public func totals(ofRun id: Int64) throws -> RunTotals {
    try access.read { database in
      let row = try Row.fetchOne(
        database,
        sql: """
          SELECT sum(cost) AS cost, sum(attempts > 0 AND cost IS NULL) AS unknown,
            sum(lost_cost) AS lost, sum(lost_calls) AS calls, sum(input_tokens) AS input,
            sum(output_tokens) AS output
          FROM item WHERE run_id = ?
          """, arguments: [id])
      let known: Double = row?["cost"] ?? 0
      return RunTotals(
        cost: (row?["unknown"] as Int? ?? 0) > 0 ? nil : known, knownCost: known,
        lostCost: row?["lost"] ?? 0, lostCalls: row?["calls"] ?? 0,
        inputTokens: row?["input"] ?? 0, outputTokens: row?["output"] ?? 0)
    }
  }

  /// What each engine has used, in all runs.
  public func usageByEngine() throws -> [EngineUsage] {
    try access.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT engine, count(DISTINCT run.id) AS runs, sum(attempts > 0) AS cells,
            sum(input_tokens) AS input, sum(output_tokens) AS output, sum(cost) AS cost,
            sum(attempts > 0 AND cost IS NULL) AS unknown
          FROM run JOIN item ON item.run_id = run.id
          WHERE kind IN ('generate', 'plan') AND run.state != 'draft'
          GROUP BY engine ORDER BY engine
          """
      ).map { row in
        EngineUsage(
          engine: row["engine"], runs: row["runs"], cells: row["cells"] ?? 0,
          inputTokens: row["input"] ?? 0, outputTokens: row["output"] ?? 0,
          cost: (row["unknown"] as Int? ?? 0) > 0 ? nil : row["cost"] ?? 0)
      }
    }
  }
}
