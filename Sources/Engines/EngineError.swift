/// Why an engine gave no answer that may be written.
public struct EngineError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure; services add new ones.
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// The word.
    public let rawValue: String
    /// Creates a code.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The key is wrong, or may not do this.
    public static let badKey = Code(rawValue: "bad_key")
    /// No credit, or a daily quota used up.
    public static let outOfCredit = Code(rawValue: "out_of_credit")
    /// Too many requests for now.
    public static let rateLimited = Code(rawValue: "rate_limited")
    /// The service has too much to do.
    public static let overloaded = Code(rawValue: "overloaded")
    /// The service failed.
    public static let serverError = Code(rawValue: "server_error")
    /// The service kept the answer back for its content.
    public static let blocked = Code(rawValue: "blocked")
    /// The answer was cut short by its limit.
    public static let cutShort = Code(rawValue: "cut_short")
    /// The answer holds no text.
    public static let empty = Code(rawValue: "empty")
    /// The answer has not the shape that was asked for.
    public static let invalidAnswer = Code(rawValue: "invalid_answer")
    /// The prompt is too long for the model.
    public static let promptTooLong = Code(rawValue: "prompt_too_long")
    /// There is no such model, or no access to it.
    public static let modelNotFound = Code(rawValue: "model_not_found")
    /// The service does not take this request.
    public static let badRequest = Code(rawValue: "bad_request")
    /// No answer came in time.
    public static let timedOut = Code(rawValue: "timed_out")
    /// The connection broke, or could not be made.
    public static let connection = Code(rawValue: "connection")
    /// The time of a batch ran out before this question.
    public static let batchExpired = Code(rawValue: "batch_expired")
    /// A batch was cancelled before this question.
    public static let batchCancelled = Code(rawValue: "batch_cancelled")
    /// The service has no such batch.
    public static let batchNotFound = Code(rawValue: "batch_not_found")
    /// What came is not the protocol's.
    public static let malformed = Code(rawValue: "malformed")
  }

  /// Whom a failure concerns.
  public enum Scope: String, Sendable {
    /// This question only; the next may pass.
    case row
    /// Every question of the run.
    case run
  }

  /// The kind of failure.
  public var code: Code
  /// One sentence for a person.
  public var message: String
  /// Whom it concerns.
  public var scope: Scope
  /// Whether the same question may pass later.
  public var mayPassLater: Bool
  /// The limits that were passed, as the service tells them.
  public var limits: [EngineLimit] = []
  /// How long the service asks to wait.
  public var retryAfter: Duration?
  /// What was billed all the same.
  public var usage: Usage?
  /// Calls that got no answer, and may be billed all the same.
  public var lostCalls = 0
  /// The HTTP status, when there was one.
  public var status: Int?
  /// The request's field that the service refused.
  public var refusedField: String?
  /// The service's identity of the call.
  public var requestID: String?

  /// Creates an error.
  public init(
    _ code: Code, _ message: String, scope: Scope = .row, mayPassLater: Bool = false,
    retryAfter: Duration? = nil, usage: Usage? = nil, lostCalls: Int = 0,
    status: Int? = nil, refusedField: String? = nil
  ) {
    self.code = code
    self.message = message
    self.scope = scope
    self.mayPassLater = mayPassLater
    self.retryAfter = retryAfter
    self.usage = usage
    self.lostCalls = lostCalls
    self.status = status
    self.refusedField = refusedField
  }

  /// The message.
  public var description: String { message }
}
