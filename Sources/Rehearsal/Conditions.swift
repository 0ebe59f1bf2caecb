import Synchronization

/// What is rehearsed: two services, and what happens inside of one of them.
public enum Side: String, Sendable, CaseIterable {
  /// Notion.
  case notion
  /// The AI engines.
  case engine
  /// The questions inside the engines' batches.
  case batch

  /// Those that requests go to.
  static let services: [Side] = [.notion, .engine]
}

/// What goes wrong with one request.
public enum Fault: Sendable, Hashable {
  /// The service's own error with this status.
  case status(Int)
  /// No answer, ever.
  case hang
  /// The connection is reset before the answer.
  case reset
  /// The connection ends in the middle of the answer.
  case cut
  /// The answer arrives a few bytes at a time, over five seconds.
  case slow
  /// The answer is not the JSON it should be.
  case malformed
  /// The write is done, and the answer says that it could not be built in time.
  case committed
  /// The write is done, and a 504 says nothing of it.
  case timeout
  /// The write is done, and the connection is reset instead of an answer.
  case lost
  /// The budget that the workspace's connections share is used up: 429.
  case budget
  /// Requests are refused with a 429 that asking again does not help.
  case blocked
  /// A query or a search does not know of what was made in the last three seconds.
  case lag
  /// A batch runs out of time.
  case expired

  init?(_ word: Substring) {
    switch word {
    case "hang": self = .hang
    case "reset": self = .reset
    case "cut": self = .cut
    case "slow": self = .slow
    case "malformed": self = .malformed
    case "committed": self = .committed
    case "timeout": self = .timeout
    case "lost": self = .lost
    case "budget": self = .budget
    case "blocked": self = .blocked
    case "lag": self = .lag
    case "expired": self = .expired
    default:
      guard let status = Int(word), (400...599).contains(status) else { return nil }
      self = .status(status)
    }
  }
}

extension Side {
  /// Whether it can fail in that way.
  fileprivate func mayHave(_ fault: Fault) -> Bool {
    switch fault {
    case .status, .malformed: true
    case .hang, .reset, .cut, .slow: self != .batch
    case .expired: self == .batch
    case .committed, .timeout, .lost, .budget, .blocked, .lag: self == .notion
    }
  }
}

/// How both services behave: how slow, how many requests they take, what fails and how often.
public struct Conditions: Sendable {
  /// How long an answer takes: log-normal around a median.
  struct Latency: Sendable {
    let median: Duration
    /// The standard deviation of the logarithm; 0 for always the median.
    let spread: Double

    /// The time that goes with a draw from the standard normal distribution.
    func drawn(_ normal: Double) -> Duration {
      spread > 0 ? median * exponential(spread * normal) : median
    }
  }

  /// Requests in each window of time.
  struct Rate: Sendable {
    let requests: Int
    let window: Duration
  }

  var latency: [Side: Latency] = [:]
  var rate: [Side: Rate] = [:]
  var faults: [Side: [(fault: Fault, share: Double)]] = [:]
  /// What becomes of the rows of answers to several questions at once.
  var spoiling = Spoiling()
  /// Where the sequence of random numbers starts.
  public var seed: UInt64 = 1 {
    didSet { spoiling.seed = seed }
  }

  /// Services that answer at once and always.
  public init() {}

  /// Reads `[SIDE=]MEDIAN[~SPREAD]`, such as `800ms`, `engine=800ms~0.4`, `batch=30s`: how long a
  /// batch takes from its creation to its end.
  public mutating func addLatency(_ text: String) throws(ConditionProblem) {
    let (sides, rest) = Conditions.sides(text, separator: "=")
    let parts = rest.split(separator: "~", omittingEmptySubsequences: false)
    guard parts.count <= 2, let median = parts.first.flatMap(Conditions.duration),
      let spread = parts.count == 2 ? Double(parts[1]) : 0, (0...3).contains(spread)
    else {
      throw ConditionProblem(
        "--latency takes a time such as 800ms, engine=800ms or engine=800ms~0.4 (the spread), "
          + "not “\(text)”.")
    }
    for side in sides { latency[side] = Latency(median: median, spread: spread) }
  }

  /// Reads `[SIDE=]REQUESTS[/TIME]`, such as `180`, `notion=180/60s`, `engine=10`; a minute if no time.
  public mutating func addRate(_ text: String) throws(ConditionProblem) {
    let (sides, rest) = Conditions.sides(text, separator: "=")
    let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let requests = parts.first.flatMap({ Int($0) }), requests > 0,
      let window = parts.count == 2 ? Conditions.duration(parts[1]) : .seconds(60), window > .zero
    else {
      throw ConditionProblem(
        "--rate takes requests for each time, such as notion=180/60s or engine=10, not “\(text)”.")
    }
    for side in sides { rate[side] = Rate(requests: requests, window: window) }
  }

  /// Reads faults with their share, separated by commas: `engine:429=5%,notion:500=1%,hang=0.5%`.
  ///
  /// `batch:expired=10%` is a share of the batches, `batch:400=3%` one of the questions in each;
  /// `engine:spoilt=15%` is a share of the rows in each answer to several rows at once, and
  /// `engine:unfit=15%` one of the answers with a schema, whose values are of its types and forbidden.
  public mutating func addFaults(_ text: String) throws(ConditionProblem) {
    for item in text.split(separator: ",") {
      let word = item.trimmingPrefix { $0 == " " }
      let (sides, rest) = Conditions.sides(String(word), separator: ":")
      let parts = rest.split(separator: "=", omittingEmptySubsequences: false)
      if parts.count == 2, ["spoilt", "unfit"].contains(parts[0]), sides != [.notion],
        parts[1].hasSuffix("%"), let percent = Double(parts[1].dropLast()),
        (0...100).contains(percent)
      {
        if parts[0] == "unfit" {
          spoiling.unfit = percent / 100
        } else {
          spoiling.share = percent / 100
        }
        continue
      }
      guard parts.count == 2, let fault = Fault(parts[0]), parts[1].hasSuffix("%"),
        let percent = Double(parts[1].dropLast()), (0...100).contains(percent)
      else {
        throw ConditionProblem(
          "--faults takes a status from 400 to 599 or hang, reset, cut, slow, malformed; for Notion "
            + "committed, timeout, lost, budget, blocked, lag; for engines spoilt, unfit; for "
            + "batches expired; with a share, such as engine:429=5%,notion:500=1%,"
            + "batch:expired=10%; not “\(word)”.")
      }
      guard sides.allSatisfy({ $0.mayHave(fault) }) else {
        throw ConditionProblem(
          sides == [.batch]
            ? "In a batch, questions fail with a status or malformed, and the whole with expired; "
              + "not “\(word)”."
            : fault == .expired
              ? "Only a batch expires: batch:expired=10%."
              : "Only Notion has \(parts[0]): notion:\(parts[0])=1%.")
      }
      for side in sides { faults[side, default: []].append((fault, percent / 100)) }
    }
  }

  private static func sides(_ text: String, separator: Character) -> ([Side], Substring) {
    for side in Side.allCases where text.hasPrefix("\(side.rawValue)\(separator)") {
      return ([side], text.dropFirst(side.rawValue.count + 1))
    }
    return (Side.services, text[...])
  }

  private static func duration(_ text: Substring) -> Duration? {
    let units: [(String, Double)] = [("ms", 0.001), ("min", 60), ("s", 1), ("h", 3600)]
    for (unit, seconds) in units where text.hasSuffix(unit) {
      guard let number = Double(text.dropLast(unit.count)), (0...86_400).contains(number) else {
        return nil
      }
      return .seconds(number * seconds)
    }
    return nil
  }
}

/// Why conditions cannot be read; one sentence for a person.
public struct ConditionProblem: Error, Sendable, CustomStringConvertible {
  /// The sentence.
  public let description: String
  init(_ description: String) { self.description = description }
}

/// Decides about each request by the conditions: the same decisions for the same seed and order.
final class Fate: Sendable {
  private struct State {
    var random: SplitMix
    var windowEnd: [Side: ContinuousClock.Instant] = [:]
    var used: [Side: Int] = [:]
    var batches: UInt64 = 0
  }

  private let conditions: Conditions
  private let state: Mutex<State>

  init(_ conditions: Conditions) {
    self.conditions = conditions
    state = Mutex(State(random: SplitMix(state: conditions.seed)))
  }

  /// How long until the window has room, when it has none.
  func wait(_ side: Side) -> Duration? {
    guard let rate = conditions.rate[side] else { return nil }
    let now = ContinuousClock.now
    return state.withLock { state in
      if let end = state.windowEnd[side], now < end {
        let used = state.used[side, default: 0]
        guard used < rate.requests else { return end - now }
        state.used[side] = used + 1
      } else {
        state.windowEnd[side] = now + rate.window
        state.used[side] = 1
      }
      return nil
    }
  }

  /// The limit of a side, what is left of it, and how long until it is whole again.
  func figures(_ side: Side) -> (rate: Conditions.Rate, left: Int, reset: Duration)? {
    guard let rate = conditions.rate[side] else { return nil }
    return state.withLock { state in
      let rest = state.windowEnd[side].map { ContinuousClock.now.duration(to: $0) } ?? .zero
      return (rate, max(0, rate.requests - state.used[side, default: 0]), max(.zero, rest))
    }
  }

  /// What goes wrong with the next request, if anything.
  func fault(_ side: Side) -> Fault? {
    guard let faults = conditions.faults[side] else { return nil }
    var draw = state.withLock { $0.random.unit() }
    for (fault, share) in faults {
      if draw < share { return fault }
      draw -= share
    }
    return nil
  }

  /// How long the next answer takes.
  func latency(_ side: Side) -> Duration {
    guard let latency = conditions.latency[side] else { return .zero }
    guard latency.spread > 0 else { return latency.median }
    return latency.drawn(state.withLock { $0.random.normal() })
  }

  /// What becomes of the next batch: the same for the same seed, however often it is looked at.
  func batch(questions: Int) -> BatchFate {
    let count = state.withLock { state in
      state.batches += 1
      return state.batches
    }
    var random = SplitMix(state: conditions.seed &+ count &* 0x9e37_79b9)
    let latency = conditions.latency[.batch] ?? Conditions.Latency(median: .seconds(1), spread: 0)
    let duration = latency.drawn(random.normal())
    let all = conditions.faults[.batch] ?? []
    let expiry = all.filter { $0.fault == .expired }.reduce(0) { $0 + $1.share }
    let single = all.filter { $0.fault != .expired }
    let expires = random.unit() < expiry
    var faults: [Int: Fault] = [:]
    for place in 0..<questions {
      var draw = random.unit()
      for (fault, share) in single where faults[place] == nil {
        if draw < share { faults[place] = fault }
        draw -= share
      }
    }
    return BatchFate(seconds: duration / .seconds(1), expires: expires, faults: faults)
  }
}
