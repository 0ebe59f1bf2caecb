import Notion
import Script
import Transport

/// Conditions of the language as Notion's filters.
nonisolated enum RowFilter {
  /// The filter that lets at least the rows through that fulfil a condition; `nil` when Notion has
  /// none for this kind of property.
  static func json(_ condition: FieldCondition, _ source: DataSource) -> JSON? {
    guard let schema = source.property(named: condition.field) else { return nil }
    let test: JSON?
    switch (condition.test, schema.type) {
    case (.flag(let flag), "checkbox"): test = ["equals": .bool(flag)]
    case (.number(let comparison, let number), "number"):
      test = [word(comparison): .number(number)]
    case (.text(let text), "title"), (.text(let text), "rich_text"):
      // Notion's limit for a condition's text, and no way to ask for an empty one.
      test = text.isEmpty || text.utf16.count > 100 ? nil : ["equals": .string(text)]
    case (.text(let name), "select"), (.text(let name), "status"):
      test = schema.options.contains { $0.name == name } ? ["equals": .string(name)] : nil
    case (.holds(let name), "multi_select"):
      test = schema.options.contains { $0.name == name } ? ["contains": .string(name)] : nil
    case (.filled, let type) where emptiable.contains(type): test = ["is_not_empty": true]
    default: test = nil
    }
    return test.map { ["property": .string(schema.id), schema.type: $0] }
  }

  /// The kinds of properties that Notion can ask to be filled.
  private static let emptiable: Set<String> = [
    "title", "rich_text", "number", "select", "status", "multi_select", "date", "url", "email",
    "phone_number",
  ]

  private static func word(_ comparison: FieldCondition.Comparison) -> String {
    switch comparison {
    case .equal: "equals"
    case .less: "less_than"
    case .lessOrEqual: "less_than_or_equal_to"
    case .greater: "greater_than"
    case .greaterOrEqual: "greater_than_or_equal_to"
    }
  }
}
