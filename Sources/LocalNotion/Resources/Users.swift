import Transport

/// `/v1/users`: one bot and one person.
enum Users {
  static let partial: JSON = ["object": "user", "id": .string(LocalWorkspace.botID)]

  static func me(_ call: Call) throws -> JSON { bot }

  static func list(_ call: Call) throws -> JSON {
    Paging.list([person, bot], next: nil, type: "user")
  }

  static func retrieve(_ id: String, _ call: Call) throws -> JSON {
    switch id {
    case LocalWorkspace.botID: return bot
    case LocalWorkspace.personID: return person
    default:
      throw Refusal(
        status: 404, code: "object_not_found",
        message: "Could not find user with ID: \(id). Make sure your integration has "
          + "capabilities to read user information. With those capabilities, only members and "
          + "guests in the integration's workspace are visible.",
        additional: ["integration_id": .string(LocalWorkspace.integrationID)])
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

  private static let person: JSON = [
    "object": "user", "id": .string(LocalWorkspace.personID), "name": "You", "avatar_url": nil,
    "type": "person", "person": ["email": "you@example.com"],
  ]
}
