import CEditor
import CProcess
@preconcurrency import Dispatch
import Foundation
import Script
import Synchronization

/// What reading a line gave.
nonisolated enum ReadResult: Sendable {
  case line(String)
  /// The text is to be changed in the person's own editor.
  case edit(String)
  case interrupted
  case end
}

/// A line that a person types: what becomes of it is there once it is sent.
nonisolated final class PendingLine: Sendable {
  private struct State {
    var result: ReadResult?
    var reader: CheckedContinuation<ReadResult, Never>?
  }

  private let state = Mutex(State())

  /// What reading it gave; for one caller.
  var result: ReadResult {
    get async {
      await withCheckedContinuation { continuation in
        let result = state.withLock { state in
          if state.result == nil { state.reader = continuation }
          return state.result
        }
        if let result { continuation.resume(returning: result) }
      }
    }
  }

  fileprivate func give(_ result: ReadResult) {
    let reader = state.withLock { state in
      state.result = result
      return state.reader
    }
    reader?.resume(returning: result)
  }
}

/// Reads statements from the terminal, by libedit on a thread of its own.
///
/// `@unchecked`: libedit blocks and is safe on one thread only, so the editor's pointer is touched by
/// that thread alone, except for the functions that C guards by a lock.
nonisolated final class LineReader: @unchecked Sendable {
  private enum Work {
    case read(prompt: String, draft: String, Bool, PendingLine)
    case remember(String)
    case close(PendingLine)
  }

  /// The editor as other threads may know it: for the functions that C guards by a lock.
  private struct Handle: @unchecked Sendable {
    let pointer: OpaquePointer?
  }

  private struct State {
    var work: [Work] = []
    /// The open editor, for printing above its line.
    var editor = Handle(pointer: nil)
    /// Statements of other sessions that came before the editor was open.
    var early: [String] = []
    /// Whether a line is being typed.
    var isReading = false
  }

  private let state = Mutex(State())
  private let hasWork = DispatchSemaphore(value: 0)
  private let helper: TypingHelper
  private let hasColors: Bool

  /// Opens the terminal.
  ///
  /// - Parameters:
  ///   - helper: What is asked while a person types; must not wait.
  ///   - hasColors: Whether the text is painted, and suggestions are drawn faintly behind the cursor.
  init(helper: TypingHelper, hasColors: Bool) {
    self.helper = helper
    self.hasColors = hasColors
    // A plain thread: Foundation's takes as long to start as the terminal to open.
    process_start_thread(
      4 << 20,
      { context in
        if let context { Unmanaged<LineReader>.fromOpaque(context).takeRetainedValue().run() }
      }, Unmanaged.passRetained(self).toOpaque())
  }

  /// Begins to read one statement, over several lines where it takes them; or a plain answer to a
  /// question.
  ///
  /// - Parameter draft: What the line holds before the first key.
  func begin(prompt: String, draft: String = "", isStatement: Bool) -> PendingLine {
    let line = PendingLine()
    add(.read(prompt: prompt, draft: draft, isStatement, line))
    return line
  }

  /// Gives the line that is being typed another prompt; nothing happens when none is.
  func change(prompt: String) {
    state.withLock { state in
      for (place, item) in state.work.enumerated() {
        guard case .read(_, let draft, let isStatement, let line) = item else { continue }
        state.work[place] = .read(prompt: prompt, draft: draft, isStatement, line)
        return
      }
      if state.isReading, let editor = state.editor.pointer { editor_set_prompt(editor, prompt) }
    }
  }

  /// Takes the line that is being typed away from the screen; reading it ends.
  func leave() {
    state.withLock { state in
      if let editor = state.editor.pointer { editor_leave(editor) }
    }
  }

  /// Makes a statement findable by Up and Ctrl-R.
  func remember(_ text: String) { add(.remember(text)) }

  /// Makes statements of other sessions findable, while a line is typed or between lines.
  func offer(_ statements: [String]) {
    guard !statements.isEmpty else { return }
    state.withLock { state in
      guard let editor = state.editor.pointer else {
        state.early += statements
        return
      }
      for statement in statements { editor_offer(editor, statement) }
      editor_wake(editor)
    }
  }

  /// Prints a text above the line that is being typed.
  ///
  /// - Returns: Whether there is an editor that does it.
  func printAbove(_ text: String) -> Bool {
    state.withLock { state in
      guard let editor = state.editor.pointer else { return false }
      editor_print(editor, text)
      return true
    }
  }

  /// Gives the terminal back.
  func close() async {
    let done = PendingLine()
    add(.close(done))
    _ = await done.result
  }

  private func add(_ item: Work) {
    state.withLock { $0.work.append(item) }
    hasWork.signal()
  }

  // MARK: - The editor's thread

  private func run() {
    // Without a screen to draw on there is nothing to edit; lines are read as they come.
    let editor = isatty(STDOUT_FILENO) == 1 ? open() : nil
    let handle = Handle(pointer: editor)
    state.withLock { state in
      state.editor = handle
      if let editor = handle.pointer {
        for statement in state.early { editor_offer(editor, statement) }
      }
      state.early = []
    }
    while true {
      hasWork.wait()
      let next = state.withLock { state -> Work? in
        guard !state.work.isEmpty else { return nil }
        let next = state.work.removeFirst()
        if case .read = next { state.isReading = true }
        return next
      }
      switch next {
      case .read(let prompt, let draft, let isStatement, let line):
        let result =
          editor.map { LineReader.read($0, prompt, draft, isStatement) }
          ?? plainLine(prompt, isStatement)
        state.withLock { state in
          state.isReading = false
          if let editor = state.editor.pointer { editor_set_prompt(editor, nil) }
        }
        line.give(result)
      case .remember(let text):
        if let editor { editor_remember(editor, text) }
      case .close(let done):
        state.withLock { $0.editor = Handle(pointer: nil) }
        editor_close(editor)
        done.give(.end)
        return
      case nil: continue
      }
    }
  }

  private func open() -> OpaquePointer? {
    editor_open(
      "visen",
      editor_callbacks(
        context: Unmanaged.passUnretained(helper).toOpaque(),
        is_complete: { context, text in
          guard let helper = LineReader.helper(context), let text else { return 1 }
          return helper.isComplete(String(cString: text)) ? 1 : 0
        },
        complete: { context, text, cursor, start in
          guard let helper = LineReader.helper(context), let text, let start else { return nil }
          let answer = helper.candidates(String(cString: text), Int(cursor))
          start.pointee = Int32(clamping: answer.start)
          return strdup(answer.lines)
        },
        paint: { context, text in
          guard let helper = LineReader.helper(context), let text else { return nil }
          return strdup(helper.paint(String(cString: text)))
        },
        clean: { context, text in
          guard let helper = LineReader.helper(context), let text else { return nil }
          return strdup(helper.cleaned(String(cString: text)))
        },
        compose: { context, character, mark in TypingHelper.composed(character, mark) }),
      hasColors ? 1 : 0)
  }

  private static func read(
    _ editor: OpaquePointer, _ prompt: String, _ draft: String, _ isStatement: Bool
  ) -> ReadResult {
    var text: UnsafeMutablePointer<CChar>?
    let status = editor_read(editor, prompt, isStatement ? 1 : 0, draft, &text)
    defer { free(text) }
    switch status {
    case EDITOR_LINE, EDITOR_EDIT:
      guard let text else { return .end }
      let line = String(cString: text)
      return status == EDITOR_EDIT ? .edit(line) : .line(line)
    case EDITOR_INTERRUPTED: return .interrupted
    default: return .end
    }
  }

  /// Reads lines as they come until they are a whole statement; the prompt goes to standard error.
  private func plainLine(_ prompt: String, _ isStatement: Bool) -> ReadResult {
    var text = ""
    var shown = prompt.filter { $0 != "\u{1}" }
    while true {
      try? FileHandle.standardError.write(contentsOf: Data(shown.utf8))
      guard let line = readLine() else { return text.isEmpty ? .end : .line(text) }
      text += text.isEmpty ? line : "\n" + line
      if !isStatement || helper.isComplete(text) { return .line(text) }
      shown = "… "
    }
  }

  private static func helper(_ context: UnsafeMutableRawPointer?) -> TypingHelper? {
    context.map { Unmanaged<TypingHelper>.fromOpaque($0).takeUnretainedValue() }
  }
}
