/// The identity of a page, database, data source, block or user: a UUID, dashed and in lower case.
public struct NotionID: Sendable, Hashable, CustomStringConvertible {
  /// The dashed form, `38c9ce7b-60a4-819d-92fa-eed199096814`.
  public let description: String

  /// What a person wants an address to lead to.
  public enum Target: Sendable {
    /// A page: of a peek address the page that is open.
    case page
    /// A database: of a peek address the database behind.
    case database
    /// A block: the part after `#`.
    case block
  }

  /// Reads a dashed or undashed UUID, in any case; nothing else.
  public init?(parsing text: String) {
    let digits = text.utf8.filter { $0 != UInt8(ascii: "-") }
    let isDashed = text.utf8.count == 36
    guard digits.count == 32, isDashed || text.utf8.count == 32,
      digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
    else { return nil }
    if isDashed {
      let dashes = text.utf8.enumerated().filter { $0.element == UInt8(ascii: "-") }.map(\.offset)
      guard dashes == [8, 13, 18, 23] else { return nil }
    }
    let hex = String(decoding: digits, as: UTF8.self).lowercased()
    var parts: [Substring] = []
    var rest = hex[...]
    for length in [8, 4, 4, 4, 12] {
      parts.append(rest.prefix(length))
      rest = rest.dropFirst(length)
    }
    description = parts.joined(separator: "-")
  }

  /// The undashed form, as addresses have it.
  public var undashed: String { description.replacing("-", with: "") }

  /// Finds the identity in an address or a bare UUID.
  ///
  /// Takes every form that Notion's applications give: `notion.so` with and without a workspace and
  /// a title, `app.notion.com/p/…`, public `notion.site` pages, `notion://` links, peek addresses
  /// (`?p=`), `#block` parts, and `collection://` links. The `v=` of a view is never taken.
  ///
  /// - Returns: `nil` when there is none.
  public static func find(in text: String, wanting target: Target) -> NotionID? {
    let address = text.trimmingPrefix { $0.isWhitespace }
    var whole = String(address)
    while whole.last?.isWhitespace == true { whole.removeLast() }
    if let id = NotionID(parsing: whole) { return id }

    let beforeFragment = whole.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
    let fragment = beforeFragment.count > 1 ? String(beforeFragment[1]) : ""
    if target == .block {
      let name = fragment.hasPrefix("block-") ? String(fragment.dropFirst(6)) : fragment
      if let id = NotionID(parsing: name) { return id }
    }
    let parts = (beforeFragment.first ?? "").split(
      separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let path = parts.first else { return nil }
    let query = parts.count > 1 ? parts[1] : ""
    if target != .database {
      for pair in query.split(separator: "&") {
        let sides = pair.split(separator: "=", maxSplits: 1)
        if sides.count == 2, sides[0] == "p" || sides[0] == "page_id",
          let id = NotionID(parsing: String(sides[1]))
        {
          return id
        }
      }
    }
    // A path counts only below a scheme or a host of Notion's, so that no file name is taken for one.
    guard whole.contains("://") || whole.contains("notion.") else { return nil }
    for segment in path.split(separator: "/").reversed() {
      if let id = NotionID(parsing: String(segment.suffix(36))) { return id }
      if let id = NotionID(parsing: String(segment.suffix(32))) { return id }
    }
    return nil
  }
}
