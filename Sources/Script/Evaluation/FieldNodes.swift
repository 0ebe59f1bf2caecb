import Synchronization

/// A property of the row in scope, by its place or, before the schema is known, by its name.
final class RowFieldNode: Node, @unchecked Sendable {
  let name: String
  let index: Int?
  init(name: String, index: Int?, _ span: Span) {
    self.name = name
    self.index = index
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    guard let row = context.row else {
      throw ScriptError(code: "V307", message: "there is no row here", span: span)
    }
    if let index, row.values.indices.contains(index) { return row.values[index] }
    if let value = row.value(of: name) { return value }
    throw FieldNode.unknown(name, row, span)
  }
}

/// A field of any value.
final class FieldNode: Node, @unchecked Sendable {
  let base: Node
  let name: String
  /// Where the field was last; a guess that is checked, so that threads may disagree about it.
  private let guess = Atomic<Int>(0)
  init(_ base: Node, name: String, _ span: Span) {
    self.base = base
    self.name = name
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
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

final class IndexNode: Node, @unchecked Sendable {
  let base: Node
  let index: Node
  init(_ base: Node, _ index: Node, _ span: Span) {
    self.base = base
    self.index = index
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
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
