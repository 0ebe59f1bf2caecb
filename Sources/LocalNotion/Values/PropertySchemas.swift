import Transport

/// One property of a data source, as it is kept.
struct Property {
  /// Decoded identity.
  let id: String
  /// The identity as answers spell it.
  let encodedID: String
  var name: String
  var type: String
  var config: JSON
  var description: JSON

  init(id: String, name: String, type: String, config: JSON, description: JSON = nil) {
    self.id = id
    self.name = name
    self.type = type
    self.config = config
    self.description = description
    encodedID = Identity.encoded(id)
  }

  init(stored: JSON) {
    self.init(
      id: stored["id"]?.string ?? "", name: stored["name"]?.string ?? "",
      type: stored["type"]?.string ?? "", config: stored["config"] ?? [:],
      description: stored["description"] ?? nil)
  }

  var stored: JSON {
    [
      "id": .string(id), "name": .string(name), "type": .string(type), "config": config,
      "description": description,
    ]
  }

  /// As answers have it.
  var json: JSON {
    .object(
      JSON.Members([
        ("id", .string(encodedID)), ("name", .string(name)), ("description", description),
        ("type", .string(type)), (type, config),
      ]))
  }

  /// Whether a request means this one: by name, identity, or the word `title`.
  func isNamed(_ text: String) -> Bool {
    name == text || encodedID == text || id == text || (type == "title" && text == "title")
  }

  /// The identities of its options, in their order.
  var optionIDs: [String] { (config["options"]?.array ?? []).compactMap { $0["id"]?.string } }

  /// What a status is when none was given: the first option that is still to do.
  ///
  /// Likely, not recorded; see also ``PropertyValues/read(_:for:at:)`` for `null`.
  var defaultStatus: JSON? {
    let toDo = config["groups"]?[0]?["option_ids"]?.array ?? []
    return (config["options"]?.array ?? []).compactMap { $0["id"] }.first(where: toDo.contains)
      ?? config["options"]?[0]?["id"]
  }

  var optionNames: [String] { (config["options"]?.array ?? []).compactMap { $0["name"]?.string } }
}

/// A data source's schema.
struct PropertySchemas {
  var properties: [Property] { didSet { inOrder = PropertySchemas.ordered(properties) } }
  /// In the order of answers: by decoded identity, the title last.
  private(set) var inOrder: [Property]

  static let creatable: Set<String> = [
    "title", "rich_text", "number", "select", "multi_select", "status", "date", "people", "files",
    "checkbox", "url", "email", "phone_number", "created_time", "created_by", "last_edited_time",
    "last_edited_by", "unique_id", "relation", "formula", "rollup", "place", "button",
    "verification",
  ]
  private static let uncovered: Set<String> = ["location", "last_visited_time"]
  private static let plain: Set<String> = [
    "title", "rich_text", "date", "people", "files", "checkbox", "url", "email", "phone_number",
    "created_time", "created_by", "last_edited_time", "last_edited_by", "place", "button",
    "verification",
  ]

  init(properties: [Property]) {
    self.properties = properties
    inOrder = PropertySchemas.ordered(properties)
  }

  init(stored: JSON?) {
    self.init(properties: (stored?.array ?? []).map(Property.init(stored:)))
  }

  var stored: JSON { .array(properties.map(\.stored)) }

  func find(_ text: String) -> Property? {
    properties.first { $0.name == text } ?? properties.first { $0.isNamed(text) }
  }

  private static func ordered(_ properties: [Property]) -> [Property] {
    properties.sorted { a, b in
      if (a.type == "title") != (b.type == "title") { return b.type == "title" }
      return a.id.utf8.lexicographicallyPrecedes(b.id.utf8)
    }
  }

  /// The schema of a new data source.
  static func created(from json: JSON?, at path: String) throws -> PropertySchemas {
    var schemas = PropertySchemas(properties: [])
    let given = try json.map { try Check.object($0, at: path) } ?? JSON.Members()
    for (name, config) in given {
      try schemas.add(name: name, config, at: "\(path).\(name)")
    }
    let titles = schemas.properties.filter { $0.type == "title" }.count
    guard titles <= 1 else {
      throw Refusal.validation("A database must have exactly one title property.")
    }
    if titles == 0 {
      schemas.properties.append(Property(id: "title", name: "Name", type: "title", config: [:]))
    }
    return schemas
  }

  private mutating func add(name: String, _ json: JSON, at path: String) throws {
    let (type, config) = try PropertySchemas.typed(json, at: path)
    guard !properties.contains(where: { $0.name == name }) else {
      throw Refusal.validation("There is already a property called \(name).")
    }
    let id = type == "title" ? "title" : Identity.property(taken: Set(properties.map(\.id)))
    properties.append(
      Property(
        id: id, name: name, type: type,
        config: try PropertySchemas.config(type, config, previous: nil, at: "\(path).\(type)"),
        description: json["description"] ?? nil))
  }

  /// Changes the schema as `PATCH /v1/data_sources` does.
  mutating func update(from json: JSON, at path: String) throws {
    for (key, change) in try Check.object(json, at: path) {
      let place = "\(path).\(key)"
      guard
        let index = properties.firstIndex(where: { $0.name == key })
          ?? properties.firstIndex(where: { $0.isNamed(key) })
      else {
        guard !change.isNull else {
          throw Refusal.validation("\(key) is not a property that exists.")
        }
        try add(name: change["name"]?.string ?? key, change, at: place)
        continue
      }
      if change.isNull {
        guard properties[index].type != "title" else {
          throw Refusal.validation("Cannot delete the title property.")
        }
        properties.remove(at: index)
        continue
      }
      if let name = change["name"] {
        let text = try Check.string(name, at: "\(place).name")
        if properties.enumerated().contains(where: { $0.offset != index && $0.element.name == text }
        ) {
          throw Refusal.validation("There is already a property called \(text).")
        }
        properties[index].name = text
      }
      if let description = change["description"] { properties[index].description = description }
      let types = (change.members?.names ?? []).filter {
        PropertySchemas.creatable.contains($0) || PropertySchemas.uncovered.contains($0)
      }
      guard !types.isEmpty else { continue }
      let (type, config) = try PropertySchemas.typed(change, at: place)
      if properties[index].type == type {
        properties[index].config = try PropertySchemas.config(
          type, config, previous: properties[index].config, at: "\(place).\(type)")
      } else {
        guard properties[index].type != "title", type != "title" else {
          throw Refusal.validation("Cannot change the type of the title property.")
        }
        properties[index].type = type
        properties[index].config = try PropertySchemas.config(
          type, config, previous: nil, at: "\(place).\(type)")
      }
    }
  }

  private static func typed(_ json: JSON, at path: String) throws -> (String, JSON) {
    let members = try Check.object(json, at: path)
    let names = members.names.filter { creatable.contains($0) || uncovered.contains($0) }
    guard let type = names.first, names.count == 1 else {
      throw Refusal.oneOf(creatable.sorted(), at: path)
    }
    guard creatable.contains(type) else {
      throw Refusal.validation("The embedded workspace does not cover \(type) properties.")
    }
    for (name, value) in members where !["type", "name", "description", type].contains(name) {
      throw Refusal.absent("\(path).\(name)", value)
    }
    if let given = members["type"]?.string, given != type {
      throw Refusal.should("\(path).type", "`\"\(type)\"`", .string(given))
    }
    return (type, members[type] ?? [:])
  }

  private static func config(
    _ type: String, _ json: JSON, previous: JSON?, at path: String
  ) throws -> JSON {
    if plain.contains(type) {
      try Check.keys(json, at: path, allowed: [])
      return [:]
    }
    switch type {
    case "number":
      try Check.keys(json, at: path, allowed: ["format"])
      let format = json["format"] ?? previous?["format"] ?? "number"
      _ = try Check.string(format, at: "\(path).format")
      return ["format": format]
    case "unique_id":
      try Check.keys(json, at: path, allowed: ["prefix"])
      return ["prefix": json["prefix"] ?? previous?["prefix"] ?? nil]
    case "relation":
      try Check.keys(
        json, at: path,
        allowed: ["data_source_id", "type", "single_property", "dual_property", "database_id"])
      let target = try Check.id(json["data_source_id"], at: "\(path).data_source_id")
      if let dual = json["dual_property"] {
        try Check.keys(
          dual, at: "\(path).dual_property",
          allowed: ["synced_property_name", "synced_property_id"])
        // An update that says what is there already keeps the other end.
        if previous?["data_source_id"] == .string(target), previous?["dual_property"] != nil {
          return previous ?? [:]
        }
        var other = JSON.Members()
        other["synced_property_name"] = dual["synced_property_name"]
        return [
          "data_source_id": .string(target), "type": "dual_property",
          "dual_property": .object(other),
        ]
      }
      return [
        "data_source_id": .string(target), "type": "single_property", "single_property": [:],
      ]
    case "formula":
      try Check.keys(json, at: path, allowed: ["expression"])
      return [
        "expression": .string(try Check.string(json["expression"], at: "\(path).expression"))
      ]
    case "rollup":
      try Check.keys(
        json, at: path,
        allowed: [
          "relation_property_name", "relation_property_id", "rollup_property_name",
          "rollup_property_id", "function",
        ])
      let function = try Check.string(json["function"], at: "\(path).function")
      guard Computed.functions.contains(function) else {
        throw Refusal.should(
          "\(path).function",
          Computed.functions.sorted().map { "`\"\($0)\"`" }.joined(separator: ", "),
          .string(function))
      }
      return json
    default:
      try Check.keys(json, at: path, allowed: ["options"])
      return try options(type, json, previous: previous, at: path)
    }
  }

  private static let groupNames = ["To-do", "In progress", "Complete"]

  /// The full new list of options; known ones keep their identity and colour.
  private static func options(
    _ type: String, _ json: JSON, previous: JSON?, at path: String
  ) throws -> JSON {
    let before = previous?["options"]?.array ?? []
    var options: [JSON] = []
    var groups: [String: String] = [:]
    if let given = json["options"] {
      for (index, option) in try Check.array(given, at: "\(path).options").enumerated() {
        let place = "\(path).options[\(index)]"
        try Check.keys(
          option, at: place, allowed: ["id", "name", "color", "description", "group"])
        let group = try option["group"].map { try Check.string($0, at: "\(place).group") }
        if let group, type != "status" || !groupNames.contains(group) {
          throw Refusal.should(
            "\(place).group", groupNames.map { "`\"\($0)\"`" }.joined(separator: ", "),
            .string(group))
        }
        let known = before.first {
          ($0["id"] != nil && $0["id"] == option["id"]) || $0["name"] == option["name"]
        }
        if let known {
          // A known option keeps its name and colour, whatever is said of them.
          options.append(known)
          if let group, let id = known["id"]?.string { groups[id] = group }
          continue
        }
        let name = try Check.string(option["name"], at: "\(place).name", atMost: 100)
        try checkOption(name)
        guard !options.contains(where: { $0["name"]?.string?.lowercased() == name.lowercased() })
        else {
          throw Refusal.validation("Select options must be unique: \(name)")
        }
        let color = option["color"] ?? "default"
        guard RichTextValue.optionColors.contains(color.string ?? "") else {
          throw Refusal.should("\(place).color", "a valid color", color)
        }
        let made: JSON = [
          "id": .string(Identity.make()), "name": .string(name), "color": color,
          "description": option["description"] ?? nil,
        ]
        if let group = option["group"]?.string, let id = made["id"]?.string { groups[id] = group }
        options.append(made)
      }
    } else if type == "status", !before.isEmpty {
      options = before
    } else if type == "status" {
      options = [("Not started", "default"), ("In progress", "blue"), ("Done", "green")].map {
        [
          "id": .string(Identity.make()), "name": .string($0.0), "color": .string($0.1),
          "description": nil,
        ]
      }
      groups = Dictionary(
        zip(options.compactMap { $0["id"]?.string }, ["To-do", "In progress", "Complete"]),
        uniquingKeysWith: { first, _ in first })
    }
    guard type == "status" else { return ["options": .array(options)] }
    let named = [("To-do", "gray"), ("In progress", "blue"), ("Complete", "green")]
    let old = previous?["groups"]?.array ?? []
    return [
      "options": .array(options),
      "groups": .array(
        named.map { name, color in
          let previousIDs =
            old.first { $0["name"]?.string == name }?["option_ids"]?.array ?? []
          let ids = options.compactMap { $0["id"] }.filter { id in
            if let wanted = id.string.flatMap({ groups[$0] }) { return wanted == name }
            if previousIDs.contains(id) { return true }
            let isElsewhere = old.contains { ($0["option_ids"]?.array ?? []).contains(id) }
            return !isElsewhere && name == "To-do"
          }
          return [
            "id": old.first { $0["name"]?.string == name }?["id"] ?? .string(Identity.make()),
            "name": .string(name), "color": .string(color),
            "option_ids": .array(ids),
          ]
        }),
    ]
  }

  static func checkOption(_ name: String) throws {
    guard !name.contains(",") else {
      throw Refusal.validation("Invalid select option, commas not allowed: \(name)")
    }
  }
}
