import Transport

/// How many questions a service is asked at once, and how many in a minute or a day.
///
/// Additive increase, multiplicative decrease: more at once while it answers, half when it is troubled,
/// no more when answers grow slow. Until the first trouble each round of answers doubles what is asked
/// at once, since nobody knows yet what the service bears. When refusals for load are many, every question is held back, not
/// only the refused ones: otherwise all come back together and fail again. Limits that the service
/// tells of, or a person set, are kept to before it has to refuse.
actor EngineGate {
  private let most: Int
  private var limit: Double
  private var inFlight = 0
  private var waiting: [(most: Int, continuation: CheckedContinuation<Void, Never>)] = []
  /// Where the line begins: taking the first of an array moves all the others.
  private var lineStart = 0
  private var heldUntil: ContinuousClock.Instant?
  private var shrunkAt: ContinuousClock.Instant?
  private var refusals = RefusalShare()
  /// Whether there was no trouble yet.
  private var isStarting = true
  private var windows: [RateWindow]
  private var pace = Pace()
  private let now: @Sendable () -> ContinuousClock.Instant
  private let sleep: @Sendable (Duration) async throws -> Void
  private let onWait: @Sendable (String, Duration) -> Void

  /// Longer than this no question waits: the run stops, and says when it can go on.
  static let longestWait = Duration.seconds(600)

  /// - Parameters:
  ///   - start: Questions at once in the beginning.
  ///   - most: The most there will ever be.
  ///   - limits: Limits that are known from the start, with what was used of them already.
  ///   - onWait: Told what is waited for, and how long.
  init(
    start: Int, most: Int, limits: [(EngineLimit, used: Int)] = [],
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    onWait: @escaping @Sendable (String, Duration) -> Void = { _, _ in },
    sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    limit = Double(start)
    self.most = most
    self.now = now
    self.onWait = onWait
    self.sleep = sleep
    let time = now()
    windows = limits.map { limit, used in
      var window = RateWindow(limit)
      if used > 0 { window.take(used, at: time) }
      return window
    }
  }

  /// Waits until one more may be asked; each ``enter(tokens:most:)`` that returns is followed by one
  /// ``leave(_:)``.
  ///
  /// - Parameters:
  ///   - tokens: What the question and its answer may take, by estimate.
  ///   - most: The most at once that this asker wants; `nil` for what the service bears.
  /// - Throws: ``EngineError`` when a limit leaves no room for longer than anybody waits.
  func enter(tokens: Int = 0, most: Int? = nil) async throws {
    let most = max(1, most ?? .max)
    try await rest()
    if inFlight >= min(Int(limit), most) {
      await withCheckedContinuation { waiting.append((most, $0)) }
      // The place was handed over; a cancelled task gives it to the next.
      if Task.isCancelled {
        pass()
        throw CancellationError()
      }
    } else {
      inFlight += 1
    }
    do {
      try await rest()
      try await takeTurn(tokens)
    } catch {
      pass()
      throw error
    }
  }

  private func rest() async throws {
    while let rest = heldUntil.map({ now().duration(to: $0) }), rest > .zero {
      onWait("its limit", rest)
      try await sleep(rest)
    }
  }

  /// Waits for room in every known limit, and takes it.
  private func takeTurn(_ tokens: Int) async throws {
    while true {
      let time = now()
      var longest: (wait: Duration, limit: EngineLimit)?
      for index in windows.indices {
        let amount = windows[index].limit.unit == .requests ? 1 : tokens
        let wait = windows[index].wait(for: amount, at: time)
        if wait > longest?.wait ?? .zero { longest = (wait, windows[index].limit) }
      }
      guard let longest else {
        for index in windows.indices {
          windows[index].take(windows[index].limit.unit == .requests ? 1 : tokens, at: time)
        }
        return
      }
      guard longest.wait <= EngineGate.longestWait else {
        throw EngineError(
          .outOfCredit,
          "The limit of \(longest.limit.text) is reached; there is room again in "
            + "\(EngineGate.span(longest.wait)).", scope: .run)
      }
      onWait("its \(longest.limit.text)", longest.wait)
      try await sleep(longest.wait)
    }
  }

  private static func span(_ wait: Duration) -> String {
    let minutes = Int((wait / .seconds(60)).rounded(.up))
    return minutes < 120 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
  }

  /// What a question came to.
  enum End {
    /// Answered, after so many seconds.
    case answered(seconds: Double)
    /// Refused for load; the wait that the service named, if any.
    case overloaded(Duration?)
    case failed
  }

  /// Gives the place back.
  func leave(_ end: End) {
    switch end {
    case .answered(let seconds):
      _ = refusals.note(isRefused: false)
      switch pace.note(seconds, width: Int(limit)) {
      // One more for each round of answers; in the beginning one more for each answer.
      case .steady: limit = min(Double(most), limit + (isStarting ? 1 : 1 / limit))
      case .slow: isStarting = false
      case .stalling:
        isStarting = false
        limit = max(1, limit * 0.75)
      }
    case .overloaded(let wait):
      isStarting = false
      guard refusals.note(isRefused: true) else { break }
      let time = now()
      // Those that were in flight together tell of one trouble, not of many.
      if shrunkAt.map({ time - $0 > .seconds(1) }) ?? true {
        limit = max(1, limit / 2)
        shrunkAt = time
      }
      if let wait { hold(for: wait) }
    case .failed: break
    }
    pass()
  }

  /// Takes in what a response tells of the limits.
  ///
  /// - Parameter tokens: What the next question may take, by estimate.
  func note(_ report: RateReport, tokens: Int) {
    let waits = [report.requests?.wait(for: 1), report.tokens?.wait(for: max(1, tokens))]
    if let wait = waits.compactMap(\.self).max(), wait > .milliseconds(5) {
      hold(for: min(wait, .seconds(120)))
    }
  }

  /// Keeps to a limit that the service told of when it refused.
  ///
  /// - Returns: Whether it is news.
  func learn(_ limit: EngineLimit) -> Bool {
    guard !windows.contains(where: { $0.limit == limit }) else { return false }
    windows.removeAll { $0.limit.unit == limit.unit && $0.limit.span == limit.span }
    var window = RateWindow(limit)
    // It has just been reached: the span is full.
    window.take(limit.amount, at: now() - limit.span + .seconds(1))
    windows.append(window)
    return true
  }

  private func hold(for wait: Duration) {
    let until = now() + wait
    if heldUntil.map({ $0 < until }) ?? true { heldUntil = until }
  }

  /// How many may be in flight now.
  var width: Int { Int(limit) }

  /// Hands the place to the next, or frees it.
  private func pass() {
    inFlight -= 1
    while inFlight < Int(limit), lineStart < waiting.count, inFlight < waiting[lineStart].most {
      inFlight += 1
      waiting[lineStart].continuation.resume()
      lineStart += 1
    }
    if lineStart > 1024 || lineStart == waiting.count {
      waiting.removeFirst(lineStart)
      lineStart = 0
    }
  }
}

/// Whether answers grow slow as more are asked for at once.
struct Pace {
  enum State { case steady, slow, stalling }

  private var current: [Double] = []
  private var best: Double?
  private var state = State.steady

  /// Takes in how long an answer took; answers in groups, since single ones differ by nature.
  mutating func note(_ seconds: Double, width: Int) -> State {
    current.append(seconds)
    guard current.count >= max(16, width) else { return state == .stalling ? .slow : state }
    let median = current.sorted()[current.count / 2]
    current = []
    let least = min(best ?? median, median)
    best = least
    // Less than this nobody notices, and it may be the machine's own noise.
    guard median > least + 0.05 else {
      state = .steady
      return state
    }
    state = median > least * 4 ? .stalling : median > least * 2 ? .slow : .steady
    return state
  }
}
