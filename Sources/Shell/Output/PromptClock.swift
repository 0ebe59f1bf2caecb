import Foundation

/// Moments as lists show them.
enum PromptClock {
  /// “2026-11-25 14:03”, in UTC as everything the store keeps.
  static func text(_ seconds: Double) -> String {
    String(Date(timeIntervalSince1970: seconds).formatted(.iso8601).prefix(16))
      .replacing("T", with: " ")
  }
}
