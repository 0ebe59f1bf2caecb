/// A JSON document: parsed strictly, printed compactly, its members in their order.
///
/// Foundation's decoder reads a 100-row query answer at 34 MB/s and loses the order of members, so
/// this is the one parser of the program: RFC 8259, strict UTF-8, depth at most ``maximumDepth``.
public enum JSON: Sendable, Hashable {
  case null
  case bool(Bool)
  /// A number without fraction or exponent that fits; others are ``double(_:)``.
  case int(Int)
  case double(Double)
  case string(String)
  case array([JSON])
  case object(Members)

  /// The deepest nesting accepted.
  public static let maximumDepth = 512

  /// The members of an object, in order; for a repeated name the last one counts.
  public struct Members: Sendable, Hashable, ExpressibleByDictionaryLiteral, Sequence {
    /// The members as they stand.
    public private(set) var pairs: [Pair]

    /// One member.
    public struct Pair: Sendable, Hashable {
      /// The name.
      public let name: String
      /// The value.
      public var value: JSON
      /// Creates a member.
      public init(name: String, value: JSON) {
        self.name = name
        self.value = value
      }
    }

    /// Creates members from pairs in order.
    public init(_ pairs: [(String, JSON)] = []) {
      self.pairs = pairs.map { Pair(name: $0.0, value: $0.1) }
    }

    /// Creates members from a literal, in its order.
    public init(dictionaryLiteral elements: (String, JSON)...) {
      self.init(elements)
    }

    /// Whether there are none.
    public var isEmpty: Bool { pairs.isEmpty }
    /// How many there are.
    public var count: Int { pairs.count }
    /// The names in order.
    public var names: [String] { pairs.map(\.name) }

    /// The value of a member; setting `nil` removes it, setting a new name appends it.
    public subscript(name: String) -> JSON? {
      get { pairs.last { $0.name == name }?.value }
      set {
        if let index = pairs.lastIndex(where: { $0.name == name }) {
          if let newValue { pairs[index].value = newValue } else { pairs.remove(at: index) }
        } else if let newValue {
          pairs.append(Pair(name: name, value: newValue))
        }
      }
    }

    mutating func append(_ name: String, _ value: JSON) {
      pairs.append(Pair(name: name, value: value))
    }

    /// The members as name and value, in order.
    public func makeIterator() -> AnyIterator<(name: String, value: JSON)> {
      var index = 0
      return AnyIterator {
        guard index < pairs.count else { return nil }
        defer { index += 1 }
        return (pairs[index].name, pairs[index].value)
      }
    }
  }
}

// MARK: - Looking in

extension JSON {
  /// The member of an object; `nil` for another kind or a missing name.
  public subscript(name: String) -> JSON? {
    if case .object(let members) = self { members[name] } else { nil }
  }

  /// The element of an array; `nil` for another kind or beyond the end.
  public subscript(index: Int) -> JSON? {
    if case .array(let items) = self, items.indices.contains(index) { items[index] } else { nil }
  }

  /// The text, if it is one.
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  /// The truth value, if it is one.
  public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
  /// The elements, if it is an array.
  public var array: [JSON]? { if case .array(let items) = self { items } else { nil } }
  /// The members, if it is an object.
  public var members: Members? { if case .object(let members) = self { members } else { nil } }
  /// Whether it is `null`.
  public var isNull: Bool { self == .null }

  /// The number as a double, if it is one.
  public var double: Double? {
    switch self {
    case .int(let whole): Double(whole)
    case .double(let number): number
    default: nil
    }
  }

  /// The number, if it is whole and fits.
  public var int: Int? {
    switch self {
    case .int(let whole): whole
    case .double(let number): Int(exactly: number)
    default: nil
    }
  }

  /// The number that is nearest to how JSON spells this one: whole numbers as ``int(_:)``.
  ///
  /// - Returns: ``null`` for infinities and NaN, which JSON cannot spell.
  public static func number(_ value: Double) -> JSON {
    guard value.isFinite else { return .null }
    if let whole = Int(exactly: value), abs(value) <= 9_007_199_254_740_992 { return .int(whole) }
    return .double(value)
  }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral, ExpressibleByStringInterpolation
{
  /// A text.
  public init(stringLiteral value: String) { self = .string(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// A whole number.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// A number.
  public init(floatLiteral value: Double) { self = .double(value) }
  /// An array.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// An object, its members in the literal's order.
  public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(Members(elements)) }
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
}

// MARK: - Reading

extension JSON {
  /// Why a text is not JSON.
  public struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, in a few words.
    public let message: String
    /// Where, in bytes from the start.
    public let offset: Int
    /// The message with its place.
    public var description: String { "\(message) at byte \(offset)" }
  }

  /// Reads a document from UTF-8.
  ///
  /// - Throws: ``SyntaxError`` at the first byte that does not fit; nothing may follow but white space.
  public init(parsing bytes: [UInt8]) throws(SyntaxError) {
    let result: Result<JSON, SyntaxError> = bytes.withUnsafeBufferPointer { JSON.read($0) }
    self = try result.get()
  }

  /// Reads a document from a text.
  public init(parsing text: String) throws(SyntaxError) {
    var text = text
    let result: Result<JSON, SyntaxError> = text.withUTF8 { JSON.read($0) }
    self = try result.get()
  }

  /// `withUnsafeBufferPointer` has no typed rethrow for two outcomes, so the result is carried out.
  private static func read(_ buffer: UnsafeBufferPointer<UInt8>) -> Result<JSON, SyntaxError> {
    var reader = JSONReader(bytes: buffer)
    do throws(SyntaxError) {
      return .success(try reader.document())
    } catch {
      return .failure(error)
    }
  }
}

/// A recursive-descent reader over a buffer; every read is checked against its end.
private struct JSONReader {
  let bytes: UnsafeBufferPointer<UInt8>
  var at = 0
  var depth = 0

  init(bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
  }

  func fail(_ message: String, at offset: Int? = nil) -> JSON.SyntaxError {
    JSON.SyntaxError(message: message, offset: offset ?? at)
  }

  var current: UInt8? { at < bytes.count ? bytes[at] : nil }

  mutating func skipSpace() {
    while at < bytes.count {
      switch bytes[at] {
      case 0x20, 0x09, 0x0A, 0x0D: at += 1
      default: return
      }
    }
  }

  mutating func document() throws(JSON.SyntaxError) -> JSON {
    if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { at = 3 }
    let result = try value()
    skipSpace()
    guard at == bytes.count else { throw fail("Unexpected text after the end") }
    return result
  }

  mutating func value() throws(JSON.SyntaxError) -> JSON {
    skipSpace()
    guard let byte = current else { throw fail("Unexpected end") }
    switch byte {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw fail("Unexpected character")
    }
  }

  mutating func word(_ word: StaticString, _ value: JSON) throws(JSON.SyntaxError) -> JSON {
    let count = word.utf8CodeUnitCount
    guard at + count <= bytes.count else { throw fail("Unexpected end") }
    for index in 0..<count where word.utf8Start[index] != bytes[at + index] {
      throw fail("Unexpected character", at: at + index)
    }
    at += count
    return value
  }

  mutating func enter() throws(JSON.SyntaxError) {
    depth += 1
    guard depth <= JSON.maximumDepth else { throw fail("Nested too deeply") }
    at += 1
  }

  mutating func object() throws(JSON.SyntaxError) -> JSON {
    try enter()
    defer { depth -= 1 }
    var members = JSON.Members()
    skipSpace()
    if current == UInt8(ascii: "}") {
      at += 1
      return .object(members)
    }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw fail("Expected a member's name") }
      let name = try string()
      skipSpace()
      guard current == UInt8(ascii: ":") else { throw fail("Expected “:”") }
      at += 1
      members.append(name, try value())
      skipSpace()
      switch current {
      case UInt8(ascii: ","): at += 1
      case UInt8(ascii: "}"):
        at += 1
        return .object(members)
      default: throw fail("Expected “,” or “}”")
      }
    }
  }

  mutating func array() throws(JSON.SyntaxError) -> JSON {
    try enter()
    defer { depth -= 1 }
    var items: [JSON] = []
    skipSpace()
    if current == UInt8(ascii: "]") {
      at += 1
      return .array(items)
    }
    while true {
      items.append(try value())
      skipSpace()
      switch current {
      case UInt8(ascii: ","): at += 1
      case UInt8(ascii: "]"):
        at += 1
        return .array(items)
      default: throw fail("Expected “,” or “]”")
      }
    }
  }

  mutating func digits() -> Int {
    let start = at
    while at < bytes.count, bytes[at] &- 0x30 <= 9 { at += 1 }
    return at - start
  }

  mutating func number() throws(JSON.SyntaxError) -> JSON {
    let start = at
    if current == UInt8(ascii: "-") { at += 1 }
    let first = current
    let whole = digits()
    guard whole > 0, !(whole > 1 && first == UInt8(ascii: "0")) else {
      throw fail("A number is not well formed", at: start)
    }
    var isWhole = true
    if current == UInt8(ascii: ".") {
      isWhole = false
      at += 1
      guard digits() > 0 else { throw fail("A number is not well formed", at: start) }
    }
    if let byte = current, byte | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      at += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { at += 1 }
      guard digits() > 0 else { throw fail("A number is not well formed", at: start) }
    }
    let spelled = String(decoding: bytes[start..<at], as: UTF8.self)
    if isWhole, let exact = Int(spelled) { return .int(exact) }
    guard let double = Double(spelled), double.isFinite else {
      throw fail("A number is too large", at: start)
    }
    return .double(double)
  }

  mutating func string() throws(JSON.SyntaxError) -> String {
    at += 1
    let start = at
    var union: UInt8 = 0
    while at < bytes.count {
      let byte = bytes[at]
      union |= byte
      if byte == UInt8(ascii: "\"") {
        let spelled = UnsafeBufferPointer(rebasing: bytes[start..<at])
        // ASCII is valid as it stands.
        guard
          let text = union < 0x80
            ? String(decoding: spelled, as: UTF8.self)
            : String(validating: spelled, as: UTF8.self)
        else { throw fail("A text is not valid UTF-8", at: start) }
        at += 1
        return text
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
      guard byte >= 0x20 else { throw fail("A control character must be escaped") }
      at += 1
    }
    throw fail("A text does not end", at: start - 1)
  }

  mutating func escapedString(from start: Int) throws(JSON.SyntaxError) -> String {
    var unescaped = Array(bytes[start..<at])
    while at < bytes.count {
      let byte = bytes[at]
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: unescaped, as: UTF8.self) else {
          throw fail("A text is not valid UTF-8", at: start)
        }
        at += 1
        return text
      case UInt8(ascii: "\\"):
        at += 1
        guard let escape = current else { throw fail("A text does not end", at: start - 1) }
        at += 1
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): unescaped.append(escape)
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): unescaped.append(contentsOf: try escapedScalar().utf8)
        default: throw fail("An escape is not known", at: at - 2)
        }
      default:
        guard byte >= 0x20 else { throw fail("A control character must be escaped") }
        unescaped.append(byte)
        at += 1
      }
    }
    throw fail("A text does not end", at: start - 1)
  }

  mutating func hexUnit() throws(JSON.SyntaxError) -> UInt16 {
    guard at + 4 <= bytes.count else { throw fail("An escape is cut off") }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      let byte = bytes[at]
      let digit: UInt16
      switch byte {
      case 0x30...0x39: digit = UInt16(byte - 0x30)
      case 0x41...0x46: digit = UInt16(byte - 0x41 + 10)
      case 0x61...0x66: digit = UInt16(byte - 0x61 + 10)
      default: throw fail("An escape is not well formed")
      }
      unit = unit << 4 | digit
      at += 1
    }
    return unit
  }

  /// A `\u` escape; a surrogate without its partner becomes U+FFFD, as models' answers contain them.
  mutating func escapedScalar() throws(JSON.SyntaxError) -> Character {
    let first = try hexUnit()
    if 0xD800...0xDBFF ~= first, at + 6 <= bytes.count, bytes[at] == UInt8(ascii: "\\"),
      bytes[at + 1] == UInt8(ascii: "u")
    {
      let before = at
      at += 2
      let second = try hexUnit()
      if 0xDC00...0xDFFF ~= second {
        let code = 0x10000 + (UInt32(first - 0xD800) << 10) + UInt32(second - 0xDC00)
        return Character(Unicode.Scalar(code) ?? "\u{FFFD}")
      }
      at = before
    }
    return Character(Unicode.Scalar(UInt32(first)) ?? "\u{FFFD}")
  }
}

// MARK: - Writing

extension JSON {
  /// The document as compact UTF-8, members in their order.
  public var bytes: [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(512)
    write(into: &out)
    return out
  }

  /// The document as compact text.
  public var text: String { String(decoding: bytes, as: UTF8.self) }

  /// The document over several lines, two spaces a level.
  public var prettyText: String {
    var out: [UInt8] = []
    write(into: &out, indent: 0)
    return String(decoding: out, as: UTF8.self)
  }

  /// Appends the document to a buffer.
  ///
  /// - Parameter indent: The level to indent at, or `nil` for the compact form.
  public func write(into out: inout [UInt8], indent: Int? = nil) {
    switch self {
    case .null: out.append(contentsOf: JSON.nullWord)
    case .bool(let flag): out.append(contentsOf: flag ? JSON.trueWord : JSON.falseWord)
    case .int(let whole): out.append(contentsOf: String(whole).utf8)
    case .double(let number): JSON.write(number, into: &out)
    case .string(let text): JSON.write(text, into: &out)
    case .array(let items) where indent == nil:
      out.append(UInt8(ascii: "["))
      var isFirst = true
      for item in items {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
        item.write(into: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members) where indent == nil:
      out.append(UInt8(ascii: "{"))
      var isFirst = true
      for pair in members.pairs {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
        JSON.write(pair.name, into: &out)
        out.append(UInt8(ascii: ":"))
        pair.value.write(into: &out)
      }
      out.append(UInt8(ascii: "}"))
    case .array(let items):
      JSON.writeList(items, "[", "]", into: &out, indent: indent) { item, out, level in
        item.write(into: &out, indent: level)
      }
    case .object(let members):
      JSON.writeList(members.pairs, "{", "}", into: &out, indent: indent) { pair, out, level in
        JSON.write(pair.name, into: &out)
        out.append(UInt8(ascii: ":"))
        out.append(UInt8(ascii: " "))
        pair.value.write(into: &out, indent: level)
      }
    }
  }

  private static let nullWord = Array("null".utf8)
  private static let trueWord = Array("true".utf8)
  private static let falseWord = Array("false".utf8)

  private static func writeList<Item>(
    _ items: [Item], _ open: Unicode.Scalar, _ close: Unicode.Scalar, into out: inout [UInt8],
    indent: Int?, _ body: (Item, inout [UInt8], Int?) -> Void
  ) {
    out.append(UInt8(ascii: open))
    let inner = indent.map { $0 + 1 }
    func lineBreak(_ level: Int?) {
      guard let level, !items.isEmpty else { return }
      out.append(0x0A)
      out.append(contentsOf: repeatElement(0x20, count: level * 2))
    }
    for (index, item) in items.enumerated() {
      if index > 0 { out.append(UInt8(ascii: ",")) }
      lineBreak(inner)
      body(item, &out, inner)
    }
    lineBreak(indent)
    out.append(UInt8(ascii: close))
  }

  private static func write(_ number: Double, into out: inout [UInt8]) {
    guard number.isFinite else {
      out.append(contentsOf: "null".utf8)
      return
    }
    out.append(contentsOf: "\(number)".utf8)
  }

  /// Texts are most of every document, and most of them have nothing to escape.
  private static func write(_ text: String, into out: inout [UInt8]) {
    var text = text
    text.withUTF8 { bytes in
      out.append(UInt8(ascii: "\""))
      var start = 0
      for index in bytes.indices {
        let byte = bytes[index]
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
          continue
        }
        out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<index]))
        writeEscaped(byte, into: &out)
        start = index + 1
      }
      out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
      out.append(UInt8(ascii: "\""))
    }
  }

  private static func writeEscaped(_ byte: UInt8, into out: inout [UInt8]) {
    out.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x0A: out.append(UInt8(ascii: "n"))
    case 0x0D: out.append(UInt8(ascii: "r"))
    case 0x09: out.append(UInt8(ascii: "t"))
    case 0..<0x20:
      out.append(contentsOf: "u00".utf8)
      out.append(UInt8(ascii: "0") + byte >> 4)
      let digit = byte & 15
      out.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    default: out.append(byte)
    }
  }
}
