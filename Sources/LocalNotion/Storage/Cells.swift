import GRDB
import Transport

/// One value of one property of one row, in the form that SQLite filters and sorts by.
///
/// Every property that can be filtered has a cell at place 0 in every row, empty ones included;
/// properties of several values have one for each. So every test of a filter and every sort is a walk
/// along one of two indexes, and a new property needs no new column.
struct Cell: Equatable {
  var place = 0
  /// A number, a moment, an option's place in the order of options, 0 or 1; infinity when empty.
  var num: Double?
  /// A text's natural key, or an identity; ``Folding/last`` when empty.
  var key: String?
  /// A text, folded; `nil` when it is empty or too long to be kept twice.
  var text: String?

  /// The longest text that is kept in a cell, in bytes.
  static let longestText = 512

  /// The cells of a property in a row; empty for what has none: computed values, who and when.
  static func of(_ property: Property, in record: Record) -> [Cell] {
    let stored = record.content["values"]?[property.id]
    switch property.type {
    case "title", "rich_text": return [text(RichTextValue.text(stored))]
    case "url", "email", "phone_number": return [text(stored?.string ?? "")]
    case "number": return [Cell(num: stored?.double ?? .infinity)]
    case "unique_id": return [Cell(num: record.content["number"]?.double ?? .infinity)]
    case "checkbox": return [Cell(num: stored?.bool == true ? 1 : 0)]
    case "date":
      return [Cell(num: (stored?["start"]?.string).flatMap(DateValues.moment) ?? .infinity)]
    case "select", "status":
      let known = stored.flatMap { id in property.optionIDs.firstIndex { .string($0) == id } }
      guard let known, let id = stored?.string else {
        return [Cell(num: .infinity, key: Folding.last)]
      }
      return [Cell(num: Double(known), key: id)]
    case "multi_select":
      let order = property.optionIDs
      let known = (stored?.array ?? []).compactMap(\.string).filter(order.contains)
      guard let first = known.first else { return [Cell(num: .infinity, key: Folding.last)] }
      let place = order.firstIndex(of: first).map(Double.init)
      return known.enumerated().map { Cell(place: $0, num: $0 == 0 ? place : nil, key: $1) }
    case "people", "relation":
      let ids = (stored?.array ?? []).compactMap(\.string)
      guard !ids.isEmpty else { return [Cell(key: Folding.last)] }
      return ids.enumerated().map { Cell(place: $0, key: $1) }
    case "files": return [Cell(num: (stored?.array ?? []).isEmpty ? .infinity : 0)]
    default: return []
    }
  }

  private static func text(_ text: String) -> Cell {
    let folded = text.isEmpty ? nil : Folding.lower(text)
    let isKept = folded.map { $0.utf8.count <= longestText && !$0.utf8.contains(0) } ?? false
    return Cell(key: Folding.naturalKey(text), text: isKept ? folded : nil)
  }
}

/// Keeps the cells in step with the records, in the transaction of the write.
enum Cells {
  /// The number of a property among all of the workspace: its source's sequence and its identity.
  static func column(_ property: Property, of source: Record) -> Int64 {
    column(property.id, source: source.sequence)
  }

  private static func column(_ id: String, source: Int64) -> Int64 {
    // Identities are four of 69 characters; the title's is the one that is longer.
    let packed = id.utf8.count == 4 ? id.utf8.reduce(Int64(0)) { $0 << 7 | Int64($1 & 127) } : 0
    return source << 28 | packed
  }

  // MARK: - Rows

  /// Adds the cells of a new page, if it is a row.
  static func add(_ page: Record, _ call: Call) throws {
    guard let source = try Storage.find(page.parent, call.database), source.kind == .source else {
      return
    }
    for property in source.schemas.properties {
      try write(Cell.of(property, in: page), column(property, of: source), page, call.database)
    }
  }

  /// Brings the cells of a page to what it is about to become.
  static func follow(_ page: Record, _ call: Call) throws {
    guard let before = try Storage.find(page.id, call.database) else { return }
    let source = try Storage.find(before.parent, call.database).flatMap {
      $0.kind == .source ? $0 : nil
    }
    if let source {
      let schemas = source.schemas
      try call.workspace.openQueries.willChange(before, source, schemas, call)
      let moves = before.parent != page.parent
      let old = before.content["values"]
      let new = page.content["values"]
      for property in schemas.properties {
        if moves {
          try delete(column(property, of: source), page, call.database)
        } else if old?[property.id] != new?[property.id] || property.type == "unique_id" {
          let cells = Cell.of(property, in: page)
          guard cells != Cell.of(property, in: before) else { continue }
          try delete(column(property, of: source), page, call.database)
          try write(cells, column(property, of: source), page, call.database)
        }
      }
    }
    if before.parent != page.parent {
      var moved = page
      moved.sequence = before.sequence
      try add(moved, call)
    }
  }

  private static func write(
    _ cells: [Cell], _ column: Int64, _ page: Record, _ database: Database
  ) throws {
    guard !cells.isEmpty else { return }
    let statement = try database.cachedStatement(
      sql: "INSERT INTO cell (property, page, place, num, key, text) VALUES (?, ?, ?, ?, ?, ?)")
    for cell in cells {
      try statement.execute(arguments: [
        column, page.sequence, cell.place, cell.num, cell.key, cell.text,
      ])
    }
  }

  private static func delete(_ column: Int64, _ page: Record, _ database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM cell WHERE property = ? AND page = ?")
      .execute(arguments: [column, page.sequence])
  }

  // MARK: - Schemas

  /// Brings the cells of a data source's rows to the schema that it is about to have.
  static func followSchema(of source: Record, _ call: Call) throws {
    guard let before = try Storage.find(source.id, call.database),
      before.content["properties"] != source.content["properties"]
    else { return }
    let old = before.schemas.properties
    let new = source.schemas.properties
    for property in old where !new.contains(where: { $0.id == property.id }) {
      try delete(column(property, of: before), call.database)
    }
    let changed = new.filter { property in
      guard let known = old.first(where: { $0.id == property.id }) else { return true }
      return known.type != property.type
        // Options that are only added stay where they were.
        || !property.optionIDs.starts(with: known.optionIDs)
    }
    guard !changed.isEmpty else { return }
    call.workspace.openQueries.forget(source: source.id)
    try rebuild(changed, of: before, call.database)
  }

  /// Makes the cells of some properties anew, for every row of a data source.
  static func rebuild(
    _ properties: [Property], of source: Record, _ database: Database
  ) throws {
    let kept = properties.filter { property in
      !Cell.of(property, in: Record(kind: .page, parent: "", now: 0, content: [:])).isEmpty
    }
    for property in kept { try delete(column(property, of: source), database) }
    guard !kept.isEmpty else { return }
    let rows = try Row.fetchCursor(
      database, sql: "SELECT * FROM record WHERE parent = ? AND kind = 'page'",
      arguments: [source.id])
    while let row = try rows.next() {
      let page = try Record(row: row)
      for property in kept {
        try write(Cell.of(property, in: page), column(property, of: source), page, database)
      }
    }
  }

  private static func delete(_ column: Int64, _ database: Database) throws {
    try database.cachedStatement(sql: "DELETE FROM cell WHERE property = ?")
      .execute(arguments: [column])
  }
}
