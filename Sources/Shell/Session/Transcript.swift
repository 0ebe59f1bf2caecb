import Foundation
import Script
import Store

/// What was typed: in this session, in the ones before, and in others meanwhile.
final class Transcript {
  private let history: History
  /// The statements of this session that went well.
  private(set) var statements: [String] = []
  private var isBroken = false
  /// The size of the file up to which this session knows it.
  private var known: Int?
  /// What other sessions have said since the last line.
  private var others: [String] = []

  init(history: History) { self.history = history }

  /// The statements of all sessions, the oldest first.
  func earlier() -> [HistoryEntry] { history.entries() }

  /// Reads the statements of all sessions on a thread of its own.
  ///
  /// - Parameter done: Called there.
  func load(_ done: @escaping @Sendable ([String]) -> Void) {
    known = history.size
    let thread = Thread { [history] in done(history.entries().map(\.text)) }
    thread.start()
  }

  /// What other sessions have said since this was asked last.
  func fresh() -> [String] {
    let size = history.size
    if let known, size > known {
      others += history.entries(from: known, to: size).map(\.text)
    }
    known = size
    defer { others = [] }
    return others
  }

  /// Keeps a statement in the history.
  ///
  /// - Throws: When the file cannot be written; once, not for every line.
  func keep(_ statement: String, connection: String?) throws {
    guard !isBroken else { return }
    do {
      let sizes = try history.add(
        HistoryEntry(
          text: statement, time: Date().timeIntervalSince1970, connection: connection))
      if let known, sizes.before > known {
        others += history.entries(from: known, to: sizes.before).map(\.text)
      }
      known = sizes.after
    } catch {
      isBroken = true
      throw error
    }
  }

  /// Notes that a statement went well.
  func succeeded(_ statement: String) {
    let word = statement.prefix { !$0.isWhitespace }
    // A script has no use for what only speaks with a person.
    guard !["edit", "help", "history", "quit", "setup"].contains(word),
      HelpQuestion.topic(of: statement) == nil, !statement.hasPrefix("save history")
    else { return }
    statements.append(statement)
  }

  // MARK: - As rows

  /// The name under which the language finds the history, which no connection can have.
  nonisolated static let source = "\u{0}history"

  /// What a statement's row has.
  nonisolated static let shape = Shape(
    name: "the history",
    fields: [
      Field(name: "text", kind: .text, isWritable: false, typeName: "text"),
      Field(name: "time", kind: .date, isWritable: false, typeName: "date"),
      Field(name: "connection", kind: .text, isWritable: false, typeName: "text"),
    ])

  /// The statements of all sessions as rows, the oldest first.
  func rows() -> [Row] {
    earlier().enumerated().map { place, entry in
      // Somebody may have written into the file by hand.
      let time = entry.time.flatMap { seconds in
        (0..<2.5e11).contains(seconds)
          ? DateValue(start: DateValue.text(seconds, isDay: false)) : nil
      }
      return Row(
        id: "history \(place)", title: entry.text, shape: Transcript.shape,
        values: [
          .text(entry.text), time.map(Value.date) ?? .nothing,
          entry.connection.map(Value.text) ?? .nothing,
        ])
    }
  }
}

/// Texts that hold a key, which must be kept nowhere.
nonisolated enum SecretText {
  private static let heads = ["sk-", "ntn_", "secret_", "AIza"]

  /// Whether a text holds something that looks like a key of a service.
  static func holdsKey(_ text: String) -> Bool {
    let words = text.split { !($0.isASCII && ($0.isLetter || $0.isNumber || "-_".contains($0))) }
    return words.contains { word in
      word.count >= 20 && heads.contains { word.hasPrefix($0) }
    }
  }
}
