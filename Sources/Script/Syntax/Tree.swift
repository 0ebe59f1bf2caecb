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
    case ai(prompt: PromptSyntax, shape: ShapeSyntax?, engine: Expression?)
    case problemCatch(Expression, Expression)
    case retry(Expression, Block)
    case block(Block)
  }

  /// An argument of a call.
  struct Argument: Sendable {
    let name: String?
    let value: Expression
  }

  let kind: Kind
  let span: Span
  /// The expressions inside each other, itself included: what walks a tree needs as much stack.
  let height: Int

  init(kind: Kind, span: Span) {
    self.kind = kind
    self.span = span
    height = 1 + Expression.height(below: kind)
  }

  private static func height(below kind: Kind) -> Int {
    switch kind {
    case .nothing, .flag, .number, .duration, .date, .name, .it: 0
    case .text(let pieces):
      pieces.lazy.map { if case .hole(let value, _, _) = $0 { value.height } else { 0 } }.max() ?? 0
    case .list(let items): items.lazy.map(\.height).max() ?? 0
    case .record(let fields): fields.lazy.map(\.value.height).max() ?? 0
    case .query(let query): query.height
    case .field(let base, _, _): base.height
    case .index(let base, let index): max(base.height, index.height)
    case .call(_, _, let arguments): arguments.lazy.map(\.value.height).max() ?? 0
    case .binary(_, let a, let b): max(a.height, b.height)
    case .not(let inner), .negate(let inner), .isEmpty(let inner, _),
      .hasChanged(let inner, _, _):
      inner.height
    case .conditional(let condition, let then, let otherwise):
      max(condition.height, then.height, otherwise?.height ?? 0)
    case .loop(let loop):
      max(loop.sequence.height, loop.width?.height ?? 0, loop.body.height)
    case .ai(let prompt, _, let engine): max(prompt.height, engine?.height ?? 0)
    case .problemCatch(let value, let other): max(value.height, other.height)
    case .retry(let count, let block): max(count.height, block.height)
    case .block(let block): block.height
    }
  }
}

/// What `ai` asks: words, or those that were kept under a name.
enum PromptSyntax: Sendable {
  case words(Expression)
  /// `prompt "intro"`, and `on row` where it is said what fills its holes.
  case kept(name: Expression, row: Expression?)

  fileprivate var height: Int {
    switch self {
    case .words(let words): words.height
    case .kept(let name, let row): max(name.height, row?.height ?? 0)
    }
  }
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
  /// Where each clause stands, for the formatter.
  var clauses: [(clause: Clause, span: Span)] = []

  fileprivate var height: Int {
    var height = condition?.height ?? 0
    if case .named(let name) = source { height = max(height, name.height) }
    for sort in sorts { height = max(height, sort.key.height) }
    switch take {
    case .first(let count)?, .last(let count)?, .sample(let count)?:
      return max(height, count.height)
    case nil: return height
    }
  }

  /// The clauses in the order in which they work and are written.
  enum Clause: Int, Sendable {
    case condition, sort, take, pick
  }
}

/// A type as written: `number 0..10`, `one of kinds`, `list of Verdict`.
indirect enum ShapeSyntax: Sendable {
  case text
  case number(minimum: Double?, maximum: Double?)
  case flag
  case date
  case list(ShapeSyntax)
  /// One of these texts.
  case option([String])
  /// One of the texts of a list that is known when the program runs.
  case optionOf(Expression)
  case record([(name: String, shape: ShapeSyntax)])
  /// What `let NAME = type …` gave a name.
  case named(String, Span)
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
  let statements: [Statement]
  let span: Span
  let height: Int

  init(statements: [Statement], span: Span) {
    self.statements = statements
    self.span = span
    height = statements.lazy.map(\.height).max() ?? 0
  }
}

/// A statement as parsed, with its place.
struct Statement: Sendable {
  indirect enum Kind: Sendable {
    case declare(name: String, nameSpan: Span, isVariable: Bool, value: Expression)
    case declareCommand(name: String, nameSpan: Span, isVariable: Bool, CommandSyntax)
    case declareType(name: String, nameSpan: Span, ShapeSyntax)
    case assign(Place, isAddition: Bool, Expression)
    case function(FunctionSyntax)
    case parameter(ParameterSyntax)
    case include(path: String, pathSpan: Span, name: String?)
    case every(Expression, Block)
    case giveBack(Expression?)
    case command(CommandSyntax)
    case builtin(BuiltinStatement, Expression?)
    case expression(Expression)
  }

  let kind: Kind
  let span: Span

  fileprivate var height: Int {
    switch kind {
    case .declare(_, _, _, let value), .expression(let value): value.height
    case .assign(let place, _, let value):
      place.steps.reduce(value.height) { height, step in
        if case .index(let index) = step { max(height, index.height) } else { height }
      }
    case .function(let function):
      function.parameters.reduce(function.body.height) { max($0, $1.defaultValue?.height ?? 0) }
    case .parameter(let parameter): parameter.defaultValue?.height ?? 0
    case .every(let interval, let body): max(interval.height, body.height)
    case .giveBack(let value), .builtin(_, let value): value?.height ?? 0
    case .command(let command), .declareCommand(_, _, _, let command): command.height
    case .declareType, .include: 0
    }
  }
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
    let shape: ShapeSyntax?
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
  var shape: ShapeSyntax?
  var defaultValue: Expression?
}

/// A command as parsed: its slots, each with what was written.
struct CommandSyntax: Sendable {
  enum Filling: Sendable {
    case expression(Expression)
    case namedPrompt(Expression)
    case expressions([Expression])
    case names([(name: String, span: Span)])
    case word(String)
    case target(Expression, limit: Expression?, isSample: Bool)
    case shape(ShapeSyntax)
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

  fileprivate var height: Int {
    slots.reduce(0) { height, filled in
      switch filled.filling {
      case .expression(let value), .namedPrompt(let value): max(height, value.height)
      case .expressions(let values): values.reduce(height) { max($0, $1.height) }
      case .target(let value, let limit, _): max(height, value.height, limit?.height ?? 0)
      case .fields(let fields): fields.reduce(height) { max($0, $1.value.height) }
      case .names, .word, .shape, .flag: height
      }
    }
  }
}
