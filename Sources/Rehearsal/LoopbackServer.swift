import Foundation
import HTTPTypes
import HummingbirdCore
public import LocalNotion
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Transport

/// The embedded workspace and practice engines on 127.0.0.1, speaking Notion's, OpenAI's and Gemini's
/// protocols.
///
/// Notion is at the root, `/openai` and `/gemini` hold the engines, `/_control/stats` tells what was
/// asked. It listens on the loopback interface only: nothing here is made to face a network.
public struct LoopbackServer: Sendable {
  /// Where a running server is.
  public struct Addresses: Sendable {
    /// The port it listens on.
    public let port: Int
    /// Notion's base address, without `/v1`.
    public var notion: String { "http://127.0.0.1:\(port)" }
    /// OpenAI's base address, without `/v1`.
    public var openAI: String { "http://127.0.0.1:\(port)/openai" }
    /// Gemini's base address, without `/v1beta`.
    public var gemini: String { "http://127.0.0.1:\(port)/gemini" }
  }

  private let workspace: LocalWorkspace
  private let fate: Fate
  private let statistics = Statistics()
  private let openAI: OpenAIEndpoints
  private let gemini: GeminiEndpoints

  /// Creates a server that does not listen yet.
  public init(workspace: LocalWorkspace, conditions: Conditions = Conditions()) {
    self.workspace = workspace
    fate = Fate(conditions)
    openAI = OpenAIEndpoints(
      statistics: statistics, batches: BatchDepot(fate), spoiling: conditions.spoiling)
    gemini = GeminiEndpoints(
      statistics: statistics, batches: BatchDepot(fate), spoiling: conditions.spoiling)
  }

  /// Listens and answers until the task is cancelled.
  ///
  /// - Parameters:
  ///   - port: The port; 0 for any free one.
  ///   - onReady: Called once, when requests are taken.
  /// - Throws: When the port cannot be had.
  public func run(port: Int, onReady: @escaping @Sendable (Addresses) -> Void) async throws {
    let server = try HTTPServerBuilder.http1().buildServer(
      configuration: ServerConfiguration(
        address: .hostname("127.0.0.1", port: port), reuseAddress: true),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
      logger: Logger(label: "visen.serve") { _ in SwiftLogNoOpLogHandler() },
      responder: { request, writer, channel in
        try await respond(request, writer, channel)
      },
      onServerRunning: { channel in
        onReady(Addresses(port: channel.localAddress?.port ?? port))
      })
    try await server.run()
  }

  /// How many seconds an index that is behind does not know of.
  private static let indexLag = 3.0

  // MARK: - One request

  @concurrent private func respond(
    _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
  ) async throws {
    let buffer = try await request.body.collect(upTo: 256 << 20)
    let bytes = [UInt8](buffer.readableBytesView)
    let target = request.head.path ?? "/"
    let path = String(target.prefix { $0 != "?" })
    if path.hasPrefix("/_control/") {
      return try await LoopbackServer.send(
        control(request.head.method, target, path, bytes), writer)
    }
    if path.hasPrefix("/_files/") { return try await LoopbackServer.send(file(path), writer) }
    let side: Side =
      path.hasPrefix("/openai/") || path.hasPrefix("/gemini/") ? .engine : .notion
    statistics.begin(side, call: LoopbackServer.call(request.head.method, path))
    let fault = fate.fault(side)
    do {
      if let wait = fate.wait(side) {
        var reply = refusal(429, side, path: path, wait: wait)
        if path.hasPrefix("/gemini/"), let rate = fate.figures(side)?.rate {
          reply = GeminiEndpoints.refusal(429, wait: wait, rate: rate)
        }
        statistics.end(side, status: "429", isFault: false)
        return try await LoopbackServer.send(limited(reply, path), writer)
      }
      if fault == .hang {
        // Until the client goes away, or an hour.
        try await Task.sleep(for: .seconds(3600))
      }
      if fault == .reset {
        statistics.end(side, status: "reset", isFault: true)
        try await LoopbackServer.reset(channel)
        return
      }
      try await Task.sleep(for: fate.latency(side))
      if case .status(let status) = fault {
        statistics.end(side, status: String(status), isFault: true)
        let reply = refusal(status, side, path: path, wait: .seconds(1))
        return try await LoopbackServer.send(reply, writer)
      }
      if fault == .budget || fault == .blocked {
        statistics.end(side, status: "429", isFault: true)
        return try await LoopbackServer.send(
          NotionRefusals.limited(isBlocked: fault == .blocked), writer)
      }
      let lag = fault == .lag ? LoopbackServer.indexLag : 0
      var reply = limited(
        await answer(request, target: target, path: path, bytes: bytes, indexLag: lag), path)
      if fault == .committed { reply = committed(reply, request.head.method, side, path) }
      if fault == .timeout { reply = refusal(504, side, path: path, wait: .seconds(1)) }
      if fault == .lost {
        statistics.end(side, status: "reset", isFault: true)
        return try await LoopbackServer.reset(channel)
      }
      if fault == .malformed { reply.body = Array(reply.body.dropLast(2)) + Array("…".utf8) }
      statistics.end(side, status: String(reply.status), isFault: fault != nil)
      switch fault {
      case .cut:
        try await LoopbackServer.sendHalf(reply, writer)
        try await LoopbackServer.reset(channel)
      case .slow: try await LoopbackServer.sendSlowly(reply, writer)
      default: try await LoopbackServer.send(reply, writer)
      }
    } catch is CancellationError {
      statistics.end(side, status: "gone", isFault: fault != nil)
      throw CancellationError()
    }
  }

  /// The reply with what OpenAI tells of its limits; Gemini tells nothing before it refuses.
  private func limited(_ reply: Reply, _ path: String) -> Reply {
    guard path.hasPrefix("/openai/"), let figures = fate.figures(.engine) else { return reply }
    var reply = reply
    let seconds = figures.reset / .seconds(1)
    for (name, value) in [
      ("limit", String(figures.rate.requests)), ("remaining", String(figures.left)),
      ("reset", "\(Int((seconds * 1000).rounded(.up)))ms"),
    ] {
      if let field = HTTPField.Name("x-ratelimit-\(name)-requests") { reply.fields[field] = value }
    }
    return reply
  }

  private func answer(
    _ request: Request, target: String, path: String, bytes: [UInt8], indexLag: Double
  ) async -> Reply {
    for (prefix, isOpenAI) in [("/openai", true), ("/gemini", false)] where path.hasPrefix(prefix) {
      var query: [String: String] = [:]
      if let mark = target.firstIndex(of: "?") {
        for pair in target[target.index(after: mark)...].split(separator: "&") {
          let sides = pair.split(separator: "=", maxSplits: 1)
          if let name = sides.first {
            query[String(name)] = sides.count > 1 ? String(sides[1]) : ""
          }
        }
      }
      var rest = String(path.dropFirst(prefix.count))
      // A base address may be given with or without the version.
      if isOpenAI, !rest.hasPrefix("/v1/") { rest = "/v1" + rest }
      rest = rest.replacing("%3A", with: ":")
      let asked = ServiceRequest(
        method: request.head.method, path: rest, query: query, fields: request.head.headerFields,
        body: bytes,
        address: "http://\(request.head.authority ?? "127.0.0.1")\(prefix)")
      return isOpenAI ? await openAI.answer(asked) : await gemini.answer(asked)
    }
    do {
      let response = try await workspace.send(
        OutgoingRequest(
          method: request.head.method,
          url: "http://\(request.head.authority ?? "127.0.0.1")\(target)",
          fields: request.head.headerFields, body: bytes), indexLag: indexLag)
      var reply = Reply(status: response.status, bytes: try await response.body.collect(), type: "")
      reply.fields = response.fields
      return reply
    } catch {
      return Reply(status: 500, ["object": "error", "status": 500, "message": .string("\(error)")])
    }
  }

  /// A write that is done and not answered; a read simply fails.
  private func committed(
    _ reply: Reply, _ method: HTTPRequest.Method, _ side: Side, _ path: String
  ) -> Reply {
    guard side == .notion, method != .get, !path.hasSuffix("/query"), !path.hasSuffix("/search")
    else { return refusal(503, side, path: path, wait: .seconds(1)) }
    return NotionRefusals.committed(reply, path: path)
  }

  /// An uploaded file, by the address that answers give.
  private func file(_ path: String) -> Reply {
    let id = path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
    guard let file = try? workspace.file(id) else {
      return Reply(status: 404, ["error": "There is no such file."])
    }
    return Reply(bytes: file.bytes, type: file.type)
  }

  private func control(
    _ method: HTTPRequest.Method, _ target: String, _ path: String, _ bytes: [UInt8]
  ) -> Reply {
    if path == "/_control/share" || path == "/_control/unshare", method == .post {
      guard let id = (try? JSON(parsing: bytes))?["id"]?.string,
        (try? workspace.share(id, path == "/_control/share")) == true
      else {
        return Reply(status: 404, ["error": "Give the id of a page or database that is there."])
      }
      return Reply(["id": .string(id), "shared": .bool(path == "/_control/share")])
    }
    guard path == "/_control/stats" else {
      return Reply(
        status: 404,
        ["error": "There are GET /_control/stats and POST /_control/share and /_control/unshare."])
    }
    let limit = target.firstMatch(of: /[?&]limit=(\d{1,6})/).flatMap { Int($0.1) }
    return Reply(statistics.json(limit: limit ?? 100))
  }

  /// The service's own words for a status.
  private func refusal(_ status: Int, _ side: Side, path: String, wait: Duration) -> Reply {
    if side == .notion { return NotionRefusals.reply(status, wait: wait) }
    return path.hasPrefix("/gemini/")
      ? GeminiEndpoints.refusal(status, wait: wait) : OpenAIEndpoints.refusal(status, wait: wait)
  }

  /// The call without identities, for counting.
  private static func call(_ method: HTTPRequest.Method, _ path: String) -> String {
    let parts = path.split(separator: "/").map { part -> String in
      let hex = part.filter { $0 != "-" }
      if hex.count >= 20, hex.allSatisfy(\.isHexDigit) { return ":id" }
      guard part.utf8.count >= 20 else { return String(part) }
      return String(part).replacing(/[0-9a-f]{20,}/, with: ":id")
    }
    return "\(method.rawValue) /\(parts.joined(separator: "/"))"
  }

  // MARK: - Sending

  private static func head(_ reply: Reply, length: Int?) -> HTTPResponse {
    var fields = reply.fields
    if let length { fields[.contentLength] = String(length) }
    return HTTPResponse(status: HTTPResponse.Status(code: reply.status), headerFields: fields)
  }

  @concurrent private static func send(_ reply: Reply, _ writer: consuming ResponseWriter)
    async throws
  {
    guard let pieces = reply.pieces else {
      return try await writer.write(
        response: head(reply, length: reply.body.count),
        body: HummingbirdCore.ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
    var body: any ResponseBodyWriter = try await writer.writeHead(head(reply, length: nil))
    for piece in pieces { try await body.write(ByteBuffer(bytes: piece)) }
    try await body.finish(nil)
  }

  @concurrent private static func sendHalf(_ reply: Reply, _ writer: consuming ResponseWriter)
    async throws
  {
    let all = reply.pieces.map { Array($0.joined()) } ?? reply.body
    let length = reply.pieces == nil ? all.count : nil
    var body: any ResponseBodyWriter = try await writer.writeHead(head(reply, length: length))
    try await body.write(ByteBuffer(bytes: all.prefix(all.count / 2)))
    // The half must leave before the connection does.
    try await Task.sleep(for: .milliseconds(20))
  }

  @concurrent private static func sendSlowly(_ reply: Reply, _ writer: consuming ResponseWriter)
    async throws
  {
    let all = reply.pieces.map { Array($0.joined()) } ?? reply.body
    let length = reply.pieces == nil ? all.count : nil
    var body: any ResponseBodyWriter = try await writer.writeHead(head(reply, length: length))
    let step = max(1, all.count / 50)
    for start in stride(from: 0, to: all.count, by: step) {
      try await body.write(ByteBuffer(bytes: all[start..<min(start + step, all.count)]))
      try await Task.sleep(for: .milliseconds(100))
    }
    try await body.finish(nil)
  }

  private static func reset(_ channel: any Channel) async throws {
    if let options = channel as? any SocketOptionProvider {
      try? await options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    }
    try? await channel.close().get()
  }
}
