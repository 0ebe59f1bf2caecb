import Foundation
import HTTPTypes
import Transport

/// Notion's errors that come from its load, not from a request.
///
/// - Source: Notion API, “Status codes” and “Request limits”.
enum NotionRefusals {
  /// What an answer becomes whose write was done and which took too long.
  ///
  /// - Parameter reply: The answer that was not given: an object, or the list of what was appended.
  static func committed(_ reply: Reply, path: String) -> Reply {
    guard reply.status == 200, let answer = try? JSON(parsing: reply.body) else { return reply }
    let parts = path.split(separator: "/").map(String.init)
    var more: JSON.Members = [
      "from": .string("publicApi.\(parts.count > 1 ? parts[1] : "")"),
      "elapsed_ms": "55012", "deadline_ms": "55000",
      "retry_guidance": [
        "Read the object again to confirm the saved change.", "Do not repeat the write.",
      ],
    ]
    if let id = answer["id"], !path.hasSuffix("/markdown") {
      more["committed_resource_id"] = id
    } else if let made = answer["results"]?.array {
      more["committed_resource_id"] = .string(parts.count > 2 ? parts[2] : "")
      more["committed_child_ids"] = .array(made.compactMap { $0["id"] })
    }
    return Reply(
      status: 503,
      [
        "object": "error", "status": 503, "code": "service_unavailable",
        "message": .string(
          "The change was saved, but the response could not be built in time. Read the object "
            + "again instead of repeating the write."),
        "additional_data": .object(more), "request_id": .string(UUID().uuidString.lowercased()),
      ])
  }

  /// A 429 that is not about the connection's own rate: the shared budget of the workspace, after which
  /// it is worth asking again, or a block, after which it is not.
  static func limited(isBlocked: Bool) -> Reply {
    let seconds = isBlocked ? "60" : "2"
    var fields = HTTPFields()
    fields[.retryAfter] = seconds
    return Reply(
      status: 429,
      [
        "object": "error", "status": 429, "code": "rate_limited",
        "message": "You have been rate limited. Please try again in a few minutes.",
        "additional_data": [
          "rate_limit_reason": isBlocked
            ? "public_api_request_blocked" : "public_api_workspace_request_rate_limit",
          "retry_after": .string(seconds),
        ],
        "request_id": .string(UUID().uuidString.lowercased()),
      ], fields: fields)
  }

  static func reply(_ status: Int, wait: Duration) -> Reply {
    let (code, message): (String, String) =
      switch status {
      case 400: ("validation_error", "body failed validation.")
      case 401: ("unauthorized", "API token is invalid.")
      case 403: ("restricted_resource", "API token does not have access to this resource.")
      case 404: ("object_not_found", "Could not find object.")
      case 409: ("conflict_error", "Conflict occurred while saving. Please try again.")
      case 429:
        ("rate_limited", "You have been rate limited. Please try again in a few minutes.")
      case 502: ("bad_gateway", "Bad Gateway")
      case 503: ("service_unavailable", "Notion is unavailable, please try again later.")
      case 504: ("gateway_timeout", "Gateway Timeout")
      case 529: ("service_overload", "Notion is overloaded, please try again later.")
      default: ("internal_server_error", "Unexpected error occurred.")
      }
    guard status != 502 else {
      // The edge answers, not the service.
      return Reply(
        status: 502, bytes: Array("<html><h1>502 Bad Gateway</h1></html>".utf8), type: "text/html")
    }
    let id = UUID().uuidString.lowercased()
    var body: JSON.Members = [
      "object": "error", "status": .int(status), "code": .string(code),
      "message": .string(message),
    ]
    var fields = HTTPFields()
    if status == 429 || status == 529 {
      let seconds = max(1, Int((wait / .seconds(1)).rounded(.up)))
      fields[.retryAfter] = String(seconds)
      if status == 429 {
        body["additional_data"] = [
          "rate_limit_reason": "public_api_request_rate_limit",
          "retry_after": .string(String(seconds)),
        ]
      }
    }
    body["request_id"] = .string(id)
    return Reply(status: status, .object(body), fields: fields)
  }
}
