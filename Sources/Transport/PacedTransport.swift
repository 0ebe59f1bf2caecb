/// A transport that keeps to a number of requests in any span of time, and rests when told to.
///
/// Notion counts requests in windows of 60 seconds and answers 429 beyond its limit. No span of that
/// length holds more than the limit here, wherever Notion's windows begin; within it requests go at
/// once. When it refuses all the same (others share the workspace's budget), every request is held
/// back for as long as the answer says, not only the refused ones.
public actor PacedTransport: HTTPTransport {
  private let base: any HTTPTransport
  private let limit: Int
  private let window: Duration
  private let now: @Sendable () -> ContinuousClock.Instant
  private let sleep: @Sendable (Duration) async throws -> Void
  private let onWait: @Sendable (Duration) -> Void
  /// When the last requests were let through, oldest first, as a ring of ``limit`` places.
  private var sent: [ContinuousClock.Instant] = []
  private var next = 0
  private var heldUntil: ContinuousClock.Instant?
  private var refusals = RefusalShare()

  /// Wraps a transport.
  ///
  /// - Parameters:
  ///   - limit: Requests in any span of `window`, at least 1.
  ///   - window: The span; a little longer than the service's, for clocks and wires.
  ///   - now: The time; a test's clock.
  ///   - onWait: Told how long a request waits for its turn.
  ///   - sleep: Waits; a test's clock.
  public init(
    around base: any HTTPTransport, limit: Int = 180, window: Duration = .milliseconds(60_250),
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    onWait: @escaping @Sendable (Duration) -> Void = { _ in },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.onWait = onWait
    self.base = base
    self.limit = max(1, limit)
    self.window = window
    self.now = now
    self.sleep = sleep
  }

  /// Waits for its turn, then sends; see ``HTTPTransport``.
  public func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    let wait = takeTurn()
    if wait > .zero {
      if wait > .seconds(1) { onWait(wait) }
      try await sleep(wait)
    }
    // A rest that was asked for meanwhile holds for those in line as well.
    while let rest = heldUntil.map({ now().duration(to: $0) }), rest > .zero {
      onWait(rest)
      try await sleep(rest)
    }
    let response = try await base.send(request)
    let isRefused = response.status == 429 || response.status == 529
    if refusals.note(isRefused: isRefused),
      let asked = RetryAfter.wait(in: response.fields), asked <= .seconds(120)
    {
      let until = now() + asked
      if heldUntil.map({ $0 < until }) ?? true { heldUntil = until }
    }
    return response
  }

  /// Reserves the next place in line, and says how long until it comes.
  private func takeTurn() -> Duration {
    let time = now()
    guard sent.count == limit else {
      sent.append(time)
      return .zero
    }
    let start = max(time, sent[next] + window)
    sent[next] = start
    next = (next + 1) % limit
    return time.duration(to: start)
  }
}
