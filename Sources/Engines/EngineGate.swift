import Transport

/// How many questions a service is asked at once: more while it answers, half when it is troubled.
///
/// Additive increase, multiplicative decrease. When refusals for load are many, every question is
/// held back, not only the refused ones: otherwise all come back together and fail again.
actor EngineGate {
  private let most: Int
  private var limit: Double
  private var inFlight = 0
  private var waiting: [CheckedContinuation<Void, Never>] = []
  private var heldUntil: ContinuousClock.Instant?
  private var shrunkAt: ContinuousClock.Instant?
  private var refusals = RefusalShare()
  private let now: @Sendable () -> ContinuousClock.Instant
  private let sleep: @Sendable (Duration) async throws -> Void

  /// - Parameters:
  ///   - start: Questions at once in the beginning.
  ///   - most: The most there will ever be.
  init(
    start: Int, most: Int, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    limit = Double(start)
    self.most = most
    self.now = now
    self.sleep = sleep
  }

  /// Waits until one more may be asked; each ``enter()`` is followed by one ``leave(_:)``.
  func enter() async throws {
    while let rest = heldUntil.map({ now().duration(to: $0) }), rest > .zero {
      try await sleep(rest)
    }
    if inFlight >= Int(limit) {
      await withCheckedContinuation { waiting.append($0) }
      // The place was handed over; a cancelled task gives it to the next.
      if Task.isCancelled {
        pass()
        throw CancellationError()
      }
      while let rest = heldUntil.map({ now().duration(to: $0) }), rest > .zero {
        do {
          try await sleep(rest)
        } catch {
          pass()
          throw error
        }
      }
      return
    }
    inFlight += 1
  }

  /// What a question came to.
  enum End {
    case answered
    /// Refused for load; the wait that the service named, if any.
    case overloaded(Duration?)
    case failed
  }

  /// Gives the place back.
  func leave(_ end: End) {
    switch end {
    case .answered:
      _ = refusals.note(isRefused: false)
      // One more for each round of answers.
      limit = min(Double(most), limit + 1 / limit)
    case .overloaded(let wait):
      guard refusals.note(isRefused: true) else { break }
      let time = now()
      // Those that were in flight together tell of one trouble, not of many.
      if shrunkAt.map({ time - $0 > .seconds(1) }) ?? true {
        limit = max(1, limit / 2)
        shrunkAt = time
      }
      if let wait {
        let until = time + wait
        if heldUntil.map({ $0 < until }) ?? true { heldUntil = until }
      }
    case .failed: break
    }
    pass()
  }

  /// How many may be in flight now.
  var width: Int { Int(limit) }

  /// Hands the place to the next, or frees it.
  private func pass() {
    inFlight -= 1
    while inFlight < Int(limit), !waiting.isEmpty {
      inFlight += 1
      waiting.removeFirst().resume()
    }
  }
}
