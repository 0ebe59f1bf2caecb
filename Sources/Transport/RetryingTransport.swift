import HTTPTypes

/// A transport that asks again when a service says “later”, and when repeating cannot do harm.
///
/// - 409, 429 and 529 are asked again after the wait the service names: it did nothing. A refusal that
///   says it is for good (a key that is blocked) is given back as it is.
/// - 503 likewise for repeatable requests; a write answered with 503 may have been carried out.
/// - 500, 502, 504 and broken connections only for repeatable requests, or when nothing can have
///   arrived.
public struct RetryingTransport: HTTPTransport {
  /// When and how often to ask again.
  public struct Policy: Sendable {
    /// Tries in all, the first one included.
    public var attempts: Int
    /// The pause after the first failure when the service names none; doubles each time.
    public var firstPause: Duration
    /// The longest pause of our own choosing.
    public var longestPause: Duration
    /// The longest wait a service may ask for; beyond it the answer is returned as it is.
    public var longestWait: Duration

    /// Creates a policy.
    public init(
      attempts: Int = 6, firstPause: Duration = .milliseconds(500),
      longestPause: Duration = .seconds(20), longestWait: Duration = .seconds(120)
    ) {
      self.attempts = attempts
      self.firstPause = firstPause
      self.longestPause = longestPause
      self.longestWait = longestWait
    }
  }

  private let base: any HTTPTransport
  private let policy: Policy
  private let isFinal: @Sendable ([UInt8]) -> Bool
  private let onWait: @Sendable (Int?, Duration) -> Void
  private let sleep: @Sendable (Duration) async throws -> Void
  private let jitter: @Sendable () -> Double

  /// Wraps a transport.
  ///
  /// - Parameters:
  ///   - isFinal: Whether the body of a 429 says that asking again is of no use.
  ///   - onWait: Told the status that causes a wait (`nil` for a broken connection) and its length.
  ///   - sleep: Waits; a test's clock.
  ///   - jitter: A number from 0 to 1 that spreads pauses.
  public init(
    around base: any HTTPTransport, policy: Policy = Policy(),
    isFinal: @escaping @Sendable ([UInt8]) -> Bool = { _ in false },
    onWait: @escaping @Sendable (Int?, Duration) -> Void = { _, _ in },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
    jitter: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
  ) {
    self.base = base
    self.policy = policy
    self.isFinal = isFinal
    self.onWait = onWait
    self.sleep = sleep
    self.jitter = jitter
  }

  /// Sends a request, and again where that is safe; see ``HTTPTransport``.
  public func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    var pause = policy.firstPause
    var attempt = 1
    while true {
      let isLast = attempt >= policy.attempts
      do {
        var response = try await base.send(request)
        guard !isLast, mayRepeat(request, after: response.status) else { return response }
        if response.status == 429 {
          // A refusal's body is short, and may say that waiting does not help.
          let bytes = try await response.body.collect()
          response = IncomingResponse(
            status: response.status, fields: response.fields, bytes: bytes)
          guard !isFinal(bytes) else { return response }
        }
        let asked = RetryAfter.wait(in: response.fields)
        if let asked, asked > policy.longestWait { return response }
        try await wait(asked ?? spread(pause), status: response.status)
      } catch let error as TransportError {
        let isSafe = request.isRepeatable || !error.mayHaveArrived
        guard !isLast, isSafe, isWorthRepeating(error) else { throw error }
        try await wait(spread(pause), status: nil)
      }
      pause = min(pause * 2, policy.longestPause)
      attempt += 1
    }
  }

  private func mayRepeat(_ request: OutgoingRequest, after status: Int) -> Bool {
    switch status {
    case 409, 429, 529: true
    case 500, 502, 503, 504: request.isRepeatable
    default: false
    }
  }

  private func isWorthRepeating(_ error: TransportError) -> Bool {
    switch error.code {
    case .cannotConnect, .connectionLost, .timedOut: true
    default: false
    }
  }

  private func spread(_ pause: Duration) -> Duration {
    pause * (0.75 + 0.5 * jitter())
  }

  private func wait(_ duration: Duration, status: Int?) async throws {
    onWait(status, duration)
    try await sleep(duration)
  }
}
