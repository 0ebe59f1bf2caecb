import AsyncHTTPClient
import HTTPTypes
import NIOCore
import NIOHTTP1
import Synchronization

/// The network: the only place of the program that opens connections.
///
/// Speaks `https`, and `http` to loopback only. Redirects are not followed: neither Notion nor the
/// engines use them, and a redirect would carry a key to another host.
public final class NetworkTransport: HTTPTransport {
  // Made at the first request: an unused client would start its threads before the first prompt.
  private let client = Mutex<HTTPClient?>(nil)
  private let stalls = StallWatch()

  /// Creates a transport; nothing is opened before the first request.
  public init() {}

  /// Sends a request; see ``HTTPTransport``.
  public func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    try NetworkTransport.checkAddress(request.url)
    var outgoing = HTTPClientRequest(url: request.url)
    outgoing.method = HTTPMethod(rawValue: request.method.rawValue)
    for field in request.fields {
      outgoing.headers.add(name: field.name.rawName, value: field.value)
    }
    if !request.body.isEmpty { outgoing.body = .bytes(request.body) }

    let head: HTTPClientResponse
    do {
      head = try await shared().execute(outgoing, timeout: TimeAmount(request.timeout))
    } catch {
      throw NetworkTransport.explained(error, url: request.url)
    }
    var fields = HTTPFields()
    for (name, value) in head.headers {
      if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
    }
    return IncomingResponse(
      status: Int(head.status.code), fields: fields,
      body: ResponseBody(
        stream(head.body, timeout: request.timeout, url: request.url)))
  }

  /// Closes every connection; to be called once, at the end of the program.
  public func shutdown() async {
    let opened = client.withLock { client in
      defer { client = nil }
      return client
    }
    try? await opened?.shutdown()
  }

  private func shared() -> HTTPClient {
    client.withLock { client in
      if let client { return client }
      var configuration = HTTPClient.Configuration()
      configuration.redirectConfiguration = .disallow
      configuration.timeout.connect = .seconds(10)
      // How many are asked at once is for those who ask to say; the default of 8 would make a run of
      // width 32 four times slower.
      configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16_384
      let made = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
      client = made
      return made
    }
  }

  /// The body as a stream whose every wait is bounded, so that a service that stalls ends as an error.
  private func stream(
    _ body: HTTPClientResponse.Body, timeout: Duration, url: String
  ) -> AsyncThrowingStream<[UInt8], any Error> {
    AsyncThrowingStream { continuation in
      let entry = stalls.add(timeout: timeout) {
        continuation.finish(
          throwing: TransportError(
            .timedOut, "\(NetworkTransport.host(of: url)) stopped in the middle of its answer.",
            mayHaveArrived: true))
      }
      let reader = Task { [stalls] in
        defer { stalls.remove(entry) }
        do {
          for try await buffer in body {
            entry.advance()
            continuation.yield(Array(buffer.readableBytesView))
          }
          continuation.finish()
        } catch {
          continuation.finish(throwing: NetworkTransport.explained(error, url: url))
        }
      }
      // The end of a stream that stands still comes here as well, and lets go of the connection.
      continuation.onTermination = { _ in reader.cancel() }
    }
  }

  static func checkAddress(_ url: String) throws {
    if url.hasPrefix("https://") { return }
    let loopback = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
    let isLoopback = loopback.contains { start in
      guard url.hasPrefix(start) else { return false }
      let next = url.dropFirst(start.count).first
      return next == nil || next == ":" || next == "/"
    }
    guard isLoopback else {
      throw TransportError(
        .invalidURL,
        "“\(host(of: url))” cannot be used: addresses begin with https://, or http:// to this machine."
      )
    }
  }

  static func host(of url: String) -> String {
    guard let start = url.firstRange(of: "://") else { return url }
    return String(url[start.upperBound...].prefix { $0 != "/" && $0 != "?" })
  }

  private static func explained(_ error: any Error, url: String) -> any Error {
    if error is CancellationError || error is TransportError { return error }
    let host = host(of: url)
    if let error = error as? HTTPClientError {
      switch error {
      case .deadlineExceeded, .readTimeout, .writeTimeout, .requestStreamCancelled:
        return TransportError(.timedOut, "\(host) did not answer in time.", mayHaveArrived: true)
      case .connectTimeout, .getConnectionFromPoolTimeout:
        return TransportError(.cannotConnect, "\(host) could not be reached in time.")
      case .cancelled:
        return CancellationError()
      case .remoteConnectionClosed:
        return TransportError(
          .connectionLost, "\(host) closed the connection before it answered.",
          mayHaveArrived: true)
      case .invalidURL, .emptyHost, .emptyScheme:
        return TransportError(.invalidURL, "The address of \(host) is not well formed.")
      default:
        return TransportError(
          .connectionLost, "The connection to \(host) failed: \(error).", mayHaveArrived: true)
      }
    }
    let text = String(describing: error)
    if text.contains("NIOConnectionError") || text.contains("onnection refused") {
      return TransportError(.cannotConnect, "\(host) could not be reached; is the address right?")
    }
    if text.contains("NIOSSL") || text.contains("certificate") {
      return TransportError(.insecure, "The certificate of \(host) was refused.")
    }
    return TransportError(
      .connectionLost, "The connection to \(host) broke.", mayHaveArrived: true)
  }
}

extension TimeAmount {
  fileprivate init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = .nanoseconds(
      seconds.clamped(to: 0...86_400) * 1_000_000_000 + attoseconds / 1_000_000_000)
  }
}

extension Int64 {
  fileprivate func clamped(to range: ClosedRange<Int64>) -> Int64 {
    Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
