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
    // The schema may have changed since the program was checked.
    if let index, row.values.indices.contains(index), row.shape.fields[index].name == name {
      return row.values[index]
    }
    if let value = row.value(of: name) { return value }
    throw FieldNode.unknown(name, row, span)
  }
}

/// A field of any value.
final class FieldNode: Node, @unchecked Sendable {
  let base: Node
  let name: String
  /// The slot of the variable whose field it is; -1 for another base.
  private let slot: Int
  private let guess = PlaceGuess()
  init(_ base: Node, name: String, _ span: Span) {
    self.base = base
    self.name = name
    if let variable = base as? VariableNode, !variable.isGlobal {
      slot = variable.slot
    } else {
      slot = -1
    }
    super.init(span)
  }

  /// Where it stands in the record that a variable holds, until the variable is changed; `nil` where
  /// it has to be looked for.
  @inline(__always)
  func place(_ context: Context) -> UnsafePointer<Value>? {
    slot >= 0 ? Record.place(in: context.frame + slot, guess) : nil
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    if let place = place(context) { return place.pointee }
    return slot >= 0
      ? try field(of: context.frame[slot], context) : try field(of: try base.eval(context), context)
  }

  @inline(__always)
  private func field(of value: Value, _ context: Context) throws(ScriptError) -> Value {
    switch value {
    case .record(let record):
      if let place = guess.place(record.identity) { return record[place] }
    case .row(let row):
      if let place = guess.place(row.shape.identity), place < row.values.count {
        return row.values[place]
      }
    default: break
    }
    return try found(in: value, context)
  }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    if let place = place(context), case .number(let number) = place.pointee { return number }
    return try anyNumber(context)
  }

  @inline(never)
  private func anyNumber(_ context: Context) throws(ScriptError) -> Double {
    let value = try eval(context)
    if case .number(let number) = value { return number }
    context.misfit = value
    return .nan
  }

  /// Looks the field up by its name, and remembers where it was.
  @inline(never)
  private func found(in value: Value, _ context: Context) throws(ScriptError) -> Value {
    switch value {
    case .record(let record):
      if let place = record.names.place(of: name) {
        guess.remember(place, record.identity)
        return record[place]
      }
    case .row(let row):
      if let place = row.shape.index(of: name), row.values.indices.contains(place) {
        guess.remember(place, row.shape.identity)
        return row.values[place]
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
      if row.origin is RowReference {
        guard context.row == nil else {
          throw ScriptError(
            code: "V112", message: "the fields of a related row cannot be read here", span: span,
            notes: ["they are fetched row by row; use a loop: for row in rows { … }"])
        }
        let host = context.machine.host
        let whole = try context.machine.wait { try await host.whole(row) }
        if let found = whole.value(of: name) { return found }
        throw unknown(name, whole, span)
      }
      throw unknown(name, row, span)
    case .record(let record):
      if let found = record[name] { return found }
      throw ScriptError(
        code: "V308", message: "the record has no field named “\(name)”", span: span,
        notes: NearestWord.notes(for: name, among: record.names.all, kind: "fields"))
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

/// `row.Notes.rich`: a text with its formatting, as Markdown.
final class RichNode: Node, @unchecked Sendable {
  /// The row, and the field of it; what they are is known only when it runs.
  let base: Node
  let field: String
  init(_ base: Node, field: String, _ span: Span) {
    self.base = base
    self.field = field
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let value = try base.eval(context)
    let plain = try FieldNode.field(field, of: value, context, span)
    guard case .row(let row) = value else {
      return try FieldNode.field("rich", of: plain, context, span)
    }
    switch plain {
    case .nothing: return .nothing
    case .text:
      // What was assigned in this body and is not sent yet has no formatting.
      return context.machine.host.rich(field, of: row).map(Value.text) ?? plain
    default:
      throw ScriptError(
        code: "V308", message: "\(plain.kindName) has no formatting", span: span,
        notes: [".rich is for properties that hold text"])
    }
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
