import Synchronization
import Testing

@testable import Engines

/// Counts who is inside, and the most there ever were.
private final class Peak: Sendable {
  private let state = Mutex((now: 0, most: 0))
  var most: Int { state.withLock { $0.most } }
  func enter() {
    state.withLock {
      $0.now += 1
      $0.most = max($0.most, $0.now)
    }
  }
  func leave() { state.withLock { $0.now -= 1 } }
}

@Suite struct EngineGateTests {
  @Test func growsWhileAnsweredAndHalvesUnderLoad() async throws {
    let gate = EngineGate(start: 1, most: 16) { _ in }
    func answer(_ times: Int) async throws {
      for _ in 0..<times {
        try await gate.enter()
        await gate.leave(.answered(seconds: 0.1))
      }
    }
    // Until the first trouble one more for each answer.
    try await answer(7)
    #expect(await gate.width == 8)
    // Now and then a refusal is nothing; eight of the last twenty are trouble.
    for refusal in 1...8 {
      try await gate.enter()
      await gate.leave(.overloaded(nil))
      #expect(await gate.width == (refusal < 8 ? 8 : 4))
    }
    // Those that were in flight together tell of one trouble.
    try await gate.enter()
    await gate.leave(.overloaded(nil))
    #expect(await gate.width == 4)
    // From then on one more for each round of answers: four in the first, five in the next.
    try await answer(10)
    #expect(await gate.width == 6)
  }

  @Test func neverLetsMoreInThanItSays() async throws {
    let gate = EngineGate(start: 3, most: 3) { _ in }
    let inside = Peak()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<60 {
        group.addTask {
          try await gate.enter()
          inside.enter()
          try await Task.sleep(for: .milliseconds(2))
          inside.leave()
          await gate.leave(.failed)
        }
      }
      try await group.waitForAll()
    }
    #expect(inside.most == 3)
  }

  @Test func aCancelledTaskGivesItsPlaceOn() async throws {
    let gate = EngineGate(start: 1, most: 1) { _ in }
    try await gate.enter()
    let cancelled = Task { try await gate.enter() }
    let next = Task {
      try await gate.enter()
      await gate.leave(.failed)
    }
    try await Task.sleep(for: .milliseconds(20))
    cancelled.cancel()
    await gate.leave(.failed)
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    try await next.value
  }
}
