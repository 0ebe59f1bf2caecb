import Script

/// The rows last shown, with their numbers, and the ones chosen by `rows …`.
final class RowTable {
  /// What `rows …` chose at the prompt.
  struct Selection {
    let rows: [Row]
    /// What was asked for.
    let query: Query
  }

  private(set) var shown: [Row] = [] {
    didSet { words = RowWords(shown) }
  }
  /// What stands in the rows last shown, for completion.
  private(set) var words = RowWords([])
  private(set) var selection: Selection?
  /// The current row: `it`.
  var current: Row?

  /// Keeps rows as the ones last shown.
  func show(_ rows: [Row]) {
    shown = rows
  }

  /// Makes rows the selection.
  func select(_ rows: [Row], of query: Query) {
    shown = rows
    selection = Selection(rows: rows, query: query)
  }

  /// Ends the selection; the numbers stay.
  func deselect() { selection = nil }

  /// The number of each row in the table last shown.
  var numbers: [String: Int] {
    Dictionary(
      shown.compactMap { row in row.number.map { (row.id, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Takes a row as it is now in place of the one that was shown.
  func replace(_ row: Row) {
    func fresh(_ rows: [Row]) -> [Row] {
      rows.map { $0.id == row.id ? row.numbered($0.number ?? row.number ?? 0) : $0 }
    }
    shown = fresh(shown)
    selection = selection.map { Selection(rows: fresh($0.rows), query: $0.query) }
  }

  /// Forgets everything, as when another connection opens.
  func clear() {
    shown = []
    selection = nil
    current = nil
  }

  /// The row with that number in the table last shown.
  func row(_ number: Int) throws -> Row {
    guard !shown.isEmpty else {
      throw ScriptError.refusal("V450", "No rows were shown yet.", "show them: rows")
    }
    guard number >= 1, number <= shown.count else {
      throw ScriptError.refusal(
        "V451", "There is no row \(number); the last table has rows 1 to \(shown.count).",
        "show the rows again: rows")
    }
    return shown[number - 1]
  }
}
