/// A place in a command: what may stand there, and after which words.
public struct Slot: Sendable {
  /// What may stand in a slot.
  public enum Kind: Sendable, Equatable {
    /// Any expression.
    case expression
    /// An expression that gives text.
    case text
    /// An expression that gives a number.
    case number
    /// A comma list of expressions that give texts.
    case texts
    /// A prompt: a text whose holes are properties of a row, or an expression that gives text.
    case template
    /// What is true or false of a row; with a name, of an answer for it as well.
    case condition(answer: String?)
    /// Names of properties, with commas between.
    case properties
    /// The name of a connection, as text.
    case connection
    /// Rows: `3 rows …`, `sample 8 rows …`, or an expression.
    case target
    /// Names of engines, with commas between.
    case engines
    /// The shape of an answer.
    case type
    /// Nothing: the words say all.
    case flag
    /// A bare word.
    case name
    /// A bare word, or an expression.
    case word
    /// Names with values: `a: 1, b: "x"`; the command finds a record.
    case fields
    /// A condition on rows that are no database's: those of the source of that name, which the host
    /// knows; the command finds a query.
    case rowsWhere(of: String)
  }

  /// The name under which the command finds it.
  public let name: String
  /// The words before it; empty for a slot that stands by its place.
  public let words: [String]
  /// What may stand there.
  public let kind: Kind
  /// Whether the command makes no sense without it.
  public let isRequired: Bool
  /// Whether it may stand several times; the command finds the second under its name and `2`.
  public let repeats: Bool
  /// One phrase on what it is.
  public let summary: String
  /// What to say of a script that leaves it out: only at the prompt something stands for it.
  public let missingInScript: Missing?

  /// What is wrong when a slot is missing, and what to type.
  public struct Missing: Sendable, Equatable {
    /// The code.
    public let code: String
    /// A sentence.
    public let message: String
    /// What to type.
    public let fix: String

    /// Creates it.
    public init(_ code: String, _ message: String, fix: String) {
      self.code = code
      self.message = message
      self.fix = fix
    }
  }

  /// Creates a slot.
  public init(
    _ name: String, words: [String] = [], kind: Kind, isRequired: Bool = false,
    repeats: Bool = false, summary: String, missingInScript: Missing? = nil
  ) {
    self.name = name
    self.words = words
    self.kind = kind
    self.isRequired = isRequired
    self.repeats = repeats
    self.summary = summary
    self.missingInScript = missingInScript
  }
}

extension Slot {
  /// The slot as it is found the n-th time, from 1.
  func numbered(_ count: Int) -> Slot {
    count == 1
      ? self
      : Slot("\(name)\(count)", words: words, kind: kind, repeats: true, summary: summary)
  }
}

/// What a command looks like: data for the parser, the check, completion and help.
public struct CommandSignature: Sendable {
  /// Its word.
  public let name: String
  /// One sentence on what it does.
  public let summary: String
  /// Its slots; those without words in the order in which they stand.
  public let slots: [Slot]
  /// Lines that use it.
  public let examples: [String]
  /// Whether it may stand after `let x =`.
  public let givesValue: Bool
  /// The slot that names the connection which the following statements speak of.
  public let opensConnection: String?
  /// Whether its word is a command only before a number, and a name like any other elsewhere.
  public let isOnlyBeforeNumber: Bool
  /// What to say about words that are too many, where people often write some.
  public let excessNote: String?
  /// Whether there may be a current row, `it`, after it.
  public let choosesRow: Bool

  /// Creates a signature.
  public init(
    name: String, summary: String, slots: [Slot], examples: [String], givesValue: Bool = false,
    opensConnection: String? = nil, isOnlyBeforeNumber: Bool = false, excessNote: String? = nil,
    choosesRow: Bool = false
  ) {
    self.name = name
    self.summary = summary
    self.slots = slots
    self.examples = examples
    self.givesValue = givesValue
    self.opensConnection = opensConnection
    self.isOnlyBeforeNumber = isOnlyBeforeNumber
    self.excessNote = excessNote
    self.choosesRow = choosesRow
  }
}

/// A command as it is called: its slots, evaluated.
public struct CommandCall: Sendable {
  /// The command's word.
  public let name: String
  /// What stands in a slot.
  public enum Argument: Sendable {
    case value(Value)
    case values([Value])
    case names([String])
    case word(String)
    case target(Target)
    case shape(AnswerShape)
    case template(PromptTemplate)
    case condition(RowCondition)
    case flag
  }

  /// Where it stands in the program.
  public let span: Span
  /// The text of the whole statement.
  public let source: String
  let arguments: [String: Argument]
  /// Where what is in a slot stands: by `slot`, and by `slot.field` where it has fields.
  let places: [String: Span]

  /// Where what is in a slot, or a field of it, stands.
  public func place(_ slot: String, field: String? = nil) -> Span? {
    places[field.map { "\(slot).\($0)" } ?? slot]
  }

  /// Whether a slot was written.
  public func has(_ name: String) -> Bool { arguments[name] != nil }

  /// A slot's value.
  public func value(_ name: String) -> Value? {
    switch arguments[name] {
    case .value(let value): value
    case .word(let word): .text(word)
    default: nil
    }
  }

  /// A slot's text; other values as they print.
  public func text(_ name: String) -> String? { value(name)?.display }

  /// A slot's texts.
  public func texts(_ name: String) -> [String] {
    if case .values(let values) = arguments[name] { values.map(\.display) } else { [] }
  }

  /// A slot's number.
  public func number(_ name: String) -> Double? { value(name)?.asNumber }

  /// A slot's names.
  public func names(_ name: String) -> [String]? {
    if case .names(let names) = arguments[name] { names } else { nil }
  }

  /// A slot's rows.
  public func target(_ name: String) -> Target? {
    if case .target(let target) = arguments[name] { target } else { nil }
  }

  /// A slot's prompt.
  public func template(_ name: String) -> PromptTemplate? {
    if case .template(let template) = arguments[name] { template } else { nil }
  }

  /// A slot's condition on rows.
  public func condition(_ name: String) -> RowCondition? {
    if case .condition(let condition) = arguments[name] { condition } else { nil }
  }

  /// A slot's shape.
  public func shape(_ name: String) -> AnswerShape? {
    if case .shape(let shape) = arguments[name] { shape } else { nil }
  }
}

/// Rows a command is to take.
public struct Target: Sendable {
  /// A query, a row, or a list of rows.
  public let value: Value
  /// At most so many.
  public let limit: Int?
  /// Whether they are to be drawn by chance.
  public let isSample: Bool

  /// Creates a target.
  public init(value: Value, limit: Int? = nil, isSample: Bool = false) {
    self.value = value
    self.limit = limit
    self.isSample = isSample
  }
}

/// The shape of an answer, `as number 0..10`.
public indirect enum AnswerShape: Sendable, Hashable {
  case text
  case number(minimum: Double?, maximum: Double?)
  case flag
  case date
  case list(AnswerShape)
  case option([String])
  case record([Field])

  /// A named part of a record.
  public struct Field: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its shape.
    public let shape: AnswerShape
  }
}
