import Foundation
import GRDB
import Transport

/// `/v1/file_uploads`: small files, in one part.
enum FileUploads {
  static func create(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body",
      allowed: ["mode", "filename", "content_type", "number_of_parts", "external_url"])
    if let mode = call.body["mode"], mode != "single_part" {
      throw Refusal.validation(
        "The embedded workspace covers uploads in a single part only, not \(mode.text).")
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
        ]), call.database)
    return json(upload)
  }

  static func list(_ call: Call) throws -> JSON {
    let size = try Paging.size(call.query, at: "query.page_size")
    let status = call.parameter("status")
    let all = try Row.fetchAll(
      call.database, sql: "SELECT * FROM record WHERE kind = 'upload' ORDER BY sequence DESC"
    ).map(Record.init(row:)).filter { status == nil || $0.content["status"]?.string == status }
    let (items, next) = try Paging.page(all, size: size, cursor: call.parameter("start_cursor"))
    return Paging.list(items.map(json), next: next, type: "file_upload")
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON { json(try find(id, call)) }

  static func send(_ id: String, _ call: Call) throws -> JSON {
    var upload = try find(id, call)
    guard upload.content["status"] == "pending" else {
      throw Refusal.validation("File upload \(id) has been sent already.")
    }
    guard let sent = call.upload, let file = Multipart.file(in: sent.bytes, type: sent.type) else {
      throw Refusal.missing("body.file")
    }
    guard file.bytes.count <= 5_242_880 else {
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
    try Storage.update(upload, call.database)
    return json(upload)
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
    return (
      name,
      [
        "url": .string("https://files.visen.invalid/\(upload.id)/\(name.string ?? "file")"),
        "expiry_time": .string(Timestamp.minute(call.now + 3600)),
      ]
    )
  }

  private static func json(_ upload: Record) -> JSON {
    let isPending = upload.content["status"] == "pending"
    var members: JSON.Members = [
      "object": "file_upload", "id": .string(upload.id),
      "created_time": .string(Timestamp.minute(upload.created)),
      "created_by": ["id": .string(LocalWorkspace.botID), "type": "bot"],
      "last_edited_time": .string(Timestamp.minute(upload.edited)),
      "expiry_time": .string(Timestamp.minute(upload.created + 3600)),
    ]
    if isPending {
      members["upload_url"] = .string(
        "https://api.notion.com/v1/file_uploads/\(upload.id)/send")
    }
    members["in_trash"] = .bool(upload.isInTrash)
    for name in ["status", "filename", "content_type", "content_length"] {
      members[name] = upload.content[name] ?? nil
    }
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
