import Foundation
import Transport

/// Rollups and formulas: what Notion computes when a page is read.
enum Computed {
  static let functions: Set<String> = [
    "count", "count_values", "empty", "not_empty", "unique", "show_unique", "percent_empty",
    "percent_not_empty", "sum", "average", "median", "min", "max", "range", "earliest_date",
    "latest_date", "date_range", "checked", "unchecked", "percent_checked", "percent_unchecked",
    "show_original",
  ]

  /// What stands for a property in a chain of what is computed from each other.
  private static func name(_ property: Property, _ page: Record) -> String {
    "\(property.id)@\(page.parent)"
  }

  /// Whether a property is not computed from itself, however many rollups and formulas are between.
  private static func canCompute(
    _ property: Property, _ page: Record, _ chain: [String]
  ) -> Bool {
    chain.count < 16 && !chain.contains(name(property, page))
  }

  // MARK: - Rollups

  /// The property at the other end that a rollup looks at; `nil` when it is there no more.
  static func rolledProperty(
    _ property: Property, _ schemas: PropertySchemas, _ call: Call
  ) throws -> Property? {
    guard
      let relation = schemas.properties.first(where: {
        $0.id == property.config["relation_property_id"]?.string
      }), let source = relation.config["data_source_id"]?.string,
      let target = try Storage.find(source, call.database)
    else { return nil }
    return target.schemas.properties.first {
      $0.id == property.config["rollup_property_id"]?.string
    }
  }

  /// The values behind a rollup, each with its type.
  static func rolledUp(
    _ property: Property, _ page: Record, _ schemas: PropertySchemas, _ call: Call,
    chain: [String] = []
  ) throws -> [JSON] {
    let name = name(property, page)
    let inner = chain.contains(name) ? chain : chain + [name]
    guard
      let relation = schemas.properties.first(where: {
        $0.id == property.config["relation_property_id"]?.string
      }), let rolled = try rolledProperty(property, schemas, call)
    else { return [] }
    var items: [JSON] = []
    for id in (page.content["values"]?[relation.id]?.array ?? []).compactMap(\.string) {
      guard let other = try Storage.find(id, call.database), !other.isInTrash else { continue }
      let value = try PropertyValues.json(
        other.content["values"]?[rolled.id], of: rolled, page: other, call: call, chain: inner)
      items.append(
        .object(
          JSON.Members([("type", .string(rolled.type)), (rolled.type, value[rolled.type] ?? nil)])))
    }
    return items
  }

  /// A rollup's value.
  static func rollup(
    _ property: Property, _ page: Record, _ schemas: PropertySchemas, _ call: Call,
    chain: [String] = []
  ) throws -> JSON {
    let function = property.config["function"]?.string ?? "show_original"
    guard canCompute(property, page, chain) else {
      return ["type": "unsupported", "unsupported": [:], "function": .string(function)]
    }
    let items = try rolledUp(property, page, schemas, call, chain: chain)
    let values = items.map { Plain(value: $0) }
    let filled = values.filter { !$0.isEmpty }
    let numbers = values.compactMap(\.number)
    let dates = values.compactMap(\.date).sorted { $0.moment < $1.moment }
    func number(_ value: Double?) -> JSON {
      ["type": "number", "number": value.map(JSON.number) ?? .null, "function": .string(function)]
    }
    func share(_ count: Int) -> JSON {
      number(items.isEmpty ? nil : Double(count) / Double(items.count))
    }
    let checked = values.filter { $0.flag == true }.count
    switch function {
    case "count": return number(Double(items.count))
    case "count_values", "not_empty": return number(Double(filled.count))
    case "empty": return number(Double(items.count - filled.count))
    case "unique": return number(Double(Set(filled.map(\.text)).count))
    case "percent_empty": return share(items.count - filled.count)
    case "percent_not_empty": return share(filled.count)
    case "sum": return number(numbers.reduce(0, +))
    case "average":
      return number(numbers.isEmpty ? nil : numbers.reduce(0, +) / Double(numbers.count))
    case "median":
      let sorted = numbers.sorted()
      guard !sorted.isEmpty else { return number(nil) }
      let middle = sorted.count / 2
      return number(
        sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2)
    case "min": return number(numbers.min())
    case "max": return number(numbers.max())
    case "range": return number(numbers.max().flatMap { most in numbers.min().map { most - $0 } })
    case "checked": return number(Double(checked))
    case "unchecked": return number(Double(items.count - checked))
    case "percent_checked": return share(checked)
    case "percent_unchecked": return share(items.count - checked)
    case "earliest_date", "latest_date", "date_range":
      let start = function == "latest_date" ? dates.last : dates.first
      let end = function == "date_range" && dates.count > 1 ? dates.last : nil
      return [
        "type": "date",
        "date": start.map {
          [
            "start": .string($0.text), "end": end.map { .string($0.text) } ?? .null,
            "time_zone": nil,
          ]
        } ?? .null,
        "function": .string(function),
      ]
    case "show_unique":
      var seen = Set<String>()
      let unique = zip(items, values).filter { seen.insert($0.1.text).inserted }.map(\.0)
      return ["type": "array", "array": .array(unique), "function": .string(function)]
    default:
      return ["type": "array", "array": .array(items), "function": .string(function)]
    }
  }

  // MARK: - Formulas

  /// A formula's value, `{"type":…}`; a formula that fails for a page reads as nothing.
  static func formula(
    _ property: Property, _ page: Record, _ schemas: PropertySchemas, _ call: Call,
    chain: [String] = []
  ) throws -> JSON {
    guard canCompute(property, page, chain), let expression = property.config["expression"]?.string,
      let formula = try? Formula(parsing: expression)
    else { return ["type": "unsupported", "unsupported": [:]] }
    let value = try? formula.value(now: call.now) { id in
      guard let named = schemas.properties.first(where: { $0.id == id }) else { return .nothing }
      let read = try PropertyValues.json(
        page.content["values"]?[named.id], of: named, page: page, call: call,
        chain: chain + [name(property, page)])
      return FormulaValue(Plain(value: read))
    }
    switch value {
    case .number(let number)?: return ["type": "number", "number": .number(number)]
    case .flag(let flag)?: return ["type": "boolean", "boolean": .bool(flag)]
    case .date(let date)?:
      return ["type": "date", "date": ["start": .string(date), "end": nil, "time_zone": nil]]
    case .text(let text)?: return ["type": "string", "string": .string(text)]
    case .nothing?, nil: return ["type": "string", "string": nil]
    }
  }

  /// An expression with names in it, as it is kept: `prop("Name")` by the property's identity.
  static func kept(_ expression: String, schemas: PropertySchemas, source: String) throws -> String
  {
    var result = ""
    var rest = Substring(expression)
    while let match = rest.firstMatch(of: /prop\(\s*"((?:[^"\\]|\\.)*)"\s*\)/) {
      let name = String(match.1).replacing("\\\"", with: "\"")
      guard let property = schemas.find(name) else {
        throw Refusal.validation("Could not find property with name or id: \(name)")
      }
      result += rest[..<match.range.lowerBound]
      result +=
        "{{notion:block_property:\(property.encodedID):\(source):\(LocalWorkspace.workspaceID)}}"
      rest = rest[match.range.upperBound...]
    }
    result += rest
    do {
      _ = try Formula(parsing: result)
    } catch {
      throw Refusal.validation(
        "Formula is not covered by the embedded workspace or has an error: \(error)")
    }
    return result
  }
}

/// A property value as read, in plain terms.
struct Plain {
  var number: Double?
  var flag: Bool?
  var date: (text: String, moment: Double)?
  var text = ""
  var isEmpty = true

  /// Takes `{"type": t, t: value}`.
  init(value: JSON) {
    let type = value["type"]?.string ?? ""
    let held = value[type] ?? nil
    switch type {
    case "number":
      number = held.double
      text = held.isNull ? "" : held.text
    case "checkbox", "boolean":
      flag = held.bool
      text = held.bool == true ? "true" : "false"
    case "title", "rich_text": text = RichTextValue.text(held)
    case "select", "status": text = held["name"]?.string ?? ""
    case "multi_select":
      text = (held.array ?? []).compactMap { $0["name"]?.string }.joined(separator: ", ")
    case "date":
      text = held["start"]?.string ?? ""
      date = DateValues.moment(text).map { (text, $0) }
    case "created_time", "last_edited_time":
      text = held.string ?? ""
      date = DateValues.moment(text).map { (text, $0) }
    case "unique_id":
      number = held["number"]?.double
      let prefix = held["prefix"]?.string.map { "\($0)-" } ?? ""
      text = prefix + (held["number"]?.text ?? "")
    case "formula", "rollup":
      self = Plain(value: held)
      return
    case "array":
      text = (held.array ?? []).map { Plain(value: $0).text }.joined(separator: ", ")
    case "people", "files", "relation":
      text = (held.array ?? []).map { $0["name"]?.string ?? $0["id"]?.string ?? "" }
        .joined(separator: ", ")
    case "created_by", "last_edited_by": text = held["name"]?.string ?? ""
    default: text = held.string ?? ""
    }
    isEmpty = text.isEmpty && flag == nil
    if type == "checkbox" { isEmpty = flag != true }
  }
}
