/// Why no answer came from a service.
public struct TransportError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds of failure a transport knows.
  public enum Code: String, Sendable, Hashable {
    /// The URL is no absolute `https` URL, nor `http` to loopback.
    case invalidURL
    /// The host's name could not be found, or it refused the connection.
    case cannotConnect
    /// The connection broke before the answer was whole.
    case connectionLost
    /// The service did not answer in time.
    case timedOut
    /// The TLS handshake or certificate was refused.
    case insecure
    /// The answer was larger than allowed.
    case responseTooLarge
    /// What came back was not what the protocol promises.
    case malformedResponse
    /// A recording has no answer for this request.
    case notRecorded
  }

  /// The kind of failure.
  public let code: Code
  /// One sentence for a person; names the host, never a credential.
  public let message: String
  /// Whether the request may have reached the service before the failure.
  public let mayHaveArrived: Bool

  /// Creates an error.
  public init(_ code: Code, _ message: String, mayHaveArrived: Bool = false) {
    self.code = code
    self.message = message
    self.mayHaveArrived = mayHaveArrived
  }

  /// The message.
  public var description: String { message }
}
