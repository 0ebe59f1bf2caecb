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

  /// What a parameter takes, or a function gives.
  public enum Kind: String, Sendable {
    case any, text, number, flag, list, record, date, duration
    /// `true` or `false`, a number, … : the word of the language for it.
    public var word: String { self == .any ? "any value" : rawValue }

    /// What it is for the check.
    var type: StaticType {
      switch self {
      case .any: .any
      case .text: .text
      case .number: .number
      case .flag: .flag
      case .list: .list
      case .record: .record
      case .date: .date
      case .duration: .duration
      }
    }
  }

  /// A parameter.
  public struct Parameter: Sendable {
    /// Its name, for named arguments.
    public let name: String
    /// What it takes; a list may be given as rows, a date as its text.
    public let kind: Kind
    /// Whether it may be left out.
    public let isOptional: Bool
    init(_ name: String, _ kind: Kind = .any, optional: Bool = false) {
      self.name = name
      self.kind = kind
      isOptional = optional
    }
  }

  /// The groups in which the reference shows them.
  public enum Group: String, Sendable, CaseIterable {
    case text = "Text"
    case number = "Numbers"
    case list = "Lists"
    case record = "Records"
    case date = "Dates and durations"
    case data = "Data and files"
  }

  /// Its name.
  public let name: String
  /// Where the reference shows it.
  public let group: Group
  /// One sentence on what it gives.
  public let summary: String
  /// Its parameters.
  public let parameters: [Parameter]
  /// What it gives.
  public let result: Kind
  /// Whether the last parameter takes any number of arguments.
  public let isVariadic: Bool
  /// Lines that show it; tests run them.
  public let examples: [Example]
  let body: Body

  /// What it does: most only with values; a few need the program around them.
  enum Body: Sendable {
    case pure(@Sendable ([Value]) throws(ScriptError) -> Value)
    /// With its one value, for those that loops are full of: no list is made of it.
    case single(@Sendable (Value) throws(ScriptError) -> Value)
    case effect(@Sendable ([Value], any ScriptHost) async throws -> Value)
  }

  init(
    _ name: String, _ group: Group, _ summary: String, _ parameters: [Parameter],
    gives result: Kind, isVariadic: Bool = false, examples: [Example],
    _ body: @escaping @Sendable ([Value]) throws(ScriptError) -> Value
  ) {
    self.init(
      name, group, summary, parameters, gives: result, isVariadic: isVariadic, examples: examples,
      body: .pure(body))
  }

  init(
    _ name: String, _ group: Group, _ summary: String, _ parameter: Parameter,
    gives result: Kind, examples: [Example],
    _ body: @escaping @Sendable (Value) throws(ScriptError) -> Value
  ) {
    self.init(
      name, group, summary, [parameter], gives: result, examples: examples, body: .single(body))
  }

  init(
    _ name: String, _ group: Group, _ summary: String, _ parameters: [Parameter],
    gives result: Kind, isVariadic: Bool = false, examples: [Example], body: Body
  ) {
    self.name = name
    self.group = group
    self.summary = summary
    self.parameters = parameters
    self.result = result
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
    (dataFunctions + dateFunctions + listFunctions + numberFunctions + recordFunctions
    + textFunctions).sorted { $0.name < $1.name }

  static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}

/// The arguments of a builtin, each failing in the same words.
enum Argument {
  static func text(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError)
    -> String
  {
    guard let text = value(values, index).asText else {
      throw wrong(values, index, function, "text", "to make a text of a value write \"{…}\"")
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

  static func record(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError)
    -> Record
  {
    switch value(values, index) {
    case .record(let record): return record
    case .row(let row):
      return Record(zip(row.shape.names, row.values).map { ($0, $1) })
    default:
      throw wrong(values, index, function, "a record or a row", "a record is written {name: value}")
    }
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
    let whole = try whole(values, index, function)
    guard whole >= 0 else {
      throw ScriptError(
        code: "V306", message: "\(function) takes a whole number of 0 or more, not \(whole)")
    }
    return whole
  }

  static func whole(_ values: [Value], _ index: Int, _ function: String) throws(ScriptError) -> Int
  {
    let number = try number(values, index, function)
    guard let whole = Int(exactly: number), abs(whole) <= 1_000_000_000 else {
      throw ScriptError(
        code: "V306",
        message: "\(function) takes a whole number, not \(Value.number(number).display)")
    }
    return whole
  }

  static func value(_ values: [Value], _ index: Int) -> Value {
    values.indices.contains(index) ? values[index] : .nothing
  }

  /// Whether an argument was given and is not nothing.
  static func has(_ values: [Value], _ index: Int) -> Bool { !value(values, index).isNothing }

  static func wrong(
    _ values: [Value], _ index: Int, _ function: String, _ wanted: String, _ hint: String
  ) -> ScriptError {
    ScriptError(
      code: "V306",
      message: "\(function) takes \(wanted), and this is \(value(values, index).kindName)",
      notes: [hint])
  }
}
