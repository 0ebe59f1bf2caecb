import Foundation
import Synchronization
import Transport

/// What one service keeps of files and batches, in memory.
final class BatchDepot: Sendable {
  struct State: Sendable {
    var files: [StoredFile] = []
    var jobs: [BatchJob] = []
    /// Uploads that are not finished, by identity.
    var uploads: [String: Upload] = [:]

    func file(_ id: String) -> StoredFile? { files.first { $0.id == id } }

    /// The place of a batch, newest last.
    func place(_ id: String) -> Int? { jobs.firstIndex { $0.id == id } }
  }

  /// A file that is still arriving.
  struct Upload: Sendable {
    var name: String
    var type: String
    var length: Int
    var bytes: [UInt8] = []
  }

  private let state = Mutex(State())
  private let fate: Fate

  init(_ fate: Fate) { self.fate = fate }

  func with<Result: Sendable>(_ body: (inout State) throws -> Result) rethrows -> Result {
    try state.withLock { try body(&$0) }
  }

  /// What becomes of the next batch.
  func fate(questions: Int) -> BatchFate { fate.batch(questions: questions) }

  /// An identity that no other has.
  static func identity() -> String {
    UUID().uuidString.lowercased().filter { $0 != "-" }
  }

  /// A page of a list, the newest first: what comes after an identity, at most so many.
  ///
  /// - Returns: `nil` when nothing has that identity.
  static func page<Item>(
    _ items: [Item], after: String?, limit: Int, id: (Item) -> String
  ) -> (items: [Item], hasMore: Bool)? {
    var rest = items.reversed()[...]
    if let after {
      guard let place = rest.firstIndex(where: { id($0) == after }) else { return nil }
      rest = rest[rest.index(after: place)...]
    }
    return (Array(rest.prefix(limit)), rest.count > limit)
  }
}
