import HTTPTypes
import Transport

/// OpenAI's Chat Completions: what every compatible server speaks.
///
/// - Source: OpenAI API reference, “Create chat completion”.
struct ChatCompletions: EngineWire {
  let name: String
  let title: String
  let defaultModel: String

  let modelsPath = "/v1/models"

  func path(model: String) -> String { "/v1/chat/completions" }

  func fields(key: Secret?) -> HTTPFields {
    var fields = HTTPFields()
    if let key { fields[.authorization] = "Bearer " + key.reveal() }
    return fields
  }

  func body(
    _ request: EngineRequest, model: String, prompt: Prompt, refused: Set<String>
  ) -> JSON {
    var messages: [JSON] = []
    if let system = prompt.system {
      messages.append(["role": "system", "content": .string(system)])
    }
    messages.append(["role": "user", "content": .string(prompt.text)])
    var members: JSON.Members = ["model": .string(model), "messages": .array(messages)]
    if let limit = request.maxOutputTokens {
      // Compatible servers read `max_tokens` and ignore the newer name; reasoning models refuse it.
      let field = refused.contains("max_tokens") ? "max_completion_tokens" : "max_tokens"
      if !refused.contains(field) { members[field] = .int(limit) }
    }
    if let temperature = request.temperature, !refused.contains("temperature") {
      members["temperature"] = .number(temperature)
    }
    if let type = request.type, !refused.contains("response_format") {
      members["response_format"] = [
        "type": "json_schema",
        "json_schema": ["name": "answer", "schema": type.rootedSchema.schema, "strict": true],
      ]
    }
    return .object(members)
  }

  func answer(_ json: JSON, model: String) throws -> Answer {
    let details = json["usage"]
    let usage = Usage(
      inputTokens: details?["prompt_tokens"]?.int ?? 0,
      outputTokens: details?["completion_tokens"]?.int ?? 0,
      cachedInputTokens: details?["prompt_tokens_details"]?["cached_tokens"]?.int ?? 0)
    if let body = json["error"], !body.isNull {
      throw EngineError(
        .serverError, "\(title): \(body["message"]?.string ?? body.text)", mayPassLater: true)
    }
    guard let choice = json["choices"]?[0] else {
      throw EngineError(.empty, "\(title) gave no answer.", usage: usage)
    }
    let message = choice["message"]
    if let refusal = message?["refusal"]?.string, !refusal.isEmpty {
      throw EngineError(.blocked, "The model declined: \(refusal)", usage: usage)
    }
    switch choice["finish_reason"]?.string {
    case "length":
      throw EngineError(
        .cutShort,
        "The answer was cut at its limit of tokens; raise it: set max_output_tokens 4000",
        usage: usage)
    case "content_filter":
      throw EngineError(.blocked, "\(title) kept the answer back for its content.", usage: usage)
    case "error":
      throw EngineError(
        .serverError, "\(title) failed in the middle.", mayPassLater: true, usage: usage)
    default: break
    }
    let content = message?["content"]
    let text =
      content?.string ?? (content?.array ?? []).compactMap { $0["text"]?.string }.joined()
    guard !text.allSatisfy(\.isWhitespace) else {
      throw EngineError(.empty, "\(title) answered without any text.", usage: usage)
    }
    return Answer(
      text: text, usage: usage, model: json["model"]?.string ?? model,
      requestID: json["id"]?.string)
  }

  func streamPath(model: String) -> String { path(model: model) }

  func streaming(_ body: JSON, refused: Set<String>) -> JSON {
    var members = body.members ?? [:]
    members["stream"] = true
    if !refused.contains("stream_options") { members["stream_options"] = ["include_usage": true] }
    return .object(members)
  }

  func take(_ event: JSON, into gathered: inout GatheredAnswer) -> String {
    for name in ["id", "model"] {
      if let value = event[name], !value.isNull { gathered.parts[name] = value }
    }
    // Usage comes in a chunk of its own without choices, or beside an empty one, or never.
    if let usage = event["usage"], !usage.isNull { gathered.parts["usage"] = usage }
    var piece = ""
    if let choice = event["choices"]?[0] {
      piece = choice["delta"]?["content"]?.string ?? ""
      gathered.text += piece
      if let refusal = choice["delta"]?["refusal"]?.string {
        gathered.parts["refusal"] = .string((gathered.parts["refusal"]?.string ?? "") + refusal)
      }
      if let reason = choice["finish_reason"], !reason.isNull {
        gathered.parts["finish_reason"] = reason
      }
    }
    if let reason = gathered.parts["finish_reason"] {
      gathered.document = [
        "id": gathered.parts["id"] ?? .null, "model": gathered.parts["model"] ?? .null,
        "usage": gathered.parts["usage"] ?? .null,
        "choices": [
          [
            "finish_reason": reason,
            "message": [
              "content": .string(gathered.text), "refusal": gathered.parts["refusal"] ?? .null,
            ],
          ]
        ],
      ]
    }
    return piece
  }

  func error(status: Int, json: JSON?, model: String) -> EngineError {
    OpenAIErrors.error(status: status, json: json, model: model, title: title)
  }

  func models(_ json: JSON) -> [String] {
    (json["data"]?.array ?? []).compactMap { $0["id"]?.string }
  }

  // Servers that are only compatible have none.
  func batches(
    _ calls: ServiceCalls, refused: @escaping @Sendable (String) -> Set<String>
  ) -> (any BatchService)? {
    name == "gpt" ? OpenAIBatchService(calls: calls, refused: refused) : nil
  }
}
