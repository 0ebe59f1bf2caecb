import GRDB

/// Writes what many rows record at once in common transactions: a transaction costs a write through to
/// the disk, whether it holds one row or a hundred.
actor GroupCommit {
  private let access: DatabaseAccess
  private var waiting: [(item: ItemRecord, done: CheckedContinuation<Void, any Error>)] = []
  private var isWriting = false

  init(access: DatabaseAccess) { self.access = access }

  /// Writes a row; returns when it is on the disk.
  func record(_ item: ItemRecord) async throws {
    try await withCheckedThrowingContinuation { done in
      waiting.append((item, done))
      guard !isWriting else { return }
      isWriting = true
      Task { await self.writeAll() }
    }
  }

  private func writeAll() async {
    while !waiting.isEmpty {
      let group = waiting
      waiting = []
      let items = group.map(\.item)
      do {
        try await access.write { database in
          for item in items { try RunJournal.update(item, database) }
        }
        for (_, done) in group { done.resume() }
      } catch {
        for (_, done) in group { done.resume(throwing: error) }
      }
    }
    isWriting = false
  }
}
