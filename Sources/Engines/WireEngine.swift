import HTTPTypes
import Synchronization
import Transport

/// One service's protocol: how a question is spelled, how an answer and an error are read.
protocol EngineWire: Sendable {
  var name: String { get }
  var title: String { get }
  var defaultModel: String { get }

  /// The path of a question, below the base address.
  func path(model: String) -> String
  /// The header fields that carry the key.
  func fields(key: Secret?) -> HTTPFields
  /// The question, without the fields this model has refused before.
  func body(_ request: EngineRequest, model: String, prompt: Prompt, refused: Set<String>) -> JSON
  /// Reads a successful response.
  ///
  /// - Throws: ``EngineError`` when it holds no answer that may be written.
  func answer(_ json: JSON, model: String) throws -> Answer
  /// The path of a question whose answer streams.
  func streamPath(model: String) -> String
  /// The question, asked so that its answer streams.
  func streaming(_ body: JSON, refused: Set<String>) -> JSON
  /// Takes one event of a streaming answer: gives its text, and gathers the rest.
  func take(_ event: JSON, into gathered: inout GatheredAnswer) -> String
  /// Sorts a failed response.
  func error(status: Int, json: JSON?, model: String) -> EngineError
  /// The path that lists the models, and the names in its answer.
  var modelsPath: String { get }
  func models(_ json: JSON) -> [String]
  /// The service's batches; `nil` when it has none.
  func batches(
    _ calls: ServiceCalls, refused: @escaping @Sendable (String) -> Set<String>
  ) -> (any BatchService)?
}

/// Asks a service over HTTP: waits, asks again, asks once more for the right shape.
///
/// A class: thousands of questions may be in flight, each with what its functions hand on.
final class WireEngine<Wire: EngineWire>: Engine {
  let wire: Wire
  let settings: EngineSettings
  let baseURL: String
  private let quirks = Quirks()
  private let known = KnownLimits()
  private let calls: ServiceCalls
  private let gate: EngineGate

  var name: String { wire.name }
  var defaultModel: String { wire.defaultModel }

  init(wire: Wire, settings: EngineSettings, baseURL: String) {
    self.wire = wire
    self.settings = settings
    self.baseURL = baseURL
    calls = ServiceCalls(wire: wire, settings: settings, baseURL: baseURL)
    // A server of one's own works at one or two questions at a time; more is found out.
    let isOwn = baseURL.hasPrefix("http://")
    gate = EngineGate(
      start: min(isOwn ? 4 : 8, settings.mostAtOnce), most: settings.mostAtOnce,
      limits: settings.limits,
      onWait: { [title = wire.title, onWait = settings.onWait] reason, wait in
        onWait(reason.replacing("its", with: "\(title)'s"), wait)
      },
      sleep: { try await settings.sleep($0) })
  }

  func answer(
    _ request: EngineRequest, onPiece: @escaping @Sendable (AnswerPiece) -> Void
  ) async throws -> Answer {
    // What may be asked for again is shown when it is whole.
    guard request.type == nil, request.check == nil else {
      let answer = try await answer(request)
      onPiece(.text(answer.text))
      return answer
    }
    return try await ask(
      request, model: request.model ?? wire.defaultModel, prompt: request.prompt, onPiece: onPiece)
  }

  func answer(_ request: EngineRequest) async throws -> Answer {
    let model = request.model ?? wire.defaultModel
    let first = try await ask(request, model: model, prompt: request.prompt)
    do {
      return try await first.accepted(for: request)
    } catch let problem as AnswerProblem {
      // One more try, told what was wrong; both are paid for and both are counted.
      var again = request.prompt
      again.pieces.append(
        .literal(
          "\n\nYour last answer was not usable: \(problem). "
            + (request.type == nil
              ? "Answer again." : "Answer again with JSON of the requested schema only.")))
      var spent = Spent()
      spent.usage = first.usage
      spent.lostCalls = first.lostCalls
      try await request.onSpent?(spent)
      let second = try await ask(request, model: model, prompt: again, after: spent)
      do {
        return try await second.accepted(for: request)
      } catch let problem as AnswerProblem {
        throw EngineError(
          .invalidAnswer, "The answer was not usable, twice: \(problem).", usage: second.usage,
          lostCalls: second.lostCalls)
      }
    }
  }

  var width: Int? { get async { await gate.width } }

  var batches: (any BatchService)? {
    wire.batches(calls) { [quirks] in quirks.refused(by: $0) }
  }

  func models() async throws -> [String] {
    let json = try await exchange(
      .get, wire.modelsPath, body: nil, model: "", timeout: .seconds(30))
    return wire.models(json).sorted()
  }

  func verify() async throws -> String {
    let count = try await models().count
    return "\(wire.title) knows this key; \(count) \(count == 1 ? "model" : "models") can be asked."
  }

  // MARK: - Asking

  /// Asks until there is an answer, or there will be none.
  ///
  /// - Parameter before: What earlier calls for the question took; what is given back includes it.
  private func ask(
    _ request: EngineRequest, model: String, prompt: Prompt, after before: Spent = Spent(),
    onPiece: (@Sendable (AnswerPiece) -> Void)? = nil
  ) async throws -> Answer {
    var pause = Duration.milliseconds(500)
    var attempt = 1
    var spent = before
    let tokens = TokenEstimate.tokens(in: prompt.text) + min(request.maxOutputTokens ?? 500, 2000)
    while true {
      let refused = quirks.refused(by: model)
      do {
        let body = wire.body(request, model: model, prompt: prompt, refused: refused)
        var answer = try await gated(model, tokens, most: request.mostAtOnce) {
          try await request.onSend?()
          if let onPiece {
            return try await stream(body, model, refused, request.timeout, tokens, onPiece)
          }
          let json = try await exchange(
            .post, wire.path(model: model), body: body, model: model, timeout: request.timeout,
            tokens: tokens)
          return try wire.answer(json, model: model)
        }
        if answer.usage == Usage() {
          answer.usage = Usage(
            inputTokens: TokenEstimate.tokens(in: prompt.text),
            outputTokens: TokenEstimate.tokens(in: answer.text), isEstimated: true)
        }
        answer.usage = answer.usage + spent.usage
        answer.lostCalls = spent.lostCalls
        return answer
      } catch var error as EngineError {
        // Another question may have learnt it meanwhile; what counts is that this one was sent with it.
        if let field = error.refusedField, !refused.contains(field) {
          quirks.refuse(field, by: model)
          continue
        }
        if let usage = error.usage { spent.usage = spent.usage + usage }
        error.usage = spent.usage == Usage() ? nil : spent.usage
        if error.mayBeBilled { spent.lostCalls += 1 }
        error.lostCalls = spent.lostCalls
        let wait = error.retryAfter ?? pause * Double.random(in: 0.75...1.25)
        guard error.mayPassLater, attempt < settings.attempts, wait <= .seconds(120) else {
          throw error
        }
        try await request.onSpent?(spent)
        if wait > .seconds(1) { settings.onWait(reason(error), wait) }
        try await settings.sleep(wait)
        pause = min(pause * 2, .seconds(20))
        attempt += 1
      }
    }
  }

  private func reason(_ error: EngineError) -> String {
    switch error.code {
    case .rateLimited: "\(wire.title)'s limit"
    case .overloaded: "\(wire.title), which is overloaded"
    default: "\(wire.title), after a failure"
    }
  }

  /// Asks when the service can take one more.
  private func gated(
    _ model: String, _ tokens: Int, most: Int?, _ ask: () async throws -> Answer
  ) async throws -> Answer {
    try await gate.enter(tokens: tokens, most: most)
    let start = ContinuousClock.now
    do {
      var answer = try await ask()
      answer.duration = ContinuousClock.now - start
      settings.onUse(model, answer.usage.inputTokens + answer.usage.outputTokens)
      await gate.leave(.answered(seconds: (ContinuousClock.now - start) / .seconds(1)))
      return answer
    } catch let error as EngineError {
      settings.onUse(model, 0)
      for limit in error.limits where await gate.learn(limit) { settings.onLimit(model, limit) }
      if error.code == .rateLimited || error.code == .overloaded {
        let isShort = error.retryAfter.map { $0 <= .seconds(120) } ?? false
        await gate.leave(.overloaded(isShort ? error.retryAfter : nil))
      } else {
        await gate.leave(.failed)
      }
      throw error
    } catch {
      await gate.leave(.failed)
      throw error
    }
  }

  /// Asks for a streaming answer and tells of its text as it arrives.
  private func stream(
    _ body: JSON, _ model: String, _ refused: Set<String>, _ timeout: Duration, _ tokens: Int,
    _ onPiece: @Sendable (AnswerPiece) -> Void
  ) async throws -> Answer {
    let response = try await calls.send(
      .post, wire.streamPath(model: model), fields: [.contentType: "application/json"],
      body: wire.streaming(body, refused: refused).bytes, model: model, timeout: timeout
    ) { fields in
      await learn(fields, model, tokens)
    }
    guard response.fields[.contentType]?.hasPrefix("text/event-stream") == true else {
      // A server that does not stream and says all at once.
      let answer = try wire.answer(try await calls.document(response), model: model)
      onPiece(.text(answer.text))
      return answer
    }
    var reader = StreamReader(wire: wire, model: model)
    do {
      do {
        for try await chunk in response.body {
          for text in try reader.texts(in: chunk) { onPiece(.text(text)) }
        }
      } catch let error as TransportError {
        throw ServiceCalls.explained(error)
      }
      for text in try reader.finish() { onPiece(.text(text)) }
      return try reader.answer()
    } catch let error as EngineError {
      if reader.hasBegun, error.mayPassLater { onPiece(.restart) }
      throw error
    }
  }

  private func exchange(
    _ method: HTTPRequest.Method, _ path: String, body: JSON?, model: String, timeout: Duration,
    tokens: Int = 0
  ) async throws -> JSON {
    try await calls.json(method, path, body: body, model: model, timeout: timeout) { fields in
      await learn(fields, model, tokens)
    }
  }

  /// Takes in what a response says of limits.
  private func learn(_ fields: HTTPFields, _ model: String, _ tokens: Int) async {
    guard let report = RateReport(fields) else { return }
    await gate.note(report, tokens: tokens)
    for limit in report.limits where known.isNews(model, limit) { settings.onLimit(model, limit) }
  }
}

/// The request fields that models have refused, so that each is sent in vain only once.
final class Quirks: Sendable {
  private let refusedFields = Mutex<[String: Set<String>]>([:])

  func refused(by model: String) -> Set<String> {
    refusedFields.withLock { $0[model] ?? [] }
  }

  /// Remembers a refusal.
  func refuse(_ field: String, by model: String) {
    refusedFields.withLock { _ = $0[model, default: []].insert(field) }
  }
}

/// The limits that were told already, so that each is told once.
private final class KnownLimits: Sendable {
  private let limits = Mutex<[String: Set<EngineLimit>]>([:])

  func isNews(_ model: String, _ limit: EngineLimit) -> Bool {
    limits.withLock { $0[model, default: []].insert(limit).inserted }
  }
}

extension EngineError {
  /// Whether the service may have done the work and billed it, though no answer came.
  fileprivate var mayBeBilled: Bool {
    switch code {
    case .timedOut, .malformed: true
    case .connection: scope == .row
    default: false
    }
  }
}

/// An address without `/v1` or `/v1beta` and without a slash at its end.
func normalizedBase(_ address: String) -> String {
  var base = address
  while base.hasSuffix("/") { base.removeLast() }
  for version in ["/v1beta", "/v1"] where base.hasSuffix(version) {
    base.removeLast(version.count)
  }
  return base
}
