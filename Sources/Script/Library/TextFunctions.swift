import Foundation

extension Function {
  static let textFunctions: [Function] = [
    Function(
      "capitalize", .text, "The text with its first letter in capital.", [Parameter("text", .text)],
      gives: .text, examples: [Example("capitalize(\"green tea\")", "Green tea")]
    ) { values throws(ScriptError) in
      let text = try Argument.text(values, 0, "capitalize")
      return .text(text.prefix(1).uppercased() + text.dropFirst())
    },
    Function(
      "fill", .text,
      "The text with {name} and {two words} replaced by the fields of a record; nothing else in it is looked at.",
      [Parameter("text", .text), Parameter("record")], gives: .text,
      examples: [Example("fill('Dear {Name}', {Name: \"Ada\"})", "Dear Ada")]
    ) { values throws(ScriptError) in
      let text = try Argument.text(values, 0, "fill")
      let record = Argument.value(values, 1)
      let pieces = try PromptTemplate.filled(text, ofRow: record.asRow != nil) {
        name throws(ScriptError) -> Value? in
        switch record {
        case .record(let record):
          if let value = record[name] { return value }
          throw ScriptError(
            code: "V308", message: "the record has no field named “\(name)” for {\(name)}",
            notes: NearestWord.notes(for: name, among: record.fields.map(\.name), kind: "fields"))
        case .row(let row): return row.value(of: name)
        default:
          throw Argument.wrong(
            values, 1, "fill", "a record or a row", "fill(text, {Name: \"Ada\"})")
        }
      }
      return .text(pieces.map(\.text).joined())
    },
    Function(
      "join", .text, "The items of a list as one text.",
      [Parameter("list", .list), Parameter("separator", .text, optional: true)], gives: .text,
      examples: [Example("join([1, 2, 3], \"-\")", "1-2-3"), Example("join([1, 2])", "1, 2")]
    ) { values throws(ScriptError) in
      let separator = Argument.has(values, 1) ? try Argument.text(values, 1, "join") : ", "
      var text = ""
      for (index, item) in try Argument.list(values, 0, "join").enumerated() {
        if index > 0 { text += separator }
        text += try item.displayText()
        try Limits.check(text: text.utf8.count)
      }
      return .text(text)
    },
    Function(
      "length", .text, "How many characters a text has, or items a list.", Parameter("value"),
      gives: .number,
      examples: [Example("length(\"日本語\")", "3"), Example("length([1, 2])", "2")]
    ) { value throws(ScriptError) in
      switch value {
      case .text(let text): return .number(Double(text.characterCount))
      case .list(let items): return .number(Double(items.count))
      case .nothing: return .number(0)
      default:
        throw Argument.wrong([value], 0, "length", "text or a list", "of a number: length(\"{…}\")")
      }
    },
    Function(
      "lines", .text, "The lines of a text.", [Parameter("text", .text)], gives: .list,
      examples: [Example("lines(\"a\\nb\")", "a, b")]
    ) { values throws(ScriptError) in
      .list(
        try Argument.text(values, 0, "lines").split(
          omittingEmptySubsequences: false, whereSeparator: \.isNewline
        ).map { .text(String($0)) })
    },
    Function(
      "lower", .text, "The text in small letters.", [Parameter("text", .text)], gives: .text,
      examples: [Example("lower(\"ABC\")", "abc")]
    ) { values throws(ScriptError) in .text(try Argument.text(values, 0, "lower").lowercased()) },
    Function(
      "repeat", .text, "The text so many times.",
      [Parameter("text", .text), Parameter("count", .number)], gives: .text,
      examples: [Example("repeat(\"ab\", 3)", "ababab")]
    ) { values throws(ScriptError) in
      let text = try Argument.text(values, 0, "repeat")
      let count = try Argument.count(values, 1, "repeat")
      try Limits.check(text: text.utf8.count.multipliedReportingOverflow(by: count).partialValue)
      return .text(String(repeating: text, count: count))
    },
    Function(
      "replace", .text, "The text with every occurrence of one text replaced by another.",
      [Parameter("text", .text), Parameter("old", .text), Parameter("new", .text)], gives: .text,
      examples: [Example("replace(\"a-b-c\", \"-\", \"+\")", "a+b+c")]
    ) { values throws(ScriptError) in
      let old = try Argument.text(values, 1, "replace")
      let text = try Argument.text(values, 0, "replace")
      let new = try Argument.text(values, 2, "replace")
      guard !old.isEmpty else { return .text(text) }
      let parts = text.components(separatedBy: old)
      try Limits.check(text: text.utf8.count + parts.count * new.utf8.count)
      return .text(parts.joined(separator: new))
    },
    Function(
      "similarity", .text,
      "How alike two texts are, from 0 to 1; case and width make no difference.",
      [Parameter("first", .text), Parameter("second", .text)], gives: .number,
      examples: [
        Example("similarity(\"Green Tea\", \"green tea\")", "1"),
        Example("round(similarity(\"colour\", \"color\"), 2)", "0.83"),
      ]
    ) { values throws(ScriptError) in
      let a = Operators.folded(try Argument.text(values, 0, "similarity"))
      let b = Operators.folded(try Argument.text(values, 1, "similarity"))
      // The time grows with the product of the lengths.
      guard a.count <= 5000, b.count <= 5000 else {
        throw ScriptError(
          code: "V314", message: "similarity compares texts of up to 5,000 characters",
          notes: ["compare their beginnings: truncate(x, 5000)"])
      }
      let longer = max(a.count, b.count)
      guard longer > 0 else { return .number(1) }
      return .number(1 - Double(NearestWord.distance(Array(a), Array(b))) / Double(longer))
    },
    Function(
      "split", .text, "The parts of a text between separators.",
      [Parameter("text", .text), Parameter("separator", .text)], gives: .list,
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
      "text", .text, "The value as it prints.", [Parameter("value")], gives: .text,
      examples: [Example("text(3) + \"!\"", "3!")]
    ) { values throws(ScriptError) in .text(try Argument.value(values, 0).displayText()) },
    Function(
      "trim", .text, "The text without white space at its ends.", [Parameter("text", .text)],
      gives: .text, examples: [Example("trim(\"  a b \")", "a b")]
    ) { values throws(ScriptError) in
      .text(try Argument.text(values, 0, "trim").trimmingCharacters(in: .whitespacesAndNewlines))
    },
    Function(
      "truncate", .text, "The text cut to so many characters, with … where it was cut.",
      [Parameter("text", .text), Parameter("length", .number)], gives: .text,
      examples: [Example("truncate(\"abcdef\", 4)", "abc…")]
    ) { values throws(ScriptError) in
      let text = try Argument.text(values, 0, "truncate")
      let length = try Argument.count(values, 1, "truncate")
      return .text(text.count <= length ? text : length == 0 ? "" : text.prefix(length - 1) + "…")
    },
    Function(
      "upper", .text, "The text in capital letters.", [Parameter("text", .text)], gives: .text,
      examples: [Example("upper(\"abc\")", "ABC")]
    ) { values throws(ScriptError) in .text(try Argument.text(values, 0, "upper").uppercased()) },
    Function(
      "words", .text, "The words of a text.", [Parameter("text", .text)], gives: .list,
      examples: [Example("words(\"a  b c\")", "a, b, c")]
    ) { values throws(ScriptError) in
      .list(
        try Argument.text(values, 0, "words").split(whereSeparator: \.isWhitespace).map {
          .text(String($0))
        })
    },
  ]
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
