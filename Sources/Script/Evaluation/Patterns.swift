import Foundation
import Synchronization

/// Regular expressions, each compiled once, each search with an end.
enum Patterns {
  private static let compiled = Mutex<[String: NSRegularExpression]>([:])
  /// How often a search tells that it still goes on before it is given up: some seconds.
  private static let patience = 2000

  /// Whether a pattern is found in a text.
  static func matches(_ text: String, _ pattern: String) throws(ScriptError) -> Bool {
    let expression = try expression(pattern)
    var isFound = false
    var reports = 0
    var isGivenUp = false
    let whole = NSRange(text.startIndex..., in: text)
    expression.enumerateMatches(in: text, options: [.reportProgress], range: whole) {
      result, flags, stop in
      if result != nil {
        isFound = true
        stop.pointee = true
      } else if flags.contains(.progress) {
        reports += 1
        if reports > patience {
          isGivenUp = true
          stop.pointee = true
        }
      } else if flags.contains(.internalError) {
        isGivenUp = true
      }
    }
    guard !isGivenUp || isFound else {
      throw ScriptError(
        code: "V313", message: "the pattern “\(pattern.prefix(60))” takes too long on this text",
        notes: ["repeats inside repeats, as in (a+)+, try every way to part the text"])
    }
    return isFound
  }

  private static func expression(_ pattern: String) throws(ScriptError) -> NSRegularExpression {
    if let known = compiled.withLock({ $0[pattern] }) { return known }
    guard let made = try? NSRegularExpression(pattern: pattern) else {
      throw ScriptError(
        code: "V313", message: "“\(pattern.prefix(60))” is no regular expression",
        notes: ["a text in '…' needs no double backslashes"])
    }
    compiled.withLock { compiled in
      if compiled.count >= 100 { compiled = [:] }
      compiled[pattern] = made
    }
    return made
  }
}
