import Script
import Store

/// What was typed: in this session, and in the ones before.
final class Transcript {
  private let history: History
  /// The statements of this session that went well.
  private(set) var statements: [String] = []
  private var isBroken = false

  init(history: History) { self.history = history }

  /// The statements of all sessions, the oldest first.
  func earlier() -> [String] { history.statements() }

  /// Keeps a statement in the history.
  ///
  /// - Throws: When the file cannot be written; once, not for every line.
  func keep(_ statement: String) throws {
    guard !isBroken else { return }
    do {
      try history.add(statement)
    } catch {
      isBroken = true
      throw error
    }
  }

  /// Notes that a statement went well.
  func succeeded(_ statement: String) { statements.append(statement) }
}
