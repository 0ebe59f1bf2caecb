import HTTPTypes
import Transport

/// What a service answers.
struct Reply: Sendable {
  var status: Int
  var fields: HTTPFields
  var body: [UInt8]
  /// Pieces to send one by one after the head instead of a body; a stream of events.
  var pieces: [[UInt8]]?

  init(status: Int = 200, _ json: JSON, fields: HTTPFields = [:]) {
    self.status = status
    self.fields = fields
    self.fields[.contentType] = "application/json"
    body = json.bytes
  }

  init(status: Int = 200, bytes: [UInt8], type: String) {
    self.status = status
    fields = [.contentType: type]
    body = bytes
  }

  /// Server-sent events.
  static func events(_ events: [(name: String?, data: String)], fields: HTTPFields = [:]) -> Reply {
    var reply = Reply(bytes: [], type: "text/event-stream")
    for field in fields { reply.fields.append(field) }
    reply.pieces = events.map { event in
      let name = event.name.map { "event: \($0)\n" } ?? ""
      return Array("\(name)data: \(event.data)\n\n".utf8)
    }
    return reply
  }
}

/// A request to a service, its path without the service's own prefix.
struct ServiceRequest: Sendable {
  let method: HTTPRequest.Method
  /// Such as `/v1/responses`, without the query.
  let path: String
  let query: [String: String]
  let fields: HTTPFields
  let body: [UInt8]
  /// The service's own address as the client knows it, such as `http://127.0.0.1:8080/gemini`.
  let address: String

  /// The bearer token, if one was sent.
  var bearer: String? {
    fields[.authorization].flatMap { value in
      value.hasPrefix("Bearer ") ? String(value.dropFirst(7)) : nil
    }
  }
}
