import Notion
import Script

/// Shows a row, as it is now, with its body, and makes it the current one.
struct RowWalk {
  private let connections: Connections
  private let rows: RowTable
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    rows = session.rows
    presenter = session.presenter
    console = session.console
  }

  /// The number of the current row in the table last shown; `nil` when there is none.
  var place: Int? {
    guard let current = rows.current else { return nil }
    return rows.shown.firstIndex { $0.id == current.id }.map { $0 + 1 }
  }

  /// Goes to the next row in a direction, or to the next of which a condition is true.
  func go(onward step: Int, where condition: RowCondition?) async throws -> Value {
    var number = (place ?? (step > 0 ? 0 : 2)) + step
    guard let condition else { return try await go(to: number) }
    if rows.shown.isEmpty { _ = try rows.row(1) }
    while rows.shown.indices.contains(number - 1) {
      // The table may be older than the row: only one that looks right is read anew.
      if try await condition.holds(for: rows.shown[number - 1]) {
        let fresh = try await connections.reread(rows.shown[number - 1])
        rows.replace(fresh)
        if try await condition.holds(for: fresh) { return try await go(to: number) }
      }
      number += step
    }
    throw ScriptError.refusal(
      "V453", "No row \(step > 0 ? "after" : "before") this one is so: \(condition.source)",
      "from the first: row 1", "read the table again: rows")
  }

  func go(to number: Int) async throws -> Value {
    let row = try await connections.reread(try rows.row(number))
    rows.current = row
    console.message("row \(number) of \(rows.shown.count): 「\(row.title)」")
    var body = ""
    if let connection = connections.open, let id = NotionID(parsing: row.id) {
      body = Markdown.text(from: try await connection.workspace.client.tree(of: id))
    }
    try presenter.showRecord(row, body: body)
    return .row(row)
  }
}

/// `row 3`: makes a row the current one, `it`.
struct RowCommand: Command {
  static let signature = CommandSignature(
    name: "row",
    summary: "Shows a row and makes it the current one, `it`.",
    slots: [
      Slot(
        "number", kind: .number, isRequired: true,
        summary: "a row's number in the table last shown")
    ],
    examples: ["row 3"], isOnlyBeforeNumber: true, choosesRow: true)

  private let walk: RowWalk
  init(_ session: Session) { walk = RowWalk(session) }

  func run(_ call: CommandCall) async throws -> Value {
    guard let number = call.number("number"), let whole = Int(exactly: number) else {
      throw ScriptError.refusal("V451", "A row's number is a whole number.", "row 3")
    }
    _ = try await walk.go(to: whole)
    return .nothing
  }
}

/// `next`: the row after the current one.
struct NextCommand: Command {
  static let signature = CommandSignature(
    name: "next", summary: "Goes to the row after the current one.",
    slots: [
      Slot(
        "condition", words: ["where"], kind: .condition(answer: nil),
        summary: "to the next row of which this is true")
    ],
    examples: ["next", "next where Content is empty"], choosesRow: true)

  private let walk: RowWalk
  init(_ session: Session) { walk = RowWalk(session) }

  func run(_ call: CommandCall) async throws -> Value {
    _ = try await walk.go(onward: 1, where: call.condition("condition"))
    return .nothing
  }
}

/// `previous`: the row before the current one.
struct PreviousCommand: Command {
  static let signature = CommandSignature(
    name: "previous", summary: "Goes to the row before the current one.",
    slots: [
      Slot(
        "condition", words: ["where"], kind: .condition(answer: nil),
        summary: "to the last row before it of which this is true")
    ],
    examples: ["previous"], choosesRow: true)

  private let walk: RowWalk
  init(_ session: Session) { walk = RowWalk(session) }

  func run(_ call: CommandCall) async throws -> Value {
    _ = try await walk.go(onward: -1, where: call.condition("condition"))
    return .nothing
  }
}
