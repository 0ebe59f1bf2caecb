import Transport

/// A query's filter, checked against the schema.
indirect enum Filter {
  case and([Filter])
  case or([Filter])
  case property(Property, Test)
  case created(Test)
  case edited(Test)
  /// A computed property's value, read as a property of the kind of the test.
  case computed(Property, kind: String, Test)
  /// A rollup's values: any, every or none of them passes.
  case rolled(Property, word: String, kind: String, Test)

  /// A test of one value.
  enum Test {
    case isEmpty(Bool)
    case text(TextTest, String)
    case number(NumberTest, Double)
    case flag(Bool)
    case options(Set<String>, isMember: Bool)
    case date(DateTest)
    case member(String, isMember: Bool)
  }

  enum TextTest: String {
    case equals, does_not_equal, contains, does_not_contain, starts_with, ends_with
  }

  enum NumberTest: String {
    case equals, does_not_equal, greater_than, less_than, greater_than_or_equal_to,
      less_than_or_equal_to
  }

  /// A span of time, in seconds since 1970, its end left out.
  enum DateTest {
    case within(Double, Double)
    case before(Double)
    case from(Double)
  }

  // MARK: - Reading

  static func read(_ json: JSON?, schemas: PropertySchemas, now: Double) throws -> Filter? {
    guard let json, !json.isNull else { return nil }
    return try read(json, at: "body.filter", depth: 0, schemas, now)
  }

  private static func read(
    _ json: JSON, at path: String, depth: Int, _ schemas: PropertySchemas, _ now: Double
  ) throws -> Filter {
    let members = try Check.object(json, at: path)
    for word in ["and", "or"] {
      guard let inner = members[word] else { continue }
      guard depth < 2 else { throw Refusal.absent("\(path).\(word)", inner) }
      try Check.keys(json, at: path, allowed: [word])
      let filters = try Check.array(inner, at: "\(path).\(word)").enumerated().map {
        try read($1, at: "\(path).\(word)[\($0)]", depth: depth + 1, schemas, now)
      }
      return word == "and" || filters.isEmpty ? .and(filters) : .or(filters)
    }
    if let stamp = members["timestamp"]?.string {
      guard ["created_time", "last_edited_time"].contains(stamp) else {
        throw Refusal.should(
          "\(path).timestamp", "`\"created_time\"` or `\"last_edited_time\"`", .string(stamp))
      }
      try Check.keys(json, at: path, allowed: ["timestamp", "type", stamp])
      guard let condition = members[stamp] else { throw Refusal.missing("\(path).\(stamp)") }
      let test = try date(condition, at: "\(path).\(stamp)", now)
      return stamp == "created_time" ? .created(test) : .edited(test)
    }
    let name = try Check.string(members["property"], at: "\(path).property")
    guard let property = schemas.find(name) else {
      throw Refusal.validation("Could not find property with name or id: \(name)")
    }
    let kinds = members.names.filter { $0 != "property" && $0 != "type" }
    guard let kind = kinds.first, kinds.count == 1, let condition = members[kind] else {
      throw Refusal.missing("\(path).\(property.type)")
    }
    if property.type == "formula", kind == "formula" {
      return try computed(property, condition, at: "\(path).formula", now)
    }
    if property.type == "rollup", kind == "rollup" {
      return try rolled(property, condition, at: "\(path).rollup", now)
    }
    let texts: Set<String> = ["title", "rich_text", "url", "email", "phone_number"]
    guard kind == property.type || (kind == "rich_text" && texts.contains(property.type)) else {
      throw Refusal.validation(
        "database property \(property.type) does not match filter \(kind)")
    }
    return .property(
      property, try test(condition, kind: property.type, at: "\(path).\(kind)", property, now))
  }

  private static func computed(
    _ property: Property, _ json: JSON, at path: String, _ now: Double
  ) throws -> Filter {
    let kinds = ["string": "rich_text", "number": "number", "checkbox": "checkbox", "date": "date"]
    guard let word = json.members?.names.first, json.members?.count == 1, let kind = kinds[word],
      let condition = json[word]
    else { throw Refusal.should(path, "a condition of string, number, checkbox or date", json) }
    return .computed(
      property, kind: kind, try test(condition, kind: kind, at: "\(path).\(word)", property, now))
  }

  private static func rolled(
    _ property: Property, _ json: JSON, at path: String, _ now: Double
  ) throws -> Filter {
    guard let word = json.members?.names.first, json.members?.count == 1, let inner = json[word]
    else { throw Refusal.should(path, "one condition", json) }
    if word == "number" || word == "date" {
      return .computed(
        property, kind: word, try test(inner, kind: word, at: "\(path).\(word)", property, now))
    }
    guard ["any", "every", "none"].contains(word), let kind = inner.members?.names.first,
      inner.members?.count == 1, let condition = inner[kind]
    else { throw Refusal.should("\(path).\(word)", "one condition", inner) }
    guard ["rich_text", "number", "checkbox", "date"].contains(kind) else {
      throw Refusal.validation("The embedded workspace does not cover rollup filters of \(kind).")
    }
    return .rolled(
      property, word: word, kind: kind,
      try test(condition, kind: kind, at: "\(path).\(word).\(kind)", property, now))
  }

  private static func test(
    _ json: JSON, kind: String, at path: String, _ property: Property, _ now: Double
  ) throws -> Test {
    let members = try Check.object(json, at: path)
    guard let word = members.names.first, members.count == 1, let value = members[word] else {
      throw Refusal.validation("body failed validation: \(path) should have exactly one condition.")
    }
    let place = "\(path).\(word)"
    if kind != "checkbox", word == "is_empty" || word == "is_not_empty" {
      guard value == true else { throw Refusal.should(place, "`true`", value) }
      return .isEmpty(word == "is_empty")
    }
    switch kind {
    case "title", "rich_text", "url", "email", "phone_number":
      guard let test = TextTest(rawValue: word) else { throw Refusal.absent(place, value) }
      return .text(test, try Check.string(value, at: place))
    case "number", "unique_id":
      guard let test = NumberTest(rawValue: word) else { throw Refusal.absent(place, value) }
      guard let number = value.double else { throw Refusal.should(place, "a number", value) }
      return .number(test, number)
    case "checkbox":
      guard word == "equals" || word == "does_not_equal" else { throw Refusal.absent(place, value) }
      let flag = try Check.bool(value, at: place)
      return .flag(word == "equals" ? flag : !flag)
    case "select", "status", "multi_select":
      let words =
        kind == "multi_select" ? ["contains", "does_not_contain"] : ["equals", "does_not_equal"]
      guard words.contains(word) else { throw Refusal.absent(place, value) }
      let names =
        try value.array?.map { try Check.string($0, at: place) }
        ?? [try Check.string(value, at: place)]
      let ids = (property.config["options"]?.array ?? []).filter {
        names.contains($0["name"]?.string ?? "")
      }.compactMap { $0["id"]?.string }
      return .options(Set(ids), isMember: word == words[0])
    case "date", "created_time", "last_edited_time":
      return try date(json, at: path, now)
    case "people", "relation", "created_by", "last_edited_by":
      guard word == "contains" || word == "does_not_contain" else {
        throw Refusal.absent(place, value)
      }
      // An internal bot is nobody's “me”.
      let id = value == "me" ? "me" : try Check.id(value, at: place)
      return .member(id, isMember: word == "contains")
    default:
      throw Refusal.absent(place, value)
    }
  }

  private static func date(_ json: JSON, at path: String, _ now: Double) throws -> Test {
    let members = try Check.object(json, at: path)
    guard let word = members.names.first, members.count == 1, let value = members[word] else {
      throw Refusal.validation("body failed validation: \(path) should have exactly one condition.")
    }
    let place = "\(path).\(word)"
    let day = 86_400.0
    let today = (now / day).rounded(.down) * day
    switch word {
    case "is_empty", "is_not_empty":
      guard value == true else { throw Refusal.should(place, "`true`", value) }
      return .isEmpty(word == "is_empty")
    case "past_week": return .date(.within(now - 7 * day, now + 60))
    case "past_month": return .date(.within(now - 31 * day, now + 60))
    case "past_year": return .date(.within(now - 366 * day, now + 60))
    case "next_week": return .date(.within(today, now + 7 * day + 60))
    case "next_month": return .date(.within(today, now + 31 * day + 60))
    case "next_year": return .date(.within(today, now + 366 * day + 60))
    case "this_week":
      // Day 0 of the era, 1970-01-01, was a Thursday; a week begins on Sunday.
      let weekday = (Int(today / day) + 4) % 7
      let start = today - Double(weekday) * day
      return .date(.within(start, start + 7 * day))
    default: break
    }
    let text = try Check.string(value, at: place)
    let relative = [
      "today": 0.0, "tomorrow": 1, "yesterday": -1, "one_week_ago": -7, "one_week_from_now": 7,
      "one_month_ago": -30, "one_month_from_now": 30,
    ]
    let start: Double
    let isDay: Bool
    if let days = relative[text] {
      start = today + days * day
      isDay = true
    } else if let moment = DateValues.moment(text) {
      isDay = DateValues.isDay(text)
      start = isDay ? moment : (moment / 60).rounded(.down) * 60
    } else {
      throw Refusal.should(place, "a valid ISO 8601 date string", value)
    }
    let end = start + (isDay ? day : 60)
    switch word {
    case "equals": return .date(.within(start, end))
    case "before": return .date(.before(start))
    case "after": return .date(.from(end))
    case "on_or_before": return .date(.before(end))
    case "on_or_after": return .date(.from(start))
    default: throw Refusal.absent(place, value)
    }
  }

  // MARK: - Matching

  func matches(_ record: Record, _ schemas: PropertySchemas, _ call: Call) throws -> Bool {
    switch self {
    case .and(let filters):
      return try filters.allSatisfy { try $0.matches(record, schemas, call) }
    case .or(let filters): return try filters.contains { try $0.matches(record, schemas, call) }
    case .computed(let property, let kind, let test):
      let read = try PropertyValues.json(nil, of: property, page: record, call: call)
      return Filter.matches(test, Plain(value: read), kind)
    case .rolled(let property, let word, let kind, let test):
      let items = try Computed.rolledUp(property, record, schemas, call)
      let passing = items.filter { Filter.matches(test, Plain(value: $0), kind) }.count
      // Without any relation, none passes and so does not every.
      switch word {
      case "any": return passing > 0
      case "none": return passing == 0
      default: return !items.isEmpty && passing == items.count
      }
    case .created(let test): return Filter.matches(test, moment: record.created)
    case .edited(let test): return Filter.matches(test, moment: record.edited)
    case .property(let property, let test): return Filter.matches(test, property, record)
    }
  }

  private static func matches(_ test: Test, moment: Double?) -> Bool {
    switch test {
    case .isEmpty(let wantsEmpty): return (moment == nil) == wantsEmpty
    case .date(let date):
      guard let moment else { return false }
      let minute = (moment / 60).rounded(.down) * 60
      switch date {
      case .within(let start, let end): return minute >= start && minute < end
      case .before(let end): return minute < end
      case .from(let start): return minute >= start
      }
    default: return false
    }
  }

  private static func matches(_ test: Test, _ plain: Plain, _ kind: String) -> Bool {
    switch kind {
    case "number": return matches(test, number: plain.number)
    case "date": return matches(test, moment: plain.date?.moment)
    case "checkbox":
      if case .flag(let flag) = test { return (plain.flag ?? false) == flag }
      return false
    default: return matches(test, text: plain.text)
    }
  }

  private static func matches(_ test: Test, _ property: Property, _ record: Record) -> Bool {
    let stored = record.content["values"]?[property.id]
    switch property.type {
    case "title", "rich_text": return matches(test, text: RichTextValue.text(stored))
    case "url", "email", "phone_number": return matches(test, text: stored?.string ?? "")
    case "number": return matches(test, number: stored?.double)
    case "unique_id": return matches(test, number: record.content["number"]?.double)
    case "checkbox":
      if case .flag(let flag) = test { return (stored?.bool ?? false) == flag }
      return false
    case "select", "status":
      switch test {
      case .isEmpty(let wantsEmpty): return (stored?.string == nil) == wantsEmpty
      case .options(let ids, let isMember):
        return ids.contains(stored?.string ?? "") == isMember
      default: return false
      }
    case "multi_select":
      let items = stored?.array ?? []
      switch test {
      case .isEmpty(let wantsEmpty): return items.isEmpty == wantsEmpty
      case .options(let ids, let isMember):
        return items.contains { ids.contains($0.string ?? "") } == isMember
      default: return false
      }
    case "date": return matches(test, moment: (stored?["start"]?.string).flatMap(DateValues.moment))
    case "created_time": return matches(test, moment: record.created)
    case "last_edited_time": return matches(test, moment: record.edited)
    case "people", "relation", "files":
      let items = stored?.array ?? []
      switch test {
      case .isEmpty(let wantsEmpty): return items.isEmpty == wantsEmpty
      case .member(let id, let isMember): return items.contains(.string(id)) == isMember
      default: return false
      }
    case "created_by", "last_edited_by":
      switch test {
      case .isEmpty(let wantsEmpty): return !wantsEmpty
      case .member(let id, let isMember): return (id == LocalWorkspace.botID) == isMember
      default: return false
      }
    default: return false
    }
  }

  /// Negations match empty cells too, as in Notion.
  private static func matches(_ test: Test, text: String) -> Bool {
    switch test {
    case .isEmpty(let wantsEmpty): return text.isEmpty == wantsEmpty
    case .text(let word, let wanted):
      let a = text.lowercased()
      let b = wanted.lowercased()
      switch word {
      case .equals: return text == wanted
      case .does_not_equal: return text != wanted
      case .contains: return b.isEmpty || a.contains(b)
      case .does_not_contain: return !(b.isEmpty || a.contains(b))
      case .starts_with: return a.hasPrefix(b)
      case .ends_with: return a.hasSuffix(b)
      }
    default: return false
    }
  }

  private static func matches(_ test: Test, number: Double?) -> Bool {
    switch test {
    case .isEmpty(let wantsEmpty): return (number == nil) == wantsEmpty
    case .number(let word, let wanted):
      guard let number else { return word == .does_not_equal }
      switch word {
      case .equals: return number == wanted
      case .does_not_equal: return number != wanted
      case .greater_than: return number > wanted
      case .less_than: return number < wanted
      case .greater_than_or_equal_to: return number >= wanted
      case .less_than_or_equal_to: return number <= wanted
      }
    default: return false
    }
  }
}
