extension Function {
  static let listFunctions: [Function] = [
    Function(
      "average", "The mean of a list of numbers; nothing for an empty one.", [Parameter("list")],
      examples: [Example("average([1, 2, 6])", "3")]
    ) { values throws(ScriptError) in
      let numbers = try numbers(values, "average")
      return numbers.isEmpty ? .nothing : .number(numbers.reduce(0, +) / Double(numbers.count))
    },
    Function(
      "count", "How many items a list has.", [Parameter("list")],
      examples: [Example("count([1, 2, 3])", "3")]
    ) { values throws(ScriptError) in .number(Double(try Argument.list(values, 0, "count").count))
    },
    Function(
      "first", "The first item of a list, or the first so many.",
      [Parameter("list"), Parameter("count", optional: true)],
      examples: [Example("first([1, 2, 3])", "1"), Example("first([1, 2, 3], 2)", "1, 2")]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "first")
      guard values.count > 1 else { return items.first ?? .nothing }
      return .list(Array(items.prefix(try Argument.count(values, 1, "first"))))
    },
    Function(
      "last", "The last item of a list, or the last so many.",
      [Parameter("list"), Parameter("count", optional: true)],
      examples: [Example("last([1, 2, 3])", "3"), Example("last([1, 2, 3], 2)", "2, 3")]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "last")
      guard values.count > 1 else { return items.last ?? .nothing }
      return .list(Array(items.suffix(try Argument.count(values, 1, "last"))))
    },
    Function(
      "reverse", "The items of a list from the last to the first.", [Parameter("list")],
      examples: [Example("reverse([1, 2, 3])", "3, 2, 1")]
    ) { values throws(ScriptError) in .list(try Argument.list(values, 0, "reverse").reversed()) },
    Function(
      "sort", "The items of a list in order; nothing comes last.", [Parameter("list")],
      examples: [Example("sort([3, 1, 2])", "1, 2, 3")]
    ) { values throws(ScriptError) in
      let items = try Argument.list(values, 0, "sort")
      let sortable = items.filter { !$0.isNothing }
      if let first = sortable.first,
        let odd = sortable.first(where: { Value.order(first, $0) == nil })
      {
        throw ScriptError(
          code: "V306", message: "sort cannot compare \(first.kindName) with \(odd.kindName)")
      }
      let sorted = sortable.enumerated().sorted { a, b in
        let order = Value.order(a.element, b.element) ?? 0
        return order == 0 ? a.offset < b.offset : order < 0
      }.map(\.element)
      return .list(sorted + items.filter(\.isNothing))
    },
    Function(
      "sum", "The sum of a list of numbers.", [Parameter("list")],
      examples: [Example("sum([1, 2, 3])", "6"), Example("sum([])", "0")]
    ) { values throws(ScriptError) in .number(try numbers(values, "sum").reduce(0, +)) },
    Function(
      "unique", "The items of a list, each once.", [Parameter("list")],
      examples: [Example("unique([1, 2, 1])", "1, 2")]
    ) { values throws(ScriptError) in
      var kept: [Value] = []
      var texts = Set<String>()
      for item in try Argument.list(values, 0, "unique") {
        if case .text(let text) = item {
          if texts.insert(text).inserted { kept.append(item) }
        } else if !kept.contains(where: { Value.areEqual($0, item) }) {
          kept.append(item)
        }
      }
      return .list(kept)
    },
  ]

  private static func numbers(_ values: [Value], _ name: String) throws(ScriptError) -> [Double] {
    var numbers: [Double] = []
    for item in try Argument.list(values, 0, name) {
      guard let number = item.asNumber else {
        throw ScriptError(
          code: "V306", message: "\(name) takes numbers, and one item is \(item.kindName)",
          notes: ["give nothing a value with ?? 0"])
      }
      numbers.append(number)
    }
    return numbers
  }
}
