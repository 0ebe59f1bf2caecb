public import Foundation
public import Transport

/// A service that takes many questions at once and answers within a day or two, at half the price.
///
/// Making a batch is not idempotent anywhere: whoever makes one gives it a label first, and looks for
/// that label before making it again.
public protocol BatchService: Sendable {
  /// Its name in sentences.
  var title: String { get }
  /// The most questions of one batch.
  var mostQuestions: Int { get }
  /// The most bytes of one batch's file.
  var mostBytes: Int { get }
  /// How long it may take, in hours.
  var hours: Int { get }

  /// A question as one line of a batch's file, its line break included.
  ///
  /// - Parameter key: What its answer will be known by; unique in the file.
  func line(_ request: EngineRequest, key: String, model: String) -> [UInt8]

  /// Gives the service a file of questions.
  ///
  /// - Returns: The service's identity of the file.
  /// - Throws: ``EngineError``; nothing is billed for a file.
  func upload(_ file: [UInt8], label: String) async throws -> String

  /// Makes a batch of a file. Tried once: after an error nobody may know whether it was made.
  func create(file: String, label: String, model: String) async throws -> RemoteBatch

  /// The batch that was made with a label; `nil` when there is none.
  func find(label: String) async throws -> RemoteBatch?

  /// A batch as it is now.
  ///
  /// - Throws: ``EngineError`` with `batchNotFound` when the service has none of that identity.
  func look(_ id: String) async throws -> RemoteBatch

  /// Asks a batch to stop; one that has ended stays as it is.
  func cancel(_ id: String) async throws

  /// Reads the answers of a batch that has ended, in any order; a question may be missing.
  ///
  /// Told of an answer again when the connection breaks in the middle.
  func results(
    of batch: RemoteBatch, model: String, _ each: (BatchAnswer) async throws -> Void
  ) async throws

  /// Deletes files at the service, as far as it lets us; their expiry takes the others.
  func discard(files: [String]) async
}

extension BatchService {
  /// An answer of the right shape that passes the question's own check.
  ///
  /// - Throws: ``EngineError`` with `invalidAnswer` and what the answer cost.
  public func accepted(_ answer: Answer, for request: EngineRequest) async throws -> Answer {
    do {
      return try await answer.accepted(for: request)
    } catch let problem as AnswerProblem {
      throw EngineError(
        .invalidAnswer, "The answer was not usable: \(problem).", usage: answer.usage)
    }
  }
}

/// A batch as its service knows it.
public struct RemoteBatch: Sendable {
  /// Where it stands.
  public enum State: String, Sendable {
    /// Not begun: the file is being looked at, or others are before it.
    case waiting
    /// Questions are being answered.
    case running
    /// Every question was answered, or failed.
    case finished
    /// Nothing was asked: the file or the account was refused.
    case failed
    /// The service's time ran out; at OpenAI what was answered by then is there.
    case expired
    /// It was asked to stop, and is stopping.
    case cancelling
    /// It was stopped.
    case cancelled

    /// Whether nothing more will happen.
    public var isEnd: Bool { ![.waiting, .running, .cancelling].contains(self) }
  }

  /// The service's identity of it.
  public let id: String
  /// Where it stands.
  public let state: State
  /// Questions with an answer.
  public let answered: Int
  /// Questions that failed.
  public let failed: Int
  /// When the service gives up, if it says so.
  public let endsBy: Date?
  /// Why it failed whole, in the service's words.
  public let problem: String?
  /// The files that hold results; empty before the end.
  public let files: [String]
  /// Results that came with the batch itself.
  public let inline: [JSON]

  /// Creates a batch as it was seen.
  public init(
    id: String, state: State, answered: Int, failed: Int, endsBy: Date?, problem: String? = nil,
    files: [String] = [], inline: [JSON] = []
  ) {
    self.id = id
    self.state = state
    self.answered = answered
    self.failed = failed
    self.endsBy = endsBy
    self.problem = problem
    self.files = files
    self.inline = inline
  }
}

/// What became of one question of a batch.
public struct BatchAnswer: Sendable {
  /// The key that the question's line had.
  public let key: String
  /// The answer, whose shape nobody has looked at, or why there is none.
  public let result: Result<Answer, EngineError>

  /// Creates what became of a question.
  public init(key: String, result: Result<Answer, EngineError>) {
    self.key = key
    self.result = result
  }
}
