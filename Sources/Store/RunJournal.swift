import GRDB

/// What a run is for.
public enum RunKind: String, Sendable {
  /// A `generate`.
  case generate
  /// Assignments to rows, ticks.
  case edit
  /// A `plan`: answers for a few rows, none written.
  case plan
}

/// Where a run stands.
public enum RunState: String, Sendable {
  /// It runs, or the process that ran it died.
  case running
  /// Every row was dealt with.
  case finished
  /// It was stopped, and goes on with `resume`.
  case stopped
  /// It was taken back.
  case undone
}

/// Where one row of a run stands.
public enum ItemState: String, Sendable, CaseIterable {
  /// Nothing was asked, or the answer was never kept.
  case planned
  /// The answer is kept, nothing is written.
  case answered
  /// The old value is kept, and the write may or may not have happened.
  case writing
  /// The page holds the answer.
  case written
  /// It went wrong; `resume` tries again from what is kept.
  case failed
  /// Somebody changed the cell; it was left alone.
  case conflict
  /// The old value is back.
  case undone
}

/// A run as the journal knows it.
public struct RunRecord: Sendable {
  /// Its number.
  public var id: Int64 = 0
  /// When it began, ISO 8601 in UTC.
  public var createdAt: String
  /// What it is for.
  public var kind: RunKind
  /// Where it stands.
  public var state: RunState
  /// The connection's name.
  public var connection: String
  /// `local` or `notion`.
  public var workspace: String
  /// The engine; empty for an edit.
  public var engine: String
  /// The model; empty for an edit.
  public var model: String
  /// The prompt as typed; empty for an edit.
  public var prompt: String
  /// What it fills, as a document of the generation's own.
  public var targets: String
  /// How it was asked, as a document of the generation's own.
  public var parameters: String
  /// Whether it counts against the allowance.
  public var isCounted: Bool

  /// Creates a run that is not recorded yet.
  public init(
    createdAt: String, kind: RunKind, connection: String, workspace: String, engine: String = "",
    model: String = "", prompt: String = "", targets: String, parameters: String = "{}",
    isCounted: Bool = false
  ) {
    self.createdAt = createdAt
    self.kind = kind
    state = .running
    self.connection = connection
    self.workspace = workspace
    self.engine = engine
    self.model = model
    self.prompt = prompt
    self.targets = targets
    self.parameters = parameters
    self.isCounted = isCounted
  }
}

/// One row of a run as the journal knows it; documents are the generation's own.
public struct ItemRecord: Sendable {
  /// Its run.
  public var runID: Int64 = 0
  /// Its place in the run, from 0.
  public var position: Int = 0
  /// The page.
  public var pageID: String
  /// The page's title when it was planned.
  public var title: String
  /// Its number in the table last shown.
  public var number: Int?
  /// The prompt, rendered for this row.
  public var prompt: String?
  /// What stood there when it was planned.
  public var before: String?
  /// Where it stands.
  public var state: ItemState = .planned
  /// The answer's text.
  public var answer: String?
  /// The answer's checked value.
  public var value: String?
  /// What stood there before the write.
  public var old: String?
  /// What was written.
  public var new: String?
  /// The blocks that were added.
  public var blocks: String?
  /// Tokens billed for prompts.
  public var inputTokens: Int = 0
  /// Tokens billed for answers.
  public var outputTokens: Int = 0
  /// What it cost in dollars; `nil` when the price is unknown.
  public var cost: Double?
  /// How often an engine was asked.
  public var attempts: Int = 0
  /// The kind of failure.
  public var errorCode: String?
  /// The failure's sentence.
  public var errorMessage: String?

  /// Creates an item that is not recorded yet.
  public init(
    pageID: String, title: String, number: Int? = nil, prompt: String? = nil, before: String? = nil
  ) {
    self.pageID = pageID
    self.title = title
    self.number = number
    self.prompt = prompt
    self.before = before
  }
}

/// How many rows of a run stand where.
public struct RunCounts: Sendable {
  /// Rows by state.
  public let byState: [ItemState: Int]
  /// Rows in all.
  public var total: Int { byState.values.reduce(0, +) }
  /// Rows that `resume` would take up.
  public var left: Int {
    [.planned, .answered, .writing, .failed].reduce(0) { $0 + (byState[$1] ?? 0) }
  }
}

/// What an engine has used.
public struct EngineUsage: Sendable {
  /// The engine.
  public let engine: String
  /// Runs.
  public let runs: Int
  /// Rows that were asked.
  public let cells: Int
  /// Tokens billed for prompts.
  public let inputTokens: Int
  /// Tokens billed for answers.
  public let outputTokens: Int
  /// Dollars; `nil` when the price of some of it is unknown.
  public let cost: Double?
}

/// The journal of runs: written before each effect, read by `resume` and `undo`.
public struct RunJournal: Sendable {
  let access: DatabaseAccess

  /// Records a run and all its rows in one transaction, and gives the run's number.
  public func begin(_ run: RunRecord, items: [ItemRecord]) throws -> Int64 {
    try access.write { database in
      try database.execute(
        sql: """
          INSERT INTO run (created_at, kind, state, connection, workspace, engine, model, prompt,
            targets, parameters, counted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          run.createdAt, run.kind.rawValue, run.state.rawValue, run.connection, run.workspace,
          run.engine, run.model, run.prompt, run.targets, run.parameters, run.isCounted ? 1 : 0,
        ])
      let id = database.lastInsertedRowID
      for (position, item) in items.enumerated() {
        try insert(item, run: id, position: position, database)
      }
      return id
    }
  }

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

  private func insert(
    _ item: ItemRecord, run id: Int64, position: Int, _ database: Database
  ) throws {
    try database.execute(
      sql: """
        INSERT INTO item (run_id, position, page_id, title, number, prompt, before, state, answer,
          value, old, new, input_tokens, output_tokens, cost, attempts, error_code, error_message)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        id, position, item.pageID, item.title, item.number, item.prompt, item.before,
        item.state.rawValue, item.answer, item.value, item.old, item.new, item.inputTokens,
        item.outputTokens, item.cost, item.attempts, item.errorCode, item.errorMessage,
      ])
  }

  /// Records where a row stands now.
  public func update(_ item: ItemRecord) throws {
    try access.write { database in
      try database.execute(
        sql: """
          UPDATE item SET state = ?, answer = ?, value = ?, old = ?, new = ?, blocks = ?,
            input_tokens = ?, output_tokens = ?, cost = ?, attempts = ?, error_code = ?,
            error_message = ?
          WHERE run_id = ? AND position = ?
          """,
        arguments: [
          item.state.rawValue, item.answer, item.value, item.old, item.new, item.blocks,
          item.inputTokens, item.outputTokens, item.cost, item.attempts, item.errorCode,
          item.errorMessage, item.runID, item.position,
        ])
    }
  }

  /// Records where a run stands now.
  public func setState(_ state: RunState, ofRun id: Int64) throws {
    try access.write {
      try $0.execute(
        sql: "UPDATE run SET state = ? WHERE id = ?", arguments: [state.rawValue, id])
    }
  }

  /// A run by its number; `nil` when there is none.
  public func run(_ id: Int64) throws -> RunRecord? {
    try runs("WHERE id = ?", [id]).first
  }

  /// The runs, the newest first.
  public func runs(limit: Int) throws -> [RunRecord] {
    try runs("ORDER BY id DESC LIMIT ?", [limit])
  }

  /// The newest run that `undo` without a number takes: written, and not taken back.
  public func lastUndoable() throws -> RunRecord? {
    try runs(
      """
      WHERE state != 'undone' AND EXISTS (
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
  /// - Parameter connection: Of this connection only; `nil` for any.
  public func lastUnfinished(connection: String? = nil) throws -> RunRecord? {
    try runs(
      """
      WHERE kind = 'generate' AND state != 'undone' AND (?1 IS NULL OR connection = ?1)
        AND EXISTS (SELECT 1 FROM item WHERE run_id = run.id
          AND state IN ('planned', 'answered', 'writing', 'failed'))
      ORDER BY id DESC LIMIT 1
      """, [connection]
    ).first
  }

  /// What was done to a page, with the run that did it, the newest first.
  public func items(ofPage id: String) throws -> [(run: RunRecord, item: ItemRecord)] {
    let items = try items("WHERE page_id = ? ORDER BY run_id DESC, position", [id])
    return try items.compactMap { item in try run(item.runID).map { ($0, item) } }
  }

  /// The rows of a run, in order.
  public func items(ofRun id: Int64) throws -> [ItemRecord] {
    try items("WHERE run_id = ? ORDER BY position", [id])
  }

  private func items(_ tail: String, _ arguments: StatementArguments) throws -> [ItemRecord] {
    try access.read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM item \(tail)", arguments: arguments
      ).map { row in
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
        return item
      }
    }
  }

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

  /// What each engine has used, in all runs.
  public func usageByEngine() throws -> [EngineUsage] {
    try access.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT engine, count(DISTINCT run.id) AS runs, sum(attempts > 0) AS cells,
            sum(input_tokens) AS input, sum(output_tokens) AS output, sum(cost) AS cost,
            sum(attempts > 0 AND cost IS NULL) AS unknown
          FROM run JOIN item ON item.run_id = run.id WHERE kind IN ('generate', 'plan')
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

  private func runs(_ tail: String, _ arguments: StatementArguments) throws -> [RunRecord] {
    try access.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM run \(tail)", arguments: arguments).map {
        row in
        var run = RunRecord(
          createdAt: row["created_at"], kind: RunKind(rawValue: row["kind"]) ?? .edit,
          connection: row["connection"], workspace: row["workspace"], engine: row["engine"],
          model: row["model"], prompt: row["prompt"], targets: row["targets"],
          parameters: row["parameters"], isCounted: row["counted"])
        run.id = row["id"]
        run.state = RunState(rawValue: row["state"]) ?? .stopped
        return run
      }
    }
  }
}
