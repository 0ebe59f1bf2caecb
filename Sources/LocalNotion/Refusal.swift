import Transport

/// An error in Notion's own words.
struct Refusal: Error {
  let status: Int
  let code: String
  let message: String
  var additional: JSON?

  static func validation(_ message: String) -> Refusal {
    Refusal(status: 400, code: "validation_error", message: message)
  }

  /// Says that a part of the request should be something else than it is.
  static func should(_ path: String, _ be: String, _ value: JSON?) -> Refusal {
    .validation(
      "\(path.prefix { $0 != "." }) failed validation: \(path) should be \(be), instead was "
        + "`\(Refusal.shown(value))`.")
  }

  static func absent(_ path: String, _ value: JSON) -> Refusal {
    should(path, "not present", value)
  }

  static func missing(_ path: String) -> Refusal {
    should(path, "defined", nil)
  }

  /// Says that none of the alternatives is there.
  static func oneOf(_ names: [String], at path: String) -> Refusal {
    .validation(
      "\(path.prefix { $0 != "." && $0 != "[" }) failed validation. Fix one:\n"
        + names.map { "\(path).\($0) should be defined, instead was `undefined`." }
        .joined(separator: "\n"))
  }

  static func notFound(_ kind: String, _ id: String) -> Refusal {
    Refusal(
      status: 404, code: "object_not_found",
      message: "Could not find \(kind) with ID: \(id). Make sure the relevant pages and databases "
        + "are shared with your integration \"\(LocalWorkspace.botName)\".",
      additional: ["integration_id": .string(LocalWorkspace.integrationID)])
  }

  static let unauthorized = Refusal(
    status: 401, code: "unauthorized", message: "API token is invalid.")
  static let invalidURL = Refusal(
    status: 400, code: "invalid_request_url", message: "Invalid request URL.")
  static let archivedAncestor = Refusal.validation(
    "Can't edit page on block with an archived ancestor. You must unarchive the ancestor before "
      + "editing page.")
  static let archived = Refusal.validation(
    "Can't edit block that is archived. You must unarchive the block before editing.")

  static let workspaceParent = Refusal.validation(
    "Internal integrations aren't owned by a single user, so creating workspace-level private pages "
      + "is not supported.")

  private static func shown(_ value: JSON?) -> String {
    guard let value else { return "undefined" }
    let text = value.text
    return text.count > 200 ? "\(text.prefix(200))..." : text
  }

  var json: JSON {
    var members: JSON.Members = [
      "object": "error", "status": .int(status), "code": .string(code),
      "message": .string(message),
    ]
    if let additional { members["additional_data"] = additional }
    return .object(members)
  }
}

/// Checks of request bodies, each failing in Notion's words.
enum Check {
  static func keys(_ json: JSON, at path: String, allowed: Set<String>) throws {
    guard let members = json.members else { throw Refusal.should(path, "an object", json) }
    for (name, value) in members where !allowed.contains(name) {
      throw Refusal.absent("\(path).\(name)", value)
    }
  }

  static func object(_ json: JSON?, at path: String) throws -> JSON.Members {
    guard let json else { throw Refusal.missing(path) }
    guard let members = json.members else { throw Refusal.should(path, "an object", json) }
    return members
  }

  static func array(_ json: JSON?, at path: String, atMost limit: Int = 100) throws -> [JSON] {
    guard let json else { throw Refusal.missing(path) }
    guard let items = json.array else { throw Refusal.should(path, "an array", json) }
    guard items.count <= limit else {
      throw Refusal.should("\(path).length", "≤ `\(limit)`", .int(items.count))
    }
    return items
  }

  static func string(_ json: JSON?, at path: String, atMost limit: Int? = nil) throws -> String {
    guard let json else { throw Refusal.missing(path) }
    guard let text = json.string else { throw Refusal.should(path, "a string", json) }
    if let limit, text.utf16.count > limit {
      throw Refusal.should("\(path).length", "≤ `\(limit)`", .int(text.utf16.count))
    }
    return text
  }

  static func bool(_ json: JSON, at path: String) throws -> Bool {
    guard let flag = json.bool else { throw Refusal.should(path, "a boolean", json) }
    return flag
  }

  static func id(_ json: JSON?, at path: String) throws -> String {
    let text = try string(json, at: path)
    guard let id = Identity.parse(text) else {
      throw Refusal.should(path, "a valid uuid", .string(text))
    }
    return id
  }
}
