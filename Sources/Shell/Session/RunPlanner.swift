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
      "shape", words: ["as"], kind: .type,
      summary: "the shape of the answers, such as number 1..5; the properties' when left out"),
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
      "append", words: ["append"], kind: .flag, summary: "a body: after what is there"),
    Slot(
      "replace", words: ["replace"], kind: .flag, summary: "a body: instead of what is there"),
    Slot(
      "section", words: ["section"], kind: .text,
      summary: "a body: only the part under that heading, which is made when it is missing"),
    Slot(
      "overwrite", words: ["overwrite"], kind: .flag, summary: "also rows that are filled already"
    ),
  ]

  /// Whether the service's batches are used.
  static let batchSlot = Slot(
    "batch", words: ["as", "batch"], kind: .flag,
    summary: "through the service's batches: answers within a day or two, at half the price")

  /// What is to be done, and with what.
  struct Planned {
    /// The plan; its rows are in the draft.
    var plan: RunPlan
    var draft: RunDraft
    var engine: ChosenEngine
    var connection: OpenConnection
    var skipped: Skipped
  }

  /// Rows that are left out, and why.
  struct Skipped {
    /// Their cells are filled.
    var filled = 0
    /// A hole of the prompt has no value for them.
    var withoutValue = 0
    /// What the first of these lack.
    var lacking: [(title: String, message: String)] = []
    /// Another process is about to fill them.
    var taken = 0

    var all: Int { filled + withoutValue + taken }

    /// “40 skipped: 38 filled already, 2 without a value for the prompt”; `nil` when there are none.
    var text: String? {
      var reasons: [String] = []
      if filled > 0 { reasons.append("\(filled) filled already") }
      if withoutValue > 0 { reasons.append("\(withoutValue) without a value for the prompt") }
      if taken > 0 { reasons.append("\(taken) being filled by another run") }
      return reasons.isEmpty ? nil : "\(all) skipped: \(reasons.joined(separator: ", "))"
    }
  }

  private let connections: Connections
  private let engines: EngineRoster
  private let settings: Settings
  private let store: LocalStore
  private let rows: RowTable
  private let targets: TargetRows
  private let choice: RowChoice
  private let spending: Spending
  private let console: any Console
  private let options: RunOptions
  private let bridge: ScriptBridge
  private let isAtPrompt: Bool

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    settings = session.settings
    store = session.store
    rows = session.rows
    targets = session.targets
    choice = RowChoice(session)
    spending = session.spending
    console = session.console
    options = session.options
    bridge = session.bridge
    isAtPrompt = session.isAtPrompt
  }

  /// Plans what a call says; `nil` when there is nothing to do, which is told.
  ///
  /// - Parameters:
  ///   - engine: The engine, whatever the call says; `nil` for the call's.
  ///   - done: Pages that are left out.
  func plan(
    _ call: CommandCall, using engine: ChosenEngine? = nil, without done: Set<String> = []
  ) async throws -> Planned? {
    // The schema as it is now, before anything is spent: somebody may have changed it meanwhile.
    try await connections.refresh()
    let connection = try connections.requireOpen()
    let template = try template(call, connection)
    let chosen =
      try engine
      ?? engines.choose(
        call.names("engine")?.first ?? connection.saved.engine, model: connection.saved.model)
    let targets = try runTargets(call, connection)
    var plan = RunPlan(
      connection: connection.name, workspace: connection.workspace.name.rawValue, targets: targets,
      promptText: template.source,
      parameters: RunParameters(
        engine: chosen.name, model: chosen.model, temperature: settings.number("temperature"),
        maxOutputTokens: settings.number("max_output_tokens").flatMap { Int(exactly: $0) },
        width: try width(call), maxCost: spending.limit(),
        isForced: call.has("force") || settings.text("conflict") == "overwrite",
        newOptions: settings.newOptions,
        timeout: settings.number("timeout") ?? 180,
        isStrict: settings.text("guard") != "quick"),
      items: [], isCounted: chosen.name != "practice")
    plan.parameters.packed = try packed(call)
    if call.has("batch"), plan.parameters.packed > 1 {
      throw ScriptError.refusal(
        "V306", "packed and as batch do not stand together.",
        "a batch has no limit of requests a minute that packing would help with")
    }
    plan.parameters.shapes = try shapes(call, targets)
    try await addNames(&plan.parameters.shapes, targets, connection)
    plan.parameters.isConnectionPrompt = !call.has("prompt")
    plan.parameters.isEngineNamed = call.has("engine")
    plan.parameters.isBatch = call.has("batch")
    plan.parameters.sourceID = connection.source?.id.description
    plan.parameters.leavesFailing = settings.text("failed_checks") == "leave"
    plan.parameters.promptVersion = try store.prompts.version(
      of: template.source, called: template.name, connection: connection.name)
    let draft = try RunDraft(plan, in: store.journal)
    do {
      var skipped = Skipped()
      if connection.source == nil {
        try draft.add([try await pageItem(connection, template)])
      } else {
        skipped = try await gather(
          call, connection, template, targets, without: done, into: draft)
      }
      let yielded = try draft.yieldRows()
      RunPlanner.tell(yielded, console)
      skipped.taken = yielded.reduce(0) { $0 + $1.rows }
      guard draft.rows > 0 else {
        tell(skipped, isAll: true)
        if skipped.all == 0 { console.message(emptyReason(call, connection)) }
        try draft.discard()
        return nil
      }
      tell(skipped, isAll: false)
      return Planned(
        plan: plan, draft: draft, engine: chosen, connection: connection, skipped: skipped)
    } catch {
      try draft.discard()
      throw error
    }
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
    guard let width = Int(exactly: number), (1...10_000).contains(width) else {
      throw ScriptError.refusal("V306", "parallel takes a whole number from 1 to 10000.")
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
    guard let source = connection.source else { return [.body(try bodyMode(call))] }
    let names = call.names("targets") ?? connection.saved.targets
    guard !names.isEmpty else {
      guard call.names("targets") == nil else { return [] }
      return [.body(try bodyMode(call))]
    }
    var result: [RunTarget] = []
    for name in names {
      if name == "body", source.property(named: "body") == nil {
        result.append(.body(try bodyMode(call)))
        continue
      }
      guard let schema = source.property(named: name) else {
        throw ScriptError(
          code: "V101", message: "There is no property named “\(name)” in \(connection.name).",
          notes: NearestWord.notes(
            for: name, among: source.properties.map(\.name).sorted(), kind: "properties"),
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

  /// How a body is written: as said; without a word `overwrite` replaces.
  private func bodyMode(_ call: CommandCall) throws -> RunTarget.BodyMode {
    var modes: [RunTarget.BodyMode] = []
    if call.has("append") { modes.append(.append) }
    if call.has("replace") { modes.append(.replace) }
    if let heading = call.text("section") {
      guard !heading.allSatisfy(\.isWhitespace), heading.utf16.count <= 2000 else {
        throw ScriptError.refusal("V306", "A section has a heading: section \"Draft\"")
      }
      modes.append(.section(heading))
    }
    guard modes.count < 2 else {
      throw ScriptError.refusal("V306", "A body is written in one way: append, replace or section.")
    }
    return modes.first ?? (call.has("overwrite") ? .replace : .append)
  }

  /// The shapes that were asked for, each looked at whether its property can hold it.
  private func shapes(_ call: CommandCall, _ targets: [RunTarget]) throws -> [String: AnswerType] {
    guard let shape = call.shape("shape") else { return [:] }
    let type = PromptRendering.answerType(shape)
    var shapes: [String: AnswerType] = [:]
    if targets.count == 1, let target = targets.first {
      shapes[target.key] = type
    } else {
      guard case .record(let fields) = type else {
        throw ScriptError.refusal(
          "V527", "Several properties are filled, and `as` gives one shape.",
          "name them: as {\(targets.map { "\($0.name): …" }.joined(separator: ", "))}")
      }
      for field in fields {
        guard let target = targets.first(where: { $0.name == field.name }) else {
          throw ScriptError.refusal(
            "V527", "“\(field.name)” is not filled here, so it needs no shape.",
            "filled: \(targets.map(\.name).joined(separator: ", "))")
        }
        shapes[target.key] = field.type
      }
    }
    for target in targets {
      guard let type = shapes[target.key], case .property(let schema) = target else { continue }
      guard RunPlanner.fits(type, schema.type) else {
        throw ScriptError.refusal(
          "V527", "\(schema.name) is a \(schema.type) and cannot hold what `as` asks for.",
          "leave `as` out: the property's own shape is taken")
      }
    }
    return shapes
  }

  /// Gives relations and people the names there are as options, where these are few: an engine that
  /// knows them answers with one of them.
  private func addNames(
    _ shapes: inout [String: AnswerType], _ targets: [RunTarget], _ connection: OpenConnection
  ) async throws {
    let references = References(client: connection.workspace.client)
    for case .property(let schema) in targets where shapes[schema.id] == nil {
      do {
        guard let names = try await references.names(for: schema) else { continue }
        shapes[schema.id] = .list(.option(names))
      } catch let error as PropertyError {
        // What cannot be written is told before it is asked for.
        throw ScriptError.refusal(
          "V206", Sanitizer.line(error.message), error.hint ?? "see its properties: describe")
      }
    }
  }

  private static func fits(_ type: AnswerType, _ property: String) -> Bool {
    switch (type, property) {
    case (.text, _), (.option, _): !["number", "checkbox", "date"].contains(property)
    case (.number, "number"), (.flag, "checkbox"), (.date, "date"): true
    case (.list, "multi_select"), (.list, "relation"): true
    case (.number, "title"), (.number, "rich_text"), (.date, "rich_text"): false
    default: false
    }
  }

  // MARK: - Rows

  private func pageItem(
    _ connection: OpenConnection, _ template: PromptTemplate
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

  /// Reads the rows and puts them into the draft, a part at a time.
  private func gather(
    _ call: CommandCall, _ connection: OpenConnection, _ template: PromptTemplate,
    _ targets: [RunTarget], without done: Set<String>, into draft: RunDraft
  ) async throws -> Skipped {
    let inputs = inputs(
      of: template.holeNames, areNames: template.holesAreNames, connection)
    let titleName = connection.source?.titleProperty?.name
    var skipped = Skipped()
    var reader = try await reader(call, fields(template, targets, connection))
    while let part = try await reader.next() {
      try Task.checkCancellation()
      var items: [ItemRecord] = []
      for row in part {
        guard let page = RowMapping.page(of: row), !done.contains(row.id) else { continue }
        if !call.has("overwrite"), isFilled(page, targets) {
          skipped.filled += 1
          continue
        }
        let pieces: [PromptTemplate.Piece]
        do {
          pieces = try template.pieces(for: row)
        } catch let error as ScriptError where error.code == "V304" {
          skipped.withoutValue += 1
          if skipped.lacking.count < 10 { skipped.lacking.append((row.title, error.message)) }
          continue
        }
        let prompt = PromptRendering.prompt(pieces, row: row, titleName: titleName)
        items.append(
          ItemRecord(
            pageID: row.id, title: row.title, number: row.number, prompt: prompt.json.text,
            before: RunPlan.before(page, targets: targets, inputs: inputs)))
      }
      try draft.add(items)
    }
    return skipped
  }

  /// The properties that a prompt speaks of; of one without holes the title, which goes with it.
  ///
  /// - Parameters:
  ///   - holes: The names in its holes; of an expression, its source.
  ///   - areNames: Whether each of them is the name of a property.
  func inputs(
    of holes: [String], areNames: Bool, _ connection: OpenConnection
  ) -> [PropertySchema] {
    guard let source = connection.source else { return [] }
    guard !holes.isEmpty else { return source.titleProperty.map { [$0] } ?? [] }
    return source.properties.filter { schema in
      holes.contains { hole in
        hole == schema.name || (!areNames && hole.contains(schema.name))
      }
    }
  }

  /// The fields that a run looks at; `nil` where the prompt may look at others.
  private func fields(
    _ template: PromptTemplate, _ targets: [RunTarget], _ connection: OpenConnection
  ) -> Set<String>? {
    let names = Set(connection.shape?.names ?? [])
    let holes = Set(template.holeNames)
    guard template.holesAreNames, holes.isSubset(of: names) else { return nil }
    return holes.union(targets.map(\.name)).union(
      [connection.saved.tickProperty].compactMap(\.self))
  }

  private func reader(_ call: CommandCall, _ fields: Set<String>?) async throws -> RowReader {
    if let target = call.target("rows") { return try await targets.reader(target, fields: fields) }
    return try await choice.reader(for: "generate", fields: fields)
  }

  // MARK: - What is left out

  /// Tells of rows that are left to other runs.
  static func tell(_ yielded: [YieldedRows], _ console: any Console) {
    for part in yielded {
      let rows = part.rows == 1 ? "1 row" : "\(part.rows) rows"
      let be = part.rows == 1 ? "is" : "are"
      switch part.fate {
      case .atWork:
        console.message(
          "\(rows) \(be) being filled by another Visen (run \(part.run)) and skipped.")
      case .inBatch:
        console.message("\(rows) \(be) in a batch of run \(part.run) and skipped: collect")
      case .filled:
        console.message(
          "\(rows) \(part.rows == 1 ? "was" : "were") filled meanwhile by another Visen "
            + "(run \(part.run)) and skipped.")
      }
    }
  }

  private func tell(_ skipped: Skipped, isAll: Bool) {
    if skipped.filled > 0 {
      console.message(
        "\(skipped.filled) \(skipped.filled == 1 ? "row is" : "rows are") filled already and skipped"
          + (isAll ? "; to write them again: generate overwrite" : "."))
    }
    for (title, message) in skipped.lacking {
      console.message("skipped 「\(title)」: \(message)")
    }
    if skipped.withoutValue > skipped.lacking.count {
      console.message(
        "skipped \(skipped.withoutValue - skipped.lacking.count) more for the same reason")
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
