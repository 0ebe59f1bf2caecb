import Foundation
import Synchronization

/// Reads single keys from the terminal, without showing them and without waiting for Enter.
nonisolated enum KeyReader {
  /// What was pressed.
  enum Key: Sendable, Equatable {
    /// A character; letters as they were typed.
    case character(Character)
    /// Ctrl-C, Ctrl-D, Escape, or a terminal that went away.
    case stop
    /// An arrow or another key that is no character.
    case other
  }

  /// Waits for a key; the terminal is as before when it returns.
  static func next() async -> Key {
    let isStopped = Mutex(false)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let thread = Thread { continuation.resume(returning: read { isStopped.withLock { $0 } }) }
        thread.start()
      }
    } onCancel: {
      isStopped.withLock { $0 = true }
    }
  }

  private static func read(until isStopped: () -> Bool) -> Key {
    let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
    guard terminal >= 0 else { return .stop }
    defer { close(terminal) }
    var before = termios()
    guard tcgetattr(terminal, &before) == 0 else { return .stop }
    var single = before
    single.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG)
    guard tcsetattr(terminal, TCSADRAIN, &single) == 0 else { return .stop }
    defer { tcsetattr(terminal, TCSADRAIN, &before) }

    /// A byte; `nil` after so many milliseconds, or when the terminal went away.
    func byte(_ milliseconds: Int32) -> UInt8? {
      var input = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
      guard poll(&input, 1, milliseconds) > 0 else { return nil }
      var byte: UInt8 = 0
      return Foundation.read(terminal, &byte, 1) == 1 ? byte : nil
    }
    while true {
      if isStopped() { return .stop }
      var input = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
      let ready = poll(&input, 1, 100)
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      guard ready > 0, let first = byte(0) else { return .stop }
      switch first {
      case 0x03, 0x04: return .stop
      case 0x1B:
        // Alone it is Escape; arrows send more behind it at once.
        guard byte(30) != nil else { return .stop }
        while byte(5) != nil {}
        return .other
      case 0..<0x20, 0x7F: return .other
      default:
        var bytes = [first]
        let more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC0 ? 1 : 0
        for _ in 0..<more { if let next = byte(50) { bytes.append(next) } }
        return String(decoding: bytes, as: UTF8.self).first.map(Key.character) ?? .other
      }
    }
  }
}
