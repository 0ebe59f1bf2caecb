import Transport

/// Lists, a page at a time.
enum Paging {
  static func size(_ json: JSON?, at path: String) throws -> Int {
    guard let json else { return 100 }
    guard let size = json.int else { throw Refusal.should(path, "a number", json) }
    return try checked(size, at: path)
  }

  static func size(_ query: [(name: String, value: String)], at path: String) throws -> Int {
    guard let text = query.first(where: { $0.name == "page_size" })?.value else { return 100 }
    guard let size = Int(text) else { throw Refusal.should(path, "a number", .string(text)) }
    return try checked(size, at: path)
  }

  private static func checked(_ size: Int, at path: String) throws -> Int {
    guard size <= 100 else { throw Refusal.should(path, "≤ `100`", .int(size)) }
    guard size >= 1 else { throw Refusal.should(path, "≥ `1`", .int(size)) }
    return size
  }

  /// The part of records from a cursor on, the identity of its first record, and the next cursor.
  static func page(
    _ all: [Record], size: Int, cursor: String?
  ) throws -> (ArraySlice<Record>, String?) {
    var start = 0
    if let cursor {
      guard let index = all.firstIndex(where: { $0.id == cursor }) else {
        throw Refusal.validation("The start_cursor provided is invalid: \(cursor)")
      }
      start = index
    }
    let end = min(start + size, all.count)
    return (all[start..<end], end < all.count ? all[end].id : nil)
  }

  static func list(_ results: [JSON], next: String?, type: String) -> JSON {
    .object(
      JSON.Members([
        ("object", "list"), ("results", .array(results)),
        ("next_cursor", next.map(JSON.string) ?? .null), ("has_more", .bool(next != nil)),
        ("type", .string(type)), (type, .object([:])),
      ]))
  }
}
