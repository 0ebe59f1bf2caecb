import HTTPTypes
import Transport

extension NotionClient {
  /// The most blocks Notion takes in one request's array.
  static let maximumChildren = 100

  /// Reads the blocks right inside a page or block, all of them.
  public func children(of id: NotionID) async throws -> [Block] {
    var blocks: [Block] = []
    var cursor: String?
    repeat {
      try Task.checkCancellation()
      let start = cursor.map { "&start_cursor=\(NotionClient.encoded($0))" } ?? ""
      let results = try results(
        await request(.get, "blocks/\(id)/children?page_size=100\(start)")
      ) { try Block(json: $0) }
      blocks += results.items
      cursor = results.next
    } while cursor != nil
    return blocks
  }

  /// Reads the whole body of a page, blocks inside blocks included; child pages are not entered.
  public func tree(of id: NotionID) async throws -> [Block] {
    try await tree(of: id, depth: 0)
  }

  private func tree(of id: NotionID, depth: Int) async throws -> [Block] {
    var blocks = try await children(of: id)
    guard depth < 16 else { return blocks }
    for index in blocks.indices where blocks[index].hasChildren {
      guard !["child_page", "child_database"].contains(blocks[index].type),
        let inner = blocks[index].id
      else { continue }
      blocks[index].children = try await tree(of: inner, depth: depth + 1)
    }
    return blocks
  }

  /// Adds blocks at the end of a page or block, however many and however deep.
  ///
  /// Notion takes 100 blocks and two levels in a request, so deeper ones follow in further requests.
  /// Not repeated by itself after a lost answer: the blocks might be there already.
  /// - Returns: The blocks of the first level with their identities, in order.
  public func append(_ blocks: [Block], to id: NotionID) async throws -> [Block] {
    var added: [Block] = []
    for start in stride(from: 0, to: blocks.count, by: NotionClient.maximumChildren) {
      try Task.checkCancellation()
      let part = Array(blocks[start..<min(start + NotionClient.maximumChildren, blocks.count)])
      let json = try await request(
        .patch, "blocks/\(id)/children",
        body: ["children": .array(part.map { $0.json(depth: 0) })], isRepeatable: false)
      let results = try results(json) { try Block(json: $0) }
      for (made, wanted) in zip(results.items, part) {
        if !wanted.children.isEmpty, wanted.type != "table", let inner = made.id {
          _ = try await append(wanted.children, to: inner)
        }
      }
      added += results.items
    }
    return added
  }

  /// Puts a block, and what is inside it, into the trash.
  public func deleteBlock(_ id: NotionID) async throws {
    _ = try await request(.delete, "blocks/\(id)")
  }
}

extension NotionClient {
  /// Takes a block, and what is inside it, out of the trash.
  public func restoreBlock(_ id: NotionID) async throws {
    _ = try await request(.patch, "blocks/\(id)", body: ["in_trash": false], isRepeatable: true)
  }
}
