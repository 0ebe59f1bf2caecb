import Engines
import Synchronization

/// An engine that answers at once and counts how often each prompt was asked.
final class CountingEngine: Engine {
  let name = "practice"
  let defaultModel = "counting"
  private let counts = Mutex<[String: Int]>([:])
  private let reply: @Sendable (Prompt) throws -> String

  init(reply: @escaping @Sendable (Prompt) throws -> String = { "answer to \($0.text)" }) {
    self.reply = reply
  }

  var asked: [String: Int] { counts.withLock { $0 } }

  func answer(_ request: EngineRequest) async throws -> Answer {
    counts.withLock { $0[request.prompt.text, default: 0] += 1 }
    let text = try reply(request.prompt)
    return Answer(text: text, usage: Usage(inputTokens: 10, outputTokens: 5), model: "counting")
  }

  func models() async throws -> [String] { ["counting"] }
  func verify() async throws -> String { "Here." }
}
