/// Why a run or a write could not go on.
public struct GenerationError: Error, Sendable, CustomStringConvertible {
  /// One sentence for a person.
  public let message: String
  /// The message.
  public var description: String { message }
  /// Creates an error.
  public init(_ message: String) { self.message = message }
}
