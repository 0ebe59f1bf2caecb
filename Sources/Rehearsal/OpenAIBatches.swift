import Foundation
import HTTPTypes
import Transport

/// OpenAI's files and batches.
///
/// - Source: OpenAI API reference, “Files” and “Batch”; the guide “Batch API”.
extension OpenAIEndpoints {
  private static let purposes = [
    "assistants", "batch", "fine-tune", "vision", "user_data", "evals",
  ]
  private static let mostQuestions = 50_000
  private static let mostBytes = 200 << 20

  // MARK: - Files

  func files(_ request: ServiceRequest) throws -> Reply {
    let parts = request.path.split(separator: "/").map(String.init)
    switch (request.method, parts.count) {
    case (.post, 2): return Reply(OpenAIEndpoints.json(try upload(request)))
    case (.get, 2): return try list(request)
    case (.get, 3): return Reply(OpenAIEndpoints.json(try file(parts[2])))
    case (.delete, 3):
      let file = try file(parts[2])
      batches.with { $0.files.removeAll { $0.id == file.id } }
      return Reply(["id": .string(file.id), "object": "file", "deleted": true])
    case (.get, 4) where parts[3] == "content":
      return Reply(bytes: try file(parts[2]).bytes, type: "application/octet-stream")
    default: throw Refused.address(request)
    }
  }

  private func upload(_ request: ServiceRequest) throws -> StoredFile {
    guard let form = MultipartForm(request.body, type: request.fields[.contentType] ?? "") else {
      throw Refused.invalid("Could not parse multipart form.")
    }
    guard let purpose = form.fields["purpose"] else {
      throw Refused.invalid("Missing required parameter: 'purpose'.", param: "purpose")
    }
    guard OpenAIEndpoints.purposes.contains(purpose) else {
      throw Refused.invalid(
        "'\(purpose)' is not one of \(OpenAIEndpoints.purposes.map { "'\($0)'" }) - 'purpose'",
        param: "purpose")
    }
    guard let file = form.file else {
      throw Refused.invalid("'file' is a required property", param: "file")
    }
    if purpose == "batch", !file.name.hasSuffix(".jsonl") {
      throw Refused.invalid(
        "Invalid file format for Batch API. Must be .jsonl", param: "file")
    }
    guard !file.bytes.isEmpty else {
      throw Refused.invalid("File is empty.", param: "file")
    }
    guard purpose != "batch" || file.bytes.count <= OpenAIEndpoints.mostBytes else {
      throw Refused(
        status: 413, message: "File exceeds the maximum size of 200 MB for the Batch API.",
        type: "invalid_request_error")
    }
    let stored = StoredFile(
      id: "file-" + BatchDepot.identity(), name: file.name, kind: purpose, bytes: file.bytes,
      created: Date(), isMade: false)
    batches.with { $0.files.append(stored) }
    return stored
  }

  private func file(_ id: String) throws -> StoredFile {
    guard let file = batches.with({ $0.file(id) }) else {
      throw Refused(
        status: 404, message: "No such File object: \(id)", type: "invalid_request_error",
        param: "id")
    }
    return file
  }

  private func list(_ request: ServiceRequest) throws -> Reply {
    let all = batches.with { $0.files }.filter { file in
      request.query["purpose"].map { $0 == file.kind } ?? true
    }
    return try page(all, request, most: 10_000, id: \.id, json: OpenAIEndpoints.json)
  }

  private static func json(_ file: StoredFile) -> JSON {
    let created = Int(file.created.timeIntervalSince1970)
    return [
      "object": "file", "id": .string(file.id), "purpose": .string(file.kind),
      "filename": .string(file.name), "bytes": .int(file.bytes.count),
      "created_at": .int(created), "expires_at": .int(created + 30 * 86_400),
      "status": "processed", "status_details": nil,
    ]
  }

  private func page<Item>(
    _ items: [Item], _ request: ServiceRequest, most: Int, id: (Item) -> String,
    json: (Item) -> JSON
  ) throws -> Reply {
    let limit = request.query["limit"].map { Int($0) } ?? min(most, 20)
    guard let limit, (1...most).contains(limit) else {
      throw Refused.invalid(
        "Invalid 'limit': expected a value between 1 and \(most).", code: "invalid_value",
        param: "limit")
    }
    guard
      let page = BatchDepot.page(items, after: request.query["after"], limit: limit, id: id)
    else { throw Refused.invalid("Invalid 'after'.", code: "invalid_value", param: "after") }
    return Reply([
      "object": "list", "data": .array(page.items.map(json)),
      "first_id": page.items.first.map { .string(id($0)) } ?? .null,
      "last_id": page.items.last.map { .string(id($0)) } ?? .null,
      "has_more": .bool(page.hasMore),
    ])
  }

  // MARK: - Batches

  func batches(_ request: ServiceRequest) throws -> Reply {
    let parts = request.path.split(separator: "/").map(String.init)
    switch (request.method, parts.count) {
    case (.post, 2): return Reply(try create(request))
    case (.get, 2):
      let now = Date()
      let jobs = batches.with { state in
        for place in state.jobs.indices { catchUp(place, &state, now) }
        return state.jobs
      }
      return try page(jobs, request, most: 100, id: \.id) { OpenAIEndpoints.json($0, now) }
    case (.get, 3): return Reply(try look(parts[2]))
    case (.post, 4) where parts[3] == "cancel":
      return Reply(
        try look(parts[2]) { job, now in
          let phase = job.phase(now)
          guard job.cancel(now) else {
            throw Refused(
              status: 409,
              message: "Cannot cancel a batch with status '\(OpenAIEndpoints.word(phase))'.",
              type: "invalid_request_error")
          }
        })
    default: throw Refused.address(request)
    }
  }

  /// A batch as it is now, after something was done to it.
  private func look(
    _ id: String, _ body: (inout BatchJob, Date) throws -> Void = { _, _ in }
  ) throws -> JSON {
    let now = Date()
    return try batches.with { state in
      guard let place = state.place(id) else {
        throw Refused(
          status: 404, message: "No batch found with id '\(id)'.", type: "invalid_request_error")
      }
      catchUp(place, &state, now)
      try body(&state.jobs[place], now)
      return OpenAIEndpoints.json(state.jobs[place], now)
    }
  }

  private static let endpoints = ["/v1/responses", "/v1/chat/completions"]

  private func create(_ request: ServiceRequest) throws -> JSON {
    let body = try object(request)
    try check(
      body,
      allowed: [
        "input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after",
      ])
    let fileID = try text(body, "input_file_id")
    let endpoint = try text(body, "endpoint")
    guard OpenAIEndpoints.endpoints.contains(endpoint) else {
      throw Refused.invalid(
        "Invalid value: '\(endpoint)'. Supported values are: "
          + OpenAIEndpoints.endpoints.map { "'\($0)'" }.joined(separator: " and ") + ".",
        code: "invalid_value", param: "endpoint")
    }
    guard try text(body, "completion_window") == "24h" else {
      throw Refused.invalid(
        "Invalid value for 'completion_window'. Supported values are: '24h'.",
        code: "invalid_value", param: "completion_window")
    }
    let metadata = body["metadata"]?.members ?? [:]
    guard metadata.count <= 16,
      metadata.allSatisfy({ $0.name.count <= 64 && ($0.value.string?.count ?? 513) <= 512 })
    else {
      throw Refused.invalid(
        "Invalid 'metadata': at most 16 pairs, keys of 64 and values of 512 characters.",
        code: "invalid_value", param: "metadata")
    }
    guard let file = batches.with({ $0.file(fileID) }) else {
      throw Refused.invalid(
        "Invalid 'input_file_id': No such File object: \(fileID)", param: "input_file_id")
    }
    guard file.kind == "batch" else {
      throw Refused.invalid(
        "Invalid 'input_file_id': the file's purpose must be 'batch'.", param: "input_file_id")
    }
    let read = read(file, endpoint: endpoint)
    let job = BatchJob(
      id: "batch_" + BatchDepot.identity(), created: Date(),
      model: read.questions.first?.body["model"]?.string ?? "", questions: read.questions,
      problems: read.problems, fate: batches.fate(questions: read.questions.count),
      about: [
        "input_file_id": .string(fileID), "endpoint": .string(endpoint),
        "metadata": body["metadata"] ?? .null,
      ])
    batches.with { $0.jobs.append(job) }
    return OpenAIEndpoints.json(job, job.created)
  }

  /// The questions of a file, and what is wrong with its lines.
  private func read(
    _ file: StoredFile, endpoint: String
  ) -> (questions: [BatchJob.Question], problems: [JSON]) {
    var questions: [BatchJob.Question] = []
    var problems: [JSON] = []
    var keys: Set<String> = []
    var model: String?
    func problem(_ code: String, _ message: String, line: Int?, param: String? = nil) {
      problems.append([
        "code": .string(code), "message": .string(message), "line": line.map(JSON.int) ?? .null,
        "param": param.map(JSON.string) ?? .null,
      ])
    }
    for (index, bytes) in file.lines.enumerated() {
      let line = index + 1
      guard let json = try? JSON(parsing: Array(bytes)), json.members != nil else {
        problem("invalid_json_line", "This line is not parseable as valid JSON.", line: line)
        continue
      }
      guard let key = json["custom_id"]?.string, !key.isEmpty else {
        problem(
          "missing_required_parameter", "Missing required parameter: 'custom_id'.", line: line,
          param: "custom_id")
        continue
      }
      guard keys.insert(key).inserted else {
        problem(
          "duplicate_custom_id",
          "The custom_id '\(key)' for this request is a duplicate of another request. The "
            + "custom_id parameter must be unique for each request in a batch.", line: line,
          param: "custom_id")
        continue
      }
      guard json["method"]?.string == "POST" else {
        problem("invalid_method", "The method must be 'POST'.", line: line, param: "method")
        continue
      }
      guard json["url"]?.string == endpoint else {
        problem(
          "mismatched_endpoint",
          "The URL provided for this request does not match the batch endpoint.", line: line,
          param: "url")
        continue
      }
      guard let body = json["body"], let name = body["model"]?.string else {
        problem(
          "missing_required_parameter", "Missing required parameter: 'body.model'.", line: line,
          param: "body.model")
        continue
      }
      guard model == nil || model == name else {
        problem(
          "mismatched_model",
          "The provided model '\(name)' does not match the model of the first request. All "
            + "requests of a batch must use the same model.", line: line, param: "body.model")
        continue
      }
      if model == nil, (try? known(name)) == nil {
        problem(
          "model_not_found", "The provided model '\(name)' is not supported by the Batch API.",
          line: line, param: "body.model")
      }
      model = name
      if body["stream"]?.bool == true {
        problem(
          "invalid_request", "Streaming is not supported in the Batch API.", line: line,
          param: "body.stream")
      }
      questions.append(BatchJob.Question(key: key, body: body))
    }
    if file.lines.isEmpty {
      problem("empty_file", "The batch input file is empty.", line: nil)
    }
    if questions.count > OpenAIEndpoints.mostQuestions {
      problem(
        "too_many_requests",
        "The batch input file has more than \(OpenAIEndpoints.mostQuestions) requests.", line: nil)
    }
    return (questions, problems)
  }

  // MARK: - As time passes

  private func catchUp(_ place: Int, _ state: inout BatchDepot.State, _ now: Date) {
    let endpoint = state.jobs[place].about["endpoint"]?.string ?? ""
    let inBatch = atHalfPrice
    state.jobs[place].catchUp(now) { question, fault in
      let reply = inBatch.reply(to: question.body, at: endpoint, fault: fault)
      return BatchJob.Answered(
        key: question.key, status: reply.status,
        body: (try? JSON(parsing: reply.body)) ?? .null)
    }
    let job = state.jobs[place]
    guard job.phase(now).isEnd, job.problems.isEmpty, job.goodFile == nil, job.badFile == nil
    else { return }
    func line(_ key: String, _ response: JSON, _ error: JSON) -> JSON {
      [
        "id": .string("batch_req_" + BatchDepot.identity()), "custom_id": .string(key),
        "response": response, "error": error,
      ]
    }
    func answered(_ answer: BatchJob.Answered) -> JSON {
      line(
        answer.key,
        [
          "status_code": .int(answer.status), "request_id": .string(BatchDepot.identity()),
          "body": answer.body,
        ], .null)
    }
    var bad = job.shuffled.filter { !$0.isGood }.map(answered)
    if job.phase(now) == .expired {
      bad += job.unanswered.map {
        line(
          $0.key, .null,
          [
            "code": "batch_expired",
            "message":
              "This request could not be executed before the completion window expired.",
          ])
      }
    }
    func keep(_ lines: [JSON], _ name: String) -> String? {
      guard !lines.isEmpty else { return nil }
      let file = StoredFile(
        id: "file-" + BatchDepot.identity(), name: "\(job.id)_\(name).jsonl",
        kind: "batch_output", bytes: lines.flatMap { $0.bytes + [0x0A] },
        created: job.ended(now) ?? now, isMade: true)
      state.files.append(file)
      return file.id
    }
    state.jobs[place].goodFile = keep(job.shuffled.filter(\.isGood).map(answered), "output")
    state.jobs[place].badFile = keep(bad, "error")
  }

  private static func word(_ phase: BatchJob.Phase) -> String {
    switch phase {
    case .validating: "validating"
    case .running: "in_progress"
    case .finalizing: "finalizing"
    case .finished: "completed"
    case .failed: "failed"
    case .expired: "expired"
    case .cancelling: "cancelling"
    case .cancelled: "cancelled"
    }
  }

  private static func json(_ job: BatchJob, _ now: Date) -> JSON {
    let phase = job.phase(now)
    func stamp(_ date: Date?) -> JSON {
      date.flatMap { $0 <= now ? .int(Int($0.timeIntervalSince1970)) : nil } ?? .null
    }
    let isGood = job.problems.isEmpty
    let ended = job.ended(now)
    let usages = job.answers.filter(\.isGood).map { $0.body["usage"] }
    func sum(_ names: String...) -> Int {
      usages.reduce(0) { sum, usage in
        sum + (names.lazy.compactMap { usage?[$0]?.int }.first ?? 0)
      }
    }
    let input = sum("prompt_tokens", "input_tokens")
    let output = sum("completion_tokens", "output_tokens")
    return [
      "id": .string(job.id), "object": "batch", "endpoint": job.about["endpoint"] ?? .null,
      "model": .string(job.model),
      "errors": isGood || phase == .validating
        ? .null : ["object": "list", "data": .array(job.problems)],
      "input_file_id": job.about["input_file_id"] ?? .null, "completion_window": "24h",
      "status": .string(word(phase)),
      "output_file_id": job.goodFile.map(JSON.string) ?? .null,
      "error_file_id": job.badFile.map(JSON.string) ?? .null,
      "created_at": stamp(job.created),
      "in_progress_at": isGood && job.cancelledAt == nil ? stamp(job.moment(0.1)) : .null,
      "expires_at": .int(Int(job.created.timeIntervalSince1970) + 86_400),
      "finalizing_at": isGood && job.cancelledAt == nil ? stamp(job.moment(0.9)) : .null,
      "completed_at": phase == .finished ? stamp(ended) : .null,
      "failed_at": phase == .failed ? stamp(ended) : .null,
      "expired_at": phase == .expired ? stamp(ended) : .null,
      "cancelling_at": stamp(job.cancelledAt),
      "cancelled_at": phase == .cancelled ? stamp(ended) : .null,
      "request_counts": [
        "total": .int(phase == .validating || !isGood ? 0 : job.questions.count),
        "completed": .int(job.answers.count(where: \.isGood)),
        "failed": .int(job.answers.count { !$0.isGood }),
      ],
      "usage": [
        "input_tokens": .int(input), "input_tokens_details": ["cached_tokens": 0],
        "output_tokens": .int(output), "output_tokens_details": ["reasoning_tokens": 0],
        "total_tokens": .int(input + output),
      ],
      "metadata": job.about["metadata"] ?? .null,
    ]
  }
}
