import Foundation

/// JSON texts as values of the language.
enum JSONValues {
  static func parse(_ text: String) throws(ScriptError) -> Value {
    do {
      return value(
        try JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed]))
    } catch {
      throw ScriptError(
        code: "V312", message: "this text is not JSON",
        notes: ["it begins with: \(text.prefix(40))"])
    }
  }

  private static func value(_ object: Any) -> Value {
    switch object {
    case let text as String: .text(text)
    case let number as NSNumber:
      // On Linux a JSON boolean arrives as an NSNumber whose type is `c`.
      String(cString: number.objCType) == "c"
        ? .flag(number.boolValue) : .number(number.doubleValue)
    case let items as [Any]: .list(items.map(value))
    case let members as [String: Any]:
      .record(Record(members.sorted { $0.key < $1.key }.map { ($0.key, value($0.value)) }))
    default: .nothing
    }
  }
}
