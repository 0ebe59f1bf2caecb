import Engines
import Foundation
import HTTPTypes
import Transport

/// Chat Completions, whole and streamed.
extension OpenAIEndpoints {
  private static let chatParameters: Set<String> = [
    "model", "messages", "temperature", "top_p", "n", "stream", "stream_options", "stop",
    "max_tokens", "max_completion_tokens", "presence_penalty", "frequency_penalty", "logit_bias",
    "user", "seed", "response_format", "reasoning_effort", "verbosity", "store", "metadata",
    "service_tier", "prompt_cache_key", "prompt_cache_options", "safety_identifier", "logprobs",
  ]

  func chat(_ body: JSON) throws -> Reply {
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
}
