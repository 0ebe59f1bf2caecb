public import Engines
public import Store
import Transport

/// An engine that does not ask the same question twice: same engine, model, settings, words, shape.
///
/// Only whole, accepted answers are kept; failures and cut answers are asked again.
public struct CachingEngine: Engine {
  /// The engine that is asked when nothing was kept.
  let base: any Engine
  private let cache: AnswerCache

  /// Wraps an engine.
  public init(around base: any Engine, cache: AnswerCache) {
    self.base = base
    self.cache = cache
  }

  /// The engine's own name.
  public var name: String { base.name }
  /// The engine's own default.
  public var defaultModel: String { base.defaultModel }

  /// The engine's own.
  public var width: Int? { get async { await base.width } }

  /// The batches of the engine's service.
  public var batches: (any BatchService)? { base.batches }

  /// Gives the kept answer, which costs nothing, or asks; see ``Engine``.
  public func answer(_ request: EngineRequest) async throws -> Answer {
    if let kept = try await kept(for: request) { return kept }
    let answer = try await base.answer(request)
    try cache.keep(entry(answer, for: request))
    return answer
  }

  /// Gives the kept answer as one piece, or asks and tells of its text as it arrives.
  public func answer(
    _ request: EngineRequest, onPiece: @escaping @Sendable (AnswerPiece) -> Void
  ) async throws -> Answer {
    if let kept = try await kept(for: request) {
      onPiece(.text(kept.text))
      return kept
    }
    let answer = try await base.answer(request, onPiece: onPiece)
    try cache.keep(entry(answer, for: request))
    return answer
  }

  /// The answer that was kept for the same question, if it may still be taken.
  func kept(for request: EngineRequest) async throws -> Answer? {
    guard let kept = try cache.find(key(request)) else { return nil }
    let value = kept.value.flatMap { try? JSON(parsing: $0) }
    let answer = Answer(text: kept.answer, value: value, usage: Usage(), model: kept.model)
    // What is asked of answers may have changed since it was kept.
    return try await request.check?(answer) == nil ? answer : nil
  }

  /// An answer as it is kept for the next time.
  func entry(_ answer: Answer, for request: EngineRequest) -> AnswerCache.Kept {
    AnswerCache.Kept(
      AnswerCache.Entry(answer: answer.text, value: answer.value?.text, model: answer.model),
      for: key(request))
  }

  /// The engine's own list.
  public func models() async throws -> [String] { try await base.models() }
  /// The engine's own check.
  public func verify() async throws -> String { try await base.verify() }

  private func key(_ request: EngineRequest) -> String {
    var members: JSON.Members = [
      "engine": .string(base.name), "model": .string(request.model ?? base.defaultModel),
      "prompt": request.prompt.json,
    ]
    if let temperature = request.temperature { members["temperature"] = .number(temperature) }
    // A limit on the answer's length changes nothing about an answer that is whole.
    if let type = request.type { members["type"] = type.json }
    return JSON.object(members).text
  }
}
