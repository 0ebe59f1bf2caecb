/// `let`, `var`, and the assignment of a whole variable.
final class StoreNode: Node, @unchecked Sendable {
  private let slot: Int
  private let value: Node

  private init(slot: Int, _ value: Node, _ span: Span) {
    self.slot = slot
    self.value = value
    super.init(span)
  }

  override func run(_ context: Context) throws(ScriptError) {
    context.frame[slot] = try value.eval(context)
  }

  /// The node of `=`, or of `+=`.
  static func node(slot: Int, _ value: Node, isAddition: Bool = false, _ span: Span) -> Node {
    if isAddition { return ChangeNode(slot: slot, .add, value, at: span, span) }
    if let sum = value as? ArithmeticNode, sum.operation == .add || sum.operation == .subtract,
      let variable = sum.left as? VariableNode, !variable.isGlobal, variable.slot == slot,
      sum.right.isSimple
    {
      // `x = x + …` is `x += …`: what grows is not copied.
      return Operand(sum.right).isDirect
        ? DirectChangeNode(slot: slot, sum.operation, sum.right, at: sum.span, span)
        : ChangeNode(slot: slot, sum.operation, sum.right, at: sum.span, span)
    }
    return value.isNumeric
      ? StoreNumberNode(slot: slot, value, span) : StoreNode(slot: slot, value, span)
  }
}

/// The assignment of what is nearly always a number.
private final class StoreNumberNode: Node, @unchecked Sendable {
  private let slot: Int
  private let value: Operand

  init(slot: Int, _ value: Node, _ span: Span) {
    self.slot = slot
    self.value = Operand(value)
    super.init(span)
  }

  override func run(_ context: Context) throws(ScriptError) {
    let number = try value.number(context)
    if number.isNaN {
      context.frame[slot] = context.takeMisfit()
    } else {
      context.setNumber(slot, number)
    }
  }
}

/// `x += …` and `x = x - …`.
private class ChangeNode: Node, @unchecked Sendable {
  fileprivate final let slot: Int
  fileprivate final let change: Operand
  /// 1 or -1: a number is taken away by adding its opposite.
  fileprivate final let sign: Double
  private final let operation: BinaryOperator
  /// Where a change that goes wrong stands.
  private final let place: Span

  init(slot: Int, _ operation: BinaryOperator, _ change: Node, at place: Span, _ span: Span) {
    self.slot = slot
    self.change = Operand(change)
    self.operation = operation
    self.place = place
    sign = operation == .subtract ? -1 : 1
    super.init(span)
  }

  override func run(_ context: Context) throws(ScriptError) {
    guard case .number = context.frame[slot] else { return try general(context) }
    let change = try change.number(context)
    if case .number(let old) = context.frame[slot], (old + sign * change).magnitude < .infinity {
      context.setNumber(slot, old + sign * change)
    } else {
      try apply(change.isNaN ? context.takeMisfit() : .number(change), context)
    }
  }

  @inline(never)
  fileprivate final func general(_ context: Context) throws(ScriptError) {
    try apply(try change.node.eval(context), context)
  }

  @inline(never)
  private final func apply(_ change: Value, _ context: Context) throws(ScriptError) {
    if operation == .add, grow(slot, by: change, context) { return }
    do throws(ScriptError) {
      context.frame[slot] = try Operators.apply(operation, context.frame[slot], change)
    } catch {
      throw error.at(place)
    }
  }

  /// Adds to a text or a list in place, and says whether it was one.
  ///
  /// It is taken out of its slot, so that this is the only reference to it and nothing is copied.
  private final func grow(_ slot: Int, by change: Value, _ context: Context) -> Bool {
    let place = context.frame + slot
    if case .text = place.pointee {
      guard case .text(let more) = change, case .text(var text) = context.take(slot) else {
        return false
      }
      // What would grow too long is left to the sum, which says so.
      let fits = text.utf8.count + more.utf8.count <= Limits.text
      if fits { text += more }
      place.initialize(to: .text(text))
      return fits
    }
    if case .list = place.pointee {
      guard case .list(var items) = context.take(slot) else { return false }
      let fits = items.count + (change.asList?.count ?? 1) <= Limits.list
      if !fits {
      } else if case .list(let more) = change {
        items += more
      } else {
        items.append(change)
      }
      place.initialize(to: .list(items))
      return fits
    }
    return false
  }
}

/// The same by a direct side: a counter or a sum.
private final class DirectChangeNode: ChangeNode, @unchecked Sendable {
  override func run(_ context: Context) throws(ScriptError) {
    let change = change.direct(context)
    let place = context.frame + slot
    if case .number(let old) = place.pointee {
      let new = old + sign * change
      if new.magnitude < .infinity { return place.initialize(to: .number(new)) }
    }
    try general(context)
  }
}

extension Node {
  /// Whether it surely changes no variable: it holds no block.
  var isSimple: Bool {
    switch self {
    case is ConstantNode, is NumberNode, is VariableNode: true
    case let field as FieldNode: field.base.isSimple
    case let sum as ArithmeticNode: sum.left.isSimple && sum.right.isSimple
    case let text as TextNode: text.holes.allSatisfy(\.isSimple)
    case let call as BuiltinNode: call.arguments.allSatisfy(\.isSimple)
    default: false
    }
  }
}

/// The assignment of a field or item: of a row it is staged, of a record a new one is made.
final class StoreFieldNode: Node, @unchecked Sendable {
  enum Step: Sendable {
    case field(String, Span)
    case index(Node)
  }

  let slot: Int
  let steps: [Step]
  let value: Node
  let isAddition: Bool
  /// Whether the change is sent at the end of the statement: outside of loops.
  let sendsAtOnce: Bool
  /// The one field that is set, where that is all.
  private let field: String?
  private let holdsOthers: Bool
  private let guess = PlaceGuess()

  init(
    slot: Int, steps: [Step], _ value: Node, isAddition: Bool, sendsAtOnce: Bool, _ span: Span
  ) {
    self.slot = slot
    self.steps = steps
    self.value = value
    self.isAddition = isAddition
    self.sendsAtOnce = sendsAtOnce
    holdsOthers = value.mayNest
    if steps.count == 1, !isAddition, case .field(let name, _) = steps[0] {
      field = name
    } else {
      field = nil
    }
    super.init(span)
  }

  override func run(_ context: Context) throws(ScriptError) {
    let new = try value.eval(context)
    if holdsOthers {
      do throws(ScriptError) {
        try Limits.check(depth: CollectionOfOne(new))
      } catch {
        throw error.at(span)
      }
    }
    if let field, case .record = context.frame[slot] {
      if Record.set(in: context.frame + slot, guess, new) { return }
      // Taken out of its slot, the record is the only copy and is changed in place.
      guard case .record(var record) = context.take(slot) else { return }
      if let place = record.names.place(of: field) {
        guess.remember(place, record.identity)
        record.set(place, new)
      } else {
        record[field] = new
      }
      context.frame[slot] = .record(record)
      return
    }
    context.frame[slot] = try change(context.frame[slot], steps[...], new, context)
    if sendsAtOnce { try context.sendStaged() }
  }

  private func change(
    _ base: Value, _ steps: ArraySlice<Step>, _ new: Value, _ context: Context
  ) throws(ScriptError) -> Value {
    guard let step = steps.first else {
      guard isAddition else { return new }
      do throws(ScriptError) {
        return try Operators.apply(.add, base, new)
      } catch {
        throw error.at(span)
      }
    }
    let rest = steps.dropFirst()
    let name: String
    let place: Span
    switch step {
    case .field(let field, let span): (name, place) = (field, span)
    case .index(let node):
      let key = try node.eval(context)
      if case .text(let text) = key {
        (name, place) = (text, node.span)
        break
      }
      guard case .list(var items) = base else {
        throw ScriptError(
          code: "V308", message: "\(base.kindName) has no items to count off", span: node.span)
      }
      let index = try node.whole(context, "an index", from: 0)
      guard items.indices.contains(index) else {
        throw ScriptError(
          code: "V308", message: "there is no item \(index); the list has \(items.count)",
          span: node.span)
      }
      items[index] = try change(items[index], rest, new, context)
      return .list(items)
    }
    switch base {
    case .record(var record):
      record[name] = try change(record[name] ?? .nothing, rest, new, context)
      return .record(record)
    case .row(let row):
      return .row(try changeRow(row, name, rest, new, place, context))
    default:
      throw ScriptError(
        code: "V308", message: "\(base.kindName) has no field named “\(name)”", span: place)
    }
  }

  private func changeRow(
    _ row: Row, _ name: String, _ rest: ArraySlice<Step>, _ new: Value, _ place: Span,
    _ context: Context
  ) throws(ScriptError) -> Row {
    if case .field("rich", _)? = rest.first, rest.count == 1, let index = row.shape.index(of: name),
      row.shape.fields[index].kind == .text, row.shape.fields[index].isWritable
    {
      guard case .text(let text) = new, !isAddition else {
        throw ScriptError(
          code: "V203", message: "\(name).rich takes text, and this is \(new.kindName)",
          span: value.span)
      }
      context.stage(.setRich(name, text), to: row, at: span)
      return row.replacing(index, with: .text(text))
    }
    guard rest.isEmpty else {
      throw ScriptError(
        code: "V308", message: "a part of “\(name)” cannot be assigned by itself", span: place)
    }
    guard let index = row.shape.index(of: name) else {
      guard name == "body" else { throw FieldNode.unknown(name, row, place) }
      guard case .text(let text) = new else {
        throw ScriptError(
          code: "V203", message: "the body takes text, and this is \(new.kindName)",
          span: value.span)
      }
      context.stage(isAddition ? .appendBody(text) : .replaceBody(text), to: row, at: span)
      return row
    }
    let field = row.shape.fields[index]
    guard field.isWritable else { throw Assignments.computed(field, row.shape, place) }
    let result = try change(row.values[index], rest, new, context)
    try Assignments.check(result, for: field, at: value.span)
    context.stage(.set(name, result), to: row, at: span)
    return row.replacing(index, with: result)
  }
}

/// Checks of values on their way into fields.
enum Assignments {
  static func computed(_ field: Field, _ shape: Shape, _ span: Span) -> ScriptError {
    ScriptError(
      code: "V206",
      message:
        "\(field.name) is a \(field.typeName.replacing("_", with: " ")) and cannot be written",
      span: span,
      notes: [
        "properties that can be written: "
          + shape.fields.filter(\.isWritable).map(\.name).joined(separator: ", ")
      ])
  }

  /// The rough check by kind; the host knows the options and lengths.
  static func check(_ value: Value, for field: Field, at span: Span) throws(ScriptError) {
    let fits: Bool =
      switch (field.kind, value) {
      case (_, .nothing): true
      case (.text, .text), (.option, .text), (.number, .number), (.flag, .flag), (.date, .date),
        (.date, .text), (.options, .list), (.list, .list), (.list, .text), (.list, .row), (.any, _):
        true
      default: false
      }
    guard fits else { throw mismatch(field, value.kindName, span) }
  }

  static func mismatch(_ field: Field, _ kind: String, _ span: Span) -> ScriptError {
    var error = ScriptError(
      code: "V203", message: "\(field.name) takes \(field.kind.word), and this is \(kind)",
      span: span, notes: hints(field, kind))
    error.label = kind
    return error
  }

  private static func hints(_ field: Field, _ kind: String) -> [String] {
    switch field.kind {
    case .number where kind == "text":
      ["ask for a number: ai \"…\" as number 0..10, or number(text)"]
    case .text where kind != "text": ["write \"{x}\" to make a text of it"]
    case .options where kind == "text": ["write a list: [\"…\"]"]
    case .flag: ["write true or false, or a condition"]
    default: []
    }
  }
}
