import Generation
import Notion
import Script
import Store
import Transport

/// `blame row 7`: what wrote each cell of a row.
struct BlameCommand: Command {
  static let signature = CommandSignature(
    name: "blame",
    summary:
      "Tells for each cell of a row which run, prompt and model wrote it, and what stood there.",
    slots: [
      Slot(
        "row", words: ["row"], kind: .number, isRequired: true,
        summary: "a row's number in the table last shown")
    ],
    examples: ["blame row 7"],
    givesValue: true)

  private let session: Session
  private let store: LocalStore
  private let rows: RowTable
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    self.session = session
    store = session.store
    rows = session.rows
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard let number = call.number("row"), let whole = Int(exactly: number) else {
      throw ScriptError.refusal("V451", "A row's number is a whole number.", "blame row 3")
    }
    // What stands there now decides whether a person changed it.
    let row = try await session.connections.reread(try rows.row(whole))
    let past = try CellPast.all(ofPage: row.id, in: store)
    var seen = Set<String>()
    var records: [Value] = []
    for entry in past where entry.item.state == .written && seen.insert(entry.key).inserted {
      records.append(.record(record(entry, row)))
    }
    if records.isEmpty { console.message("Visen has written nothing into 「\(row.title)」.") }
    try presenter.show(.list(records))
    return .list(records)
  }

  private func record(_ entry: CellPast, _ row: Row) -> Record {
    Record([
      ("Cell", .text(entry.name)), ("Run", .number(Double(entry.run.id))),
      ("When", .text(entry.time)), ("By", .text(entry.author)),
      ("Prompt", entry.prompt), ("Tokens", entry.tokens), ("Cost", entry.cost),
      ("Before", entry.before), ("After", entry.after),
      ("Since", .text(since(entry, row))),
    ])
  }

  /// What became of the cell since.
  private func since(_ entry: CellPast, _ row: Row) -> String {
    guard let page = RowMapping.page(of: row) else { return "" }
    let provenance = Provenance(run: entry.run, item: entry.item, cell: entry.key)
    var parts: [String] = []
    if provenance.isEdited(in: page) { parts.append("edited") }
    guard entry.run.kind == .generate else { return parts.joined(separator: ", ") }
    let (prompt, engine) = session.present
    for change in provenance.changes(in: page, prompt: prompt, engine: engine) {
      switch change {
      case .inputs(let ids):
        let names = ids.compactMap { page.property(id: $0)?.name }
        parts.append("stale: \(names.joined(separator: ", ")) changed")
      case .prompt: parts.append("stale: the prompt changed")
      case .model: parts.append("stale: the engine is \(engine ?? "another") now")
      }
    }
    return parts.joined(separator: "; ")
  }
}

extension RunRecord {
  /// The kept prompt that its cells were made from; `nil` for words that were typed.
  nonisolated var promptVersion: PromptVersion? {
    (try? JSON(parsing: parameters)).flatMap { RunParameters(json: $0).promptVersion }
  }
}

/// One thing that was done to one cell.
nonisolated struct CellPast {
  let run: RunRecord
  let item: ItemRecord
  /// The property's identity, or `body`.
  let key: String
  /// Its name as it was then.
  let name: String
  private let old: JSON?
  private let new: JSON?

  /// What was done to the cells of a page, the newest first.
  static func all(ofPage id: String, in store: LocalStore) throws -> [CellPast] {
    try store.journal.items(ofPage: id).flatMap { run, item -> [CellPast] in
      let old = item.old.flatMap { try? JSON(parsing: $0) }
      let new = item.new.flatMap { try? JSON(parsing: $0) }
      var names: [String: String] = [:]
      for target in (try? JSON(parsing: run.targets))?.array ?? [] {
        if let property = target["property"], let id = property["id"]?.string {
          names[id] = property["name"]?.string
        }
      }
      var cells = (new?["properties"]?.members ?? [:]).map { key, _ in
        CellPast(
          run: run, item: item, key: key, name: names[key] ?? RunNumber.targetNames(run), old: old,
          new: new)
      }
      if new?["body"] != nil {
        cells.append(
          CellPast(run: run, item: item, key: "body", name: "body", old: old, new: new))
      }
      return cells
    }
  }

  private init(
    run: RunRecord, item: ItemRecord, key: String, name: String, old: JSON?, new: JSON?
  ) {
    self.run = run
    self.item = item
    self.key = key
    self.name = name
    self.old = old
    self.new = new
  }

  /// When it was written, or the run began.
  var time: String {
    item.writtenAt.map { String(RunNumber.time($0).prefix(16)) } ?? RunNumber.time(run.createdAt)
  }

  /// The engine and the model, or the person.
  var author: String {
    run.engine.isEmpty ? "you" : item.answeredBy ?? "\(run.engine)/\(run.model)"
  }

  /// The prompt, with the name and version under which it was kept when it was asked.
  var prompt: Value {
    guard !run.prompt.isEmpty else { return .nothing }
    return .text((run.promptVersion.map { "\($0.label): " } ?? "") + run.prompt)
  }

  var tokens: Value {
    run.engine.isEmpty ? .nothing : .number(Double(item.inputTokens + item.outputTokens))
  }

  var cost: Value {
    run.engine.isEmpty
      ? .nothing
      : run.engine == "practice"
        ? .text("free") : item.cost.map { .text(Money.text($0)) } ?? .text("unknown")
  }

  /// What stood there before.
  var before: Value {
    if key == "body" {
      let replaced = old?["replaced"]?.array?.count ?? 0
      return replaced == 0 ? .nothing : .text("\(replaced) blocks")
    }
    return CellPast.text(old?["properties"]?[key])
  }

  /// What was written.
  var after: Value {
    guard key == "body" else { return CellPast.text(new?["properties"]?[key]) }
    let blocks = (new?["body"]?.array ?? []).compactMap { try? Block(nested: $0) }
    return .text(Markdown.text(from: blocks))
  }

  /// The plain words of a wrapped payload.
  static func text(_ wrapped: JSON?) -> Value {
    guard let wrapped, let type = wrapped.members?.names.first else { return .nothing }
    let text = PropertyValue(type: type, payload: wrapped[type] ?? .null).scalar.text
    return text.isEmpty ? .nothing : .text(text)
  }
}
