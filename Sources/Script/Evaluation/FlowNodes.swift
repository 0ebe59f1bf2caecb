/// Statements one after the other; the value is the last one's.
final class BlockNode: Node, @unchecked Sendable {
  let statements: [Node]
  private let first: NodeList
  private let last: Node

  private init(_ statements: [Node], last: Node, _ span: Span) {
    self.statements = statements
    first = NodeList(statements.dropLast())
    self.last = last
    super.init(span)
  }

  /// The node of any number of statements.
  static func node(_ statements: ArraySlice<Node>, _ span: Span) -> Node {
    guard let last = statements.last else { return ConstantNode(.nothing, span) }
    return statements.count == 1 ? last : BlockNode(Array(statements), last: last, span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    for index in 0..<first.count { try first.run(index, context) }
    return try last.eval(context)
  }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    for index in 0..<first.count { try first.run(index, context) }
    return try last.number(context)
  }

  override func run(_ context: Context) throws(ScriptError) {
    for index in 0..<first.count { try first.run(index, context) }
    try last.run(context)
  }
}

/// `if`.
class ConditionalNode: Node, @unchecked Sendable {
  final let test: Node
  final let then: Node
  final let otherwise: Node?
  private final let thenSide: Operand
  /// What `otherwise` is, or a node that does nothing: an optional child would be counted.
  private final let otherSide: Operand
  fileprivate init(_ test: Node, then: Node, otherwise: Node?, _ span: Span) {
    self.test = test
    self.then = then
    self.otherwise = otherwise
    thenSide = Operand(then)
    otherSide = Operand(otherwise ?? ConstantNode(.nothing, span))
    super.init(span)
  }

  static func node(_ test: Node, then: Node, otherwise: Node?, _ span: Span) -> Node {
    switch test {
    case let test as DirectComparisonNode:
      ComparingConditionalNode(test, then: then, otherwise: otherwise, span)
    case let test as RemainderIsNode:
      RemainderConditionalNode(test, then: then, otherwise: otherwise, span)
    default: ConditionalNode(test, then: then, otherwise: otherwise, span)
    }
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    try value(try test.condition(context), context)
  }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(try test.condition(context), context)
  }

  final override func condition(_ context: Context) throws(ScriptError) -> Bool {
    try test.condition(context)
      ? try then.condition(context) : try otherSide.node.condition(context)
  }

  override func run(_ context: Context) throws(ScriptError) {
    try carryOut(try test.condition(context), context)
  }

  @inline(__always)
  fileprivate final func value(
    _ isSo: Bool, _ context: Context
  ) throws(ScriptError) -> Value {
    isSo ? try then.eval(context) : try otherSide.node.eval(context)
  }

  @inline(__always)
  fileprivate final func number(
    _ isSo: Bool, _ context: Context
  ) throws(ScriptError) -> Double {
    isSo ? try thenSide.number(context) : try otherSide.number(context)
  }

  @inline(__always)
  fileprivate final func carryOut(_ isSo: Bool, _ context: Context) throws(ScriptError) {
    isSo ? try then.run(context) : try otherSide.node.run(context)
  }
}

/// `if` whose test is looked at without a call: a comparison of direct sides.
private final class ComparingConditionalNode: ConditionalNode, @unchecked Sendable {
  private let comparison: DirectComparisonNode

  init(_ test: DirectComparisonNode, then: Node, otherwise: Node?, _ span: Span) {
    comparison = test
    super.init(test, then: then, otherwise: otherwise, span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    try value(try comparison.direct(context), context)
  }
  override func number(_ context: Context) throws(ScriptError) -> Double {
    try number(try comparison.direct(context), context)
  }
  override func run(_ context: Context) throws(ScriptError) {
    try carryOut(try comparison.direct(context), context)
  }
}

/// The same for a remainder.
private final class RemainderConditionalNode: ConditionalNode, @unchecked Sendable {
  private let comparison: RemainderIsNode

  init(_ test: RemainderIsNode, then: Node, otherwise: Node?, _ span: Span) {
    comparison = test
    super.init(test, then: then, otherwise: otherwise, span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    try value(try comparison.direct(context), context)
  }
  override func run(_ context: Context) throws(ScriptError) {
    try carryOut(try comparison.direct(context), context)
  }
}

extension Node {
  /// The node as the last thing of a function, where a `return` is no more than its value.
  ///
  /// A statement that returns on one way only takes what follows it as its other way.
  var atEndOfFunction: Node {
    switch self {
    case let back as ReturnNode: return back.value ?? ConstantNode(.nothing, span)
    case let conditional as ConditionalNode:
      return ConditionalNode.node(
        conditional.test, then: conditional.then.atEndOfFunction,
        otherwise: conditional.otherwise?.atEndOfFunction, span)
    case let block as BlockNode:
      for (index, statement) in block.statements.enumerated() {
        if let back = statement as? ReturnNode {
          return BlockNode.node(block.statements[..<index] + [back.atEndOfFunction], span)
        }
        guard index < block.statements.count - 1, let branch = statement as? ConditionalNode,
          branch.otherwise == nil, branch.then.alwaysReturns
        else { continue }
        let rest = BlockNode.node(block.statements[(index + 1)...], span).atEndOfFunction
        let choice = ConditionalNode.node(
          branch.test, then: branch.then.atEndOfFunction, otherwise: rest, branch.span)
        return BlockNode.node(block.statements[..<index] + [choice], span)
      }
      guard let last = block.statements.last else { return self }
      return BlockNode.node(block.statements.dropLast() + [last.atEndOfFunction], span)
    default: return self
    }
  }

  /// Whether its last statement is a `return`.
  private var alwaysReturns: Bool {
    if let block = self as? BlockNode { return block.statements.last is ReturnNode }
    return self is ReturnNode
  }
}

/// `print`, `fail`, `skip`, `stop`, `assert`.
final class BuiltinStatementNode: Node, @unchecked Sendable {
  let statement: BuiltinStatement
  let value: Node?
  let source: String
  init(_ statement: BuiltinStatement, _ value: Node?, source: String, _ span: Span) {
    self.statement = statement
    self.value = value
    self.source = source
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    switch statement {
    case .print:
      do throws(ScriptError) {
        try context.print(try value?.eval(context).readingRows(context).displayText() ?? "")
      } catch {
        throw error.at(span)
      }
      return .nothing
    case .fail:
      throw ScriptError(
        code: "V300", message: try value?.eval(context).display ?? "failed on purpose", span: span)
    case .skip: throw .skip
    case .stop: throw .stop
    case .assert:
      guard try value?.condition(context) ?? true else {
        throw ScriptError(
          code: "V311", message: "this is not so: \(source)", span: value?.span ?? span)
      }
      return .nothing
    }
  }
}

/// `E catch F`.
final class CatchNode: Node, @unchecked Sendable {
  let value: Node
  let other: Node
  let problemSlot: Int
  init(_ value: Node, other: Node, problemSlot: Int, _ span: Span) {
    self.value = value
    self.other = other
    self.problemSlot = problemSlot
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let staged = context.staged
    do throws(ScriptError) {
      return try value.eval(context)
    } catch {
      guard error.kind == .problem else { throw error }
      // What the failed part had staged is not written.
      context.staged = staged
      context.frame[problemSlot] = .problem(
        Problem(
          code: error.code, message: error.message, row: error.rowTitle, attempts: error.attempts))
      return try other.eval(context)
    }
  }
}

/// `retry N { … }`.
final class RetryNode: Node, @unchecked Sendable {
  let count: Node
  let body: Node
  init(_ count: Node, _ body: Node, _ span: Span) {
    self.count = count
    self.body = body
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let attempts = min(try count.whole(context, "retry", from: 1), 1000)
    var pause = Duration.milliseconds(200)
    var attempt = 1
    while true {
      try context.checkCancelled()
      let staged = context.staged
      do throws(ScriptError) {
        return try body.eval(context)
      } catch {
        guard error.kind == .problem, attempt < attempts else {
          var last = error
          last.attempts = attempt
          throw last
        }
        context.staged = staged
        context.machine.pause(pause)
        pause = min(pause * 2, .seconds(30))
        attempt += 1
      }
    }
  }
}
