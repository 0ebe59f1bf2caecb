import Foundation
import HTTPTypes
public import Transport

/// What Notion answered instead of what was asked for.
public struct NotionError: Error, Sendable, CustomStringConvertible {
  /// Notion's own word for the failure; the list is Notion's and grows.
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// The word.
    public let rawValue: String
    /// Creates a code from Notion's word.
    public init(rawValue: String) { self.rawValue = rawValue }
    /// The request does not fit the schema.
    public static let validationError = Code(rawValue: "validation_error")
    /// The key is wrong.
    public static let unauthorized = Code(rawValue: "unauthorized")
    /// The integration may not do this.
    public static let restrictedResource = Code(rawValue: "restricted_resource")
    /// It does not exist, or is not shared; Notion does not say which.
    public static let objectNotFound = Code(rawValue: "object_not_found")
    /// Somebody else changed it at the same time.
    public static let conflictError = Code(rawValue: "conflict_error")
    /// Too many requests.
    public static let rateLimited = Code(rawValue: "rate_limited")
    /// Notion is down or slow.
    public static let serviceUnavailable = Code(rawValue: "service_unavailable")
    /// The answer was not Notion's: a proxy's page, or no JSON.
    public static let notNotion = Code(rawValue: "not_notion")
  }

  /// The word for the failure.
  public let code: Code
  /// The HTTP status.
  public let status: Int
  /// Notion's sentence, or ours where there was none.
  public let message: String
  /// Notion's identity of the request, for its support.
  public let requestID: String?
  /// How long Notion asks to wait.
  public let retryAfter: Duration?
  /// What Notion added, such as the identity of what it saved after all.
  public let additionalData: JSON?

  /// Creates an error.
  public init(
    code: Code, status: Int, message: String, requestID: String? = nil,
    retryAfter: Duration? = nil, additionalData: JSON? = nil
  ) {
    self.code = code
    self.status = status
    self.message = message
    self.requestID = requestID
    self.retryAfter = retryAfter
    self.additionalData = additionalData
  }

  /// Whether the same request may pass later without a person doing anything.
  public var mayPassLater: Bool {
    [409, 429, 500, 502, 503, 504, 529].contains(status)
  }

  /// Whether a request that changes something may have been carried out although it failed.
  public var isUncertain: Bool { [500, 502, 503, 504].contains(status) }

  /// What was saved although the answer says that the service was not available.
  ///
  /// - Source: Notion API, "Status codes": `committed_resource_id` and `committed_child_ids`.
  public var committed: (id: NotionID, children: [NotionID])? {
    guard
      let id = additionalData?["committed_resource_id"]?.string.flatMap(NotionID.init(parsing:))
    else { return nil }
    let children = (additionalData?["committed_child_ids"]?.array ?? []).compactMap {
      $0.string.flatMap(NotionID.init(parsing:))
    }
    return (id, children)
  }

  /// Whether the body of a 429 says that the key is blocked, so that no wait helps.
  public static func isBlocked(_ bytes: [UInt8]) -> Bool {
    (try? JSON(parsing: bytes))?["additional_data"]?["rate_limit_reason"]?.string
      == "public_api_request_blocked"
  }

  /// Whether every further request with this key will fail as well.
  public var concernsEverything: Bool { code == .unauthorized }

  /// The sentence for a person, with Notion's code.
  public var description: String {
    switch code {
    case .unauthorized:
      "Notion does not accept the key (\(message)). Enter it again: key notion"
    case .restrictedResource:
      "The integration may not do this (\(message)). Its capabilities are set in Notion, under "
        + "Settings, Integrations."
    case .rateLimited
    where additionalData?["rate_limit_reason"]?.string == "public_api_request_blocked":
      "Notion has blocked this key (\(message)). Ask its support, or use another: key notion"
    case .rateLimited: "Notion refuses more requests for now (\(message))."
    default: "Notion: \(message)"
    }
  }

  init(response: IncomingResponse, bytes: [UInt8]) {
    let retryAfter = RetryAfter.wait(in: response.fields)
    if let json = try? JSON(parsing: bytes), json["object"]?.string == "error" {
      self.init(
        code: Code(rawValue: json["code"]?.string ?? ""), status: response.status,
        message: json["message"]?.string ?? "no message", requestID: json["request_id"]?.string,
        retryAfter: retryAfter, additionalData: json["additional_data"])
      return
    }
    // Proxies and Notion's edge answer in HTML; its text would fill the screen and help nobody.
    let ray = HTTPField.Name("CF-Ray").flatMap { response.fields[$0] }
    self.init(
      code: response.status == 429 ? .rateLimited : .notNotion, status: response.status,
      message: "status \(response.status) without Notion's own explanation"
        + (ray.map { ", from the edge before it (CF-Ray \($0))" } ?? ""),
      retryAfter: retryAfter)
  }
}
