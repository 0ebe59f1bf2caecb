import Synchronization

/// The sorted queries that are being paged through.
///
/// The pages of a sorted query follow the order found when it began, as a person's list does that
/// does not jump while it is read: a row that is changed meanwhile keeps the place that it had, and
/// neither comes twice nor pushes another out. Before a row is changed, each open query notes where
/// the row stood; so the order itself need not be written down.
final class OpenQueries: Sendable {
  /// Where a row stood before it was changed; no place when it was not among the query's rows.
  struct Former {
    let place: Sorting.Place?
  }

  struct Session {
    let source: String
    let filter: Filter?
    let sorts: [Sorting]
    let isInTrash: Bool
    /// The newest row of the whole workspace when the query began.
    let newest: Int64
    /// The whole order, when it had to be found at once.
    var order: [Int64]?
    /// Whether every row of the order has been looked at with the filter.
    var isVerified = false
    var former: [Int64: Former] = [:]
    /// The places at which pages begin, by the identity of their first row.
    var starts: [String: Sorting.Place] = [:]
  }

  private struct State {
    var sessions: [String: Session] = [:]
    var names: [String] = []
  }

  private let state = Mutex(State())
  /// Queries that are remembered; one that is forgotten goes on by how things are then.
  private static let limit = 16
  private static let mostChanges = 50_000

  func session(_ name: String) -> Session? { state.withLock { $0.sessions[name] } }

  func keep(_ session: Session, as name: String) {
    state.withLock { state in
      if state.sessions.updateValue(session, forKey: name) == nil { state.names.append(name) }
      if state.names.count > OpenQueries.limit {
        state.sessions[state.names.removeFirst()] = nil
      }
    }
  }

  func keep(start: Sorting.Place, of id: String, in name: String) {
    state.withLock { $0.sessions[name]?.starts[id] = start }
  }

  /// Forgets the queries of a data source whose schema changes.
  func forget(source: String) {
    state.withLock { state in
      state.sessions = state.sessions.filter { $0.value.source != source }
      state.names.removeAll { state.sessions[$0] == nil }
    }
  }

  /// Notes where a row stands that is about to be changed.
  func willChange(
    _ page: Record, _ source: Record, _ schemas: PropertySchemas, _ call: Call
  ) throws {
    let open = state.withLock { state in
      state.sessions.filter { _, session in
        session.source == source.id && page.sequence <= session.newest
          && session.former[page.sequence] == nil
      }
    }
    for (name, session) in open {
      let isIn =
        try page.isInTrash == session.isInTrash
        && session.filter?.matches(page, schemas, call) ?? true
      let place =
        try isIn
        ? Sorting.Place(
          values: session.sorts.map { try $0.value(of: page, in: source, call) },
          sequence: page.sequence) : nil
      state.withLock { state in
        state.sessions[name]?.former[page.sequence] = Former(place: place)
        if let changes = state.sessions[name]?.former.count, changes > OpenQueries.mostChanges {
          state.sessions[name] = nil
          state.names.removeAll { $0 == name }
        }
      }
    }
  }
}
