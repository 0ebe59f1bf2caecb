import GRDB

/// A setting: its name, what it means, and what it takes.
public struct Setting: Sendable {
  /// What a setting takes.
  public enum Values: Sendable {
    /// Any text.
    case text
    /// One of these words.
    case words([String])
    /// A number between bounds.
    case number(ClosedRange<Double>)
    /// A whole number between bounds.
    case whole(ClosedRange<Int>)
  }

  /// The word after `set`.
  public let name: String
  /// One sentence on what it does.
  public let summary: String
  /// What it is when it was not set; `nil` for nothing.
  public let defaultValue: String?
  /// What it takes.
  public let values: Values

  /// What is wrong with a value; `nil` when nothing is.
  public func problem(with value: String) -> String? {
    switch values {
    case .text: return nil
    case .words(let words):
      return words.contains(value) ? nil : "it takes \(words.joined(separator: ", "))"
    case .number(let range):
      if let number = Double(value), range.contains(number) { return nil }
      return "it takes a number from \(range.lowerBound) to \(range.upperBound)"
    case .whole(let range):
      if let number = Int(value), range.contains(number) { return nil }
      return "it takes a whole number from \(range.lowerBound) to \(range.upperBound)"
    }
  }
}

/// What a person set.
public struct Preferences: Sendable {
  let access: DatabaseAccess

  /// Every setting, alphabetical.
  public static let all: [Setting] = [
    Setting(
      name: "ask_above", summary: "rows from which generate asks before it starts at the prompt",
      defaultValue: "50", values: .whole(0...1_000_000)),
    Setting(
      name: "ask_tokens", summary: "the most tokens of rows that ask and a wish send along",
      defaultValue: "4000", values: .whole(0...200_000)),
    Setting(
      name: "conflict", summary: "what to do with a cell that somebody changed meanwhile",
      defaultValue: "keep", values: .words(["keep", "overwrite"])),
    Setting(
      name: "connections_database", summary: "the Notion database that mirrors the connections",
      defaultValue: nil, values: .text),
    Setting(
      name: "dry", summary: "on: show what would change and send nothing", defaultValue: "off",
      values: .words(["on", "off"])),
    Setting(
      name: "engine", summary: "the engine that is asked", defaultValue: nil,
      values: .words(["gemini", "gpt", "local", "practice"])),
    Setting(
      name: "failed_checks",
      summary: "an answer that fails a check: write: written and listed; leave: listed only",
      defaultValue: "write", values: .words(["leave", "write"])),
    Setting(
      name: "format", summary: "how results are printed", defaultValue: "table",
      values: .words(["table", "csv", "json", "md"])),
    Setting(
      name: "guard",
      summary: "strict: each cell is read again before it is written; quick: as the run read it",
      defaultValue: "strict", values: .words(["quick", "strict"])),
    Setting(
      name: "links", summary: "whether titles lead to their pages, at terminals that know links",
      defaultValue: "on", values: .words(["on", "off"])),
    Setting(
      name: "local_url", summary: "the address of a local engine",
      defaultValue: "http://127.0.0.1:11434", values: .text),
    Setting(
      name: "max_cost", summary: "the most one run may spend, in dollars", defaultValue: nil,
      values: .number(0...1_000_000)),
    Setting(
      name: "max_output_tokens", summary: "the most tokens of one answer", defaultValue: nil,
      values: .whole(16...1_000_000)),
    Setting(
      name: "model", summary: "the model that is asked; the engine's own when not set",
      defaultValue: nil, values: .text),
    Setting(
      name: "new_options",
      summary: "options that a select lacks: made, refused, or made when you say yes",
      defaultValue: "ask", values: .words(["allow", "ask", "deny"])),
    Setting(
      name: "notion_rate", summary: "requests a minute that Notion's plan allows",
      defaultValue: "180",
      values: .whole(1...1_000_000)),
    Setting(
      name: "parallel", summary: "questions in flight at once", defaultValue: "8",
      values: .whole(1...10_000)),
    Setting(
      name: "requests_per_day", summary: "the most questions to an engine in 24 hours",
      defaultValue: nil, values: .whole(1...100_000_000)),
    Setting(
      name: "requests_per_minute", summary: "the most questions to an engine in a minute",
      defaultValue: nil, values: .whole(1...1_000_000)),
    Setting(
      name: "prompt_line",
      summary: "what the prompt shows: full, short, or '{connection} {selection} {engine} {left}>'",
      defaultValue: "full", values: .text),
    Setting(
      name: "temperature", summary: "how freely the engine answers", defaultValue: nil,
      values: .number(0...2)),
    Setting(
      name: "timeout", summary: "seconds to wait for one answer", defaultValue: "180",
      values: .number(1...3600)),
    Setting(
      name: "tokens_per_day", summary: "the most tokens of an engine in 24 hours",
      defaultValue: nil, values: .whole(1000...1_000_000_000)),
    Setting(
      name: "tokens_per_minute", summary: "the most tokens of an engine in a minute",
      defaultValue: nil, values: .whole(1000...1_000_000_000)),
    Setting(
      name: "workspace", summary: "where new connections are made; Notion's when its key is there",
      defaultValue: nil, values: .words(["local", "notion"])),
  ]

  /// Everything that was set.
  public func values() throws -> [String: String] {
    try access.read { database in
      let rows = try Row.fetchAll(database, sql: "SELECT name, value FROM setting")
      return Dictionary(
        rows.map { ($0["name"] as String, $0["value"] as String) },
        uniquingKeysWith: { _, last in last })
    }
  }

  /// One value, whether a person's or Visen's own.
  public func value(_ name: String) throws -> String? {
    try access.read {
      try String.fetchOne($0, sql: "SELECT value FROM setting WHERE name = ?", arguments: [name])
    }
  }

  /// Keeps a value.
  public func set(_ name: String, to value: String) throws {
    try access.write {
      try $0.execute(
        sql:
          "INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        arguments: [name, value])
    }
  }

  /// Forgets a value.
  public func unset(_ name: String) throws {
    try access.write {
      try $0.execute(sql: "DELETE FROM setting WHERE name = ?", arguments: [name])
    }
  }

  /// Forgets every value a person set; Visen's own (`allowance …`) stay.
  public func clear() throws {
    try access.write {
      try $0.execute(sql: "DELETE FROM setting WHERE name NOT LIKE '.%'")
    }
  }
}
