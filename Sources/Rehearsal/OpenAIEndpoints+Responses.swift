import Engines
import Foundation
import HTTPTypes
import Transport

/// Responses, whole and streamed.
extension OpenAIEndpoints {
  private static let responsesParameters: Set<String> = [
    "model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "reasoning",
    "text", "store", "stream", "stream_options", "service_tier", "truncation", "prompt_cache_key",
    "prompt_cache_options", "safety_identifier", "metadata", "user", "include",
  ]

  func responses(_ body: JSON) throws -> Reply {
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

  func responsesPrompt(_ body: JSON) throws -> Prompt {
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
}
