/// A range of a source text, in bytes of UTF-8.
public struct Span: Sendable, Hashable {
  /// The first byte.
  public var start: Int
  /// One past the last byte.
  public var end: Int

  /// Creates a span.
  public init(_ start: Int, _ end: Int) {
    self.start = start
    self.end = end
  }

  /// From the start of one to the end of the other.
  func through(_ other: Span) -> Span { Span(start, max(end, other.end)) }
}

/// A program's text, with its name and lines.
public struct SourceText: Sendable {
  /// What it is called in messages: a file's name, or `<prompt>`.
  public let name: String
  /// The text.
  public let text: String
  let bytes: [UInt8]
  private let lineStarts: [Int]

  /// Creates a source.
  public init(_ text: String, name: String) {
    self.name = name
    self.text = text
    let bytes = Array(text.utf8)
    self.bytes = bytes
    lineStarts = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
  }

  /// The line of a byte, from 1.
  public func line(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low + 1
  }

  /// The line in which a byte stands, without its end.
  func lineSpan(of offset: Int) -> Span {
    let line = line(of: offset)
    let end = lineStarts.indices.contains(line) ? lineStarts[line] - 1 : bytes.count
    return Span(lineStarts[line - 1], end)
  }

  /// The column of a byte, from 1, in characters.
  public func column(of offset: Int) -> Int {
    let start = lineStarts[line(of: offset) - 1]
    return text(Span(start, offset)).count + 1
  }

  /// The text of a span; empty where it is outside.
  public func text(_ span: Span) -> String {
    let start = min(max(0, span.start), bytes.count)
    let end = min(max(start, span.end), bytes.count)
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }
}
