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
    if !isStrict, change.body?.mode != .replace, let kept = before?["old"]?.members,
      change.properties.names.allSatisfy({ kept[$0] != nil })
    {
      old = kept
    } else {
      let page = try await client.page(id)
      guard !page.isInTrash else {
        throw GenerationError("“\(item.title)” is in the trash.")
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
        old[key] = PropertyKinds.writable(property.value)
      }
    }
    var kept: JSON.Members = ["properties": .object(old)]
    if let body = change.body, body.mode == .replace {
      kept["replaced"] = .array(try await replaceable(id).map { .string($0.description) })
    }
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
    let page = try await client.page(id)
    guard !page.isInTrash else { throw GenerationError("“\(item.title)” is in the trash.") }
    let old = item.old.flatMap { try? JSON(parsing: $0) }?["properties"]
    for (key, wanted) in change.properties {
      guard let property = page.property(id: key), !isForced else { continue }
      let now = CellValue.signature(property.value)
      let isNew = now == CellValue.signature(PropertyValue(wrapped: wanted))
      let isOld = old?[key].map { now == CellValue.signature(PropertyValue(wrapped: $0)) } ?? false
      if !isNew, !isOld { return .conflict(property.value.scalar.text) }
    }
    _ = try await carryOut(change, item: &item, page: id, isInterrupted: true)
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
        properties[key] =
          page.property(id: key).flatMap { PropertyKinds.writable($0.value) } ?? wanted
      }
      var kept = document(change).members ?? [:]
      kept["properties"] = .object(properties)
      item.new = JSON.object(kept).text
      written = page
    }
    if let body = change.body {
      if body.mode == .replace {
        let replaced = item.old.flatMap { try? JSON(parsing: $0) }?["replaced"]?.array ?? []
        try await remove(replaced.compactMap(\.string))
      }
      let blocks =
        isInterrupted
        ? try await complete(body.blocks, in: id) : try await client.append(body.blocks, to: id)
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

  /// Makes blocks the end of a page or block, adopting those that an interrupted write left there.
  private func complete(_ blocks: [Block], in id: NotionID) async throws -> [Block] {
    let there = try await client.children(of: id)
    var adopted = 0
    for count in stride(from: min(there.count, blocks.count), through: 1, by: -1)
    where zip(there.suffix(count), blocks).allSatisfy({ $0.saysTheSame(as: $1) }) {
      adopted = count
      break
    }
    var result = Array(there.suffix(adopted))
    for (mine, wanted) in zip(result, blocks) where !wanted.children.isEmpty {
      if let inner = mine.id { _ = try await complete(wanted.children, in: inner) }
    }
    result += try await client.append(Array(blocks.dropFirst(adopted)), to: id)
    return result
  }

  /// The blocks of a page that a replacement takes away.
  ///
  /// - Throws: ``GenerationError`` when a page or database is among them: it would go to the trash.
  private func replaceable(_ id: NotionID) async throws -> [NotionID] {
    let blocks = try await client.children(of: id)
    if let holder = blocks.first(where: { ["child_page", "child_database"].contains($0.type) }) {
      throw GenerationError(
        "The body holds a \(holder.type.replacing("child_", with: "")) "
          + "(“\(holder.payload["title"]?.string ?? "")”), which replacing it would put into the trash."
      )
    }
    return blocks.compactMap(\.id)
  }

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
      members["mode"] = .string(body.mode.rawValue)
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
      let added = try await client.append(try blocks.map { try Block(nested: $0) }, to: id)
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
    let page = try await client.page(id)
    guard !page.isInTrash else { throw GenerationError("The page is in the trash.") }
    var changes = JSON.Members()
    for (key, value) in values {
      guard let property = page.property(id: key) else { continue }
      let now = CellValue.signature(property.value)
      if now == CellValue.signature(PropertyValue(wrapped: value)) { continue }
      let isExpected =
        expected["properties"]?[key].map {
          now == CellValue.signature(PropertyValue(wrapped: $0))
        } ?? false
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
    for (blockID, json) in zip(ids, wanted?.array ?? []) {
      guard let block = there.first(where: { $0.id?.description == blockID.string }) else {
        continue
      }
      if !block.saysTheSame(as: try Block(nested: json)) { return block.plainText }
    }
    return nil
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
