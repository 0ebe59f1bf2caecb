import Engines
import Foundation
import Synchronization
import Transport

/// A batch service in memory that counts what it was asked, and fails where it is told to.
final class FakeBatches: BatchService {
  /// What happens to the answer of a creation.
  enum Creation { case fine, lostBefore, lostAfter, refused }

  struct State {
    var files: [String: [UInt8]] = [:]
    var batches: [(id: String, label: String, file: String)] = []
    var end = RemoteBatch.State.finished
    var creations: [Creation] = []
    var isFindable = true
    var cancelled: Set<String> = []
  }

  let title = "Fake"
  let mostQuestions: Int
  let mostBytes = 1 << 20
  let hours = 24
  let state = Mutex(State())
  private let answer: @Sendable (String) -> Result<Answer, EngineError>?

  init(
    mostQuestions: Int = 1000,
    answer: @escaping @Sendable (String) -> Result<Answer, EngineError>? = { prompt in
      .success(
        Answer(
          text: "answer to \(prompt)", usage: Usage(inputTokens: 10, outputTokens: 5), model: "m"))
    }
  ) {
    self.mostQuestions = mostQuestions
    self.answer = answer
  }

  /// How often each question was asked: what a service would bill.
  var asked: [String: Int] {
    state.withLock { state in
      var counts: [String: Int] = [:]
      for batch in state.batches {
        for line in FakeBatches.lines(state.files[batch.file] ?? []) {
          counts[line.prompt, default: 0] += 1
        }
      }
      return counts
    }
  }

  private static func lines(_ bytes: [UInt8]) -> [(key: String, prompt: String)] {
    bytes.split(separator: 0x0A).compactMap { line in
      guard let json = try? JSON(parsing: Array(line)), let key = json["key"]?.string,
        let prompt = json["prompt"]?.string
      else { return nil }
      return (key, prompt)
    }
  }

  func line(_ request: EngineRequest, key: String, model: String) -> [UInt8] {
    JSON.object(["key": .string(key), "prompt": .string(request.prompt.text)]).bytes + [0x0A]
  }

  func upload(_ file: [UInt8], label: String) async throws -> String {
    state.withLock { state in
      let id = "file-\(state.files.count)"
      state.files[id] = file
      return id
    }
  }

  func create(file: String, label: String, model: String) async throws -> RemoteBatch {
    try state.withLock { state in
      let creation = state.creations.isEmpty ? .fine : state.creations.removeFirst()
      if creation == .refused { throw EngineError(.badRequest, "Refused.") }
      if creation == .lostBefore { throw EngineError(.connection, "Lost.", mayPassLater: true) }
      let id = "batch-\(state.batches.count)"
      state.batches.append((id, label, file))
      if creation == .lostAfter { throw EngineError(.timedOut, "Lost.", mayPassLater: true) }
      return RemoteBatch(id: id, state: .waiting, answered: 0, failed: 0, endsBy: nil)
    }
  }

  func find(label: String) async throws -> RemoteBatch? {
    try state.withLock { state in
      guard state.isFindable else { throw EngineError(.connection, "No network.") }
      return state.batches.first { $0.label == label }.map { Self.remote($0.id, state) }
    }
  }

  func look(_ id: String) async throws -> RemoteBatch {
    try state.withLock { state in
      guard state.batches.contains(where: { $0.id == id }) else {
        throw EngineError(.batchNotFound, "None.")
      }
      return Self.remote(id, state)
    }
  }

  private static func remote(_ id: String, _ state: State) -> RemoteBatch {
    RemoteBatch(
      id: id, state: state.cancelled.contains(id) ? .cancelled : state.end, answered: 0, failed: 0,
      endsBy: nil)
  }

  func cancel(_ id: String) async throws {
    state.withLock { _ = $0.cancelled.insert(id) }
  }

  func results(
    of batch: RemoteBatch, model: String, _ each: (BatchAnswer) async throws -> Void
  ) async throws {
    let lines = state.withLock { state in
      let file = state.batches.first { $0.id == batch.id }?.file ?? ""
      return FakeBatches.lines(state.files[file] ?? [])
    }
    // The last comes first, and twice: no service promises an order.
    for line in lines.reversed() + lines.suffix(1) {
      if let result = answer(line.prompt) {
        try await each(BatchAnswer(key: line.key, result: result))
      }
    }
  }

  func discard(files: [String]) async {}
}

/// An engine whose questions go into batches only.
struct BatchEngine: Engine {
  let name = "gpt"
  let defaultModel = "gpt-6-luna"
  let service: FakeBatches
  var batches: (any BatchService)? { service }

  func answer(_ request: EngineRequest) async throws -> Answer {
    throw EngineError(.badRequest, "Nobody asked for this.")
  }
  func models() async throws -> [String] { [] }
  func verify() async throws -> String { "" }
}
