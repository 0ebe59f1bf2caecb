import Foundation
import HTTPTypes
import Transport

/// Gemini's files and batches.
///
/// - Source: Gemini API reference, “Files”, “Batch API”.
extension GeminiEndpoints {
  private static let mostBytes = 2 << 30
  private static let mostInline = 20 << 20
  private static let mostAtOnce = 100

  // MARK: - Files

  /// Begins an upload, or takes more of one.
  func upload(_ request: ServiceRequest) throws -> Reply {
    func field(_ name: String) -> String? {
      HTTPField.Name("x-goog-upload-\(name)").flatMap { request.fields[$0] }
    }
    let commands = (field("command") ?? "").split(separator: ",").map {
      $0.trimmingCharacters(in: .whitespaces)
    }
    guard let id = request.query["upload_id"] else {
      guard field("protocol") == "resumable", commands == ["start"] else {
        throw Refused.invalid("Only resumable uploads are supported.")
      }
      guard let length = field("header-content-length").flatMap({ Int($0) }), length >= 0 else {
        throw Refused.invalid("X-Goog-Upload-Header-Content-Length is missing.")
      }
      guard length <= GeminiEndpoints.mostBytes else {
        throw Refused.invalid("The file is larger than 2 GB.")
      }
      let file = request.body.isEmpty ? nil : try object(request)["file"]
      let id = BatchDepot.identity()
      batches.with { state in
        state.uploads[id] = BatchDepot.Upload(
          name: file?["displayName"]?.string ?? file?["display_name"]?.string ?? "",
          type: file?["mimeType"]?.string ?? file?["mime_type"]?.string
            ?? field("header-content-type") ?? "application/octet-stream", length: length)
      }
      var reply = Reply([:])
      GeminiEndpoints.set("x-goog-upload-status", "active", in: &reply)
      GeminiEndpoints.set(
        "x-goog-upload-url",
        "\(request.address)\(request.path)?upload_id=\(id)&upload_protocol=resumable", in: &reply)
      return reply
    }
    guard commands.contains("upload") || commands.contains("finalize") else {
      throw Refused.invalid("Unknown upload command.")
    }
    let file: StoredFile? = try batches.with { state in
      guard var upload = state.uploads[id] else {
        throw Refused(status: 404, word: "NOT_FOUND", message: "Upload not found.")
      }
      guard field("offset").flatMap({ Int($0) }) == upload.bytes.count else {
        throw Refused.invalid("The upload continues at offset \(upload.bytes.count).")
      }
      upload.bytes += request.body
      state.uploads[id] = upload
      guard commands.contains("finalize") else { return nil }
      guard upload.bytes.count == upload.length else {
        throw Refused.invalid(
          "\(upload.bytes.count) of \(upload.length) bytes were uploaded.")
      }
      state.uploads[id] = nil
      let file = StoredFile(
        id: "files/" + BatchDepot.identity().prefix(24), name: upload.name, kind: upload.type,
        bytes: upload.bytes, created: Date(), isMade: false)
      state.files.append(file)
      return file
    }
    var reply = Reply(file.map { ["file": json($0, request)] } ?? [:])
    GeminiEndpoints.set("x-goog-upload-status", file == nil ? "active" : "final", in: &reply)
    return reply
  }

  private static func set(_ name: String, _ value: String, in reply: inout Reply) {
    if let name = HTTPField.Name(name) { reply.fields[name] = value }
  }

  /// `files`, `files/abc`, `files/abc:download`.
  func files(_ request: ServiceRequest, _ rest: [String]) throws -> Reply {
    guard let name = rest.first else {
      guard request.method == .get else { throw Refused.address(request) }
      return try page(batches.with { $0.files }, request, name: "files", most: 100, id: \.id) {
        json($0, request)
      }
    }
    let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
    let id = "files/" + (parts.first ?? "")
    guard let file = batches.with({ $0.file(id) }) else {
      throw Refused(
        status: 403, word: "PERMISSION_DENIED",
        message: "You do not have permission to access the File \(parts.first ?? "") or it may "
          + "not exist.")
    }
    switch (request.method, parts.count > 1 ? parts[1] : "") {
    case (.get, ""): return Reply(json(file, request))
    case (.get, "download"):
      guard file.isMade else {
        throw Refused.invalid("Files that were uploaded cannot be downloaded.")
      }
      guard request.query["alt"] == "media" else { return Reply(json(file, request)) }
      return Reply(bytes: file.bytes, type: "application/octet-stream")
    case (.delete, ""):
      batches.with { $0.files.removeAll { $0.id == id } }
      return Reply([:])
    default: throw Refused.address(request)
    }
  }

  private func json(_ file: StoredFile, _ request: ServiceRequest) -> JSON {
    var members: JSON.Members = [
      "name": .string(file.id), "displayName": .string(file.name),
      "mimeType": .string(file.kind), "sizeBytes": .string(String(file.bytes.count)),
      "createTime": GeminiEndpoints.stamp(file.created),
      "updateTime": GeminiEndpoints.stamp(file.created),
      "expirationTime": GeminiEndpoints.stamp(file.created.addingTimeInterval(48 * 3600)),
      "uri": .string("\(request.address)/v1beta/\(file.id)"), "state": "ACTIVE",
      "source": file.isMade ? "GENERATED" : "UPLOADED",
    ]
    if file.isMade {
      members["downloadUri"] = .string(
        "\(request.address)/v1beta/\(file.id):download?alt=media")
    }
    return .object(members)
  }

  private static func stamp(_ date: Date) -> JSON {
    .string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
  }

  private func page<Item>(
    _ items: [Item], _ request: ServiceRequest, name: String, most: Int, id: (Item) -> String,
    json: (Item) -> JSON
  ) throws -> Reply {
    let size = request.query["pageSize"].map { Int($0) } ?? 10
    guard let size, (1...most).contains(size) else {
      throw Refused.invalid("page_size must be between 1 and \(most).")
    }
    let token = request.query["pageToken"]?.removingPercentEncoding
    guard let page = BatchDepot.page(items, after: token, limit: size, id: id) else {
      throw Refused.invalid("Invalid page token.")
    }
    var members: JSON.Members = [:]
    if !page.items.isEmpty { members[name] = .array(page.items.map(json)) }
    if page.hasMore, let last = page.items.last { members["nextPageToken"] = .string(id(last)) }
    return Reply(.object(members))
  }

  // MARK: - Batches

  /// `models/abc:batchGenerateContent`.
  func create(_ body: JSON, model: String) throws -> Reply {
    try check(body, ["batch"], at: "")
    guard let batch = body["batch"] else { throw Refused.invalid("* batch: is not specified") }
    try check(
      batch, ["displayName", "display_name", "inputConfig", "input_config", "priority", "model"],
      at: "batch")
    let input = batch["inputConfig"] ?? batch["input_config"]
    try check(input, ["requests", "fileName", "file_name"], at: "batch.input_config")
    var questions: [BatchJob.Question] = []
    var problems: [JSON] = []
    let isInline: Bool
    if let inline = input?["requests"]?["requests"]?.array, !inline.isEmpty {
      guard body.bytes.count <= GeminiEndpoints.mostInline else {
        throw Refused.invalid("Request payload size exceeds the limit: 20971520 bytes.")
      }
      isInline = true
      for (index, item) in inline.enumerated() {
        try check(
          item, ["request", "metadata"], at: "batch.input_config.requests.requests[\(index)]")
        guard let request = item["request"] else {
          throw Refused.invalid(
            "* BatchGenerateContentRequest.batch.input_config.requests.requests[\(index)].request:"
              + " is not specified")
        }
        questions.append(
          BatchJob.Question(key: (item["metadata"] ?? [:]).text, body: request))
      }
    } else if let name = (input?["fileName"] ?? input?["file_name"])?.string {
      guard let file = batches.with({ $0.file(name) }) else {
        throw Refused(
          status: 404, word: "NOT_FOUND", message: "Requested entity was not found.")
      }
      isInline = false
      for (index, bytes) in file.lines.enumerated() {
        guard let json = try? JSON(parsing: Array(bytes)), let request = json["request"] else {
          problems.append(
            .string("Line \(index + 1) of the input file is not a valid request."))
          continue
        }
        questions.append(
          BatchJob.Question(
            key: json["key"]?.string ?? json["key"]?.text ?? "", body: request))
      }
      if questions.isEmpty, problems.isEmpty { problems = ["The input file has no requests."] }
    } else {
      throw Refused.invalid(
        "* BatchGenerateContentRequest.batch.input_config: requests or file_name is needed")
    }
    let now = Date()
    let job = BatchJob(
      id: "batches/" + BatchDepot.identity().prefix(24), created: now, model: model,
      questions: questions, problems: problems,
      fate: batches.fate(questions: questions.count),
      about: [
        "name": (batch["displayName"] ?? batch["display_name"]) ?? "", "inline": .bool(isInline),
      ])
    try batches.with { state in
      guard state.jobs.count(where: { !$0.phase(now).isEnd }) < GeminiEndpoints.mostAtOnce else {
        throw Refused(
          status: 429, word: "RESOURCE_EXHAUSTED",
          message: "You already have \(GeminiEndpoints.mostAtOnce) batch jobs in progress.")
      }
      state.jobs.append(job)
    }
    return Reply(json(job, now))
  }

  /// `batches`, `batches/abc`, `batches/abc:cancel`.
  func batches(_ request: ServiceRequest, _ rest: [String]) throws -> Reply {
    let now = Date()
    guard let name = rest.first else {
      guard request.method == .get else { throw Refused.address(request) }
      let jobs = batches.with { state in
        for place in state.jobs.indices { catchUp(place, &state, now) }
        return state.jobs
      }
      return try page(jobs, request, name: "operations", most: 100, id: \.id) { json($0, now) }
    }
    let parts = name.split(separator: ":", maxSplits: 1).map(String.init)
    let id = "batches/" + (parts.first ?? "")
    return try batches.with { state in
      guard let place = state.place(id) else {
        throw Refused(
          status: 404, word: "NOT_FOUND", message: "Requested entity was not found.")
      }
      catchUp(place, &state, now)
      switch (request.method, parts.count > 1 ? parts[1] : "") {
      case (.get, ""): return Reply(json(state.jobs[place], now))
      case (.post, "cancel"):
        guard state.jobs[place].cancel(now) else {
          throw Refused(
            status: 400, word: "FAILED_PRECONDITION",
            message: "The batch has ended and cannot be cancelled.")
        }
        return Reply([:])
      case (.delete, ""):
        state.jobs.remove(at: place)
        return Reply([:])
      default: throw Refused.address(request)
      }
    }
  }

  private func catchUp(_ place: Int, _ state: inout BatchDepot.State, _ now: Date) {
    let inBatch = atHalfPrice
    let model = state.jobs[place].model
    state.jobs[place].catchUp(now) { question, fault in
      let reply = inBatch.reply(to: question.body, model: model, fault: fault)
      return BatchJob.Answered(
        key: question.key, status: reply.status,
        body: (try? JSON(parsing: reply.body)) ?? .null)
    }
    let job = state.jobs[place]
    guard job.phase(now) == .finished, job.goodFile == nil, job.about["inline"] == false else {
      return
    }
    let lines = job.shuffled.map { answer -> JSON in
      answer.isGood
        ? ["key": .string(answer.key), "response": answer.body]
        : ["key": .string(answer.key), "error": answer.body["error"] ?? .null]
    }
    let file = StoredFile(
      id: "files/batch-" + BatchDepot.identity().prefix(24), name: "",
      kind: "application/jsonl", bytes: lines.flatMap { $0.bytes + [0x0A] },
      created: job.ended(now) ?? now, isMade: true)
    state.files.append(file)
    state.jobs[place].goodFile = file.id
  }

  private func json(_ job: BatchJob, _ now: Date) -> JSON {
    let phase = job.phase(now)
    let word =
      switch phase {
      case .validating: "PENDING"
      case .running, .finalizing, .cancelling: "RUNNING"
      case .finished: "SUCCEEDED"
      case .failed: "FAILED"
      case .expired: "EXPIRED"
      case .cancelled: "CANCELLED"
      }
    let type = "type.googleapis.com/google.ai.generativelanguage.v1main."
    let good = job.answers.count(where: \.isGood)
    var metadata: JSON.Members = [
      "@type": .string(type + "GenerateContentBatch"), "model": .string("models/\(job.model)"),
      "displayName": job.about["name"] ?? "", "createTime": GeminiEndpoints.stamp(job.created),
      "updateTime": GeminiEndpoints.stamp(job.ended(now) ?? now),
      "batchStats": [
        "requestCount": .string(String(job.questions.count)),
        "successfulRequestCount": .string(String(good)),
        "failedRequestCount": .string(String(job.answers.count - good)),
        "pendingRequestCount": .string(String(job.questions.count - job.answers.count)),
      ],
      "state": .string("BATCH_STATE_\(word)"), "name": .string(job.id),
    ]
    if let ended = job.ended(now) { metadata["endTime"] = GeminiEndpoints.stamp(ended) }
    var operation: JSON.Members = ["name": .string(job.id)]
    var output: JSON?
    if let file = job.goodFile {
      output = ["responsesFile": .string(file)]
    } else if phase == .finished {
      let items = job.answers.map { answer -> JSON in
        let said: JSON.Members =
          answer.isGood
          ? ["response": answer.body] : ["error": answer.body["error"] ?? .null]
        var item = said
        item["metadata"] = (try? JSON(parsing: answer.key)) ?? [:]
        return .object(item)
      }
      output = ["inlinedResponses": ["inlinedResponses": .array(items)]]
    }
    if let output { metadata["output"] = output }
    operation["metadata"] = .object(metadata)
    guard phase.isEnd else { return .object(operation) }
    operation["done"] = true
    switch phase {
    case .failed:
      operation["error"] = [
        "code": 3, "message": job.problems.first ?? "The batch failed.",
      ]
    case .cancelled: operation["error"] = ["code": 1, "message": "The batch was cancelled."]
    case .expired: operation["error"] = ["code": 4, "message": "The batch expired."]
    default:
      var response = output?.members ?? [:]
      response["@type"] = .string(type + "GenerateContentBatchOutput")
      operation["response"] = .object(response)
    }
    return .object(operation)
  }
}
