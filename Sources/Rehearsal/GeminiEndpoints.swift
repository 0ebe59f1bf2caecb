import Engines
import Foundation
import HTTPTypes
import Transport

/// Gemini's `generateContent`, its stream, `countTokens`, models, files and batches over the practice
/// engine.
///
/// `/v1beta` and `/v1` are both answered, as clients call either.
/// - Source: Gemini API reference, “Generating content”, “Models”.
struct GeminiEndpoints: Sendable {
  let statistics: Statistics
  let batches: BatchDepot
  private let spoiling: Spoiling
  private var isHalfPrice = false

  init(statistics: Statistics, batches: BatchDepot, spoiling: Spoiling = Spoiling()) {
    self.spoiling = spoiling
    self.statistics = statistics
    self.batches = batches
  }

  /// The same, as questions in a batch are billed.
  var atHalfPrice: GeminiEndpoints {
    var copy = self
    copy.isHalfPrice = true
    return copy
  }

  private static let models = Prices.models(of: "gemini")

  struct Refused: Error {
    let status: Int
    let word: String
    let message: String
    var details: [JSON] = []

    static func invalid(_ message: String) -> Refused {
      Refused(status: 400, word: "INVALID_ARGUMENT", message: message)
    }

    static func address(_ request: ServiceRequest) -> Refused {
      Refused(status: 404, word: "NOT_FOUND", message: "Not found: \(request.path)")
    }

    var reply: Reply {
      var error: JSON.Members = [
        "code": .int(status), "message": .string(message), "status": .string(word),
      ]
      if !details.isEmpty { error["details"] = .array(details) }
      return Reply(status: status, ["error": .object(error)])
    }
  }

  /// The service's own error for a status.
  ///
  /// - Parameter rate: The limit that was reached, told where the service has a name for it.
  static func refusal(_ status: Int, wait: Duration, rate: Conditions.Rate? = nil) -> Reply {
    let word =
      switch status {
      case 400: "INVALID_ARGUMENT"
      case 401: "UNAUTHENTICATED"
      case 403: "PERMISSION_DENIED"
      case 404: "NOT_FOUND"
      case 429: "RESOURCE_EXHAUSTED"
      case 503: "UNAVAILABLE"
      case 504: "DEADLINE_EXCEEDED"
      default: "INTERNAL"
      }
    var refused = Refused(
      status: status, word: word,
      message: status == 429
        ? "You exceeded your current quota, please check your plan and billing details."
        : "The service could not answer.")
    if status == 429 {
      let seconds = (wait / .seconds(1) * 1000).rounded(.up) / 1000
      refused.details = [
        [
          "@type": "type.googleapis.com/google.rpc.RetryInfo",
          "retryDelay": .string("\(seconds)s"),
        ]
      ]
      let spans = [Duration.seconds(60): "Minute", .seconds(86_400): "Day"]
      if let rate, let span = spans[rate.window] {
        refused.details.append([
          "@type": "type.googleapis.com/google.rpc.QuotaFailure",
          "violations": [
            [
              "quotaMetric":
                "generativelanguage.googleapis.com/generate_content_free_tier_requests",
              "quotaId": .string("GenerateRequestsPer\(span)PerProjectPerModel-FreeTier"),
              "quotaValue": .string(String(rate.requests)),
            ]
          ],
        ])
      }
    }
    return refused.reply
  }

  func answer(_ request: ServiceRequest) async -> Reply {
    do {
      let name = HTTPField.Name("x-goog-api-key")
      let key = name.flatMap { request.fields[$0] } ?? request.query["key"]
      // The address of an upload is a secret by itself.
      guard key?.isEmpty == false || request.query["upload_id"] != nil else {
        throw Refused(
          status: 403, word: "PERMISSION_DENIED",
          message: "Method doesn't allow unregistered callers (callers without established "
            + "identity). Please use API Key or other form of API consumer identity to call this "
            + "API.")
      }
      return try routed(request)
    } catch let refused as Refused {
      return refused.reply
    } catch {
      return GeminiEndpoints.refusal(500, wait: .zero)
    }
  }

  private func routed(_ request: ServiceRequest) throws -> Reply {
    var parts = request.path.split(separator: "/").map(String.init)
    let isUpload = parts.first == "upload"
    if isUpload || parts.first == "download" { parts.removeFirst() }
    guard parts.count >= 2, parts[0] == "v1beta" || parts[0] == "v1" else {
      throw Refused.address(request)
    }
    switch parts[1] {
    case "files" where isUpload && request.method == .post && parts.count == 2:
      return try upload(request)
    case "files" where parts.count <= 3: return try files(request, Array(parts.dropFirst(2)))
    case "batches" where parts.count <= 3: return try batches(request, Array(parts.dropFirst(2)))
    case "models": break
    default: throw Refused.address(request)
    }
    if parts.count == 2, request.method == .get {
      return Reply(["models": .array(GeminiEndpoints.models.map(GeminiEndpoints.model))])
    }
    guard parts.count == 3 else { throw Refused.address(request) }
    let sides = parts[2].split(separator: ":", maxSplits: 1).map(String.init)
    let model = sides[0]
    guard GeminiEndpoints.models.contains(model) else {
      throw Refused(
        status: 404, word: "NOT_FOUND",
        message: "models/\(model) is not found for API version \(parts[0]), or is not supported "
          + "for generateContent. Call ListModels to see the list of available models and their "
          + "supported methods.")
    }
    guard sides.count == 2 else { return Reply(GeminiEndpoints.model(model)) }
    let body = try object(request)
    switch sides[1] {
    case "generateContent": return Reply(try generate(body, model: model))
    case "streamGenerateContent":
      let chunks = try stream(body, model: model)
      guard request.query["alt"] == "sse" else { return Reply(.array(chunks)) }
      return Reply.events(chunks.map { (nil, $0.text) })
    case "batchGenerateContent" where request.method == .post:
      return try create(body, model: model)
    case "countTokens":
      let inner = body["generateContentRequest"] ?? body
      let prompt = try prompt(inner)
      return Reply([
        "totalTokens": .int(
          TokenEstimate.tokens(in: prompt.text)
            + (prompt.system.map { TokenEstimate.tokens(in: $0) } ?? 0))
      ])
    default: throw Refused.address(request)
    }
  }

  /// Answers a question of a batch.
  func reply(to body: JSON, model: String, fault: Fault?) -> Reply {
    switch fault {
    case .status(let status): return GeminiEndpoints.refusal(status, wait: .seconds(1))
    case .malformed: return Reply(["object": "nothing"])
    default: break
    }
    do {
      return Reply(try generate(body, model: model))
    } catch let refused as Refused {
      return refused.reply
    } catch {
      return GeminiEndpoints.refusal(500, wait: .zero)
    }
  }

  private static func model(_ name: String) -> JSON {
    [
      "name": .string("models/\(name)"), "version": "practice", "displayName": .string(name),
      "inputTokenLimit": 1_048_576, "outputTokenLimit": 65536,
      "supportedGenerationMethods": ["generateContent", "countTokens", "batchGenerateContent"],
    ]
  }

  func object(_ request: ServiceRequest) throws -> JSON {
    guard let json = try? JSON(parsing: request.body), json.members != nil else {
      throw Refused.invalid("Invalid JSON payload received.")
    }
    return json
  }

  // MARK: - Generating

  private static let top: Set<String> = [
    "contents", "systemInstruction", "system_instruction", "safetySettings", "tools", "toolConfig",
    "cachedContent", "labels", "serviceTier", "store", "continuationToken", "generationConfig",
    "generation_config", "model",
  ]
  private static let configuration: Set<String> = [
    "temperature", "topP", "topK", "candidateCount", "maxOutputTokens", "stopSequences", "seed",
    "presencePenalty", "frequencyPenalty", "responseMimeType", "responseSchema",
    "responseJsonSchema", "responseModalities", "thinkingConfig", "responseLogprobs", "logprobs",
  ]

  func check(_ json: JSON?, _ allowed: Set<String>, at path: String) throws {
    for name in json?.members?.names ?? [] where !allowed.contains(name) {
      let place = path.isEmpty ? "" : " at '\(path)'"
      throw Refused.invalid(
        "Invalid JSON payload received. Unknown name \"\(name)\"\(place): Cannot find field.")
    }
  }

  private func prompt(_ body: JSON) throws -> Prompt {
    guard let contents = body["contents"]?.array, !contents.isEmpty else {
      throw Refused.invalid("* GenerateContentRequest.contents: contents is not specified")
    }
    func text(_ content: JSON) -> String {
      (content["parts"]?.array ?? []).compactMap { $0["text"]?.string }.joined()
    }
    for content in contents {
      if let role = content["role"]?.string, role != "user", role != "model" {
        throw Refused.invalid("Please use a valid role: user, model.")
      }
    }
    let system = (body["systemInstruction"] ?? body["system_instruction"]).map(text)
    return Prompt(
      system: system, pieces: [.literal(contents.map(text).joined(separator: "\n"))])
  }

  private func make(_ body: JSON, model: String) throws -> PracticeEngine.Made {
    try check(body, GeminiEndpoints.top, at: "")
    let settings = body["generationConfig"] ?? body["generation_config"]
    try check(settings, GeminiEndpoints.configuration, at: "generation_config")
    let prompt = try prompt(body)
    var schema = settings?["responseJsonSchema"] ?? settings?["responseSchema"]
    if schema != nil, settings?["responseMimeType"]?.string != "application/json" {
      throw Refused.invalid(
        "* GenerateContentRequest.generation_config.response_schema: only allowed when "
          + "response_mime_type is application/json")
    }
    if schema == nil, settings?["responseMimeType"]?.string == "application/json" {
      schema = ["type": "object"]
    }
    var made = PracticeEngine.made(
      prompt, schema: schema, limit: settings?["maxOutputTokens"]?.int)
    let price = Prices.price(engine: "gemini", model: model)
    statistics.answered(
      prompt: prompt.text, usage: made.usage, price: isHalfPrice ? price?.inBatch : price)
    made.text = spoiling.applied(to: made.text, prompt: prompt.text, schema: schema)
    return made
  }

  private func answer(
    _ text: String, made: PracticeEngine.Made, model: String, isLast: Bool, id: String
  ) -> JSON {
    var candidate: JSON.Members = [
      "content": ["parts": [["text": .string(text)]], "role": "model"], "index": 0,
    ]
    if isLast { candidate["finishReason"] = made.isCut ? "MAX_TOKENS" : "STOP" }
    return [
      "candidates": [.object(candidate)],
      "usageMetadata": [
        "promptTokenCount": .int(made.usage.inputTokens),
        "candidatesTokenCount": .int(made.usage.outputTokens),
        "totalTokenCount": .int(made.usage.inputTokens + made.usage.outputTokens),
      ],
      "modelVersion": .string(model), "responseId": .string(id),
    ]
  }

  private func generate(_ body: JSON, model: String) throws -> JSON {
    let made = try make(body, model: model)
    return answer(made.text, made: made, model: model, isLast: true, id: UUID().uuidString)
  }

  private func stream(_ body: JSON, model: String) throws -> [JSON] {
    let made = try make(body, model: model)
    let id = UUID().uuidString
    let pieces = OpenAIEndpoints.pieces(made.text)
    guard !pieces.isEmpty else {
      return [answer("", made: made, model: model, isLast: true, id: id)]
    }
    return pieces.enumerated().map { index, piece in
      answer(piece, made: made, model: model, isLast: index == pieces.count - 1, id: id)
    }
  }
}
