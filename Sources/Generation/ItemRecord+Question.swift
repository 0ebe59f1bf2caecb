import Engines
import Store
import Transport

extension RunParameters {
  /// A question of a run.
  func request(
    _ prompt: Prompt, maxOutputTokens: Int?, type: AnswerType?
  ) -> EngineRequest {
    EngineRequest(
      prompt: prompt, model: model, temperature: temperature, maxOutputTokens: maxOutputTokens,
      type: type, timeout: .seconds(timeout))
  }
}

extension ItemRecord {
  /// The row's prompt, as the journal keeps it.
  var question: Prompt? {
    prompt.flatMap { try? JSON(parsing: $0) }.flatMap(Prompt.init(json:))
  }

  /// Counts what a question took.
  mutating func count(_ usage: Usage, _ cost: Double?) {
    attempts += 1
    inputTokens += usage.inputTokens
    outputTokens += usage.outputTokens
    // One call of unknown price makes the sum unknown.
    self.cost = cost.flatMap { cost in
      attempts == 1 ? cost : self.cost.map { $0 + cost }
    }
  }

  /// Counts calls whose answer never arrived, and what each may have cost.
  mutating func lose(_ calls: Int, _ amount: Double) {
    lostCalls += calls
    lostCost += Double(calls) * amount
  }

  /// Keeps an answer, and nothing of an earlier failure.
  mutating func keep(_ answer: Answer, by author: String) {
    self.answer = answer.text
    value = answer.value?.text
    answeredBy = author
    state = .answered
    errorCode = nil
    errorMessage = nil
  }
}
