extension Function {
  static let recordFunctions: [Function] = [
    Function(
      "names", .record, "The names of a record's fields, or of a row's properties.",
      [Parameter("record")], gives: .list, examples: [Example("names({a: 1, b: 2})", "a, b")]
    ) { values throws(ScriptError) in
      .list(try Argument.record(values, 0, "names").fields.map { .text($0.name) })
    },
    Function(
      "merge", .record, "A record with the fields of both; of a name in both, the second's.",
      [Parameter("first"), Parameter("second")], gives: .record,
      examples: [Example("json(merge({a: 1, b: 2}, {b: 3}))", "{\"a\":1,\"b\":3}")]
    ) { values throws(ScriptError) in
      var record = try Argument.record(values, 0, "merge")
      for field in try Argument.record(values, 1, "merge").fields {
        record[field.name] = field.value
      }
      return .record(record)
    },
    Function(
      "only", .record, "A record of some fields of a record or row.",
      [Parameter("record"), Parameter("names", .list)], gives: .record,
      examples: [Example("json(only({a: 1, b: 2, c: 3}, [\"a\", \"c\"]))", "{\"a\":1,\"c\":3}")]
    ) { values throws(ScriptError) in
      let record = try Argument.record(values, 0, "only")
      var result = Record([])
      for name in try Argument.list(values, 1, "only") {
        let name = try name.displayText()
        guard let value = record[name] else {
          throw ScriptError(
            code: "V308", message: "the record has no field named “\(name.prefix(100))”",
            notes: NearestWord.notes(for: name, among: record.fields.map(\.name), kind: "fields"))
        }
        result[name] = value
      }
      return .record(result)
    },
    Function(
      "values", .record, "The values of a record's fields, or of a row's properties.",
      [Parameter("record")], gives: .list, examples: [Example("values({a: 1, b: 2})", "1, 2")]
    ) { values throws(ScriptError) in
      .list(try Argument.record(values, 0, "values").fields.map(\.value))
    },
    Function(
      "without", .record, "A record without some of its fields.",
      [Parameter("record"), Parameter("names", .list)], gives: .record,
      examples: [Example("json(without({a: 1, b: 2}, [\"a\"]))", "{\"b\":2}")]
    ) { values throws(ScriptError) in
      var names: Set<String> = []
      for name in try Argument.list(values, 1, "without") { names.insert(try name.displayText()) }
      return .record(
        Record(
          try Argument.record(values, 0, "without").fields.filter { !names.contains($0.name) }.map {
            ($0.name, $0.value)
          }))
    },
  ]
}
