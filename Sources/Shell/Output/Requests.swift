/// Requests to Notion as people read them.
nonisolated enum Requests {
  /// `1 request`, `252 requests`.
  static func text(_ count: Int) -> String { "\(count) \(count == 1 ? "request" : "requests")" }
}
