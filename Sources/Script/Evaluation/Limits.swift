/// How large values may grow: what is larger is a mistake that would take the machine's memory.
enum Limits {
  /// The longest text, in bytes of UTF-8.
  static let text = 1 << 26
  /// The longest list.
  static let list = 10_000_000
  /// Lists and records inside each other.
  static let depth = 100

  static func check(text bytes: Int) throws(ScriptError) {
    if bytes > text {
      throw ScriptError(
        code: "V314", message: "a text would grow longer than 64 MB",
        notes: ["write it out in parts: print, or save … to a file"])
    }
  }

  static func check(list count: Int) throws(ScriptError) {
    if count > list {
      throw ScriptError(
        code: "V314", message: "a list would have more than ten million items",
        notes: ["go through them one by one: for x in 1..n { … }"])
    }
  }

  /// Refuses a list or record that holds others too deeply, as `l = [l]` in a loop makes them.
  static func check(depth items: some Sequence<Value>) throws(ScriptError) {
    var left = 2000
    // Most hold nothing but texts and numbers, and are done with at the first question.
    for item in items where holdsOthers(item) {
      if isDeeper(item, than: depth - 1, &left) || hasChain(item, isLast: false)
        || hasChain(item, isLast: true)
      {
        throw ScriptError(
          code: "V314", message: "lists and records are nested more than \(depth) deep",
          notes: ["does a list hold itself? to append write l += item"])
      }
    }
  }

  /// Whether lists or records are seen in a value.
  static func holdsOthers(_ value: Value) -> Bool {
    switch value {
    case .record(let record): record.holdsOthers
    case .list: end(of: value, isLast: false) != nil
    default: false
    }
  }

  /// Whether the first, or last, lists and records inside each other are too many: a list that is
  /// appended to itself grows there.
  private static func hasChain(_ value: Value, isLast: Bool) -> Bool {
    var value = value
    for _ in 0..<depth {
      guard let next = end(of: value, isLast: isLast) else { return false }
      value = next
    }
    return true
  }

  /// The first or last list or record in a value; of a wide list only the ends are looked at.
  private static func end(of value: Value, isLast: Bool) -> Value? {
    switch value {
    case .list(let items):
      let looked = min(items.count, 20)
      for turn in 0..<looked {
        let place = isLast ? looked - 1 - turn : turn
        let item = items[place < 10 ? place : items.count - looked + place]
        if isNested(item) { return item }
      }
    case .record(let record):
      for turn in 0..<record.count {
        let field = record[isLast ? record.count - 1 - turn : turn]
        if isNested(field) { return field }
      }
    default: break
    }
    return nil
  }

  private static func isNested(_ value: Value) -> Bool {
    switch value {
    case .list, .record: true
    default: false
    }
  }

  /// Looks at the first so many values; of a wide value the depth is not measured to its end.
  private static func isDeeper(_ value: Value, than limit: Int, _ left: inout Int) -> Bool {
    switch value {
    case .list(let items):
      guard limit > 0 else { return true }
      for item in items {
        left -= 1
        if left < 0 { return false }
        if isDeeper(item, than: limit - 1, &left) { return true }
      }
      return false
    case .record(let record):
      guard limit > 0 else { return true }
      for place in 0..<record.count {
        left -= 1
        if left < 0 { return false }
        if isDeeper(record[place], than: limit - 1, &left) { return true }
      }
      return false
    default: return false
    }
  }

  /// Refuses a value that is too large, whatever it is.
  static func check(_ value: Value) throws(ScriptError) {
    switch value {
    case .text(let words): try check(text: words.utf8.count)
    case .list(let items):
      try check(list: items.count)
      try check(depth: items)
    case .record(let record): try check(depth: record.values)
    default: break
    }
  }
}
