/// One event of a `text/event-stream`.
public struct ServerSentEvent: Sendable, Hashable {
  /// The `event:` field, `nil` when there was none.
  public let name: String?
  /// The `data:` lines, joined by newlines.
  public let data: String
}

/// Reads server-sent events out of chunks that may end anywhere, even inside a character.
///
/// Lines end in LF, CRLF or CR; comments and unknown fields are dropped; an event ends at an empty
/// line, and the last one also at the end of the stream.
/// - Source: WHATWG HTML, “Server-sent events”.
public struct ServerSentEventParser: Sendable {
  private var line: [UInt8] = []
  private var skipsLineFeed = false
  private var name: String?
  private var data: [String] = []

  /// Creates a parser at the start of a stream.
  public init() {}

  /// Takes more of the stream, and gives the events that are complete.
  public mutating func events(in chunk: [UInt8]) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in chunk {
      if skipsLineFeed {
        skipsLineFeed = false
        if byte == 0x0A { continue }
      }
      if byte == 0x0A || byte == 0x0D {
        skipsLineFeed = byte == 0x0D
        if let event = endLine() { events.append(event) }
      } else {
        line.append(byte)
      }
    }
    return events
  }

  /// Takes the end of the stream; gives the event it completes.
  public mutating func finish() -> ServerSentEvent? {
    if !line.isEmpty { _ = endLine() }
    return endEvent()
  }

  private mutating func endLine() -> ServerSentEvent? {
    defer { line.removeAll(keepingCapacity: true) }
    guard !line.isEmpty else { return endEvent() }
    let text = String(decoding: line, as: UTF8.self)
    if text.hasPrefix(":") { return nil }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    var value = parts.count > 1 ? parts[1] : ""
    if value.hasPrefix(" ") { value = value.dropFirst() }
    switch parts[0] {
    case "data": data.append(String(value))
    case "event": name = String(value)
    default: break
    }
    return nil
  }

  private mutating func endEvent() -> ServerSentEvent? {
    defer {
      name = nil
      data.removeAll()
    }
    guard !data.isEmpty else { return nil }
    return ServerSentEvent(name: name, data: data.joined(separator: "\n"))
  }
}
