/// An expression as parsed, with its place.
struct Expression: Sendable {
  indirect enum Kind: Sendable {
    case nothing
    case flag(Bool)
    case number(Double)
    case duration(DurationValue)
    case date(DateValue)
    case text([TextPiece])
    case name(String)
    case it
    case list([Expression])
    case record([(name: String, value: Expression)])
    case query(QuerySyntax)
    case field(Expression, name: String, nameSpan: Span)
    case index(Expression, Expression)
    case call(name: String, nameSpan: Span, arguments: [Argument])
    case binary(BinaryOperator, Expression, Expression)
    case not(Expression)
    case negate(Expression)
    case isEmpty(Expression, isNegated: Bool)
    case hasChanged(Expression, CellChange, isNegated: Bool)
    case conditional(condition: Expression, then: Block, otherwise: Block?)
    case loop(LoopSyntax)
    case ai(prompt: Expression, shape: AnswerShape?, engine: Expression?)
    case problemCatch(Expression, Expression)
    case retry(Expression, Block)
    case block(Block)
  }

  /// An argument of a call.
  struct Argument: Sendable {
    let name: String?
    let value: Expression
  }

  var kind: Kind
  var span: Span
}

/// A piece of a text: words, or a hole.
enum TextPiece: Sendable {
  case words(String)
  case hole(Expression, name: String, allowsNothing: Bool)
}

enum BinaryOperator: String, Sendable {
  case add = "+", subtract = "-", multiply = "*", divide = "/", remainder = "%"
  case less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
  case isEqual = "is", isNotEqual = "is not"
  case and, or
  case contains, notContains = "not contains"
  case isIn = "in", isNotIn = "not in"
  case startsWith = "starts with", endsWith = "ends with", matches
  case orElse = "??", range = ".."
}

/// `rows …` as parsed.
struct QuerySyntax: Sendable {
  enum Source: Sendable {
    case open
    case named(Expression)
  }

  enum Take: Sendable {
    case first(Expression), last(Expression), sample(Expression)
  }

  var source: Source = .open
  var condition: Expression?
  var sorts: [(key: Expression, isAscending: Bool)] = []
  var take: Take?
  var pick: [(name: String, span: Span)] = []
}

/// `for … in …` as parsed.
struct LoopSyntax: Sendable {
  var variable: String
  var variableSpan: Span
  var sequence: Expression
  var width: Expression?
  var continuesOnError: Bool
  var body: Block
}

/// Statements between braces.
struct Block: Sendable {
  var statements: [Statement]
  var span: Span
}

/// A statement as parsed, with its place.
struct Statement: Sendable {
  indirect enum Kind: Sendable {
    case declare(name: String, nameSpan: Span, isVariable: Bool, value: Expression)
    case declareCommand(name: String, nameSpan: Span, isVariable: Bool, CommandSyntax)
    case assign(Place, isAddition: Bool, Expression)
    case function(FunctionSyntax)
    case parameter(ParameterSyntax)
    case include(path: String, pathSpan: Span)
    case every(Expression, Block)
    case giveBack(Expression?)
    case command(CommandSyntax)
    case builtin(BuiltinStatement, Expression?)
    case expression(Expression)
  }

  var kind: Kind
  var span: Span
}

/// Statements of the language itself that look like commands.
enum BuiltinStatement: String, Sendable, CaseIterable {
  case print, fail, skip, stop, assert
}

/// What can be assigned to.
struct Place: Sendable {
  enum Step: Sendable {
    case field(String, Span)
    case index(Expression)
  }

  var name: String
  var nameSpan: Span
  var steps: [Step]
  var span: Span
}

struct FunctionSyntax: Sendable {
  struct Parameter: Sendable {
    let name: String
    let span: Span
    let defaultValue: Expression?
  }

  var name: String
  var nameSpan: Span
  var parameters: [Parameter]
  var body: Block
}

/// `param NAME: TYPE = VALUE` as parsed.
struct ParameterSyntax: Sendable {
  var name: String
  var nameSpan: Span
  var shape: AnswerShape?
  var defaultValue: Expression?
}

/// A command as parsed: its slots, each with what was written.
struct CommandSyntax: Sendable {
  enum Filling: Sendable {
    case expression(Expression)
    case expressions([Expression])
    case names([(name: String, span: Span)])
    case word(String)
    case target(Expression, limit: Expression?, isSample: Bool)
    case shape(AnswerShape)
    case fields([(name: String, value: Expression)])
    case flag
  }

  struct Filled: Sendable {
    let slot: Slot
    let filling: Filling
    let span: Span
  }

  var signature: CommandSignature
  var nameSpan: Span
  var slots: [Filled]
  var span: Span
}
