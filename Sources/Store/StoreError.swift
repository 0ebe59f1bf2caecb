import GRDB

/// Why something could not be kept or read.
public struct StoreError: Error, Sendable, CustomStringConvertible {
  /// One sentence for a person.
  public let message: String
  /// The message.
  public var description: String { message }

  /// Creates an error.
  public init(_ message: String) { self.message = message }

  /// The same failure in words a person can act on.
  static func explained(_ error: any Error, _ path: String) -> any Error {
    guard let error = error as? DatabaseError else { return error }
    switch error.resultCode {
    case .SQLITE_FULL: return StoreError("The disk is full: \(path) could not be written.")
    case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_CANTOPEN:
      return StoreError("\(path) cannot be opened or written; is the folder yours?")
    case .SQLITE_IOERR:
      return StoreError("\(path) could not be read or written; is the disk full or broken?")
    case .SQLITE_BUSY:
      return StoreError("Another Visen keeps \(path) busy; try again in a moment.")
    case .SQLITE_CORRUPT, .SQLITE_NOTADB:
      return StoreError("\(path) is damaged; move it away, and Visen makes a new one.")
    default: return StoreError("\(path): \(error.message ?? "SQLite error \(error.resultCode)")")
    }
  }
}
