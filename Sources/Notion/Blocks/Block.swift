public import Transport

/// A block of a page's body, with the blocks inside it.
public struct Block: Sendable, Hashable {
  /// Its identity; `nil` before Notion has it.
  public var id: NotionID?
  /// Notion's word for its kind.
  public var type: String
  /// What stands under the kind's key, `children` left out.
  public var payload: JSON
  /// The blocks inside it, as far as they were read.
  public var children: [Block]
  /// Whether Notion says there are blocks inside it.
  public var hasChildren: Bool
  /// When it was made, ISO 8601, floored to the minute; empty before Notion has it.
  public var createdTime = ""

  /// Creates a block.
  public init(_ type: String, _ payload: JSON, children: [Block] = []) {
    id = nil
    self.type = type
    self.payload = payload
    self.children = children
    hasChildren = !children.isEmpty
  }

  /// Reads a block object; its children are read apart.
  public init(json: JSON) throws {
    guard let type = json["type"]?.string else { throw Malformed.object("block", json) }
    self.type = type
    id = json["id"]?.string.flatMap(NotionID.init(parsing:))
    payload = json[type] ?? [:]
    children = []
    hasChildren = json["has_children"]?.bool ?? false
    createdTime = json["created_time"]?.string ?? ""
  }

  /// Reads what ``json(depth:)`` wrote, the blocks inside it included.
  public init(nested json: JSON) throws {
    try self.init(json: json)
    var content = payload.members ?? [:]
    children = try (content["children"]?.array ?? []).map { try Block(nested: $0) }
    content["children"] = nil
    payload = .object(content)
    hasChildren = !children.isEmpty
  }

  /// The block in the form in which Notion takes it.
  ///
  /// - Parameter depth: Levels of children to send with it; a table's rows are always sent.
  public func json(depth: Int) -> JSON {
    var content = payload.members ?? [:]
    if !children.isEmpty, depth > 0 || type == "table" {
      content["children"] = .array(children.map { $0.json(depth: depth - 1) })
    }
    return .object(
      JSON.Members([("object", "block"), ("type", .string(type)), (type, .object(content))]))
  }

  /// The text of the block itself, styles left out.
  public var plainText: String {
    switch type {
    case "table_row":
      (payload["cells"]?.array ?? []).map(RichText.plainText).joined(separator: " | ")
    case "equation": payload["expression"]?.string ?? ""
    default: RichText.plainText(of: payload["rich_text"] ?? payload["caption"] ?? .null)
    }
  }

  /// Whether two blocks say the same, whatever Notion added to one of them.
  public func saysTheSame(as other: Block) -> Bool {
    type == other.type && plainText == other.plainText
      && payload["checked"]?.bool ?? false == other.payload["checked"]?.bool ?? false
  }
}
