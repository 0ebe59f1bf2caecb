import Store

/// The rows of a run that something is left to do for, read from the journal a few at a time.
struct RowFeed {
  private let journal: RunJournal
  private let run: Int64
  private var ready: ArraySlice<ItemRecord> = []
  private var last = -1
  private var isAtEnd = false

  private static let size = 256
  private let asks: Bool
  private static let states: [ItemState] = [.planned, .answered, .writing, .failed]

  /// - Parameter asks: Whether rows without an answer are among them.
  init(_ journal: RunJournal, run: Int64, asks: Bool = true) {
    self.journal = journal
    self.run = run
    self.asks = asks
  }

  /// The next row; `nil` after the last one.
  mutating func next() throws -> ItemRecord? {
    while true {
      if let item = ready.popFirst() {
        if asks || RunStep(for: item) != .ask { return item }
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
