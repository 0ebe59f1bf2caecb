/// An executable expression or statement: names are slots, properties are indexes, all checks are done.
///
/// A program is a tree of nodes that never changes once it is made, so that any number of threads
/// walk it at once; what changes while it runs is in the ``Context``. It is a class whose methods are
/// overridden, not a protocol: a call through a table of methods costs half of one through a witness,
/// and a child held in a constant is not counted.
///
/// Besides the value itself a node gives it as a number or a truth value, which spares the wrapping
/// and unwrapping of values on the way through arithmetic and conditions. Each kind of node overrides
/// ``eval(_:)`` or, for a statement without a value, ``run(_:)``; each of them calls the other here.
class Node: @unchecked Sendable {
  let span: Span

  init(_ span: Span) { self.span = span }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    try run(context)
    return .nothing
  }

  /// Carries it out where its value is not wanted.
  func run(_ context: Context) throws(ScriptError) { _ = try eval(context) }

  /// The value as a number; for another value NaN, and the value in `context.misfit`.
  ///
  /// No number of the language is NaN.
  func number(_ context: Context) throws(ScriptError) -> Double {
    let value = try eval(context)
    if case .number(let number) = value { return number }
    context.misfit = value
    return .nan
  }

  /// The value as a condition.
  func condition(_ context: Context) throws(ScriptError) -> Bool {
    let value = try eval(context)
    if case .flag(let flag) = value { return flag }
    throw ScriptError(
      code: "V204", message: "a condition must be true or false, and this is \(value.kindName)",
      span: span, notes: ["to ask whether there is something, write: … is not empty"])
  }

  /// Whether its value is nearly always a number, so that it is best asked for one.
  var isNumeric: Bool { false }
}

extension Node {
  /// The value as a number, for `what`.
  func number(_ context: Context, _ what: String) throws(ScriptError) -> Double {
    let value = try eval(context)
    if case .number(let number) = value { return number }
    throw ScriptError(
      code: "V306", message: "\(what) takes a number, and this is \(value.kindName)", span: span)
  }

  /// A whole number of at least `minimum`.
  func whole(_ context: Context, _ what: String, from minimum: Int) throws(ScriptError) -> Int {
    let number = try number(context, what)
    guard let whole = Int(exactly: number), whole >= minimum, whole <= 1_000_000_000 else {
      throw ScriptError(
        code: "V306",
        message: "\(what) takes a whole number from \(minimum), not \(Value.digits(number))",
        span: span)
    }
    return whole
  }
}

/// A side of an operator: a number that is written out, held by a variable, or a variable's plus or
/// minus one that is written out is read on the spot, without a call.
struct Operand: Sendable {
  let node: Node
  private let kind: Kind
  /// The constant, or what is added to the variable.
  private let constant: Double
  private let slot: Int

  private enum Kind { case variable, constant, sum, other }

  init(_ node: Node) {
    self.node = node
    if let number = node as? NumberNode {
      (kind, constant, slot) = (.constant, number.value, 0)
    } else if let variable = node as? VariableNode, !variable.isGlobal {
      (kind, constant, slot) = (.variable, 0, variable.slot)
    } else if let shift = (node as? ArithmeticNode)?.shift {
      (kind, constant, slot) = (.sum, shift.by, shift.slot)
    } else {
      (kind, constant, slot) = (.other, 0, 0)
    }
  }

  /// Whether no call is ever needed.
  var isDirect: Bool { kind != .other }

  /// The value as a number; see ``Node/number(_:)``.
  @inline(__always)
  func number(_ context: Context) throws(ScriptError) -> Double {
    switch kind {
    case .variable:
      if case .number(let number) = context.frame[slot] { return number }
      return context.missed(slot)
    case .constant: return constant
    case .sum:
      if case .number(let number) = context.frame[slot], (number + constant).magnitude < .infinity {
        return number + constant
      }
      return try node.number(context)
    case .other: return try node.number(context)
    }
  }

  /// The value of a direct side; NaN where it is no number.
  @inline(__always)
  func direct(_ context: Context) -> Double {
    if kind == .constant { return constant }
    guard case .number(let number) = context.frame[slot] else { return .nan }
    if kind == .variable { return number }
    return (number + constant).magnitude < .infinity ? number + constant : .nan
  }
}

/// The children of a node.
///
/// Going through an array counts references to it and to each item, at each turn of a loop, with
/// instructions that all cores must agree on. These are kept alive by the list and read unmanaged.
final class NodeList: @unchecked Sendable {
  private let kept: [Node]
  private let nodes: UnsafeMutablePointer<Unmanaged<Node>>
  let count: Int

  init(_ nodes: [Node]) {
    kept = nodes
    count = nodes.count
    self.nodes = .allocate(capacity: max(1, nodes.count))
    for (index, node) in nodes.enumerated() {
      (self.nodes + index).initialize(to: .passUnretained(node))
    }
  }

  deinit { nodes.deallocate() }

  func span(_ index: Int) -> Span { kept[index].span }

  @inline(__always)
  func eval(_ index: Int, _ context: Context) throws(ScriptError) -> Value {
    try nodes[index].borrowed { node throws(ScriptError) in try node.eval(context) }
  }

  @inline(__always)
  func number(_ index: Int, _ context: Context) throws(ScriptError) -> Double {
    try nodes[index].borrowed { node throws(ScriptError) in try node.number(context) }
  }

  @inline(__always)
  func run(_ index: Int, _ context: Context) throws(ScriptError) {
    try nodes[index].borrowed { node throws(ScriptError) in try node.run(context) }
  }
}

extension Unmanaged {
  /// Uses the object without counting the use; somebody else must keep it alive.
  @inline(__always)
  func borrowed<Result, Failure>(
    _ body: (Instance) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    // The standard library's own way lets errors through only untyped.
    let outcome: Swift.Result<Result, Failure> = _withUnsafeGuaranteedRef { instance in
      do throws(Failure) {
        return .success(try body(instance))
      } catch {
        return .failure(error)
      }
    }
    return try outcome.get()
  }
}
