public import Engines
public import Foundation
public import Notion
public import Store

/// Carries a run out: asks, journals, writes, journals; many rows at once, each in turn.
///
/// A fresh run and a resumed one are the same: what a row needs next stands in the journal. Only the
/// rows being dealt with are in memory.
public struct Runner: Sendable {
  private let client: NotionClient
  private let engine: any Engine
  private let journal: RunJournal
  private let check: AnswerCheck?
  private let review: Review?
  private let checkpoint: @Sendable (String) throws -> Void
  private let now: @Sendable () -> Date

  /// Looks at an answer that has the right shape: a sentence that says what is wrong with it for its
  /// row, which the engine is told when it is asked once more; `nil` when it may be written.
  public typealias AnswerCheck = @Sendable (ItemRecord, Answer) async throws -> String?

  /// Looks at a kept answer before it is written: the names of the checks that it fails.
  public typealias Review = @Sendable (ItemRecord) async throws -> [String]

  /// Creates a runner.
  ///
  /// - Parameters:
  ///   - check: Looks at each answer before it is taken; `nil` takes every one of the right shape.
  ///   - review: Looks at each answer before it is written; `nil` when there is nothing to check.
  ///   - checkpoint: Called at each boundary; a test stops the run there by throwing.
  public init(
    client: NotionClient, engine: any Engine, journal: RunJournal, check: AnswerCheck? = nil,
    review: Review? = nil,
    checkpoint: @escaping @Sendable (String) throws -> Void = { _ in },
    now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.client = client
    self.engine = engine
    self.journal = journal
    self.check = check
    self.review = review
    self.checkpoint = checkpoint
    self.now = now
  }

  /// Records a plan and gives the run's number; nothing is asked yet.
  public func begin(_ plan: RunPlan) throws -> Int64 {
    let time = now().formatted(.iso8601)
    let id = try journal.begin(plan.record(at: time), items: plan.items)
    try checkpoint("planned")
    return id
  }

  /// Carries out what is left of a run.
  ///
  /// - Parameters:
  ///   - targets: Where the answers go, by the schema as it is now.
  ///   - asks: Which rows without an answer are asked.
  ///   - onEvent: Told of each row that ends; called from many tasks.
  /// - Returns: How it ended; one bad row never ends it.
  /// - Throws: What stopped the journal itself; the run goes on with `resume`.
  public func run(
    _ id: Int64, targets: [RunTarget], parameters: RunParameters, asks: RunAsking = .all,
    onEvent: @escaping @Sendable (RunEvent) -> Void = { _ in }
  ) async throws -> RunSummary {
    let clock = ContinuousClock()
    let start = clock.now
    try journal.settleLost(ofRun: id)
    let totals = try journal.totals(ofRun: id)
    let cache = engine as? CachingEngine
    let work = RowWork(
      client: client, engine: cache?.base ?? engine, cache: cache, journal: journal,
      checkpoint: checkpoint, check: check, review: review, targets: targets,
      parameters: parameters,
      budget: Budget(
        limit: parameters.maxCost,
        price: Prices.price(engine: parameters.engine, model: parameters.model),
        spent: totals.knownCost + totals.lostCost
          + (try journal.reservedInBatches(ofRun: id))),
      access: AccessWatch(
        client: client, source: parameters.sourceID.flatMap(NotionID.init(parsing:))))
    try journal.setState(.running, ofRun: id)
    var shift = Shift(
      feed: RowFeed(journal, run: id, asks: asks), width: parameters.width,
      packed: parameters.packed)
    try await withThrowingTaskGroup(of: RowWork.Turn.self) { group in
      shift.isOver = Task.isCancelled
      while true {
        shift.room = await engine.width.map { $0 + min($0 / 4, 64) + 8 }
        while let task = try shift.next() {
          group.addTask {
            switch task {
            case .ask(let rows): try await work.ask(rows)
            case .write(let row): try await work.write(row)
            }
          }
        }
        guard let turn = try await group.next() else { break }
        for row in turn.ended { onEvent(.ended(row)) }
        shift.note(turn)
        if Task.isCancelled { shift.isOver = true }
      }
    }
    let stop = shift.stop ?? (Task.isCancelled ? .cancelled : nil)
    let counts = try journal.counts(ofRun: id)
    let summary = RunSummary(
      runID: id, counts: counts, totals: try journal.totals(ofRun: id),
      problems: try journal.items(
        ofRun: id, after: -1, limit: RunSummary.mostProblems, in: [.failed, .conflict]),
      unfit: try journal.unfitItems(ofRun: id, limit: RunSummary.mostProblems),
      duration: start.duration(to: clock.now), stop: stop)
    try journal.setState(
      summary.count(.sent) > 0
        ? .waiting : summary.left == 0 && stop == nil ? .finished : .stopped, ofRun: id)
    return summary
  }
}

/// Which rows are dealt with next; a value that knows no clock, no task and no database but its feed.
struct Shift {
  /// What a task is to do.
  enum Work: Sendable {
    /// Ask for rows, in one question when they are several.
    case ask([ItemRecord])
    /// Write a row, or look whether it was written.
    indirect case write(ItemRecord)
  }

  private var feed: RowFeed
  private let width: Int
  /// Rows in one question; fewer when answers suffer, more again when they are good.
  private(set) var packed: Int
  private let mostPacked: Int
  private var isFedOut = false
  private var asking = 0
  private var writing = 0
  /// Rows whose answer is kept and not written.
  private var toWrite: [ItemRecord] = []
  /// Rows whose part of a common answer was no good, and how often.
  private var spoilt: [ItemRecord] = []
  private var spoiltCounts: [Int: Int] = [:]
  private var goodPacks = 0
  /// Questions that may be begun for the engine as it is now: more would only wait for their turn, in
  /// memory instead of the journal.
  var room: Int?
  /// Whether no row is begun any more.
  var isOver = false
  /// Why, when a row said so.
  private(set) var stop: StopReason?
  /// Whether what is answered cannot be written either.
  private var endsWriting = false

  /// Rows that may wait to be written before no more are asked: a slow service does not hold the other
  /// up, and does not fill the memory either.
  private static let mostToWrite = 256
  /// Writes in flight; what Notion takes in a minute is decided by its own limiter.
  private static let mostWriting = 32
  /// A row that was spoilt so often is asked by itself.
  private static let mostSpoilt = 3

  init(feed: RowFeed, width: Int, packed: Int) {
    self.feed = feed
    self.width = max(1, width)
    self.packed = max(1, packed)
    mostPacked = max(1, packed)
  }

  /// What to do next beside what is being done; `nil` when something must end first, or all has.
  mutating func next() throws -> Work? {
    // What is paid for is written, even when nothing is asked any more; after Ctrl-C nothing is begun.
    if !toWrite.isEmpty, writing < Shift.mostWriting, !endsWriting, !isOver || stop != nil {
      writing += 1
      return .write(toWrite.removeLast())
    }
    guard !isOver, stop == nil, asking < min(width, room ?? width),
      toWrite.count < Shift.mostToWrite
    else {
      return nil
    }
    if let rows = takeSpoilt() { return ask(rows) }
    var rows: [ItemRecord] = []
    while rows.count < packed, !isFedOut {
      guard let row = try feed.next() else {
        isFedOut = true
        break
      }
      switch RunStep(for: row) {
      case .ask: rows.append(row)
      case .write, .check:
        guard rows.isEmpty, writing < Shift.mostWriting else {
          toWrite.append(row)
          if toWrite.count >= Shift.mostToWrite { break }
          continue
        }
        writing += 1
        return .write(row)
      case .done: continue
      }
      if toWrite.count >= Shift.mostToWrite { break }
    }
    if !rows.isEmpty { return ask(rows) }
    if let rows = takeSpoilt() { return ask(rows) }
    guard !toWrite.isEmpty, writing < Shift.mostWriting else { return nil }
    writing += 1
    return .write(toWrite.removeLast())
  }

  private mutating func ask(_ rows: [ItemRecord]) -> Work {
    asking += 1
    return .ask(rows)
  }

  /// Spoilt rows that are worth a question: a full pack, or what there is when no more will come.
  private mutating func takeSpoilt() -> [ItemRecord]? {
    guard !spoilt.isEmpty else { return nil }
    if let alone = spoilt.firstIndex(where: {
      packed == 1 || spoiltCounts[$0.position, default: 0] >= Shift.mostSpoilt
    }) {
      return [spoilt.remove(at: alone)]
    }
    guard spoilt.count >= packed || (isFedOut && asking == 0) else { return nil }
    let rows = Array(spoilt.prefix(packed))
    spoilt.removeFirst(rows.count)
    return rows
  }

  /// Takes in how a task ended.
  mutating func note(_ turn: RowWork.Turn) {
    if turn.isWrite { writing -= 1 } else { asking -= 1 }
    if stop == nil { stop = turn.stop }
    if turn.endsWriting { endsWriting = true }
    toWrite += turn.answered
    guard turn.asked > 1 else {
      for row in turn.ended { spoiltCounts[row.position] = nil }
      return
    }
    spoilt += turn.spoilt
    for row in turn.spoilt where !turn.isTooMuch { spoiltCounts[row.position, default: 0] += 1 }
    if turn.isTooMuch || turn.spoilt.count * 5 > turn.asked {
      // More than a fifth of a pack unusable, or all of it: smaller packs.
      packed = max(1, min(packed, turn.asked / 2))
      goodPacks = 0
    } else if packed < mostPacked {
      goodPacks += 1
      if goodPacks >= 3 {
        packed = min(mostPacked, packed + max(1, packed / 2))
        goodPacks = 0
      }
    }
  }
}
