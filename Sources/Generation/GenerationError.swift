/// Why a run, a write or an undo cannot go on; one sentence for a person.
public struct GenerationError: Error, Sendable, CustomStringConvertible {
  /// The sentence.
  public let message: String
  /// Whether a page is in the trash: one by itself, or with the database it stands in.
  let isTrash: Bool
  /// Creates an error.
  public init(_ message: String) { self.init(message, isTrash: false) }

  init(_ message: String, isTrash: Bool) {
    self.message = message
    self.isTrash = isTrash
  }
  /// The sentence.
  public var description: String { message }
}
