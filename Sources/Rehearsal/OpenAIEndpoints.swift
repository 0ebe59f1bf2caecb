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

  static func isReasoning(_ model: String) -> Bool {
    model.hasPrefix("gpt-5") || model.hasPrefix("gpt-6")
  }

  func checkTemperature(_ body: JSON, reasons: Bool, effort: String?) throws {
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
  func content(_ json: JSON?) -> String? {
    if let text = json?.string { return text }
    guard let parts = json?.array else { return nil }
    let texts = parts.compactMap { $0["text"]?.string }
    return texts.count == parts.count ? texts.joined() : nil
  }

  func schema(
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

  struct Made {
    var text: String
    var usage: Usage
    var isCut: Bool
  }

  func make(_ prompt: Prompt, schema: JSON?, limit: Int?, model: String) -> Made {
    let made = PracticeEngine.made(prompt, schema: schema, limit: limit)
    let price = Prices.price(engine: "gpt", model: model)
    statistics.answered(
      prompt: prompt.text, usage: made.usage, price: isHalfPrice ? price?.inBatch : price)
    return Made(
      text: spoiling.applied(to: made.text, prompt: prompt.text, schema: schema),
      usage: made.usage, isCut: made.isCut)
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

  static func identity() -> String {
    UUID().uuidString.lowercased().filter { $0 != "-" }
  }
}
