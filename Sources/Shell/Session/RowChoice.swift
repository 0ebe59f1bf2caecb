import Notion
import Script
import Store

/// Which rows a command takes when it names none: at the prompt the selection, else the ticked ones.
///
/// What was said last counts: `rows …` selects, and ticking ends a selection.
struct RowChoice {
  /// Up to this many rows are read one by one rather than with the whole table, a hundred a request.
  private static let fewRows = 100

  private let connections: Connections
  private let rows: RowTable
  private let bridge: ScriptBridge
  private let console: any Console
  private let isAtPrompt: Bool

  init(_ session: Session) {
    connections = session.connections
    rows = session.rows
    bridge = session.bridge
    console = session.console
    isAtPrompt = session.isAtPrompt
  }

  /// The rows, as they are now: what was written since they were shown is no stranger's edit.
  ///
  /// - Parameters:
  ///   - command: The command as typed, for what to say instead.
  ///   - fields: The fields that are looked at; `nil` for all.
  func reader(for command: String, fields: Set<String>? = nil) async throws -> RowReader {
    if isAtPrompt, let selection = rows.selection {
      return RowReader(try await fresh(selection, fields))
    }
    let (connection, _, _) = try connections.requireDatabase()
    guard let tick = connection.saved.tickProperty else {
      throw ScriptError.refusal(
        "V020", "Which rows? “\(connection.name)” has no checkbox to tick.",
        "say them: \(command) on rows where …")
    }
    let request = RowRequest(
      conditions: [FieldCondition(field: tick, test: .flag(true))], fields: fields)
    let numbers = rows.numbers
    return RowReader(request, from: bridge) { row in
      guard row.value(of: tick)?.asFlag == true else { return nil }
      return numbers[row.id].map(row.numbered) ?? row
    }
  }

  /// The rows of a selection, in its order.
  ///
  /// They are asked for as they were then, so that a few of a large table cost few requests; those
  /// that no longer fit are looked for by themselves.
  private func fresh(_ selection: RowTable.Selection, _ fields: Set<String>?) async throws -> [Row]
  {
    let wanted = Set(selection.rows.map(\.id))
    var found: [String: Row] = [:]
    var reader = RowReader(selection.query.reader(from: bridge, fields: fields))
    func takeAll() async throws {
      while let part = try await reader.next() {
        for row in part where wanted.contains(row.id) { found[row.id] = row }
      }
    }
    try await takeAll()
    let missing = selection.rows.filter { found[$0.id] == nil }
    if missing.count > RowChoice.fewRows {
      reader = RowReader(RowRequest(fields: fields), from: bridge)
      try await takeAll()
    } else {
      for row in missing {
        try Task.checkCancellation()
        guard let row = try await connections.rereadIfThere(row) else { continue }
        found[row.id] = row
      }
    }
    let gone = wanted.count - found.count
    if gone > 0 {
      console.message("\(gone) \(gone == 1 ? "row is" : "rows are") no longer there.")
    }
    return selection.rows.compactMap { row in
      found[row.id].map { $0.numbered(row.number ?? 0) }
    }
  }
}
