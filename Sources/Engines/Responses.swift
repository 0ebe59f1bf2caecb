import HTTPTypes
import Transport

/// OpenAI's Responses: what its own service prefers.
///
/// - Source: OpenAI API reference, “Create a model response”.
struct Responses: EngineWire {
  let name = "gpt"
  let title = "OpenAI"
  let defaultModel: String

  let modelsPath = "/v1/models"

  func path(model: String) -> String { "/v1/responses" }

  func fields(key: Secret?) -> HTTPFields {
    var fields = HTTPFields()
    if let key { fields[.authorization] = "Bearer " + key.reveal() }
    return fields
  }

  func body(
    _ request: EngineRequest, model: String, prompt: Prompt, refused: Set<String>
  ) -> JSON {
    // Answers are not to be kept by the service; it keeps them unless told otherwise.
    var members: JSON.Members = [
      "model": .string(model), "input": .string(prompt.text), "store": false,
    ]
    if let system = prompt.system { members["instructions"] = .string(system) }
    if let limit = request.maxOutputTokens, !refused.contains("max_output_tokens") {
      members["max_output_tokens"] = .int(max(16, limit))
    }
    if let temperature = request.temperature, !refused.contains("temperature") {
      members["temperature"] = .number(temperature)
    }
    if let type = request.type {
      members["text"] = [
        "format": [
          "type": "json_schema", "name": "answer", "schema": type.rootedSchema.schema,
          "strict": true,
        ]
      ]
    }
    return .object(members)
  }

  func answer(_ json: JSON, model: String) throws -> Answer {
    let usage = Usage(
      inputTokens: json["usage"]?["input_tokens"]?.int ?? 0,
      outputTokens: json["usage"]?["output_tokens"]?.int ?? 0,
      cachedInputTokens: json["usage"]?["input_tokens_details"]?["cached_tokens"]?.int ?? 0)
    switch json["status"]?.string {
    case "failed":
      let code = json["error"]?["code"]?.string ?? ""
      let message = "OpenAI: \(json["error"]?["message"]?.string ?? "the answer failed")"
      if code == "rate_limit_exceeded" {
        throw EngineError(.rateLimited, message, mayPassLater: true, usage: usage)
      }
      if code == "server_error" {
        throw EngineError(.serverError, message, mayPassLater: true, usage: usage)
      }
      throw EngineError(.blocked, message, usage: usage)
    case "incomplete":
      if json["incomplete_details"]?["reason"]?.string == "content_filter" {
        throw EngineError(.blocked, "OpenAI kept the answer back for its content.", usage: usage)
      }
      throw EngineError(
        .cutShort,
        "The answer was cut at its limit of tokens; raise it: set max_output_tokens 4000",
        usage: usage)
    case "completed", nil: break
    case let status?:
      throw EngineError(
        .malformed, "OpenAI left the answer “\(status)”.", mayPassLater: true, usage: usage)
    }
    // The first item is often thinking; a commentary is not the answer.
    let messages = (json["output"]?.array ?? []).filter { $0["type"]?.string == "message" }
    let final = messages.filter { $0["phase"]?.string == "final_answer" }
    let parts = (final.isEmpty ? messages : final).flatMap { $0["content"]?.array ?? [] }
    if let refusal = parts.first(where: { $0["type"]?.string == "refusal" })?["refusal"]?.string {
      throw EngineError(.blocked, "The model declined: \(refusal)", usage: usage)
    }
    let text = parts.filter { $0["type"]?.string == "output_text" }
      .compactMap { $0["text"]?.string }.joined()
    guard !text.allSatisfy(\.isWhitespace) else {
      throw EngineError(.empty, "OpenAI answered without any text.", usage: usage)
    }
    return Answer(
      text: text, usage: usage, model: json["model"]?.string ?? model,
      requestID: json["id"]?.string)
  }

  func streamPath(model: String) -> String { path(model: model) }

  func streaming(_ body: JSON, refused: Set<String>) -> JSON {
    var members = body.members ?? [:]
    members["stream"] = true
    return .object(members)
  }

  func take(_ event: JSON, into gathered: inout GatheredAnswer) -> String {
    // By the type inside the data: bridges leave the event's own name out.
    switch event["type"]?.string {
    case "response.output_text.delta":
      let piece = event["delta"]?.string ?? ""
      gathered.text += piece
      return piece
    case "response.completed", "response.incomplete", "response.failed":
      gathered.document = event["response"]
      return ""
    case "error":
      gathered.document = [
        "status": "failed",
        "error": ["code": event["code"] ?? .null, "message": event["message"] ?? .null],
      ]
      return ""
    default: return ""
    }
  }

  func error(status: Int, json: JSON?, model: String) -> EngineError {
    OpenAIErrors.error(status: status, json: json, model: model, title: title)
  }

  func models(_ json: JSON) -> [String] {
    (json["data"]?.array ?? []).compactMap { $0["id"]?.string }
  }

  func batches(
    _ calls: ServiceCalls, refused: @escaping @Sendable (String) -> Set<String>
  ) -> (any BatchService)? {
    OpenAIBatchService(calls: calls, refused: refused)
  }
}
