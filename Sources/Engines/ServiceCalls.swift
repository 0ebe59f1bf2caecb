import HTTPTypes
import Transport

/// Requests to a service with its key: sent once, the errors sorted.
final class ServiceCalls: Sendable {
  let wire: any EngineWire
  let settings: EngineSettings
  let baseURL: String

  init(wire: any EngineWire, settings: EngineSettings, baseURL: String) {
    self.wire = wire
    self.settings = settings
    self.baseURL = baseURL
  }

  /// Sends a request and gives its response when the status says that it passed.
  ///
  /// - Parameters:
  ///   - path: Below the base address, or an address of its own.
  ///   - fields: Header fields besides the key's.
  ///   - noting: Told the header fields of the response, whatever its status.
  /// - Throws: ``EngineError`` otherwise.
  func send(
    _ method: HTTPRequest.Method, _ path: String, fields more: HTTPFields = [:],
    body: [UInt8] = [], model: String = "", timeout: Duration = .seconds(60),
    noting: (HTTPFields) async -> Void = { _ in }
  ) async throws -> IncomingResponse {
    var fields = wire.fields(key: settings.key)
    fields[.accept] = "application/json"
    for field in more { fields.append(field) }
    do {
      let response = try await settings.transport.send(
        OutgoingRequest(
          method: method, url: path.hasPrefix("/") ? baseURL + path : path, fields: fields,
          body: body, timeout: timeout))
      await noting(response.fields)
      guard (200..<300).contains(response.status) else {
        throw failure(response, try? JSON(parsing: try await response.body.collect()), model)
      }
      return response
    } catch let error as TransportError {
      throw ServiceCalls.explained(error)
    }
  }

  /// Sends a document and reads the one that comes back.
  func json(
    _ method: HTTPRequest.Method, _ path: String, body: JSON? = nil, model: String = "",
    timeout: Duration = .seconds(60), noting: (HTTPFields) async -> Void = { _ in }
  ) async throws -> JSON {
    let response = try await send(
      method, path, fields: body == nil ? [:] : [.contentType: "application/json"],
      body: body?.bytes ?? [], model: model, timeout: timeout, noting: noting)
    return try await document(response)
  }

  /// Reads the document of a response.
  func document(_ response: IncomingResponse) async throws -> JSON {
    let bytes: [UInt8]
    do {
      bytes = try await response.body.collect()
    } catch let error as TransportError {
      throw ServiceCalls.explained(error)
    }
    guard let json = try? JSON(parsing: bytes) else {
      throw EngineError(
        .malformed, "\(wire.title) answered with something that is no JSON.", mayPassLater: true)
    }
    return json
  }

  /// Asks for a file of JSON lines and hands them over one by one.
  func lines(_ path: String, _ each: (JSON) async throws -> Void) async throws {
    let response = try await send(.get, path, timeout: .seconds(120))
    var line: [UInt8] = []
    func read() async throws {
      defer { line.removeAll(keepingCapacity: true) }
      guard line.contains(where: { $0 > 0x20 }) else { return }
      guard let json = try? JSON(parsing: line) else {
        throw EngineError(
          .malformed, "\(wire.title) sent a line of results that is no JSON.", mayPassLater: true)
      }
      try await each(json)
    }
    do {
      for try await chunk in response.body {
        var rest = chunk[...]
        while let end = rest.firstIndex(of: 0x0A) {
          line += rest[..<end]
          try await read()
          rest = rest[(end + 1)...]
        }
        line += rest
      }
      try await read()
    } catch let error as TransportError {
      throw ServiceCalls.explained(error)
    }
  }

  /// Does something again that may be done twice, while the service says that it may pass later.
  func patiently<Result>(
    attempts: Int = 4, _ body: () async throws -> Result
  ) async throws -> Result {
    var pause = Duration.milliseconds(500)
    var attempt = 1
    while true {
      do {
        return try await body()
      } catch let error as EngineError where error.mayPassLater && attempt < attempts {
        let wait = error.retryAfter ?? pause * Double.random(in: 0.75...1.25)
        guard wait <= .seconds(120) else { throw error }
        if wait > .seconds(1) { settings.onWait("\(wire.title), after a failure", wait) }
        try await settings.sleep(wait)
        pause = min(pause * 2, .seconds(20))
        attempt += 1
      }
    }
  }

  private func failure(_ response: IncomingResponse, _ json: JSON?, _ model: String) -> EngineError
  {
    var error = wire.error(status: response.status, json: json, model: model)
    error.status = response.status
    if let wait = RetryAfter.wait(in: response.fields) { error.retryAfter = wait }
    if let id = HTTPField.Name("x-request-id") { error.requestID = response.fields[id] }
    if let key = settings.key { error.message = error.message.redacting([key]) }
    return error
  }

  /// What a failure on the way means for a question.
  static func explained(_ error: TransportError) -> EngineError {
    switch error.code {
    case .timedOut: EngineError(.timedOut, error.message, mayPassLater: true)
    case .connectionLost: EngineError(.connection, error.message, mayPassLater: true)
    case .cannotConnect: EngineError(.connection, error.message, scope: .run, mayPassLater: true)
    default: EngineError(.connection, error.message, scope: .run)
    }
  }
}
