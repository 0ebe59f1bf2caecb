import HTTPTypes
import Synchronization
import Testing
import Transport

/// A clock that stands still but for those who sleep by it.
final class SleepClock: Sendable {
  private let time = Mutex(ContinuousClock.now)
  func now() -> ContinuousClock.Instant { time.withLock { $0 } }
  func sleep(_ duration: Duration) { time.withLock { $0 += duration } }
}

/// Answers with given statuses, and remembers when it was asked.
final class ScriptedTransport: HTTPTransport {
  private let state: Mutex<(answers: [IncomingResponse], times: [ContinuousClock.Instant])>
  private let clock: SleepClock
  init(_ answers: [IncomingResponse], clock: SleepClock) {
    state = Mutex((answers, []))
    self.clock = clock
  }
  var times: [ContinuousClock.Instant] { state.withLock { $0.times } }
  func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    let time = clock.now()
    return state.withLock { state in
      state.times.append(time)
      return state.answers.isEmpty
        ? IncomingResponse(status: 200, bytes: []) : state.answers.removeFirst()
    }
  }
}

@Suite struct PacedTransportTests {
  private let request = OutgoingRequest(method: .get, url: "http://127.0.0.1/")

  @Test func noSpanHoldsMoreThanTheLimit() async throws {
    let clock = SleepClock()
    let base = ScriptedTransport([], clock: clock)
    let paced = PacedTransport(
      around: base, limit: 5, window: .seconds(10), now: { clock.now() },
      sleep: { clock.sleep($0) })
    let start = clock.now()
    for _ in 0..<23 { _ = try await paced.send(request) }
    let times = base.times.map { start.duration(to: $0) }
    // At once as far as the limit goes, then as soon as the oldest is out of the span.
    #expect(times.prefix(5).allSatisfy { $0 == .zero })
    for index in times.indices.dropFirst(5) {
      #expect(times[index] - times[index - 5] >= .seconds(10))
    }
    #expect(times.last == .seconds(40))
  }

  @Test func aRefusalHoldsEveryRequestBack() async throws {
    let clock = SleepClock()
    let refused = IncomingResponse(status: 429, fields: [.retryAfter: "17"], bytes: [])
    let base = ScriptedTransport([refused], clock: clock)
    let paced = PacedTransport(
      around: base, limit: 100, window: .seconds(60), now: { clock.now() },
      sleep: { clock.sleep($0) })
    let start = clock.now()
    #expect(try await paced.send(request).status == 429)
    #expect(try await paced.send(request).status == 200)
    #expect(base.times.map { start.duration(to: $0) } == [.zero, .seconds(17)])
  }
}
