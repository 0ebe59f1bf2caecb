import Foundation
import GRDB
import HTTPTypes
import Transport

/// One kind of request.
struct Route: Sendable {
  typealias Handler = @Sendable (_ ids: [String], _ call: Call) throws -> JSON

  let method: String
  /// The path after `/v1/`; `:name` is an identity, `*name` any text.
  let path: [String]
  let capability: Capability?
  /// Whether the answer changes nothing.
  let isReading: Bool
  /// The first version of the API that has it, and the last one.
  var versions: ClosedRange<Version>
  let handler: Handler

  init(
    _ method: String, _ path: String, _ capability: Capability?, reads: Bool = false,
    in versions: ClosedRange<Version> = .v2022 ... .v2026, _ handler: @escaping Handler
  ) {
    self.method = method
    self.path = path.split(separator: "/").map(String.init)
    self.capability = capability
    isReading = reads || method == "GET"
    self.versions = versions
    self.handler = handler
  }

  func fits(_ path: [String], of version: Version) -> Bool {
    versions.contains(version) && self.path.count == path.count
      && zip(self.path, path).allSatisfy { $0.hasPrefix(":") || $0.hasPrefix("*") || $0 == $1 }
  }

  /// The parts of a path that differ from call to call.
  func ids(in path: [String]) throws -> [String] {
    try zip(self.path, path).compactMap { name, part in
      if name.hasPrefix("*") { return part }
      guard name.hasPrefix(":") else { return nil }
      guard let id = Identity.parse(part) else {
        throw Refusal.should("path.\(name.dropFirst())", "a valid uuid", .string(part))
      }
      return id
    }
  }
}

/// From method and path to what answers.
struct Router {
  let workspace: LocalWorkspace
  /// How many seconds queries and searching are behind.
  var indexLag = 0.0

  /// Every request that is answered; of two that fit, the first.
  static let routes: [Route] = [
    Route("GET", "async_tasks/*task_id", nil) { try AsyncTasks.retrieve($0[0], $1) },
    Route("GET", "blocks/:block_id", .read) { try Blocks.retrieve($0[0], $1) },
    Route("PATCH", "blocks/:block_id", .update) { try Blocks.update($0[0], $1) },
    Route("DELETE", "blocks/:block_id", .update) { try Blocks.delete($0[0], $1) },
    Route("GET", "blocks/:block_id/children", .read) { try Blocks.children($0[0], $1) },
    Route("PATCH", "blocks/:block_id/children", .insert) { try Blocks.append($0[0], $1) },
    Route("POST", "comments", .insertComments) { try Comments.create($1) },
    Route("GET", "comments", .readComments) { try Comments.list($1) },
    Route("GET", "comments/:comment_id", .readComments) { try Comments.retrieve($0[0], $1) },
    Route("PATCH", "comments/:comment_id", .insertComments) { try Comments.update($0[0], $1) },
    Route("DELETE", "comments/:comment_id", .insertComments) { try Comments.delete($0[0], $1) },
    Route("GET", "custom_emojis", .read) { try CustomEmojis.list($1) },
    Route("POST", "data_sources", .insert, in: .v2025 ... .v2026) { try DataSources.create($1) },
    Route("GET", "data_sources/:data_source_id", .read, in: .v2025 ... .v2026) {
      try DataSources.retrieve($0[0], $1)
    },
    Route("PATCH", "data_sources/:data_source_id", .update, in: .v2025 ... .v2026) {
      try DataSources.update($0[0], $1)
    },
    Route(
      "POST", "data_sources/:data_source_id/query", .read, reads: true, in: .v2025 ... .v2026
    ) { try DataSources.query($0[0], $1) },
    Route("GET", "data_sources/:data_source_id/templates", .read, in: .v2025 ... .v2026) {
      try DataSources.templates($0[0], $1)
    },
    Route("POST", "databases", .insert) { try Databases.create($1) },
    Route("GET", "databases/:database_id", .read) { try Databases.retrieve($0[0], $1) },
    Route("PATCH", "databases/:database_id", .update, in: .v2022 ... .v2022) {
      try OldDatabases.update($0[0], $1)
    },
    Route("PATCH", "databases/:database_id", .update) { try Databases.update($0[0], $1) },
    Route("POST", "databases/:database_id/query", .read, reads: true, in: .v2022 ... .v2022) {
      try OldDatabases.query($0[0], $1)
    },
    Route("POST", "file_uploads", .insert) { try FileUploads.create($1) },
    Route("GET", "file_uploads", .read) { try FileUploads.list($1) },
    Route("GET", "file_uploads/:file_upload_id", .read) { try FileUploads.retrieve($0[0], $1) },
    Route("POST", "file_uploads/:file_upload_id/complete", .insert) {
      try FileUploads.complete($0[0], $1)
    },
    Route("POST", "file_uploads/:file_upload_id/send", .insert) {
      try FileUploads.send($0[0], $1)
    },
    Route("POST", "pages", .insert) { try Pages.create($1) },
    Route("GET", "pages/:page_id", .read) { try Pages.retrieve($0[0], $1) },
    Route("PATCH", "pages/:page_id", .update) { try Pages.update($0[0], $1) },
    Route("GET", "pages/:page_id/markdown", .read) { try PageMarkdown.retrieve($0[0], $1) },
    Route("PATCH", "pages/:page_id/markdown", .update) { try PageMarkdown.update($0[0], $1) },
    Route("POST", "pages/:page_id/move", .update) { try Pages.move($0[0], $1) },
    Route("GET", "pages/:page_id/properties/*property_id", .read) {
      try PropertyItems.retrieve($0[0], $0[1], $1)
    },
    Route("POST", "search", .read, reads: true) { try Search.search($1) },
    Route("GET", "users", .users) { try Users.list($1) },
    Route("GET", "users/me", nil) { try Users.me($1) },
    Route("GET", "users/:user_id", .users) { try Users.retrieve($0[0], $1) },
    Route("GET", "views", .read, in: .v2025 ... .v2026) { try Views.list($1) },
    Route("POST", "views", .insert, in: .v2025 ... .v2026) { try Views.create($1) },
    Route("GET", "views/:view_id", .read, in: .v2025 ... .v2026) { try Views.retrieve($0[0], $1) },
    Route("PATCH", "views/:view_id", .update, in: .v2025 ... .v2026) {
      try Views.update($0[0], $1)
    },
    Route("DELETE", "views/:view_id", .update, in: .v2025 ... .v2026) {
      try Views.delete($0[0], $1)
    },
    // A query of a view is kept, so asking writes.
    Route("POST", "views/:view_id/queries", .read, in: .v2025 ... .v2026) {
      try ViewQueries.create($0[0], $1)
    },
    Route("GET", "views/:view_id/queries/:query_id", .read, in: .v2025 ... .v2026) {
      try ViewQueries.retrieve($0[0], $0[1], $1)
    },
    Route("DELETE", "views/:view_id/queries/:query_id", .read, in: .v2025 ... .v2026) {
      try ViewQueries.delete($0[0], $0[1], $1)
    },
  ]

  /// What Notion answers and this workspace does not.
  private static let uncovered: Set<String> = [
    "agents", "blocks/meeting_notes", "oauth", "webhooks",
  ]

  /// The order of checks is Notion's: token, version, address, body.
  func answer(_ request: OutgoingRequest) throws -> JSON {
    guard request.fields[.authorization] == "Bearer " + workspace.token.reveal() else {
      throw Refusal.unauthorized
    }
    let version = try Version.read(request.fields)
    let betas = try Beta.read(request.fields)
    guard let (origin, whole, query) = Address.split(request.url), whole.first == "v1" else {
      throw Refusal.invalidURL
    }
    let path = Array(whole.dropFirst())
    guard
      let route = Router.routes.first(where: {
        $0.method == request.method.rawValue && $0.fits(path, of: version)
      })
    else { throw Router.refusal(request.method, path) }
    let ids = try route.ids(in: path)
    let type = request.fields[.contentType] ?? ""
    let isUpload = type.lowercased().hasPrefix("multipart/form-data")
    let body = isUpload ? [:] : try json(request, path, version)
    guard request.body.count <= FileUploads.maximumRequest else {
      throw Refusal(status: 413, code: "validation_error", message: "Request body too large.")
    }
    if let capability = route.capability, !workspace.capabilities.contains(capability) {
      throw Refusal(
        status: 403, code: "restricted_resource",
        message: "Insufficient permissions for this endpoint.")
    }
    func handle(_ database: Database) throws -> JSON {
      let now = workspace.now().timeIntervalSince1970
      let call = Call(
        workspace: workspace, database: database, now: now,
        origin: origin, query: query, body: body, version: version, betas: betas,
        upload: isUpload ? (type, request.body) : nil,
        indexed: indexLag > 0 ? now - indexLag : .infinity)
      return try version.downgraded(try route.handler(ids, call), call)
    }
    return try route.isReading
      ? workspace.queue.read(handle) : workspace.queue.write(handle)
  }

  private func json(_ request: OutgoingRequest, _ path: [String], _ version: Version) throws -> JSON
  {
    guard request.method != .get, request.method != .delete, !request.body.isEmpty else {
      return [:]
    }
    guard request.body.count <= 500_000 else {
      throw Refusal(status: 413, code: "validation_error", message: "Request body too large.")
    }
    guard let json = try? JSON(parsing: request.body) else {
      throw Refusal(status: 400, code: "invalid_json", message: "Error parsing JSON body.")
    }
    guard json.members != nil else { throw Refusal.should("body", "an object", json) }
    return try version.upgraded(json, method: request.method.rawValue, path: path)
  }

  private static func refusal(_ method: HTTPRequest.Method, _ path: [String]) -> Refusal {
    guard
      uncovered.contains(path.first ?? "")
        || uncovered.contains(path.prefix(2).joined(separator: "/"))
    else { return .invalidURL }
    return Refusal(
      status: 400, code: "invalid_request",
      message: "Unsupported request: \(method.rawValue) /v1/\(path.joined(separator: "/")). "
        + "The embedded workspace does not cover it.")
  }
}
