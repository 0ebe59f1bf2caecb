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

  static func read(_ json: JSON?, schemas: PropertySchemas, _ call: Call) throws -> Filter? {
    guard let json, !json.isNull else { return nil }
    return try read(json, at: "body.filter", depth: 0, schemas, call)
  }

  private static func read(
    _ json: JSON, at path: String, depth: Int, _ schemas: PropertySchemas, _ call: Call
  ) throws -> Filter {
    let members = try Check.object(json, at: path)
    for word in ["and", "or"] {
      guard let inner = members[word] else { continue }
      guard depth < 2 else { throw Refusal.absent("\(path).\(word)", inner) }
      try Check.keys(json, at: path, allowed: [word])
      let filters = try Check.array(inner, at: "\(path).\(word)").enumerated().map {
        try read($1, at: "\(path).\(word)[\($0)]", depth: depth + 1, schemas, call)
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
      let test = try date(condition, at: "\(path).\(stamp)", call.now)
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
      return try computed(property, condition, at: "\(path).formula", call)
    }
    if property.type == "rollup", kind == "rollup" {
      return try rolled(property, condition, at: "\(path).rollup", schemas, call)
    }
    let texts: Set<String> = ["title", "rich_text", "url", "email", "phone_number"]
    guard kind == property.type || (kind == "rich_text" && texts.contains(property.type)) else {
      throw Refusal.validation(
        "database property \(property.type) does not match filter \(kind)")
    }
    return .property(
      property, try test(condition, kind: property.type, at: "\(path).\(kind)", property, call))
  }

  private static func computed(
    _ property: Property, _ json: JSON, at path: String, _ call: Call
  ) throws -> Filter {
    let kinds = ["string": "rich_text", "number": "number", "checkbox": "checkbox", "date": "date"]
    guard let word = json.members?.names.first, json.members?.count == 1, let kind = kinds[word],
      let condition = json[word]
    else { throw Refusal.should(path, "a condition of string, number, checkbox or date", json) }
    return .computed(
      property, kind: kind, try test(condition, kind: kind, at: "\(path).\(word)", property, call))
  }

  private static func rolled(
    _ property: Property, _ json: JSON, at path: String, _ schemas: PropertySchemas, _ call: Call
  ) throws -> Filter {
    guard let word = json.members?.names.first, json.members?.count == 1, let inner = json[word]
    else { throw Refusal.should(path, "one condition", json) }
    if word == "number" || word == "date" {
      return .computed(
        property, kind: word, try test(inner, kind: word, at: "\(path).\(word)", property, call))
    }
    guard ["any", "every", "none"].contains(word), let kind = inner.members?.names.first,
      inner.members?.count == 1, let condition = inner[kind]
    else { throw Refusal.should("\(path).\(word)", "one condition", inner) }
    let kinds = [
      "rich_text", "number", "checkbox", "select", "multi_select", "status", "relation", "date",
      "people", "files",
    ]
    guard kinds.contains(kind) else {
      throw Refusal.absent("\(path).\(word).\(kind)", condition)
    }
    // Options are named as the property at the other end has them.
    let rolled = try Computed.rolledProperty(property, schemas, call)
    return .rolled(
      property, word: word, kind: kind,
      try test(
        condition, kind: kind, at: "\(path).\(word).\(kind)", rolled ?? property, call))
  }

  private static func test(
    _ json: JSON, kind: String, at path: String, _ property: Property, _ call: Call
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
      if kind == "status", word == "group" {
        guard call.betas.contains(Beta.statusGroups) else { throw Refusal.absent(place, value) }
        let inner = try Check.object(value, at: place)
        guard let test = inner.names.first, words.contains(test), inner.count == 1 else {
          throw Refusal.missing("\(place).equals")
        }
        return .options(
          try ids(inner[test] ?? nil, in: property, ofGroups: true, at: "\(place).\(test)"),
          isMember: test == "equals")
      }
      guard words.contains(word) else { throw Refusal.absent(place, value) }
      return .options(
        try ids(value, in: property, ofGroups: false, at: place), isMember: word == words[0])
    case "verification":
      guard word == "status" || word == "does_not_equal" else {
        throw Refusal.absent(place, value)
      }
      let state = try Check.string(value, at: place)
      guard ["verified", "expired", "none"].contains(state) else {
        throw Refusal.should(place, "`\"verified\"`, `\"expired\"` or `\"none\"`", value)
      }
      return .options([state], isMember: word == "status")
    case "date", "created_time", "last_edited_time":
      return try date(json, at: path, call.now)
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

  /// The identities of options by their names; a status's group stands for all of its options.
  private static func ids(
    _ json: JSON, in property: Property, ofGroups: Bool, at path: String
  ) throws -> Set<String> {
    let names =
      try json.array?.enumerated().map { try Check.string($1, at: "\(path)[\($0)]") }
      ?? [try Check.string(json, at: path)]
    let options = property.config["options"]?.array ?? []
    let groups = property.config["groups"]?.array ?? []
    var ids = Set<String>()
    for name in names {
      let id = options.first { $0["name"]?.string == name }?["id"]?.string
      if let id, !ofGroups {
        ids.insert(id)
      } else if let group = groups.first(where: { $0["name"]?.string == name }) {
        ids.formUnion((group["option_ids"]?.array ?? []).compactMap(\.string))
      }
    }
    return ids
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
      let passing = items.filter { Filter.matches(test, answer: $0, kind) }.count
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
    case "verification":
      guard case .options(let states, let isMember) = test else { return false }
      let state = stored?["state"]?.string ?? "unverified"
      return states.contains(state == "unverified" ? "none" : state) == isMember
    case "title", "rich_text": return matches(test, text: RichTextValue.text(stored))
    case "url", "email", "phone_number": return matches(test, text: stored?.string ?? "")
    case "number": return matches(test, number: stored?.double)
    case "unique_id": return matches(test, number: record.content["number"]?.double)
    case "checkbox":
      if case .flag(let flag) = test { return (stored?.bool ?? false) == flag }
      return false
    case "select", "status":
      let id = stored?.string.flatMap { property.optionIDs.contains($0) ? $0 : nil }
      return matches(test, members: id.map { [$0] } ?? [])
    case "multi_select":
      let known = property.optionIDs
      return matches(
        test, members: (stored?.array ?? []).compactMap(\.string).filter(known.contains))
    case "date": return matches(test, moment: (stored?["start"]?.string).flatMap(DateValues.moment))
    case "created_time": return matches(test, moment: record.created)
    case "last_edited_time": return matches(test, moment: record.edited)
    case "people", "relation":
      return matches(test, members: (stored?.array ?? []).compactMap(\.string))
    case "files":
      guard case .isEmpty(let wantsEmpty) = test else { return false }
      return (stored?.array ?? []).isEmpty == wantsEmpty
    case "created_by", "last_edited_by":
      switch test {
      case .isEmpty(let wantsEmpty): return !wantsEmpty
      case .member(let id, let isMember): return (id == LocalWorkspace.botID) == isMember
      default: return false
      }
    default: return false
    }
  }

  /// Tests the identities that a value holds: options, people, pages.
  private static func matches(_ test: Test, members: [String]) -> Bool {
    switch test {
    case .isEmpty(let wantsEmpty): members.isEmpty == wantsEmpty
    case .options(let ids, let isMember): members.contains(where: ids.contains) == isMember
    case .member(let id, let isMember): members.contains(id) == isMember
    default: false
    }
  }

  /// Tests a value as answers have it: `{"type": t, t: value}`.
  private static func matches(_ test: Test, answer: JSON, _ kind: String) -> Bool {
    let type = answer["type"]?.string ?? ""
    let held = answer[type] ?? nil
    switch kind {
    case "select", "status":
      return matches(test, members: held["id"]?.string.map { [$0] } ?? [])
    case "multi_select", "people", "relation":
      return matches(test, members: (held.array ?? []).compactMap { $0["id"]?.string })
    case "files":
      guard case .isEmpty(let wantsEmpty) = test else { return false }
      return (held.array ?? []).isEmpty == wantsEmpty
    default: return matches(test, Plain(value: answer), kind)
    }
  }

  /// Whether `equals` on texts tells capital letters apart.
  ///
  /// Unproven: all that is recorded did.
  private static let equalsTellsCase = true

  /// Negations match empty cells too, as in Notion.
  private static func matches(_ test: Test, text: String) -> Bool {
    switch test {
    case .isEmpty(let wantsEmpty): return text.isEmpty == wantsEmpty
    case .text(let word, let wanted):
      let a = Folding.lower(text)
      let b = Folding.lower(wanted)
      let isEqual = equalsTellsCase ? text == wanted : a == b
      switch word {
      case .equals: return isEqual
      case .does_not_equal: return !isEqual
      case .contains: return a.hasBytes(b)
      case .does_not_contain: return !a.hasBytes(b)
      case .starts_with: return a.utf8.starts(with: b.utf8)
      case .ends_with: return a.utf8.reversed().starts(with: b.utf8.reversed())
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
