import Transport

/// `/v1/users`: one bot and one person.
enum Users {
  static let partial: JSON = ["object": "user", "id": .string(LocalWorkspace.botID)]

  static func me(_ call: Call) throws -> JSON { bot }

  static func list(_ call: Call) throws -> JSON {
    let size = try Paging.size(call.query, at: "query.page_size")
    let all = [listed, bot]
    var start = 0
    if let cursor = call.parameter("start_cursor") {
      guard let index = all.firstIndex(where: { $0["id"]?.string == cursor }) else {
        throw Refusal.validation("The start_cursor provided is invalid: \(cursor)")
      }
      start = index
    }
    let end = min(start + size, all.count)
    return Paging.list(
      Array(all[start..<end]), next: end < all.count ? all[end]["id"]?.string : nil, type: "user")
  }

  static func isKnown(_ id: String) -> Bool {
    id == LocalWorkspace.botID || id == LocalWorkspace.personID
  }

  static func notFound(_ id: String) -> Refusal {
    Refusal(
      status: 404, code: "object_not_found",
      message: "Could not find user with ID: \(id). Make sure your integration has "
        + "capabilities to read user information. With those capabilities, only members and "
        + "guests in the integration's workspace are visible.",
      additional: ["integration_id": .string(LocalWorkspace.integrationID)])
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    switch id {
    case LocalWorkspace.botID: return bot
    case LocalWorkspace.personID: return person
    default: throw notFound(id)
    }
  }

  /// The full form that property values have.
  static func json(id: String) -> JSON {
    switch id {
    case LocalWorkspace.botID:
      return [
        "object": "user", "id": .string(id), "name": .string(LocalWorkspace.botName),
        "avatar_url": nil, "type": "bot", "bot": [:],
      ]
    case LocalWorkspace.personID: return person
    default: return ["object": "user", "id": .string(id)]
    }
  }

  private static let bot: JSON = [
    "object": "user", "id": .string(LocalWorkspace.botID),
    "name": .string(LocalWorkspace.botName), "avatar_url": nil, "type": "bot",
    "bot": [
      "owner": ["type": "workspace", "workspace": true], "workspace_name": "Embedded workspace",
      "workspace_id": .string(LocalWorkspace.workspaceID),
      "workspace_limits": ["max_file_upload_size_in_bytes": 5_242_880],
    ],
  ]

  /// The person as the list has it.
  private static let listed: JSON = {
    var members = person.members ?? [:]
    members["person"] = ["email": "you@example.com", "email_verified": true]
    return .object(members)
  }()

  private static let person: JSON = [
    "object": "user", "id": .string(LocalWorkspace.personID), "name": "You", "avatar_url": nil,
    "type": "person", "person": ["email": "you@example.com"],
  ]
}
