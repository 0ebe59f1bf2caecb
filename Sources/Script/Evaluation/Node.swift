import Synchronization

/// An executable expression: names are slots, properties are indexes, all checks are done.
///
/// Besides the value itself a node gives it as a number or a truth value, which spares the wrapping
/// and unwrapping of values on the way through arithmetic and conditions.
protocol Node: AnyObject, Sendable {
  var span: Span { get }
  func eval(_ context: Context) throws(ScriptError) -> Value
  /// The value as a number; for another value NaN, and the value in `context.misfit`.
  ///
  /// No number of the language is NaN.
  func number(_ context: Context) throws(ScriptError) -> Double
  /// The value as a condition.
  func condition(_ context: Context) throws(ScriptError) -> Bool
  /// Carries it out where its value is not wanted.
  func run(_ context: Context) throws(ScriptError)
  /// Whether its value is nearly always a number, so that it is best asked for one.
  var isNumeric: Bool { get }
}

extension Node {
  var isNumeric: Bool { false }

  func number(_ context: Context) throws(ScriptError) -> Double {
    let value = try eval(context)
    if case .number(let number) = value { return number }
    context.misfit = value
    return .nan
  }

  func run(_ context: Context) throws(ScriptError) { _ = try eval(context) }

  func condition(_ context: Context) throws(ScriptError) -> Bool {
    let value = try eval(context)
    if case .flag(let flag) = value { return flag }
    throw ScriptError(
      code: "V204", message: "a condition must be true or false, and this is \(value.kindName)",
      span: span, notes: ["to ask whether there is something, write: … is not empty"])
  }

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

final class ConstantNode: Node {
  let span: Span
  let value: Value
  init(_ value: Value, _ span: Span) {
    self.value = value
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value { value }
}

final class NumberNode: Node {
  let span: Span
  let value: Double
  init(_ value: Double, _ span: Span) {
    self.value = value
    self.span = span
  }
  var isNumeric: Bool { true }
  func eval(_ context: Context) throws(ScriptError) -> Value { .number(value) }
  func number(_ context: Context) throws(ScriptError) -> Double { value }
}

/// A variable of the function that runs, or of the program.
final class VariableNode: Node {
  let span: Span
  let slot: Int
  let isGlobal: Bool
  init(slot: Int, isGlobal: Bool, _ span: Span) {
    self.slot = slot
    self.isGlobal = isGlobal
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    isGlobal ? context.globals[slot] : context.frame[slot]
  }
  func number(_ context: Context) throws(ScriptError) -> Double {
    let place = isGlobal ? context.globals : context.frame
    if case .number(let number) = place[slot] { return number }
    context.misfit = place[slot]
    return .nan
  }
}

/// The current row: of a `where`, a `sort by`, a prompt, or of the screen.
final class ItNode: Node {
  let span: Span
  init(_ span: Span) { self.span = span }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    if let row = context.row ?? context.machine.host.currentRow() { return .row(row) }
    throw ScriptError(
      code: "V307", message: "there is no current row", span: span,
      notes: ["choose one: show row 3"])
  }
}

/// A property of the row in scope, by its place or, before the schema is known, by its name.
final class RowFieldNode: Node {
  let span: Span
  let name: String
  let index: Int?
  init(name: String, index: Int?, _ span: Span) {
    self.name = name
    self.index = index
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    guard let row = context.row else {
      throw ScriptError(code: "V307", message: "there is no row here", span: span)
    }
    if let index, row.values.indices.contains(index) { return row.values[index] }
    if let value = row.value(of: name) { return value }
    throw FieldNode.unknown(name, row, span)
  }
}

/// A field of any value.
final class FieldNode: Node {
  let span: Span
  let base: any Node
  let name: String
  /// Where the field was last; a guess that is checked, so that threads may disagree about it.
  private let guess = Atomic<Int>(0)
  init(_ base: any Node, name: String, _ span: Span) {
    self.base = base
    self.name = name
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    if let variable = base as? VariableNode {
      return try field(
        (variable.isGlobal ? context.globals : context.frame)[variable.slot], context)
    }
    return try field(try base.eval(context), context)
  }

  private func field(_ value: Value, _ context: Context) throws(ScriptError) -> Value {
    let place = guess.load(ordering: .relaxed)
    switch value {
    case .record(let record):
      if record.fields.indices.contains(place), record.fields[place].name == name {
        return record.fields[place].value
      }
      if let index = record.fields.lastIndex(where: { $0.name == name }) {
        guess.store(index, ordering: .relaxed)
        return record.fields[index].value
      }
    case .row(let row):
      if row.values.indices.contains(place), row.shape.fields[place].name == name {
        return row.values[place]
      }
      if let index = row.shape.index(of: name), row.values.indices.contains(index) {
        guess.store(index, ordering: .relaxed)
        return row.values[index]
      }
    default: break
    }
    return try FieldNode.field(name, of: value, context, span)
  }

  static func field(
    _ name: String, of value: Value, _ context: Context, _ span: Span
  ) throws(ScriptError) -> Value {
    switch value {
    case .row(let row):
      if let found = row.value(of: name) { return found }
      if name == "body" {
        // Assigned in this body and not sent yet: the new text counts.
        let host = context.machine.host
        return .text(try context.machine.wait { try await host.body(of: row) })
      }
      if name == "id" { return .text(row.id) }
      throw unknown(name, row, span)
    case .record(let record):
      if let found = record[name] { return found }
      throw ScriptError(
        code: "V308", message: "the record has no field named “\(name)”", span: span,
        notes: NearestWord.notes(for: name, among: record.fields.map(\.name), kind: "fields"))
    case .date(let date):
      switch name {
      case "start": return .date(DateValue(start: date.start))
      case "end": return date.end.map { .date(DateValue(start: $0)) } ?? .nothing
      case "zone": return date.zone.map(Value.text) ?? .nothing
      default: break
      }
    case .problem(let problem):
      switch name {
      case "message": return .text(problem.message)
      case "code": return .text(problem.code)
      case "row": return problem.row.map(Value.text) ?? .nothing
      case "attempts": return .number(Double(problem.attempts))
      default: break
      }
    case .nothing:
      throw ScriptError(
        code: "V308", message: "nothing has no field named “\(name)”", span: span,
        notes: ["ask first: if x is not empty { … }"])
    default: break
    }
    throw ScriptError(
      code: "V308", message: "\(value.kindName) has no field named “\(name)”", span: span)
  }

  static func unknown(_ name: String, _ row: Row, _ span: Span) -> ScriptError {
    ScriptError(
      code: "V101", message: "there is no property named “\(name)” in \(row.shape.name)",
      span: span,
      notes: NearestWord.notes(for: name, among: row.shape.names, kind: "properties"))
  }
}

final class IndexNode: Node {
  let span: Span
  let base: any Node
  let index: any Node
  init(_ base: any Node, _ index: any Node, _ span: Span) {
    self.base = base
    self.index = index
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    let value = try base.eval(context)
    let key = try index.eval(context)
    if case .text(let name) = key { return try FieldNode.field(name, of: value, context, span) }
    guard case .list(let items) = value else {
      throw ScriptError(
        code: "V308", message: "\(value.kindName) has no items to count off", span: span)
    }
    let place = try index.whole(context, "an index", from: -1_000_000_000)
    let position = place < 0 ? items.count + place : place
    guard items.indices.contains(position) else {
      throw ScriptError(
        code: "V308", message: "there is no item \(place); the list has \(items.count)", span: span,
        notes: ["the first item is [0], the last is [-1]"])
    }
    return items[position]
  }
}

final class ListNode: Node {
  let span: Span
  let items: [any Node]
  init(_ items: [any Node], _ span: Span) {
    self.items = items
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    var values: [Value] = []
    values.reserveCapacity(items.count)
    for item in items { values.append(try item.eval(context)) }
    return .list(values)
  }
}

final class RecordNode: Node {
  let span: Span
  let fields: [(name: String, value: any Node)]
  init(_ fields: [(name: String, value: any Node)], _ span: Span) {
    self.fields = fields
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    var values: [(name: String, value: Value)] = []
    values.reserveCapacity(fields.count)
    for field in fields { values.append((field.name, try field.value.eval(context))) }
    return .record(Record(unique: values))
  }
}

/// A text with holes.
final class TextNode: Node {
  enum Piece: Sendable {
    case words(String)
    case hole(any Node, name: String, allowsNothing: Bool)
  }

  let span: Span
  let pieces: [Piece]
  init(_ pieces: [Piece], _ span: Span) {
    self.pieces = pieces
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    var text = ""
    for piece in pieces {
      switch piece {
      case .words(let words): text += words
      case .hole(let node, let name, let allowsNothing):
        text += try hole(node, name, allowsNothing, context)
      }
    }
    return .text(text)
  }

  /// The text in pieces, so that data stays apart from words.
  func prompt(_ context: Context) throws(ScriptError) -> [PromptTemplate.Piece] {
    var result: [PromptTemplate.Piece] = []
    for piece in pieces {
      switch piece {
      case .words(let words): result.append(.literal(words))
      case .hole(let node, let name, let allowsNothing):
        result.append(.data(name: name, text: try hole(node, name, allowsNothing, context)))
      }
    }
    return result
  }

  private func hole(
    _ node: any Node, _ name: String, _ allowsNothing: Bool, _ context: Context
  ) throws(ScriptError) -> String {
    let value = try node.eval(context)
    do throws(ScriptError) {
      return try PromptTemplate.holeText(value, name, allowsNothing)
    } catch {
      throw error.at(node.span)
    }
  }
}

final class NotNode: Node {
  let span: Span
  let inner: any Node
  init(_ inner: any Node, _ span: Span) {
    self.inner = inner
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try !inner.condition(context))
  }
  func condition(_ context: Context) throws(ScriptError) -> Bool { try !inner.condition(context) }
}

final class NegateNode: Node {
  let span: Span
  let inner: any Node
  init(_ inner: any Node, _ span: Span) {
    self.inner = inner
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    let value = try inner.eval(context)
    switch value {
    case .number(let number): return .number(-number)
    case .duration(let duration): return .duration(DurationValue(seconds: -duration.seconds))
    default:
      throw ScriptError(
        code: "V306", message: "a minus takes a number, and this is \(value.kindName)", span: span)
    }
  }
}

final class IsEmptyNode: Node {
  let span: Span
  let inner: any Node
  let isNegated: Bool
  init(_ inner: any Node, isNegated: Bool, _ span: Span) {
    self.inner = inner
    self.isNegated = isNegated
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try condition(context))
  }
  func condition(_ context: Context) throws(ScriptError) -> Bool {
    try inner.eval(context).isEmpty != isNegated
  }
}

final class LogicNode: Node {
  let span: Span
  let isAnd: Bool
  let left: any Node
  let right: any Node
  init(isAnd: Bool, _ left: any Node, _ right: any Node, _ span: Span) {
    self.isAnd = isAnd
    self.left = left
    self.right = right
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    .flag(try condition(context))
  }
  func condition(_ context: Context) throws(ScriptError) -> Bool {
    let first = try left.condition(context)
    return first == isAnd ? try right.condition(context) : first
  }
}

final class OrElseNode: Node {
  let span: Span
  let left: any Node
  let right: any Node
  init(_ left: any Node, _ right: any Node, _ span: Span) {
    self.left = left
    self.right = right
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    let value = try left.eval(context)
    return value.isNothing ? try right.eval(context) : value
  }
}

/// Statements one after the other; the value is the last one's.
///
/// Two at a time: what a node holds in constants costs no counting of references, the items of an
/// array do, at each turn of a loop.
final class BlockNode: Node {
  let span: Span
  private let first: any Node
  private let second: any Node

  private init(_ first: any Node, _ second: any Node, _ span: Span) {
    self.first = first
    self.second = second
    self.span = span
  }

  /// The node of any number of statements, as a balanced tree.
  static func node(_ statements: ArraySlice<any Node>, _ span: Span) -> any Node {
    guard let first = statements.first else { return ConstantNode(.nothing, span) }
    guard statements.count > 1 else { return first }
    let middle = statements.startIndex + statements.count / 2
    return BlockNode(node(statements[..<middle], span), node(statements[middle...], span), span)
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    try first.run(context)
    return try second.eval(context)
  }

  func run(_ context: Context) throws(ScriptError) {
    try first.run(context)
    try second.run(context)
  }
}

final class ConditionalNode: Node {
  let span: Span
  let test: any Node
  let then: any Node
  let otherwise: (any Node)?
  init(_ test: any Node, then: any Node, otherwise: (any Node)?, _ span: Span) {
    self.test = test
    self.then = then
    self.otherwise = otherwise
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    if try test.condition(context) { return try then.eval(context) }
    return try otherwise?.eval(context) ?? .nothing
  }
  func number(_ context: Context) throws(ScriptError) -> Double {
    if try test.condition(context) { return try then.number(context) }
    if let otherwise { return try otherwise.number(context) }
    context.misfit = .nothing
    return .nan
  }
  func run(_ context: Context) throws(ScriptError) {
    if try test.condition(context) {
      try then.run(context)
    } else if let otherwise {
      try otherwise.run(context)
    }
  }
}

/// `let`, `var`, and the assignment of a whole variable.
final class StoreNode: Node {
  let span: Span
  let slot: Int
  let value: any Node
  let isAddition: Bool
  private let isPlainNumber: Bool
  init(slot: Int, _ value: any Node, isAddition: Bool = false, _ span: Span) {
    isPlainNumber = value.isNumeric && !isAddition
    self.slot = slot
    self.value = value
    self.isAddition = isAddition
    self.span = span
  }
  func eval(_ context: Context) throws(ScriptError) -> Value {
    try run(context)
    return .nothing
  }
  func run(_ context: Context) throws(ScriptError) {
    if isPlainNumber {
      let number = try value.number(context)
      if !number.isNaN {
        context.frame[slot] = .number(number)
        return
      }
      context.frame[slot] = context.misfit
      return
    }
    let result = try value.eval(context)
    guard isAddition else {
      context.frame[slot] = result
      return
    }
    // What grows in a loop is taken out of its slot, so that it is the only copy and grows in place.
    switch (context.frame[slot], result) {
    case (.text(var text), .text(let more)):
      context.frame[slot] = .nothing
      text += more
      context.frame[slot] = .text(text)
    case (.list(var items), let item):
      context.frame[slot] = .nothing
      if case .list(let more) = item { items += more } else { items.append(item) }
      context.frame[slot] = .list(items)
    case (let old, _):
      do throws(ScriptError) {
        context.frame[slot] = try Operators.apply(.add, old, result)
      } catch {
        throw error.at(span)
      }
    }
  }
}

/// The assignment of a field or item: of a row it is staged, of a record a new one is made.
final class StoreFieldNode: Node {
  enum Step: Sendable {
    case field(String, Span)
    case index(any Node)
  }

  let span: Span
  let slot: Int
  let steps: [Step]
  let value: any Node
  let isAddition: Bool
  /// Whether the change is sent at the end of the statement: outside of loops.
  let sendsAtOnce: Bool

  init(
    slot: Int, steps: [Step], _ value: any Node, isAddition: Bool, sendsAtOnce: Bool, _ span: Span
  ) {
    self.slot = slot
    self.steps = steps
    self.value = value
    self.isAddition = isAddition
    self.sendsAtOnce = sendsAtOnce
    self.span = span
  }

  func eval(_ context: Context) throws(ScriptError) -> Value {
    try run(context)
    return .nothing
  }

  func run(_ context: Context) throws(ScriptError) {
    let new = try value.eval(context)
    if steps.count == 1, !isAddition, case .field(let name, _) = steps[0],
      case .record(var record) = context.frame[slot]
    {
      // Taken out of its slot, the record is the only copy and is changed in place.
      context.frame[slot] = .nothing
      record[name] = new
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
        (.date, .text), (.options, .list), (.list, .list), (.any, _):
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
