import Synchronization

/// What is being waited for, for whoever shows progress: “Notion's limit, 12 s”.
public final class WaitBoard: Sendable {
  private let waits = Mutex<[String: ContinuousClock.Instant]>([:])

  /// Creates an empty board.
  public init() {}

  /// Notes a wait; it is over by itself.
  ///
  /// - Parameter reason: What is waited for, such as “Notion's limit”.
  public func note(_ reason: String, for wait: Duration) {
    let end = ContinuousClock.now + wait
    waits.withLock { waits in
      if waits[reason].map({ $0 < end }) ?? true { waits[reason] = end }
    }
  }

  /// The wait that lasts longest, and how long still; `nil` when nothing of a second or more is
  /// waited for.
  public var current: (reason: String, left: Duration)? {
    let now = ContinuousClock.now
    return waits.withLock { waits in
      waits = waits.filter { $0.value > now }
      guard let longest = waits.max(by: { $0.value < $1.value }) else { return nil }
      let left = now.duration(to: longest.value)
      return left >= .milliseconds(500) ? (longest.key, left) : nil
    }
  }
}
