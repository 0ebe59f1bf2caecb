import HTTPTypes
import Transport

/// Google's Gemini by `generateContent`.
///
/// - Source: Gemini API reference, “models.generateContent”, v1beta.
struct Gemini: EngineWire {
  let name = "gemini"
  let title = "Gemini"
  let defaultModel: String

  let modelsPath = "/v1beta/models?pageSize=1000"

  func path(model: String) -> String {
    "/v1beta/models/\(model.hasPrefix("models/") ? String(model.dropFirst(7)) : model):generateContent"
  }

  func fields(key: Secret?) -> HTTPFields {
    var fields = HTTPFields()
    // A header, not `?key=`: addresses end up in logs.
    if let key, let name = HTTPField.Name("x-goog-api-key") { fields[name] = key.reveal() }
    return fields
  }

  func body(
    _ request: EngineRequest, model: String, prompt: Prompt, refused: Set<String>
  ) -> JSON {
    var members: JSON.Members = [
      "contents": [["role": "user", "parts": [["text": .string(prompt.text)]]]]
    ]
    if let system = prompt.system {
      members["systemInstruction"] = ["parts": [["text": .string(system)]]]
    }
    var configuration = JSON.Members()
    if let limit = request.maxOutputTokens { configuration["maxOutputTokens"] = .int(limit) }
    if let temperature = request.temperature, !refused.contains("temperature") {
      configuration["temperature"] = .number(temperature)
    }
    if let type = request.type {
      configuration["responseMimeType"] = "application/json"
      configuration["responseJsonSchema"] = type.rootedSchema.schema
    }
    // What flash-lite does without being told is said differently by different sources.
    if model.contains("flash-lite"), model.hasPrefix("gemini-3"),
      !refused.contains("thinkingConfig")
    {
      configuration["thinkingConfig"] = ["thinkingLevel": "MINIMAL"]
    }
    if !configuration.isEmpty { members["generationConfig"] = .object(configuration) }
    return .object(members)
  }

  func answer(_ json: JSON, model: String) throws -> Answer {
    let counts = json["usageMetadata"]
    let usage = Usage(
      inputTokens: counts?["promptTokenCount"]?.int ?? 0,
      outputTokens: (counts?["candidatesTokenCount"]?.int ?? 0)
        &+ (counts?["thoughtsTokenCount"]?.int ?? 0),
      cachedInputTokens: counts?["cachedContentTokenCount"]?.int ?? 0)
    guard let candidate = json["candidates"]?[0] else {
      if let reason = json["promptFeedback"]?["blockReason"]?.string {
        throw EngineError(.blocked, "Gemini refused the prompt (\(reason)).", usage: usage)
      }
      throw EngineError(.empty, "Gemini gave no answer.", usage: usage)
    }
    let reason = candidate["finishReason"]?.string
    switch reason {
    case "STOP", nil: break
    case "MAX_TOKENS":
      throw EngineError(
        .cutShort,
        "The answer was cut at its limit of tokens; raise it: set max_output_tokens 4000",
        usage: usage)
    case "PUP_LIMITED_DISABLED":
      throw EngineError(.badKey, "Gemini is disabled for this account.", scope: .run, usage: usage)
    case "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL",
      "TOO_MANY_TOOL_CALLS", "OTHER":
      throw EngineError(
        .serverError, "Gemini stopped by mistake (\(reason ?? "")).", mayPassLater: true,
        usage: usage)
    case let reason?:
      throw EngineError(.blocked, "Gemini kept the answer back (\(reason)).", usage: usage)
    }
    let text = (candidate["content"]?["parts"]?.array ?? [])
      .filter { $0["thought"]?.bool != true }
      .compactMap { $0["text"]?.string }.joined()
    guard !text.allSatisfy(\.isWhitespace) else {
      throw EngineError(.empty, "Gemini answered without any text.", usage: usage)
    }
    return Answer(
      text: text, usage: usage, model: json["modelVersion"]?.string ?? model,
      requestID: json["responseId"]?.string)
  }

  func streamPath(model: String) -> String {
    path(model: model).replacing(":generateContent", with: ":streamGenerateContent?alt=sse")
  }

  func streaming(_ body: JSON, refused: Set<String>) -> JSON { body }

  func take(_ event: JSON, into gathered: inout GatheredAnswer) -> String {
    for name in ["modelVersion", "responseId", "promptFeedback", "usageMetadata"] {
      if let value = event[name], !value.isNull { gathered.parts[name] = value }
    }
    let candidate = event["candidates"]?[0]
    let piece = (candidate?["content"]?["parts"]?.array ?? [])
      .filter { $0["thought"]?.bool != true }
      .compactMap { $0["text"]?.string }.joined()
    gathered.text += piece
    if let reason = candidate?["finishReason"], !reason.isNull {
      gathered.parts["finishReason"] = reason
    }
    // The service says no “done”: an answer without a reason for its end is not whole.
    var members = gathered.parts
    if let reason = gathered.parts["finishReason"] {
      members["candidates"] = [
        ["finishReason": reason, "content": ["parts": [["text": .string(gathered.text)]]]]
      ]
      gathered.document = .object(members)
    } else if gathered.parts["promptFeedback"]?["blockReason"] != nil {
      gathered.document = .object(members)
    }
    return piece
  }

  func error(status: Int, json: JSON?, model: String) -> EngineError {
    let body = json?["error"] ?? json?[0]?["error"]
    let said = body?["message"]?.string ?? "status \(status), without an explanation"
    let message = "Gemini: \(said)"
    let details = body?["details"]?.array ?? []
    let reasons = details.compactMap { $0["reason"]?.string }
    switch status {
    case 400:
      if reasons.contains("API_KEY_INVALID") { return badKey(said) }
      if body?["status"]?.string == "FAILED_PRECONDITION" {
        return EngineError(.outOfCredit, message, scope: .run)
      }
      if said.contains("exceeds the maximum number of tokens") {
        return EngineError(.promptTooLong, message)
      }
      var error = EngineError(.badRequest, message)
      for (word, field) in [
        ("thinking", "thinkingConfig"), ("emperature", "temperature"),
      ] where said.contains(word) {
        error.refusedField = field
      }
      return error
    case 401, 403: return badKey(said)
    case 404:
      return EngineError(
        .modelNotFound, "Gemini has no model “\(model)” (\(said))", scope: .run)
    case 429: return quota(said, details, model: model)
    case 499: return EngineError(.timedOut, message, mayPassLater: true)
    case 500..<600:
      return EngineError(
        status == 503 ? .overloaded : .serverError,
        body == nil ? "Gemini answered with status \(status)." : message, mayPassLater: true)
    default: return EngineError(.badRequest, message)
    }
  }

  private func badKey(_ said: String) -> EngineError {
    EngineError(
      .badKey, "Gemini does not accept the key. Enter it again: key gemini (\(said))", scope: .run)
  }

  /// A quota for the minute passes by waiting, one for the day does not.
  private func quota(_ said: String, _ details: [JSON], model: String) -> EngineError {
    let delay = details.compactMap { $0["retryDelay"]?.string }.first.flatMap(Gemini.duration)
    let quotas = details.flatMap { $0["violations"]?.array ?? [] }
    let isDaily = quotas.contains { $0["quotaId"]?.string?.contains("PerDay") == true }
    let isNone = quotas.contains { $0["quotaValue"]?.string == "0" }
    if isNone {
      return EngineError(
        .outOfCredit, "Gemini gives “\(model)” to paying accounts only.", scope: .run)
    }
    let limits = quotas.compactMap(Gemini.limit)
    if isDaily, delay.map({ $0 > .seconds(600) }) ?? true {
      var error = EngineError(
        .outOfCredit,
        "Gemini's quota of the day for “\(model)” is used up; it is full again at midnight Pacific time.",
        scope: .run)
      error.limits = limits
      return error
    }
    var error = EngineError(
      .rateLimited, "Gemini: \(said.prefix { !$0.isNewline })", mayPassLater: true,
      retryAfter: delay)
    error.limits = limits
    return error
  }

  /// The limits that a quota failure names: `GenerateRequestsPerMinutePerProjectPerModel-FreeTier`.
  private static func limit(_ violation: JSON) -> EngineLimit? {
    guard let id = violation["quotaId"]?.string,
      let amount = violation["quotaValue"]?.string.flatMap({ Int($0) }), amount > 0
    else { return nil }
    let unit: EngineLimit.Unit = id.contains("Token") ? .tokens : .requests
    if id.contains("PerDay") { return EngineLimit(unit, amount, per: .seconds(86_400)) }
    return id.contains("PerMinute") ? EngineLimit(unit, amount, per: .seconds(60)) : nil
  }

  /// Google's durations: `37s`, `1.5s`.
  static func duration(_ text: String) -> Duration? {
    guard text.hasSuffix("s"), let seconds = Double(text.dropLast()), seconds >= 0,
      seconds <= 86_400
    else { return nil }
    return .seconds(seconds)
  }

  func models(_ json: JSON) -> [String] {
    (json["models"]?.array ?? []).filter { model in
      (model["supportedGenerationMethods"]?.array ?? []).contains("generateContent")
    }.compactMap { $0["name"]?.string }.map {
      $0.hasPrefix("models/") ? String($0.dropFirst(7)) : $0
    }
  }

  func batches(
    _ calls: ServiceCalls, refused: @escaping @Sendable (String) -> Set<String>
  ) -> (any BatchService)? {
    GeminiBatchService(calls: calls, refused: refused)
  }
}
