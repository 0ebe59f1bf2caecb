import Testing
import Transport

@testable import Engines

/// Streams cut into pieces of every size, also inside characters and line ends.
@Suite struct StreamReaderTests {
  private func read<Wire: EngineWire>(
    _ wire: Wire, _ stream: String, by size: Int
  ) throws -> (texts: [String], answer: Answer) {
    var reader = StreamReader(wire: wire, model: "m")
    var texts: [String] = []
    let bytes = Array(stream.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      texts += try reader.texts(in: Array(bytes[start..<min(start + size, bytes.count)]))
    }
    texts += try reader.finish()
    return (texts, try reader.answer())
  }

  @Test(arguments: [1, 2, 3, 7, 64, 100_000])
  func responses(size: Int) throws {
    // As a bridge sends it: without event names, with types nobody knows.
    let stream = """
      event: response.created
      data: {"type":"response.created","response":{"status":"in_progress"}}

      data: {"type":"response.reasoning_summary_text.delta","delta":"thinking"}

      : keep-alive

      event: response.output_text.delta
      data: {"type":"response.output_text.delta","delta":"日本"}

      data: {"type":"response.output_text.delta","delta":"語 ok"}

      event: response.completed
      data: {"type":"response.completed","response":{"id":"r","status":"completed","model":"x",
      data: "output":[{"type":"reasoning"},{"type":"message","content":[{"type":"output_text",
      data: "text":"日本語 ok"}]}],"usage":{"input_tokens":7,"output_tokens":3}}}


      """
    let (texts, answer) = try read(Responses(defaultModel: "m"), stream, by: size)
    #expect(texts == ["日本", "語 ok"])
    #expect(answer.text == "日本語 ok")
    #expect(answer.usage == Usage(inputTokens: 7, outputTokens: 3))
  }

  @Test(arguments: [1, 5, 100_000])
  func chat(size: Int) throws {
    let stream =
      [
        #"data: {"id":"c","model":"x","choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}"#,
        #"data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}"#,
        #"data: {"choices":[{"delta":{"content":"Hel"},"finish_reason":null}]}"#,
        #"data: {"choices":[{"delta":{"content":"lo é"}}]}"#,
        #"data: {"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        #"data: {"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":2}}"#, "data: [DONE]",
      ].joined(separator: "\r\n\r\n") + "\r\n\r\n"
    let wire = ChatCompletions(name: "local", title: "The server", defaultModel: "m")
    let (texts, answer) = try read(wire, stream, by: size)
    #expect(texts == ["Hel", "lo é"])
    #expect(answer.text == "Hello é")
    #expect(answer.usage == Usage(inputTokens: 8, outputTokens: 2))
  }

  @Test(arguments: [1, 5, 100_000])
  func gemini(size: Int) throws {
    let stream =
      [
        #"data: {"candidates":[{"content":{"parts":[{"text":"think","thought":true}]}}]}"#,
        #"data: {"candidates":[{"content":{"parts":[{"text":"Hel"}]}}],"usageMetadata":{"promptTokenCount":8}}"#,
        #"data: {"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":8,"candidatesTokenCount":2,"thoughtsTokenCount":4}}"#,
      ].joined(separator: "\r\n\r\n") + "\r\n\r\n"
    let (texts, answer) = try read(Gemini(defaultModel: "m"), stream, by: size)
    #expect(texts == ["Hel", "lo"])
    #expect(answer.text == "Hello")
    #expect(answer.usage == Usage(inputTokens: 8, outputTokens: 6))
  }

  @Test func whatEndsTooSoonIsNoAnswer() throws {
    let chat = ChatCompletions(name: "local", title: "The server", defaultModel: "m")
    let cases: [(any EngineWire, String)] = [
      (chat, #"data: {"choices":[{"delta":{"content":"half"}}]}"#),
      (
        Responses(defaultModel: "m"), #"data: {"type":"response.output_text.delta","delta":"half"}"#
      ),
      (
        Gemini(defaultModel: "m"),
        #"data: {"candidates":[{"content":{"parts":[{"text":"half"}]}}],"promptFeedback":{}}"#
      ),
    ]
    for (wire, stream) in cases {
      let error = #expect(throws: EngineError.self) { _ = try read(wire, stream + "\n\n", by: 100) }
      #expect(error?.code == .connection)
      #expect(error?.mayPassLater == true)
    }
  }

  @Test func errorsInTheMiddleAreSorted() throws {
    let chat = ChatCompletions(name: "gpt", title: "OpenAI", defaultModel: "m")
    let cut = #"data: {"choices":[{"delta":{"content":"half"},"finish_reason":"length"}]}"#
    #expect(throws: EngineError.self) { _ = try read(chat, cut + "\n\n", by: 9) }
    let overloaded = #"data: {"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#
    let gemini = #expect(throws: EngineError.self) {
      _ = try read(Gemini(defaultModel: "m"), overloaded + "\n\n", by: 9)
    }
    #expect(gemini?.code == .overloaded)
    let failed =
      #"data: {"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"oops"}}}"#
    let responses = #expect(throws: EngineError.self) {
      _ = try read(Responses(defaultModel: "m"), failed + "\n\n", by: 9)
    }
    #expect(responses?.code == .serverError)
    let limited = #"data: {"type":"error","code":"rate_limit_exceeded","message":"slow down"}"#
    let rate = #expect(throws: EngineError.self) {
      _ = try read(Responses(defaultModel: "m"), limited + "\n\n", by: 9)
    }
    #expect(rate?.code == .rateLimited)
  }
}
