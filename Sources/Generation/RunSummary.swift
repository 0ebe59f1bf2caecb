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
  /// The rows as they stand.
  public let items: [ItemRecord]
  /// How long this part of it took.
  public let duration: Duration
  /// Why it stopped before its end; `nil` when every row was dealt with.
  public let stop: StopReason?

  /// How many rows stand so.
  public func count(_ state: ItemState) -> Int { items.count { $0.state == state } }

  /// Rows that `resume` would take up.
  public var left: Int {
    items.count { [.planned, .answered, .writing].contains($0.state) }
  }

  /// Dollars spent; `nil` when the price of a call is unknown.
  public var cost: Double? {
    let asked = items.filter { $0.attempts > 0 }
    guard asked.allSatisfy({ $0.cost != nil }) else { return nil }
    return asked.reduce(0) { $0 + ($1.cost ?? 0) }
  }
}
