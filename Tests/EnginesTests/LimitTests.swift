import Foundation
import HTTPTypes
import Synchronization
import Testing

@testable import Engines

/// A clock that a test moves, and what it was told.
private final class Hand: Sendable {
  let clock = Mutex(ContinuousClock.now)
  let told = Mutex<[String]>([])
}

@Suite struct LimitTests {
  @Test(arguments: [
    ("12ms", 0.012), ("1s", 1), ("6m0s", 360), ("1h2m3.5s", 3723.5), ("7", 7), ("0.5", 0.5),
  ])
  func readsDurations(text: String, seconds: Double) throws {
    let duration = try #require(RateReport.duration(text))
    #expect(abs(duration / .seconds(1) - seconds) < 1e-6)
  }

  @Test(arguments: ["", "-1", "0", "x", "5y"])
  func takesNothingElse(text: String) {
    #expect(RateReport.duration(text).map { $0 <= .zero } ?? true)
  }

  private func fields(_ limit: Int, _ remaining: Int, _ reset: String) throws -> HTTPFields {
    var fields = HTTPFields()
    for (part, value) in [
      ("limit", String(limit)), ("remaining", String(remaining)), ("reset", reset),
    ] {
      fields[try #require(HTTPField.Name("x-ratelimit-\(part)-requests"))] = value
    }
    return fields
  }

  @Test func theSpanOfALimitShowsInHowFastItFills() throws {
    let minute = try #require(RateReport(try fields(500, 499, "120ms")))
    #expect(minute.limits == [EngineLimit(.requests, 500, per: .seconds(60))])
    let day = try #require(RateReport(try fields(20, 19, "1h12m0s")))
    #expect(day.limits == [EngineLimit(.requests, 20, per: .seconds(86_400))])
    #expect(day.limits.first?.text == "20 requests a day")
    // What some servers send for “unknown”.
    #expect(RateReport(try fields(-1, 0, "0")) == nil)
    // One of ten comes back after a tenth of the time.
    let empty = try #require(RateReport(try fields(10, 0, "60s")))
    #expect(empty.requests?.wait(for: 1) == .seconds(6))
  }

  @Test func aWindowHoldsNoMoreThanItsLimit() {
    let start = ContinuousClock.now
    var window = RateWindow(EngineLimit(.requests, 3, per: .seconds(60)))
    for second in 0..<3 {
      #expect(window.wait(for: 1, at: start + .seconds(second)) == .zero)
      window.take(1, at: start + .seconds(second))
    }
    let wait = window.wait(for: 1, at: start + .seconds(10))
    #expect(wait > .seconds(50) && wait < .seconds(51))
    #expect(window.wait(for: 1, at: start + .seconds(61)) == .zero)
    // More than all there is waits until the span is empty, not for ever.
    #expect(window.wait(for: 50, at: start + .seconds(61)) < .seconds(60))
  }

  @Test func aLimitIsKeptToBeforeTheServiceRefuses() async throws {
    let hand = Hand()
    let gate = EngineGate(
      start: 100, most: 100, limits: [(EngineLimit(.requests, 10, per: .seconds(60)), used: 4)],
      now: { hand.clock.withLock { $0 } },
      onWait: { reason, _ in hand.told.withLock { $0.append(reason) } },
      sleep: { wait in hand.clock.withLock { $0 += wait } })
    let start = hand.clock.withLock { $0 }
    for _ in 0..<26 {
      try await gate.enter()
      await gate.leave(.answered(seconds: 0))
    }
    // Six at once, ten after one minute, ten after two.
    let elapsed = start.duration(to: hand.clock.withLock { $0 })
    #expect(elapsed > .seconds(119) && elapsed < .seconds(122))
    #expect(hand.told.withLock { $0.first } == "its 10 requests a minute")
  }

  @Test func aLimitOfADayStopsTheRun() async throws {
    let gate = EngineGate(
      start: 4, most: 4, limits: [(EngineLimit(.requests, 20, per: .seconds(86_400)), used: 20)],
      sleep: { _ in })
    await #expect(throws: EngineError.self) { try await gate.enter() }
  }

  @Test func answersThatGrowSlowStopTheGrowth() {
    var pace = Pace()
    for _ in 0..<16 { _ = pace.note(1, width: 4) }
    var state = Pace.State.steady
    for _ in 0..<16 { state = pace.note(2.5, width: 4) }
    #expect(state == .slow)
    for _ in 0..<16 { state = pace.note(5, width: 4) }
    #expect(state == .stalling)
    for _ in 0..<16 { state = pace.note(1, width: 4) }
    #expect(state == .steady)
  }

  @Test func pricesHaveDatesAndAPersonsComeFirst() throws {
    let before = try Date("2026-11-30T12:00:00Z", strategy: .iso8601)
    let after = try Date("2026-12-01T12:00:00Z", strategy: .iso8601)
    #expect(Prices.price(engine: "gemini", model: "gemini-4-argon", at: before)?.output == 10)
    #expect(Prices.price(engine: "gemini", model: "gemini-4-argon", at: after)?.output == 20)
    #expect(Prices.price(engine: "gpt", model: "gpt-99") == nil)
    #expect(Prices.price(engine: "local", model: "qwen") == nil)
    let own = Prices.Dated(
      engine: "local", model: "qwen", price: Price(input: 1, cachedInput: 1, output: 2),
      date: "2026-11-25", isGiven: true)
    Prices.use { [own] }
    defer { Prices.use { [] } }
    #expect(Prices.price(engine: "local", model: "qwen")?.output == 2)
    #expect(Prices.all().contains(own))
  }
}
