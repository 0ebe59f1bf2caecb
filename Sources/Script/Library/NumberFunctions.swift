extension Function {
  static let numberFunctions: [Function] = [
    Function(
      "abs", "The number without its sign.", [Parameter("number")],
      examples: [Example("abs(-3)", "3")]
    ) { values throws(ScriptError) in .number(Swift.abs(try Argument.number(values, 0, "abs"))) },
    Function(
      "ceil", "The next whole number above.", [Parameter("number")],
      examples: [Example("ceil(2.1)", "3")]
    ) { values throws(ScriptError) in .number(try Argument.number(values, 0, "ceil").rounded(.up))
    },
    Function(
      "floor", "The next whole number below.", [Parameter("number")],
      examples: [Example("floor(2.9)", "2")]
    ) { values throws(ScriptError) in
      .number(try Argument.number(values, 0, "floor").rounded(.down))
    },
    Function(
      "max", "The largest of a list, or of the arguments.", [Parameter("values")], isVariadic: true,
      examples: [Example("max(3, 7, 5)", "7"), Example("max([3, 7, 5])", "7")]
    ) { values throws(ScriptError) in try extreme(values, "max", 1) },
    Function(
      "min", "The smallest of a list, or of the arguments.", [Parameter("values")],
      isVariadic: true,
      examples: [Example("min(3, 7, 5)", "3")]
    ) { values throws(ScriptError) in try extreme(values, "min", -1) },
    Function(
      "round", "The number rounded to so many digits after the point.",
      [Parameter("number"), Parameter("digits", optional: true)],
      examples: [Example("round(2.567, 1)", "2.6"), Example("round(2.5)", "3")]
    ) { values throws(ScriptError) in
      let number = try Argument.number(values, 0, "round")
      let digits = values.count > 1 ? min(15, try Argument.count(values, 1, "round")) : 0
      let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
      let scaled = number * scale
      return .number(scaled.isFinite ? scaled.rounded(.toNearestOrAwayFromZero) / scale : number)
    },
  ]

  private static func extreme(_ values: [Value], _ name: String, _ sign: Int) throws(ScriptError)
    -> Value
  {
    let items = values.count == 1 ? try Argument.list(values, 0, name) : values
    var best: Value?
    for item in items where !item.isNothing {
      guard let current = best else {
        best = item
        continue
      }
      guard let order = Value.order(item, current) else {
        throw ScriptError(
          code: "V306", message: "\(name) cannot compare \(item.kindName) with \(current.kindName)")
      }
      if order == sign { best = item }
    }
    return best ?? .nothing
  }
}
