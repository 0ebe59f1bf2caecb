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
  private var made: [String: any Engine] = [:]

  init(surroundings: Surroundings, keys: Keys, settings: Settings) {
    self.surroundings = surroundings
    self.keys = keys
    self.settings = settings
  }

  /// The name of the engine in use: as set, else the first service with a key, else practice.
  var preferredName: String {
    if let set = settings.text("engine"), !set.isEmpty { return set }
    for name in ["gemini", "gpt"] where keys.secret(name) != nil { return name }
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

  /// Forgets an engine whose key or address changed.
  func forget(_ name: String) {
    made[name] = nil
  }

  private func make(_ description: EngineDescription) throws -> any Engine {
    if let engine = made[description.name] { return engine }
    let key = keys.secret(description.name)
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
    return EngineSettings(key: key, baseURL: base, transport: surroundings.network)
  }
}
