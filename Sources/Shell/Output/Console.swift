import Foundation

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
  /// The style of results.
  var resultStyle: Style { get }
  /// The style of messages.
  var messageStyle: Style { get }

  /// Prints a result; a line end is added.
  func result(_ text: String)
  /// Prints a result that the renderers have cleaned and styled.
  func styledResult(_ text: String)
  /// Prints a piece of a result that is still arriving; no line end is added.
  func stream(_ piece: String)
  /// Prints a result byte for byte, for other programs.
  func data(_ text: String)
  /// Prints a message; left out when quiet.
  func message(_ text: String)
  /// Prints a problem, cleaned and styled; never left out.
  func problem(_ text: String)
  /// Rewrites the progress line; `nil` takes it away.
  func progress(_ line: String?)
}

/// The console of the process: its standard streams.
nonisolated final class StandardConsole: Console {
  private let isQuiet: Bool
  private let messagesAreTerminal: Bool
  let resultsAreTerminal: Bool
  let resultStyle: Style
  let messageStyle: Style
  private let lock = NSLock()
  private let line = LineState()

  /// What the progress line is; guarded by `lock`.
  private final class LineState: @unchecked Sendable {
    var isShown = false
    var above: ((String) -> Void)?
  }

  init(color: ColorChoice, isQuiet: Bool, environment: [String: String]) {
    self.isQuiet = isQuiet
    resultsAreTerminal = isatty(STDOUT_FILENO) == 1
    messagesAreTerminal = isatty(STDERR_FILENO) == 1
    resultStyle = Style(choice: color, isTerminal: resultsAreTerminal, environment: environment)
    messageStyle = Style(choice: color, isTerminal: messagesAreTerminal, environment: environment)
  }

  var columns: Int { size()?.columns ?? 80 }
  var screenRows: Int? { size()?.rows }

  private func size() -> (columns: Int, rows: Int)? {
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      var size = winsize()
      if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
        return (Int(size.ws_col), Int(size.ws_row))
      }
    }
    if let text = ProcessInfo.processInfo.environment["COLUMNS"], let columns = Int(text),
      columns > 0
    {
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

  func progress(_ text: String?) {
    guard messagesAreTerminal, !isQuiet else { return }
    lock.lock()
    defer { lock.unlock() }
    if let text {
      let cut = DisplayWidth.cut(Sanitizer.line(text), to: max(10, columns - 1))
      raw("\r" + cut + "\u{1B}[K", to: STDERR_FILENO)
      line.isShown = true
    } else if line.isShown {
      raw("\r\u{1B}[K", to: STDERR_FILENO)
      line.isShown = false
    }
  }

  private func write(_ text: String, to descriptor: Int32) {
    lock.lock()
    defer { lock.unlock() }
    if line.isShown {
      raw("\r\u{1B}[K", to: STDERR_FILENO)
      line.isShown = false
    }
    raw(text, to: descriptor)
  }

  private func raw(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      // A reader that went away gets nothing more; that is no reason to lose a run.
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
