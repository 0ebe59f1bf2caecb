import Foundation
public import Notion
public import Store
public import Transport

/// Writes pages: old values kept first, safe to repeat, taken back exactly.
///
/// Runs and scripts write through this one type, so that `undo` knows one history.
public struct PageWriter: Sendable {
  /// What became of a write.
  public enum Outcome: Sendable, Equatable {
    /// The page holds the new values.
    case written
    /// Somebody changed the cell; it was left alone. The text says what stands there.
    case conflict(String)
  }

  /// What is to be written to one page.
  public struct Change: Sendable {
    /// Payloads by the property's identity, each `{"number": 3}`.
    public var properties: JSON.Members
    /// Blocks for the body, and how to write them; `nil` leaves the body alone.
    public var body: (blocks: [Block], mode: RunTarget.BodyMode)?
    /// Whether texts replace the old ones with their formatting; else what stands in both keeps it.
    public var isExact = false

    /// Creates a change.
    public init(
      properties: JSON.Members = [:], body: (blocks: [Block], mode: RunTarget.BodyMode)? = nil
    ) {
      self.properties = properties
      self.body = body
    }
  }

  let client: NotionClient
  let journal: RunJournal
  let checkpoint: @Sendable (String) throws -> Void

  /// Creates a writer.
  ///
  /// - Parameter checkpoint: Called at each boundary; a test stops there by throwing.
  public init(
    client: NotionClient, journal: RunJournal,
    checkpoint: @escaping @Sendable (String) throws -> Void = { _ in }
  ) {
    self.client = client
    self.journal = journal
    self.checkpoint = checkpoint
  }

  // MARK: - Writing

  /// Writes a change: reads what stands there, journals it, writes, journals again.
  ///
  /// - Parameters:
  ///   - item: Its journal entry; its `before` says what stood there when it was planned.
  ///   - isForced: Whether cells that somebody changed are overwritten.
  ///   - isStrict: Whether the page is read again first. Without, what stood there when the row was
  ///     planned counts as the old value: half the requests, and an edit made since is not seen.
  /// - Returns: What became of it, and the page as it is now.
  @discardableResult
  public func write(
    _ change: Change, item: inout ItemRecord, isForced: Bool, isStrict: Bool = true
  ) async throws -> (outcome: Outcome, page: Page?) {
    guard let id = NotionID(parsing: item.pageID) else {
      throw GenerationError("“\(item.pageID)” is no page.")
    }
    let before = item.before.flatMap { try? JSON(parsing: $0) }
    var old = JSON.Members()
    if !isStrict, !(change.body?.mode.replaces ?? false), let kept = before?["old"]?.members,
      change.properties.names.allSatisfy({ kept[$0] != nil })
    {
      old = kept
    } else {
      let page = try await whole(id, change)
      guard !page.isInTrash else {
        throw GenerationError("“\(item.title)” is in the trash.", isTrash: true)
      }
      if !isForced {
        for (key, planned) in before?["values"]?.members ?? [:] {
          guard let property = page.property(id: key) else { continue }
          let now = CellValue.signature(property.value)
          if now != planned { return (.conflict(property.value.scalar.text), page) }
        }
      }
      for (key, _) in change.properties {
        guard let property = page.property(id: key) else {
          throw GenerationError("The property was removed from the database.")
        }
        if let items = property.value.payload.array, items.count > 100, !isForced,
          ["people", "relation"].contains(property.value.type)
        {
          throw GenerationError(
            "“\(property.name)” holds \(items.count) items, and Notion takes 100 at once: what stands "
              + "there could not be put back. \(PageWriter.force)")
        }
        old[key] = PropertyKinds.writable(property.value)
      }
    }
    var kept: JSON.Members = ["properties": .object(old)]
    if let body = change.body, body.mode.replaces {
      let place = try await replaceable(id, body.mode, isForced: isForced)
      kept["replaced"] = .array(place.blocks.map { .string($0.description) })
      if let heading = place.heading { kept["heading"] = .string(heading.description) }
    }
    let change = PageWriter.keepingFormat(change, old)
    item.old = JSON.object(kept).text
    item.new = document(change).text
    item.state = .writing
    try await journal.record(item)
    try checkpoint("writing")
    return (.written, try await carryOut(change, item: &item, page: id, isInterrupted: false))
  }

  /// Goes on with a write of which nobody knows whether it happened.
  public func finish(
    _ change: Change, item: inout ItemRecord, isForced: Bool
  ) async throws -> Outcome {
    guard let id = NotionID(parsing: item.pageID) else {
      throw GenerationError("“\(item.pageID)” is no page.")
    }
    let page = try await whole(id, change)
    guard !page.isInTrash else {
      throw GenerationError("“\(item.title)” is in the trash.", isTrash: true)
    }
    let old = item.old.flatMap { try? JSON(parsing: $0) }?["properties"]
    for (key, wanted) in change.properties {
      guard let property = page.property(id: key), !isForced else { continue }
      let isNew = CellValue.holds(property.value, wanted)
      let isOld = old?[key].map { CellValue.holds(property.value, $0) } ?? false
      if !isNew, !isOld { return .conflict(property.value.scalar.text) }
    }
    _ = try await carryOut(
      PageWriter.keepingFormat(change, old?.members ?? [:]), item: &item, page: id,
      isInterrupted: true)
    return .written
  }

  /// The effect itself; every part of it may be repeated.
  ///
  /// - Parameter isInterrupted: Whether an earlier try may have left some of our blocks. A fresh
  ///   write must not take the same words of an earlier run for its own.
  private func carryOut(
    _ change: Change, item: inout ItemRecord, page id: NotionID, isInterrupted: Bool
  ) async throws -> Page? {
    var written: Page?
    if !change.properties.isEmpty {
      let page = try await client.updatePage(id, properties: .object(change.properties))
      // What Notion made of it is what `undo` must find again.
      var properties = JSON.Members()
      for (key, wanted) in change.properties {
        // Of a long list the page shows a part; what was sent is the whole of it.
        let now = page.property(id: key)?.value
        properties[key] = now.flatMap { $0.isCut ? nil : PropertyKinds.writable($0) } ?? wanted
      }
      var kept = document(change).members ?? [:]
      kept["properties"] = .object(properties)
      item.new = JSON.object(kept).text
      written = page
    }
    if let body = change.body {
      let old = item.old.flatMap { try? JSON(parsing: $0) }
      let heading = old?["heading"]?.string.flatMap(NotionID.init(parsing:))
      try await remove((old?["replaced"]?.array ?? []).compactMap(\.string))
      var wanted = body.blocks
      if case .section(let name) = body.mode, heading == nil {
        wanted.insert(PageWriter.heading(name), at: 0)
      }
      let blocks =
        isInterrupted
        ? try await complete(wanted, in: id, after: heading)
        : try await client.append(wanted, to: id, after: heading)
      item.blocks = JSON.array(blocks.compactMap { $0.id.map { .string($0.description) } }).text
    }
    try checkpoint("written")
    item.state = .written
    item.writtenAt = Date().timeIntervalSince1970
    item.errorCode = nil
    item.errorMessage = nil
    try await journal.record(item)
    try checkpoint("journalled")
    return written
  }

  /// The heading of a section that is not there yet.
  private static func heading(_ name: String) -> Block {
    Block("heading_2", ["rich_text": [["type": "text", "text": ["content": .string(name)]]]])
  }

  /// A page with the properties that are to change read whole, so that they can be put back.
  private func whole(_ id: NotionID, _ change: Change) async throws -> Page {
    let page = try await client.page(id)
    let schemas = page.properties.filter { change.properties[$0.id] != nil }.map {
      PropertySchema(id: $0.id, name: $0.name, type: $0.value.type)
    }
    return try await client.completed(page, schemas)
  }

  /// The change with the formatting of what its texts leave as it was.
  private static func keepingFormat(_ change: Change, _ old: JSON.Members) -> Change {
    guard !change.isExact else { return change }
    var change = change
    for (key, wanted) in change.properties {
      for type in ["title", "rich_text"] {
        guard let items = wanted[type], let before = old[key]?[type],
          let kept = RichText.rewritten(before, to: RichText.plainText(of: items))
        else { continue }
        change.properties[key] = .object(JSON.Members([(type, kept)]))
      }
    }
    return change
  }

  /// Makes blocks the end of a page or block, or what follows a sibling, adopting those that an
  /// interrupted write left there.
  private func complete(
    _ blocks: [Block], in id: NotionID, after sibling: NotionID? = nil
  ) async throws -> [Block] {
    let there = try await client.children(of: id)
    var adopted = 0
    var mine: [Block] = []
    if let sibling, let index = there.firstIndex(where: { $0.id == sibling }) {
      mine = zip(there[(index + 1)...], blocks).prefix { $0.saysTheSame(as: $1) }.map(\.0)
      adopted = mine.count
    } else {
      for count in stride(from: min(there.count, blocks.count), through: 1, by: -1)
      where zip(there.suffix(count), blocks).allSatisfy({ $0.saysTheSame(as: $1) }) {
        adopted = count
        break
      }
      mine = Array(there.suffix(adopted))
    }
    for (mine, wanted) in zip(mine, blocks) where !wanted.children.isEmpty {
      if let inner = mine.id { _ = try await complete(wanted.children, in: inner) }
    }
    return mine
      + (try await client.append(
        Array(blocks.dropFirst(adopted)), to: id,
        after: sibling == nil ? nil : mine.last?.id ?? sibling))
  }

  /// How a person says that it is to be done all the same.
  private static let force =
    "To do it all the same: generate … force; in a script: set conflict overwrite"

  /// The blocks of a page that a replacement takes away, and the heading under which they stand.
  ///
  /// - Throws: ``GenerationError`` when a page or database is among them: it would go to the trash.
  private func replaceable(
    _ id: NotionID, _ mode: RunTarget.BodyMode, isForced: Bool
  ) async throws -> (blocks: [NotionID], heading: NotionID?) {
    var blocks = try await client.children(of: id)
    var heading: NotionID?
    if case .section(let name) = mode {
      guard let start = blocks.firstIndex(where: { $0.isHeading(called: name) }) else {
        return ([], nil)
      }
      heading = blocks[start].id
      let level = blocks[start].type
      // Kinds of headings sort as their levels do.
      let end = blocks[(start + 1)...].firstIndex {
        $0.type.hasPrefix("heading_") && $0.type <= level
      }
      blocks = Array(blocks[(start + 1)..<(end ?? blocks.endIndex)])
    }
    if !isForced, let holder = try await holder(in: blocks, depth: 0) {
      throw GenerationError(
        "The \(heading == nil ? "body" : "section") holds a "
          + "\(holder.type.replacing("child_", with: "")) "
          + "(“\(holder.payload["title"]?.string ?? "")”), which would go to the trash with it. "
          + PageWriter.force)
    }
    return (blocks.compactMap(\.id), heading)
  }

  /// A page or database among blocks or inside them: the trash takes whatever is inside.
  private func holder(in blocks: [Block], depth: Int) async throws -> Block? {
    for block in blocks {
      if ["child_page", "child_database"].contains(block.type) { return block }
    }
    guard depth < 8 else { return nil }
    for block in blocks where block.hasChildren && PageWriter.holders.contains(block.type) {
      guard let id = block.id else { continue }
      if let found = try await holder(in: try await client.children(of: id), depth: depth + 1) {
        return found
      }
    }
    return nil
  }

  /// The kinds of blocks into which people put pages and databases.
  private static let holders: Set<String> = [
    "callout", "column", "column_list", "synced_block", "tab", "toggle", "heading_1", "heading_2",
    "heading_3", "heading_4", "quote", "bulleted_list_item", "numbered_list_item", "to_do",
    "paragraph",
  ]

  private func remove(_ ids: [String]) async throws {
    for text in ids {
      guard let id = NotionID(parsing: text) else { continue }
      do {
        try await client.deleteBlock(id)
      } catch let error as NotionError where error.isGone {
        continue
      }
    }
  }

  private func document(_ change: Change) -> JSON {
    var members: JSON.Members = ["properties": .object(change.properties)]
    if let body = change.body {
      members["body"] = .array(body.blocks.map { $0.json(depth: 64) })
      members["mode"] = .string(body.mode.text)
    }
    return .object(members)
  }

  // MARK: - Taking back

  /// Puts back what stood there, unless somebody changed it since.
  public func undo(_ item: inout ItemRecord, isForced: Bool) async throws -> Outcome {
    guard let id = NotionID(parsing: item.pageID),
      let old = item.old.flatMap({ try? JSON(parsing: $0) }),
      let new = item.new.flatMap({ try? JSON(parsing: $0) })
    else { throw GenerationError("The journal does not know what stood in “\(item.title)”.") }
    if let conflict = try await swap(from: new, to: old, page: id, isForced: isForced) {
      return conflict
    }
    if let blocks = item.blocks.flatMap({ try? JSON(parsing: $0) })?.array, !blocks.isEmpty {
      if !isForced, let changed = try await changedBlock(in: id, ids: blocks, wanted: new["body"]) {
        return .conflict(changed)
      }
      try await remove(blocks.compactMap(\.string))
      for text in (old["replaced"]?.array ?? []).compactMap(\.string) {
        if let block = NotionID(parsing: text) { try await client.restoreBlock(block) }
      }
    }
    try checkpoint("undone")
    item.state = .undone
    try await journal.record(item)
    return .written
  }

  /// Writes again what was taken back, unless somebody changed it since.
  public func redo(_ item: inout ItemRecord) async throws -> Outcome {
    guard let id = NotionID(parsing: item.pageID),
      let old = item.old.flatMap({ try? JSON(parsing: $0) }),
      let new = item.new.flatMap({ try? JSON(parsing: $0) })
    else { throw GenerationError("The journal does not know what was written to “\(item.title)”.") }
    if let conflict = try await swap(from: old, to: new, page: id, isForced: false) {
      return conflict
    }
    if let blocks = new["body"]?.array, !blocks.isEmpty {
      try await remove((old["replaced"]?.array ?? []).compactMap(\.string))
      let heading = old["heading"]?.string.flatMap(NotionID.init(parsing:))
      var wanted = try blocks.map { try Block(nested: $0) }
      if heading == nil, let mode = new["mode"]?.string.flatMap(RunTarget.BodyMode.init(text:)),
        case .section(let name) = mode
      {
        wanted.insert(PageWriter.heading(name), at: 0)
      }
      let added = try await client.append(wanted, to: id, after: heading)
      item.blocks = JSON.array(added.compactMap { $0.id.map { .string($0.description) } }).text
    }
    item.state = .written
    try await journal.record(item)
    return .written
  }

  /// Sets the properties from one document's values to another's.
  private func swap(
    from expected: JSON, to wanted: JSON, page id: NotionID, isForced: Bool
  ) async throws -> Outcome? {
    guard let values = wanted["properties"]?.members, !values.isEmpty else { return nil }
    let page = try await whole(id, Change(properties: values))
    guard !page.isInTrash else { throw GenerationError("The page is in the trash.") }
    var changes = JSON.Members()
    for (key, value) in values {
      guard let property = page.property(id: key) else { continue }
      if CellValue.holds(property.value, value) { continue }
      let isExpected =
        expected["properties"]?[key].map { CellValue.holds(property.value, $0) } ?? false
      guard isExpected || isForced else { return .conflict(property.value.scalar.text) }
      changes[key] = value
    }
    if !changes.isEmpty { _ = try await client.updatePage(id, properties: .object(changes)) }
    return nil
  }

  /// The text of one of our blocks that no longer says what we wrote; `nil` when all do.
  private func changedBlock(
    in id: NotionID, ids: [JSON], wanted: JSON?
  ) async throws -> String? {
    let there = try await client.children(of: id)
    // A section that was made has its heading before what was written.
    let body = wanted?.array ?? []
    for (blockID, json) in zip(ids.suffix(body.count), body) {
      guard let block = there.first(where: { $0.id?.description == blockID.string }) else {
        continue
      }
      if !block.saysTheSame(as: try Block(nested: json)) { return block.plainText }
    }
    return nil
  }
}

extension Block {
  /// Whether it is a heading of that text, whatever the case.
  func isHeading(called name: String) -> Bool {
    type.hasPrefix("heading_")
      && plainText.trimmingCharacters(in: .whitespaces).lowercased()
        == name.trimmingCharacters(in: .whitespaces).lowercased()
  }
}

extension PropertyValue {
  /// Reads `{"number": 3}`.
  init(wrapped json: JSON) {
    let type = json.members?.names.first ?? ""
    self.init(type: type, payload: json[type] ?? .null)
  }
}

extension NotionError {
  /// Whether a block is away already.
  var isGone: Bool {
    code == .objectNotFound || (code == .validationError && message.contains("archived"))
  }
}
