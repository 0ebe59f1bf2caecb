/// Whether values are the same; different kinds never are.
///
/// Lists that hold the same lists over and over would be gone through over and over, for ever where
/// they were doubled sixty times. A pair of lists that was begun is not looked at again: the first
/// difference ends it all.
struct ValueLikeness {
  private var steps = 0
  private var begun: Set<Pair> = []
  /// As many steps as nearly no comparison takes, before pairs are noted.
  private static let usualSteps = 1000

  /// Two lists or records by where they stand in memory, where both are held meanwhile.
  private struct Pair: Hashable {
    let a: UnsafeRawPointer
    let b: UnsafeRawPointer
  }

  mutating func areEqual(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.nothing, .nothing): return true
    case (.flag(let a), .flag(let b)): return a == b
    case (.number(let a), .number(let b)): return a == b
    case (.text(let a), .text(let b)): return a == b
    case (.date(let a), .date(let b)):
      return a.seconds == b.seconds && a.isDay == b.isDay && a.end == b.end
    // A script writes dates as texts, too.
    case (.date(let a), .text(let b)), (.text(let b), .date(let a)): return a.start == b
    case (.duration(let a), .duration(let b)): return a.seconds == b.seconds
    case (.list(let a), .list(let b)): return areEqual(a, b)
    case (.record(let a), .record(let b)): return areEqual(a, b)
    case (.row(let a), .row(let b)): return a.id == b.id
    case (.row(let row), .text(let text)), (.text(let text), .row(let row)):
      return row.goes(by: text)
    default: return false
    }
  }

  private mutating func areEqual(_ a: [Value], _ b: [Value]) -> Bool {
    guard a.count == b.count else { return false }
    let places = (
      a.withUnsafeBufferPointer { UnsafeRawPointer($0.baseAddress) },
      b.withUnsafeBufferPointer { UnsafeRawPointer($0.baseAddress) }
    )
    guard isToBeSeen(places.0, places.1) else { return true }
    for index in a.indices where !areEqual(a[index], b[index]) { return false }
    return true
  }

  private mutating func areEqual(_ a: Record, _ b: Record) -> Bool {
    guard a.count == b.count else { return false }
    guard isToBeSeen(a.address, b.address) else { return true }
    let isOneOrigin = a.identity == b.identity
    for place in 0..<a.count {
      guard let other = isOneOrigin ? b[place] : b[a.names.all[place]],
        areEqual(a[place], other)
      else { return false }
    }
    return true
  }

  /// Whether two lists or records must be gone through: they are not one and the same, and were not
  /// begun before.
  private mutating func isToBeSeen(_ a: UnsafeRawPointer?, _ b: UnsafeRawPointer?) -> Bool {
    guard let a, let b, a != b else { return a != b }
    steps += 1
    return steps < ValueLikeness.usualSteps || begun.insert(Pair(a: a, b: b)).inserted
  }
}

extension Value {
  /// Whether two values are the same; different kinds never are.
  static func areEqual(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.number(let a), .number(let b)): return a == b
    case (.text(let a), .text(let b)): return a == b
    default:
      var likeness = ValueLikeness()
      return likeness.areEqual(a, b)
    }
  }
}
