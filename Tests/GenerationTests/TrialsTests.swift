import Engines
import Generation
import Testing

/// An engine of a service's name and price, which answers at once.
private struct NamedEngine: Engine {
  let name: String
  let defaultModel: String
  let base: CountingEngine

  func answer(_ request: EngineRequest) async throws -> Answer { try await base.answer(request) }
  func models() async throws -> [String] { [defaultModel] }
  func verify() async throws -> String { "Here." }
}

@Suite struct TrialsTests {
  private func questions(_ count: Int, _ engines: [NamedEngine]) -> [Trials.Question] {
    (0..<count).map {
      Trials.Question(
        place: $0, engine: engines[$0 % engines.count],
        request: EngineRequest(prompt: Prompt("question \($0)")))
    }
  }

  @Test func aRefusedKeyStopsItsEngineAlone() async {
    let good = NamedEngine(
      name: "gemini", defaultModel: "gemini-3.1-flash-lite", base: CountingEngine())
    let bad = NamedEngine(
      name: "gpt", defaultModel: "gpt-6-luna",
      base: CountingEngine { _ in throw EngineError(.badKey, "no such key", scope: .run) })
    let result = await Trials(width: 2, maxCost: nil).ask(questions(40, [good, bad]))
    #expect(result.outcomes.count == 40)
    #expect(result.outcomes.values.count { $0.answer != nil } == 20)
    #expect(bad.base.asked.count <= 4)
    #expect(!result.isOverBudget)
  }

  @Test func enginesOfDifferentPricesShareABudget() async {
    let engines = [
      NamedEngine(name: "gemini", defaultModel: "gemini-3.1-flash-lite", base: CountingEngine()),
      NamedEngine(name: "gpt", defaultModel: "gpt-6-luna", base: CountingEngine()),
    ]
    let result = await Trials(width: 4, maxCost: 0.0005).ask(questions(200, engines))
    let spent = result.outcomes.values.reduce(0.0) { $0 + ($1.cost ?? 0) }
    #expect(result.isOverBudget)
    #expect(spent <= 0.0005)
    #expect(result.outcomes.count > 10)
    #expect(result.outcomes.count < 200)
  }
}
