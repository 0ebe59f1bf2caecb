import Generation
import Notion
import Script
import Store
import Transport

/// Reads the rows that a statement speaks of.
final class TargetRows {
  private let rows: RowTable
  /// Reads queries; set when the session is whole.
  var host: (any ScriptHost)?

  init(rows: RowTable) { self.rows = rows }

  /// The rows of a target; none named means the selection.
  ///
  /// - Parameter fields: The fields that are looked at; `nil` for all.
  func rows(_ target: Target?, fields: Set<String>? = nil) async throws -> [Row] {
    guard let target else { return rows.selection?.rows ?? rows.shown }
    var found: [Row]
    switch target.value {
    case .query(let query):
      guard let host else { return [] }
      found = try await query.rows(from: host, fields: fields)
    case .row(let row): found = [row]
    case .list(let items):
      found = try items.map { item in
        guard let row = item.asRow else {
          throw ScriptError.refusal("V452", "These must be rows, and one is \(item.kindName).")
        }
        return row
      }
    case .number(let number):
      guard let whole = Int(exactly: number) else {
        throw ScriptError.refusal("V451", "A row's number is a whole number.")
      }
      found = [try rows.row(whole)]
    case let value:
      throw ScriptError.refusal(
        "V452", "These must be rows, and this is \(value.kindName).", "write: rows where …")
    }
    if let limit = target.limit {
      if target.isSample {
        let chosen = Set(found.indices.shuffled().prefix(limit))
        found = found.indices.filter(chosen.contains).map { found[$0] }
      } else {
        found = Array(found.prefix(limit))
      }
    }
    return found
  }
}

extension TargetRows {
  /// The rows of a target, a part at a time where they can be given so.
  ///
  /// - Parameter fields: The fields that are looked at; `nil` for all.
  func reader(_ target: Target, fields: Set<String>? = nil) async throws -> RowReader {
    if case .query(let query) = target.value, target.limit == nil, let host {
      return RowReader(query.reader(from: host, fields: fields))
    }
    return RowReader(try await rows(target, fields: fields))
  }
}

/// Rows, a part at a time, the next on its way: of many only a few are in memory.
struct RowReader: Sendable {
  private enum Source: Sendable {
    case rows([Row])
    case query(QueryReader)
    case request(RowParts)
    case nothing
  }

  private var source: Source
  private var choice: (@Sendable (Row) -> Row?)?

  init(_ rows: [Row]) { source = .rows(rows) }

  init(_ query: QueryReader) { source = .query(query) }

  /// - Parameter choice: What becomes of each row; `nil` for one that is not wanted.
  init(
    _ request: RowRequest, from host: any ScriptHost, choice: (@Sendable (Row) -> Row?)? = nil
  ) {
    source = .request(RowParts(of: request, from: host))
    self.choice = choice
  }

  /// The next rows, maybe none of them; `nil` after the last.
  mutating func next() async throws -> [Row]? {
    let rows: [Row]
    switch source {
    case .nothing: return nil
    case .rows(let all):
      rows = all
      source = .nothing
    case .query(var reader):
      source = .nothing
      guard let part = try await reader.next() else { return nil }
      rows = part
      source = .query(reader)
    case .request(var parts):
      source = .nothing
      guard let part = try await parts.next() else { return nil }
      rows = part
      source = .request(parts)
    }
    return choice.map { rows.compactMap($0) } ?? rows
  }
}

/// Writes rows for statements: journalled, undoable, one update for each row.
final class RowWriter {
  private let connections: Connections
  private let settings: Settings
  private let store: LocalStore
  private let surroundings: Surroundings
  private let options: RunOptions
  private let console: any Console
  private let dialogue: Dialogue
  /// The run that the writes of the current input belong to.
  private var run: Int64?
  /// People and rows that the current input has looked up by their names.
  private var references: References?
  /// Whether the row being written gets an option that its property does not have yet.
  private var madeOption = false
  /// Rows that the current input has written and nobody has told of, and into which cells.
  private var told: (rows: Int, names: [String]) = (0, [])

  init(
    connections: Connections, settings: Settings, store: LocalStore, surroundings: Surroundings,
    options: RunOptions, console: any Console, dialogue: Dialogue
  ) {
    self.connections = connections
    self.settings = settings
    self.store = store
    self.surroundings = surroundings
    self.options = options
    self.console = console
    self.dialogue = dialogue
  }

  /// Ends the run of an input, so that the next one begins its own, and tells what it wrote.
  func endRun() throws {
    if told.rows > 0 {
      console.message("\(told.names.joined(separator: ", ")): \(told.rows) written")
    }
    told = (0, [])
    references = nil
    if let run { try store.journal.setState(.finished, ofRun: run) }
    run = nil
  }

  /// Writes changes to a row.
  ///
  /// - Parameter isTold: Whether the summary of the input counts it; a command that tells by itself
  ///   what it did says no.
  func write(
    _ changes: [FieldChange], to row: Row, at span: Span, isTold: Bool = true
  ) async throws -> Row {
    let connection = try connections.requireOpen()
    guard let source = connection.source else {
      throw ScriptError.refusal("V402", "“\(connection.name)” is a page; it has no rows.")
    }
    let references = references ?? References(client: connection.workspace.client)
    self.references = references
    madeOption = false
    var change = PageWriter.Change()
    var before = JSON.Members()
    for item in changes {
      switch item {
      case .set(let name, let value):
        let schema = try property(name, source, connection)
        change.properties[schema.id] = try await payload(value, schema, references)
      case .setRich(let name, let text):
        let schema = try property(name, source, connection)
        guard ["title", "rich_text"].contains(schema.type) else {
          throw ScriptError.refusal("V203", "\(name) holds no formatting.")
        }
        change.properties[schema.id] = .object(
          JSON.Members([(schema.type, Markdown.items(from: text))]))
        change.isExact = true
      case .replaceBody(let text): change.body = (Markdown.blocks(from: text), .replace)
      case .appendBody(let text):
        let earlier = change.body?.blocks ?? []
        change.body = (earlier + Markdown.blocks(from: text), change.body?.mode ?? .append)
      }
    }
    if let page = RowMapping.page(of: row) {
      let targets = source.properties.filter { change.properties[$0.id] != nil }.map(
        RunTarget.property)
      before = (try? JSON(parsing: RunPlan.before(page, targets: targets)))?.members ?? [:]
    }
    if options.isDry || settings.isOn("dry") {
      showDifference(changes, row)
      return row
    }
    let id = try beginRun(connection, changes)
    var item = ItemRecord(
      pageID: row.id, title: row.title, number: row.number, before: JSON.object(before).text)
    item.runID = id
    item.position = try store.journal.add(item, toRun: id)
    let writer = PageWriter(
      client: connection.workspace.client, journal: store.journal,
      checkpoint: { [checkpoint = surroundings.checkpoint] in checkpoint?($0) })
    let outcome: (outcome: PageWriter.Outcome, page: Page?)
    do {
      outcome = try await writer.write(
        change, item: &item, isForced: settings.text("conflict") == "overwrite")
    } catch {
      item.state = .failed
      item.errorMessage = Report.sentence(error)
      try store.journal.update(item)
      throw error
    }
    if case .conflict(let text) = outcome.outcome {
      item.state = .conflict
      item.errorMessage = "changed since it was read; it says “\(text.prefix(60))”"
      try store.journal.update(item)
      throw ScriptError(
        code: "V310",
        message:
          "“\(row.title)” was changed by somebody since it was read; it says “\(text.prefix(60))”",
        notes: ["it was left alone; to write all the same: set conflict overwrite"], kind: .problem)
    }
    if isTold {
      told.rows += 1
      for change in changes where !told.names.contains(change.name) {
        told.names.append(change.name)
      }
    }
    // The next row finds the option there, and nobody is asked again.
    if madeOption { try await connections.refresh() }
    guard let page = outcome.page, let shape = connection.shape else { return row }
    let whole = try await connection.workspace.client.completed(page, source.properties)
    return RowMapping.row(whole, shape: shape, number: row.number)
  }

  private func property(
    _ name: String, _ source: DataSource, _ connection: OpenConnection
  ) throws -> PropertySchema {
    if let schema = source.property(named: name) { return schema }
    throw ScriptError.refusal(
      "V101", "There is no property named “\(name)” in \(connection.name).")
  }

  /// The payload for a value; of an option that is not there yet a person is asked.
  private func payload(
    _ value: Value, _ schema: PropertySchema, _ references: References
  ) async throws -> JSON {
    do {
      let scalar = try await references.resolved(RowMapping.scalar(of: value), for: schema)
      do {
        return try PropertyKinds.payload(
          for: scalar, schema: schema, newOptions: settings.newOptions)
      } catch {
        guard let name = error.newOption, dialogue.canAsk,
          try await dialogue.confirm("\(schema.name) has no option “\(name)”. Make it?")
        else { throw error }
        madeOption = true
        return try PropertyKinds.payload(for: scalar, schema: schema, newOptions: .allow)
      }
    } catch let error as PropertyError {
      throw ScriptError(
        code: "V203", message: error.message, notes: error.hint.map { [$0] } ?? [],
        kind: .problem)
    }
  }

  private func beginRun(_ connection: OpenConnection, _ changes: [FieldChange]) throws -> Int64 {
    if let run { return run }
    let names = changes.map(\.name)
    let id = try store.journal.begin(
      RunRecord(
        createdAt: RunDesk.now(), kind: .edit, connection: connection.name,
        workspace: connection.workspace.name.rawValue,
        targets: JSON.array(names.map(JSON.string)).text),
      items: [])
    run = id
    return id
  }

  private func showDifference(_ changes: [FieldChange], _ row: Row) {
    for change in changes {
      switch change {
      case .set(let name, let value):
        let old = row.value(of: name) ?? .nothing
        console.result(
          "~ \(row.title) · \(name): \(old.isNothing ? "(empty)" : old.display) → \(value.isNothing ? "(empty)" : value.display)"
        )
      case .setRich(let name, let text):
        console.result("~ \(row.title) · \(name): \(text)")
      case .replaceBody(let text):
        console.result("~ \(row.title) · body: replaced by \(text.count) characters")
      case .appendBody(let text):
        console.result("~ \(row.title) · body: \(text.count) characters more")
      }
    }
  }
}

extension FieldChange {
  /// The name of the cell that it changes.
  fileprivate var name: String {
    switch self {
    case .set(let name, _), .setRich(let name, _): name
    case .replaceBody, .appendBody: "body"
    }
  }
}
