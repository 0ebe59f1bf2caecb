import Engines
import Store

/// Which rows are asked when a run is carried out; what is answered is written in any case.
public enum RunAsking: Sendable {
  /// Every row without an answer.
  case all
  /// Those whose only answer so far, a batch's, could not be used.
  case unusable
  /// None.
  case none

  func takes(_ item: ItemRecord) -> Bool {
    guard RunStep(for: item) == .ask else { return true }
    switch self {
    case .all: return true
    case .unusable: return item.isUnusable
    case .none: return false
    }
  }
}

extension ItemRecord {
  /// Whether it was asked once, and the answer was no good: it may be asked once more, told why.
  var isUnusable: Bool {
    state == .failed && attempts == 1 && errorCode == EngineError.Code.invalidAnswer.rawValue
  }
}

/// The rows of a run that something is left to do for, read from the journal a few at a time.
struct RowFeed {
  private let journal: RunJournal
  private let run: Int64
  private var ready: ArraySlice<ItemRecord> = []
  private var last = -1
  private var isAtEnd = false

  private static let size = 256
  private let asks: RunAsking
  private static let states: [ItemState] = [.planned, .answered, .writing, .failed]

  /// - Parameter asks: Which rows without an answer are among them.
  init(_ journal: RunJournal, run: Int64, asks: RunAsking = .all) {
    self.journal = journal
    self.run = run
    self.asks = asks
  }

  /// The next row; `nil` after the last one.
  mutating func next() throws -> ItemRecord? {
    while true {
      if let item = ready.popFirst() {
        if asks.takes(item) { return item }
        continue
      }
      guard !isAtEnd else { return nil }
      let items = try journal.items(
        ofRun: run, after: last, limit: RowFeed.size, in: RowFeed.states)
      isAtEnd = items.count < RowFeed.size
      last = items.last?.position ?? last
      ready = items[...]
    }
  }
}
