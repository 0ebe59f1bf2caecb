public import Transport

/// An AI engine: takes a prompt, gives an answer.
public protocol Engine: Sendable {
  /// The word a person uses for it: `gemini`, `gpt`, `local`, `practice`.
  var name: String { get }
  /// The model asked when none is named.
  var defaultModel: String { get }

  /// Asks for one answer.
  ///
  /// Waits and asks again by itself where the service says so; an answer of a wrong shape is asked
  /// for once more.
  /// - Throws: ``EngineError``, which says whom it concerns; `CancellationError`.
  func answer(_ request: EngineRequest) async throws -> Answer

  /// Asks for one answer and tells of its text as it arrives.
  ///
  /// A request with a shape is answered whole: half a document helps nobody.
  /// - Parameter onPiece: Told of each piece in order.
  /// - Returns: The whole answer; its text is the pieces since the last ``AnswerPiece/restart``.
  /// - Throws: As ``answer(_:)``.
  func answer(
    _ request: EngineRequest, onPiece: @escaping @Sendable (AnswerPiece) -> Void
  ) async throws -> Answer

  /// The service's batches, which answer later at half the price; `nil` when it has none.
  var batches: (any BatchService)? { get }

  /// The questions that the service is asked at once, as it stands now; `nil` for any number.
  var width: Int? { get async }

  /// The models that can be asked, by name.
  func models() async throws -> [String]

  /// Tries the key with a call that costs nothing.
  ///
  /// - Returns: A sentence for a person: which service, how many models.
  func verify() async throws -> String
}

extension Engine {
  /// Gives the whole answer as one piece.
  public func answer(
    _ request: EngineRequest, onPiece: @escaping @Sendable (AnswerPiece) -> Void
  ) async throws -> Answer {
    let answer = try await answer(request)
    onPiece(.text(answer.text))
    return answer
  }

  /// Any number.
  public var width: Int? { get async { nil } }

  /// None.
  public var batches: (any BatchService)? { nil }
}

/// A part of an answer that is still arriving.
public enum AnswerPiece: Sendable, Hashable {
  /// More text.
  case text(String)
  /// What came so far broke off and does not count; the question is asked again.
  case restart
}

/// One question to an engine.
public struct EngineRequest: Sendable {
  /// What to ask.
  public var prompt: Prompt
  /// The model; `nil` for the engine's default.
  public var model: String?
  /// How freely to answer, 0 through 2; `nil` for the model's own.
  public var temperature: Double?
  /// The most tokens of an answer, thinking included; `nil` for the service's own limit.
  public var maxOutputTokens: Int?
  /// The shape the answer must have; `nil` for plain text.
  public var type: AnswerType?
  /// Whether a record may come with parts missing or wrong; the asker checks each part.
  public var acceptsParts = false
  /// Looks at an answer of the right shape before it is taken: a sentence that says what is wrong
  /// with it, which the engine is told when it is asked once more; `nil` when it may be taken.
  public var check: (@Sendable (Answer) async throws -> String?)?
  /// Told before each call leaves, when it has waited for its turn: from then on it may be billed.
  public var onSend: (@Sendable () async throws -> Void)?
  /// Told what was spent so far, each time a call ended without an answer that is taken and another
  /// one is to be made; in the end the answer, or the error, tells of all of it.
  public var onSpent: (@Sendable (Spent) async throws -> Void)?
  /// How long to wait for the answer.
  public var timeout: Duration
  /// The most questions that the asker wants in flight with this service; `nil` leaves it to the
  /// engine.
  ///
  /// One that waits to be asked again is not in flight.
  public var mostAtOnce: Int?

  /// Creates a question.
  public init(
    prompt: Prompt, model: String? = nil, temperature: Double? = nil, maxOutputTokens: Int? = nil,
    type: AnswerType? = nil, timeout: Duration = .seconds(180)
  ) {
    self.prompt = prompt
    self.model = model
    self.temperature = temperature
    self.maxOutputTokens = maxOutputTokens
    self.type = type
    self.timeout = timeout
  }
}

/// The tokens that a call was billed for.
public struct Usage: Sendable, Hashable {
  /// Tokens of the prompt, cached ones included.
  public var inputTokens: Int
  /// Tokens of the answer, thinking included.
  public var outputTokens: Int
  /// Tokens of the prompt that were in the service's cache.
  public var cachedInputTokens: Int
  /// Whether the service did not say, and these are our own estimate.
  public var isEstimated: Bool

  /// Creates a count.
  public init(
    inputTokens: Int = 0, outputTokens: Int = 0, cachedInputTokens: Int = 0,
    isEstimated: Bool = false
  ) {
    self.inputTokens = inputTokens
    self.outputTokens = outputTokens
    self.cachedInputTokens = cachedInputTokens
    self.isEstimated = isEstimated
  }

  /// The sum of two.
  public static func + (a: Usage, b: Usage) -> Usage {
    Usage(
      inputTokens: a.inputTokens &+ b.inputTokens, outputTokens: a.outputTokens &+ b.outputTokens,
      cachedInputTokens: a.cachedInputTokens &+ b.cachedInputTokens,
      isEstimated: a.isEstimated || b.isEstimated)
  }
}

/// What the calls for one question have taken.
public struct Spent: Sendable, Hashable {
  /// What was billed.
  public var usage = Usage()
  /// Calls that got no answer, and may be billed all the same.
  public var lostCalls = 0

  /// Nothing yet.
  public init() {}
}

/// An answer that is whole and may be written.
public struct Answer: Sendable {
  /// The answer as text.
  public var text: String
  /// The checked value, when a shape was asked for.
  public var value: JSON?
  /// What it cost in tokens.
  public var usage: Usage
  /// The model that answered, as the service names it.
  public var model: String
  /// The service's identity of the call.
  public var requestID: String?
  /// How long the service took for this answer, without the wait for its turn; `nil` when nobody
  /// measured.
  public var duration: Duration?
  /// Calls made before for the same question that got no answer, and may be billed all the same.
  public var lostCalls = 0

  /// Creates an answer.
  public init(
    text: String, value: JSON? = nil, usage: Usage, model: String, requestID: String? = nil
  ) {
    self.text = text
    self.value = value
    self.usage = usage
    self.model = model
    self.requestID = requestID
  }
}

/// What an engine is made from.
public struct EngineSettings: Sendable {
  /// The key; `nil` where none is needed.
  public var key: Secret?
  /// The service's address up to and without `/v1`; `nil` for its own.
  public var baseURL: String?
  /// The way to the service.
  public var transport: any HTTPTransport
  /// How often one question is sent, the first time included.
  public var attempts: Int
  /// The most questions in flight at once; fewer while the service is troubled.
  public var mostAtOnce: Int
  /// Limits to keep to from the start, with what was used of them already.
  public var limits: [(EngineLimit, used: Int)] = []
  /// Told of limits of a model that the service speaks of.
  public var onLimit: @Sendable (String, EngineLimit) -> Void = { _, _ in }
  /// Told of each question's model and tokens, for limits that outlast a session.
  public var onUse: @Sendable (String, Int) -> Void = { _, _ in }
  /// Told what is waited for and how long, for a progress line: “OpenAI's limit”.
  public var onWait: @Sendable (String, Duration) -> Void
  /// Waits; a test's clock.
  public var sleep: @Sendable (Duration) async throws -> Void

  /// Creates settings.
  public init(
    key: Secret? = nil, baseURL: String? = nil, transport: any HTTPTransport, attempts: Int = 8,
    mostAtOnce: Int = 64, onWait: @escaping @Sendable (String, Duration) -> Void = { _, _ in },
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.key = key
    self.baseURL = baseURL
    self.transport = transport
    self.attempts = attempts
    self.mostAtOnce = max(1, mostAtOnce)
    self.onWait = onWait
    self.sleep = sleep
  }
}
