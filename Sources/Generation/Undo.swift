public import Notion
public import Store
import Transport

/// Takes runs back, and puts them in again.
public struct Undo: Sendable {
  /// How it ended.
  public struct Summary: Sendable {
    /// Rows that are back.
    public var restored = 0
    /// Rows left alone, each with the reason.
    public var left: [(title: String, number: Int?, reason: String)] = []

    fileprivate init(
      restored: Int, left: [(position: Int, title: String, number: Int?, reason: String)]
    ) {
      self.restored = restored
      self.left = left.sorted { $0.position < $1.position }.map { ($0.title, $0.number, $0.reason) }
    }
  }

  private let writer: PageWriter
  private let journal: RunJournal
  private let onRow: (@Sendable () -> Void)?

  /// Creates it.
  ///
  /// - Parameter onRow: Called when a row is done, restored or left alone.
  public init(
    client: NotionClient, journal: RunJournal, onRow: (@Sendable () -> Void)? = nil
  ) {
    writer = PageWriter(client: client, journal: journal)
    self.journal = journal
    self.onRow = onRow
  }

  /// Takes a run back, the last row first; a row that somebody changed since is left and listed.
  ///
  /// - Parameter pages: The identities of the rows to take back; `nil` for all. A run of which other
  ///   rows stay written counts as not taken back.
  public func undo(
    _ run: RunRecord, pages: Set<String>? = nil, isForced: Bool
  ) async throws -> Summary {
    var left: [Left] = []
    var restored = 0
    var before = Int.max
    while true {
      let items = try journal.items(
        ofRun: run.id, before: before, limit: 200, in: [.written, .writing, .failed])
      guard let last = items.last else { break }
      before = last.position
      let taken = items.filter { item in
        (item.state != .failed || item.old != nil) && pages?.contains(item.pageID) ?? true
      }
      let part = try await each(taken) { try await writer.undo(&$0, isForced: isForced) }
      restored += part.restored
      left += part.left
    }
    let isPart = !(try journal.items(ofRun: run.id, after: -1, limit: 1, in: [.written]).isEmpty)
    if pages != nil ? !isPart : left.isEmpty || restored > 0 {
      try journal.setState(.undone, ofRun: run.id)
    }
    return Summary(restored: restored, left: left)
  }

  /// Writes again what was taken back.
  public func redo(_ run: RunRecord) async throws -> Summary {
    var left: [Left] = []
    var restored = 0
    var after = -1
    while true {
      let items = try journal.items(
        ofRun: run.id, after: after, limit: 200, in: [.undone])
      guard let last = items.last else { break }
      after = last.position
      let part = try await each(items) { try await writer.redo(&$0) }
      restored += part.restored
      left += part.left
    }
    if restored > 0 { try journal.setState(.finished, ofRun: run.id) }
    return Summary(restored: restored, left: left)
  }

  private typealias Left = (position: Int, title: String, number: Int?, reason: String)

  /// Does something for rows, a few at a time: Notion's limit is the only thing to wait for.
  private func each(
    _ items: [ItemRecord],
    _ body: @escaping @Sendable (inout ItemRecord) async throws -> PageWriter.Outcome
  ) async throws -> (restored: Int, left: [Left]) {
    try await withThrowingTaskGroup(of: Left?.self) { group in
      var waiting = items[...]
      var restored = 0
      var left: [Left] = []
      func startNext() {
        guard !Task.isCancelled, let item = waiting.popFirst() else { return }
        group.addTask {
          var item = item
          do {
            switch try await body(&item) {
            case .written: return nil
            case .conflict(let text):
              return (
                item.position, item.title, item.number,
                "changed since; it says “\(text.prefix(60))”"
              )
            }
          } catch is CancellationError {
            throw CancellationError()
          } catch {
            return (item.position, item.title, item.number, "\(error)")
          }
        }
      }
      for _ in 0..<8 { startNext() }
      while let ended = try await group.next() {
        if let ended { left.append(ended) } else { restored += 1 }
        onRow?()
        startNext()
      }
      try Task.checkCancellation()
      return (restored, left)
    }
  }
}
