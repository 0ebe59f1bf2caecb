import Transport

/// `/v1/custom_emojis`: they are made in Notion's application only, so there are none here.
enum CustomEmojis {
  static func list(_ call: Call) throws -> JSON {
    _ = try Paging.size(call.query, at: "query.page_size")
    return [
      "object": "list", "results": [], "next_cursor": nil, "has_more": false,
      "type": "custom_emoji",
    ]
  }
}
