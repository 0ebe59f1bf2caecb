import Synchronization

/// The order of sorted queries that are being paged through.
///
/// A sorted query looks at every row once, for its first page; the pages after it follow the order
/// found then, as a person's list does that does not jump while it is read.
final class SortedRows: Sendable {
  private struct State {
    var orders: [String: [String]] = [:]
    var sessions: [String] = []
  }

  private let state = Mutex(State())
  /// Queries that are remembered; one that is forgotten is sorted anew.
  private static let limit = 16

  /// Remembers an order, the identities of the rows.
  func keep(_ order: [String], for session: String) {
    state.withLock { state in
      if state.orders.updateValue(order, forKey: session) == nil { state.sessions.append(session) }
      if state.sessions.count > SortedRows.limit {
        state.orders[state.sessions.removeFirst()] = nil
      }
    }
  }

  /// The order of a session; `nil` when it is forgotten.
  func order(of session: String) -> [String]? {
    state.withLock { $0.orders[session] }
  }
}
