import Notion
import Script
import Transport

/// Conditions and sorts of the language as Notion's.
nonisolated enum RowFilter {
  /// The filter that lets at least the rows through that fulfil every clause; `nil` for all.
  ///
  /// A clause of which Notion cannot look at one part lets everything through and is left out.
  static func json(_ clauses: [[FieldCondition]], _ source: DataSource) -> JSON? {
    var filters: [JSON] = []
    var count = 0
    for clause in clauses {
      if clause.count == 1, let condition = clause.first, let lists = texts(condition, source) {
        for list in lists where list.count <= 50 && count + list.count <= 80 {
          count += list.count
          filters.append(list.count == 1 ? list[0] : ["or": .array(list)])
        }
        continue
      }
      var parts: [JSON] = []
      for condition in clause {
        guard let alternatives = alternatives(condition, source) else {
          parts = []
          break
        }
        parts += alternatives
      }
      count += parts.count
      guard !parts.isEmpty, parts.count <= 50, count <= 80 else { continue }
      filters.append(parts.count == 1 ? parts[0] : ["or": .array(parts)])
    }
    return filters.isEmpty ? nil : ["and": .array(filters)]
  }

  /// Two filters that must both hold.
  static func both(_ a: JSON?, _ b: JSON?) -> JSON? {
    let all = [a, b].compactMap(\.self).flatMap { $0["and"]?.array ?? [$0] }
    return all.isEmpty ? nil : ["and": .array(all)]
  }

  /// Lists of filters for a text that contains another: a row must pass one of each list.
  private static func texts(_ condition: FieldCondition, _ source: DataSource) -> [[JSON]]? {
    guard let schema = source.property(named: condition.field), texts.contains(schema.type)
    else { return nil }
    let part: String
    switch condition.test {
    case .holds(let text), .includes(let text): part = text
    default: return nil
    }
    // What Notion finds and the language does not must not be left out.
    guard !condition.isNegated else { return [] }
    return ContainedText.pieces(of: part).map { spellings in
      spellings.map { spelling in
        .object(
          JSON.Members([
            ("property", .string(schema.id)), (schema.type, ["contains": .string(spelling)]),
          ]))
      }
    }
  }

  /// Filters of which a row must pass one; `nil` when Notion has none that is as wide.
  private static func alternatives(
    _ condition: FieldCondition, _ source: DataSource
  ) -> [JSON]? {
    guard let schema = source.property(named: condition.field) else { return nil }
    // Beside other alternatives there is room for one piece of a text.
    if let lists = texts(condition, source) { return lists.first }
    let isNegated = condition.isNegated
    func filter(_ word: String, _ value: JSON) -> JSON {
      .object(
        JSON.Members([
          ("property", .string(schema.id)),
          (schema.type, .object(JSON.Members([(word, value)]))),
        ]))
    }
    switch (condition.test, schema.type) {
    case (.flag(let flag), "checkbox"):
      return [filter("equals", .bool(flag != isNegated))]
    case (.number(.equal, let number), "number"):
      return [filter(isNegated ? "does_not_equal" : "equals", .number(number))]
    case (.number(let comparison, let number), "number"):
      guard isNegated else { return [filter(word(comparison), .number(number))] }
      // What is not less is greater or equal, or is not there.
      return [filter(word(opposite(comparison)), .number(number)), filter("is_empty", true)]
    case (.date(let comparison, let date), "date"),
      (.date(let comparison, let date), "created_time"),
      (.date(let comparison, let date), "last_edited_time"):
      return dates(comparison, date, isNegated, schema, filter)
    case (.text(let text), "title"), (.text(let text), "rich_text"):
      // Notion's limit for a condition's text, and no way to ask for an empty one.
      guard !text.isEmpty, text.utf16.count <= 100 else { return nil }
      return [filter(isNegated ? "does_not_equal" : "equals", .string(text))]
    case (.text(let text), "unique_id"):
      guard let number = Int(text.split(separator: "-").last ?? "") else { return nil }
      // Another prefix is another text with the same number.
      return isNegated ? nil : [filter("equals", .int(number))]
    case (.text(let name), "select"), (.text(let name), "status"):
      guard schema.options.contains(where: { $0.name == name }) else { return nil }
      return [filter(isNegated ? "does_not_equal" : "equals", .string(name))]
    case (.holds(let name), "multi_select"):
      guard schema.options.contains(where: { $0.name == name }) else { return nil }
      return [filter(isNegated ? "does_not_contain" : "contains", .string(name))]
    case (.member(let id), "relation"), (.member(let id), "people"):
      return [filter(isNegated ? "does_not_contain" : "contains", .string(id))]
    case (.filled, let type) where emptiable.contains(type):
      guard isNegated else { return [filter("is_not_empty", true)] }
      // Here a text of white space is empty as well.
      return texts.contains(type) ? nil : [filter("is_empty", true)]
    default: return nil
    }
  }

  /// Days are asked for a day wider on each side: whose midnight Notion means is not certain.
  private static func dates(
    _ comparison: FieldCondition.Comparison, _ date: DateValue, _ isNegated: Bool,
    _ schema: PropertySchema, _ filter: (String, JSON) -> JSON
  ) -> [JSON]? {
    let day = 86_400.0
    func text(_ days: Double) -> JSON {
      .string(DateValue.text(date.seconds + days * day, isDay: true))
    }
    var result: [JSON]
    switch (comparison, isNegated) {
    // That it is not this very day says next to nothing.
    case (.equal, true): return nil
    // Both bounds would be needed; the lower one is enough to leave most out.
    case (.equal, false), (.greater, false), (.greaterOrEqual, false), (.less, true),
      (.lessOrEqual, true):
      result = [filter("on_or_after", text(-1))]
    case (.less, false), (.lessOrEqual, false), (.greater, true), (.greaterOrEqual, true):
      result = [filter("on_or_before", text(1))]
    }
    if isNegated, schema.type == "date" { result.append(filter("is_empty", true)) }
    return result
  }

  private static let texts: Set<String> = ["title", "rich_text", "url", "email", "phone_number"]

  /// The kinds of properties that Notion can ask to be filled.
  private static let emptiable: Set<String> = texts.union([
    "number", "select", "status", "multi_select", "date", "people", "files", "relation",
  ])

  private static func word(_ comparison: FieldCondition.Comparison) -> String {
    switch comparison {
    case .equal: "equals"
    case .less: "less_than"
    case .lessOrEqual: "less_than_or_equal_to"
    case .greater: "greater_than"
    case .greaterOrEqual: "greater_than_or_equal_to"
    }
  }

  private static func opposite(
    _ comparison: FieldCondition.Comparison
  ) -> FieldCondition.Comparison {
    switch comparison {
    case .equal: .equal
    case .less: .greaterOrEqual
    case .lessOrEqual: .greater
    case .greater: .lessOrEqual
    case .greaterOrEqual: .less
    }
  }

  // MARK: - Sorts

  /// Kinds that Notion sorts as the language does.
  private static let sortable: Set<String> = [
    "title", "rich_text", "number", "select", "status", "date", "checkbox", "created_time",
    "last_edited_time", "url", "email", "phone_number",
  ]

  /// Sorts in Notion's form; `nil` when there are none, or one that Notion may do otherwise.
  static func sorts(
    _ sorts: [(field: String, isAscending: Bool)], _ source: DataSource
  ) -> JSON? {
    guard !sorts.isEmpty else { return nil }
    var result: [JSON] = []
    for sort in sorts {
      guard let schema = source.property(named: sort.field), sortable.contains(schema.type) else {
        return nil
      }
      result.append([
        "property": .string(schema.id),
        "direction": sort.isAscending ? "ascending" : "descending",
      ])
    }
    // Rows that are equal so far: the newest first, as without any sort.
    result.append(["timestamp": "created_time", "direction": "descending"])
    return .array(result)
  }

  /// The filters of the queries that give rows in order, empty fields last.
  static func emptyLast(
    _ sorts: [(field: String, isAscending: Bool)], _ source: DataSource
  ) -> [JSON?] {
    guard let sort = sorts.first, !sort.isAscending,
      let schema = source.property(named: sort.field), emptiable.contains(schema.type)
    else { return [nil] }
    return ["is_not_empty", "is_empty"].map { word in
      .object(
        JSON.Members([
          ("property", .string(schema.id)),
          (schema.type, .object(JSON.Members([(word, true)]))),
        ]))
    }
  }

  // MARK: - Columns

  /// The identities of the properties that are to travel; empty for all.
  ///
  /// What Notion computes over relations is whole only where nothing of them was left out, so these
  /// come along.
  static func columns(_ needed: [PropertySchema], of source: DataSource) -> [String] {
    guard needed.count < source.properties.count else { return [] }
    var ids = needed.map(\.id)
    if needed.contains(where: { ["rollup", "formula"].contains($0.type) }) {
      ids += source.properties.filter { $0.type == "relation" && !ids.contains($0.id) }.map(\.id)
    }
    // An address has its limits; so many columns may as well all come.
    return ids.count > 60 ? [] : ids
  }
}
