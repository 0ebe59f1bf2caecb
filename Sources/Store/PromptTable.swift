import Foundation
import GRDB

/// A prompt as it was kept.
public struct KeptPrompt: Sendable, Equatable {
  /// The name it was given; `nil` for a version of a connection's prompt.
  public let name: String?
  /// Its version, from 1.
  public let version: Int
  /// The prompt; `{Name}` stands for a property.
  public let text: String
  /// The checks that belonged to it then.
  public let checks: [KeptCheck]
  /// When it was kept, in seconds since 1970.
  public let keptAt: Double
}

/// Which of the kept prompts one is.
public struct PromptVersion: Sendable, Hashable {
  /// The name by which it was called; `nil` for the connection's own.
  public let name: String?
  /// The version under that name, or of the connection's prompt, from 1.
  public let number: Int
  /// “intro v2”, or “v2” of the connection's own.
  public var label: String { (name.map { $0 + " " } ?? "") + "v\(number)" }

  /// Creates a version.
  public init(name: String?, number: Int) {
    self.name = name
    self.number = number
  }
}

/// A check of answers as it was kept: a condition of the language under a name.
public struct KeptCheck: Sendable, Codable, Hashable {
  /// Its name.
  public let name: String
  /// The condition as typed.
  public let condition: String

  /// Creates a check.
  public init(name: String, condition: String) {
    self.name = name
    self.condition = condition
  }
}

/// The prompts of each connection and the named ones, every version; the checks of answers.
public struct PromptTable: Sendable {
  let access: DatabaseAccess

  // MARK: - Of a connection

  /// Keeps a prompt as the next version, unless it is the last one already.
  ///
  /// - Returns: Its version.
  @discardableResult
  public func keep(_ text: String, connection: String) throws -> Int {
    let checks = try checks(of: connection)
    return try access.write { database in
      let last = try Row.fetchOne(
        database,
        sql: "SELECT version, text FROM prompt WHERE connection = ? ORDER BY version DESC LIMIT 1",
        arguments: [connection])
      let version: Int = last?["version"] ?? 0
      guard last?["text"] as String? != text else { return version }
      try database.execute(
        sql:
          "INSERT INTO prompt (connection, version, text, checks, kept_at) VALUES (?, ?, ?, ?, ?)",
        arguments: [
          connection, version + 1, text, PromptTable.document(checks),
          Date().timeIntervalSince1970,
        ])
      return version + 1
    }
  }

  /// The versions of a connection's prompt, the newest first.
  public func versions(of connection: String) throws -> [KeptPrompt] {
    try access.read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM prompt WHERE connection = ? ORDER BY version DESC",
        arguments: [connection]
      ).map { PromptTable.prompt($0, name: nil) }
    }
  }

  /// The newest version in which a connection's prompt had these words; `nil` when it never had.
  public func version(of text: String, connection: String) throws -> Int? {
    try access.read { database in
      try Int.fetchOne(
        database, sql: "SELECT max(version) FROM prompt WHERE connection = ? AND text = ?",
        arguments: [connection, text])
    }
  }

  /// Which of the kept prompts one is: under the name by which it was called, else of the connection;
  /// `nil` for words that were typed.
  public func version(
    of text: String, called name: String?, connection: String
  ) throws -> PromptVersion? {
    if let name, let kept = try find(named: name), kept.text == text {
      return PromptVersion(name: kept.name, number: kept.version)
    }
    return try version(of: text, connection: connection).map {
      PromptVersion(name: nil, number: $0)
    }
  }

  // MARK: - Named

  /// Keeps a prompt under a name as its next version, unless it is the last one already.
  ///
  /// - Returns: Its version.
  @discardableResult
  public func keep(_ text: String, named name: String, checks: [KeptCheck]) throws -> Int {
    try access.write { database in
      let last = try Row.fetchOne(
        database,
        sql: "SELECT * FROM named_prompt WHERE name = ? ORDER BY version DESC LIMIT 1",
        arguments: [name])
      let version: Int = last?["version"] ?? 0
      let document = PromptTable.document(checks)
      if last?["text"] as String? == text, last?["checks"] as String? == document { return version }
      try database.execute(
        sql:
          "INSERT INTO named_prompt (name, version, text, checks, kept_at) VALUES (?, ?, ?, ?, ?)",
        arguments: [name, version + 1, text, document, Date().timeIntervalSince1970])
      return version + 1
    }
  }

  /// The newest version of a named prompt; `nil` when there is none of that name.
  public func find(named name: String) throws -> KeptPrompt? {
    try access.read { database in
      try Row.fetchOne(
        database,
        sql: "SELECT * FROM named_prompt WHERE name = ? ORDER BY version DESC LIMIT 1",
        arguments: [name]
      ).map { PromptTable.prompt($0, name: $0["name"]) }
    }
  }

  /// The newest version of every named prompt, by name.
  public func named() throws -> [KeptPrompt] {
    try access.read { database in
      try Row.fetchAll(
        database,
        sql: """
          SELECT * FROM named_prompt AS this WHERE version =
            (SELECT max(version) FROM named_prompt WHERE name = this.name) ORDER BY name
          """
      ).map { PromptTable.prompt($0, name: $0["name"]) }
    }
  }

  // MARK: - Checks

  /// The checks of a connection's answers, in the order in which they were made.
  public func checks(of connection: String) throws -> [KeptCheck] {
    try access.read { database in
      try Row.fetchAll(
        database,
        sql: "SELECT name, condition FROM answer_check WHERE connection = ? ORDER BY kept_at, name",
        arguments: [connection]
      ).map { KeptCheck(name: $0["name"], condition: $0["condition"]) }
    }
  }

  /// Makes these the checks of a connection, and of the newest version of its prompt.
  public func setChecks(_ checks: [KeptCheck], of connection: String) throws {
    try access.write { database in
      try database.execute(
        sql: "DELETE FROM answer_check WHERE connection = ?", arguments: [connection])
      for (place, check) in checks.enumerated() {
        try database.execute(
          sql: "INSERT INTO answer_check VALUES (?, ?, ?, ?)",
          arguments: [connection, check.name, check.condition, Double(place)])
      }
      try database.execute(
        sql: """
          UPDATE prompt SET checks = ?1 WHERE connection = ?2
            AND version = (SELECT max(version) FROM prompt WHERE connection = ?2)
          """,
        arguments: [PromptTable.document(checks), connection])
    }
  }

  private static func document(_ checks: [KeptCheck]) -> String {
    (try? JSONEncoder().encode(checks)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
  }

  private static func prompt(_ row: Row, name: String?) -> KeptPrompt {
    let checks: String = row["checks"]
    return KeptPrompt(
      name: name, version: row["version"], text: row["text"],
      checks: (try? JSONDecoder().decode([KeptCheck].self, from: Data(checks.utf8))) ?? [],
      keptAt: row["kept_at"])
  }
}
