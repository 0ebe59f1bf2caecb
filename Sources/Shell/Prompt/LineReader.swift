import CEditor
import Foundation
import Script
import Synchronization

/// What reading a line gave.
nonisolated enum ReadResult: Sendable {
  case line(String)
  case interrupted
  case end
}

/// Reads statements from the terminal, by libedit on a thread of its own.
///
/// `@unchecked`: libedit blocks and is safe on one thread only, so the editor's pointer is touched by
/// that thread alone, except for the two functions that C guards by a lock.
nonisolated final class LineReader: @unchecked Sendable {
  private enum Work {
    case read(
      prompt: String, isStatement: Bool, start: String, CheckedContinuation<ReadResult, Never>)
    case remember(String)
    case close(CheckedContinuation<Void, Never>)
  }

  private let work = Mutex<[Work]>([])
  private let hasWork = DispatchSemaphore(value: 0)
  private let callbacks: Callbacks

  /// What C asks for, held for it by a pointer.
  private final class Callbacks: Sendable {
    let signatures: [CommandSignature]
    let completion: @Sendable (String, Int) -> CompletionAnswer

    init(
      signatures: [CommandSignature],
      completion: @escaping @Sendable (String, Int) -> CompletionAnswer
    ) {
      self.signatures = signatures
      self.completion = completion
    }

    func isComplete(_ text: String) -> Bool {
      if Intent.wish(in: text) != nil { return true }
      return !Interpreter.parse(SourceText(text, name: "<prompt>"), signatures: signatures)
        .isIncomplete
    }

    /// Candidates as C takes them: lines of text, tab, kind.
    func candidates(_ text: String, _ cursor: Int) -> (start: Int, lines: String) {
      let answer = completion(text, cursor)
      let lines = answer.candidates.map {
        "\(Sanitizer.line($0.text))\t\(Sanitizer.line($0.kind))\n"
      }.joined()
      return (answer.start, lines)
    }
  }

  /// Opens the terminal.
  ///
  /// - Parameters:
  ///   - history: Earlier statements, the oldest first.
  ///   - completion: What may stand at a cursor (in bytes); must not wait.
  ///   - colors: Whether suggestions are drawn faintly behind the cursor.
  init(
    history: [String], signatures: [CommandSignature],
    completion: @escaping @Sendable (String, Int) -> CompletionAnswer, colors: Bool
  ) {
    callbacks = Callbacks(signatures: signatures, completion: completion)
    let thread = Thread { [self] in run(history: history, colors: colors) }
    thread.stackSize = 4 << 20
    thread.start()
  }

  /// Reads one statement, over several lines where it takes them; or a plain answer to a question.
  ///
  /// - Parameter start: What stands on the line already, to be edited.
  func read(prompt: String, isStatement: Bool, start: String = "") async -> ReadResult {
    await withCheckedContinuation { continuation in
      add(.read(prompt: prompt, isStatement: isStatement, start: start, continuation))
    }
  }

  /// Makes a statement findable by Up and Ctrl-R.
  func remember(_ text: String) { add(.remember(text)) }

  /// Gives the terminal back.
  func close() async {
    await withCheckedContinuation { continuation in add(.close(continuation)) }
  }

  private func add(_ item: Work) {
    work.withLock { $0.append(item) }
    hasWork.signal()
  }

  // MARK: - The editor's thread

  private func run(history: [String], colors: Bool) {
    let context = Unmanaged.passUnretained(callbacks).toOpaque()
    let editor = editor_open(
      "visen",
      editor_callbacks(
        context: context,
        is_complete: { context, text in
          guard let callbacks = LineReader.callbacks(context), let text else { return 1 }
          return callbacks.isComplete(String(cString: text)) ? 1 : 0
        },
        complete: { context, text, cursor, start in
          guard let callbacks = LineReader.callbacks(context), let text, let start else {
            return nil
          }
          let answer = callbacks.candidates(String(cString: text), Int(cursor))
          start.pointee = Int32(clamping: answer.start)
          return strdup(answer.lines)
        }), colors ? 1 : 0)
    for statement in history {
      if let editor { editor_remember(editor, statement) }
    }
    while true {
      hasWork.wait()
      let next = work.withLock { $0.isEmpty ? nil : $0.removeFirst() }
      switch next {
      case .read(let prompt, let isStatement, let start, let continuation):
        guard let editor else {
          continuation.resume(returning: .end)
          continue
        }
        if !start.isEmpty { editor_prefill(editor, start) }
        continuation.resume(returning: LineReader.read(editor, prompt, isStatement))
      case .remember(let text):
        if let editor { editor_remember(editor, text) }
      case .close(let continuation):
        editor_close(editor)
        continuation.resume()
        return
      case nil: continue
      }
    }
  }

  private static func read(
    _ editor: OpaquePointer, _ prompt: String, _ isStatement: Bool
  ) -> ReadResult {
    var text: UnsafeMutablePointer<CChar>?
    let status = editor_read(editor, prompt, isStatement ? 1 : 0, &text)
    defer { free(text) }
    switch status {
    case EDITOR_LINE:
      guard let text else { return .end }
      return .line(String(cString: text))
    case EDITOR_INTERRUPTED: return .interrupted
    default: return .end
    }
  }

  private static func callbacks(_ context: UnsafeMutableRawPointer?) -> Callbacks? {
    context.map { Unmanaged<Callbacks>.fromOpaque($0).takeUnretainedValue() }
  }
}
