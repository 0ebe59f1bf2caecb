/// What can be known of a value before the program runs.
enum StaticType {
  case any
  case flag, number, text, date, duration, list, record
  case row(Shape?)
  case query(Shape?)

  /// The word for it in messages; `nil` where nothing is known.
  var kindName: String? {
    switch self {
    case .any: nil
    case .flag: "true or false"
    case .number: "a number"
    case .text: "text"
    case .date: "a date"
    case .duration: "a duration"
    case .list: "a list"
    case .record: "a record"
    case .row: "a row"
    case .query: "a query"
    }
  }
}

/// A variable, as the resolver knows it.
struct Variable {
  let slot: Int
  let isGlobal: Bool
  let canChange: Bool
  let span: Span
  /// How many parallel bodies it was made inside of.
  let parallelLevel: Int
  var type: StaticType
  /// Whether an earlier input at the prompt made it; such a one may be made anew.
  var isEarlier = false
  /// The type that it names, where it was made with `type`.
  var shape: ShapeNode?
  var origin = Origin.declaration

  /// What makes a variable.
  enum Origin {
    case declaration, loop, parameter
  }
}

/// A function of the program, as the resolver knows it.
struct FunctionName {
  let index: Int
  let parameters: [String]
  let required: Int
  var types: [StaticType] = []
  var span = Span(0, 0)
  /// Whether it may change or make rows.
  var meddles = true
  /// Whether only its name is known yet: it is made further down.
  var isAhead = false
  /// Whether an earlier input at the prompt made it; such a one may be made anew.
  var isEarlier = false
}

/// The names that a program or an included file makes.
struct Names {
  var variables: [String: Variable] = [:]
  var functions: [String: FunctionName] = [:]
}

/// What lives from one input at the prompt to the next.
struct Globals {
  var variables: [String: Variable] = [:]
  var functions: [String: FunctionName] = [:]
  var definitions: [FunctionDefinition] = []
  var values: [Value] = []
  /// What was given for the program's parameters.
  var arguments: [String: Value] = [:]
}
