import Foundation
import GRDB
import Transport

/// `/v1/file_uploads`: small files, in one part.
enum FileUploads {
  /// The most bytes of a request: a file of the largest part and what is around it.
  static let maximumRequest = 21 << 20
  /// The largest file of a workspace that costs nothing.
  static let maximumSize = 5_242_880
  /// How long a file waits to be attached, in seconds.
  private static let lifetime = 3600.0

  static func create(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: ["mode", "filename", "content_type", "number_of_parts", "external_url"])
    switch call.body["mode"] {
    case nil, "single_part": break
    case "multi_part":
      throw Refusal.validation("Multi-part uploads need a paid plan, which this workspace has not.")
    case "external_url": return try imported(call)
    case let mode?:
      throw Refusal.should(
        "body.mode", "`\"single_part\"`, `\"multi_part\"` or `\"external_url\"`", mode)
    }
    for name in ["number_of_parts", "external_url"] {
      if let value = call.body[name] { throw Refusal.absent("body.\(name)", value) }
    }
    let name = try call.body["filename"].map { try Check.string($0, at: "body.filename") }
    if let name, name.utf8.count > 900 {
      throw Refusal.should("body.filename.length", "≤ `900`", .int(name.utf8.count))
    }
    let type = try call.body["content_type"].map {
      try Check.string($0, at: "body.content_type")
    }
    let upload = try Storage.insert(
      Record(
        kind: .upload, parent: "", now: call.now,
        content: [
          "filename": name.map(JSON.string) ?? .null,
          "content_type": .string(type ?? mediaType(name ?? "")), "status": "pending",
          "content_length": nil,
        ]), call)
    return json(upload, call)
  }

  /// A file to fetch from an address: done later in Notion, and failed when it is asked about here.
  private static func imported(_ call: Call) throws -> JSON {
    if let value = call.body["number_of_parts"] {
      throw Refusal.absent("body.number_of_parts", value)
    }
    let address = try Check.string(call.body["external_url"], at: "body.external_url")
    guard address.hasPrefix("https://"), Address.split(address) != nil else {
      throw Refusal.should("body.external_url", "a valid https url", .string(address))
    }
    let name =
      try call.body["filename"].map { try Check.string($0, at: "body.filename") }
      ?? Address.split(address)?.path.last ?? "file"
    let type = try call.body["content_type"].map {
      try Check.string($0, at: "body.content_type")
    }
    let upload = try Storage.insert(
      Record(
        kind: .upload, parent: "", now: call.now,
        content: [
          "filename": .string(name), "content_type": .string(type ?? mediaType(name)),
          "content_length": nil, "status": "failed",
          "import": [
            "type": "error",
            "error": [
              "type": "download_error", "code": "file_upload_invalid_external_url",
              "message": "The embedded workspace opens no connection outward.",
              "parameter": "external_url", "status_code": nil,
            ],
            "imported_time": .string(Timestamp.minute(call.now)),
          ],
        ]), call)
    var members = json(upload, call).members ?? [:]
    members["status"] = "pending"
    members["file_import_result"] = nil
    return .object(members)
  }

  static func list(_ call: Call) throws -> JSON {
    let size = try Paging.size(call.query, at: "query.page_size")
    let status = call.parameter("status")
    let all = try Row.fetchAll(
      call.database, sql: "SELECT * FROM record WHERE kind = 'upload' ORDER BY sequence DESC"
    ).map(Record.init(row:)).filter { upload in
      status.map { $0 == FileUploads.status(of: upload, call) } ?? true
    }
    let (items, next) = try Paging.page(all, size: size, cursor: call.parameter("start_cursor"))
    return Paging.list(items.map { json($0, call) }, next: next, type: "file_upload")
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    json(try find(id, call), call)
  }

  static func send(_ id: String, _ call: Call) throws -> JSON {
    var upload = try find(id, call)
    guard status(of: upload, call) == "pending" else {
      throw Refusal.validation("File upload \(id) is \(status(of: upload, call)), not pending.")
    }
    guard let sent = call.upload, let file = Multipart.file(in: sent.bytes, type: sent.type) else {
      throw Refusal.missing("body.file")
    }
    guard file.bytes.count <= maximumSize else {
      throw Refusal.validation("The file is larger than this workspace takes (5 MiB).")
    }
    var content = upload.content.members ?? [:]
    if content["filename"]?.string == nil { content["filename"] = .string(file.name) }
    if let type = file.type { content["content_type"] = .string(type) }
    content["content_length"] = .int(file.bytes.count)
    content["status"] = "uploaded"
    content["data"] = .string(Data(file.bytes).base64EncodedString())
    upload.content = .object(content)
    upload.edited = call.now
    try Storage.update(upload, call)
    return json(upload, call)
  }

  static func complete(_ id: String, _ call: Call) throws -> JSON {
    throw Refusal.validation("File upload \(try find(id, call).id) is not a multi-part upload.")
  }

  static func find(_ id: String, _ call: Call) throws -> Record {
    guard let record = try Storage.find(id, call.database), record.kind == .upload else {
      throw Refusal.notFound("file_upload", id)
    }
    return record
  }

  /// How an attached file reads: an address that holds for an hour.
  static func file(_ id: JSON, at path: String, _ call: Call) throws -> (name: JSON, file: JSON) {
    let upload = try find(try Check.id(id, at: path), call)
    guard upload.content["status"] == "uploaded" else {
      throw Refusal.validation("File upload \(upload.id) has not been uploaded.")
    }
    let name = upload.content["filename"] ?? nil
    let shown = (name.string ?? "file").addingPercentEncoding(
      withAllowedCharacters: .alphanumerics.union(.init(charactersIn: "._-")))
    // Each reading has an address of its own, so that nobody keeps one.
    let signature = Identity.undashed(Identity.make())
    let base =
      call.origin.hasPrefix("http://127.0.0.1:")
      ? "\(call.origin)/_files" : "https://files.visen.invalid"
    return (
      name,
      [
        "url": .string("\(base)/\(upload.id)/\(shown ?? "file")?signature=\(signature)"),
        "expiry_time": .string(Timestamp.minute(call.now + lifetime)),
      ]
    )
  }

  /// Attaches an uploaded file, which from then on does not expire.
  static func attach(_ id: JSON, at path: String, _ call: Call) throws {
    var upload = try find(try Check.id(id, at: path), call)
    guard status(of: upload, call) == "uploaded" else {
      throw Refusal.validation(
        "File upload \(upload.id) is \(status(of: upload, call)), not uploaded.")
    }
    var content = upload.content.members ?? [:]
    guard content["is_attached"] == nil else { return }
    content["is_attached"] = true
    upload.content = .object(content)
    try Storage.update(upload, call)
  }

  /// The upload that a file's address belongs to.
  static func id(in url: String) -> String? {
    guard let parts = Address.split(url),
      let id = parts.path.suffix(2).first.flatMap(Identity.parse),
      parts.origin == "https://files.visen.invalid" || parts.path.first == "_files"
    else { return nil }
    return id
  }

  private static func status(of upload: Record, _ call: Call) -> String {
    let status = upload.content["status"]?.string ?? "pending"
    let isOver = upload.content["is_attached"] == nil && call.now > upload.created + lifetime
    return isOver ? "expired" : status
  }

  private static func json(_ upload: Record, _ call: Call) -> JSON {
    let status = status(of: upload, call)
    let isAttached = upload.content["is_attached"] != nil
    var members: JSON.Members = [
      "object": "file_upload", "id": .string(upload.id),
      "created_time": .string(Timestamp.minute(upload.created)),
      "created_by": ["id": .string(LocalWorkspace.botID), "type": "bot"],
      "last_edited_time": .string(Timestamp.minute(upload.edited)),
      "expiry_time": isAttached ? nil : .string(Timestamp.minute(upload.created + lifetime)),
    ]
    if status == "pending" {
      members["upload_url"] = .string("\(call.origin)/v1/file_uploads/\(upload.id)/send")
    }
    members["in_trash"] = .bool(upload.isInTrash)
    members["status"] = .string(status)
    for name in ["filename", "content_type", "content_length"] {
      members[name] = upload.content[name] ?? nil
    }
    members["file_import_result"] = upload.content["import"]
    return .object(members)
  }

  private static func mediaType(_ name: String) -> String {
    let ending = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
    let known = [
      "txt": "text/plain", "md": "text/markdown", "csv": "text/csv", "html": "text/html",
      "json": "application/json", "pdf": "application/pdf", "png": "image/png",
      "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml",
      "mp3": "audio/mpeg", "mp4": "video/mp4",
    ]
    return known[ending] ?? "application/octet-stream"
  }
}

/// The file of a `multipart/form-data` body.
enum Multipart {
  static func file(
    in bytes: [UInt8], type: String
  ) -> (name: String, type: String?, bytes: [UInt8])? {
    guard let mark = type.range(of: "boundary=") else { return nil }
    let boundary = type[mark.upperBound...].prefix { $0 != ";" }.trimmingCharacters(
      in: CharacterSet(charactersIn: "\" "))
    let data = Data(bytes)
    let line = Data("--\(boundary)".utf8)
    let gap = Data("\r\n\r\n".utf8)
    var rest = data.startIndex
    while let start = data.range(of: line, in: rest..<data.endIndex) {
      guard let head = data.range(of: gap, in: start.upperBound..<data.endIndex),
        let end = data.range(of: line, in: head.upperBound..<data.endIndex)
      else { return nil }
      let fields = String(decoding: data[start.upperBound..<head.lowerBound], as: UTF8.self)
      if fields.contains("name=\"file\"") {
        let name = fields.firstMatch(of: /filename="([^"]*)"/).map { String($0.1) } ?? "file"
        let type = fields.firstMatch(of: /(?i)content-type:\s*([^\r\n;]+)/).map { String($0.1) }
        return (name, type, Array(data[head.upperBound..<(end.lowerBound - 2)]))
      }
      rest = end.lowerBound
    }
    return nil
  }
}
