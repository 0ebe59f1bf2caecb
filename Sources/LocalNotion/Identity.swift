import Foundation

/// Identities as Notion makes and takes them.
enum Identity {
  /// A new random UUID, dashed and in lower case.
  static func make() -> String { UUID().uuidString.lowercased() }

  /// A new UUID of version 8, as pages, blocks and data sources that come later have.
  static func make8() -> String {
    var bytes = UUID().uuid
    bytes.6 = bytes.6 & 0x0F | 0x80
    return UUID(uuid: bytes).uuidString.lowercased()
  }

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

  static func undashed(_ id: String) -> String {
    String(decoding: id.utf8.filter { $0 != UInt8(ascii: "-") }, as: UTF8.self)
  }

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
        let digits = String(byte, radix: 16, uppercase: true)
        result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
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

  /// Days and civil dates after Howard Hinnant; a calendar takes ten times as long, and every answer
  /// has two times for each row.
  private static func format(_ moment: Double, fraction: String) -> String {
    guard abs(moment) < 1e11 else { return "0000-01-01T00:00:00" + fraction }
    let seconds = Int(moment)
    let days = seconds >= 0 ? seconds / 86_400 : -((86_399 - seconds) / 86_400)
    let rest = seconds - days * 86_400
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    var text = ""
    text.reserveCapacity(32)
    func add(_ number: Int, width: Int, _ mark: String) {
      let digits = String(number)
      for _ in 0..<max(0, width - digits.count) { text.append("0") }
      text += digits
      text += mark
    }
    add(year, width: 4, "-")
    add(month, width: 2, "-")
    add(day, width: 2, "T")
    add(rest / 3600, width: 2, ":")
    add(rest / 60 % 60, width: 2, ":")
    add(rest % 60, width: 2, fraction)
    return text
  }
}
