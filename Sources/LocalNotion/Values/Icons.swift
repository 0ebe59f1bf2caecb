import Transport

/// Icons and covers: checked as they come, kept in the form in which they are read.
enum Icons {
  private static let colors: Set<String> = [
    "gray", "lightgray", "brown", "yellow", "orange", "green", "blue", "purple", "pink", "red",
  ]

  /// An icon as it is kept; `null` clears.
  static func icon(_ json: JSON, at path: String) throws -> JSON {
    if json.isNull { return .null }
    let members = try Check.object(json, at: path)
    if let emoji = members["emoji"] {
      try Check.keys(json, at: path, allowed: ["type", "emoji"])
      let text = try Check.string(emoji, at: "\(path).emoji")
      // One character that is drawn as a picture; digits and letters are not.
      guard text.count == 1, let first = text.unicodeScalars.first, first.properties.isEmoji,
        !first.isASCII || text.unicodeScalars.count > 1
      else { throw Refusal.should("\(path).emoji", "a valid emoji", emoji) }
      return ["type": "emoji", "emoji": emoji]
    }
    if let native = members["icon"] {
      try Check.keys(json, at: path, allowed: ["type", "icon"])
      try Check.keys(native, at: "\(path).icon", allowed: ["name", "color"])
      let name = try Check.string(native["name"], at: "\(path).icon.name")
      let color = try native["color"].map { try Check.string($0, at: "\(path).icon.color") }
      guard colors.contains(color ?? "gray") else {
        throw Refusal.should("\(path).icon.color", "a valid color", native["color"])
      }
      return ["type": "icon", "icon": ["name": .string(name), "color": .string(color ?? "gray")]]
    }
    if let custom = members["custom_emoji"] {
      try Check.keys(json, at: path, allowed: ["type", "custom_emoji"])
      let id = try Check.id(custom["id"], at: "\(path).custom_emoji.id")
      throw Refusal.notFound("custom emoji", id)
    }
    return try file(members, at: path, alternatives: ["emoji", "icon", "custom_emoji"])
  }

  /// A cover as it is kept; `null` clears.
  static func cover(_ json: JSON, at path: String) throws -> JSON {
    if json.isNull { return .null }
    return try file(Check.object(json, at: path), at: path, alternatives: [])
  }

  private static func file(
    _ members: JSON.Members, at path: String, alternatives: [String]
  ) throws -> JSON {
    if let external = members["external"] {
      try Check.keys(.object(members), at: path, allowed: ["type", "external"])
      let url = try Check.string(external["url"], at: "\(path).external.url", atMost: 2000)
      return ["type": "external", "external": ["url": .string(url)]]
    }
    if let upload = members["file_upload"] {
      try Check.keys(.object(members), at: path, allowed: ["type", "file_upload"])
      let id = try Check.id(upload["id"], at: "\(path).file_upload.id")
      return ["type": "file", "upload": .string(id)]
    }
    throw Refusal.oneOf(alternatives + ["external", "file_upload"], at: path)
  }

  /// A kept icon or cover as it reads now: what was uploaded with a new address.
  static func shown(_ stored: JSON?, _ call: Call) throws -> JSON {
    guard let stored, let id = stored["upload"] else { return stored ?? nil }
    let file = try FileUploads.file(id, at: "file_upload.id", call)
    return ["type": "file", "file": file.file]
  }

  /// Reads a request's `icon` and `cover` into what is kept of a page or database.
  static func read(into content: inout JSON.Members, _ body: JSON, _ call: Call) throws {
    if let given = body["icon"] { content["icon"] = try icon(given, at: "body.icon") }
    if let given = body["cover"] { content["cover"] = try cover(given, at: "body.cover") }
    for name in ["icon", "cover"] {
      if body[name] != nil, let id = content[name]?["upload"] {
        try FileUploads.attach(id, at: "body.\(name).file_upload.id", call)
      }
    }
  }
}
