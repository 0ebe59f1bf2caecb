import HTTPTypes
import Synchronization
public import Transport

/// Speaks Notion's REST API over whatever transport it is given.
///
/// Each method throws ``NotionError`` for what Notion answers, `TransportError` when no answer came,
/// and `CancellationError`.
/// - Source: Notion API, version 2026-03-11.
public struct NotionClient: Sendable {
  /// Notion's address.
  public static let defaultBaseURL = "https://api.notion.com"
  /// The version of the API that Visen speaks.
  public static let version = "2026-03-11"

  private let transport: any HTTPTransport
  private let token: Secret
  private let baseURL: String
  /// What was made through this client.
  let creations: Creations

  /// Creates a client.
  ///
  /// - Parameters:
  ///   - baseURL: Up to and without `/v1`; with it is accepted too.
  ///   - sleep: Waits before something is looked for again; a test's clock.
  public init(
    transport: any HTTPTransport, token: Secret, baseURL: String = NotionClient.defaultBaseURL,
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    creations = Creations(sleep: sleep)
    self.transport = transport
    self.token = token
    var base = baseURL
    while base.hasSuffix("/") { base.removeLast() }
    if base.hasSuffix("/v1") { base.removeLast(3) }
    self.baseURL = base
  }

  /// Sends one request and reads its JSON.
  ///
  /// - Parameter isRepeatable: Whether the same request sent twice does no harm; `nil` decides by
  ///   the method.
  func request(
    _ method: HTTPRequest.Method, _ path: String, body: JSON? = nil, isRepeatable: Bool? = nil
  ) async throws -> JSON {
    var fields = HTTPFields()
    fields[.authorization] = "Bearer " + token.reveal()
    if let name = HTTPField.Name("Notion-Version") { fields[name] = NotionClient.version }
    fields[.accept] = "application/json"
    if body != nil { fields[.contentType] = "application/json" }
    let outgoing = OutgoingRequest(
      method: method, url: baseURL + "/v1/" + path, fields: fields, body: body?.bytes ?? [],
      isRepeatable: isRepeatable)
    // The transport repeats what failed before its answer began; an answer that broke off in the
    // middle, or is no JSON, is known only here.
    for _ in 0..<NotionClient.brokenAnswers where outgoing.isRepeatable {
      do {
        return try await exchange(outgoing)
      } catch let error as TransportError where error.code == .connectionLost {
        continue
      } catch let error as NotionError where error.code == .notNotion && error.status < 300 {
        continue
      }
    }
    return try await exchange(outgoing)
  }

  /// How often a request is sent again because its answer was broken.
  private static let brokenAnswers = 4

  /// How many requests were sent through this client; what a transport repeats counts once.
  public var requestCount: Int { creations.requests.load(ordering: .relaxed) }

  private func exchange(_ outgoing: OutgoingRequest) async throws -> JSON {
    creations.requests.add(1, ordering: .relaxed)
    let response = try await transport.send(outgoing)
    let bytes = try await response.body.collect()
    guard (200..<300).contains(response.status) else {
      throw NotionError(response: response, bytes: bytes)
    }
    do {
      return try JSON(parsing: bytes)
    } catch {
      throw NotionError(
        code: .notNotion, status: response.status, message: "the answer is no JSON (\(error))")
    }
  }

  /// The bot behind the key.
  public func me() async throws -> Bot {
    let json = try await request(.get, "users/me")
    return Bot(
      id: json["id"]?.string ?? "", name: json["name"]?.string ?? "the integration",
      workspaceName: json["bot"]?["workspace_name"]?.string,
      maximumUpload: json["bot"]?["workspace_limits"]?["max_file_upload_size_in_bytes"]?.int)
  }

  /// Searches the titles of pages and data sources that are shared.
  ///
  /// - Parameters:
  ///   - query: Words of the title; empty for all.
  ///   - kind: `page` or `data_source`; `nil` for both.
  public func search(
    _ query: String = "", kind: String? = nil, cursor: String? = nil, pageSize: Int = 100
  ) async throws -> Results<JSON> {
    var body: JSON.Members = ["page_size": .int(pageSize)]
    if !query.isEmpty { body["query"] = .string(query) }
    if let kind { body["filter"] = ["property": "object", "value": .string(kind)] }
    if let cursor { body["start_cursor"] = .string(cursor) }
    return try results(
      await request(.post, "search", body: .object(body), isRepeatable: true)
    ) { $0 }
  }

  func results<Item>(_ json: JSON, _ read: (JSON) throws -> Item) throws -> Results<Item> {
    let more = json["has_more"]?.bool ?? false
    return Results(
      items: try (json["results"]?.array ?? []).map(read),
      next: more ? json["next_cursor"]?.string : nil,
      isIncomplete: json["request_status"]?["type"]?.string == "incomplete")
  }

  /// A text as part of a query string.
  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      let character = Character(Unicode.Scalar(byte))
      if byte < 0x80, character.isLetter || character.isNumber || "-._~".contains(character) {
        result.append(character)
      } else {
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }
}
