final class ConstantNode: Node, @unchecked Sendable {
  let value: Value
  init(_ value: Value, _ span: Span) {
    self.value = value
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value { value }
}

final class NumberNode: Node, @unchecked Sendable {
  let value: Double
  init(_ value: Double, _ span: Span) {
    self.value = value
    super.init(span)
  }
  override var isNumeric: Bool { true }
  override func eval(_ context: Context) throws(ScriptError) -> Value { .number(value) }
  override func number(_ context: Context) throws(ScriptError) -> Double { value }
}

extension Node {
  /// The node of a value that is known.
  static func constant(_ value: Value, _ span: Span) -> Node {
    if case .number(let number) = value { return NumberNode(number, span) }
    return ConstantNode(value, span)
  }

  /// The value, where it is known before anything runs.
  var constant: Value? {
    switch self {
    case let node as ConstantNode: node.value
    case let node as NumberNode: .number(node.value)
    default: nil
    }
  }
}

/// A variable of the function that runs, or of the program.
final class VariableNode: Node, @unchecked Sendable {
  let slot: Int
  let isGlobal: Bool
  init(slot: Int, isGlobal: Bool, _ span: Span) {
    self.slot = slot
    self.isGlobal = isGlobal
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    isGlobal ? context.globals[slot] : context.frame[slot]
  }
  override func number(_ context: Context) throws(ScriptError) -> Double {
    if !isGlobal {
      if case .number(let number) = context.frame[slot] { return number }
      return context.missed(slot)
    }
    if case .number(let number) = context.globals[slot] { return number }
    context.misfit = context.globals[slot]
    return .nan
  }
}

/// The current row: of a `where`, a `sort by`, a prompt, or of the screen.
final class ItNode: Node, @unchecked Sendable {
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    if let row = context.row ?? context.machine.host.currentRow() { return .row(row) }
    throw ScriptError(
      code: "V307", message: "there is no current row", span: span,
      notes: ["choose one: row 3"])
  }
}

final class ListNode: Node, @unchecked Sendable {
  let items: [Node]
  private let nodes: NodeList
  private let holdsOthers: Bool
  init(_ items: [Node], _ span: Span) {
    self.items = items
    holdsOthers = items.contains(where: \.mayNest)
    nodes = NodeList(items)
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    var values: [Value] = []
    values.reserveCapacity(nodes.count)
    for index in 0..<nodes.count { values.append(try nodes.eval(index, context)) }
    if holdsOthers { try Limits.check(depth: values) }
    return .list(values)
  }
}

final class RecordNode: Node, @unchecked Sendable {
  private let names: RecordNames
  private let values: NodeList
  private let mayHoldOthers: Bool
  init(_ fields: [(name: String, value: Node)], _ span: Span) {
    mayHoldOthers = fields.contains(where: \.value.mayNest)
    names = RecordNames(fields.map(\.name))
    values = NodeList(fields.map(\.value))
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    var index = 0
    let record = try Record(names) { () throws(ScriptError) -> Value in
      defer { index += 1 }
      return try values.eval(index, context)
    }
    if mayHoldOthers, record.holdsOthers { try Limits.check(depth: record.values) }
    return .record(record)
  }
}

extension Node {
  /// Whether its value may be a list or record, so that what holds it is looked at for its depth.
  var mayNest: Bool { !(isNumeric || self is ConstantNode || self is TextNode) }
}
