import Foundation

extension Function {
  static let numberFunctions: [Function] = [
    Function(
      "abs", .number, "The number without its sign.", [Parameter("number", .number)],
      gives: .number, examples: [Example("abs(-3)", "3")]
    ) { values throws(ScriptError) in .number(Swift.abs(try Argument.number(values, 0, "abs"))) },
    Function(
      "ceil", .number, "The next whole number above.", [Parameter("number", .number)],
      gives: .number, examples: [Example("ceil(2.1)", "3")]
    ) { values throws(ScriptError) in .number(try Argument.number(values, 0, "ceil").rounded(.up))
    },
    Function(
      "clamp", .number, "The number, or the bound that it lies beyond.",
      [Parameter("number", .number), Parameter("low", .number), Parameter("high", .number)],
      gives: .number,
      examples: [Example("clamp(12, 0, 10)", "10"), Example("clamp(5, 0, 10)", "5")]
    ) { values throws(ScriptError) in
      let low = try Argument.number(values, 1, "clamp")
      let high = try Argument.number(values, 2, "clamp")
      guard low <= high else {
        throw ScriptError(
          code: "V306",
          message: "no number is between \(Value.digits(low)) and \(Value.digits(high))",
          notes: ["give the smaller bound first"])
      }
      return .number(Swift.min(Swift.max(try Argument.number(values, 0, "clamp"), low), high))
    },
    Function(
      "floor", .number, "The next whole number below.", [Parameter("number", .number)],
      gives: .number, examples: [Example("floor(2.9)", "2")]
    ) { values throws(ScriptError) in
      .number(try Argument.number(values, 0, "floor").rounded(.down))
    },
    Function(
      "max", .number, "The largest of a list, or of the arguments.", [Parameter("values")],
      gives: .any, isVariadic: true,
      examples: [Example("max(3, 7, 5)", "7"), Example("max([3, 7, 5])", "7")]
    ) { values throws(ScriptError) in try extreme(values, "max", 1) },
    Function(
      "min", .number, "The smallest of a list, or of the arguments.", [Parameter("values")],
      gives: .any, isVariadic: true, examples: [Example("min(3, 7, 5)", "3")]
    ) { values throws(ScriptError) in try extreme(values, "min", -1) },
    Function(
      "number", .number, "The number that a text spells; nothing when it spells none.",
      [Parameter("text")], gives: .any,
      examples: [Example("number(\"2.5\") + 1", "3.5"), Example("number(\"?\") ?? 0", "0")]
    ) { values throws(ScriptError) in
      if let number = Argument.value(values, 0).asNumber { return .number(number) }
      if !Argument.has(values, 0) { return .nothing }
      return spelled(try Argument.text(values, 0, "number"))
    },
    Function(
      "power", .number, "A number to the power of another.",
      [Parameter("number", .number), Parameter("exponent", .number)], gives: .number,
      examples: [Example("power(2, 10)", "1024"), Example("power(9, 0.5)", "3")]
    ) { values throws(ScriptError) in
      try finite(
        pow(
          try Argument.number(values, 0, "power"), try Argument.number(values, 1, "power")),
        "power")
    },
    Function(
      "round", .number, "The number rounded to so many digits after the point.",
      [Parameter("number", .number), Parameter("digits", .number, optional: true)],
      gives: .number,
      examples: [Example("round(2.567, 1)", "2.6"), Example("round(2.5)", "3")]
    ) { values throws(ScriptError) in
      let number = try Argument.number(values, 0, "round")
      let digits =
        Argument.has(values, 1) ? Swift.min(15, try Argument.count(values, 1, "round")) : 0
      let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
      let scaled = number * scale
      return .number(scaled.isFinite ? scaled.rounded(.toNearestOrAwayFromZero) / scale : number)
    },
    Function(
      "sqrt", .number, "The square root of a number.", [Parameter("number", .number)],
      gives: .number, examples: [Example("sqrt(16)", "4")]
    ) { values throws(ScriptError) in
      try finite(try Argument.number(values, 0, "sqrt").squareRoot(), "sqrt")
    },
  ]

  /// The number that a text spells, with white space around it or not.
  static func spelled(_ text: String) -> Value {
    var words = text[...]
    while let first = words.first, first.isWhitespace { words.removeFirst() }
    while let last = words.last, last.isWhitespace { words.removeLast() }
    // Swift also reads “inf”, “nan” and hexadecimal numbers; the language has none of them.
    guard words.allSatisfy({ $0.isASCII && ($0.isNumber || "+-.eE".contains($0)) }),
      let number = Double(words), number.isFinite
    else { return .nothing }
    return .number(number)
  }

  private static func finite(_ number: Double, _ name: String) throws(ScriptError) -> Value {
    guard number.isFinite else {
      throw ScriptError(code: "V305", message: "\(name) gives no number for these values")
    }
    return .number(number)
  }

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
