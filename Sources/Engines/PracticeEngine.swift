import Transport

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
    var value: JSON?
    let text: String
    if let type = request.type {
      let made = PracticeEngine.value(type, prompt: prompt, seed: prompt.text)
      value = made
      text = made.string ?? made.text
    } else {
      text = PracticeEngine.text(prompt)
    }
    let usage = Usage(
      inputTokens: TokenEstimate.tokens(in: prompt.text)
        + (prompt.system.map(TokenEstimate.tokens) ?? 0),
      outputTokens: TokenEstimate.tokens(in: text))
    if let limit = request.maxOutputTokens, usage.outputTokens > limit {
      throw EngineError(
        .cutShort, "The answer was cut at its limit of \(limit) tokens.",
        usage: Usage(inputTokens: usage.inputTokens, outputTokens: limit))
    }
    return Answer(text: text, value: value, usage: usage, model: defaultModel)
  }

  /// The one model.
  public func models() async throws -> [String] { [defaultModel] }

  /// Needs no key.
  public func verify() async throws -> String { "The practice engine needs no key." }

  // MARK: - Making answers up

  private static let japanese = [
    "learning is fun": "学ぶことは楽しい",
    "notion is best tool": "Notionは最高のツールです",
    "social media is a boon": "ソーシャルメディアは恩恵です",
  ]

  private static func text(_ prompt: Prompt) -> String {
    let data = prompt.pieces.compactMap { piece -> String? in
      if case .data(_, let text) = piece { text } else { nil }
    }
    let words = prompt.pieces.compactMap { piece -> String? in
      if case .literal(let text) = piece { text } else { nil }
    }.joined(separator: " ").lowercased()
    if words.contains("japanese"),
      let phrase = data.lazy.compactMap({ japanese[$0.lowercased()] }).first
    {
      return "[practice] \(phrase)"
    }
    let subject = data.isEmpty ? prompt.text : data.joined(separator: ", ")
    let start = subject.prefix(200)
    return "[practice] answer to: \(start)\(start.count < subject.count ? "…" : "")"
  }

  /// A value of a shape: the same for the same prompt, different for most others.
  private static func value(_ type: AnswerType, prompt: Prompt, seed: String) -> JSON {
    let hash = fnv(seed)
    switch type {
    case .text: return .string(text(prompt))
    case .number(let minimum, let maximum):
      let low = minimum ?? min(0, maximum ?? 0)
      let high = maximum ?? low + 100
      guard high > low else { return .number(low) }
      let step = (high - low) / 10
      let number = low + step * Double(hash % 11)
      return .number(min(max((number * 1000).rounded() / 1000, low), high))
    case .flag: return .bool(hash % 2 == 0)
    case .date:
      let month = hash % 12 + 1
      let day = hash / 12 % 28 + 1
      return .string("2026-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)")
    case .option(let names):
      return names.isEmpty ? "" : .string(names[Int(hash % UInt64(names.count))])
    case .list(let item):
      return .array(
        (0..<(hash % 2 + 1)).map { value(item, prompt: prompt, seed: "\(seed)\u{1F}\($0)") })
    case .record(let fields):
      return .object(
        JSON.Members(
          fields.map {
            ($0.name, value($0.type, prompt: prompt, seed: "\(seed)\u{1F}\($0.name)"))
          }))
    }
  }

  /// The FNV-1a hash: Swift's own differs from start to start.
  private static func fnv(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
