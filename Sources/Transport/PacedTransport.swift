/// A transport that lets requests through at a steady rate, a few at once after a rest.
///
/// Notion counts requests in windows of 60 seconds and answers 429 beyond its limit; spacing them
/// keeps a run from spending its time on refusals.
public actor PacedTransport: HTTPTransport {
  private let base: any HTTPTransport
  private let interval: Duration
  private let burst: Int
  private let now: @Sendable () -> ContinuousClock.Instant
  private let sleep: @Sendable (Duration) async throws -> Void
  /// The moment from which the rate has been used up (generic cell rate algorithm).
  private var usedUntil: ContinuousClock.Instant?

  /// Wraps a transport.
  ///
  /// - Parameters:
  ///   - requestsPerMinute: The steady rate, at least 1.
  ///   - burst: Requests that may go at once after a rest, at least 1.
  ///   - now: The time; a test's clock.
  ///   - sleep: Waits; a test's clock.
  public init(
    around base: any HTTPTransport, requestsPerMinute: Int = 180, burst: Int = 10,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.base = base
    interval = .seconds(60) / max(1, requestsPerMinute)
    self.burst = max(1, burst)
    self.now = now
    self.sleep = sleep
  }

  /// Waits for its turn, then sends; see ``HTTPTransport``.
  public func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    let wait = takeTurn()
    if wait > .zero { try await sleep(wait) }
    return try await base.send(request)
  }

  /// Reserves the next place in line, and says how long until it comes.
  private func takeTurn() -> Duration {
    let time = now()
    let start = max(usedUntil ?? time, time)
    usedUntil = start + interval
    return max(.zero, time.duration(to: start) - interval * (burst - 1))
  }
}
