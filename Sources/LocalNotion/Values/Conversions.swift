import Foundation
import GRDB
import Transport

/// The counters of unique_id properties: one for each data source, never going back.
enum UniqueNumbers {
  static func next(in source: String, _ call: Call) throws -> Int {
    let name = "counter:\(source)"
    // Files of the first format kept it in the data source.
    let old = try Storage.find(source, call.database)?.content["counter"]?.int ?? 0
    let number = max(old, try Storage.fact(name, call.database).flatMap { Int($0) } ?? 0) + 1
    try Storage.setFact(name, String(number), call.database)
    return number
  }

  /// Refuses a prefix that another data source of the workspace has.
  static func check(_ schemas: PropertySchemas, in source: Record?, _ call: Call) throws {
    for property in schemas.properties where property.type == "unique_id" {
      guard let prefix = property.config["prefix"]?.string else { continue }
      let others = try Row.fetchCursor(
        call.database,
        sql: "SELECT * FROM record WHERE kind = 'source' AND in_trash = 0 AND id <> ?",
        arguments: [source?.id ?? ""])
      while let row = try others.next() {
        let other = try Record(row: row)
        let taken = other.schemas.properties.contains {
          $0.type == "unique_id" && $0.config["prefix"]?.string == prefix
        }
        if taken, try !Storage.isTrashed(other, call.database) {
          throw Refusal.validation(
            "The unique ID prefix \(prefix) is used by another data source of the workspace.")
        }
      }
    }
  }
}

/// What becomes of the rows when a data source's schema changes.
enum Conversions {
  /// Saves a new schema, the values of the rows brought to it.
  ///
  /// - Returns: The data source as it is now.
  static func apply(
    from before: PropertySchemas, to after: PropertySchemas, _ source: Record, _ call: Call
  ) throws -> Record {
    var after = after
    var steps: [(Record, inout JSON.Members) throws -> Void] = []
    for (index, property) in after.properties.enumerated() {
      guard let old = before.properties.first(where: { $0.id == property.id }) else { continue }
      if old.type != property.type {
        var new = property
        try rows(of: source, call) { page, values in
          let answer = try PropertyValues.json(values[old.id], of: old, page: page, call: call)
          values[new.id] = convert(Plain(value: answer), stored: values[old.id], old, to: &new)
        }
        after.properties[index] = new
      } else if !Set(old.optionIDs).isSubset(of: property.optionIDs) {
        let kept = Set(property.optionIDs)
        steps.append { _, values in
          switch values[property.id] {
          case .string(let id)? where !kept.contains(id):
            values[property.id] = property.type == "status" ? property.defaultStatus : nil
          case .array(let ids)?:
            values[property.id] = .array(ids.filter { kept.contains($0.string ?? "") })
          default: break
          }
        }
      }
    }
    for step in steps { try rows(of: source, call, step) }
    let isNumbered = { (schemas: PropertySchemas) in
      schemas.properties.contains { $0.type == "unique_id" }
    }
    if isNumbered(after), !isNumbered(before) { try number(source, call) }
    for property in before.properties where property.type == "relation" {
      if !after.properties.contains(where: { $0.id == property.id && $0.type == "relation" }) {
        try removeMirror(of: property, &after, source, call)
      }
    }
    var source = source
    var content = source.content.members ?? [:]
    content["properties"] = after.stored
    source.content = .object(content)
    try Storage.update(source, call)
    return source
  }

  /// Changes the values of every row, its cells left for the schema's change.
  private static func rows(
    of source: Record, _ call: Call, _ change: (Record, inout JSON.Members) throws -> Void
  ) throws {
    call.workspace.openQueries.forget(source: source.id)
    for var page in try pages(of: source, call) {
      var content = page.content.members ?? [:]
      var values = content["values"]?.members ?? [:]
      try change(page, &values)
      content["values"] = .object(values)
      guard .object(content) != page.content else { continue }
      page.content = .object(content)
      try call.database.cachedStatement(sql: "UPDATE record SET content = ? WHERE sequence = ?")
        .execute(arguments: [page.content.text, page.sequence])
    }
  }

  private static func pages(of source: Record, _ call: Call) throws -> [Record] {
    try Row.fetchAll(
      call.database,
      sql: "SELECT * FROM record WHERE parent = ? AND kind = 'page' ORDER BY sequence",
      arguments: [source.id]
    ).map(Record.init(row:))
  }

  /// Numbers rows that were there before there were numbers.
  private static func number(_ source: Record, _ call: Call) throws {
    for page in try pages(of: source, call) where page.content["number"] == nil {
      var content = page.content.members ?? [:]
      content["number"] = .int(try UniqueNumbers.next(in: source.id, call))
      try call.database.execute(
        sql: "UPDATE record SET content = ? WHERE sequence = ?",
        arguments: [JSON.object(content).text, page.sequence])
    }
  }

  /// A two-way relation goes at both ends.
  private static func removeMirror(
    of property: Property, _ schemas: inout PropertySchemas, _ source: Record, _ call: Call
  ) throws {
    guard let synced = property.config["dual_property"]?["synced_property_id"]?.string,
      let id = property.config["data_source_id"]?.string
    else { return }
    if id == source.id {
      schemas.properties.removeAll { $0.id == synced }
      return
    }
    guard var other = try Storage.find(id, call.database) else { return }
    var content = other.content.members ?? [:]
    var theirs = PropertySchemas(stored: content["properties"])
    theirs.properties.removeAll { $0.id == synced }
    content["properties"] = theirs.stored
    other.content = .object(content)
    try Storage.update(other, call)
  }

  /// A value as a property of another type keeps it; what does not fit is nothing.
  private static func convert(
    _ plain: Plain, stored: JSON?, _ old: Property, to new: inout Property
  ) -> JSON? {
    switch new.type {
    case "rich_text":
      return old.type == "title" ? stored : RichTextValue.plain(plain.text)
    case "number":
      if let number = plain.number { return .number(number) }
      if let flag = plain.flag { return .int(flag ? 1 : 0) }
      let text = plain.text.filter { !$0.isWhitespace && $0 != "," }
      return Double(text).flatMap { $0.isFinite ? .number($0) : nil }
    case "checkbox":
      if let flag = plain.flag { return .bool(flag) }
      return .bool(["true", "yes", "1"].contains(plain.text.lowercased()))
    case "url", "email", "phone_number":
      let limit = new.type == "url" ? 2000 : 200
      return plain.text.isEmpty || plain.text.utf16.count > limit ? nil : .string(plain.text)
    case "date":
      if old.type == "date" { return stored }
      guard let date = plain.date?.text ?? (DateValues.moment(plain.text) == nil ? nil : plain.text)
      else { return nil }
      return try? DateValues.read(["start": .string(date)], at: "date")
    case "select":
      return plain.text.isEmpty ? nil : option(firstName(plain.text), of: &new)
    case "multi_select":
      var ids: [JSON] = []
      for name in plain.text.split(separator: ",").map({ firstName(String($0)) })
      where !name.isEmpty {
        if let id = option(name, of: &new), !ids.contains(id) { ids.append(id) }
      }
      return .array(ids)
    case "status":
      let known = (new.config["options"]?.array ?? []).first {
        $0["name"]?.string?.lowercased() == plain.text.lowercased()
      }
      return known?["id"] ?? new.defaultStatus
    default: return nil
    }
  }

  private static func firstName(_ text: String) -> String {
    String(text.prefix { $0 != "," }.prefix(100)).trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The option of a name, added when it is new.
  private static func option(_ name: String, of property: inout Property) -> JSON? {
    guard !name.isEmpty else { return nil }
    return try? PropertyValues.option(["name": .string(name)], for: &property, at: "option")
  }
}
