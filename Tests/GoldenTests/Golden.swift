import Foundation
import Script
import Testing
import Transport

@testable import Shell

/// A script with the output it must have.
struct Golden: Sendable, CustomTestStringConvertible {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let folder = root.appendingPathComponent("Tests/Golden")

  /// The script.
  let script: URL
  /// Where its output stands.
  var expectation: URL {
    script.deletingPathExtension().appendingPathExtension("out")
  }

  var testDescription: String {
    script.deletingLastPathComponent().lastPathComponent + "/"
      + script.deletingPathExtension().lastPathComponent
  }

  /// All, by feature and name; what they include lies one folder deeper.
  static let cases = files("visen").map(Golden.init)
  /// The paths of all expected outputs.
  static let expectations = files("out").map(\.path)

  private static func files(_ ending: String) -> [URL] {
    let features =
      (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil))
      ?? []
    return features.flatMap { feature in
      (try? FileManager.default.contentsOfDirectory(at: feature, includingPropertiesForKeys: nil))
        ?? []
    }.filter { $0.pathExtension == ending }.sorted { $0.path < $1.path }
  }

  /// Runs the script as `visen < SCRIPT` does, on a workspace of its own.
  ///
  /// - Returns: The results, then the messages, then the exit code where it is not 0.
  @MainActor func run() async throws -> String {
    try await Golden.output(
      of: SourceText(try String(contentsOf: script, encoding: .utf8), name: script.path))
  }

  /// What a program prints.
  @MainActor static func output(of source: SourceText) async throws -> String {
    let home = try await Fixture.home()
    defer { try? FileManager.default.removeItem(at: home) }
    let console = KeptConsole()
    let session = try Session(
      surroundings: Fixture.surroundings(home), options: RunOptions(), console: console)
    let declared = Interpreter.parameters(of: source, signatures: CommandCatalog.signatures)
    if declared.contains(where: { $0.name == "folder" }) {
      await session.interpreter.setArguments(["folder": .text(home.path)])
    }
    let code = await session.run(source, shows: true)
    var output = console.results
    if !console.messages.isEmpty { output += "-- messages\n" + console.messages }
    if code != ExitCode.success { output += "-- exit \(code)\n" }
    return output.replacing(home.path, with: "HOME").replacing(Golden.root.path + "/", with: "")
      .replacing(/· \d+(\.\d+)? (s|min)\b/, with: "· TIME")
      .replacing(/\b\d+\.\d+ s\b/, with: "TIME")
  }

  /// The first line that differs.
  static func difference(_ wanted: String, _ got: String) -> String {
    let a = wanted.split(separator: "\n", omittingEmptySubsequences: false)
    let b = got.split(separator: "\n", omittingEmptySubsequences: false)
    let index = zip(a, b).prefix { $0 == $1 }.count
    return """
      line \(index + 1)
        wanted: \(a.indices.contains(index) ? String(a[index]) : "(the end)")
        got:    \(b.indices.contains(index) ? String(b[index]) : "(the end)")
      """
  }
}

/// Keeps what is printed.
nonisolated final class KeptConsole: Console, @unchecked Sendable {
  let columns = 100
  let screenRows: Int? = nil
  let resultsAreTerminal = false
  let resultStyle = Style.plain
  let messageStyle = Style.plain

  // Guarded by `lock`.
  private let lock = NSLock()
  private var kept = (results: "", messages: "")

  var results: String { lock.withLock { kept.results } }
  var messages: String { lock.withLock { kept.messages } }

  func result(_ text: String) { lock.withLock { kept.results += Sanitizer.text(text) + "\n" } }
  func styledResult(_ text: String) { lock.withLock { kept.results += text + "\n" } }
  func stream(_ piece: String) { lock.withLock { kept.results += Sanitizer.text(piece) } }
  func data(_ text: String) { lock.withLock { kept.results += text } }
  func message(_ text: String) { lock.withLock { kept.messages += Sanitizer.text(text) + "\n" } }
  func problem(_ text: String) { lock.withLock { kept.messages += text + "\n" } }
  func progress(_ line: String?) {}
}
