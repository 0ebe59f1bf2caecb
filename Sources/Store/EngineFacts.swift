import Foundation
import GRDB

/// What is known of engines from outside the program: prices a person gave, limits that were seen.
public struct EngineFacts: Sendable {
  /// A price that a person gave, in dollars for a million tokens.
  public struct GivenPrice: Sendable {
    /// The engine.
    public let engine: String
    /// The model.
    public let model: String
    /// For tokens of the prompt.
    public let input: Double
    /// For tokens of the prompt that were cached.
    public let cachedInput: Double
    /// For tokens of the answer.
    public let output: Double
    /// When it was given, in seconds since 1970.
    public var setAt: Double = Date().timeIntervalSince1970

    /// Creates a price.
    public init(
      engine: String, model: String, input: Double, cachedInput: Double, output: Double
    ) {
      self.engine = engine
      self.model = model
      self.input = input
      self.cachedInput = cachedInput
      self.output = output
    }
  }

  /// A limit that a service told of.
  public struct SeenLimit: Sendable {
    /// The engine.
    public let engine: String
    /// The model.
    public let model: String
    /// `requests` or `tokens`, and of what span.
    public let kind: String
    /// How many.
    public let amount: Int
    /// In how many seconds.
    public let seconds: Double
    /// When it was seen last, in seconds since 1970.
    public var seenAt: Double = Date().timeIntervalSince1970

    /// Creates a limit.
    public init(engine: String, model: String, kind: String, amount: Int, seconds: Double) {
      self.engine = engine
      self.model = model
      self.kind = kind
      self.amount = amount
      self.seconds = seconds
    }
  }

  let access: DatabaseAccess

  /// Keeps a price.
  public func keep(_ price: GivenPrice) throws {
    try access.write {
      try $0.execute(
        sql: "INSERT OR REPLACE INTO price VALUES (?, ?, ?, ?, ?, ?)",
        arguments: [
          price.engine, price.model, price.input, price.cachedInput, price.output, price.setAt,
        ])
    }
  }

  /// Forgets a price; whether there was one.
  public func forgetPrice(engine: String, model: String) throws -> Bool {
    try access.write {
      try $0.execute(
        sql: "DELETE FROM price WHERE engine = ? AND model = ?", arguments: [engine, model])
      return $0.changesCount > 0
    }
  }

  /// The prices a person gave, by engine and model.
  public func prices() throws -> [GivenPrice] {
    try access.read { database in
      try Row.fetchAll(database, sql: "SELECT * FROM price ORDER BY engine, model").map { row in
        var price = GivenPrice(
          engine: row["engine"], model: row["model"], input: row["input"],
          cachedInput: row["cached_input"], output: row["output"])
        price.setAt = row["set_at"]
        return price
      }
    }
  }

  /// Counts a question, for limits of a day.
  public func count(engine: String, model: String, tokens: Int) throws {
    let hour = Int(Date().timeIntervalSince1970 / 3600)
    try access.write {
      try $0.execute(
        sql: """
          INSERT INTO engine_use VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT (engine, model, hour)
          DO UPDATE SET requests = requests + 1, tokens = tokens + ?4
          """, arguments: [engine, model, hour, tokens])
    }
  }

  /// What was asked of an engine in the last 24 hours.
  public func used(engine: String) throws -> (requests: Int, tokens: Int) {
    let hour = Int(Date().timeIntervalSince1970 / 3600) - 24
    return try access.read { database in
      let row = try Row.fetchOne(
        database,
        sql: """
          SELECT sum(requests) AS requests, sum(tokens) AS tokens FROM engine_use
          WHERE engine = ? AND hour > ?
          """, arguments: [engine, hour])
      return (row?["requests"] ?? 0, row?["tokens"] ?? 0)
    }
  }

  /// Keeps a limit that was seen.
  public func keep(_ limit: SeenLimit) throws {
    try access.write {
      try $0.execute(
        sql: "INSERT OR REPLACE INTO engine_limit VALUES (?, ?, ?, ?, ?, ?)",
        arguments: [
          limit.engine, limit.model, limit.kind, limit.amount, limit.seconds, limit.seenAt,
        ])
    }
  }

  /// The limits seen in the last week of an engine's model.
  public func limits(engine: String, model: String) throws -> [SeenLimit] {
    try access.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT * FROM engine_limit WHERE engine = ? AND model = ? AND seen_at > ? ORDER BY kind
          """, arguments: [engine, model, Date().timeIntervalSince1970 - 7 * 86_400]
      ).map { row in
        var limit = SeenLimit(
          engine: row["engine"], model: row["model"], kind: row["kind"], amount: row["amount"],
          seconds: row["seconds"])
        limit.seenAt = row["seen_at"]
        return limit
      }
    }
  }
}
