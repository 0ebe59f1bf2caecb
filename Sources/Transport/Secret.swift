import Foundation

/// A key or token that prints as dots wherever it is shown by accident.
public struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  private let value: String

  /// Wraps a key.
  public init(_ value: String) {
    self.value = value
  }

  /// The key itself, for a request's header or the key file; nowhere else.
  public func reveal() -> String { value }

  /// Whether there is nothing in it.
  public var isEmpty: Bool { value.isEmpty }

  /// Dots, and the last four characters when enough others stay hidden.
  public var masked: String {
    value.count >= 16 ? "••••••••" + value.suffix(4) : "••••••••"
  }

  /// Dots.
  public var description: String { "••••••••" }
  /// Dots.
  public var debugDescription: String { "••••••••" }
  /// Nothing to look into.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension String {
  /// This text with every occurrence of the given secrets replaced by dots.
  ///
  /// Services echo parts of a wrong key in their error texts, so each text from outside passes here
  /// before it is kept or shown. Secrets under 8 characters are left alone: they would blot out words.
  public func redacting(_ secrets: [Secret]) -> String {
    var text = self
    for secret in secrets {
      let value = secret.reveal()
      if value.utf8.count >= 8 { text = text.replacing(value, with: "••••••••") }
    }
    return text
  }
}
