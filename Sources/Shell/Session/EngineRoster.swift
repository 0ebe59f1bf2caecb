import Engines
import Script
import Store
import Transport

/// An engine and the model to ask.
nonisolated struct ChosenEngine: Sendable {
  let engine: any Engine
  let model: String
  var name: String { engine.name }
  /// “gemini/gemini-3.5-flash”; the practice engine has no models to tell apart.
  var label: String { name == "practice" ? name : "\(name)/\(model)" }
}

/// Makes engines by name, each once, with the keys and settings of the session.
final class EngineRoster {
  private let surroundings: Surroundings
  private let keys: Keys
  private let settings: Settings
  private let facts: EngineFacts
  private let waits: WaitBoard
  private var made: [String: any Engine] = [:]

  init(
    surroundings: Surroundings, keys: Keys, settings: Settings, facts: EngineFacts, waits: WaitBoard
  ) {
    self.facts = facts
    self.waits = waits
    self.surroundings = surroundings
    self.keys = keys
    self.settings = settings
  }

  /// The name of the engine in use: as set, else the first service with a key, else practice.
  var preferredName: String {
    if let set = settings.text("engine"), !set.isEmpty { return set }
    for name in ["gemini", "gpt"] where keys.has(name) { return name }
    return "practice"
  }

  /// The engine called `name`, or `name/model`; without a name the one in use.
  func choose(_ name: String?, model: String? = nil) throws -> ChosenEngine {
    let wanted = name ?? preferredName
    let parts = wanted.split(separator: "/", maxSplits: 1).map(String.init)
    let engineName = parts.first ?? wanted
    guard let description = EngineCatalog.all.first(where: { $0.name == engineName }) else {
      let names = EngineCatalog.all.map(\.name)
      var notes: [String] = []
      if let near = NearestWord.nearest(to: engineName, among: names) {
        notes.append("did you mean `\(near)`?")
      }
      notes.append("engines: \(names.joined(separator: ", "))")
      throw ScriptError(
        code: "V440", message: "There is no engine called “\(engineName)”.", notes: notes,
        kind: .problem)
    }
    let engine = try make(description)
    let chosen =
      (parts.count > 1 ? parts[1] : nil) ?? model
      ?? (wanted == preferredName ? settings.text("model").flatMap { $0.isEmpty ? nil : $0 } : nil)
      ?? engine.defaultModel
    return ChosenEngine(engine: engine, model: chosen)
  }

  /// An engine with a key that is only being tried.
  func trial(_ name: String, key: Secret) throws -> any Engine {
    guard let description = EngineCatalog.all.first(where: { $0.name == name }) else {
      throw ScriptError.refusal("V440", "There is no engine called “\(name)”.")
    }
    return try description.make(engineSettings(description, key: key))
  }

  /// Forgets every engine: a setting by which they were made has changed.
  func forgetAll() { made = [:] }

  /// Forgets an engine whose key or address changed.
  func forget(_ name: String) {
    made[name] = nil
  }

  private func make(_ description: EngineDescription) throws -> any Engine {
    if let engine = made[description.name] { return engine }
    let key = keys.secret(description.name)
    if description.needsKey, key == nil, let failure = keys.failure(description.name) {
      throw ScriptError.setting("V412", failure, "look what is wrong with it: doctor")
    }
    if description.needsKey, key == nil {
      throw ScriptError.setting(
        "V412", "\(description.title) needs a key.",
        "enter it with: key \(description.name)",
        "or start Visen with the variable \(description.keyVariables.first ?? "")",
        "or practise without one: set engine practice")
    }
    let engine = try description.make(engineSettings(description, key: key))
    made[description.name] = engine
    return engine
  }

  private func engineSettings(_ description: EngineDescription, key: Secret?) -> EngineSettings {
    var base = description.baseURLVariable.flatMap { surroundings.environment[$0] }
    if description.name == "local", base == nil { base = settings.text("local_url") }
    // As many as `parallel` says, within what a process bears: each question in flight takes about 36 KB.
    var made = EngineSettings(
      key: key, baseURL: base, transport: surroundings.network, mostAtOnce: 2_000,
      onWait: { [waits] reason, wait in waits.note(reason, for: wait) })
    made.limits = limits(description.name)
    made.onLimit = { [facts, name = description.name] model, limit in
      // What a service tells of itself is good to know, and never a reason to stop.
      try? facts.keep(
        EngineFacts.SeenLimit(
          engine: name, model: model,
          kind: "\(limit.unit.rawValue) \(limit.isDaily ? "day" : "minute")",
          amount: limit.amount, seconds: limit.span / .seconds(1)))
    }
    // A count that outlasts the session is written for each question, so only where it is needed.
    let isDaily = ["requests_per_day", "tokens_per_day"].contains { settings.number($0) != nil }
    if isDaily {
      made.onUse = { [facts, name = description.name] model, tokens in
        try? facts.count(engine: name, model: model, tokens: tokens)
      }
    }
    return made
  }

  /// The limits that a person set, with what was used of them.
  private func limits(_ engine: String) -> [(EngineLimit, used: Int)] {
    let kinds: [(String, EngineLimit.Unit, Duration)] = [
      ("requests_per_minute", .requests, .seconds(60)),
      ("requests_per_day", .requests, .seconds(86_400)),
      ("tokens_per_minute", .tokens, .seconds(60)),
      ("tokens_per_day", .tokens, .seconds(86_400)),
    ]
    return kinds.compactMap { name, unit, span in
      guard let amount = settings.number(name).flatMap({ Int(exactly: $0) }), amount > 0 else {
        return nil
      }
      let used = span > .seconds(3600) ? try? facts.used(engine: engine) : nil
      return (
        EngineLimit(unit, amount, per: span),
        used: unit == .requests ? used?.requests ?? 0 : used?.tokens ?? 0
      )
    }
  }

  /// The limits of a model that are known: a person's own, and those that the service told of.
  func knownLimits(of engine: ChosenEngine) -> [EngineLimit] {
    let own = limits(engine.name).map(\.0)
    let seen = (try? facts.limits(engine: engine.name, model: engine.model)) ?? []
    return own
      + seen.compactMap { seen in
        guard
          let unit = seen.kind.split(separator: " ").first.flatMap({
            EngineLimit.Unit(rawValue: String($0))
          })
        else { return nil }
        let limit = EngineLimit(unit, seen.amount, per: .seconds(seen.seconds))
        return own.contains { $0.unit == unit && $0.isDaily == limit.isDaily } ? nil : limit
      }
  }
}
