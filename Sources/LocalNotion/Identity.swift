import Foundation

/// Identities as Notion makes and takes them.
enum Identity {
  /// A new random UUID, dashed and in lower case.
  static func make() -> String { UUID().uuidString.lowercased() }

  /// The dashed form of a UUID that is one by RFC 4122: variant 8 to b and a version, or all zeros.
  static func parse(_ text: String) -> String? {
    let hex = text.lowercased().filter { $0 != "-" }
    guard hex.utf8.count == 32, text.count == 32 || text.count == 36,
      hex.allSatisfy({ $0.isASCII && $0.isHexDigit })
    else { return nil }
    let digits = Array(hex)
    if hex != String(repeating: "0", count: 32) {
      guard "12345678".contains(digits[12]), "89ab".contains(digits[16]) else { return nil }
    }
    var result = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { result.append("-") }
      result.append(digit)
    }
    return result
  }

  static func undashed(_ id: String) -> String { id.replacingOccurrences(of: "-", with: "") }

  /// A property's identity: four printable characters that are not among the taken ones.
  static func property(taken: Set<String>) -> String {
    var id = ""
    repeat {
      id = String((0..<4).map { _ in Character(Unicode.Scalar(UInt8.random(in: 58...126))) })
    } while taken.contains(id)
    return id
  }

  /// As `encodeURIComponent` writes it, which is how answers spell property identities.
  static func encoded(_ id: String) -> String {
    var result = ""
    for byte in id.utf8 {
      let character = Character(Unicode.Scalar(byte))
      if character.isASCII,
        character.isLetter || character.isNumber || "-_.!~*'()".contains(character)
      {
        result.append(character)
      } else {
        result += String(format: "%%%02X", byte)
      }
    }
    return result
  }
}

/// Times as Notion writes them.
enum Timestamp {
  /// Floored to the minute, as pages and blocks have it.
  static func minute(_ date: Double) -> String {
    format((date / 60).rounded(.down) * 60, fraction: ".000Z")
  }

  /// With milliseconds and an offset, as databases have it.
  static func millisecond(_ date: Double) -> String {
    let floored = date.rounded(.down)
    let milliseconds = min(999, Int((date - floored) * 1000))
    return format(floored, fraction: String(format: ".%03d+00:00", milliseconds))
  }

  private static func format(_ seconds: Double, fraction: String) -> String {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    let parts = calendar.dateComponents(
      [.year, .month, .day, .hour, .minute, .second], from: Date(timeIntervalSince1970: seconds))
    return String(
      format: "%04d-%02d-%02dT%02d:%02d:%02d", parts.year ?? 0, parts.month ?? 0, parts.day ?? 0,
      parts.hour ?? 0, parts.minute ?? 0, parts.second ?? 0) + fraction
  }
}
