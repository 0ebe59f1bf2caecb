import GRDB
import Transport

/// `/v1/search`: titles only, any word, the last edited first.
enum Search {
  static func search(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body", allowed: ["query", "filter", "sort", "page_size", "start_cursor"])
    let text = try call.body["query"].map { try Check.string($0, at: "body.query") } ?? ""
    let size = try Paging.size(call.body["page_size"], at: "body.page_size")
    let (kinds, wantsTrash) = try filter(call)
    let isAscending = try isAscending(call)
    var from: Record?
    if let cursor = call.body["start_cursor"], !cursor.isNull {
      let id = try Check.string(cursor, at: "body.start_cursor")
      from = try Storage.find(id, call.database)
      guard from != nil else {
        throw Refusal.validation("The start_cursor provided is invalid: \(id)")
      }
    }
    // An identity is nobody's title.
    guard Identity.parse(text) == nil else {
      return Paging.list([], next: nil, type: "page_or_data_source")
    }
    let words = words(of: Folding.lower(text))
    let way = isAscending ? "ASC" : "DESC"
    let marks = kinds.map { "'\($0)'" }.joined(separator: ", ")
    let start =
      from.map {
        "AND (edited, sequence) \(isAscending ? ">=" : "<=") (\($0.edited), \($0.sequence))"
      }
      ?? ""
    // A word that begins like a wanted one has it in it, which SQLite finds quicker.
    let holds =
      words.isEmpty
      ? "" : "AND (" + words.map { _ in "instr(title, ?) > 0" }.joined(separator: " OR ") + ")"
    let stored = try Row.fetchCursor(
      call.database,
      sql: """
        SELECT sequence, title FROM record INDEXED BY record_titles
        WHERE title IS NOT NULL AND in_trash = ? AND kind IN (\(marks)) \(start) \(holds)
        ORDER BY edited \(way), sequence \(way)
        """,
      arguments: StatementArguments(
        [wantsTrash.databaseValue] + words.map { String($0).databaseValue }))
    var found: [Record] = []
    var next: String?
    while next == nil, let row = try stored.next() {
      let title: String = row["title"]
      guard words.isEmpty || matches(title, words),
        let record = try Storage.find(sequence: row["sequence"], call.database),
        record.created <= call.indexed, try call.isShared(record),
        try wantsTrash || !Storage.isTrashed(record, call.database)
      else { continue }
      if found.count == size { next = record.id } else { found.append(record) }
    }
    return Paging.list(
      try found.map {
        $0.kind == .page ? try Pages.json($0, call) : try DataSources.json($0, call)
      }, next: next, type: "page_or_data_source")
  }

  private static func filter(_ call: Call) throws -> (kinds: [String], wantsTrash: Bool) {
    guard let filter = call.body["filter"] else { return (["page", "source"], false) }
    try Check.keys(filter, at: "body.filter", allowed: ["property", "value", "in_trash"])
    let wantsTrash =
      try filter["in_trash"].map { try Check.bool($0, at: "body.filter.in_trash") } ?? false
    guard let value = filter["value"] else { return (["page", "source"], wantsTrash) }
    guard filter["property"] == "object" else {
      throw Refusal.should("body.filter.property", "`\"object\"`", filter["property"])
    }
    switch value {
    case "page": return (["page"], wantsTrash)
    case "data_source": return (["source"], wantsTrash)
    default: throw Refusal.should("body.filter.value", "`\"page\"` or `\"data_source\"`", value)
    }
  }

  private static func isAscending(_ call: Call) throws -> Bool {
    guard let sort = call.body["sort"] else { return false }
    try Check.keys(sort, at: "body.sort", allowed: ["timestamp", "direction", "property"])
    if let property = sort["property"] {
      guard property == "relevance" else {
        throw Refusal.should("body.sort.property", "`\"relevance\"`", property)
      }
      return false
    }
    guard sort["timestamp"] == "last_edited_time" else {
      throw Refusal.should("body.sort.timestamp", "`\"last_edited_time\"`", sort["timestamp"])
    }
    let direction = sort["direction"] ?? "descending"
    guard direction == "ascending" || direction == "descending" else {
      throw Refusal.should(
        "body.sort.direction", "`\"ascending\"` or `\"descending\"`", direction)
    }
    return direction == "ascending"
  }

  private static func words(of text: String) -> [Substring] {
    text.split { !$0.isLetter && !$0.isNumber }
  }

  /// Whether a word of a title begins with a word that is looked for.
  private static func matches(_ title: String, _ wanted: [Substring]) -> Bool {
    words(of: title).contains { word in wanted.contains { word.hasPrefix($0) } }
  }
}
