import GRDB

/// Writes what many rows record at once in common transactions: a transaction costs a write through to
/// the disk, whether it holds one row or a hundred.
actor GroupCommit {
  /// What is written in one transaction, whatever is written with it.
  private struct Entry: Sendable {
    let items: [ItemRecord]
    let answer: AnswerCache.Kept?
    let done: CheckedContinuation<Void, any Error>
  }

  private let access: DatabaseAccess
  private var waiting: [Entry] = []
  private var isWriting = false

  init(access: DatabaseAccess) { self.access = access }

  /// Writes rows, and an answer kept for the same question; returns when they are on the disk.
  func record(_ items: [ItemRecord], keeping answer: AnswerCache.Kept? = nil) async throws {
    try await withCheckedThrowingContinuation { done in
      waiting.append(Entry(items: items, answer: answer, done: done))
      guard !isWriting else { return }
      isWriting = true
      Task { await self.writeAll() }
    }
  }

  private func writeAll() async {
    while !waiting.isEmpty {
      let group = waiting
      waiting = []
      do {
        try await access.write { database in
          for entry in group {
            for item in entry.items { try RunJournal.update(item, database) }
            if let answer = entry.answer { try AnswerCache.keep(answer, database) }
          }
        }
        for entry in group { entry.done.resume() }
      } catch {
        for entry in group { entry.done.resume(throwing: error) }
      }
    }
    isWriting = false
  }
}
