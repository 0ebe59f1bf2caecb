import Engines
import Foundation
import HTTPTypes
import Transport

/// OpenAI's Chat Completions, Responses, models, files and batches over the practice engine.
///
/// - Source: OpenAI API reference; error bodies as in “Error codes”.
struct OpenAIEndpoints: Sendable {
  let statistics: Statistics
  let batches: BatchDepot
  private let spoiling: Spoiling
  /// What a call costs, as a share of its price.
  private var isHalfPrice = false

  init(statistics: Statistics, batches: BatchDepot, spoiling: Spoiling = Spoiling()) {
    self.spoiling = spoiling
    self.statistics = statistics
    self.batches = batches
  }

  /// The same, as questions in a batch are billed.
  var atHalfPrice: OpenAIEndpoints {
    var copy = self
    copy.isHalfPrice = true
    return copy
  }

  private static let models =
    (Prices.models(of: "gpt") + ["default", PracticeEngine().defaultModel]).sorted()

  /// Why a request is refused.
  struct Refused: Error {
    let status: Int
    let message: String
    let type: String
    var code: String?
    var param: String?

    static func invalid(_ message: String, code: String? = nil, param: String? = nil) -> Refused {
      Refused(
        status: 400, message: message, type: "invalid_request_error", code: code, param: param)
    }

    static func address(_ request: ServiceRequest) -> Refused {
      Refused(
        status: 404, message: "Invalid URL (\(request.method.rawValue) \(request.path))",
        type: "invalid_request_error")
    }

    var reply: Reply {
      Reply(
        status: status,
        [
          "error": [
            "message": .string(message), "type": .string(type),
            "param": param.map(JSON.string) ?? .null, "code": code.map(JSON.string) ?? .null,
          ]
        ])
    }
  }

  /// The service's own error for a status.
  static func refusal(_ status: Int, wait: Duration) -> Reply {
    let (type, code, message): (String, String?, String) =
      switch status {
      case 401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided.")
      case 403: ("invalid_request_error", "unsupported_country_region_territory", "Not supported.")
      case 404: ("invalid_request_error", "model_not_found", "The model does not exist.")
      case 429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again.")
      case 503:
        ("service_unavailable_error", "server_is_overloaded", "The server is overloaded.")
      case 400..<500: ("invalid_request_error", nil, "The request was refused.")
      default: ("server_error", nil, "The server had an error while processing your request.")
      }
    var reply = Refused(status: status, message: message, type: type, code: code).reply
    if status == 429 {
      let milliseconds = max(1, Int((wait / .milliseconds(1)).rounded(.up)))
      reply.fields[.retryAfter] = String(max(1, (milliseconds + 999) / 1000))
      if let name = HTTPField.Name("retry-after-ms") { reply.fields[name] = String(milliseconds) }
    }
    return reply
  }

  func answer(_ request: ServiceRequest) async -> Reply {
    var reply: Reply
    do {
      guard let key = request.bearer, !key.isEmpty else {
        throw Refused(
          status: 401,
          message: "You didn't provide an API key. You need to provide your API key in an "
            + "Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
          type: "invalid_request_error")
      }
      reply = try await routed(request)
    } catch let refused as Refused {
      reply = refused.reply
    } catch {
      reply = OpenAIEndpoints.refusal(500, wait: .zero)
    }
    if let name = HTTPField.Name("x-request-id") {
      reply.fields[name] = "req_" + UUID().uuidString.lowercased()
    }
    return reply
  }

  private func routed(_ request: ServiceRequest) async throws -> Reply {
    switch (request.method, request.path) {
    case (.get, "/v1/models"):
      return Reply([
        "object": "list", "data": .array(OpenAIEndpoints.models.map(OpenAIEndpoints.model)),
      ])
    case (.get, _) where request.path.hasPrefix("/v1/models/"):
      let name = String(request.path.dropFirst("/v1/models/".count))
      return Reply(OpenAIEndpoints.model(try known(name)))
    case (.post, "/v1/chat/completions"): return try chat(try object(request))
    case (.post, "/v1/responses"): return try responses(try object(request))
    case (.post, "/v1/responses/input_tokens"):
      let body = try object(request)
      return Reply([
        "object": "response.input_tokens",
        "input_tokens": .int(TokenEstimate.tokens(in: try responsesPrompt(body).text)),
      ])
    case (_, let path) where path == "/v1/files" || path.hasPrefix("/v1/files/"):
      return try files(request)
    case (_, let path) where path == "/v1/batches" || path.hasPrefix("/v1/batches/"):
      return try batches(request)
    default: throw Refused.address(request)
    }
  }

  /// Answers a question of a batch.
  func reply(to body: JSON, at endpoint: String, fault: Fault?) -> Reply {
    switch fault {
    case .status(let status): return OpenAIEndpoints.refusal(status, wait: .seconds(1))
    case .malformed: return Reply(["object": "nothing"])
    default: break
    }
    do {
      return try endpoint == "/v1/responses" ? responses(body) : chat(body)
    } catch let refused as Refused {
      return refused.reply
    } catch {
      return OpenAIEndpoints.refusal(500, wait: .zero)
    }
  }

  private static func model(_ name: String) -> JSON {
    ["id": .string(name), "object": "model", "created": 1_795_000_000, "owned_by": "practice"]
  }

  func known(_ name: String) throws -> String {
    guard OpenAIEndpoints.models.contains(name) else {
      throw Refused(
        status: 404,
        message: "The model `\(name)` does not exist or you do not have access to it.",
        type: "invalid_request_error", code: "model_not_found")
    }
    return name
  }

  func object(_ request: ServiceRequest) throws -> JSON {
    guard let json = try? JSON(parsing: request.body), json.members != nil else {
      throw Refused.invalid("We could not parse the JSON body of your request.")
    }
    return json
  }

  // MARK: - Chat Completions

  private static let chatParameters: Set<String> = [
    "model", "messages", "temperature", "top_p", "n", "stream", "stream_options", "stop",
    "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "logit_bias",
    "user", "seed", "response_format", "reasoning_effort", "verbosity", "store", "metadata",
    "service_tier", "prompt_cache_key", "prompt_cache_options", "safety_identifier", "logprobs",
  ]

  private func chat(_ body: JSON) throws -> Reply {
    try check(body, allowed: OpenAIEndpoints.chatParameters)
    let model = try known(try text(body, "model"))
    let reasons = OpenAIEndpoints.isReasoning(model)
    if reasons, body["max_tokens"] != nil {
      throw Refused.invalid(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
          + "'max_completion_tokens' instead.", code: "unsupported_parameter", param: "max_tokens")
    }
    try checkTemperature(body, reasons: reasons, effort: body["reasoning_effort"]?.string)
    guard let messages = body["messages"]?.array, !messages.isEmpty else {
      throw Refused.invalid(
        "Missing required parameter: 'messages'.", code: "missing_required_parameter",
        param: "messages")
    }
    var prompt = Prompt(pieces: [])
    for (index, message) in messages.enumerated() {
      guard let role = message["role"]?.string, let content = content(message["content"]) else {
        throw Refused.invalid(
          "Invalid value for 'messages[\(index)]'.", code: "invalid_value",
          param: "messages[\(index)]")
      }
      if role == "system" || role == "developer" {
        prompt.system = [prompt.system, content].compactMap(\.self).joined(separator: "\n")
      } else {
        prompt.pieces.append(.literal((prompt.pieces.isEmpty ? "" : "\n") + content))
      }
    }
    let format = body["response_format"]
    let schema = try schema(
      format?["type"]?.string, format?["json_schema"], param: "response_format",
      prompt: prompt)
    let stream = body["stream"]?.bool ?? false
    if !stream, body["stream_options"] != nil, body["stream_options"] != .null {
      throw Refused.invalid(
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        code: "invalid_value", param: "stream_options")
    }
    let made = make(
      prompt, schema: schema,
      limit: body["max_completion_tokens"]?.int ?? body["max_tokens"]?.int, model: model)
    let usage: JSON = [
      "prompt_tokens": .int(made.usage.inputTokens),
      "completion_tokens": .int(made.usage.outputTokens),
      "total_tokens": .int(made.usage.inputTokens + made.usage.outputTokens),
      "prompt_tokens_details": ["cached_tokens": 0, "audio_tokens": 0],
      "completion_tokens_details": [
        "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
      ],
    ]
    let id = JSON.string("chatcmpl-" + OpenAIEndpoints.identity())
    let created = JSON.int(Int(Date().timeIntervalSince1970))
    let finish: JSON = made.isCut ? "length" : "stop"
    guard stream else {
      return Reply([
        "id": id, "object": "chat.completion", "created": created, "model": .string(model),
        "service_tier": "default", "system_fingerprint": "fp_practice",
        "choices": [
          [
            "index": 0, "finish_reason": finish, "logprobs": nil,
            "message": [
              "role": "assistant", "content": .string(made.text), "refusal": nil,
              "annotations": [],
            ],
          ]
        ],
        "usage": usage,
      ])
    }
    func chunk(_ choices: JSON, usage: JSON = .null) -> (name: String?, data: String) {
      (
        nil,
        JSON.object([
          "id": id, "object": "chat.completion.chunk", "created": created,
          "model": .string(model), "choices": choices, "usage": usage,
        ]).text
      )
    }
    func choice(_ delta: JSON, finish: JSON = .null) -> JSON {
      [["index": 0, "delta": delta, "finish_reason": finish]]
    }
    var events = [chunk(choice(["role": "assistant", "content": ""]))]
    events += OpenAIEndpoints.pieces(made.text).map { chunk(choice(["content": .string($0)])) }
    events.append(chunk(choice([:], finish: finish)))
    if body["stream_options"]?["include_usage"]?.bool == true {
      events.append(chunk([], usage: usage))
    }
    events.append((nil, "[DONE]"))
    return Reply.events(events)
  }

  // MARK: - Responses

  private static let responsesParameters: Set<String> = [
    "model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "reasoning",
    "text", "store", "stream", "stream_options", "service_tier", "truncation", "prompt_cache_key",
    "prompt_cache_options", "safety_identifier", "metadata", "user", "include",
  ]

  private func responses(_ body: JSON) throws -> Reply {
    try check(body, allowed: OpenAIEndpoints.responsesParameters)
    let model = try known(try text(body, "model"))
    try checkTemperature(
      body, reasons: OpenAIEndpoints.isReasoning(model),
      effort: body["reasoning"]?["effort"]?.string)
    if let limit = body["max_output_tokens"]?.int, limit < 16 {
      throw Refused.invalid(
        "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but "
          + "got \(limit) instead.", code: "integer_below_min_value", param: "max_output_tokens")
    }
    let prompt = try responsesPrompt(body)
    let format = body["text"]?["format"]
    let schema = try schema(
      format?["type"]?.string, format, param: "text.format", prompt: prompt)
    let made = make(prompt, schema: schema, limit: body["max_output_tokens"]?.int, model: model)
    let id = "resp_" + OpenAIEndpoints.identity()
    let messageID = "msg_" + OpenAIEndpoints.identity()
    let part: JSON = [
      "type": "output_text", "text": .string(made.text), "annotations": [], "logprobs": [],
    ]
    let status = made.isCut ? "incomplete" : "completed"
    let item: JSON = [
      "type": "message", "id": .string(messageID), "role": "assistant", "status": .string(status),
      "content": [part],
    ]
    func whole(_ status: String, output: [JSON], usage: JSON) -> JSON {
      [
        "id": .string(id), "object": "response",
        "created_at": .int(Int(Date().timeIntervalSince1970)), "status": .string(status),
        "error": nil,
        "incomplete_details": status == "incomplete" ? ["reason": "max_output_tokens"] : .null,
        "instructions": body["instructions"] ?? .null, "metadata": body["metadata"] ?? [:],
        "model": .string(model), "output": .array(output), "parallel_tool_calls": true,
        "temperature": nil, "tool_choice": "auto", "tools": [], "top_p": nil,
        "max_output_tokens": body["max_output_tokens"] ?? .null,
        "store": body["store"] ?? true, "text": body["text"] ?? ["format": ["type": "text"]],
        "truncation": "disabled", "usage": usage,
      ]
    }
    let usage: JSON = [
      "input_tokens": .int(made.usage.inputTokens),
      "input_tokens_details": ["cached_tokens": 0, "cache_write_tokens": 0],
      "output_tokens": .int(made.usage.outputTokens),
      "output_tokens_details": ["reasoning_tokens": 0],
      "total_tokens": .int(made.usage.inputTokens + made.usage.outputTokens),
    ]
    let done = whole(status, output: [item], usage: usage)
    guard body["stream"]?.bool == true else { return Reply(done) }

    var events: [(name: String?, data: String)] = []
    func emit(_ type: String, _ members: JSON.Members) {
      var all: JSON.Members = ["type": .string(type), "sequence_number": .int(events.count)]
      for (name, value) in members { all[name] = value }
      events.append((type, JSON.object(all).text))
    }
    let begun = whole("in_progress", output: [], usage: .null)
    let place: JSON.Members = [
      "item_id": .string(messageID), "output_index": 0, "content_index": 0,
    ]
    func placed(_ members: JSON.Members) -> JSON.Members {
      var all = place
      for (name, value) in members { all[name] = value }
      return all
    }
    emit("response.created", ["response": begun])
    emit("response.in_progress", ["response": begun])
    emit(
      "response.output_item.added",
      [
        "output_index": 0,
        "item": [
          "type": "message", "id": .string(messageID), "role": "assistant",
          "status": "in_progress", "content": [],
        ],
      ])
    emit(
      "response.content_part.added",
      placed([
        "part": ["type": "output_text", "text": "", "annotations": [], "logprobs": []]
      ]))
    for piece in OpenAIEndpoints.pieces(made.text) {
      emit("response.output_text.delta", placed(["delta": .string(piece), "logprobs": []]))
    }
    emit("response.output_text.done", placed(["text": .string(made.text), "logprobs": []]))
    emit("response.content_part.done", placed(["part": part]))
    emit("response.output_item.done", ["output_index": 0, "item": item])
    emit("response.\(status)", ["response": done])
    return Reply.events(events)
  }

  private func responsesPrompt(_ body: JSON) throws -> Prompt {
    var prompt = Prompt(system: body["instructions"]?.string, pieces: [])
    if let text = body["input"]?.string {
      prompt.pieces = [.literal(text)]
    } else if let items = body["input"]?.array, !items.isEmpty {
      for (index, item) in items.enumerated() {
        guard let content = content(item["content"]) else {
          throw Refused.invalid(
            "Invalid value for 'input[\(index)]'.", code: "invalid_value",
            param: "input[\(index)]")
        }
        let role = item["role"]?.string
        if role == "system" || role == "developer" {
          prompt.system = [prompt.system, content].compactMap(\.self).joined(separator: "\n")
        } else {
          prompt.pieces.append(.literal((prompt.pieces.isEmpty ? "" : "\n") + content))
        }
      }
    } else {
      throw Refused.invalid(
        "Missing required parameter: 'input'.", code: "missing_required_parameter", param: "input")
    }
    return prompt
  }

  // MARK: - What both share

  func check(_ body: JSON, allowed: Set<String>) throws {
    for name in body.members?.names ?? [] where !allowed.contains(name) {
      throw Refused.invalid(
        "Unknown parameter: '\(name)'.", code: "unknown_parameter", param: name)
    }
  }

  func text(_ body: JSON, _ name: String) throws -> String {
    guard let text = body[name]?.string, !text.isEmpty else {
      throw Refused.invalid(
        "Missing required parameter: '\(name)'.", code: "missing_required_parameter", param: name)
    }
    return text
  }

  private static func isReasoning(_ model: String) -> Bool {
    model.hasPrefix("gpt-5") || model.hasPrefix("gpt-6")
  }

  private func checkTemperature(_ body: JSON, reasons: Bool, effort: String?) throws {
    guard let temperature = body["temperature"]?.double else { return }
    guard (0...2).contains(temperature) else {
      throw Refused.invalid(
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2.",
        code: "decimal_above_max_value", param: "temperature")
    }
    if reasons, temperature != 1, effort != "none" {
      throw Refused.invalid(
        "Unsupported value: 'temperature' does not support \(JSON.number(temperature).text) with "
          + "this model. Only the default (1) value is supported.", code: "unsupported_value",
        param: "temperature")
    }
  }

  /// The text of a message: a string, or parts.
  private func content(_ json: JSON?) -> String? {
    if let text = json?.string { return text }
    guard let parts = json?.array else { return nil }
    let texts = parts.compactMap { $0["text"]?.string }
    return texts.count == parts.count ? texts.joined() : nil
  }

  private func schema(
    _ type: String?, _ format: JSON?, param: String, prompt: Prompt
  ) throws -> JSON? {
    switch type {
    case nil, "text": return nil
    case "json_object":
      guard ((prompt.system ?? "") + prompt.text).lowercased().contains("json") else {
        throw Refused.invalid(
          "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
            + "'json_object'.", param: param)
      }
      return ["type": "object", "properties": ["answer": ["type": "string"]]]
    case "json_schema":
      guard let name = format?["name"]?.string, name.wholeMatch(of: /[A-Za-z0-9_-]{1,64}/) != nil,
        let schema = format?["schema"]
      else {
        throw Refused.invalid(
          "Missing required parameter: '\(param).name'.", code: "missing_required_parameter",
          param: "\(param).name")
      }
      if format?["strict"]?.bool == true, let problem = StrictSchema.problem(schema) {
        throw Refused.invalid(
          "Invalid schema for response_format '\(name)': \(problem)", param: param)
      }
      return schema
    default:
      throw Refused.invalid(
        "Invalid value: '\(type ?? "")'. Supported values are: 'json_object', 'json_schema', and "
          + "'text'.", code: "invalid_value", param: "\(param).type")
    }
  }

  private struct Made {
    var text: String
    var usage: Usage
    var isCut: Bool
  }

  private func make(_ prompt: Prompt, schema: JSON?, limit: Int?, model: String) -> Made {
    let made = PracticeEngine.made(prompt, schema: schema, limit: limit)
    let price = Prices.price(engine: "gpt", model: model)
    statistics.answered(
      prompt: prompt.text, usage: made.usage, price: isHalfPrice ? price?.inBatch : price)
    return Made(text: spoiling.applied(to: made.text), usage: made.usage, isCut: made.isCut)
  }

  /// A text in pieces of about a token each.
  static func pieces(_ text: String) -> [String] {
    var pieces: [String] = []
    var rest = Substring(text)
    while !rest.isEmpty {
      pieces.append(String(rest.prefix(6)))
      rest = rest.dropFirst(6)
    }
    return pieces
  }

  private static func identity() -> String {
    UUID().uuidString.lowercased().filter { $0 != "-" }
  }
}

/// The rules of OpenAI's strict JSON schemas.
///
/// - Source: OpenAI, “Structured model outputs”, supported schemas.
enum StrictSchema {
  /// What is wrong with a schema; `nil` when it is accepted.
  static func problem(_ schema: JSON) -> String? {
    guard schema["type"]?.string == "object" else {
      return "schema must be a JSON Schema of 'type: \"object\"', got "
        + "'type: \(schema["type"]?.text ?? "None")'."
    }
    return problem(schema, at: [], depth: 0)
  }

  private static let unsupported = [
    "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "patternProperties", "default",
  ]

  private static func problem(_ schema: JSON, at path: [String], depth: Int) -> String? {
    let context = "In context=(\(path.map { "'\($0)'" }.joined(separator: ", "))), "
    guard depth <= 10 else { return context + "the schema is nested more than 10 levels deep." }
    for name in unsupported where schema[name] != nil {
      return context + "'\(name)' is not permitted."
    }
    if let properties = schema["properties"]?.members {
      guard schema["additionalProperties"]?.bool == false else {
        return context + "'additionalProperties' is required to be supplied and to be false."
      }
      let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
      for (name, inner) in properties {
        guard required.contains(name) else {
          return context
            + "'required' is required to be supplied and to be an array including every key in "
            + "properties. Missing '\(name)'."
        }
        if let found = problem(inner, at: path + ["properties", name], depth: depth + 1) {
          return found
        }
      }
    }
    if let items = schema["items"],
      let found = problem(items, at: path + ["items"], depth: depth + 1)
    {
      return found
    }
    for inner in schema["anyOf"]?.array ?? [] {
      if let found = problem(inner, at: path + ["anyOf"], depth: depth + 1) { return found }
    }
    for (name, inner) in schema["$defs"]?.members ?? [:] {
      if let found = problem(inner, at: ["$defs", name], depth: depth + 1) { return found }
    }
    return nil
  }
}
