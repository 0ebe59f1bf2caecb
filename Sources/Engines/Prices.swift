public import Foundation
import Synchronization

/// What a model costs, in US dollars for a million tokens.
public struct Price: Sendable, Hashable {
  /// For tokens of the prompt.
  public let input: Double
  /// For tokens of the prompt that were cached.
  public let cachedInput: Double
  /// For tokens of the answer.
  public let output: Double

  /// Creates a price.
  public init(input: Double, cachedInput: Double, output: Double) {
    self.input = input
    self.cachedInput = cachedInput
    self.output = output
  }

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

/// The prices known to this version of Visen, and those that a person gave; what is in neither is
/// unknown, never free.
public enum Prices {
  /// The day these were gathered.
  public static let date = "2026-11-23"

  /// A model's price, and of which day it is.
  public struct Dated: Sendable, Hashable {
    /// The engine.
    public let engine: String
    /// The model.
    public let model: String
    /// The price.
    public let price: Price
    /// The day it is of, `2026-11-23`.
    public let date: String
    /// Whether a person gave it.
    public let isGiven: Bool

    /// Creates a dated price.
    public init(engine: String, model: String, price: Price, date: String, isGiven: Bool) {
      self.engine = engine
      self.model = model
      self.price = price
      self.date = date
      self.isGiven = isGiven
    }
  }

  private struct Given {
    var prices: [Dated] = []
    var unread: (@Sendable () throws -> [Dated])?
  }

  private static let given = Mutex(Given())

  /// Takes the prices that a person gave; they come before those of the program.
  ///
  /// - Parameter read: Reads them when a price is first asked for; what it throws gives none.
  public static func use(_ read: @escaping @Sendable () throws -> [Dated]) {
    given.withLock { $0 = Given(unread: read) }
  }

  private static var own: [Dated] {
    given.withLock { given in
      if let read = given.unread { given = Given(prices: (try? read()) ?? []) }
      return given.prices
    }
  }

  /// The price of a model; `nil` when it is not known.
  public static func price(engine: String, model: String, at time: Date = Date()) -> Price? {
    dated(engine: engine, model: model, at: time)?.price
  }

  /// The price of a model and of which day it is; `nil` when it is not known.
  ///
  /// Dated names (`gpt-6-luna-2026-09-22`) cost what the plain name costs.
  public static func dated(engine: String, model: String, at time: Date = Date()) -> Dated? {
    let ownPrice = own.first { $0.engine == engine && $0.model == model }
    if let ownPrice { return ownPrice }
    if engine == "practice" {
      let free = Price(input: 0, cachedInput: 0, output: 0)
      return Dated(engine: engine, model: model, price: free, date: date, isGiven: false)
    }
    guard engine == "gpt" || engine == "gemini" else { return nil }
    var name = model
    if table[name] == nil, let match = model.firstMatch(of: /^(.*)-\d{4}-\d{2}-\d{2}$/) {
      name = String(match.1)
    }
    guard var price = table[name] else { return nil }
    let today = time.formatted(.iso8601.year().month().day())
    for change in changes where change.model == name && change.from <= today {
      price = change.price
    }
    return Dated(engine: engine, model: model, price: price, date: date, isGiven: false)
  }

  /// The models of an engine whose price is known, by name.
  public static func models(of engine: String) -> [String] {
    table.keys.filter { $0.hasPrefix(engine == "gpt" ? "gpt-" : "gemini-") }.sorted()
  }

  /// Every price there is, by engine and model; a person's first where both are.
  public static func all(at time: Date = Date()) -> [Dated] {
    let own = own
    let known = ["gemini", "gpt"].flatMap { engine in
      models(of: engine).compactMap { dated(engine: engine, model: $0, at: time) }
    }
    return (own.filter { given in !known.contains { $0 == given } } + known).sorted {
      ($0.engine, $0.model) < ($1.engine, $1.model)
    }
  }

  /// Changes that were announced, the earlier one first.
  private static let changes: [(model: String, from: String, price: Price)] = [
    ("gemini-4-argon", "2026-12-01", Price(input: 4.00, cachedInput: 0.20, output: 20.00)),
    ("gemini-3.8-flash", "2027-01-01", Price(input: 1.50, cachedInput: 0.15, output: 7.50)),
  ]

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
