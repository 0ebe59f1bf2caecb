import GRDB
import Transport

/// Relations between data sources, both ends kept alike.
enum Relations {
  /// Checks the relations of a data source, and makes the other end of each two-way one.
  ///
  /// - Returns: The source as it is now.
  static func link(_ source: Record, _ call: Call) throws -> Record {
    var schemas = source.schemas
    var hasChanged = false
    for (index, property) in schemas.properties.enumerated() where property.type == "relation" {
      let id = property.config["data_source_id"]?.string ?? ""
      // A source of the same request may name itself only once it is there.
      let target = try DataSources.find(id, call)
      guard let dual = property.config["dual_property"], dual["synced_property_id"] == nil else {
        continue
      }
      var others =
        target.id == source.id
        ? schemas : target.schemas
      let title = RichTextValue.text(source.content["title"])
      let name =
        dual["synced_property_name"]?.string ?? "Related to \(title) (\(property.name))"
      guard !others.properties.contains(where: { $0.name == name }) else {
        throw Refusal.validation("There is already a property called \(name).")
      }
      let mirror = Property(
        id: Identity.property(taken: Set(others.properties.map(\.id))), name: name,
        type: "relation", config: config(source.id, name: property.name, id: property.id))
      others.properties.append(mirror)
      if target.id == source.id {
        schemas = others
      } else {
        try save(others, in: target, call)
      }
      schemas.properties[index].config = config(target.id, name: mirror.name, id: mirror.id)
      hasChanged = true
    }
    for (index, property) in schemas.properties.enumerated() {
      let config: JSON
      switch property.type {
      case "formula":
        let expression = property.config["expression"]?.string ?? ""
        config = [
          "expression": .string(try Computed.kept(expression, schemas: schemas, source: source.id))
        ]
      case "rollup": config = try rollup(property, schemas, call)
      default: continue
      }
      guard config != property.config else { continue }
      schemas.properties[index].config = config
      hasChanged = true
    }
    return hasChanged ? try save(schemas, in: source, call) : source
  }

  /// A rollup's ends, found by name or identity.
  private static func rollup(
    _ property: Property, _ schemas: PropertySchemas, _ call: Call
  ) throws -> JSON {
    let config = property.config
    let via = config["relation_property_id"]?.string ?? config["relation_property_name"]?.string
    guard let relation = via.flatMap({ schemas.find($0) }), relation.type == "relation" else {
      throw Refusal.validation(
        "Could not find relation property with name or id: \(via ?? "undefined")")
    }
    let target = try DataSources.find(relation.config["data_source_id"]?.string ?? "", call)
    let others = target.schemas
    let what = config["rollup_property_id"]?.string ?? config["rollup_property_name"]?.string
    guard let rolled = what.flatMap({ others.find($0) }) else {
      throw Refusal.validation(
        "Could not find rollup property with name or id: \(what ?? "undefined")")
    }
    return [
      "rollup_property_name": .string(rolled.name),
      "relation_property_name": .string(relation.name),
      "rollup_property_id": .string(rolled.id), "relation_property_id": .string(relation.id),
      "function": config["function"] ?? "show_original",
    ]
  }

  private static func config(_ source: String, name: String, id: String) -> JSON {
    [
      "data_source_id": .string(source), "type": "dual_property",
      "dual_property": ["synced_property_name": .string(name), "synced_property_id": .string(id)],
    ]
  }

  @discardableResult
  private static func save(
    _ schemas: PropertySchemas, in source: Record, _ call: Call
  ) throws -> Record {
    var record = try DataSources.find(source.id, call)
    var content = record.content.members ?? [:]
    content["properties"] = schemas.stored
    record.content = .object(content)
    try Storage.update(record, call)
    return record
  }

  /// A property as answers have it, with what only other records know.
  static func json(_ property: Property, _ call: Call) throws -> JSON {
    guard property.type == "relation", let id = property.config["data_source_id"]?.string,
      let target = try Storage.find(id, call.database)
    else { return property.json }
    var shown = property
    var config: JSON.Members = [
      "database_id": .string(target.parent), "data_source_id": .string(id),
      "type": property.config["type"] ?? "single_property",
    ]
    if let dual = property.config["dual_property"] {
      let synced = dual["synced_property_id"]?.string ?? ""
      let others = target.schemas
      let name = others.properties.first { $0.id == synced }?.name
      config["dual_property"] = [
        "synced_property_name": name.map(JSON.string) ?? dual["synced_property_name"] ?? nil,
        "synced_property_id": .string(Identity.encoded(synced)),
      ]
    } else {
      config["single_property"] = [:]
    }
    shown.config = .object(config)
    return shown.json
  }

  /// Checks what relations of a page point at, and keeps the other ends alike.
  static func mirror(_ page: Record, before: JSON.Members, _ call: Call) throws {
    let values = page.content["values"]
    for property in try Pages.schemas(of: page, call).properties
    where property.type == "relation" && values?[property.id] != before[property.id] {
      let old = Set((before[property.id]?.array ?? []).compactMap(\.string))
      let new = Set((values?[property.id]?.array ?? []).compactMap(\.string))
      let target = property.config["data_source_id"]?.string
      for id in new.subtracting(old).sorted() {
        guard let other = try call.find(id), other.kind == .page else {
          throw Refusal.notFound("page", id)
        }
        guard other.parent == target else {
          throw Refusal.validation(
            "Page \(id) is not in the data source that \(property.name) relates to.")
        }
      }
      guard let synced = property.config["dual_property"]?["synced_property_id"]?.string else {
        continue
      }
      for id in old.symmetricDifference(new).sorted() {
        guard var other = try Storage.find(id, call.database) else { continue }
        var content = other.content.members ?? [:]
        var theirs = content["values"]?.members ?? [:]
        var list = theirs[synced]?.array ?? []
        list.removeAll { $0 == .string(page.id) }
        if new.contains(id) { list.append(.string(page.id)) }
        theirs[synced] = .array(list)
        content["values"] = .object(theirs)
        other.content = .object(content)
        try Storage.update(other, call)
      }
    }
  }
}
