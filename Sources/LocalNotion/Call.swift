import GRDB
import Transport

/// A request, taken apart.
struct Call {
  let workspace: LocalWorkspace
  let database: Database
  let now: Double
  /// Scheme and host under which the workspace was reached; what answers address lies below it.
  let origin: String
  let query: [(name: String, value: String)]
  let body: JSON
  /// The version of the API that was asked for.
  let version: Version
  /// Features that the request opted into.
  let betas: Set<String>
  /// The media type and the bytes of a body that is no JSON.
  let upload: (type: String, bytes: [UInt8])?
  /// Until when queries and searching know what was made.
  let indexed: Double

  /// The same call with another body.
  func with(body: JSON) -> Call {
    Call(
      workspace: workspace, database: database, now: now, origin: origin, query: query, body: body,
      version: version, betas: betas, upload: nil, indexed: indexed)
  }

  /// A parameter of the query.
  func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

  /// Property names or identities to which an answer is limited; empty for all.
  var filterProperties: [String] {
    query.filter { $0.name == "filter_properties" || $0.name == "filter_properties[]" }.map(\.value)
  }

  /// Whether a record is shared with the bot: neither it nor anything above it was unshared.
  func isShared(_ record: Record) throws -> Bool {
    let unshared = workspace.unshared.identities
    guard !unshared.isEmpty else { return true }
    return try !unshared.contains(record.id)
      && Storage.ancestors(of: record, database).allSatisfy { !unshared.contains($0) }
  }

  /// Finds a record that is shared with the bot; to the bot, others are not there.
  func find(_ id: String) throws -> Record? {
    guard let record = try Storage.find(id, database), try isShared(record) else { return nil }
    return record
  }
}

/// The parts of an address.
enum Address {
  /// Where an object is seen in Notion's application.
  static func app(_ path: String) -> String { "https://app.notion.com/p/\(path)" }

  /// Takes an address apart: scheme and host, the path's segments, the query.
  static func split(
    _ url: String
  ) -> (origin: String, path: [String], query: [(name: String, value: String)])? {
    guard let scheme = url.firstRange(of: "://") else { return nil }
    let rest = url[scheme.upperBound...]
    let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let segments = (parts.first ?? "").split(separator: "/")
    guard let host = segments.first else { return nil }
    let query = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { pair in
      let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (
        name: decoded(String(sides[0]).replacing("+", with: " ")),
        value: sides.count > 1 ? decoded(String(sides[1]).replacing("+", with: " ")) : ""
      )
    }
    return (
      url[..<scheme.upperBound] + String(host), segments.dropFirst().map { decoded(String($0)) },
      query
    )
  }

  private static func decoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(text).utf8
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
