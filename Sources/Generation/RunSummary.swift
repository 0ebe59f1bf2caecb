public import Store

/// Something that happened in a run.
public enum RunEvent: Sendable {
  /// A row ended: written, failed, or left alone.
  case ended(ItemRecord)
}

/// Why a run stopped before its end.
public enum StopReason: Sendable {
  /// A person stopped it.
  case cancelled
  /// The budget does not hold another call.
  case budget
  /// Every further row would fail the same way; the sentence says how.
  case problem(String, isKey: Bool)
}

/// How a run ended.
public struct RunSummary: Sendable {
  /// The run's number.
  public let runID: Int64
  /// How many rows stand where.
  public let counts: RunCounts
  /// What it has taken, in all its parts.
  public let totals: RunTotals
  /// The first rows that failed or were left alone.
  public let problems: [ItemRecord]
  /// The first rows that were written though their answer fails a check.
  public let unfit: [ItemRecord]
  /// How long this part of it took.
  public let duration: Duration
  /// Why it stopped before its end; `nil` when every row was dealt with.
  public let stop: StopReason?

  /// The most problems that are listed.
  public static let mostProblems = 200

  /// How many rows stand so.
  public func count(_ state: ItemState) -> Int { counts.byState[state] ?? 0 }

  /// Rows in all.
  public var total: Int { counts.total }

  /// Rows that `resume` would take up, failed ones left aside.
  public var left: Int { count(.planned) + count(.answered) + count(.writing) }

  /// Dollars spent; `nil` when the price of a call is unknown.
  public var cost: Double? { totals.cost }
}

extension ItemRecord {
  /// Whether the row is answered and only lacks an option that nobody has allowed yet.
  public var needsNewOption: Bool { state == .failed && errorCode == RowWork.newOption }
}
