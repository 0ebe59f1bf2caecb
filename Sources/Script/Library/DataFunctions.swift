extension Function {
  static let dataFunctions: [Function] = [
    Function(
      "csv", .data, "A list of records or rows as CSV text, the names in the first line.",
      [Parameter("list", .list)], gives: .text,
      examples: [Example("csv([{a: 1, b: \"x, y\"}])", "a,b\n1,\"x, y\"\n")]
    ) { values throws(ScriptError) in
      var records: [Record] = []
      for item in try Argument.list(values, 0, "csv") {
        records.append(try Argument.record([item], 0, "csv"))
      }
      return .text(try CSVText.text(of: records))
    },
    Function(
      "json", .data, "The value as JSON text.", [Parameter("value")], gives: .text,
      examples: [Example("json([1, \"a\", nothing])", "[1,\"a\",null]")]
    ) { values throws(ScriptError) in .text(try Argument.value(values, 0).jsonText()) },
    Function(
      "kind", .data,
      "The kind of a value: nothing, flag, number, text, list, record, row, rows, date, duration or problem.",
      [Parameter("value")], gives: .text,
      examples: [Example("kind(\"a\")", "text"), Example("kind(nothing)", "nothing")]
    ) { values throws(ScriptError) in
      switch Argument.value(values, 0) {
      case .nothing: .text("nothing")
      case .flag: .text("flag")
      case .number: .text("number")
      case .text: .text("text")
      case .list: .text("list")
      case .record: .text("record")
      case .row: .text("row")
      case .query: .text("rows")
      case .date: .text("date")
      case .duration: .text("duration")
      case .problem: .text("problem")
      }
    },
    Function(
      "parse_csv", .data,
      "The records of a CSV text, named by its first line; every value is text.",
      [Parameter("text", .text)], gives: .list,
      examples: [Example("column(parse_csv(\"name,born\\nAda,1815\"), \"born\")", "1815")]
    ) { values throws(ScriptError) in
      try CSVText.records(of: try Argument.text(values, 0, "parse_csv"))
    },
    Function(
      "parse_json", .data, "The value that a JSON text spells.", [Parameter("text", .text)],
      gives: .any, examples: [Example("parse_json('{\"a\": [1, 2]}').a", "1, 2")]
    ) { values throws(ScriptError) in
      try JSONValues.parse(try Argument.text(values, 0, "parse_json"))
    },
    Function(
      "read", .data,
      "What is in a file: the records of .csv, the value of .json, the list of .jsonl, of others the text.",
      [Parameter("file", .text)], gives: .any, examples: [],
      body: .effect { values, host in
        let path = try Argument.text(values, 0, "read")
        let text = try await host.file(at: path)
        do throws(ScriptError) {
          return try FileReading.value(of: text, named: path)
        } catch {
          var named = error
          named.message = "\(path): \(error.message)"
          throw named
        }
      }),
  ]
}

/// Texts of files as values, by the files' endings.
enum FileReading {
  static func value(of text: String, named path: String) throws(ScriptError) -> Value {
    let ending = path.split(separator: ".").last?.lowercased()
    switch ending {
    case "csv": return try CSVText.records(of: text)
    case "json": return try JSONValues.parse(text)
    case "jsonl":
      var items: [Value] = []
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
        .enumerated()
      where !line.allSatisfy(\.isWhitespace) {
        do throws(ScriptError) {
          items.append(try JSONValues.parse(String(line)))
        } catch {
          throw ScriptError(
            code: error.code, message: "line \(index + 1) is not JSON", notes: error.notes)
        }
      }
      return .list(items)
    default: return .text(text)
    }
  }
}
