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
    var rest = whole.magnitude
    let room = room(20)
    var length = 0
    repeat {
      let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
      room[length] = UInt8(ascii: "0") + UInt8(digit)
      length += 1
      rest = quotient
    } while rest > 0
    if whole < 0 {
      room[length] = UInt8(ascii: "-")
      length += 1
    }
    // The digits came last first.
    var (low, high) = (0, length - 1)
    while low < high {
      (room[low], room[high]) = (room[high], room[low])
      low += 1
      high -= 1
    }
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
