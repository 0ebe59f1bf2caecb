import Foundation

extension Function {
  static let textFunctions: [Function] = [
    Function(
      "fill", "The text with {name} replaced by the fields of a record.",
      [Parameter("text"), Parameter("record")],
      examples: [Example("fill('Dear {Name}', {Name: \"Ada\"})", "Dear Ada")]
    ) { values throws(ScriptError) in
      let text = try Argument.text(values, 0, "fill")
      let record = Argument.value(values, 1)
      let pieces = try PromptTemplate.filled(text) { name throws(ScriptError) -> Value? in
        switch record {
        case .record(let record): record[name]
        case .row(let row): row.value(of: name)
        default:
          throw ScriptError(
            code: "V306", message: "fill takes a record or a row, and this is \(record.kindName)")
        }
      }
      return .text(pieces.map(\.text).joined())
    },
    Function(
      "join", "The items of a list as one text.",
      [Parameter("list"), Parameter("separator", optional: true)],
      examples: [Example("join([1, 2, 3], \"-\")", "1-2-3")]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "join")
      let separator = values.count > 1 ? try Argument.text(values, 1, "join") : ", "
      return .text(items.map(\.display).joined(separator: separator))
    },
    Function(
      "json", "The value as JSON text.", [Parameter("value")],
      examples: [Example("json([1, \"a\", nothing])", "[1,\"a\",null]")]
    ) { values throws(ScriptError) in .text(Argument.value(values, 0).json) },
    Function(
      "length", "How many characters a text has, or items a list.", [Parameter("value")],
      examples: [Example("length(\"日本語\")", "3"), Example("length([1, 2])", "2")]
    ) { values throws(ScriptError) in
      switch Argument.value(values, 0) {
      case .text(let text): return .number(Double(text.characterCount))
      case .list(let items): return .number(Double(items.count))
      case .nothing: return .number(0)
      case let value:
        throw ScriptError(
          code: "V306", message: "length takes text or a list, and this is \(value.kindName)")
      }
    },
    Function(
      "lines", "The lines of a text.", [Parameter("text")],
      examples: [Example("lines(\"a\\nb\")", "a, b")]
    ) { values throws(ScriptError) in
      .list(
        try Argument.text(values, 0, "lines").split(
          omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).map { .text(String($0)) })
    },
    Function(
      "lower", "The text in small letters.", [Parameter("text")],
      examples: [Example("lower(\"ABC\")", "abc")]
    ) { values throws(ScriptError) in .text(try Argument.text(values, 0, "lower").lowercased()) },
    Function(
      "number", "The number that a text spells; nothing when it spells none.", [Parameter("text")],
      examples: [Example("number(\"2.5\") + 1", "3.5")]
    ) { values throws(ScriptError) in
      if let number = Argument.value(values, 0).asNumber { return .number(number) }
      let text = try Argument.text(values, 0, "number")
      let number = Double(text.trimmingCharacters(in: .whitespaces))
      return number.flatMap { $0.isFinite ? .number($0) : nil } ?? .nothing
    },
    Function(
      "parse_json", "The value that a JSON text spells.", [Parameter("text")],
      examples: [Example("parse_json('{\"a\": [1, 2]}').a", "1, 2")]
    ) { values throws(ScriptError) in
      try JSONValues.parse(try Argument.text(values, 0, "parse_json"))
    },
    Function(
      "replace", "The text with every occurrence of one text replaced by another.",
      [Parameter("text"), Parameter("old"), Parameter("new")],
      examples: [Example("replace(\"a-b-c\", \"-\", \"+\")", "a+b+c")]
    ) { values throws(ScriptError) in
      let old = try Argument.text(values, 1, "replace")
      let text = try Argument.text(values, 0, "replace")
      return .text(
        old.isEmpty ? text : text.replacing(old, with: try Argument.text(values, 2, "replace")))
    },
    Function(
      "split", "The parts of a text between separators.",
      [Parameter("text"), Parameter("separator")],
      examples: [
        Example("split(\"a, b\", \", \")", "a, b"), Example("count(split(\"a,b,c\", \",\"))", "3"),
      ]
    ) { values throws(ScriptError) in
      let separator = try Argument.text(values, 1, "split")
      let text = try Argument.text(values, 0, "split")
      guard !separator.isEmpty else { return .list(text.map { .text(String($0)) }) }
      return .list(text.components(separatedBy: separator).map(Value.text))
    },
    Function(
      "text", "The value as it prints.", [Parameter("value")],
      examples: [Example("text(3) + \"!\"", "3!")]
    ) { values throws(ScriptError) in .text(Argument.value(values, 0).display) },
    Function(
      "trim", "The text without white space at its ends.", [Parameter("text")],
      examples: [Example("trim(\"  a b \")", "a b")]
    ) { values throws(ScriptError) in
      .text(try Argument.text(values, 0, "trim").trimmingCharacters(in: .whitespacesAndNewlines))
    },
    Function(
      "truncate", "The text cut to so many characters, with … where it was cut.",
      [Parameter("text"), Parameter("length")],
      examples: [Example("truncate(\"abcdef\", 4)", "abc…")]
    ) { values throws(ScriptError) in
      let text = try Argument.text(values, 0, "truncate")
      let length = try Argument.count(values, 1, "truncate")
      return .text(text.count <= length ? text : length == 0 ? "" : text.prefix(length - 1) + "…")
    },
    Function(
      "upper", "The text in capital letters.", [Parameter("text")],
      examples: [Example("upper(\"abc\")", "ABC")]
    ) { values throws(ScriptError) in .text(try Argument.text(values, 0, "upper").uppercased()) },
    Function(
      "words", "The words of a text.", [Parameter("text")],
      examples: [Example("words(\"a  b c\")", "a, b, c")]
    ) { values throws(ScriptError) in
      .list(
        try Argument.text(values, 0, "words").split(whereSeparator: \.isWhitespace).map {
          .text(String($0))
        })
    },
  ]
}

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

extension String {
  /// How many characters it has.
  ///
  /// Where all bytes are ASCII each is one, save that a line's end may take two; to see that is many
  /// times faster than to look for the borders of characters.
  var characterCount: Int {
    let isPlain = utf8.withContiguousStorageIfAvailable { bytes in
      bytes.allSatisfy { $0 < 0x80 && $0 != 0x0D }
    }
    return isPlain == true ? utf8.count : count
  }
}
