import Engines
import Foundation
public import Store
import Transport

/// A run whose rows are being gathered: they go into the journal as they come, so that however many
/// there are, few are in memory.
///
/// What is not carried out is to be discarded; what a process that died left is discarded by the next.
public final class RunDraft {
  /// The run's number, should it become one.
  public let id: Int64
  /// Rows in it.
  public private(set) var rows = 0
  /// Tokens of all prompts, by estimate.
  public private(set) var inputTokens = 0
  /// That no other process carries it out.
  public let claim: RunClaim

  private let journal: RunJournal
  private let targets: Set<String>
  private let start = Date().timeIntervalSince1970
  private var next = 0

  /// Begins a draft.
  public init(_ plan: RunPlan, in journal: RunJournal) throws {
    try journal.discardDeadDrafts()
    self.journal = journal
    targets = Set(plan.targets.map(\.key))
    id = try journal.draft(plan.record(at: Date().formatted(.iso8601)))
    guard let claim = journal.claim(id) else {
      try journal.discard(id)
      throw GenerationError("Another Visen holds run \(id).")
    }
    self.claim = claim
  }

  /// Adds rows.
  public func add(_ items: [ItemRecord]) throws {
    guard !items.isEmpty else { return }
    try journal.append(items, toDraft: id, from: next)
    next += items.count
    rows += items.count
    inputTokens += items.reduce(0) { $0 + TokenEstimate.tokens(in: $1.prompt ?? "") }
  }

  /// Takes out the rows that other runs fill, so that a plan tells of the others only.
  public func yieldRows() throws -> [YieldedRows] {
    let yielded = try journal.yieldRows(ofDraft: id, begunAt: start, where: overlaps)
    rows -= yielded.reduce(0) { $0 + $1.rows }
    return yielded
  }

  /// Whether a run fills any of the same cells.
  private func overlaps(_ other: RunRecord) -> Bool {
    let kept = (try? JSON(parsing: other.targets))?.array ?? []
    return kept.contains {
      RunTarget(json: $0, source: nil).map { targets.contains($0.key) } ?? false
    }
  }

  /// Rows spread over all, so that they stand for them.
  public func samples(_ count: Int) throws -> [ItemRecord] {
    let wanted = min(count, rows)
    var samples: [ItemRecord] = []
    for index in 0..<wanted {
      let place = max(index * next / wanted - 1, samples.last?.position ?? -1)
      samples += try journal.items(ofRun: id, after: place, limit: 1)
    }
    return samples
  }

  /// The rows in their order, a part at a time.
  public func each(_ body: (ItemRecord) throws -> Void) throws {
    var last = -1
    while true {
      let items = try journal.items(ofRun: id, after: last, limit: 256)
      guard let end = items.last else { return }
      for item in items { try body(item) }
      last = end.position
    }
  }

  /// Makes it a run, but for the rows that others took since; without rows it is forgotten.
  public func publish() throws -> [YieldedRows] {
    let yielded = try journal.publish(id, begunAt: start, where: overlaps)
    rows -= yielded.reduce(0) { $0 + $1.rows }
    return yielded
  }

  /// Forgets it.
  public func discard() throws { try journal.discard(id) }
}
