import Engines
import Generation
import Notion
import Script
import Store
import Synchronization
import Transport

/// The language's calls to the shell: what it may know while it checks, and do while it runs.
nonisolated final class ScriptBridge: ScriptHost {
  let signatures: [CommandSignature]
  private let store: LocalStore
  private let console: any Console
  private let state = Mutex(State())

  private struct State {
    var session: WeakSession?
    var open: Shape?
    var current: Row?
    /// The prompt and the engine that a `generate` would take.
    var prompt: String?
    var engine: String?
    var isAtPrompt = false
    /// The connections whose saved schemas the check of the current input relied on.
    var consulted: Set<String> = []
    /// Whether anything of the current input has run.
    var hasActed = false
  }

  private struct WeakSession: Sendable {
    weak let session: Session?
  }

  init(signatures: [CommandSignature], store: LocalStore, console: any Console) {
    self.signatures = signatures
    self.store = store
    self.console = console
  }

  func attach(_ session: Session) {
    state.withLock { $0.session = WeakSession(session: session) }
  }

  /// Tells the checker what the open connection's rows are like.
  func open(_ shape: Shape?) {
    state.withLock { $0.open = shape }
  }

  func setCurrent(_ row: Row?) {
    state.withLock { $0.current = row }
  }

  /// Tells conditions what a `generate` would take, so that they know what is stale.
  func setPresent(prompt: String?, engine: String?) {
    state.withLock { ($0.prompt, $0.engine) = (prompt, engine) }
  }

  /// Tells the checker whether a person types the statements.
  func setAtPrompt(_ isAtPrompt: Bool) {
    state.withLock { $0.isAtPrompt = isAtPrompt }
  }

  /// Begins an input.
  func beginInput() { state.withLock { ($0.consulted, $0.hasActed) = ([], false) } }

  /// The connections whose schemas a check relied on that failed before anything ran.
  var consultedInVain: Set<String> { state.withLock { $0.hasActed ? [] : $0.consulted } }

  private func session() throws -> Session {
    let session = state.withLock { state in
      state.hasActed = true
      return state.session?.session
    }
    guard let session else { throw CancellationError() }
    return session
  }

  // MARK: - While checking

  func shape(of connection: String?) -> ShapeAnswer {
    if connection == Transcript.source { return .known(Transcript.shape) }
    guard let connection else {
      return state.withLock { state in
        if let open = state.open { state.consulted.insert(open.name) }
        return state.open
      }.map(ShapeAnswer.known) ?? .later
    }
    guard let saved = try? store.connections.find(named: connection) else {
      return .unknown((try? store.connections.all().map(\.name)) ?? [])
    }
    state.withLock { _ = $0.consulted.insert(saved.name) }
    return Connections.cachedShape(of: saved, in: store).map(ShapeAnswer.known) ?? .later
  }

  func currentRow() -> Row? { state.withLock { $0.current } }

  var isAtPrompt: Bool { state.withLock { $0.isAtPrompt } }

  func prompt(named name: String) -> String? {
    ((try? store.prompts.find(named: name)) ?? nil)?.text
  }

  var promptNames: [String] { (try? store.prompts.named().compactMap(\.name)) ?? [] }

  // MARK: - While running

  func rows(_ request: RowRequest) async throws -> [Row] {
    try await explained { try await session().read(request) }
  }

  func part(
    of request: RowRequest, from place: RowPlace?
  ) async throws -> (rows: [Row], next: RowPlace?) {
    try await explained { try await session().read(request, from: place) }
  }

  func hasChanged(_ field: String, of row: Row, _ change: CellChange) async throws -> Bool {
    guard let page = RowMapping.page(of: row), let property = page.property(named: field),
      let provenance = try Provenance.last(of: property.id, page: row.id, in: store.journal)
    else { return false }
    switch change {
    case .edited: return provenance.isEdited(in: page)
    case .stale:
      // Told beforehand: a condition is looked at while the session waits for its end.
      let (prompt, engine) = state.withLock { ($0.prompt, $0.engine) }
      return !provenance.changes(in: page, prompt: prompt, engine: engine).isEmpty
    }
  }

  func body(of row: Row) async throws -> String {
    guard let id = NotionID(parsing: row.id) else { return "" }
    return try await explained {
      let client = try await session().client()
      return Markdown.text(from: try await client.tree(of: id))
    }
  }

  func rich(_ field: String, of row: Row) -> String? { RowMapping.rich(field, of: row) }

  func whole(_ row: Row) async throws -> Row {
    try await explained { try await session().whole(row) }
  }

  func write(_ changes: [FieldChange], to row: Row, at span: Span) async throws -> Row {
    try await explained { try await session().write(changes, to: row, at: span) }
  }

  func answer(_ request: AIRequest) async throws -> Value {
    try await session().answer(request)
  }

  func run(_ call: CommandCall) async throws -> Value {
    let session = try session()
    return try await session.progress.pausing {
      try await explained { try await session.carryOut(call) }
    }
  }

  /// Tells a refused key apart from other problems: a person must act, and the exit code says so.
  private func explained<Result>(_ work: () async throws -> Result) async throws -> Result {
    do {
      return try await work()
    } catch let error as NotionError where error.code == .unauthorized {
      throw ScriptError.setting(
        "V413", "Notion does not accept the key: \(error.message)", "enter it again: key notion",
        "or check the variable NOTION_TOKEN")
    }
  }

  func file(at path: String) async throws -> String { try ScriptFile.data(at: path) }

  func script(at path: String, from file: String) throws -> SourceText {
    try ScriptFile.read(path, from: file)
  }

  func warn(_ line: String) async {
    guard let session = try? session() else { return }
    let secrets = await session.keys.all
    session.console.problem(Sanitizer.line(line).redacting(secrets))
  }

  func print(_ line: String) throws(ScriptError) {
    state.withLock { $0.hasActed = true }
    console.result(line)
    if let failure = console.outputFailure { throw failure.error }
  }
}

extension Session {
  /// Writes a row; the current row is known as it is then.
  func write(_ changes: [FieldChange], to row: Row, at span: Span) async throws -> Row {
    let written = try await writer.write(changes, to: row, at: span)
    progress.wrote()
    rows.replace(written)
    if rows.current?.id == row.id {
      rows.current = written
      bridge.setCurrent(written)
    }
    return written
  }

  /// The prompt and the engine that a `generate` would take now.
  var present: (prompt: String?, engine: String?) {
    let saved = connections.open?.saved
    let chosen = try? engines.choose(saved?.engine, model: saved?.model)
    return (saved?.promptText, chosen.map { "\($0.name)/\($0.model)" })
  }

  /// Reads a related row, of whatever database it is.
  func whole(_ row: Row) async throws -> Row {
    guard let id = NotionID(parsing: row.id) else { return row }
    let workspace = try connections.requireOpen().workspace
    let page = try await Sharing.explained(workspace, "the related row “\(row.title)”") {
      try await workspace.client.page(id)
    }
    let schemas = page.properties.map {
      PropertySchema(id: $0.id, name: $0.name, type: $0.value.type)
    }
    let shape = RowMapping.shape(of: schemas, called: "the related database")
    let whole = try await References(client: workspace.client).namingRows(
      [try await workspace.client.completed(page, schemas)], schemas)
    return RowMapping.row(whole.first ?? page, shape: shape)
  }

  /// What stands between a request's parts: how to read on, and what was looked up already.
  private struct ReadingPlace: Sendable {
    let cursor: NotionClient.RowCursor
    let references: References
  }

  /// Reads rows of a connection.
  func read(_ request: RowRequest) async throws -> [Row] {
    if request.connection == Transcript.source { return transcript.rows() }
    // An order of Notion's own is asked for only where the first rows suffice; what it does with
    // empty fields in a descending one is not certain, so these are asked for apart, and last.
    let (connection, source, shape) = try await database(of: request)
    if let limit = request.limit, limit <= 10_000,
      let sorts = RowFilter.sorts(request.sorts, source)
    {
      let reading = RowReading(request, source)
      let references = References(client: connection.workspace.client)
      var rows: [Row] = []
      for part in RowFilter.emptyLast(request.sorts, source) where rows.count < limit {
        let pages = try await connection.workspace.client.rows(
          source.id, filter: RowFilter.both(reading.filter, part), sorts: sorts,
          limit: limit - rows.count, properties: reading.columns)
        rows += try await whole(pages, reading, references, connection).map {
          RowMapping.row($0, shape: shape)
        }
      }
      return rows
    }
    var rows: [Row] = []
    var place: RowPlace?
    let enough = request.sorts.isEmpty ? request.limit ?? .max : .max
    repeat {
      let part = try await read(request, from: place)
      rows += part.rows
      place = part.next
    } while place != nil && rows.count < enough
    return enough < rows.count ? Array(rows.prefix(enough)) : rows
  }

  /// Reads a part of the rows of a connection.
  func read(
    _ request: RowRequest, from place: RowPlace?
  ) async throws -> (rows: [Row], next: RowPlace?) {
    if request.connection == Transcript.source { return (transcript.rows(), nil) }
    let (connection, source, shape) = try await database(of: request)
    let reading = RowReading(request, source)
    let before = place?.value as? ReadingPlace
    let references = before?.references ?? References(client: connection.workspace.client)
    let (rows, next) = try await progress.reading(
      {
        let part = try await connection.workspace.client.rows(
          source.id, filter: reading.filter, from: before?.cursor, properties: reading.columns,
          pageSize: request.sorts.isEmpty ? request.limit : nil, schema: source.properties)
        let rows = try await whole(part.pages, reading, references, connection)
        return (rows.map { RowMapping.row($0, shape: shape) }, part.next)
      }, count: { $0.0.count })
    return (rows, next.map { RowPlace(ReadingPlace(cursor: $0, references: references)) })
  }

  /// Pages with their long lists read to the end, and their relations named.
  private func whole(
    _ pages: [Page], _ reading: RowReading, _ references: References, _ connection: OpenConnection
  ) async throws -> [Page] {
    var pages = pages
    for index in pages.indices where pages[index].properties.contains(where: \.value.mayBeCut) {
      try Task.checkCancellation()
      pages[index] = try await connection.workspace.client.completed(pages[index], reading.wanted)
    }
    return try await references.namingRows(pages, reading.wanted)
  }

  private func database(
    of request: RowRequest
  ) async throws -> (connection: OpenConnection, source: DataSource, shape: Shape) {
    let connection: OpenConnection
    if let name = request.connection {
      connection = try await connections.peek(try connections.find(name))
    } else {
      connection = try connections.requireOpen()
    }
    guard let source = connection.source, let shape = connection.shape else {
      throw ScriptError.refusal(
        "V402", "“\(connection.name)” is a page; it has no rows.", "open a database: use \"NAME\"")
    }
    return (connection, source, shape)
  }

  func client() throws -> NotionClient { try connections.requireOpen().workspace.client }

  /// Answers `ai`.
  func answer(_ request: AIRequest) async throws -> Value {
    let chosen = try engines.choose(request.engine)
    // A kept prompt without holes gets the row's title, as it does in `generate` and `try`.
    let titleName = request.row?.shape.fields.first { $0.typeName == "title" }?.name
    let prompt = PromptRendering.prompt(request.pieces, row: request.row, titleName: titleName)
    let type = request.shape.map(PromptRendering.answerType)
    do {
      let outcome = try await spending.answer(
        EngineRequest(
          prompt: prompt, model: chosen.model, temperature: settings.number("temperature"),
          maxOutputTokens: settings.number("max_output_tokens").flatMap { Int(exactly: $0) },
          type: type == .text ? nil : type, timeout: .seconds(settings.number("timeout") ?? 180)),
        of: chosen.engine)
      progress.answered(chosen.name == "practice" ? 0 : outcome.cost)
      try keep(outcome, prompt, chosen)
      if let problem = outcome.problem { throw problem }
      guard let answer = outcome.answer else { throw CancellationError() }
      if let value = answer.value { return Session.value(value, shape: request.shape) }
      return .text(Session.trimmed(answer.text))
    } catch let error as EngineError {
      throw ScriptError(
        code: "V301", message: "the AI call failed: \(error.message)",
        kind: error.code == .badKey ? .setting : .problem)
    }
  }

  /// Keeps what `ai` was billed for, an answer that may not be used as well.
  private func keep(_ outcome: Trials.Outcome, _ prompt: Prompt, _ chosen: ChosenEngine) throws {
    guard chosen.name != "practice", outcome.answer != nil || outcome.usage != Usage() else {
      return
    }
    var item = ItemRecord(
      pageID: "", title: String(prompt.text.prefix(80)), prompt: prompt.json.text)
    item.answer = outcome.answer?.text
    item.errorMessage = outcome.problem?.message
    let full = spending.keep(
      Spending.Answered(item: item, usage: outcome.usage, cost: outcome.cost, engine: chosen))
    try desk.keepAnswered(full, connection: connections.open?.name)
  }

  private static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  private static func value(_ json: JSON, shape: AnswerShape?) -> Value {
    switch json {
    case .null: return .nothing
    case .bool(let flag): return .flag(flag)
    case .int(let whole): return .number(Double(whole))
    case .double(let number): return .number(number)
    case .string(let text):
      if shape == .date, let date = DateValue(parsing: text) { return .date(date) }
      return .text(text)
    case .array(let items):
      var inner: AnswerShape?
      if case .list(let item) = shape { inner = item }
      return .list(items.map { value($0, shape: inner) })
    case .object(let members):
      var fields: [AnswerShape.Field] = []
      if case .record(let known) = shape { fields = known }
      return .record(
        Record(
          members.pairs.map { pair in
            (pair.name, value(pair.value, shape: fields.first { $0.name == pair.name }?.shape))
          }))
    }
  }

  /// Carries a command out.
  func carryOut(_ call: CommandCall) async throws -> Value {
    guard let type = CommandCatalog.command(named: call.name) else {
      throw ScriptError.refusal("V103", "There is no command called “\(call.name)”.")
    }
    defer {
      bridge.setCurrent(rows.current)
      let (prompt, engine) = present
      bridge.setPresent(prompt: prompt, engine: engine)
    }
    return try await type.init(self).run(call)
  }
}

/// What a request asks Notion for.
nonisolated struct RowReading: Sendable {
  /// The filter; `nil` for every row.
  let filter: JSON?
  /// The properties that are looked at.
  let wanted: [PropertySchema]
  /// The identities of the properties that are to travel; empty for all.
  let columns: [String]

  init(_ request: RowRequest, _ source: DataSource) {
    filter = RowFilter.json(request.clauses, source)
    let needed = request.fields.map { fields in
      source.properties.filter { fields.contains($0.name) || $0.type == "title" }
    }
    wanted = needed ?? source.properties
    columns = needed.map { RowFilter.columns($0, of: source) } ?? []
  }
}
