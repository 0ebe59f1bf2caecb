import Engines

/// Money: reserved before a call, settled after it.
///
/// Before the first answer nobody knows how long answers are, so a call is reserved at 2,000 tokens
/// of answer; after it at twice the longest so far. Every call is told to stop where the money
/// would: what is left bounds the tokens of its answer.
actor Budget {
  /// What is set aside for a call.
  struct Reservation: Sendable {
    /// Dollars; 0 when the price is unknown.
    let amount: Double
    let price: Price?
    /// The most tokens of the answer; `nil` for the model's own limit.
    let maxOutputTokens: Int?
  }

  private let limit: Double?
  private let price: Price?
  /// Whether calls of different prices share it, each saying its own.
  private let isShared: Bool
  private var spent: Double
  private var reserved = 0.0
  private var inFlight = 0
  private var longest = 0
  private var waiting: [CheckedContinuation<Void, Never>] = []

  /// - Parameters:
  ///   - limit: The most to spend, in US dollars; `nil` for no limit.
  ///   - price: What the model costs; `nil` when nobody knows, and nothing can be held back.
  ///   - spent: What the run has spent before, lost calls included.
  init(limit: Double?, price: Price?, spent: Double) {
    self.limit = limit
    self.price = price
    self.spent = spent
    isShared = false
  }

  /// A budget that calls of different prices share; each says its own.
  init(shared limit: Double?) {
    self.limit = limit
    price = nil
    spent = 0
    isShared = true
  }

  /// The least of an answer that is worth asking for.
  private static let fewest = 64

  /// Sets a call's money aside; waits while calls in flight may still leave some over.
  ///
  /// - Parameters:
  ///   - tokens: Those of the prompt, by estimate.
  ///   - wanted: The most tokens of an answer that were asked for; `nil` for no limit.
  ///   - own: What this call costs, in a shared budget.
  /// - Returns: `nil` when the budget does not hold the call.
  func reserve(
    tokens: Int, maxOutputTokens wanted: Int?, price own: Price? = nil
  ) async -> Reservation? {
    let price = isShared ? own : price
    guard let price, price.output > 0 else {
      inFlight += 1
      return Reservation(amount: 0, price: price, maxOutputTokens: wanted)
    }
    let input = price.cost(of: Usage(inputTokens: tokens * 4 / 3 + 16))
    while true {
      let expected = longest > 0 ? longest * 2 + 16 : min(2_000, wanted ?? 2_000)
      guard let limit else {
        let amount = input + price.cost(of: Usage(outputTokens: expected))
        reserved += amount
        inFlight += 1
        return Reservation(amount: amount, price: price, maxOutputTokens: wanted)
      }
      let free = limit - spent - reserved - input
      let affordable = max(0, min(1e9, free * 1_000_000 / price.output))
      let most = min(Int(affordable), wanted ?? .max)
      let isAlone = inFlight == 0
      // Alone, a call may take what is left: it is told to stop there.
      if most >= expected || (isAlone && longest == 0 && most >= Budget.fewest) {
        let output = min(most, expected)
        let amount = input + price.cost(of: Usage(outputTokens: output))
        reserved += amount
        inFlight += 1
        return Reservation(amount: amount, price: price, maxOutputTokens: most)
      }
      guard !isAlone else { return nil }
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  /// Turns what was set aside into what was used.
  ///
  /// - Parameters:
  ///   - usage: What was billed; `nil` for nothing.
  ///   - lostCalls: Calls whose answer never arrived; each may have cost what was set aside.
  /// - Returns: What the call cost; `nil` when nobody knows.
  func settle(_ reservation: Reservation, _ usage: Usage?, lostCalls: Int = 0) -> Double? {
    reserved = max(0, reserved - reservation.amount)
    inFlight -= 1
    for continuation in waiting { continuation.resume() }
    waiting = []
    guard let price = reservation.price else { return nil }
    let cost = price.cost(of: usage ?? Usage())
    spent += cost + Double(lostCalls) * reservation.amount
    longest = max(longest, usage?.outputTokens ?? 0)
    return cost
  }
}
