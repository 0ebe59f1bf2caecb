import GRDB

/// The allowance of prompts: accounting on one's own machine, a guard for a team.
public struct Allowance: Sendable {
  /// How much is there and how much is used.
  public struct State: Sendable, Equatable {
    /// Prompts used so far.
    public let used: Int
    /// Prompts in all; `nil` for no limit.
    public let limit: Int?
    /// Prompts left; `nil` for no limit.
    public var left: Int? { limit.map { max(0, $0 - used) } }
  }

  /// Prompts to start with.
  public static let initial = 10

  let preferences: Preferences
  let access: DatabaseAccess

  /// What is used and left.
  public func state() throws -> State {
    let used = try access.read {
      try Int.fetchOne($0, sql: "SELECT count(*) FROM run WHERE counted = 1 AND state != 'draft'")
        ?? 0
    }
    let limit = try preferences.value(".allowance")
    return State(
      used: used, limit: limit == "none" ? nil : limit.flatMap { Int($0) } ?? Allowance.initial)
  }

  /// Raises, lowers or (`nil`) lifts the limit.
  public func setLimit(_ limit: Int?) throws {
    try preferences.set(".allowance", to: limit.map(String.init) ?? "none")
  }
}
