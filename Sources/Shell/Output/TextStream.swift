import Synchronization

/// Cleans a text that arrives in pieces, as an answer of an engine does.
///
/// What it gives, put together, is what ``Sanitizer`` makes of the whole: no character is split over two
/// pieces, no escape gets through in halves, and bytes that are no text become U+FFFD.
nonisolated struct StreamCleaner: Sendable {
  /// The most scalars of one character that are held back; a real one has few.
  static let heldScalars = 32

  /// Bytes of a scalar whose rest is to come.
  private var bytes: [UInt8] = []
  /// The last character, which what comes may still change.
  private var held = ""

  /// Takes a piece, and gives what is sure.
  mutating func take(_ piece: String) -> String { take(bytes: piece.utf8) }

  /// Takes a piece in bytes of UTF-8, and gives what is sure.
  mutating func take(bytes piece: some Sequence<UInt8>) -> String {
    bytes += piece
    let whole = StreamCleaner.wholeScalars(bytes)
    var text = held + String(decoding: bytes[..<whole], as: UTF8.self)
    bytes.removeFirst(whole)
    held = ""
    if let last = text.last, last.unicodeScalars.count < StreamCleaner.heldScalars {
      held = String(last)
      text.removeLast()
    }
    return Sanitizer.text(text.replacing("\r\n", with: "\n"))
  }

  /// Gives what was held back; the text is over.
  mutating func finish() -> String {
    let text = held + String(decoding: bytes, as: UTF8.self)
    self = StreamCleaner()
    return Sanitizer.text(text.replacing("\r\n", with: "\n"))
  }

  /// How many bytes from the start make whole scalars.
  private static func wholeScalars(_ bytes: [UInt8]) -> Int {
    for back in 1...3 where back <= bytes.count {
      let byte = bytes[bytes.count - back]
      if byte & 0xC0 == 0x80 { continue }
      let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1
      return length > back ? bytes.count - back : bytes.count
    }
    return bytes.count
  }
}

/// A text on its way to standard output while it is still being made.
///
/// Any thread may write; pieces come out in the order in which they were written.
nonisolated final class TextStream: Sendable {
  private struct State {
    var cleaner = StreamCleaner()
    var isBegun = false
    var endsLine = false
  }

  private let console: any Console
  private let state = Mutex(State())

  init(console: any Console) { self.console = console }

  /// Whether anything was printed.
  var isBegun: Bool { state.withLock { $0.isBegun } }

  /// Prints what is sure of the text with one more piece.
  func write(_ piece: String) {
    state.withLock { state in print(state.cleaner.take(piece), &state) }
  }

  /// Prints the rest and ends the line.
  func end() {
    state.withLock { state in
      print(state.cleaner.finish(), &state)
      if state.isBegun, !state.endsLine { console.stream("\n") }
      state = State()
    }
  }

  private func print(_ text: String, _ state: inout State) {
    guard let last = text.last else { return }
    state.isBegun = true
    state.endsLine = last == "\n"
    console.stream(text)
  }
}
