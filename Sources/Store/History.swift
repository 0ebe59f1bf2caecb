public import Foundation

/// The statements typed before: one JSON text a line, shared by all sessions.
public struct History: Sendable {
  /// The most statements kept.
  public static let limit = 2000

  private let path: String

  /// Names the file; it is made with the first statement.
  public init(home: URL) {
    path = home.appendingPathComponent("history.jsonl").path
  }

  /// The statements, the oldest first, each only where it was said last.
  ///
  /// Lines that are no text, as a crash may leave one, are passed over.
  public func statements() -> [String] {
    guard let data = FileManager.default.contents(atPath: path) else { return [] }
    var seen = Set<String>()
    var kept: [String] = []
    for line in data.split(separator: 0x0A).reversed() {
      guard let text = try? JSONDecoder().decode([String].self, from: Data(line)).first,
        seen.insert(text).inserted
      else { continue }
      kept.append(text)
      if kept.count == History.limit { break }
    }
    return kept.reversed()
  }

  /// Adds a statement; one that begins with a space is not kept.
  public func add(_ statement: String) throws {
    guard !statement.isEmpty, !statement.hasPrefix(" ") else { return }
    // An array of one, because a bare text at the top level is not every reader's JSON.
    var line = try JSONEncoder().encode([statement])
    line.append(0x0A)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StoreError("\(path) could not be written.") }
    defer { close(descriptor) }
    flock(descriptor, LOCK_EX)
    defer { flock(descriptor, LOCK_UN) }
    let count = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard count == line.count else { throw StoreError("\(path) could not be written.") }
  }
}
