import Foundation
import HTTPTypes
import Transport

/// OpenAI's batches: a file of questions, a batch made of it, one file of answers and one of errors.
///
/// - Source: OpenAI API reference, “Files” and “Batch”.
struct OpenAIBatchService: BatchService {
  let calls: ServiceCalls
  /// What is not to be sent to a model.
  let refused: @Sendable (String) -> Set<String>

  var title: String { calls.wire.title }
  let mostQuestions = 50_000
  // The service takes 200 MB; a file is held in memory while it is sent.
  let mostBytes = 100 << 20
  let hours = 24

  private static let labelName = "visen"

  func line(_ request: EngineRequest, key: String, model: String) -> [UInt8] {
    // No second try can do without what was refused: it is left out from the start.
    var left = refused(model).union(["max_tokens"])
    if model.firstMatch(of: /^(gpt-[5-9]|o\d)/) != nil { left.insert("temperature") }
    let line: JSON = [
      "custom_id": .string(key), "method": "POST", "url": .string(calls.wire.path(model: model)),
      "body": calls.wire.body(request, model: model, prompt: request.prompt, refused: left),
    ]
    return line.bytes + [0x0A]
  }

  func upload(_ file: [UInt8], label: String) async throws -> String {
    let boundary = "visen-\(UUID().uuidString)"
    let head = """
      --\(boundary)\r
      Content-Disposition: form-data; name="purpose"\r
      \r
      batch\r
      --\(boundary)\r
      Content-Disposition: form-data; name="file"; filename="\(label).jsonl"\r
      Content-Type: application/jsonl\r
      \r

      """
    let body = Array(head.utf8) + file + Array("\r\n--\(boundary)--\r\n".utf8)
    return try await calls.patiently {
      let response = try await calls.send(
        .post, "/v1/files",
        fields: [.contentType: "multipart/form-data; boundary=\(boundary)"], body: body,
        timeout: .seconds(600))
      guard let id = try await calls.document(response)["id"]?.string else {
        throw EngineError(.malformed, "\(title) gave the file no name.", mayPassLater: true)
      }
      return id
    }
  }

  func create(file: String, label: String, model: String) async throws -> RemoteBatch {
    try batch(
      try await calls.json(
        .post, "/v1/batches",
        body: [
          "input_file_id": .string(file), "endpoint": .string(calls.wire.path(model: model)),
          "completion_window": "24h",
          "metadata": .object([OpenAIBatchService.labelName: .string(label)]),
        ], model: model))
  }

  func find(label: String) async throws -> RemoteBatch? {
    var after = ""
    // The newest come first; one that is looked for was made not long ago.
    for _ in 0..<20 {
      let page = try await calls.patiently {
        try await calls.json(.get, "/v1/batches?limit=100\(after)")
      }
      let data = page["data"]?.array ?? []
      if let json = data.first(where: {
        $0["metadata"]?[OpenAIBatchService.labelName]?.string == label
      }) {
        return try batch(json)
      }
      guard page["has_more"]?.bool == true, let last = data.last?["id"]?.string else { return nil }
      after = "&after=\(last)"
    }
    return nil
  }

  func look(_ id: String) async throws -> RemoteBatch {
    try await calls.patiently {
      do {
        return try batch(try await calls.json(.get, "/v1/batches/\(id)"))
      } catch let error as EngineError where error.status == 404 {
        throw EngineError(.batchNotFound, "\(title) has no batch “\(id)” for this key.")
      }
    }
  }

  func cancel(_ id: String) async throws {
    try await calls.patiently {
      do {
        _ = try await calls.json(.post, "/v1/batches/\(id)/cancel")
      } catch let error as EngineError where error.status == 409 || error.status == 400 {
        // It has ended.
      } catch let error as EngineError where error.status == 404 {
        throw EngineError(.batchNotFound, "\(title) has no batch “\(id)” for this key.")
      }
    }
  }

  func results(
    of batch: RemoteBatch, model: String, _ each: (BatchAnswer) async throws -> Void
  ) async throws {
    for file in batch.files {
      try await calls.patiently {
        try await calls.lines("/v1/files/\(file)/content") { line in
          guard let key = line["custom_id"]?.string else { return }
          try await each(BatchAnswer(key: key, result: result(line, model: model)))
        }
      }
    }
  }

  private func result(_ line: JSON, model: String) -> Result<Answer, EngineError> {
    if let error = line["error"], !error.isNull {
      let said = error["message"]?.string ?? "the question failed"
      switch error["code"]?.string {
      case "batch_expired":
        return .failure(
          EngineError(.batchExpired, "\(title) did not come to it within a day."))
      case "batch_cancelled":
        return .failure(EngineError(.batchCancelled, "The batch was cancelled before it."))
      default: return .failure(EngineError(.serverError, "\(title): \(said)"))
      }
    }
    let status = line["response"]?["status_code"]?.int ?? 0
    let body = line["response"]?["body"] ?? .null
    guard (200..<300).contains(status) else {
      return .failure(calls.wire.error(status: status, json: body, model: model))
    }
    return Result { () throws(EngineError) in
      do {
        return try calls.wire.answer(body, model: model)
      } catch let error as EngineError {
        throw error
      } catch {
        throw EngineError(.malformed, "\(error)")
      }
    }
  }

  func discard(files: [String]) async {
    for file in files { _ = try? await calls.send(.delete, "/v1/files/\(file)") }
  }

  private func batch(_ json: JSON) throws -> RemoteBatch {
    guard let id = json["id"]?.string, let word = json["status"]?.string else {
      throw EngineError(.malformed, "\(title)'s batch has no name or state.", mayPassLater: true)
    }
    let state: RemoteBatch.State =
      switch word {
      case "validating": .waiting
      case "in_progress", "finalizing": .running
      case "completed": .finished
      case "failed": .failed
      case "expired": .expired
      case "cancelling": .cancelling
      case "cancelled": .cancelled
      default: .running
      }
    let problems = (json["errors"]?["data"]?.array ?? []).compactMap { problem -> String? in
      guard let message = problem["message"]?.string else { return nil }
      return problem["line"]?.int.map { "line \($0): \(message)" } ?? message
    }
    let counts = json["request_counts"]
    return RemoteBatch(
      id: id, state: state, answered: counts?["completed"]?.int ?? 0,
      failed: counts?["failed"]?.int ?? 0,
      endsBy: json["expires_at"]?.double.map { Date(timeIntervalSince1970: $0) },
      problem: problems.isEmpty ? nil : problems.prefix(3).joined(separator: "; "),
      files: [json["output_file_id"]?.string, json["error_file_id"]?.string].compactMap(\.self))
  }
}
