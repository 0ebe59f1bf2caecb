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
  }

  private let writer: PageWriter
  private let journal: RunJournal

  /// Creates it.
  public init(client: NotionClient, journal: RunJournal) {
    writer = PageWriter(client: client, journal: journal)
    self.journal = journal
  }

  /// Takes a run back, the last row first; a row that somebody changed since is left and listed.
  ///
  /// - Parameter pages: The identities of the rows to take back; `nil` for all. A run of which other
  ///   rows stay written counts as not taken back.
  public func undo(
    _ run: RunRecord, pages: Set<String>? = nil, isForced: Bool
  ) async throws -> Summary {
    var summary = Summary()
    for var item in try journal.items(ofRun: run.id).reversed() {
      try Task.checkCancellation()
      let isWritten = item.state == .written || item.state == .writing
      guard isWritten || (item.state == .failed && item.old != nil) else { continue }
      guard pages?.contains(item.pageID) ?? true else { continue }
      await count(&summary, item) { try await writer.undo(&item, isForced: isForced) }
    }
    summary.left.reverse()
    let isPart = try journal.items(ofRun: run.id).contains { $0.state == .written }
    if pages != nil ? !isPart : summary.left.isEmpty || summary.restored > 0 {
      try journal.setState(.undone, ofRun: run.id)
    }
    return summary
  }

  /// Writes again what was taken back.
  public func redo(_ run: RunRecord) async throws -> Summary {
    var summary = Summary()
    for var item in try journal.items(ofRun: run.id) where item.state == .undone {
      try Task.checkCancellation()
      await count(&summary, item) { try await writer.redo(&item) }
    }
    if summary.restored > 0 { try journal.setState(.finished, ofRun: run.id) }
    return summary
  }

  private func count(
    _ summary: inout Summary, _ item: ItemRecord, _ body: () async throws -> PageWriter.Outcome
  ) async {
    do {
      switch try await body() {
      case .written: summary.restored += 1
      case .conflict(let text):
        summary.left.append(
          (item.title, item.number, "changed since; it says “\(text.prefix(60))”"))
      }
    } catch {
      summary.left.append((item.title, item.number, "\(error)"))
    }
  }
}
