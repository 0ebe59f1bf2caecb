import Foundation
import Script

/// Asks the person at the terminal.
final class Dialogue {
  private let surroundings: Surroundings
  private let options: RunOptions
  private let console: any Console
  /// Reads a line at the prompt; set by the loop that owns it.
  var readLine: ((String) async -> String?)?
  /// What the next line holds before the first key, for the person to send, change or clear.
  var draft: String?

  init(surroundings: Surroundings, options: RunOptions, console: any Console) {
    self.surroundings = surroundings
    self.options = options
    self.console = console
  }

  /// Whether there is somebody to ask.
  var canAsk: Bool { surroundings.isInteractive && readLine != nil }

  /// Asks yes or no; `--yes` says yes.
  ///
  /// - Throws: A refusal where nobody can be asked.
  func confirm(_ question: String) async throws -> Bool {
    if options.assumesYes { return true }
    guard canAsk, let readLine else {
      throw ScriptError.refusal("V497", "\(question)", "say yes in advance: --yes")
    }
    // A Ctrl-C between two questions is about what asks them.
    try Task.checkCancellation()
    let answer = await readLine("\(question) [y/N] ")
    return ["y", "yes"].contains(answer?.trimmingCharacters(in: .whitespaces).lowercased())
  }

  /// Asks for a line; `nil` when the person stopped.
  func line(_ question: String) async -> String? {
    guard !Task.isCancelled else { return nil }
    return await readLine?(question)
  }

  /// Asks for a text that is not shown.
  ///
  /// - Parameter insteadSet: The variable that gives it where there is no terminal.
  /// - Returns: The text; empty for nothing; `nil` when the person stopped.
  func secret(_ question: String, insteadSet variable: String) async throws -> String? {
    guard surroundings.isInteractive else {
      throw ScriptError.setting(
        "V413", "A key is only entered at a terminal, where nobody sees it.",
        "start Visen with the variable \(variable) instead",
        "or let a command or a file give it: key … from command \"…\"")
    }
    switch SecretReader.read(question) {
    case .entered(let text): return text
    case .stopped: return nil
    case .noTerminal:
      throw ScriptError.setting(
        "V413", "A key is only entered at a terminal, where nobody sees it.",
        "start Visen with the variable \(variable) instead")
    }
  }
}

/// Reads a line from the terminal itself, without showing it.
enum SecretReader {
  enum Answer {
    case entered(String)
    /// Ctrl-C or Ctrl-D.
    case stopped
    case noTerminal
  }

  static func read(_ question: String) -> Answer {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0 else { return .noTerminal }
    defer { close(terminal) }
    var before = termios()
    guard tcgetattr(terminal, &before) == 0 else { return .noTerminal }
    var hidden = before
    hidden.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    hidden.c_lflag |= tcflag_t(ICRNL)
    guard tcsetattr(terminal, TCSAFLUSH, &hidden) == 0 else { return .noTerminal }
    defer {
      tcsetattr(terminal, TCSAFLUSH, &before)
      _ = write(terminal, "\n", 1)
    }
    let bytes = Array(question.utf8)
    _ = bytes.withUnsafeBytes { write(terminal, $0.baseAddress, $0.count) }
    var entered: [UInt8] = []
    while true {
      var byte: UInt8 = 0
      guard Foundation.read(terminal, &byte, 1) == 1 else { return .stopped }
      switch byte {
      case 0x0A, 0x0D: return .entered(SecretReader.typed(entered))
      case 0x03, 0x04: return .stopped
      case 0x7F, 0x08: if !entered.isEmpty { entered.removeLast() }
      case 0x15: entered.removeAll()
      case 0..<0x20: continue
      default: entered.append(byte)
      }
    }
  }

  /// What was entered without the marks that a terminal puts around a paste, and other escapes.
  static func typed(_ bytes: [UInt8]) -> String {
    var text = String(decoding: bytes, as: UTF8.self)
    for mark in ["[200~", "[201~"] { text = text.replacing(mark, with: "") }
    return text
  }
}
