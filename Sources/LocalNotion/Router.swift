import Foundation
import GRDB
import HTTPTypes
import Transport

/// A request, taken apart.
struct Call {
  let workspace: LocalWorkspace
  let database: Database
  let now: Double
  let query: [(name: String, value: String)]
  let body: JSON
  /// The version of the API that was asked for.
  let version: Version
  /// The media type and the bytes of a body that is no JSON.
  let upload: (type: String, bytes: [UInt8])?

  /// The same call with another body.
  func with(body: JSON) -> Call {
    Call(
      workspace: workspace, database: database, now: now, query: query, body: body,
      version: version, upload: nil)
  }

  /// A parameter of the query.
  func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

  /// Property names or identities to which an answer is limited; empty for all.
  var filterProperties: [String] {
    query.filter { $0.name == "filter_properties" || $0.name == "filter_properties[]" }.map(\.value)
  }
}

/// From method and path to what answers.
struct Router {
  let workspace: LocalWorkspace

  /// The order of checks is Notion's: token, version, address, body.
  func answer(_ request: OutgoingRequest) throws -> JSON {
    guard request.fields[.authorization] == "Bearer " + workspace.token.reveal() else {
      throw Refusal.unauthorized
    }
    let version = try Version.read(request.fields)
    let (path, query) = try split(request.url)
    let isRead = request.method == .get || request.method == .delete
    let type = request.fields[.contentType] ?? ""
    let isUpload = type.lowercased().hasPrefix("multipart/form-data")
    guard request.body.count <= (isUpload ? 21 << 20 : 500_000) else {
      throw Refusal(status: 413, code: "validation_error", message: "Request body too large.")
    }
    var body: JSON = [:]
    if !isRead, !request.body.isEmpty, !isUpload {
      guard let json = try? JSON(parsing: request.body) else {
        throw Refusal(status: 400, code: "invalid_json", message: "Error parsing JSON body.")
      }
      guard json.members != nil else { throw Refusal.should("body", "an object", json) }
      body = try version.upgraded(json, method: request.method.rawValue, path: path)
    }
    let handler = try handler(request.method, path, version)
    return try workspace.queue.write { database in
      let call = Call(
        workspace: workspace, database: database,
        now: workspace.now().timeIntervalSince1970, query: query, body: body, version: version,
        upload: isUpload ? (type, request.body) : nil)
      return try version.downgraded(try handler(call), call)
    }
  }

  private typealias Handler = (Call) throws -> JSON

  private func handler(
    _ method: HTTPRequest.Method, _ path: [String], _ version: Version
  ) throws -> Handler {
    func id(_ index: Int, _ name: String) throws -> String {
      guard let id = Identity.parse(path[index]) else {
        throw Refusal.should("path.\(name)", "a valid uuid", .string(path[index]))
      }
      return id
    }
    switch (method.rawValue, path.first ?? "", path.count) {
    case (_, "data_sources", _) where version == .v2022: throw Refusal.invalidURL
    case ("PATCH", "databases", 2) where version == .v2022:
      let id = try id(1, "database_id")
      return { try OldDatabases.update(id, $0) }
    case ("POST", "databases", 3) where version == .v2022 && path[2] == "query":
      let id = try id(1, "database_id")
      return { try OldDatabases.query(id, $0) }
    case ("POST", "databases", 1): return Databases.create
    case ("GET", "databases", 2):
      let id = try id(1, "database_id")
      return { try Databases.retrieve(id, $0) }
    case ("PATCH", "databases", 2):
      let id = try id(1, "database_id")
      return { try Databases.update(id, $0) }
    case ("POST", "data_sources", 1): return DataSources.create
    case ("GET", "data_sources", 2):
      let id = try id(1, "data_source_id")
      return { try DataSources.retrieve(id, $0) }
    case ("PATCH", "data_sources", 2):
      let id = try id(1, "data_source_id")
      return { try DataSources.update(id, $0) }
    case ("POST", "data_sources", 3) where path[2] == "query":
      let id = try id(1, "data_source_id")
      return { try DataSources.query(id, $0) }
    case ("POST", "pages", 1): return Pages.create
    case ("GET", "pages", 2):
      let id = try id(1, "page_id")
      return { try Pages.retrieve(id, $0) }
    case ("PATCH", "pages", 2):
      let id = try id(1, "page_id")
      return { try Pages.update(id, $0) }
    case ("POST", "pages", 3) where path[2] == "move":
      let id = try id(1, "page_id")
      return { try Pages.move(id, $0) }
    case ("GET", "pages", 3) where path[2] == "markdown":
      let id = try id(1, "page_id")
      return { try PageMarkdown.retrieve(id, $0) }
    case ("PATCH", "pages", 3) where path[2] == "markdown":
      let id = try id(1, "page_id")
      return { try PageMarkdown.update(id, $0) }
    case ("GET", "pages", 4) where path[2] == "properties":
      let id = try id(1, "page_id")
      return { try PropertyItems.retrieve(id, path[3], $0) }
    case ("GET", "data_sources", 3) where path[2] == "templates":
      let id = try id(1, "data_source_id")
      return { try DataSources.templates(id, $0) }
    case ("POST", "comments", 1): return Comments.create
    case ("GET", "comments", 1): return Comments.list
    case ("GET", "comments", 2):
      let id = try id(1, "comment_id")
      return { try Comments.retrieve(id, $0) }
    case ("PATCH", "comments", 2):
      let id = try id(1, "comment_id")
      return { try Comments.update(id, $0) }
    case ("DELETE", "comments", 2):
      let id = try id(1, "comment_id")
      return { try Comments.delete(id, $0) }
    case ("POST", "file_uploads", 1): return FileUploads.create
    case ("GET", "file_uploads", 1): return FileUploads.list
    case ("GET", "file_uploads", 2):
      let id = try id(1, "file_upload_id")
      return { try FileUploads.retrieve(id, $0) }
    case ("POST", "file_uploads", 3) where path[2] == "send":
      let id = try id(1, "file_upload_id")
      return { try FileUploads.send(id, $0) }
    case ("GET", "blocks", 2):
      let id = try id(1, "block_id")
      return { try Blocks.retrieve(id, $0) }
    case ("PATCH", "blocks", 2):
      let id = try id(1, "block_id")
      return { try Blocks.update(id, $0) }
    case ("DELETE", "blocks", 2):
      let id = try id(1, "block_id")
      return { try Blocks.delete(id, $0) }
    case ("GET", "blocks", 3) where path[2] == "children":
      let id = try id(1, "block_id")
      return { try Blocks.children(id, $0) }
    case ("PATCH", "blocks", 3) where path[2] == "children":
      let id = try id(1, "block_id")
      return { try Blocks.append(id, $0) }
    case ("GET", "users", 1): return Users.list
    case ("GET", "users", 2):
      if path[1] == "me" { return Users.me }
      let id = try id(1, "user_id")
      return { try Users.retrieve(id, $0) }
    case ("POST", "search", 1): return Search.search
    default:
      if Router.uncovered.contains(path.first ?? "") {
        throw Refusal(
          status: 400, code: "invalid_request",
          message: "Unsupported request: \(method.rawValue) /v1/\(path.joined(separator: "/")). "
            + "The embedded workspace does not cover it.")
      }
      throw Refusal.invalidURL
    }
  }

  /// Resources that Notion has and this workspace has not.
  private static let uncovered: Set<String> = [
    "pages", "data_sources", "blocks", "file_uploads", "views", "async_tasks", "custom_emojis",
    "oauth",
  ]

  private func split(_ url: String) throws -> ([String], [(name: String, value: String)]) {
    guard let scheme = url.firstRange(of: "://") else { throw Refusal.invalidURL }
    let rest = url[scheme.upperBound...]
    let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let segments = (parts.first ?? "").split(separator: "/").dropFirst().map {
      Router.decoded(String($0))
    }
    guard segments.first == "v1" else { throw Refusal.invalidURL }
    let query = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { pair in
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (
        name: Router.decoded(String(sides[0])),
        value: sides.count > 1 ? Router.decoded(String(sides[1])) : ""
      )
    }
    return (Array(segments.dropFirst()), query)
  }

  private static func decoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(text).utf8
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
