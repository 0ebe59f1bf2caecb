import Engines
import Generation
import Notion
import Script
import Store
import Transport

/// Turns a `generate` as typed into a plan: which rows, which prompt, where the answers go.
struct RunPlanner {
  /// The slots that `generate` and `plan` share.
  static let slots = [
    Slot(
      "targets", kind: .properties, summary: "the properties to fill; body for the page itself"),
    Slot(
      "prompt", words: ["with"], kind: .template,
      summary: "the prompt; the connection's when left out"),
    Slot(
      "rows", words: ["on"], kind: .target,
      summary: "the rows; the selection or the ticked ones when left out"),
    Slot(
      "engine", words: ["using"], kind: .engines, summary: "the engine, or engine/model in quotes"
    ),
    Slot("width", words: ["parallel"], kind: .number, summary: "questions in flight at once"),
    Slot(
      "packed", words: ["packed"], kind: .number,
      summary: "rows asked in one question, for engines that count requests"),
    Slot(
      "overwrite", words: ["overwrite"], kind: .flag, summary: "also rows that are filled already"
    ),
  ]

  /// What is to be done, and with what.
  struct Planned {
    var plan: RunPlan
    var engine: ChosenEngine
    var connection: OpenConnection
    /// Rows that are left out, because they are filled or a hole has no value for them.
    var skipped: Int
  }

  private let connections: Connections
  private let engines: EngineRoster
  private let settings: Settings
  private let rows: RowTable
  private let targets: TargetRows
  private let desk: RunDesk
  private let console: any Console
  private let options: RunOptions
  private let bridge: ScriptBridge
  private let isAtPrompt: Bool

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    settings = session.settings
    rows = session.rows
    targets = session.targets
    desk = session.desk
    console = session.console
    options = session.options
    bridge = session.bridge
    isAtPrompt = session.isAtPrompt
  }

  /// Plans what a call says; `nil` when there is nothing to do, which is told.
  func plan(_ call: CommandCall) async throws -> Planned? {
    let connection = try connections.requireOpen()
    let template = try template(call, connection)
    let chosen = try engines.choose(
      call.names("engine")?.first ?? connection.saved.engine, model: connection.saved.model)
    let targets = try runTargets(call, connection)
    let items: [ItemRecord]
    var skipped = 0
    if connection.source == nil {
      items = [try await pageItem(connection, template, targets)]
    } else {
      (items, skipped) = try await rowItems(call, connection, template, targets)
    }
    guard !items.isEmpty else { return nil }
    var plan = RunPlan(
      connection: connection.name, workspace: connection.workspace.name.rawValue, targets: targets,
      promptText: template.source,
      parameters: RunParameters(
        engine: chosen.name, model: chosen.model, temperature: settings.number("temperature"),
        maxOutputTokens: settings.number("max_output_tokens").flatMap { Int(exactly: $0) },
        width: try width(call), maxCost: options.maxCost ?? settings.number("max_cost"),
        isForced: call.has("force") || settings.text("conflict") == "overwrite",
        newOptions: settings.text("new_options") == "allow" ? .allow : .deny,
        timeout: settings.number("timeout") ?? 180,
        isStrict: settings.text("guard") != "quick"),
      items: items, isCounted: chosen.name != "practice")
    plan.parameters.packed = try packed(call)
    return Planned(plan: plan, engine: chosen, connection: connection, skipped: skipped)
  }

  private func packed(_ call: CommandCall) throws -> Int {
    guard let number = call.number("packed") else { return 1 }
    guard let rows = Int(exactly: number), (1...100).contains(rows) else {
      throw ScriptError.refusal("V306", "packed takes a whole number from 1 to 100.")
    }
    return rows
  }

  private func width(_ call: CommandCall) throws -> Int {
    guard let number = call.number("width") else { return Int(settings.number("parallel") ?? 8) }
    guard let width = Int(exactly: number), (1...64).contains(width) else {
      throw ScriptError.refusal("V306", "parallel takes a whole number from 1 to 64.")
    }
    return width
  }

  private func template(_ call: CommandCall, _ connection: OpenConnection) throws -> PromptTemplate
  {
    if let template = call.template("prompt") { return template }
    guard let text = connection.saved.promptText, !text.allSatisfy(\.isWhitespace) else {
      throw ScriptError.refusal(
        "V510", "“\(connection.name)” has no prompt.",
        "set one: prompt \"translate the topic to Japanese\"",
        "or give one: generate with \"…\"")
    }
    return PromptTemplate.kept(text)
  }

  // MARK: - Targets

  /// Where the answers go: as said, else as the connection remembers.
  func runTargets(_ call: CommandCall, _ connection: OpenConnection) throws -> [RunTarget] {
    guard let source = connection.source else { return [.body(.append)] }
    let names = call.names("targets") ?? connection.saved.targets
    guard !names.isEmpty else {
      guard call.names("targets") == nil else { return [] }
      return [.body(call.has("overwrite") ? .replace : .append)]
    }
    var result: [RunTarget] = []
    for name in names {
      if name == "body", source.property(named: "body") == nil {
        result.append(.body(call.has("overwrite") ? .replace : .append))
        continue
      }
      guard let schema = source.property(named: name) else {
        throw ScriptError(
          code: "V101", message: "There is no property named “\(name)” in \(connection.name).",
          notes: NearestWord.notes(
            for: name, among: source.properties.map(\.name), kind: "properties"),
          kind: .problem)
      }
      guard PropertyKinds.isWritable(schema.type) else {
        throw ScriptError.refusal("V206", "\(name) is a \(schema.type) and cannot be written.")
      }
      result.append(.property(schema))
    }
    if call.names("targets") != nil { try connections.update { $0.targets = names } }
    return result
  }

  // MARK: - Rows

  private func pageItem(
    _ connection: OpenConnection, _ template: PromptTemplate, _ targets: [RunTarget]
  ) async throws -> ItemRecord {
    guard let id = connection.saved.pageID.flatMap(NotionID.init(parsing:)) else {
      throw ScriptError.refusal("V404", "“\(connection.name)” does not say which page it is.")
    }
    let page = try await connection.workspace.client.page(id)
    let row = Row(
      id: id.description, title: page.title,
      shape: Shape(
        name: connection.name,
        fields: [Field(name: "title", kind: .text, isWritable: false, typeName: "title")]),
      values: [.text(page.title)])
    let prompt = PromptRendering.prompt(
      try template.pieces(for: row), row: row, titleName: "Page title")
    return ItemRecord(
      pageID: row.id, title: page.title, prompt: prompt.json.text, before: "{}")
  }

  private func rowItems(
    _ call: CommandCall, _ connection: OpenConnection, _ template: PromptTemplate,
    _ targets: [RunTarget]
  ) async throws -> ([ItemRecord], Int) {
    let chosen = try await chosenRows(call, connection)
    guard !chosen.isEmpty else {
      console.message(emptyReason(call, connection))
      return ([], 0)
    }
    let titleName = connection.source?.titleProperty?.name
    var items: [ItemRecord] = []
    var filled = 0
    var withoutValue: [(Row, String)] = []
    for row in chosen {
      guard let page = RowMapping.page(of: row) else { continue }
      if !call.has("overwrite"), isFilled(page, targets) {
        filled += 1
        continue
      }
      let pieces: [PromptTemplate.Piece]
      do {
        pieces = try template.pieces(for: row)
      } catch let error as ScriptError where error.code == "V304" {
        withoutValue.append((row, error.message))
        continue
      }
      let prompt = PromptRendering.prompt(pieces, row: row, titleName: titleName)
      items.append(
        ItemRecord(
          pageID: row.id, title: row.title, number: row.number, prompt: prompt.json.text,
          before: RunPlan.before(page, targets: targets)))
    }
    if filled > 0 {
      console.message(
        "\(filled) \(filled == 1 ? "row is" : "rows are") filled already and skipped"
          + (items.isEmpty ? "; to write them again: generate overwrite" : "."))
    }
    for (row, message) in withoutValue {
      console.message("skipped 「\(row.title)」: \(message)")
    }
    return (items, filled + withoutValue.count)
  }

  private func chosenRows(_ call: CommandCall, _ connection: OpenConnection) async throws -> [Row] {
    if let target = call.target("rows") { return try await targets.rows(target) }
    if isAtPrompt, let selection = rows.selection {
      // The rows are read again: what was written since is no stranger's edit.
      let fresh = Dictionary(
        try await bridge.rows(RowRequest()).map { ($0.id, $0) },
        uniquingKeysWith: { first, _ in first })
      return selection.rows.compactMap { row in
        fresh[row.id].map { $0.numbered(row.number ?? 0) }
      }
    }
    guard let tick = connection.saved.tickProperty else {
      throw ScriptError.refusal(
        "V020", "Which rows? “\(connection.name)” has no checkbox to tick.",
        "say them: generate on rows where …")
    }
    guard isAtPrompt else {
      // In a script no table was shown whose numbers a person knows: only the ticked rows travel.
      return try await bridge.rows(
        RowRequest(conditions: [FieldCondition(field: tick, test: .flag(true))])
      ).filter { $0.value(of: tick)?.asFlag == true }
    }
    let all = try await bridge.rows(RowRequest())
    return all.enumerated().map { $1.numbered($0 + 1) }.filter {
      $0.value(of: tick)?.asFlag == true
    }
  }

  private func emptyReason(_ call: CommandCall, _ connection: OpenConnection) -> String {
    if call.has("rows") || rows.selection != nil { return "No rows to generate." }
    return "No row is ticked. Tick some: tick rows, or say them: generate on rows where …"
  }

  /// A body is read only when it is asked for, so a row whose target is the body is never skipped.
  private func isFilled(_ page: Page, _ targets: [RunTarget]) -> Bool {
    targets.allSatisfy { target in
      guard case .property(let schema) = target, let property = page.property(id: schema.id) else {
        return false
      }
      switch property.value.scalar {
      case .none: return false
      case .list(let items): return !items.isEmpty
      case .flag: return false
      default: return true
      }
    }
  }
}
