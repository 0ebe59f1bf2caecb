public import Foundation
import GRDB
import HTTPTypes
public import Transport

/// A Notion workspace inside this process: answers REST requests from an SQLite file.
///
/// It shares nothing with the client but the wire format, so that what passes here passes there.
/// What it covers stands in `LocalNotion.docc/Coverage.md`.
public struct LocalWorkspace: HTTPTransport {
  static let botName = "Visen"
  static let botID = "5ec1f1e0-7b52-4c1e-9a70-6c1f0f3b8a01"
  static let personID = "5ec1f1e0-7b52-4c1e-9a70-6c1f0f3b8a02"
  static let integrationID = "5ec1f1e0-7b52-4c1e-9a70-6c1f0f3b8a03"
  static let workspaceID = "5ec1f1e0-7b52-4c1e-9a70-6c1f0f3b8a04"

  /// The page below which everything is; shared with the bot.
  public let rootPageID: String
  /// The token that is accepted.
  public let token: Secret

  /// The most rows that one query gives, over all its pages.
  let queryLimit: Int
  let openQueries = OpenQueries()
  /// Whether queries go along indexes; if not, every row is looked at, with the same result.
  var isIndexed = true
  /// What the bot may do.
  let capabilities: Set<Capability>
  let unshared = Unshared()
  let queue: DatabaseQueue
  let now: @Sendable () -> Date

  /// Opens a workspace file, which is made when it is missing.
  ///
  /// - Parameters:
  ///   - file: The SQLite file; its folder must exist.
  ///   - token: The bearer token to accept.
  ///   - queryLimit: The most rows that one query gives; Notion's own is 10,000.
  ///   - capabilities: What the bot may do.
  ///   - now: The time; a test's clock.
  /// - Throws: ``LocalWorkspaceError`` when the file cannot be used.
  public init(
    file: URL, token: Secret = Secret("local"), queryLimit: Int = 10_000,
    capabilities: Set<Capability> = Set(Capability.allCases),
    now: @escaping @Sendable () -> Date = { Date() }
  ) throws {
    do {
      let descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
      if descriptor >= 0 { close(descriptor) }
      var configuration = Configuration()
      configuration.busyMode = .timeout(10)
      configuration.prepareDatabase { database in
        try database.execute(
          sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768")
      }
      try self.init(
        queue: DatabaseQueue(path: file.path, configuration: configuration), token: token,
        title: "Visen", queryLimit: queryLimit, capabilities: capabilities, now: now)
    } catch let error as DatabaseError {
      throw LocalWorkspaceError(
        "The embedded workspace \(file.path) cannot be used: \(error.message ?? "SQLite error"); "
          + "is the folder yours, is the disk full?")
    }
  }

  /// Opens a workspace that is gone with the process.
  ///
  /// - Parameter title: The title of its one page.
  public static func inMemory(
    token: Secret = Secret("local"), title: String = "Visen", queryLimit: Int = 10_000,
    capabilities: Set<Capability> = Set(Capability.allCases),
    now: @escaping @Sendable () -> Date = { Date() }
  ) throws -> LocalWorkspace {
    try LocalWorkspace(
      queue: DatabaseQueue(), token: token, title: title, queryLimit: queryLimit,
      capabilities: capabilities, now: now)
  }

  private init(
    queue: DatabaseQueue, token: Secret, title: String, queryLimit: Int,
    capabilities: Set<Capability>, now: @escaping @Sendable () -> Date
  ) throws {
    self.queryLimit = queryLimit
    self.capabilities = capabilities
    self.queue = queue
    self.token = token
    self.now = now
    try Storage.migrator.migrate(queue)
    let unshared = unshared
    rootPageID = try queue.write { database in
      try unshared.load(database)
      if let id = try Storage.fact("root", database) { return id }
      let root = Record(
        kind: .page, parent: "", now: now().timeIntervalSince1970,
        content: [
          "values": ["title": RichTextValue.plain(title)]
        ])
      _ = try Storage.insert(root, database)
      try Storage.setFact("root", root.id, database)
      return root.id
    }
  }

  /// Takes a page or database from the bot, or gives it back, with all that is below it.
  ///
  /// What is not shared is to the bot as if it were not there.
  /// - Parameter id: The identity, dashed or not.
  /// - Returns: Whether there is such a thing.
  public func share(_ id: String, _ isShared: Bool) throws -> Bool {
    guard let id = Identity.parse(id) else { return false }
    return try queue.write { database in
      guard try Storage.find(id, database) != nil else { return false }
      try unshared.set(id, isShared: isShared, database)
      return true
    }
  }

  /// The bytes of an uploaded file and their media type; `nil` when there is none.
  public func file(_ id: String) throws -> (type: String, bytes: [UInt8])? {
    try queue.read { database in
      guard let id = Identity.parse(id), let upload = try Storage.find(id, database),
        upload.kind == .upload, let text = upload.content["data"]?.string,
        let data = Data(base64Encoded: text)
      else { return nil }
      let type = upload.content["content_type"]?.string ?? "application/octet-stream"
      return (type, Array(data))
    }
  }

  /// Answers a request as Notion would; see `HTTPTransport`.
  public func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    try await send(request, indexLag: 0)
  }

  /// Answers a request whose queries and searching do not know yet what was made lately, as happens
  /// with Notion.
  ///
  /// - Parameter indexLag: How many seconds they are behind.
  public func send(
    _ request: OutgoingRequest, indexLag: Double
  ) async throws -> IncomingResponse {
    try Task.checkCancellation()
    return answer(request, indexLag: indexLag)
  }

  /// What is recorded of every answer, but for what the network in front of Notion adds.
  private static let fields: [(HTTPField.Name, String)] = [
    ("content-security-policy", "default-src 'none'"), ("vary", "Accept-Encoding"),
    ("x-content-type-options", "nosniff"), ("x-frame-options", "SAMEORIGIN"),
  ].compactMap { name, value in HTTPField.Name(name).map { ($0, value) } }

  private func answer(_ request: OutgoingRequest, indexLag: Double) -> IncomingResponse {
    let requestID = Identity.make()
    var status = 200
    var body: JSON
    do {
      body = try Router(workspace: self, indexLag: indexLag).answer(request)
      if body["object"] == "async_task", body["status"] == "queued" { status = 202 }
    } catch let refusal as Refusal {
      status = refusal.status
      body = refusal.json
    } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
      status = 503
      body =
        Refusal(
          status: 503, code: "service_unavailable",
          message: "The embedded workspace cannot write: the disk is full."
        ).json
    } catch {
      status = 500
      body =
        Refusal(
          status: 500, code: "internal_server_error",
          message: "Unexpected error occurred. (\(error))"
        ).json
    }
    // The list of templates alone is recorded without.
    if var members = body.members, members["templates"] == nil {
      members["request_id"] = .string(requestID)
      body = .object(members)
    }
    var fields = HTTPFields()
    fields[.contentType] = "application/json; charset=utf-8"
    for (name, value) in LocalWorkspace.fields { fields[name] = value }
    if let name = HTTPField.Name("x-notion-request-id") { fields[name] = requestID }
    return IncomingResponse(status: status, fields: fields, bytes: body.bytes)
  }
}

/// Why the embedded workspace cannot be used.
public struct LocalWorkspaceError: Error, Sendable, CustomStringConvertible {
  /// One sentence for a person.
  public let message: String
  /// The message.
  public var description: String { message }
  init(_ message: String) { self.message = message }
}
