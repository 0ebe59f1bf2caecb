public import Transport

/// A database: a container of data sources.
public struct Database: Sendable {
  /// One of its data sources, by name.
  public struct Source: Sendable, Hashable {
    /// The data source's identity.
    public let id: NotionID
    /// Its name.
    public let name: String
  }

  /// The database's identity; not that of a data source.
  public let id: NotionID
  /// Its title.
  public let title: String
  /// Its data sources; one, in most databases.
  public let dataSources: [Source]
  /// Its address.
  public let url: String
  /// Whether it is in the trash.
  public let isInTrash: Bool
  /// The whole answer, untouched.
  public let json: JSON

  /// Reads a database object.
  public init(json: JSON) throws {
    guard let text = json["id"]?.string, let id = NotionID(parsing: text) else {
      throw Malformed.object("database", json)
    }
    self.id = id
    self.json = json
    title = RichText.plainText(of: json["title"] ?? .null)
    url = json["url"]?.string ?? ""
    isInTrash = (json["in_trash"] ?? json["archived"])?.bool ?? false
    dataSources = (json["data_sources"]?.array ?? []).compactMap { source in
      source["id"]?.string.flatMap(NotionID.init(parsing:)).map {
        Source(id: $0, name: source["name"]?.string ?? "")
      }
    }
  }
}

/// A data source: a schema, and the rows that follow it.
public struct DataSource: Sendable {
  /// Its identity.
  public let id: NotionID
  /// The database it belongs to.
  public let databaseID: NotionID?
  /// Its name.
  public let name: String
  /// Whether it is in the trash.
  public let isInTrash: Bool
  /// Its properties, in Notion's order.
  public let properties: [PropertySchema]
  /// The whole answer, untouched.
  public let json: JSON

  /// Reads a data source object.
  public init(json: JSON) throws {
    guard let text = json["id"]?.string, let id = NotionID(parsing: text) else {
      throw Malformed.object("data source", json)
    }
    self.id = id
    self.json = json
    isInTrash = (json["in_trash"] ?? json["archived"])?.bool ?? false
    databaseID = json["parent"]?["database_id"]?.string.flatMap(NotionID.init(parsing:))
    name = RichText.plainText(of: json["title"] ?? .null)
    properties = (json["properties"]?.members?.pairs ?? []).map {
      PropertySchema(name: $0.name, json: $0.value)
    }
  }

  /// The property that is the title.
  public var titleProperty: PropertySchema? { properties.first { $0.type == "title" } }

  /// The property of that name.
  public func property(named name: String) -> PropertySchema? {
    properties.first { $0.name == name }
  }
}

/// What a property of a data source may hold.
public struct PropertySchema: Sendable, Hashable {
  /// One option of a select, multi-select or status property.
  public struct Option: Sendable, Hashable {
    /// Its identity.
    public let id: String
    /// Its name.
    public let name: String
  }

  /// Its short identity, stable when it is renamed.
  public let id: String
  /// Its name.
  public let name: String
  /// Notion's word for its kind.
  public let type: String
  /// The options, where it has any.
  public let options: [Option]
  /// What else Notion says of it, under the kind's key.
  public let config: JSON

  /// Creates a schema.
  public init(
    id: String, name: String, type: String, options: [Option] = [], config: JSON = [:]
  ) {
    self.id = id
    self.name = name
    self.type = type
    self.options = options
    self.config = config
  }

  /// The data source whose rows a relation names.
  public var relatedSource: NotionID? {
    guard type == "relation" else { return nil }
    return config["data_source_id"]?.string.flatMap(NotionID.init(parsing:))
  }

  init(name: String, json: JSON) {
    let type = json["type"]?.string ?? ""
    self.init(
      id: json["id"]?.string ?? "", name: json["name"]?.string ?? name, type: type,
      options: (json[type]?["options"]?.array ?? []).map {
        Option(id: $0["id"]?.string ?? "", name: $0["name"]?.string ?? "")
      },
      // Options are read above; a formula's text or a relation's target is all that is left.
      config: json[type]?["options"] == nil ? json[type] ?? [:] : [:])
  }
}

/// A page of results, and where the next one begins.
public struct Results<Item: Sendable>: Sendable {
  /// The items, in order.
  public let items: [Item]
  /// Where the next results begin; `nil` after the last.
  public let next: String?
  /// Whether Notion stopped at its limit of 10,000 rows although there are more.
  public let isIncomplete: Bool
}

/// The bot behind a key.
public struct Bot: Sendable {
  /// Its identity.
  public let id: String
  /// The integration's name.
  public let name: String
  /// The workspace's name, where Notion says it.
  public let workspaceName: String?
  /// The largest file that the workspace takes, in bytes, where Notion says it.
  public let maximumUpload: Int?
}
