public import Transport

extension AnswerType {
  /// The JSON Schema, in the subset that OpenAI's strict mode and Gemini both take.
  public var jsonSchema: JSON { AnswerSchema.whole(self) }

  /// The schema with a record at its root, which strict modes demand, and whether one was put around.
  var rootedSchema: (schema: JSON, isWrapped: Bool) {
    var root = self
    var isWrapped = false
    if case .record = self {
    } else {
      root = .record([Field("value", self)])
      isWrapped = true
    }
    return (AnswerSchema.whole(root), isWrapped)
  }
}

/// A shape on its way to a JSON Schema that the services take.
///
/// Shapes that occur several times, as those of rows asked together do, stand once, in `$defs`. Lists of
/// options that are too long for a service stand in a description instead: what an answer says is
/// checked here in any case.
struct AnswerSchema {
  private var definitions = JSON.Members()
  private var names: [AnswerType: String] = [:]
  private var shared: Set<AnswerType> = []
  private var enumerated: Set<[String]> = []

  /// The most options in all lists together, the most characters of one list of more than 250 options,
  /// and of all lists together.
  ///
  /// - Source: OpenAI, “Structured model outputs”: 1,000, 15,000 and 120,000 with the names of fields.
  private static let most = (options: 1_000, longList: 15_000, characters: 100_000)

  /// Looks at a shape: what occurs in it several times, and which lists of options may stand as such.
  init(_ type: AnswerType) {
    var counts: [AnswerType: Int] = [:]
    AnswerSchema.count(type, &counts)
    shared = Set(
      counts.filter { entry in
        switch entry.key {
        case .option, .list, .record: entry.value > 1
        default: false
        }
      }.keys)
    var options = 0
    var characters = 0
    let lists = counts.keys.compactMap { type -> [String]? in
      if case .option(let names) = type { names } else { nil }
    }
    for list in lists.sorted(by: { ($0.count, $0.joined()) < ($1.count, $1.joined()) }) {
      let length = list.reduce(0) { $0 + $1.count }
      guard options + list.count <= AnswerSchema.most.options,
        characters + length <= AnswerSchema.most.characters,
        list.count <= 250 || length <= AnswerSchema.most.longList
      else { continue }
      options += list.count
      characters += length
      enumerated.insert(list)
    }
  }

  /// How often each shape is written; what is within one that occurs again is written once with it.
  private static func count(_ type: AnswerType, _ counts: inout [AnswerType: Int]) {
    counts[type, default: 0] += 1
    guard counts[type] == 1 else { return }
    switch type {
    case .list(let item): count(item, &counts)
    case .record(let fields): for field in fields { count(field.type, &counts) }
    default: break
    }
  }

  /// The schema of a shape of any kind, with its definitions.
  static func whole(_ type: AnswerType) -> JSON {
    var schema = AnswerSchema(type)
    return schema.root(type)
  }

  /// The whole schema of a record, with its definitions.
  mutating func root(_ type: AnswerType) -> JSON {
    var members = plain(type).members ?? [:]
    if !definitions.isEmpty { members["$defs"] = .object(definitions) }
    return .object(members)
  }

  /// The schema of a part.
  mutating func of(_ type: AnswerType) -> JSON {
    guard shared.contains(type) else { return plain(type) }
    if let name = names[type] { return ["$ref": .string("#/$defs/\(name)")] }
    let name = "t\(names.count + 1)"
    names[type] = name
    definitions[name] = plain(type)
    return ["$ref": .string("#/$defs/\(name)")]
  }

  private mutating func plain(_ type: AnswerType) -> JSON {
    switch type {
    case .text: return ["type": "string"]
    case .number(let minimum, let maximum):
      var members: JSON.Members = ["type": "number"]
      if let minimum { members["minimum"] = .number(minimum) }
      if let maximum { members["maximum"] = .number(maximum) }
      return .object(members)
    case .flag: return ["type": "boolean"]
    case .date:
      return [
        "type": "string", "format": "date", "description": "ISO 8601 date, such as 2025-01-31",
      ]
    case .option(let names):
      guard enumerated.contains(names) else {
        return [
          "type": "string", "description": .string("Exactly one of \(AnswerSchema.list(names))"),
        ]
      }
      return ["type": "string", "enum": .array(names.map(JSON.string))]
    case .list(let item): return ["type": "array", "items": of(item)]
    case .record(let fields):
      var properties = JSON.Members()
      for field in fields { properties[field.name] = of(field.type) }
      return [
        "type": "object", "properties": .object(properties),
        "required": .array(fields.map { .string($0.name) }), "additionalProperties": false,
      ]
    }
  }

  /// Options in words; the first thousands of characters of very many.
  static func list(_ names: [String]) -> String {
    var text = ""
    for (index, name) in names.enumerated() {
      guard text.count < 12_000 else { return text + " and \(names.count - index) more" }
      text += (index == 0 ? "" : ", ") + "“\(name)”"
    }
    return text
  }
}
