import Engines
import Synchronization
import Transport

/// What was asked of both services, how often, and what it would have cost.
final class Statistics: Sendable {
  private struct Tally {
    var requests = 0
    var byCall: [String: Int] = [:]
    var byStatus: [String: Int] = [:]
    var faults = 0
    var inFlight = 0
    var mostInFlight = 0
  }

  private struct State {
    var tallies: [Side: Tally] = [:]
    var prompts: [String: (times: Int, cost: Double)] = [:]
    var answers = 0
    var usage = Usage()
    var cost = 0.0
    var isCostKnown = true
  }

  private let state = Mutex(State())

  func begin(_ side: Side, call: String) {
    state.withLock { state in
      state.tallies[side, default: Tally()].requests += 1
      state.tallies[side, default: Tally()].byCall[call, default: 0] += 1
      let now = state.tallies[side, default: Tally()].inFlight + 1
      state.tallies[side, default: Tally()].inFlight = now
      state.tallies[side, default: Tally()].mostInFlight = max(
        now, state.tallies[side, default: Tally()].mostInFlight)
    }
  }

  func end(_ side: Side, status: String, isFault: Bool) {
    state.withLock { state in
      state.tallies[side, default: Tally()].inFlight -= 1
      state.tallies[side, default: Tally()].byStatus[status, default: 0] += 1
      if isFault { state.tallies[side, default: Tally()].faults += 1 }
    }
  }

  /// Counts an answer that a real service would bill.
  func answered(prompt: String, usage: Usage, price: Price?) {
    state.withLock { state in
      state.prompts[prompt, default: (0, 0)].times += 1
      if let price { state.prompts[prompt]?.cost += price.cost(of: usage) }
      state.answers += 1
      state.usage = state.usage + usage
      if let price { state.cost += price.cost(of: usage) } else { state.isCostKnown = false }
    }
  }

  /// The figures; `asked` lists prompts, most often asked first, up to a limit.
  func json(limit: Int) -> JSON {
    state.withLock { state in
      func tally(_ side: Side) -> JSON.Members {
        let tally = state.tallies[side] ?? Tally()
        func counts(_ counts: [String: Int]) -> JSON {
          .object(JSON.Members(counts.sorted { $0.key < $1.key }.map { ($0.key, .int($0.value)) }))
        }
        return [
          "requests": .int(tally.requests), "calls": counts(tally.byCall),
          "statuses": counts(tally.byStatus), "faults": .int(tally.faults),
          "most_in_flight": .int(tally.mostInFlight),
        ]
      }
      var engine = tally(.engine)
      engine["answers"] = .int(state.answers)
      engine["input_tokens"] = .int(state.usage.inputTokens)
      engine["output_tokens"] = .int(state.usage.outputTokens)
      engine["cost"] = state.isCostKnown ? .double(state.cost) : .null
      engine["prompts"] = .int(state.prompts.count)
      engine["asked_again"] = .int(state.answers - state.prompts.count)
      let asked = state.prompts.sorted {
        ($1.value.times, $0.key) < ($0.value.times, $1.key)
      }.prefix(limit)
      engine["asked"] = .array(
        asked.map {
          [
            "prompt": .string($0.key), "times": .int($0.value.times),
            "cost": .double($0.value.cost),
          ]
        })
      return ["notion": .object(tally(.notion)), "engine": .object(engine)]
    }
  }
}
