public import HTTPTypes

/// Something that carries an HTTP request to a service and brings back its response.
///
/// The network is one transport, the embedded workspace another; pacing and retrying are transports
/// around a transport. A client cannot tell them apart.
public protocol HTTPTransport: Sendable {
  /// Sends one request and waits for the head of its response.
  ///
  /// - Parameter request: What to send. Its `timeout` covers the wait for the head and each wait for
  ///   more of the body.
  /// - Returns: The response, whatever its status; a 404 is an answer, not an error.
  /// - Throws: ``TransportError`` when no answer came; `CancellationError` when the task was cancelled.
  func send(_ request: OutgoingRequest) async throws -> IncomingResponse
}

/// A request on its way out.
public struct OutgoingRequest: Sendable {
  /// The method.
  public var method: HTTPRequest.Method
  /// The absolute URL, percent-encoded.
  public var url: String
  /// The header fields, credentials included.
  public var fields: HTTPFields
  /// The body; empty for none.
  public var body: [UInt8]
  /// How long to wait for the response's head, and then for each further piece of its body.
  public var timeout: Duration
  /// Whether sending it twice has the same effect as sending it once.
  ///
  /// A request that is not repeatable is never sent again once it may have reached the service.
  public var isRepeatable: Bool

  /// Creates a request.
  ///
  /// - Parameter isRepeatable: `nil` decides by the method: GET, HEAD, PUT and DELETE are.
  public init(
    method: HTTPRequest.Method, url: String, fields: HTTPFields = [:], body: [UInt8] = [],
    timeout: Duration = .seconds(60), isRepeatable: Bool? = nil
  ) {
    self.method = method
    self.url = url
    self.fields = fields
    self.body = body
    self.timeout = timeout
    self.isRepeatable = isRepeatable ?? [.get, .head, .put, .delete].contains(method)
  }
}

/// A response, its body perhaps still arriving.
public struct IncomingResponse: Sendable {
  /// The status code, 100 through 599.
  public let status: Int
  /// The header fields.
  public let fields: HTTPFields
  /// The body.
  public let body: ResponseBody

  /// Creates a response whose body streams.
  public init(status: Int, fields: HTTPFields = [:], body: ResponseBody) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  /// Creates a response whose body is here already.
  public init(status: Int, fields: HTTPFields = [:], bytes: [UInt8]) {
    self.init(status: status, fields: fields, body: ResponseBody(bytes))
  }
}

/// The body of a response: chunks of bytes in order, to be read once.
public struct ResponseBody: AsyncSequence, Sendable {
  /// One chunk; where it ends means nothing.
  public typealias Element = [UInt8]

  /// The largest body ``collect(upTo:)`` gathers by default: 64 MiB.
  public static let defaultLimit = 64 << 20

  private enum Source: Sendable {
    case bytes([UInt8])
    case stream(AsyncThrowingStream<[UInt8], any Error>)
  }

  private let source: Source

  /// Creates a body that is here already.
  public init(_ bytes: [UInt8]) {
    source = .bytes(bytes)
  }

  /// Creates a body that arrives chunk by chunk; the stream's error is thrown to the reader.
  public init(_ stream: AsyncThrowingStream<[UInt8], any Error>) {
    source = .stream(stream)
  }

  /// Gathers the whole body.
  ///
  /// - Parameter limit: The most bytes to accept.
  /// - Throws: ``TransportError`` with `responseTooLarge` beyond the limit, or what cut the body off.
  public func collect(upTo limit: Int = ResponseBody.defaultLimit) async throws -> [UInt8] {
    switch source {
    case .bytes(let bytes):
      return bytes
    case .stream(let stream):
      var all: [UInt8] = []
      for try await chunk in stream {
        guard all.count + chunk.count <= limit else {
          throw TransportError(
            .responseTooLarge,
            "The service sent more than \(limit) bytes; the answer was dropped.",
            mayHaveArrived: true)
        }
        all.append(contentsOf: chunk)
      }
      return all
    }
  }

  /// Reads the chunks in order.
  public func makeAsyncIterator() -> Iterator {
    switch source {
    case .bytes(let bytes): Iterator(rest: bytes.isEmpty ? nil : bytes, stream: nil)
    case .stream(let stream): Iterator(rest: nil, stream: stream.makeAsyncIterator())
    }
  }

  /// Reads the chunks in order.
  public struct Iterator: AsyncIteratorProtocol {
    var rest: [UInt8]?
    var stream: AsyncThrowingStream<[UInt8], any Error>.AsyncIterator?

    /// The next chunk, `nil` after the last.
    public mutating func next() async throws -> [UInt8]? {
      try await next(isolation: #isolation)
    }

    /// The next chunk, `nil` after the last.
    public mutating func next(isolation actor: isolated (any Actor)?) async throws -> [UInt8]? {
      if let bytes = rest {
        rest = nil
        return bytes
      }
      return try await stream?.next(isolation: actor)
    }
  }
}
