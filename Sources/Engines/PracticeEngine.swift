public import Transport

/// An engine without a model: deterministic, free, and plainly labelled.
///
/// It exists so that everything else can be tried and tested without an account. It knows the
/// sample topics in Japanese; for every other prompt it says what it was given. A shape that is
/// asked for is kept to.
public struct PracticeEngine: Engine {
  /// The word a person uses for it.
  public let name = "practice"
  /// There is one model.
  public let defaultModel = "practice-1"

  private let latency: @Sendable (Prompt) async throws -> Void
  private let fault: @Sendable (Prompt) -> EngineError?

  /// Creates an engine.
  ///
  /// - Parameters:
  ///   - latency: Waits before an answer; a rehearsal's slowness.
  ///   - fault: The error to give instead of an answer; a rehearsal's trouble.
  public init(
    latency: @escaping @Sendable (Prompt) async throws -> Void = { _ in },
    fault: @escaping @Sendable (Prompt) -> EngineError? = { _ in nil }
  ) {
    self.latency = latency
    self.fault = fault
  }

  /// Answers; see ``Engine``.
  public func answer(_ request: EngineRequest) async throws -> Answer {
    try Task.checkCancellation()
    try await latency(request.prompt)
    if let error = fault(request.prompt) { throw error }
    let prompt = request.prompt
    guard !prompt.text.allSatisfy(\.isWhitespace) else {
      throw EngineError(.empty, "The prompt is empty.")
    }
    let made = PracticeEngine.made(
      prompt, schema: request.type?.jsonSchema, limit: request.maxOutputTokens)
    if made.isCut {
      throw EngineError(
        .cutShort, "The answer was cut at its limit of \(made.usage.outputTokens) tokens.",
        usage: made.usage)
    }
    var value: JSON?
    if let type = request.type {
      do {
        value = try type.checked(made.value ?? .null)
      } catch {
        throw EngineError(.invalidAnswer, "The practice engine’s answer: \(error).")
      }
    }
    let answer = Answer(text: made.text, value: value, usage: made.usage, model: defaultModel)
    if let problem = try await request.check?(answer) {
      throw EngineError(
        .invalidAnswer, "The practice engine’s answer was not usable: \(problem).",
        usage: made.usage)
    }
    return answer
  }

  /// The one model.
  public func models() async throws -> [String] { [defaultModel] }

  /// Needs no key.
  public func verify() async throws -> String { "The practice engine needs no key." }

  // MARK: - Making answers up

  /// An answer that was made up.
  public struct Made: Sendable {
    /// The answer; JSON when a schema was given.
    public var text: String
    /// The answer's value when a schema was given.
    public var value: JSON?
    /// What a real service would bill, by estimate.
    public var usage: Usage
    /// Whether the limit cut it.
    public var isCut: Bool
  }

  /// Makes an answer up: the same for the same prompt, different for most others.
  ///
  /// - Parameters:
  ///   - schema: The JSON Schema that the answer keeps to; `nil` for text.
  ///   - limit: The most tokens of the answer.
  public static func made(_ prompt: Prompt, schema: JSON?, limit: Int? = nil) -> Made {
    var text: String
    var value: JSON?
    if let talk = PracticeTalk(prompt.text) {
      text = talk.answer
      if schema != nil {
        value = talk.statements
        text = talk.statements.text
      }
    } else if let schema {
      var sample = SchemaSample(
        root: schema, words: words(prompt), sections: PromptSections.read(prompt.text))
      let made = sample.value(schema, seed: prompt.text)
      value = made
      text = made.string ?? made.text
    } else {
      text = words(prompt)
    }
    var usage = Usage(
      inputTokens: TokenEstimate.tokens(in: prompt.text)
        + (prompt.system.map { TokenEstimate.tokens(in: $0) } ?? 0),
      outputTokens: TokenEstimate.tokens(in: text))
    var isCut = false
    if let limit, usage.outputTokens > limit {
      isCut = true
      let share = Double(max(0, limit)) / Double(usage.outputTokens)
      text = String(text.prefix(Int(Double(text.count) * share)))
      usage.outputTokens = max(0, limit)
    }
    return Made(text: text, value: isCut ? nil : value, usage: usage, isCut: isCut)
  }

  private static let japanese = [
    "learning is fun": "学ぶことは楽しい",
    "notion is best tool": "Notionは最高のツールです",
    "social media is a boon": "ソーシャルメディアは恩恵です",
  ]

  static func words(_ prompt: Prompt) -> String {
    let data = prompt.pieces.compactMap { piece -> String? in
      if case .data(_, let text) = piece { text } else { nil }
    }
    let asked = prompt.text.lowercased()
    if asked.contains("japanese"),
      let phrase = japanese.keys.sorted().first(where: asked.contains).flatMap({ japanese[$0] })
    {
      return "[practice] \(phrase)"
    }
    let subject = data.isEmpty ? prompt.text : data.joined(separator: ", ")
    let start = subject.prefix(200)
    return "[practice] answer to: \(start)\(start.count < subject.count ? "…" : "")"
  }
}
