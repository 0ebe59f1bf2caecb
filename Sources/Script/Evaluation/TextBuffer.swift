/// Where texts are put together, byte by byte, before they become one.
///
/// It is a stack: a text inside a hole of another is put together behind what is there.
final class TextBuffer {
  private var bytes: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// How many bytes there are.
  private(set) var count = 0
  private static let usualCapacity = 256

  init() {
    capacity = TextBuffer.usualCapacity
    bytes = .allocate(capacity: capacity)
  }

  deinit { bytes.deallocate() }

  /// Makes room for more bytes, and gives the place of the first.
  @inline(__always)
  private func room(_ more: Int) -> UnsafeMutablePointer<UInt8> {
    if capacity - count < more { grow(more) }
    return bytes + count
  }

  @inline(never)
  private func grow(_ more: Int) {
    capacity = max(count + more, capacity * 2)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: bytes, count: count)
    bytes.deallocate()
    bytes = larger
  }

  @inline(__always)
  func append(_ words: UnsafeBufferPointer<UInt8>) {
    guard let start = words.baseAddress else { return }
    room(words.count).update(from: start, count: words.count)
    count += words.count
  }

  func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  /// A number in its shortest form.
  func append(_ number: Double) {
    guard number.magnitude < 1e15 else { return append(Value.digits(number)) }
    let whole = Int(number)
    guard Double(whole) == number else { return append(Value.digits(number)) }
    var rest = UInt64(whole.magnitude)
    var length = whole < 0 ? 2 : 1
    var bound: UInt64 = 10
    while rest >= bound {
      length += 1
      bound *= 10
    }
    let start = room(length)
    var place = start + length
    // Two digits at a time, the last first.
    while rest >= 10 {
      let pair = UInt32(truncatingIfNeeded: rest % 100)
      rest /= 100
      let tens = (pair * 103) >> 10
      place -= 2
      place[0] = UInt8(truncatingIfNeeded: 48 + tens)
      place[1] = UInt8(truncatingIfNeeded: 48 + pair - 10 * tens)
    }
    if place - start > (whole < 0 ? 1 : 0) {
      (place - 1).pointee = UInt8(truncatingIfNeeded: 48 + rest)
    }
    if whole < 0 { start.pointee = UInt8(ascii: "-") }
    count += length
  }

  /// Takes the bytes from a place on as a text.
  func take(from start: Int) -> String {
    let text = String(
      decoding: UnsafeBufferPointer(start: bytes + start, count: count - start), as: UTF8.self)
    drop(from: start)
    return text
  }

  /// Forgets the bytes from a place on.
  func drop(from start: Int) {
    count = start
    if start == 0, capacity > 1 << 20 {
      bytes.deallocate()
      capacity = TextBuffer.usualCapacity
      bytes = .allocate(capacity: capacity)
    }
  }
}
