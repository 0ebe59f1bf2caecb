import Transport

/// `/v1/pages/{id}/properties/{id}`: one property, whole.
enum PropertyItems {
  static func retrieve(_ id: String, _ name: String, _ call: Call) throws -> JSON {
    let page = try Pages.find(id, call)
    let schemas = try Pages.schemas(of: page, call)
    guard let property = schemas.find(name) else {
      throw Refusal.validation("\(name) is not a property that exists.")
    }
    let value = try PropertyValues.json(
      page.content["values"]?[property.id], of: property, page: page, call: call, isWhole: true)
    let held = value[property.type] ?? nil
    var single: JSON =
      ["title", "rich_text", "people", "relation"].contains(property.type)
      ? [:] : held
    // The values of a rollup are the results, not repeated beside them.
    if property.type == "rollup", single["type"] == "array", var members = single.members {
      members["array"] = []
      single = .object(members)
    }
    guard ["title", "rich_text", "people", "relation", "rollup"].contains(property.type) else {
      return .object([
        "object": "property_item", "type": .string(property.type),
        "id": .string(property.encodedID), property.type: held,
      ])
    }
    var items = held.array ?? []
    var kind = property.type
    if kind == "rollup" {
      items = try Computed.rolledUp(property, page, schemas, call)
      kind = ""
    }
    let size = try Paging.size(call.query, at: "query.page_size")
    var start = 0
    if let cursor = call.parameter("start_cursor") {
      guard let index = Int(cursor.dropFirst()), cursor.hasPrefix("p"),
        items.indices.contains(index)
      else { throw Refusal.validation("The start_cursor provided is invalid: \(cursor)") }
      start = index
    }
    let end = min(start + size, items.count)
    let next = end < items.count ? "p\(end)" : nil
    let results = items[start..<end].map { item -> JSON in
      var members: JSON.Members = ["object": "property_item"]
      if kind.isEmpty {
        for (name, value) in item.members ?? [:] { members[name] = value }
        members["id"] = .string(property.encodedID)
      } else {
        members["type"] = .string(kind)
        members["id"] = .string(property.encodedID)
        members[kind] = item
      }
      return .object(members)
    }
    let address =
      "\(call.origin)/v1/pages/\(Identity.undashed(page.id))/properties/"
      + property.encodedID
    return .object(
      JSON.Members([
        ("object", "list"), ("results", .array(results)),
        ("next_cursor", next.map(JSON.string) ?? .null), ("has_more", .bool(next != nil)),
        ("type", "property_item"),
        (
          "property_item",
          .object([
            "id": .string(property.encodedID),
            "next_url": next.map { .string("\(address)?start_cursor=\($0)&page_size=\(size)") }
              ?? .null,
            "type": .string(property.type), property.type: single,
          ])
        ),
      ]))
  }
}
