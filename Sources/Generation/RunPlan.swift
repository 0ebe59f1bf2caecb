public import Engines
public import Notion
public import Store
public import Transport

/// Which rows, which prompt, where the answers go, which engine, how wide.
public struct RunPlan: Sendable {
  /// The connection's name.
  public var connection: String
  /// `local` or `notion`.
  public var workspace: String
  /// Where answers go.
  public var targets: [RunTarget]
  /// The prompt as typed.
  public var promptText: String
  /// How to ask.
  public var parameters: RunParameters
  /// The rows, each with its rendered prompt.
  public var items: [ItemRecord]
  /// Whether it counts against the allowance.
  public var isCounted: Bool

  /// Creates a plan.
  public init(
    connection: String, workspace: String, targets: [RunTarget], promptText: String,
    parameters: RunParameters, items: [ItemRecord], isCounted: Bool
  ) {
    self.connection = connection
    self.workspace = workspace
    self.targets = targets
    self.promptText = promptText
    self.parameters = parameters
    self.items = items
    self.isCounted = isCounted
  }

  /// The comparable values of a page's target cells, for an item's `before`.
  ///
  /// - Parameter inputs: The properties that the prompt speaks of, whose values are kept as well: when
  ///   they change, what was written is stale.
  public static func before(
    _ page: Page, targets: [RunTarget], inputs: [PropertySchema] = []
  ) -> String {
    var values = JSON.Members()
    var old = JSON.Members()
    for case .property(let schema) in targets {
      if let property = page.property(id: schema.id) {
        values[schema.id] = CellValue.signature(property.value)
        old[schema.id] = PropertyKinds.writable(property.value)
      }
    }
    var members: JSON.Members = ["values": .object(values), "old": .object(old)]
    if !inputs.isEmpty { members["inputs"] = .object(RunPlan.inputs(page, inputs)) }
    return JSON.object(members).text
  }

  /// What must stand in a page's target cells for answers of an experiment to be written.
  ///
  /// - Parameters:
  ///   - tried: What ``before(_:targets:inputs:)`` gave when the row was tried.
  ///   - inputs: The properties that the prompt speaks of.
  ///   - past: What was done to the page, the newest first: what was kept from the same experiment
  ///     meanwhile is nobody else's edit.
  public static func before(
    _ tried: String, targets: [RunTarget], inputs: [PropertySchema], experiment: Int64,
    past: [(run: RunRecord, item: ItemRecord)]
  ) -> String {
    let document = try? JSON(parsing: tried)
    var values = JSON.Members()
    var old = JSON.Members()
    for case .property(let schema) in targets {
      let kept = past.first { run, item in
        run.kind == .generate && item.state == .written
          && RunParameters(json: (try? JSON(parsing: run.parameters)) ?? [:]).experiment
            == experiment
          && written(item, schema.id) != nil
      }
      if let now = kept.flatMap({ written($0.item, schema.id) }) {
        values[schema.id] = CellValue.signature(PropertyValue(wrapped: now))
        old[schema.id] = now
      } else {
        values[schema.id] = document?["values"]?[schema.id]
        old[schema.id] = document?["old"]?[schema.id]
      }
    }
    var members: JSON.Members = ["values": .object(values), "old": .object(old)]
    var kept = JSON.Members()
    for schema in inputs { kept[schema.id] = document?["inputs"]?[schema.id] }
    if !inputs.isEmpty { members["inputs"] = .object(kept) }
    return JSON.object(members).text
  }

  private static func written(_ item: ItemRecord, _ cell: String) -> JSON? {
    item.new.flatMap { try? JSON(parsing: $0) }?["properties"]?[cell]
  }

  /// The comparable values of the properties that a prompt speaks of, by their identity.
  static func inputs(_ page: Page, _ schemas: [PropertySchema]) -> JSON.Members {
    var inputs = JSON.Members()
    for schema in schemas {
      if let property = page.property(id: schema.id) {
        inputs[schema.id] = CellValue.signature(property.value)
      }
    }
    return inputs
  }

  /// The plan as the journal keeps it.
  public func record(at time: String) -> RunRecord {
    RunRecord(
      createdAt: time, kind: .generate, connection: connection, workspace: workspace,
      engine: parameters.engine, model: parameters.model, prompt: promptText,
      targets: JSON.array(targets.map(\.json)).text, parameters: parameters.json.text,
      isCounted: isCounted)
  }
}

/// How a run asks and writes.
public struct RunParameters: Sendable {
  /// The engine's name.
  public var engine: String
  /// The model.
  public var model: String
  /// How freely to answer; `nil` for the model's own.
  public var temperature: Double?
  /// The most tokens of an answer; `nil` for the service's own.
  public var maxOutputTokens: Int?
  /// Questions in flight at once, at least 1.
  public var width: Int
  /// Rows asked in one question, at least 1; fewer when answers suffer.
  public var packed = 1
  /// Whether an answer that fails a check is left unwritten.
  public var leavesFailing = false
  /// The kept prompt that is asked; `nil` for words that were typed.
  public var promptVersion: PromptVersion?
  /// The experiment whose answers are written; `nil` for answers that are asked for.
  public var experiment: Int64?
  /// The most to spend, in US dollars; `nil` for no limit.
  public var maxCost: Double?
  /// Whether cells that somebody changed meanwhile are overwritten.
  public var isForced: Bool
  /// Whether each page is read again before it is written, so that an edit made since is seen.
  public var isStrict: Bool
  /// Whether options that a select lacks are made.
  public var newOptions: NewOptions
  /// Seconds to wait for one answer.
  public var timeout: Double
  /// Shapes that were asked for, by the identity of the property, or `body`.
  public var shapes: [String: AnswerType] = [:]
  /// Whether the prompt is the connection's: when that changes, what was written is stale.
  public var isConnectionPrompt = false
  /// Whether its questions are to go into the service's batches, at half the price.
  public var isBatch = false
  /// The data source of the rows, whose schema `resume` reads; `nil` for a page.
  public var sourceID: String?
  /// Whether the engine was named with the run, and not taken from the connection or the settings.
  public var isEngineNamed = false

  /// Creates parameters.
  public init(
    engine: String, model: String, temperature: Double? = nil, maxOutputTokens: Int? = nil,
    width: Int = 8, maxCost: Double? = nil, isForced: Bool = false, newOptions: NewOptions = .deny,
    timeout: Double = 180, isStrict: Bool = true
  ) {
    self.engine = engine
    self.model = model
    self.temperature = temperature
    self.maxOutputTokens = maxOutputTokens
    self.width = width
    self.maxCost = maxCost
    self.isForced = isForced
    self.newOptions = newOptions
    self.timeout = timeout
    self.isStrict = isStrict
  }

  /// The parameters as the journal keeps them.
  public var json: JSON {
    var members: JSON.Members = [
      "engine": .string(engine), "model": .string(model), "width": .int(width),
      "packed": .int(packed),
      "forced": .bool(isForced), "new_options": .string(newOptions.rawValue),
      "timeout": .number(timeout), "strict": .bool(isStrict),
    ]
    if let temperature { members["temperature"] = .number(temperature) }
    if let maxOutputTokens { members["max_output_tokens"] = .int(maxOutputTokens) }
    if let maxCost { members["max_cost"] = .number(maxCost) }
    if !shapes.isEmpty {
      members["shapes"] = .object(
        JSON.Members(shapes.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }))
    }
    if isConnectionPrompt { members["connection_prompt"] = true }
    if isEngineNamed { members["engine_named"] = true }
    if isBatch { members["batch"] = true }
    if let sourceID { members["source"] = .string(sourceID) }
    if leavesFailing { members["leaves_failing"] = true }
    if let promptVersion {
      members["prompt_version"] = .int(promptVersion.number)
      if let name = promptVersion.name { members["prompt_name"] = .string(name) }
    }
    if let experiment { members["experiment"] = .int(Int(experiment)) }
    return .object(members)
  }

  /// Reads what ``json`` wrote; missing parts get their defaults.
  public init(json: JSON) {
    self.init(
      engine: json["engine"]?.string ?? "", model: json["model"]?.string ?? "",
      temperature: json["temperature"]?.double, maxOutputTokens: json["max_output_tokens"]?.int,
      width: max(1, json["width"]?.int ?? 8), maxCost: json["max_cost"]?.double,
      isForced: json["forced"]?.bool ?? false,
      newOptions: json["new_options"]?.string.flatMap(NewOptions.init(rawValue:))
        ?? (json["new_options"]?.bool == true ? .allow : .deny),
      timeout: json["timeout"]?.double ?? 180, isStrict: json["strict"]?.bool ?? true)
    packed = max(1, json["packed"]?.int ?? 1)
    for (name, shape) in json["shapes"]?.members ?? [:] {
      shapes[name] = AnswerType(json: shape)
    }
    isConnectionPrompt = json["connection_prompt"]?.bool ?? false
    isEngineNamed = json["engine_named"]?.bool ?? false
    isBatch = json["batch"]?.bool ?? false
    sourceID = json["source"]?.string
    leavesFailing = json["leaves_failing"]?.bool ?? false
    promptVersion = json["prompt_version"]?.int.map {
      PromptVersion(name: json["prompt_name"]?.string, number: $0)
    }
    experiment = json["experiment"]?.int.map(Int64.init)
  }
}
