/// What a model costs, in US dollars for a million tokens.
public struct Price: Sendable, Hashable {
  /// For tokens of the prompt.
  public let input: Double
  /// For tokens of the prompt that were cached.
  public let cachedInput: Double
  /// For tokens of the answer.
  public let output: Double

  /// What a call cost.
  public func cost(of usage: Usage) -> Double {
    let fresh = Double(max(0, usage.inputTokens - usage.cachedInputTokens))
    return
      (fresh * input + Double(usage.cachedInputTokens) * cachedInput
      + Double(usage.outputTokens) * output) / 1_000_000
  }

  /// The price in a batch: half, at OpenAI as at Gemini.
  ///
  /// - Source: OpenAI and Gemini, “Batch API”.
  public var inBatch: Price {
    Price(input: input / 2, cachedInput: cachedInput / 2, output: output / 2)
  }
}

/// The prices known to this version of Visen; what is not here is unknown, never free.
public enum Prices {
  /// The day these were gathered.
  public static let date = "2026-11-23"

  /// The price of a model; `nil` when it is not known.
  ///
  /// Dated names (`gpt-6-luna-2026-09-22`) cost what the plain name costs.
  public static func price(engine: String, model: String) -> Price? {
    if engine == "practice" { return Price(input: 0, cachedInput: 0, output: 0) }
    guard engine == "gpt" || engine == "gemini" else { return nil }
    if let price = table[model] { return price }
    guard let match = model.firstMatch(of: /^(.*)-\d{4}-\d{2}-\d{2}$/) else { return nil }
    return table[String(match.1)]
  }

  /// The models of an engine whose price is known, by name.
  public static func models(of engine: String) -> [String] {
    table.keys.filter { $0.hasPrefix(engine == "gpt" ? "gpt-" : "gemini-") }.sorted()
  }

  private static let table: [String: Price] = [
    "gemini-2.5-flash": Price(input: 0.30, cachedInput: 0.03, output: 2.50),
    "gemini-2.5-flash-lite": Price(input: 0.10, cachedInput: 0.01, output: 0.40),
    "gemini-3.1-flash-lite": Price(input: 0.25, cachedInput: 0.025, output: 1.50),
    "gemini-3.5-flash": Price(input: 1.50, cachedInput: 0.15, output: 9.00),
    "gemini-3.5-flash-lite": Price(input: 0.30, cachedInput: 0.03, output: 2.50),
    "gemini-3.8-flash": Price(input: 0.75, cachedInput: 0.075, output: 3.75),
    "gemini-4-argon": Price(input: 2.00, cachedInput: 0.10, output: 10.00),
    "gpt-4.1-mini": Price(input: 0.40, cachedInput: 0.10, output: 1.60),
    "gpt-4o-mini": Price(input: 0.15, cachedInput: 0.075, output: 0.60),
    "gpt-5-mini": Price(input: 0.25, cachedInput: 0.025, output: 2.00),
    "gpt-5-nano": Price(input: 0.05, cachedInput: 0.005, output: 0.40),
    "gpt-5.4-mini": Price(input: 0.75, cachedInput: 0.075, output: 4.50),
    "gpt-5.4-nano": Price(input: 0.20, cachedInput: 0.02, output: 1.25),
    "gpt-5.6-luna": Price(input: 0.20, cachedInput: 0.02, output: 1.20),
    "gpt-6-luna": Price(input: 0.10, cachedInput: 0.01, output: 0.50),
    "gpt-6-sol": Price(input: 2.00, cachedInput: 0.20, output: 10.00),
    "gpt-6.1-sol": Price(input: 2.00, cachedInput: 0.10, output: 10.00),
    "gpt-6.1-terra": Price(input: 1.00, cachedInput: 0.05, output: 5.00),
  ]
}
