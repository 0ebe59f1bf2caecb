import Foundation
import Script

/// What reading a line gave.
nonisolated enum ReadResult: Sendable {
  case line(String)
  case interrupted
  case end
}

/// Reads statements from the terminal.
final class LineReader {
  private let signatures: [CommandSignature]

  init(
    history: [String], signatures: [CommandSignature],
    completion: @escaping @Sendable (String, Int) -> CompletionAnswer,
    environment: [String: String], colors: Bool
  ) {
    self.signatures = signatures
  }

  /// Reads one statement, over several lines where it takes them.
  func read(prompt: String, isStatement: Bool) async -> ReadResult {
    var text = ""
    var mark = prompt
    while true {
      guard let line = await LineReader.line(mark) else { return text.isEmpty ? .end : .line(text) }
      text += text.isEmpty ? line : "\n" + line
      guard isStatement else { return .line(text) }
      let check = Interpreter.parse(SourceText(text, name: "<prompt>"), signatures: signatures)
      guard check.isIncomplete else { return .line(text) }
      mark = "… "
    }
  }

  func remember(_ text: String) {}

  func close() async {}

  private nonisolated static func line(_ prompt: String) async -> String? {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        FileHandle.standardError.write(Data(prompt.utf8))
        continuation.resume(returning: Swift.readLine())
      }
    }
  }
}
