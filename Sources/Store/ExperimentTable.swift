import Foundation
import GRDB

/// A prompt with an engine, as an experiment keeps it.
public struct VariantRecord: Sendable {
  /// The prompt as typed.
  public let prompt: String
  /// Whether the prompt's holes are names of properties only, so that it can be a connection's.
  public let isKeptForm: Bool
  /// The kept prompt that it was; `nil` for words that were typed.
  public let version: PromptVersion?
  /// The engine's name.
  public let engine: String
  /// The model.
  public let model: String

  /// Creates a variant.
  public init(
    prompt: String, isKeptForm: Bool, version: PromptVersion?, engine: String, model: String
  ) {
    self.prompt = prompt
    self.isKeptForm = isKeptForm
    self.version = version
    self.engine = engine
    self.model = model
  }
}

/// A row that was tried.
public struct TriedRow: Sendable {
  /// The page.
  public let pageID: String
  /// Its title then.
  public let title: String
  /// Its number in the table last shown then.
  public let number: Int?
  /// What stood in its cells then, as a document of the generation's own; `nil` where nobody knows.
  public let before: String?

  /// Creates a row.
  public init(pageID: String, title: String, number: Int?, before: String?) {
    self.pageID = pageID
    self.title = title
    self.number = number
    self.before = before
  }
}

/// What one variant gave for one row.
public struct TriedCell: Sendable {
  /// The prompt as it was rendered; a document of the engines'.
  public var request: String
  /// The answer's text; `nil` where there is none.
  public var answer: String?
  /// The answer's checked value; `nil` for plain text.
  public var value: String?
  /// Tokens billed for the prompt; 0 for an answer that was kept from before.
  public var inputTokens = 0
  /// Tokens billed for the answer.
  public var outputTokens = 0
  /// What it cost in dollars; `nil` when the price is unknown.
  public var cost: Double?
  /// How long it took.
  public var seconds = 0.0
  /// The kind of failure.
  public var errorCode: String?
  /// The failure's sentence.
  public var errorMessage: String?
  /// The checks that the answer fails, by name.
  public var failedChecks: [String] = []

  /// Creates a cell that was not answered yet.
  public init(request: String) { self.request = request }
}

/// Prompts and engines tried on rows, with every answer.
public struct ExperimentRecord: Sendable {
  /// Its number; 0 before it is kept.
  public var id: Int64 = 0
  /// When it was made, ISO 8601 in UTC.
  public var createdAt: String
  /// The connection.
  public var connection: String
  /// `local` or `notion`.
  public var workspace: String
  /// Whether it holds the attempts on one row, made step by step.
  public var isStep: Bool
  /// The prompts with their engines.
  public var variants: [VariantRecord]
  /// The rows.
  public var rows: [TriedRow]
  /// By row, then by variant; `nil` where nothing was asked.
  public var cells: [[TriedCell?]]

  /// Creates an experiment that is not kept yet.
  public init(
    createdAt: String, connection: String, workspace: String, isStep: Bool,
    variants: [VariantRecord], rows: [TriedRow], cells: [[TriedCell?]]
  ) {
    self.createdAt = createdAt
    self.connection = connection
    self.workspace = workspace
    self.isStep = isStep
    self.variants = variants
    self.rows = rows
    self.cells = cells
  }
}

/// An experiment as a list shows it.
public struct ExperimentSummary: Sendable {
  /// Its number.
  public let id: Int64
  /// When it was made, ISO 8601 in UTC.
  public let createdAt: String
  /// The connection.
  public let connection: String
  /// How many rows.
  public let rows: Int
  /// How many variants.
  public let variants: Int
  /// Dollars; `nil` when the price of some of it is unknown.
  public let cost: Double?
  /// Rows that a person rated.
  public let rated: Int
  /// The first prompt.
  public let prompt: String
}

/// The experiments and how their answers were rated.
public struct ExperimentTable: Sendable {
  let access: DatabaseAccess

  /// The rater that is the person at the terminal.
  public static let person = "you"

  /// Keeps an experiment whole, in place of what was kept under its number; gives the number.
  public func keep(_ experiment: ExperimentRecord) throws -> Int64 {
    try access.write { database in
      var id = experiment.id
      if id == 0 {
        try database.execute(
          sql: """
            INSERT INTO experiment (created_at, connection, workspace, is_step) VALUES (?, ?, ?, ?)
            """,
          arguments: [
            experiment.createdAt, experiment.connection, experiment.workspace, experiment.isStep,
          ])
        id = database.lastInsertedRowID
      } else {
        for table in ["experiment_variant", "experiment_row", "experiment_cell"] {
          try database.execute(
            sql: "DELETE FROM \(table) WHERE experiment_id = ?", arguments: [id])
        }
      }
      for (place, variant) in experiment.variants.enumerated() {
        try database.execute(
          sql: "INSERT INTO experiment_variant VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
          arguments: [
            id, place, variant.prompt, variant.isKeptForm, variant.version?.number, variant.engine,
            variant.model, variant.version?.name,
          ])
      }
      for (place, row) in experiment.rows.enumerated() {
        try database.execute(
          sql: "INSERT INTO experiment_row VALUES (?, ?, ?, ?, ?, ?)",
          arguments: [id, place, row.pageID, row.title, row.number, row.before])
      }
      for (row, cells) in experiment.cells.enumerated() {
        for (variant, cell) in cells.enumerated() {
          guard let cell else { continue }
          try database.execute(
            sql: "INSERT INTO experiment_cell VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            arguments: [
              id, row, variant, cell.request, cell.answer, cell.value, cell.inputTokens,
              cell.outputTokens, cell.cost, cell.seconds, cell.errorCode, cell.errorMessage,
              ExperimentTable.document(cell.failedChecks),
            ])
        }
      }
      return id
    }
  }

  /// An experiment by its number; `nil` when there is none.
  public func find(_ id: Int64) throws -> ExperimentRecord? {
    try access.read { database in
      guard
        let head = try Row.fetchOne(
          database, sql: "SELECT * FROM experiment WHERE id = ?", arguments: [id])
      else { return nil }
      let variants = try Row.fetchAll(
        database, sql: "SELECT * FROM experiment_variant WHERE experiment_id = ? ORDER BY position",
        arguments: [id]
      ).map {
        VariantRecord(
          prompt: $0["prompt"], isKeptForm: $0["is_kept_form"],
          version: ($0["prompt_version"] as Int?).map { [name = $0["prompt_name"] as String?] in
            PromptVersion(name: name, number: $0)
          }, engine: $0["engine"], model: $0["model"])
      }
      let rows = try Row.fetchAll(
        database, sql: "SELECT * FROM experiment_row WHERE experiment_id = ? ORDER BY position",
        arguments: [id]
      ).map {
        TriedRow(
          pageID: $0["page_id"], title: $0["title"], number: $0["number"], before: $0["before"])
      }
      var cells = rows.map { _ in variants.map { _ in TriedCell?.none } }
      for row in try Row.fetchAll(
        database, sql: "SELECT * FROM experiment_cell WHERE experiment_id = ?", arguments: [id])
      {
        let place: Int = row["row"]
        let variant: Int = row["variant"]
        guard cells.indices.contains(place), cells[place].indices.contains(variant) else {
          continue
        }
        var cell = TriedCell(request: row["request"])
        cell.answer = row["answer"]
        cell.value = row["value"]
        cell.inputTokens = row["input_tokens"]
        cell.outputTokens = row["output_tokens"]
        cell.cost = row["cost"]
        cell.seconds = row["seconds"]
        cell.errorCode = row["error_code"]
        cell.errorMessage = row["error_message"]
        cell.failedChecks = ExperimentTable.names(row["failed_checks"])
        cells[place][variant] = cell
      }
      var experiment = ExperimentRecord(
        createdAt: head["created_at"], connection: head["connection"],
        workspace: head["workspace"], isStep: head["is_step"], variants: variants, rows: rows,
        cells: cells)
      experiment.id = id
      return experiment
    }
  }

  /// The experiments, the newest first.
  public func all(limit: Int = 100) throws -> [ExperimentSummary] {
    try access.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT experiment.*,
            (SELECT count(*) FROM experiment_row WHERE experiment_id = id) AS rows,
            (SELECT count(*) FROM experiment_variant WHERE experiment_id = id) AS variants,
            (SELECT CASE WHEN count(*) = count(cost) THEN coalesce(sum(cost), 0) END
              FROM experiment_cell WHERE experiment_id = id) AS cost,
            (SELECT count(*) FROM rating WHERE experiment_id = id AND rater = ?) AS rated,
            (SELECT prompt FROM experiment_variant WHERE experiment_id = id
              ORDER BY position LIMIT 1) AS prompt
          FROM experiment ORDER BY id DESC LIMIT ?
          """, arguments: [ExperimentTable.person, limit]
      ).map {
        ExperimentSummary(
          id: $0["id"], createdAt: $0["created_at"], connection: $0["connection"],
          rows: $0["rows"], variants: $0["variants"], cost: $0["cost"], rated: $0["rated"],
          prompt: $0["prompt"] ?? "")
      }
    }
  }

  // MARK: - Ratings

  /// Keeps which variants were best for a row: one, several that say the same, or none.
  public func rate(_ id: Int64, row: Int, winners: [Int], rater: String) throws {
    try access.write {
      try $0.execute(
        sql: "INSERT OR REPLACE INTO rating VALUES (?, ?, ?, ?)",
        arguments: [id, rater, row, ExperimentTable.document(winners)])
    }
  }

  /// Takes a rating back; of all rows when none is named.
  public func unrate(_ id: Int64, row: Int?, rater: String) throws {
    try access.write {
      try $0.execute(
        sql: "DELETE FROM rating WHERE experiment_id = ? AND rater = ? AND (? IS NULL OR row = ?)",
        arguments: [id, rater, row, row])
    }
  }

  /// The ratings of an experiment: by rater, then by row.
  public func ratings(of id: Int64) throws -> [String: [Int: [Int]]] {
    try access.read { database in
      var result: [String: [Int: [Int]]] = [:]
      for row in try Row.fetchAll(
        database, sql: "SELECT * FROM rating WHERE experiment_id = ?", arguments: [id])
      {
        let winners: String = row["winners"]
        result[row["rater"], default: [:]][row["row"]] =
          (try? JSONDecoder().decode([Int].self, from: Data(winners.utf8))) ?? []
      }
      return result
    }
  }

  private static func document(_ value: some Encodable) -> String {
    (try? JSONEncoder().encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
  }

  private static func names(_ document: String) -> [String] {
    (try? JSONDecoder().decode([String].self, from: Data(document.utf8))) ?? []
  }
}
