import Foundation
import HTTPTypes
import Transport

// Bodies are read and written as blocks, not through the Markdown endpoints (`/pages/{id}/markdown`):
//
// - A block has an identity, so a write can be looked for when its answer is lost, taken back block
//   by block, and left alone when somebody has changed it. The Markdown endpoint gives no identities
//   and may apply an edit in part.
// - Replacing through Markdown rewrites the whole page: what its dialect cannot say (bookmarks, synced
//   blocks, databases in the page, files kept by Notion) is degraded or lost. Blocks that are not
//   touched stay what they are.
// - Its dialect is changing: the default one is deprecated, the next is a preview. What a person reads
//   and writes here is CommonMark either way.
//
// What the endpoint does better, reading a deeply nested page in a single request, is made up for in
// part: brothers are read side by side.

extension NotionClient {
  /// The most blocks Notion takes in one request's array.
  static let maximumChildren = 100
  /// The most blocks in one request, whatever their level.
  private static let maximumElements = 1000
  /// The most bytes of one request; Notion's limit is 500 KB.
  private static let maximumBytes = 450_000

  /// Reads a block, and not what is inside it.
  public func block(_ id: NotionID) async throws -> Block {
    try Block(json: await request(.get, "blocks/\(id)"))
  }

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
    guard depth < 64 else { return blocks }
    // Brothers are read side by side: each is a request of its own.
    try await withThrowingTaskGroup(of: (Int, [Block]).self) { group in
      for index in blocks.indices where blocks[index].hasChildren {
        guard !["child_page", "child_database"].contains(blocks[index].type),
          let inner = blocks[index].id
        else { continue }
        group.addTask { (index, try await tree(of: inner, depth: depth + 1)) }
      }
      for try await (index, children) in group { blocks[index].children = children }
    }
    return blocks
  }

  /// Adds blocks to a page or block, however many and however deep.
  ///
  /// Notion takes 100 blocks in an array and two levels below them in a request, so more and deeper
  /// ones follow in further requests. A request whose answer is lost is looked for before it is
  /// repeated: the blocks might be there already.
  /// - Parameter sibling: The block right inside `id` after which they go; `nil` for the end.
  /// - Returns: The blocks of the first level with their identities, in order.
  public func append(
    _ blocks: [Block], to id: NotionID, after sibling: NotionID? = nil
  ) async throws -> [Block] {
    var added: [Block] = []
    var rest = blocks[...]
    var last = sibling
    while !rest.isEmpty {
      try Task.checkCancellation()
      let part = NotionClient.part(of: rest)
      rest = rest.dropFirst(part.count)
      let made = try await send(Array(part), to: id, after: last)
      for (made, wanted) in zip(made, part)
      where !wanted.children.isEmpty && !wanted.fitsOneRequest {
        if let inner = made.id { _ = try await append(wanted.children, to: inner) }
      }
      added += made
      if sibling != nil { last = made.last?.id ?? last }
    }
    return added
  }

  /// As many blocks from the front as one request holds, at least one.
  private static func part(of blocks: ArraySlice<Block>) -> ArraySlice<Block> {
    var elements = 0
    var bytes = 0
    var count = 0
    for block in blocks.prefix(maximumChildren) {
      let isWhole = block.fitsOneRequest
      elements += isWhole ? block.elements : 1
      bytes += block.json(depth: isWhole ? 2 : 0).bytes.count
      if count > 0, elements > maximumElements || bytes > maximumBytes { break }
      count += 1
    }
    return blocks.prefix(count)
  }

  /// Sends blocks in one request; when nobody knows whether it arrived, looks for them first.
  private func send(
    _ part: [Block], to id: NotionID, after sibling: NotionID?
  ) async throws -> [Block] {
    var body: JSON.Members = [
      "children": .array(part.map { $0.json(depth: $0.fitsOneRequest ? 2 : 0) })
    ]
    if let sibling {
      body["position"] = [
        "type": "after_block", "after_block": ["id": .string(sibling.description)],
      ]
    }
    let start = Date()
    return try await creations.certain {
      let json = try await request(
        .patch, "blocks/\(id)/children", body: .object(body), isRepeatable: false)
      // With a position Notion gives every later sibling as well.
      return Array(try results(json) { try Block(json: $0) }.items.prefix(part.count))
    } committed: { ids in
      let there = try await children(of: id)
      let made = ids.compactMap { id in there.first { $0.id == id } }
      return made.count == part.count ? made : nil
    } found: {
      let there = try await children(of: id)
      // Where they would stand: right after the sibling, or at the end.
      let place: ArraySlice<Block>
      if let sibling, let index = there.firstIndex(where: { $0.id == sibling }) {
        place = there[(index + 1)...].prefix(part.count)
      } else {
        place = there.suffix(part.count)
      }
      guard place.count == part.count,
        zip(place, part).allSatisfy({ $0.saysTheSame(as: $1) }),
        await creations.areNew(place.map { ($0.id, $0.createdTime) }, since: start)
      else { return nil }
      return Array(place)
    } made: { blocks in
      blocks.compactMap(\.id)
    }
  }

  /// Puts a block, and what is inside it, into the trash.
  public func deleteBlock(_ id: NotionID) async throws {
    _ = try await request(.delete, "blocks/\(id)")
  }

  /// Takes a block, and what is inside it, out of the trash.
  public func restoreBlock(_ id: NotionID) async throws {
    _ = try await request(.patch, "blocks/\(id)", body: ["in_trash": false], isRepeatable: true)
  }
}

extension Block {
  /// Whether a request takes it with all that is inside it: two levels, 100 in an array.
  var fitsOneRequest: Bool { fits(levels: 2) }

  private func fits(levels: Int) -> Bool {
    guard !children.isEmpty else { return true }
    guard levels > 0, children.count <= NotionClient.maximumChildren else { return false }
    return elements <= 500 && children.allSatisfy { $0.fits(levels: levels - 1) }
  }

  /// Itself and the blocks inside it.
  var elements: Int { children.reduce(1) { $0 + $1.elements } }
}
