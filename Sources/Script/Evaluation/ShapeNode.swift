/// A type with its names looked up: most are known before anything runs, some hold a list that is not.
indirect enum ShapeNode: Sendable {
  case fixed(AnswerShape)
  /// One of the texts of a list.
  case option(Node)
  case listOf(ShapeNode)
  case recordOf([(name: String, shape: ShapeNode)])

  /// A list of a type; fixed where the type is.
  static func list(_ item: ShapeNode) -> ShapeNode {
    if case .fixed(let shape) = item { .fixed(.list(shape)) } else { .listOf(item) }
  }

  /// A record of types; fixed where all are.
  static func record(_ fields: [(name: String, shape: ShapeNode)]) -> ShapeNode {
    var fixed: [AnswerShape.Field] = []
    for field in fields {
      guard case .fixed(let shape) = field.shape else { return .recordOf(fields) }
      fixed.append(AnswerShape.Field(name: field.name, shape: shape))
    }
    return .fixed(.record(fixed))
  }

  /// What is known of a value of this type.
  var staticType: StaticType {
    switch self {
    case .fixed(.text), .fixed(.option), .option: .text
    case .fixed(.number): .number
    case .fixed(.flag): .flag
    case .fixed(.date): .date
    case .fixed(.list), .listOf: .list
    case .fixed(.record), .recordOf: .record
    }
  }

  /// The type as it is now.
  func shape(_ context: Context) throws(ScriptError) -> AnswerShape {
    switch self {
    case .fixed(let shape): return shape
    case .listOf(let item): return .list(try item.shape(context))
    case .recordOf(let fields):
      var known: [AnswerShape.Field] = []
      for field in fields {
        known.append(AnswerShape.Field(name: field.name, shape: try field.shape.shape(context)))
      }
      return .record(known)
    case .option(let node):
      let value = try node.eval(context)
      let names = value.asList?.compactMap(\.asText) ?? []
      guard !names.isEmpty, names.count == value.asList?.count else {
        throw ScriptError(
          code: "V306", message: "one of takes a list of texts, and this is \(value.kindName)",
          span: node.span, notes: ["write one of [\"a\", \"b\"]"])
      }
      return .option(names)
    }
  }
}

/// Looks at the value of a parameter that has a type, before the function's body runs.
final class ParameterNode: Node, @unchecked Sendable {
  let slot: Int
  let name: String
  let shape: ShapeNode
  init(slot: Int, name: String, _ shape: ShapeNode, _ span: Span) {
    self.slot = slot
    self.name = name
    self.shape = shape
    super.init(span)
  }
  override func run(_ context: Context) throws(ScriptError) {
    let wanted = try shape.shape(context)
    guard let value = Parameters.value(context.frame[slot], as: wanted, readsTexts: false) else {
      var error = ScriptError(
        code: "V306",
        message:
          "\(name) takes \(Parameters.words(wanted)), and this is “\(context.frame[slot].display.prefix(40))”",
        span: span)
      error.refusedParameter = slot
      throw error
    }
    context.frame[slot] = value
  }
}

/// The body of a function that is only made further down.
final class AheadNode: Node, @unchecked Sendable {
  let name: String
  let line: Int
  init(_ name: String, _ line: Int, _ span: Span) {
    self.name = name
    self.line = line
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    throw ScriptError(
      code: "V102", message: "“\(name)” is made further down, at line \(line)", span: span,
      notes: ["move the function above the line that first needs it"])
  }
}
