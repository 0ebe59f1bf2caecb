extension Function {
  static let listFunctions: [Function] = [
    Function(
      "average", .list, "The mean of a list of numbers; nothing for an empty one.",
      [Parameter("list", .list)], gives: .any, examples: [Example("average([1, 2, 6])", "3")]
    ) { values throws(ScriptError) in
      let numbers = try numbers(values, "average")
      return numbers.isEmpty ? .nothing : .number(numbers.reduce(0, +) / Double(numbers.count))
    },
    Function(
      "chunks", .list, "The items of a list in lists of so many; the last may have fewer.",
      [Parameter("list", .list), Parameter("size", .number)], gives: .list,
      examples: [Example("json(chunks([1, 2, 3, 4, 5], 2))", "[[1,2],[3,4],[5]]")]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "chunks")
      let size = try Argument.count(values, 1, "chunks")
      guard size > 0 else {
        throw ScriptError(code: "V306", message: "chunks takes a size of 1 or more, not 0")
      }
      return .list(
        stride(from: 0, to: items.count, by: size).map {
          .list(Array(items[$0..<Swift.min(items.count, $0 + size)]))
        })
    },
    Function(
      "column", .list, "One field of each record or row of a list.",
      [Parameter("list", .list), Parameter("name", .text)], gives: .list,
      examples: [Example("column([{n: 1}, {n: 2}], \"n\")", "1, 2")]
    ) { values throws(ScriptError) in
      let name = try Argument.text(values, 1, "column")
      var column: [Value] = []
      for item in try Argument.list(values, 0, "column") {
        column.append(try field(name, of: item, "column"))
      }
      return .list(column)
    },
    Function(
      "count", .list, "How many items a list has, or rows a query finds.",
      [Parameter("list", .list)], gives: .number, examples: [Example("count([1, 2, 3])", "3")]
    ) { values throws(ScriptError) in .number(Double(try Argument.list(values, 0, "count").count))
    },
    Function(
      "counts", .list, "How often each item of a list stands in it, the most frequent first.",
      [Parameter("list", .list)], gives: .list,
      examples: [
        Example(
          "json(counts([\"a\", \"b\", \"a\"]))",
          "[{\"value\":\"a\",\"count\":2},{\"value\":\"b\",\"count\":1}]")
      ]
    ) { values throws(ScriptError) in
      let groups = grouped(try Argument.list(values, 0, "counts")) { $0 }
      let sorted = groups.enumerated().sorted { a, b in
        a.element.items.count == b.element.items.count
          ? a.offset < b.offset : a.element.items.count > b.element.items.count
      }
      return .list(
        sorted.map {
          .record(
            Record([
              ("value", $0.element.key), ("count", .number(Double($0.element.items.count))),
            ]))
        })
    },
    Function(
      "find", .list, "The first record or row of a list whose field has a value; else nothing.",
      [Parameter("list", .list), Parameter("name", .text), Parameter("value")], gives: .any,
      examples: [Example("find([{n: 1, t: \"a\"}, {n: 2, t: \"b\"}], \"n\", 2).t", "b")]
    ) { values throws(ScriptError) in
      let name = try Argument.text(values, 1, "find")
      for item in try Argument.list(values, 0, "find") {
        if Value.areEqual(try field(name, of: item, "find"), Argument.value(values, 2)) {
          return item
        }
      }
      return .nothing
    },
    Function(
      "first", .list, "The first item of a list, or the first so many.",
      [Parameter("list", .list), Parameter("count", .number, optional: true)], gives: .any,
      examples: [Example("first([1, 2, 3])", "1"), Example("first([1, 2, 3], 2)", "1, 2")]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "first")
      guard Argument.has(values, 1) else { return items.first ?? .nothing }
      return .list(Array(items.prefix(try Argument.count(values, 1, "first"))))
    },
    Function(
      "flatten", .list, "The items of the lists in a list, as one list.",
      [Parameter("list", .list)], gives: .list,
      examples: [Example("flatten([[1, 2], 3, [4]])", "1, 2, 3, 4")]
    ) { values throws(ScriptError) in
      var flat: [Value] = []
      for item in try Argument.list(values, 0, "flatten") {
        if case .list(let inner) = item { flat += inner } else { flat.append(item) }
        try Limits.check(list: flat.count)
      }
      return .list(flat)
    },
    Function(
      "group", .list, "The records or rows of a list by a field: a list of {key, items}.",
      [Parameter("list", .list), Parameter("name", .text)], gives: .list,
      examples: [
        Example(
          "for g in group([{k: \"a\", n: 1}, {k: \"b\", n: 2}, {k: \"a\", n: 3}], \"k\") { \"{g.key}: {column(g.items, \"n\")}\" }",
          "a: 1, 3, b: 2")
      ]
    ) { values throws(ScriptError) in
      let name = try Argument.text(values, 1, "group")
      let items = try Argument.list(values, 0, "group")
      for item in items { _ = try field(name, of: item, "group") }
      return .list(
        grouped(items) { item in (try? field(name, of: item, "group")) ?? .nothing }.map {
          .record(Record([("key", $0.key), ("items", .list($0.items))]))
        })
    },
    Function(
      "index_of", .list,
      "The place of an item in a list, or of a text in a text, from 0; else nothing.",
      [Parameter("whole"), Parameter("part")], gives: .any,
      examples: [
        Example("index_of([\"a\", \"b\"], \"b\")", "1"), Example("index_of(\"abc\", \"c\")", "2"),
      ]
    ) { values throws(ScriptError) in
      switch Argument.value(values, 0) {
      case .list(let items):
        let place = items.firstIndex { Value.areEqual($0, Argument.value(values, 1)) }
        return place.map { .number(Double($0)) } ?? .nothing
      case .text(let text):
        let part = try Argument.text(values, 1, "index_of")
        guard !part.isEmpty else { return .number(0) }
        return text.firstRange(of: part).map {
          .number(Double(text.distance(from: text.startIndex, to: $0.lowerBound)))
        } ?? .nothing
      default:
        throw Argument.wrong(values, 0, "index_of", "a list or text", "give a list: [1, 2]")
      }
    },
    Function(
      "last", .list, "The last item of a list, or the last so many.",
      [Parameter("list", .list), Parameter("count", .number, optional: true)], gives: .any,
      examples: [Example("last([1, 2, 3])", "3"), Example("last([1, 2, 3], 2)", "2, 3")]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "last")
      guard Argument.has(values, 1) else { return items.last ?? .nothing }
      return .list(Array(items.suffix(try Argument.count(values, 1, "last"))))
    },
    Function(
      "median", .list, "The middle of a list of numbers; nothing for an empty one.",
      [Parameter("list", .list)], gives: .any,
      examples: [Example("median([5, 1, 2])", "2"), Example("median([1, 2, 3, 4])", "2.5")]
    ) { values throws(ScriptError) in
      let numbers = try numbers(values, "median").sorted()
      guard !numbers.isEmpty else { return .nothing }
      let middle = numbers.count / 2
      return .number(
        numbers.count % 2 == 1 ? numbers[middle] : (numbers[middle - 1] + numbers[middle]) / 2)
    },
    Function(
      "reverse", .list, "The items of a list from the last to the first.",
      [Parameter("list", .list)], gives: .list,
      examples: [Example("reverse([1, 2, 3])", "3, 2, 1")]
    ) { values throws(ScriptError) in .list(try Argument.list(values, 0, "reverse").reversed()) },
    Function(
      "slice", .list,
      "The items of a list, or characters of a text, from one place to before another.",
      [Parameter("whole"), Parameter("from", .number), Parameter("to", .number, optional: true)],
      gives: .any,
      examples: [
        Example("slice([1, 2, 3, 4], 1, 3)", "2, 3"), Example("slice(\"abcdef\", -2)", "ef"),
      ]
    ) { values throws(ScriptError) in
      func places(_ count: Int) throws(ScriptError) -> Range<Int> {
        func place(_ index: Int) throws(ScriptError) -> Int {
          let place = try Argument.whole(values, index, "slice")
          return Swift.min(count, Swift.max(0, place < 0 ? count + place : place))
        }
        let from = try place(1)
        let to = Argument.has(values, 2) ? try place(2) : count
        return from..<Swift.max(from, to)
      }
      switch Argument.value(values, 0) {
      case .list(let items): return .list(Array(items[try places(items.count)]))
      case .text(let text):
        let range = try places(text.count)
        return .text(String(text.dropFirst(range.lowerBound).prefix(range.count)))
      default: throw Argument.wrong(values, 0, "slice", "a list or text", "give a list: [1, 2]")
      }
    },
    Function(
      "sort", .list,
      "The items of a list in order, or records and rows by a field; nothing comes last.",
      [
        Parameter("list", .list), Parameter("by", .text, optional: true),
        Parameter("order", .text, optional: true),
      ], gives: .list,
      examples: [
        Example("sort([3, 1, 2])", "1, 2, 3"),
        Example("sort([3, 1, 2], order: \"desc\")", "3, 2, 1"),
        Example("column(sort([{n: 2}, {n: 1}], \"n\"), \"n\")", "1, 2"),
      ]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "sort")
      var isDescending = false
      if Argument.has(values, 2) {
        let order = try Argument.text(values, 2, "sort")
        guard ["asc", "desc"].contains(order) else {
          throw ScriptError(
            code: "V306", message: "sort takes the order asc or desc, not “\(order.prefix(20))”")
        }
        isDescending = order == "desc"
      }
      var keys: [Value] = items
      if Argument.has(values, 1) {
        let name = try Argument.text(values, 1, "sort")
        keys = []
        for item in items { keys.append(try field(name, of: item, "sort")) }
      }
      let filled = keys.indices.filter { !keys[$0].isNothing }
      if let first = filled.first,
        let odd = filled.first(where: { Value.order(keys[first], keys[$0]) == nil })
      {
        throw ScriptError(
          code: "V306",
          message: "sort cannot compare \(keys[first].kindName) with \(keys[odd].kindName)",
          notes: keys[first].asRecord != nil || keys[first].asRow != nil
            ? ["name the field to sort by: sort(list, \"name\")"] : [])
      }
      let sorted = filled.sorted { a, b in
        let order = Value.order(keys[a], keys[b]) ?? 0
        return order == 0 ? a < b : (order < 0) != isDescending
      }
      return .list(
        sorted.map { items[$0] } + keys.indices.filter { keys[$0].isNothing }.map { items[$0] })
    },
    Function(
      "sum", .list, "The sum of a list of numbers.", [Parameter("list", .list)], gives: .number,
      examples: [Example("sum([1, 2, 3])", "6"), Example("sum([])", "0")]
    ) { values throws(ScriptError) in
      let sum = try numbers(values, "sum").reduce(0, +)
      guard sum.isFinite else {
        throw ScriptError(code: "V305", message: "the number is too large")
      }
      return .number(sum)
    },
    Function(
      "unique", .list, "The items of a list, each once.", [Parameter("list", .list)], gives: .list,
      examples: [Example("unique([1, 2, 1])", "1, 2")]
    ) { values throws(ScriptError) in
      .list(grouped(try Argument.list(values, 0, "unique")) { $0 }.map(\.key))
    },
  ]

  /// The items that have the same key, by the keys in their order.
  private static func grouped(
    _ items: [Value], by key: (Value) -> Value
  ) -> [(key: Value, items: [Value])] {
    var groups: [(key: Value, items: [Value])] = []
    // Texts and numbers are found by hash; comparing each with each would take the square of time.
    var places: [String: [Int]] = [:]
    for item in items {
      let key = key(item)
      let hash = "\(key.kindName) \(key.display(upTo: 200))"
      if let place = places[hash]?.first(where: { Value.areEqual(groups[$0].key, key) }) {
        groups[place].items.append(item)
      } else {
        places[hash, default: []].append(groups.count)
        groups.append((key, [item]))
      }
    }
    return groups
  }

  /// A field of a record or row.
  private static func field(
    _ name: String, of item: Value, _ function: String
  ) throws(ScriptError) -> Value {
    switch item {
    case .record(let record):
      if let value = record[name] { return value }
      throw ScriptError(
        code: "V308", message: "a record of the list has no field named “\(name)”",
        notes: NearestWord.notes(for: name, among: record.fields.map(\.name), kind: "fields"))
    case .row(let row):
      if let value = row.value(of: name) { return value }
      throw ScriptError(
        code: "V101", message: "there is no property named “\(name)” in \(row.shape.name)",
        notes: NearestWord.notes(for: name, among: row.shape.names, kind: "properties"))
    default:
      throw ScriptError(
        code: "V306",
        message: "\(function) takes records or rows, and one item is \(item.kindName)")
    }
  }

  private static func numbers(_ values: [Value], _ name: String) throws(ScriptError) -> [Double] {
    var numbers: [Double] = []
    for item in try Argument.list(values, 0, name) {
      guard let number = item.asNumber else {
        throw ScriptError(
          code: "V306", message: "\(name) takes numbers, and one item is \(item.kindName)",
          notes: [
            "give nothing a value with ?? 0", "of rows: sum(for row in rows { row.Score ?? 0 })",
          ])
      }
      numbers.append(number)
    }
    return numbers
  }
}
