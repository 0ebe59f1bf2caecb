import Transport

/// Rich text: checked as it comes, kept as it is read.
enum RichTextValue {
  static let colors: Set<String> = {
    let plain = ["gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red"]
    return Set(["default"] + plain + plain.map { $0 + "_background" })
  }()

  /// The colours of options.
  static let optionColors = colors.filter { !$0.hasSuffix("_background") }

  /// The stored form of a plain text.
  static func plain(_ text: String) -> JSON {
    text.isEmpty ? [] : [item(text: text, link: nil, annotations: annotations(nil))]
  }

  /// Checks an array of items, and gives it as it will be read.
  static func read(_ json: JSON?, at path: String) throws -> JSON {
    .array(
      try Check.array(json, at: path).enumerated().map { try item($1, at: "\(path)[\($0)]") })
  }

  /// The text, styles left out.
  static func text(_ items: JSON?) -> String {
    (items?.array ?? []).map { $0["plain_text"]?.string ?? "" }.joined()
  }

  private static func item(_ json: JSON, at path: String) throws -> JSON {
    try Check.keys(
      json, at: path,
      allowed: ["type", "text", "mention", "equation", "annotations", "plain_text", "href"])
    let styles = try checkedAnnotations(json["annotations"], at: "\(path).annotations")
    if let text = json["text"] {
      try Check.keys(text, at: "\(path).text", allowed: ["content", "link"])
      let content = try Check.string(
        text["content"], at: "\(path).text.content", atMost: 2000)
      var link: String?
      if let given = text["link"], !given.isNull {
        let url = try Check.string(given["url"], at: "\(path).text.link.url", atMost: 2000)
        if !url.isEmpty {
          guard
            ["http://", "https://", "mailto:", "tel:", "/", "notion://"].contains(where: {
              url.lowercased().hasPrefix($0)
            })
          else {
            throw Refusal.validation(
              "Content creation Failed. Fix the following: \nInvalid URL for link.")
          }
          link = url
        }
      }
      return item(text: content, link: link, annotations: styles)
    }
    if let equation = json["equation"] {
      let expression = try Check.string(
        equation["expression"], at: "\(path).equation.expression", atMost: 1000)
      return [
        "type": "equation", "equation": ["expression": .string(expression)],
        "annotations": styles, "plain_text": .string(expression), "href": nil,
      ]
    }
    if let mention = json["mention"] {
      return try self.mention(mention, styles, at: "\(path).mention")
    }
    throw Refusal.oneOf(["text", "mention", "equation"], at: path)
  }

  /// A mention as it is kept; titles and names of what it points at are put in when it is read.
  private static func mention(_ json: JSON, _ styles: JSON, at path: String) throws -> JSON {
    let members = try Check.object(json, at: path)
    let kinds = [
      "user", "page", "database", "date", "custom_emoji", "link_mention", "template_mention",
    ]
    guard let kind = members.names.first(where: kinds.contains), let value = members[kind] else {
      throw Refusal.oneOf(kinds, at: path)
    }
    var kept = value
    var text = "Untitled"
    switch kind {
    case "user", "page", "database":
      kept = ["id": .string(try Check.id(value["id"], at: "\(path).\(kind).id"))]
    case "date":
      kept = try DateValues.read(value, at: "\(path).date")
      let end = kept["end"]?.string.map { " → \($0)" } ?? ""
      text = (kept["start"]?.string ?? "") + end
    case "link_mention": text = value["title"]?.string ?? value["href"]?.string ?? ""
    case "custom_emoji": text = ":\(value["name"]?.string ?? "emoji"):"
    default: text = "@\(value["template_mention_date"]?.string ?? "me")"
    }
    return [
      "type": "mention", "mention": .object(JSON.Members([("type", .string(kind)), (kind, kept)])),
      "annotations": styles, "plain_text": .string(text), "href": nil,
    ]
  }

  /// Kept rich text as it reads now: mentions name what they point at.
  static func shown(_ items: JSON?, _ call: Call) throws -> JSON {
    guard let list = items?.array, list.contains(where: { $0["type"] == "mention" }) else {
      return items ?? []
    }
    return .array(
      try list.map { item in
        guard let mention = item["mention"], let kind = mention["type"]?.string,
          var members = item.members
        else { return item }
        if kind == "user", let id = mention["user"]?["id"]?.string {
          let user = Users.json(id: id)
          members["mention"] = ["type": "user", "user": user]
          members["plain_text"] = .string("@\(user["name"]?.string ?? "Anonymous")")
        } else if kind == "page" || kind == "database", let id = mention[kind]?["id"]?.string {
          let record = try call.find(id)
          let text = RichTextValue.text(record?.title)
          members["plain_text"] = .string(text.isEmpty ? "Untitled" : text)
          members["href"] = .string("https://www.notion.so/\(Identity.undashed(id))")
        }
        return .object(members)
      })
  }

  private static func item(text: String, link: String?, annotations: JSON) -> JSON {
    [
      "type": "text",
      "text": [
        "content": .string(text), "link": link.map { ["url": .string($0)] } ?? nil,
      ],
      "annotations": annotations, "plain_text": .string(text),
      "href": link.map(JSON.string) ?? .null,
    ]
  }

  private static func annotations(_ given: JSON?) -> JSON {
    [
      "bold": given?["bold"] ?? false, "italic": given?["italic"] ?? false,
      "strikethrough": given?["strikethrough"] ?? false,
      "underline": given?["underline"] ?? false, "code": given?["code"] ?? false,
      "color": given?["color"] ?? "default",
    ]
  }

  private static func checkedAnnotations(_ json: JSON?, at path: String) throws -> JSON {
    guard let json, !json.isNull else { return annotations(nil) }
    let flags: Set<String> = ["bold", "italic", "strikethrough", "underline", "code"]
    try Check.keys(json, at: path, allowed: flags.union(["color"]))
    for (name, value) in json.members ?? [:] {
      if flags.contains(name) {
        _ = try Check.bool(value, at: "\(path).\(name)")
      } else {
        let color = try Check.string(value, at: "\(path).\(name)")
        guard colors.contains(color) else {
          throw Refusal.should("\(path).color", "a valid color", value)
        }
      }
    }
    return annotations(json)
  }
}
