import Transport

/// People by their names and rows by their titles: what a person writes, and what Notion takes.
///
/// Keeps what it has looked up, so one is made for a piece of work (a statement, a run) and thrown
/// away after it: names and titles change.
public actor References {
  private let client: NotionClient
  private var people: [JSON]?
  private var found: [String: NotionID] = [:]
  private var titles: [NotionID: String] = [:]

  /// Creates an empty one.
  public init(client: NotionClient) {
    self.client = client
  }

  // MARK: - Writing

  /// A value with each text that names a person or row replaced by whom or what it names.
  ///
  /// Only relations and people are looked at. A text may be a name, an e-mail address, a title, a
  /// UUID or the address of a page.
  ///
  /// - Throws: ``PropertyError`` when a text names nobody, or several.
  public func resolved(_ scalar: Scalar, for schema: PropertySchema) async throws -> Scalar {
    guard ["people", "relation"].contains(schema.type) else { return scalar }
    var items: [Scalar] = []
    for item in References.items(scalar) {
      guard case .text(let text) = item else {
        items.append(item)
        continue
      }
      let id =
        schema.type == "people"
        ? try await person(text.trimmed, schema) : try await row(text.trimmed, schema)
      let named = Named(
        kind: schema.type == "people" ? .person : .page, id: id.description, name: text,
        payload: ["id": .string(id.description)])
      if !items.contains(.named(named)) { items.append(.named(named)) }
    }
    return .list(items)
  }

  /// What a property may name, when it is little: the titles of the related rows, or the people.
  ///
  /// Names that several share are left out, since none is meant by them.
  /// - Returns: `nil` when there are more than 100 or none, or the property names nothing.
  /// - Throws: ``PropertyError`` when the other database or the people may not be read.
  public func names(for schema: PropertySchema) async throws -> [String]? {
    let all: [String]
    switch schema.type {
    case "people":
      try await readPeople(schema, for: nil)
      all = (people ?? []).compactMap { $0["name"]?.string }
    case "relation":
      guard let source = schema.relatedSource else { throw References.unknown(schema) }
      do {
        let results = try await client.query(source, properties: ["title"])
        guard results.next == nil else { return nil }
        all = results.items.map(\.title)
      } catch let error as NotionError where error.code == .objectNotFound {
        throw References.unshared(schema)
      }
    default: return nil
    }
    let counts = Dictionary(all.map { ($0, 1) }, uniquingKeysWith: +)
    let names = all.filter { !$0.trimmed.isEmpty && counts[$0] == 1 }
    return names.isEmpty || names.count > 100 ? nil : names
  }

  private static func unknown(_ schema: PropertySchema) -> PropertyError {
    PropertyError(
      "Notion does not say which database \(schema.name) relates to",
      hint: "share that database with the integration as well")
  }

  private static func unshared(_ schema: PropertySchema) -> PropertyError {
    PropertyError(
      "the database that \(schema.name) relates to is not shared with the integration",
      hint: "share it in Notion: •••, Connections; or write the row's address")
  }

  private func readPeople(_ schema: PropertySchema, for text: String?) async throws {
    guard people == nil else { return }
    do {
      people = try await client.users()
    } catch let error as NotionError where error.code == .restrictedResource {
      throw PropertyError(
        "the integration may not read who is in the workspace, so "
          + (text.map { "“\($0.prefix(60))” cannot be looked up" } ?? "nobody can be looked up")
          + " for \(schema.name)",
        hint: "give it the capability to read user information, or write the person's identity")
    }
  }

  private func person(_ text: String, _ schema: PropertySchema) async throws -> NotionID {
    if let id = NotionID(parsing: text) { return id }
    try await readPeople(schema, for: text)
    let all = people ?? []
    let folded = text.lowercased()
    let tests: [(JSON) -> Bool] = [
      { $0["name"]?.string == text || $0["person"]?["email"]?.string == text },
      {
        $0["name"]?.string?.lowercased() == folded
          || $0["person"]?["email"]?.string?.lowercased() == folded
      },
    ]
    for test in tests {
      let alike = all.filter(test)
      if alike.count > 1 {
        throw PropertyError(
          "\(alike.count) people are called “\(text.prefix(60))”, which \(schema.name) is to hold",
          hint: "write the e-mail address: "
            + alike.compactMap { $0["person"]?["email"]?.string }.joined(separator: ", "))
      }
      if let id = alike.first?["id"]?.string.flatMap(NotionID.init(parsing:)) { return id }
    }
    let names = all.compactMap { $0["name"]?.string }.prefix(12).joined(separator: ", ")
    throw PropertyError(
      "nobody in the workspace is called “\(text.prefix(60))”, which \(schema.name) is to hold",
      hint: "people: \(names)")
  }

  private func row(_ text: String, _ schema: PropertySchema) async throws -> NotionID {
    if let id = NotionID.find(in: text, wanting: .page) { return id }
    guard let source = schema.relatedSource else {
      throw References.unknown(schema)
    }
    let key = "\(source) \(text)"
    if let id = found[key] { return id }
    let pages: [Page]
    do {
      pages = try await candidates(text, in: source)
    } catch let error as NotionError where error.code == .objectNotFound {
      throw References.unshared(schema)
    }
    let exact = pages.filter { $0.title == text }
    let alike = exact.isEmpty ? pages.filter { $0.title.lowercased() == text.lowercased() } : exact
    guard alike.count < 2 else {
      throw PropertyError(
        "\(alike.count) rows are called “\(text.prefix(60))”, which \(schema.name) is to hold",
        hint: "write the row's address instead of its title")
    }
    guard let page = alike.first else {
      throw PropertyError(
        "no row is called “\(text.prefix(60))” in the database that \(schema.name) relates to")
    }
    found[key] = page.id
    titles[page.id] = page.title
    return page.id
  }

  /// The rows whose titles may be the one looked for.
  private func candidates(_ text: String, in source: NotionID) async throws -> [Page] {
    guard !text.isEmpty else { return [] }
    // Notion's own rule of case for `equals` is not certain, so its wider `contains` is asked next.
    for word in ["equals", "contains"] {
      let found = try await client.query(
        source,
        filter: ["property": "title", "title": .object(JSON.Members([(word, .string(text))]))],
        properties: ["title"]
      ).items.filter { $0.title.lowercased() == text.lowercased() }
      if !found.isEmpty { return found }
    }
    return []
  }

  // MARK: - Reading

  /// Puts the titles of related rows into the relations of pages.
  ///
  /// - Parameter schemas: The properties to look at; others, and kinds that are no relation, are left.
  public func namingRows(_ pages: [Page], _ schemas: [PropertySchema]) async throws -> [Page] {
    var pages = pages
    for schema in schemas where schema.type == "relation" {
      var wanted = Set<NotionID>()
      for page in pages {
        for item in page.property(id: schema.id)?.value.payload.array ?? [] {
          if item["title"] == nil, let id = item["id"]?.string.flatMap(NotionID.init(parsing:)),
            titles[id] == nil
          {
            wanted.insert(id)
          }
        }
      }
      try await look(for: wanted, in: schema.relatedSource)
      for index in pages.indices {
        guard let place = pages[index].properties.firstIndex(where: { $0.id == schema.id }) else {
          continue
        }
        let property = pages[index].properties[place]
        let items = (property.value.payload.array ?? []).map { item -> JSON in
          guard let id = item["id"], let known = id.string.flatMap(NotionID.init(parsing:)),
            let title = titles[known]
          else { return item }
          return ["id": id, "title": .string(title)]
        }
        pages[index].properties[place] = Page.Property(
          id: property.id, name: property.name,
          value: PropertyValue(
            type: "relation", payload: .array(items), isCut: property.value.isCut))
      }
    }
    return pages
  }

  /// Reads the titles of rows: one by one when they are few, else through a query of their source.
  private func look(for wanted: Set<NotionID>, in source: NotionID?) async throws {
    var missing = wanted
    if let source, missing.count > 3 {
      var cursor: String?
      var requests = 0
      // A page of the query gives 100 titles; a large source is left when it costs more than it gives.
      repeat {
        try Task.checkCancellation()
        guard
          let results = try await optional({
            try await client.query(source, cursor: cursor, properties: ["title"])
          })
        else { break }
        requests += 1
        for page in results.items {
          titles[page.id] = page.title
          missing.remove(page.id)
        }
        cursor = results.next
      } while cursor != nil && !missing.isEmpty && requests <= missing.count
    }
    for id in missing.sorted(by: { $0.description < $1.description }) {
      try Task.checkCancellation()
      // A row that is not shared has no title here; its identity stands for it.
      titles[id] = try await optional { try await client.page(id).title } ?? ""
    }
  }

  /// What is not shared is no error: it has no name here.
  private func optional<Result: Sendable>(
    _ request: () async throws -> Result
  ) async throws -> Result? {
    do {
      return try await request()
    } catch let error as NotionError
      where [.objectNotFound, .restrictedResource, .validationError].contains(error.code)
    {
      return nil
    }
  }

  // MARK: - Payloads

  /// The items of a value that may stand alone; texts with several lines or commas stay one.
  static func items(_ scalar: Scalar) -> [Scalar] {
    switch scalar {
    case .none: []
    case .list(let items): items.filter { $0 != .none }
    default: [scalar]
    }
  }

  /// The payload of a property that names things by their identities.
  static func payload(
    _ scalar: Scalar, schema: PropertySchema, kind: Named.Kind, word: String
  ) throws(PropertyError) -> JSON {
    var ids: [JSON] = []
    for item in items(scalar) {
      var id: NotionID?
      switch item {
      case .named(let named) where named.kind == kind: id = NotionID(parsing: named.id)
      case .text(let text): id = NotionID(parsing: text.trimmed)
      default: break
      }
      guard let id else {
        throw PropertyError(
          "\(schema.name) takes \(kind == .person ? "people" : "rows"), and "
            + "“\(item.text.prefix(60))” is not \(word)")
      }
      let json: JSON = ["id": .string(id.description)]
      if !ids.contains(json) { ids.append(json) }
    }
    return .array(try limited(ids, schema))
  }

  /// Notion takes 100 items of a list in a request, and a list is always written whole.
  static func limited(_ items: [JSON], _ schema: PropertySchema) throws(PropertyError) -> [JSON] {
    guard items.count <= 100 else {
      throw PropertyError(
        "\(schema.name) would hold \(items.count) items, and Notion takes at most 100 at once")
    }
    return items
  }
}
