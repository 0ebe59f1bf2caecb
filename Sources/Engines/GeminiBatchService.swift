import Foundation
import HTTPTypes
import Transport

/// Gemini's batches: a file of questions, a long operation, a file of answers.
///
/// Questions could also travel inside the operation; one way serves for every size.
/// - Source: Gemini API reference, “Batch API” and “Files”.
struct GeminiBatchService: BatchService {
  let calls: ServiceCalls
  /// What is not to be sent to a model.
  let refused: @Sendable (String) -> Set<String>

  var title: String { calls.wire.title }
  let mostQuestions = 50_000
  // The service takes 2 GB; a file is held in memory while it is sent.
  let mostBytes = 100 << 20
  let hours = 48

  func line(_ request: EngineRequest, key: String, model: String) -> [UInt8] {
    let line: JSON = [
      "key": .string(key),
      "request": calls.wire.body(
        request, model: model, prompt: request.prompt, refused: refused(model)),
    ]
    return line.bytes + [0x0A]
  }

  func upload(_ file: [UInt8], label: String) async throws -> String {
    try await calls.patiently {
      var start: HTTPFields = [.contentType: "application/json"]
      GeminiBatchService.set("Protocol", "resumable", in: &start)
      GeminiBatchService.set("Command", "start", in: &start)
      GeminiBatchService.set("Header-Content-Length", String(file.count), in: &start)
      GeminiBatchService.set("Header-Content-Type", "application/jsonl", in: &start)
      let about: JSON = [
        "file": ["display_name": .string(label), "mime_type": "application/jsonl"]
      ]
      let begun = try await calls.send(
        .post, "/upload/v1beta/files", fields: start, body: about.bytes)
      guard let name = HTTPField.Name("x-goog-upload-url"), let address = begun.fields[name] else {
        throw EngineError(.malformed, "Gemini gave no address for the file.", mayPassLater: true)
      }
      var finish: HTTPFields = [:]
      GeminiBatchService.set("Offset", "0", in: &finish)
      GeminiBatchService.set("Command", "upload, finalize", in: &finish)
      let response = try await calls.send(
        .post, try ownAddress(address), fields: finish, body: file, timeout: .seconds(600))
      guard let id = try await calls.document(response)["file"]?["name"]?.string else {
        throw EngineError(.malformed, "Gemini gave the file no name.", mayPassLater: true)
      }
      return id
    }
  }

  /// The address of an upload, when it is one of the service itself: the key travels there.
  private func ownAddress(_ address: String) throws -> String {
    guard let upload = URL(string: address), let base = URL(string: calls.baseURL),
      upload.scheme == base.scheme, upload.port == base.port, let host = upload.host,
      host == base.host || (host.hasSuffix(".googleapis.com") && upload.scheme == "https")
    else {
      throw EngineError(
        .malformed, "Gemini asked to send the file to another place (\(address.prefix(80))).")
    }
    return address
  }

  private static func set(_ name: String, _ value: String, in fields: inout HTTPFields) {
    if let name = HTTPField.Name("X-Goog-Upload-\(name)") { fields[name] = value }
  }

  func create(file: String, label: String, model: String) async throws -> RemoteBatch {
    let name = model.hasPrefix("models/") ? String(model.dropFirst(7)) : model
    return try batch(
      try await calls.json(
        .post, "/v1beta/models/\(name):batchGenerateContent",
        body: [
          "batch": [
            "displayName": .string(label), "inputConfig": ["fileName": .string(file)],
          ]
        ], model: model))
  }

  func find(label: String) async throws -> RemoteBatch? {
    var token = ""
    for _ in 0..<20 {
      let page = try await calls.patiently {
        try await calls.json(.get, "/v1beta/batches?pageSize=100\(token)")
      }
      let operations = page["operations"]?.array ?? page["batches"]?.array ?? []
      if let json = operations.first(where: {
        ($0["metadata"]?["displayName"] ?? $0["displayName"])?.string == label
      }) {
        return try batch(json)
      }
      guard let next = page["nextPageToken"]?.string, !next.isEmpty,
        let escaped = next.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
      else { return nil }
      token = "&pageToken=\(escaped)"
    }
    return nil
  }

  func look(_ id: String) async throws -> RemoteBatch {
    try await calls.patiently {
      do {
        return try batch(try await calls.json(.get, "/v1beta/\(id)"))
      } catch let error as EngineError where error.status == 404 {
        throw EngineError(.batchNotFound, "Gemini has no batch “\(id)” for this key.")
      }
    }
  }

  func cancel(_ id: String) async throws {
    try await calls.patiently {
      do {
        _ = try await calls.json(.post, "/v1beta/\(id):cancel")
      } catch let error as EngineError where error.status == 400 {
        // It has ended.
      } catch let error as EngineError where error.status == 404 {
        throw EngineError(.batchNotFound, "Gemini has no batch “\(id)” for this key.")
      }
    }
  }

  func results(
    of batch: RemoteBatch, model: String, _ each: (BatchAnswer) async throws -> Void
  ) async throws {
    for line in batch.inline { try await give(line, model: model, each) }
    for file in batch.files {
      try await calls.patiently {
        try await calls.lines("/download/v1beta/\(file):download?alt=media") { line in
          try await give(line, model: model, each)
        }
      }
    }
  }

  private func give(
    _ line: JSON, model: String, _ each: (BatchAnswer) async throws -> Void
  ) async throws {
    guard let key = (line["key"] ?? line["metadata"]?["key"])?.string else { return }
    try await each(BatchAnswer(key: key, result: result(line, model: model)))
  }

  private func result(_ line: JSON, model: String) -> Result<Answer, EngineError> {
    if let error = line["error"], !error.isNull {
      let code = error["code"]?.int ?? 13
      return .failure(
        calls.wire.error(
          status: GeminiBatchService.status(code), json: ["error": error], model: model))
    }
    return Result { () throws(EngineError) in
      do {
        return try calls.wire.answer(line["response"] ?? .null, model: model)
      } catch let error as EngineError {
        throw error
      } catch {
        throw EngineError(.malformed, "\(error)")
      }
    }
  }

  /// The HTTP status of an error's code, which is either one or one of `google.rpc.Code`.
  private static func status(_ code: Int) -> Int {
    let statuses = [
      1: 499, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 13: 500, 14: 503, 16: 401,
    ]
    return code >= 100 ? code : statuses[code] ?? 500
  }

  func discard(files: [String]) async {
    for file in files { _ = try? await calls.send(.delete, "/v1beta/\(file)") }
  }

  private func batch(_ json: JSON) throws -> RemoteBatch {
    let metadata = json["metadata"] ?? json
    guard let id = json["name"]?.string, let word = metadata["state"]?.string else {
      throw EngineError(.malformed, "Gemini's batch has no name or state.", mayPassLater: true)
    }
    let state: RemoteBatch.State =
      switch word.split(separator: "_").last {
      case "PENDING", "UNSPECIFIED": .waiting
      case "SUCCEEDED": .finished
      case "FAILED": .failed
      case "EXPIRED": .expired
      case "CANCELLING": .cancelling
      case "CANCELLED": .cancelled
      default: .running
      }
    let stats = metadata["batchStats"]
    func count(_ name: String) -> Int {
      // Google spells 64-bit numbers as texts.
      stats?[name]?.int ?? stats?[name]?.string.flatMap { Int($0) } ?? 0
    }
    let output = metadata["output"] ?? json["response"]
    let created = metadata["createTime"]?.string.flatMap { text in
      (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
        ?? (try? Date.ISO8601FormatStyle().parse(text))
    }
    return RemoteBatch(
      id: id, state: state, answered: count("successfulRequestCount"),
      failed: count("failedRequestCount"),
      endsBy: created?.addingTimeInterval(Double(hours) * 3600),
      problem: json["error"]?["message"]?.string,
      files: [output?["responsesFile"]?.string].compactMap(\.self),
      inline: output?["inlinedResponses"]?["inlinedResponses"]?.array ?? [])
  }
}
