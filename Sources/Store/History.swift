public import Foundation

/// A statement that was typed.
public struct HistoryEntry: Sendable, Equatable {
  /// The statement, whole.
  public let text: String
  /// When it was sent, in seconds since 1970; `nil` where the file does not say.
  public let time: Double?
  /// The connection that was open; `nil` for none.
  public let connection: String?

  /// Creates an entry.
  public init(text: String, time: Double?, connection: String?) {
    self.text = text
    self.time = time
    self.connection = connection
  }
}

/// The statements typed before: one JSON object a line, shared by all sessions.
public struct History: Sendable {
  /// The most statements read.
  public static let limit = 2000
  /// The size in bytes from which the file is cut down to the statements that are read.
  public static let largestFile = 4 << 20

  private let path: String

  /// Names the file; it is made with the first statement.
  public init(home: URL) {
    path = home.appendingPathComponent("history.jsonl").path
  }

  /// A line of the file; before it said when and where, a line was an array of one text.
  private struct Line: Codable {
    let text: String
    let time: Double?
    let connection: String?

    init(_ entry: HistoryEntry) {
      text = entry.text
      time = entry.time.map { $0.rounded() }
      connection = entry.connection
    }

    enum CodingKeys: String, CodingKey { case text, time, connection }

    init(from decoder: any Decoder) throws {
      if let values = try? decoder.container(keyedBy: CodingKeys.self) {
        text = try values.decode(String.self, forKey: .text)
        time = try values.decodeIfPresent(Double.self, forKey: .time)
        connection = try values.decodeIfPresent(String.self, forKey: .connection)
      } else {
        var items = try decoder.unkeyedContainer()
        text = try items.decode(String.self)
        time = nil
        connection = nil
      }
    }
  }

  /// The statements, the oldest first, each only where it was said last.
  ///
  /// Lines that are no entries, as a crash may leave one, are passed over.
  public func entries() -> [HistoryEntry] {
    History.entries(FileManager.default.contents(atPath: path) ?? Data())
  }

  private static func entries(_ data: Data) -> [HistoryEntry] {
    var seen = Set<String>()
    var kept: [HistoryEntry] = []
    let decoder = JSONDecoder()
    for line in data.split(separator: 0x0A).reversed() {
      guard let entry = try? decoder.decode(Line.self, from: Data(line)),
        seen.insert(entry.text).inserted
      else { continue }
      kept.append(
        HistoryEntry(text: entry.text, time: entry.time, connection: entry.connection))
      if kept.count == limit { break }
    }
    return kept.reversed()
  }

  /// The size of the file in bytes; 0 when there is none.
  public var size: Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// The statements that stand between two sizes of the file, the oldest first.
  public func entries(from start: Int, to end: Int) -> [HistoryEntry] {
    guard start < end, let file = FileHandle(forReadingAtPath: path) else { return [] }
    defer { try? file.close() }
    guard (try? file.seek(toOffset: UInt64(start))) != nil,
      let data = try? file.read(upToCount: min(end - start, History.largestFile))
    else { return [] }
    return History.entries(data)
  }

  /// Adds a statement; one that begins with a space is not kept.
  ///
  /// - Returns: The sizes of the file before and after it.
  @discardableResult
  public func add(_ entry: HistoryEntry) throws -> (before: Int, after: Int) {
    guard !entry.text.isEmpty, !entry.text.hasPrefix(" ") else { return (size, size) }
    var line = try JSONEncoder().encode(Line(entry))
    line.append(0x0A)
    let descriptor = try locked()
    defer { close(descriptor) }
    var status = stat()
    fstat(descriptor, &status)
    let before = Int(status.st_size)
    if before > History.largestFile {
      let old = try History.entries(Data(contentsOf: URL(fileURLWithPath: path)))
      var bytes: [UInt8] = []
      for entry in old { bytes += try JSONEncoder().encode(Line(entry)) + [0x0A] }
      try PrivateFile.write(bytes + line, to: path)
      return (size, size)
    }
    let count = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard count == line.count else { throw StoreError("\(path) could not be written.") }
    return (before, before + count)
  }

  /// Opens the file and locks it; another session may have put a shorter one in its place meanwhile.
  private func locked() throws -> Int32 {
    while true {
      let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      guard descriptor >= 0 else { throw StoreError("\(path) could not be written.") }
      flock(descriptor, LOCK_EX)
      var mine = stat()
      var named = stat()
      fstat(descriptor, &mine)
      if stat(path, &named) == 0, mine.st_ino == named.st_ino { return descriptor }
      close(descriptor)
    }
  }
}
