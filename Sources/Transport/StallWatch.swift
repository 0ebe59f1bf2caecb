import Synchronization

/// Ends what stands still: streams that got nothing new for as long as they were given.
///
/// One task looks at all of them, and only while there are some: a timer for each would stay in memory
/// until its time is over, long after its stream has ended.
final class StallWatch: Sendable {
  /// A stream that is looked at.
  final class Entry: Sendable {
    private let pieces = Atomic<Int>(0)
    fileprivate let timeout: Duration
    fileprivate let end: @Sendable () -> Void

    fileprivate init(_ timeout: Duration, _ end: @escaping @Sendable () -> Void) {
      self.timeout = timeout
      self.end = end
    }

    /// Something new came.
    func advance() { pieces.wrappingAdd(1, ordering: .relaxed) }

    fileprivate var count: Int { pieces.load(ordering: .relaxed) }
  }

  private struct State {
    var entries: [ObjectIdentifier: (entry: Entry, seen: Int, since: ContinuousClock.Instant)] = [:]
    var isLooking = false
  }

  private let state = Mutex(State())

  /// Looks at a stream until ``remove(_:)``.
  ///
  /// - Parameter end: Called once, when nothing came for so long.
  func add(timeout: Duration, end: @escaping @Sendable () -> Void) -> Entry {
    let entry = Entry(timeout, end)
    let starts = state.withLock { state in
      state.entries[ObjectIdentifier(entry)] = (entry, 0, .now)
      defer { state.isLooking = true }
      return !state.isLooking
    }
    if starts { Task { await look() } }
    return entry
  }

  func remove(_ entry: Entry) {
    state.withLock { _ = $0.entries.removeValue(forKey: ObjectIdentifier(entry)) }
  }

  private func look() async {
    while true {
      // A quarter of the shortest time, so that none stands still for much longer than it may.
      let pause = state.withLock { state -> Duration? in
        guard let least = state.entries.values.map(\.entry.timeout).min() else {
          state.isLooking = false
          return nil
        }
        return min(max(least / 4, .milliseconds(10)), .seconds(1))
      }
      guard let pause else { return }
      try? await Task.sleep(for: pause)
      let now = ContinuousClock.now
      let stalled = state.withLock { state in
        var stalled: [Entry] = []
        for (key, watched) in state.entries {
          let count = watched.entry.count
          if count != watched.seen {
            state.entries[key] = (watched.entry, count, now)
          } else if now - watched.since >= watched.entry.timeout {
            stalled.append(watched.entry)
            state.entries[key] = nil
          }
        }
        return stalled
      }
      for entry in stalled { entry.end() }
    }
  }
}
