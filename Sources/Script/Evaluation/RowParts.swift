/// The rows of a request a part at a time, the next part on its way while the last is worked on.
///
/// It reads one part ahead and no further: rows that nobody has looked at yet are never more than a
/// part. What is on its way is given up when the reader is let go or its task is cancelled.
public struct RowParts: Sendable {
  private let request: RowRequest
  private let host: any ScriptHost
  private let readsAhead: Bool
  private var place: RowPlace?
  private var ahead: Ahead?
  private var isAtEnd = false

  /// Creates a reader that has asked for nothing yet.
  ///
  /// - Parameter readsAhead: Whether the next part is asked for before it is wanted; without, a reader
  ///   that may stop early asks for no part too many.
  public init(of request: RowRequest, from host: any ScriptHost, readsAhead: Bool = true) {
    self.request = request
    self.host = host
    self.readsAhead = readsAhead
  }

  /// The next rows, maybe none of them; `nil` after the last.
  public mutating func next() async throws -> [Row]? {
    guard !isAtEnd else { return nil }
    let coming = ahead
    ahead = nil
    let part =
      if let coming { try await coming.part() } else {
        try await host.part(of: request, from: place)
      }
    place = part.next
    isAtEnd = part.next == nil
    if readsAhead, let next = part.next { ahead = Ahead(request, host, next) }
    return part.rows
  }

  /// A part on its way.
  private final class Ahead: Sendable {
    typealias Part = (rows: [Row], next: RowPlace?)
    private let task: Task<Part, any Error>

    init(_ request: RowRequest, _ host: any ScriptHost, _ place: RowPlace) {
      task = Task { try await host.part(of: request, from: place) }
    }

    deinit { task.cancel() }

    func part() async throws -> Part {
      try await withTaskCancellationHandler {
        try await task.value
      } onCancel: {
        task.cancel()
      }
    }
  }
}
