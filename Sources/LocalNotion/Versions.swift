import GRDB
import HTTPTypes
import Transport

/// What older versions of the API say differently; inside, everything is 2026-03-11.
///
/// - Source: Notion API, “Changes by version” and the upgrade guides 2025-09-03 and 2026-03-11.
enum Version: String, Comparable {
  case v2022 = "2022-06-28"
  case v2025 = "2025-09-03"
  case v2026 = "2026-03-11"

  static func < (a: Version, b: Version) -> Bool { a.rawValue < b.rawValue }

  /// Reads the header.
  static func read(_ fields: HTTPFields) throws -> Version {
    guard let text = HTTPField.Name("Notion-Version").flatMap({ fields[$0] }) else {
      throw Refusal(
        status: 400, code: "missing_version",
        message: "Notion-Version header failed validation: Notion-Version header should be "
          + "defined, instead was `undefined`.")
    }
    guard let version = Version(rawValue: text) else {
      throw Refusal.validation(
        "The embedded workspace speaks Notion-Version 2022-06-28, 2025-09-03 and 2026-03-11, not "
          + "`\(text)`.")
    }
    return version
  }

  // MARK: - Requests

  /// A request's body in today's words.
  func upgraded(_ body: JSON, method: String, path: [String]) throws -> JSON {
    guard self < .v2026, var members = body.members else { return body }
    if let archived = members["archived"] {
      members["in_trash"] = members["in_trash"] ?? archived
      members["archived"] = nil
    }
    if path.last == "children", let after = members["after"] {
      members["after"] = nil
      members["position"] = ["type": "after_block", "after_block": ["id": after]]
    }
    guard self == .v2022 else { return .object(members) }
    if method == "POST", path == ["databases"], let properties = members["properties"] {
      members["properties"] = nil
      members["initial_data_source"] = ["properties": properties]
    }
    if path == ["search"], members["filter"]?["value"] == "database",
      var filter = members["filter"]?.members
    {
      filter["value"] = "data_source"
      members["filter"] = .object(filter)
    }
    return .object(members)
  }

  /// A relation that names its database, as old versions do, made to name its data source.
  func upgradedSchemas(_ schemas: JSON, _ database: Database) throws -> JSON {
    guard self == .v2022, let given = schemas.members else { return schemas }
    var members = given
    for (name, schema) in given {
      guard var whole = schema.members, var relation = whole["relation"]?.members,
        relation["data_source_id"] == nil,
        let id = relation["database_id"]?.string.flatMap(Identity.parse)
      else { continue }
      relation["database_id"] = nil
      relation["data_source_id"] = .string(
        try Storage.sources(of: id, database).first?.id ?? id)
      whole["relation"] = .object(relation)
      members[name] = .object(whole)
    }
    return .object(members)
  }

  // MARK: - Answers

  /// An answer in this version's words.
  func downgraded(_ json: JSON, _ call: Call) throws -> JSON {
    guard self < .v2026 else { return json }
    switch json {
    case .array(let items): return .array(try items.map { try downgraded($0, call) })
    case .object(var members):
      switch members["object"]?.string {
      case "list":
        members["results"] = try members["results"].map { try downgraded($0, call) }
        if self == .v2022, members["type"] == "page_or_data_source" {
          members["type"] = "page_or_database"
          members["page_or_data_source"] = nil
          members["page_or_database"] = [:]
        }
      case "page":
        if self == .v2022, let parent = members["parent"], parent["type"] == "data_source_id" {
          members["parent"] = [
            "type": "database_id", "database_id": parent["database_id"] ?? nil,
          ]
        }
        members["archived"] = members["in_trash"]
      case "block", "file_upload": members["archived"] = members["in_trash"]
      case "database":
        if self == .v2022, let id = members["id"]?.string {
          return try oldDatabase(id, call)
        }
        members["archived"] = members["in_trash"]
      case "data_source":
        if self == .v2022, let id = members["parent"]?["database_id"]?.string {
          return try oldDatabase(id, call)
        }
        members["archived"] = members["in_trash"]
      default: break
      }
      return .object(members)
    default: return json
    }
  }

  /// A database with its schema in it, as it was before data sources.
  private func oldDatabase(_ id: String, _ call: Call) throws -> JSON {
    let database = try Databases.find(id, call)
    let source = try Version.onlySource(of: database, call)
    let new = try Databases.json(database, call)
    let schema = try DataSources.json(source, call)
    var members: JSON.Members = ["object": "database", "id": .string(id)]
    for name in ["cover", "icon"] { members[name] = new[name] ?? nil }
    for name in ["created_time", "created_by", "last_edited_by", "last_edited_time"] {
      members[name] = schema[name] ?? nil
    }
    for name in ["title", "description", "is_inline"] { members[name] = new[name] ?? nil }
    members["properties"] = schema["properties"] ?? [:]
    for name in ["parent", "url", "public_url"] { members[name] = new[name] ?? nil }
    members["archived"] = new["in_trash"] ?? false
    members["in_trash"] = new["in_trash"] ?? false
    return .object(members)
  }

  /// The one source of a database, which is all that old versions know.
  static func onlySource(of database: Record, _ call: Call) throws -> Record {
    let sources = try Storage.sources(of: database.id, call.database)
    guard let only = sources.first, sources.count == 1 else {
      throw Refusal(
        status: 400, code: "validation_error",
        message: "Databases with multiple data sources are not supported in this API version.",
        additional: [
          "error_type": "multiple_data_sources_for_database", "database_id": .string(database.id),
          "child_data_source_ids": .array(sources.map { .string($0.id) }),
          "minimum_api_version": "2025-09-03",
        ])
    }
    return only
  }
}

/// Features ahead of a version, which a request opts into with `Notion-Beta`.
enum Beta {
  static let statusGroups = "status-group-filters-2026-10-06"
  private static let known: Set<String> = [statusGroups]

  static func read(_ fields: HTTPFields) throws -> Set<String> {
    guard let text = HTTPField.Name("Notion-Beta").flatMap({ fields[$0] }) else { return [] }
    let names = text.split(separator: ",").map { String($0.filter { $0 != " " }) }
    for name in names where !known.contains(name) {
      throw Refusal(
        status: 400, code: "invalid_beta",
        message: "Notion-Beta header failed validation: `\(name)` is not known. Known: "
          + known.sorted().map { "`\($0)`" }.joined(separator: ", ") + ".")
    }
    return Set(names)
  }
}

/// `/v1/databases` as it was before data sources.
enum OldDatabases {
  static func update(_ id: String, _ call: Call) throws -> JSON {
    let database = try Databases.find(id, call)
    let source = try Version.onlySource(of: database, call)
    var rest = call.body.members ?? [:]
    if let properties = rest["properties"] {
      rest["properties"] = nil
      _ = try DataSources.update(source.id, call.with(body: ["properties": properties]))
    }
    return try Databases.update(id, call.with(body: .object(rest)))
  }

  static func query(_ id: String, _ call: Call) throws -> JSON {
    let source = try Version.onlySource(of: try Databases.find(id, call), call)
    return try DataSources.query(source.id, call)
  }
}
