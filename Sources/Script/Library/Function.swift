/// A builtin function: its documentation, its examples, and what it does.
public struct Function: Sendable {
  /// A line of the language and what it gives.
  public struct Example: Sendable {
    /// The expression.
    public let source: String
    /// Its value as it prints.
    public let result: String
    init(_ source: String, _ result: String) {
      self.source = source
      self.result = result
    }
  }

  /// A parameter.
  public struct Parameter: Sendable {
    /// Its name, for named arguments.
    public let name: String
    /// Whether it may be left out.
    public let isOptional: Bool
    init(_ name: String, optional: Bool = false) {
      self.name = name
      isOptional = optional
    }
  }

  /// Its name.
  public let name: String
  /// One sentence on what it gives.
  public let summary: String
  /// Its parameters.
  public let parameters: [Parameter]
  /// Whether the last parameter takes any number of arguments.
  public let isVariadic: Bool
  /// Lines that show it; tests run them.
  public let examples: [Example]
  let body: @Sendable ([Value]) throws(ScriptError) -> Value

  init(
    _ name: String, _ summary: String, _ parameters: [Parameter], isVariadic: Bool = false,
    examples: [Example], _ body: @escaping @Sendable ([Value]) throws(ScriptError) -> Value
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    self.isVariadic = isVariadic
    self.examples = examples
    self.body = body
  }

  /// Its name with its parameters.
  public var signatureText: String {
    let names = parameters.map { $0.isOptional ? "[\($0.name)]" : $0.name }
    return "\(name)(\(names.joined(separator: ", "))\(isVariadic ? ", …" : ""))"
  }

  /// Every function, alphabetical.
  public static let all: [Function] =
    (dateFunctions + listFunctions + numberFunctions + textFunctions).sorted { $0.name < $1.name }

  static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}

/// The arguments of a builtin, each failing in the same words.
enum Argument {
  static func text(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError)
    -> String
  {
    guard let text = value(values, index).asText else {
      throw wrong(values, index, function, "text", "write \"{x}\" to make a text of a value")
    }
    return text
  }

  static func number(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError)
    -> Double
  {
    guard let number = value(values, index).asNumber else {
      throw wrong(values, index, function, "a number", "give nothing a value with ?? 0")
    }
    return number
  }

  static func list(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError)
    -> [Value]
  {
    guard let items = value(values, index).asList else {
      throw wrong(
        values, index, function, "a list", "for the rows of a query: for row in rows … { row }")
    }
    return items
  }

  static func date(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError)
    -> DateValue
  {
    if let date = value(values, index).asDate { return date }
    if let text = value(values, index).asText, let date = DateValue(parsing: text) { return date }
    throw wrong(values, index, function, "a date", "write it as 2025-01-31")
  }

  static func count(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError) -> Int
  {
    let number = try number(values, index, function)
    guard number >= 0, let whole = Int(exactly: number), whole <= 1_000_000_000 else {
      throw ScriptError(
        code: "V306",
        message:
          "\(function) takes a whole number of 0 or more, not \(Value.number(number).display)")
    }
    return whole
  }

  static func value(_ values: [Value], _ index: Int) -> Value {
    values.indices.contains(index) ? values[index] : .nothing
  }

  private static func wrong(
    _ values: [Value], _ index: Int, _ function: String, _ wanted: String, _ hint: String
  ) -> ScriptError {
    ScriptError(
      code: "V306",
      message: "\(function) takes \(wanted), and this is \(value(values, index).kindName)",
      notes: [hint])
  }
}
