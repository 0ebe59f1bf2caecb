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

  func go(to number: Int) async throws -> Value {
    let row = try await connections.reread(try rows.row(number))
    rows.current = row
    console.message("row \(number) of \(rows.shown.count): 「\(row.title)」")
    presenter.showRecord(row)
    if let connection = connections.open, let id = NotionID(parsing: row.id) {
      let body = Markdown.text(from: try await connection.workspace.client.tree(of: id))
      if !body.isEmpty {
        console.result("")
        console.result(body)
      }
    }
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
    examples: ["row 3"], isOnlyBeforeNumber: true)

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
    name: "next", summary: "Goes to the row after the current one.", slots: [], examples: ["next"])

  private let walk: RowWalk
  init(_ session: Session) { walk = RowWalk(session) }

  func run(_ call: CommandCall) async throws -> Value {
    _ = try await walk.go(to: (walk.place ?? 0) + 1)
    return .nothing
  }
}

/// `previous`: the row before the current one.
struct PreviousCommand: Command {
  static let signature = CommandSignature(
    name: "previous", summary: "Goes to the row before the current one.", slots: [],
    examples: ["previous"])

  private let walk: RowWalk
  init(_ session: Session) { walk = RowWalk(session) }

  func run(_ call: CommandCall) async throws -> Value {
    _ = try await walk.go(to: (walk.place ?? 2) - 1)
    return .nothing
  }
}
