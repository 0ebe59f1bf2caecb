/// Whether a service refuses so much that everyone should rest, or only now and then.
///
/// One refusal among many answers concerns the one that was refused; when a limit is reached, nearly
/// every request is.
public struct RefusalShare: Sendable {
  private var last: [Bool] = []
  private var next = 0
  private static let size = 20
  private static let trouble = 8

  /// Creates an empty memory.
  public init() {}

  /// Remembers how a request ended.
  ///
  /// - Returns: Whether this is trouble: eight or more of the last twenty were refused, or the very
  ///   first requests were.
  public mutating func note(isRefused: Bool) -> Bool {
    if last.count < RefusalShare.size {
      last.append(isRefused)
    } else {
      last[next] = isRefused
      next = (next + 1) % RefusalShare.size
    }
    let refused = last.count { $0 }
    return isRefused && (refused >= RefusalShare.trouble || refused == last.count)
  }
}
