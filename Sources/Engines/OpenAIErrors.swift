import Transport

/// Sorts the errors of OpenAI and of servers that speak like it.
///
/// - Source: OpenAI, “Error codes”; shapes of compatible servers as seen on the wire.
enum OpenAIErrors {
  /// Fields that may be left out, so that the question passes without them.
  private static let droppable: Set<String> = [
    "temperature", "max_tokens", "max_completion_tokens", "response_format", "reasoning_effort",
    "stream_options",
  ]

  static func error(status: Int, json: JSON?, model: String, title: String) -> EngineError {
    let body = json?["error"] ?? json?[0]?["error"]
    let code = body?["code"]?.string ?? ""
    let type = body?["type"]?.string ?? ""
    let said =
      body?["message"]?.string ?? body?.string ?? json?["detail"]?.string
      ?? "status \(status), without an explanation"
    let message = "\(title): \(said)"
    switch status {
    case 401:
      return EngineError(
        .badKey,
        "\(title) does not accept the key. Enter it again: key \(keyName(title)) (\(said))",
        scope: .run)
    case 403: return EngineError(.badKey, message, scope: .run)
    case 404:
      return EngineError(
        .modelNotFound, "\(title) has no model “\(model)”, or this key may not ask it (\(said))",
        scope: .run)
    case 408, 409: return EngineError(.timedOut, message, mayPassLater: true)
    case 413: return EngineError(.promptTooLong, message)
    case 429:
      let isOutOfMoney =
        type == "insufficient_quota"
        || [
          "insufficient_quota", "billing_hard_limit_reached", "credit_balance_exhausted",
          "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
          "organization_usage_limit_exceeded",
        ].contains(code)
      if isOutOfMoney {
        return EngineError(.outOfCredit, "\(title): no credit left (\(said))", scope: .run)
      }
      if said.contains("Request too large") { return EngineError(.promptTooLong, message) }
      return EngineError(.rateLimited, message, mayPassLater: true)
    case 500..<600:
      return EngineError(
        status == 503 ? .overloaded : .serverError,
        body == nil ? "\(title) answered with status \(status)." : message, mayPassLater: true)
    default:
      if code == "context_length_exceeded" || type == "exceed_context_size_error"
        || said.contains("maximum context length") || said.contains("ContextWindowExceeded")
      {
        return EngineError(.promptTooLong, message)
      }
      if ["content_policy_violation", "content_filter", "invalid_prompt"].contains(code) {
        return EngineError(.blocked, message)
      }
      var error = EngineError(.badRequest, message)
      let parameter = body?["param"]?.string ?? ""
      let isAboutField =
        ["unsupported_parameter", "unsupported_value", "unknown_parameter"].contains(code)
        || code.isEmpty
      if isAboutField, droppable.contains(parameter) { error.refusedField = parameter }
      if isAboutField, parameter == "max_output_tokens" { error.refusedField = parameter }
      return error
    }
  }

  private static func keyName(_ title: String) -> String {
    title == "OpenAI" ? "gpt" : "local"
  }
}
