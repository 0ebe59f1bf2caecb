import GRDB
import Transport

/// `/v1/search`: titles only, any word, the last edited first.
enum Search {
  static func search(_ call: Call) throws -> JSON {
    try Check.keys(
      call.body, at: "body", allowed: ["query", "filter", "sort", "page_size", "start_cursor"])
    let words = try (call.body["query"].map { try Check.string($0, at: "body.query") } ?? "")
      .lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber })
    let size = try Paging.size(call.body["page_size"], at: "body.page_size")
    var kinds = ["page", "source"]
    var wantsTrash = false
    if let filter = call.body["filter"] {
      try Check.keys(filter, at: "body.filter", allowed: ["property", "value", "in_trash"])
      if let value = filter["value"] {
        guard filter["property"] == "object" else {
          throw Refusal.should("body.filter.property", "`\"object\"`", filter["property"])
        }
        switch value {
        case "page": kinds = ["page"]
        case "data_source": kinds = ["source"]
        default:
          throw Refusal.should("body.filter.value", "`\"page\"` or `\"data_source\"`", value)
        }
      }
      wantsTrash =
        try filter["in_trash"].map { try Check.bool($0, at: "body.filter.in_trash") } ?? false
    }
    var isAscending = false
    if let sort = call.body["sort"] {
      try Check.keys(sort, at: "body.sort", allowed: ["timestamp", "direction", "property"])
      isAscending = sort["direction"] == "ascending"
    }
    let marks = kinds.map { "'\($0)'" }.joined(separator: ", ")
    var found: [Record] = []
    let stored = try Row.fetchCursor(
      call.database,
      sql: """
        SELECT * FROM record WHERE kind IN (\(marks)) AND in_trash = ?
        ORDER BY edited \(isAscending ? "ASC" : "DESC"), sequence \(isAscending ? "ASC" : "DESC")
        """, arguments: [wantsTrash])
    while let row = try stored.next() {
      let record = try Record(row: row)
      let title = RichTextValue.text(
        record.kind == .page ? record.content["values"]?["title"] : record.content["title"])
      let matches =
        words.isEmpty
        || title.lowercased().split(whereSeparator: { !$0.isLetter && !$0.isNumber }).contains {
          word in words.contains { word.hasPrefix($0) || $0 == word }
        }
      if matches, try wantsTrash || !Storage.isTrashed(record, call.database) {
        found.append(record)
      }
    }
    var start = 0
    if let cursor = call.body["start_cursor"], !cursor.isNull {
      guard let index = found.firstIndex(where: { .string($0.id) == cursor }) else {
        throw Refusal.validation("The start_cursor provided is invalid: \(cursor.string ?? "")")
      }
      start = index
    }
    let end = min(start + size, found.count)
    return Paging.list(
      try found[start..<end].map {
        $0.kind == .page ? try Pages.json($0, call) : try DataSources.json($0, call)
      }, next: end < found.count ? found[end].id : nil, type: "page_or_data_source")
  }
}
