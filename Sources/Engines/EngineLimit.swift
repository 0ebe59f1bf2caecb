import HTTPTypes
import Transport

/// A limit of a service: so many requests or tokens in any span of time.
public struct EngineLimit: Sendable, Hashable {
  /// What is counted.
  public enum Unit: String, Sendable {
    case requests
    case tokens
  }

  /// What is counted.
  public let unit: Unit
  /// How many, at least 1.
  public let amount: Int
  /// In what span.
  public let span: Duration

  /// Creates a limit.
  public init(_ unit: Unit, _ amount: Int, per span: Duration) {
    self.unit = unit
    self.amount = max(1, amount)
    self.span = span
  }

  /// Whether it is one of a day, not of a minute.
  public var isDaily: Bool { span > .seconds(3600) }

  /// “10 requests a minute”, “250,000 tokens a day”.
  public var text: String {
    let seconds = span / .seconds(1)
    let span = isDaily ? "day" : seconds == 60 ? "minute" : "\(JSON.number(seconds).text) s"
    return
      "\(EngineLimit.grouped(amount)) \(unit.rawValue) \(seconds == 60 || isDaily ? "a" : "in") \(span)"
  }

  private static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text = "," + text }
      text = String(digit) + text
    }
    return text
  }
}

/// What was used of a limit in the span that ends now.
struct RateWindow {
  let limit: EngineLimit
  private var used: [(at: ContinuousClock.Instant, amount: Int)] = []
  private var first = 0
  private var sum = 0

  init(_ limit: EngineLimit) { self.limit = limit }

  /// How long until so much more fits; zero when it does now.
  ///
  /// What is more than all there is fits when
  /// nothing else is in the span: the service will say what it thinks of it.
  mutating func wait(for amount: Int, at now: ContinuousClock.Instant) -> Duration {
    forget(before: now - limit.span)
    let over = sum + amount - limit.amount
    guard over > 0 else { return .zero }
    var freed = 0
    for entry in used[first...] {
      freed += entry.amount
      if freed >= over { return now.duration(to: entry.at + limit.span) + .milliseconds(20) }
    }
    return used.last.map { max(.zero, now.duration(to: $0.at + limit.span)) } ?? .zero
  }

  mutating func take(_ amount: Int, at time: ContinuousClock.Instant) {
    used.append((time, amount))
    sum += amount
  }

  /// Puts what was really used in place of what was expected.
  mutating func correct(by amount: Int) {
    guard !used.isEmpty, first < used.count else { return }
    used[used.count - 1].amount += amount
    sum += amount
  }

  private mutating func forget(before time: ContinuousClock.Instant) {
    while first < used.count, used[first].at <= time {
      sum -= used[first].amount
      first += 1
    }
    if first > 1024 {
      used.removeFirst(first)
      first = 0
    }
  }
}

/// What a response tells of the limits: OpenAI's `x-ratelimit-*` fields.
///
/// - Source: OpenAI, “Rate limits”, headers.
struct RateReport: Sendable {
  /// One unit's figures.
  struct Figures: Sendable {
    let limit: Int
    let remaining: Int
    /// Until the limit is full again.
    let reset: Duration?

    /// How long until so many more are there.
    func wait(for amount: Int) -> Duration? {
      guard remaining < amount, let reset, limit > remaining else { return nil }
      let share = Double(min(amount, limit) - remaining) / Double(limit - remaining)
      return reset * share
    }
  }

  var requests: Figures?
  var tokens: Figures?

  init?(_ fields: HTTPFields) {
    func figures(_ unit: String) -> Figures? {
      func text(_ part: String) -> String? {
        HTTPField.Name("x-ratelimit-\(part)-\(unit)").flatMap { fields[$0] }
      }
      // Some servers send -1 or 0 where they know none.
      guard let limit = text("limit").flatMap({ Int($0) }), limit > 0,
        let remaining = text("remaining").flatMap({ Int($0) })
      else { return nil }
      return Figures(
        limit: limit, remaining: max(0, remaining),
        reset: text("reset").flatMap(RateReport.duration))
    }
    requests = figures("requests")
    tokens = figures("tokens")
    if requests == nil, tokens == nil { return nil }
  }

  /// The limits that the figures speak of: how fast they fill says in what span.
  var limits: [EngineLimit] {
    var limits: [EngineLimit] = []
    for (unit, figures) in [(EngineLimit.Unit.requests, requests), (.tokens, tokens)] {
      guard let figures else { continue }
      var span = Duration.seconds(60)
      if let reset = figures.reset, figures.limit > figures.remaining,
        reset / Double(figures.limit - figures.remaining) * Double(figures.limit) > .seconds(7200)
      {
        span = .seconds(86_400)
      }
      limits.append(EngineLimit(unit, figures.limit, per: span))
    }
    return limits
  }

  /// Go's durations: `12ms`, `1s`, `6m0s`, `1h2m3.5s`; plain seconds elsewhere.
  static func duration(_ text: String) -> Duration? {
    if let seconds = Double(text) { return seconds > 0 && seconds < 1e6 ? .seconds(seconds) : nil }
    var total = 0.0
    var rest = text[...]
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isNumber || $0 == "." }
      guard let number = Double(digits) else { return nil }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter || $0 == "µ" }
      rest = rest.dropFirst(unit.count)
      switch unit {
      case "h": total += number * 3600
      case "m": total += number * 60
      case "s": total += number
      case "ms": total += number / 1000
      case "us", "µs", "ns": break
      default: return nil
      }
    }
    return total < 1e6 ? .seconds(total) : nil
  }
}
