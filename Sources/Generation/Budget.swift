import Engines

/// Money: reserved before a call, settled after it.
actor Budget {
  private let limit: Double?
  private let price: Price?
  private var spent: Double
  private var reserved = 0.0

  /// - Parameters:
  ///   - limit: The most to spend, in US dollars; `nil` for no limit.
  ///   - price: What the model costs; `nil` when nobody knows, and nothing can be held back.
  ///   - spent: What the run has spent before.
  init(limit: Double?, price: Price?, spent: Double) {
    self.limit = limit
    self.price = price
    self.spent = spent
  }

  /// Sets the worst case of a call aside.
  ///
  /// - Returns: What was set aside; `nil` when the budget does not hold it.
  func reserve(_ prompt: String, maxOutputTokens: Int?) -> Double? {
    guard let price, let limit else { return 0 }
    let worst = price.cost(
      of: Usage(
        inputTokens: TokenEstimate.tokens(in: prompt) * 4 / 3 + 16,
        outputTokens: maxOutputTokens ?? 2_000))
    guard spent + reserved + worst <= limit else { return nil }
    reserved += worst
    return worst
  }

  /// Turns what was set aside into what was used.
  ///
  /// - Returns: What the call cost; `nil` when nobody knows.
  func settle(_ reservation: Double, _ usage: Usage?) -> Double? {
    reserved = max(0, reserved - reservation)
    guard let price else { return nil }
    let cost = price.cost(of: usage ?? Usage())
    spent += cost
    return cost
  }
}
