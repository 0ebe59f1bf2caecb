import CEditor
import CProcess
import Foundation
import Script
import Synchronization

/// Where a session prints: results on standard output, everything else on standard error.
///
/// All text passes the sanitizer here, the one place where it becomes terminal output; only the
/// renderers of this folder hand over text that is styled already.
nonisolated protocol Console: AnyObject, Sendable {
  /// Columns of the screen; 80 where there is none.
  var columns: Int { get }
  /// Rows of the screen; `nil` where there is none.
  var screenRows: Int? { get }
  /// Whether results go to a terminal.
  var resultsAreTerminal: Bool { get }
  /// Whether results go to a terminal whose cursor can be moved, and which knows links.
  var movesCursor: Bool { get }
  /// The style of results.
  var resultStyle: Style { get }
  /// The style of messages.
  var messageStyle: Style { get }

  /// Why results are lost since; `nil` while they are taken.
  var outputFailure: OutputFailure? { get }

  /// Prints a result; a line end is added.
  func result(_ text: String)
  /// Prints a result that the renderers have cleaned and styled.
  func styledResult(_ text: String)
  /// Prints a piece of a result that is still arriving; no line end is added.
  func stream(_ piece: String)
  /// Prints a long result that the renderers have cleaned and styled, through a pager where one serves.
  ///
  /// - Parameter make: Makes the text; given whether it goes to the screen itself, where the cursor can
  ///   be moved, or through a pager or a pipe, where it cannot.
  func document(_ make: (_ movesCursor: Bool) -> String)
  /// Prints a result byte for byte, for other programs.
  func data(_ text: String)
  /// Prints a message; left out when quiet.
  func message(_ text: String)
  /// Prints a problem, cleaned and styled; never left out.
  func problem(_ text: String)
  /// Rewrites the progress line; `nil` takes it away.
  func progress(_ line: String?)
}

nonisolated extension Console {
  /// All is taken.
  var outputFailure: OutputFailure? { nil }

  /// No terminal, no moves.
  var movesCursor: Bool { false }

  /// Prints the text as it is for a pipe.
  func document(_ make: (_ movesCursor: Bool) -> String) { styledResult(make(false)) }
}

/// Why standard output took no more: an `errno`.
nonisolated struct OutputFailure {
  let number: Int32

  /// Whether its reader went away, as `head` does when it has enough.
  var isClosedPipe: Bool { number == EPIPE }

  var error: ScriptError {
    ScriptError.refusal(
      "V492", "Standard output could not be written: \(String(cString: strerror(number))).")
  }
}

/// The environment variables of the process, one by one.
///
/// All of them as a dictionary take longer to gather than all else that the first prompt needs.
public nonisolated enum Variable {
  /// The value of a variable; `nil` when it is not there.
  public static func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// The console of the process: its standard streams.
nonisolated final class StandardConsole: Console {
  private let isQuiet: Bool
  private let messagesAreTerminal: Bool
  let resultsAreTerminal: Bool
  let resultStyle: Style
  let messageStyle: Style
  private let state = Mutex(State())

  private struct State {
    var hasProgress = false
    /// Prints above the line that is being typed; `nil` while none is.
    var above: (@Sendable (String) -> Bool)?
    var pages = false
    var failure: OutputFailure?
  }

  init(color: ColorChoice, isQuiet: Bool) {
    self.isQuiet = isQuiet
    resultsAreTerminal = isatty(STDOUT_FILENO) == 1
    messagesAreTerminal = isatty(STDERR_FILENO) == 1
    resultStyle = Style(choice: color, isTerminal: resultsAreTerminal, variable: Variable.value)
    messageStyle = Style(choice: color, isTerminal: messagesAreTerminal, variable: Variable.value)
  }

  var movesCursor: Bool { resultsAreTerminal && Style.movesCursor(Variable.value) }
  var outputFailure: OutputFailure? { state.withLock { $0.failure } }
  var columns: Int { size()?.columns ?? 80 }
  var screenRows: Int? { size()?.rows }

  /// Lets long results go through a pager from now on: a person sits there.
  func usePager() { state.withLock { $0.pages = true } }

  /// Tells that a line is being typed, above which everything is printed; `nil` when it is over.
  func promptIsOpen(_ above: (@Sendable (String) -> Bool)?) {
    state.withLock { $0.above = above }
  }

  private func size() -> (columns: Int, rows: Int)? {
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
        return (Int(size.ws_col), Int(size.ws_row))
      }
    }
    if let text = Variable.value("COLUMNS"), let columns = Int(text), columns > 0 {
      return (columns, 25)
    }
    return nil
  }

  func result(_ text: String) { write(Sanitizer.text(text) + "\n", to: STDOUT_FILENO) }
  func styledResult(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
  func stream(_ piece: String) { write(Sanitizer.text(piece), to: STDOUT_FILENO) }
  func data(_ text: String) { write(text, to: STDOUT_FILENO) }

  func message(_ text: String) {
    if !isQuiet { write(Sanitizer.text(text) + "\n", to: STDERR_FILENO) }
  }

  func problem(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  func document(_ make: (_ movesCursor: Bool) -> String) {
    let isAlone = state.withLock { $0.pages && $0.above == nil }
    if isAlone, let rows = screenRows, let pager = Pager.command() {
      let text = make(false)
      if DisplayWidth.rows(of: text, columns: columns) >= rows {
        progress(nil)
        if Pager.show(text + "\n", with: pager) { return }
        styledResult(text)
        return
      }
    }
    styledResult(make(movesCursor))
  }

  func progress(_ text: String?) {
    guard messagesAreTerminal, !isQuiet else { return }
    state.withLock { state in
      if let text, state.above == nil {
        let cut = DisplayWidth.cut(Sanitizer.line(text), to: max(10, columns - 1))
        raw("\r" + cut + "\u{1B}[K", to: STDERR_FILENO)
        state.hasProgress = true
      } else if state.hasProgress {
        raw("\r\u{1B}[K", to: STDERR_FILENO)
        state.hasProgress = false
      }
    }
  }

  private func write(_ text: String, to descriptor: Int32) {
    state.withLock { state in
      if state.hasProgress {
        raw("\r\u{1B}[K", to: STDERR_FILENO)
        state.hasProgress = false
      }
      if let above = state.above, above(text) { return }
      let isResult = descriptor == STDOUT_FILENO
      if isResult, state.failure != nil { return }
      let number = raw(text, to: descriptor)
      if number != 0, isResult { state.failure = OutputFailure(number: number) }
    }
  }

  /// Writes it all.
  ///
  /// - Returns: The `errno` with which it ended; 0 when all is written.
  @discardableResult
  private func raw(_ text: String, to descriptor: Int32) -> Int32 {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // A reader that went away gets nothing more; a run that writes to Notion goes on without it.
      guard count > 0 else { return count < 0 ? errno : EIO }
      bytes = bytes.dropFirst(count)
    }
    return 0
  }
}

/// Programs that take the terminal for a while: a pager, a person's editor, a password manager.
nonisolated enum TerminalLoan {
  private static let loans = Mutex(0)

  /// Whether another program has the terminal, so that Ctrl-C is meant for it.
  static var isOpen: Bool { loans.withLock { $0 > 0 } }

  /// Runs a command of the shell on the terminal and waits for its end.
  ///
  /// - Parameters:
  ///   - input: What it reads; `nil` for the terminal.
  ///   - keepsOutput: Whether what it prints, up to 64 KiB, is given back instead.
  /// - Returns: Its exit code, -1 when it could not be started, and what it printed.
  static func run(_ command: String, input: String? = nil, keepsOutput: Bool = false)
    -> (code: Int32, output: String)
  {
    loans.withLock { $0 += 1 }
    editor_lend_terminal()
    defer {
      editor_take_terminal()
      loans.withLock { $0 -= 1 }
    }
    var output: UnsafeMutablePointer<CChar>?
    defer { free(output) }
    let bytes = input.map { Array($0.utf8CString) }
    let code =
      keepsOutput
      ? process_run(command, bytes, max(0, (bytes?.count ?? 1) - 1), &output)
      : process_run(command, bytes, max(0, (bytes?.count ?? 1) - 1), nil)
    return (code, output.map { String(cString: $0) } ?? "")
  }

  /// A word of a command as the shell takes it literally.
  static func quoted(_ word: String) -> String {
    "'" + word.replacing("'", with: "'\\''") + "'"
  }
}

/// Shows long results a screen at a time.
nonisolated enum Pager {
  /// The command: `VISEN_PAGER`, `PAGER`, else `less`; `nil` when there is none or it is switched off.
  static func command() -> String? {
    guard Variable.value("TERM") != "dumb" else { return nil }
    let set = Variable.value("VISEN_PAGER") ?? Variable.value("PAGER")
    if let set {
      let command = set.trimmingCharacters(in: .whitespaces)
      return command.isEmpty || command == "cat" ? nil : command
    }
    let folders = (Variable.value("PATH") ?? "").split(separator: ":")
    return folders.contains { access("\($0)/less", X_OK) == 0 } ? "less" : nil
  }

  /// Shows a text; `false` when the pager could not be found.
  static func show(_ text: String, with command: String) -> Bool {
    // Quit when it fits, keep colours, leave the text on the screen.
    let script = "if [ -z \"${LESS+x}\" ]; then LESS=FRX; export LESS; fi; \(command)"
    let code = TerminalLoan.run(script, input: text).code
    return code != -1 && code != 127 && code != 126
  }
}
