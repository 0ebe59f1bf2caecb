import Foundation
import Script
import Store
import Transport

/// `set engine gemini`: changes a setting.
struct SetCommand: Command {
  static let signature = CommandSignature(
    name: "set",
    summary: "Changes a setting.",
    slots: [
      Slot("name", kind: .name, isRequired: true, summary: "the setting"),
      Slot("value", kind: .word, isRequired: true, summary: "its value"),
    ],
    examples: ["set engine gemini", "set temperature 0.3", "set parallel 4"])

  private let settings: Settings
  private let engines: EngineRoster
  private let connections: Connections
  private let mirror: ConnectionMirror
  private let console: any Console

  init(_ session: Session) {
    settings = session.settings
    engines = session.engines
    connections = session.connections
    mirror = session.mirror
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let name = call.text("name") ?? ""
    var value = call.text("value") ?? ""
    _ = try settings.setting(name)
    switch name {
    case "engine":
      // `gemini/gemini-3.5-flash` sets both, and an engine without its key is refused at once.
      let chosen = try engines.choose(value)
      if let slash = value.firstIndex(of: "/") {
        try settings.set("model", to: String(value[value.index(after: slash)...]))
        value = String(value[..<slash])
      } else {
        try settings.unset("model")
      }
      try settings.set(name, to: value)
      try connections.update { saved in
        saved.engine = chosen.name
        saved.model = nil
      }
      console.message("Engine: \(chosen.label)")
      return .nothing
    case "connections_database":
      try await mirror.adopt(address: value)
      return .nothing
    default:
      try settings.set(name, to: value)
      if name == "parallel" || name.contains("_per_") { engines.forgetAll() }
      console.message("\(name) = \(settings.text(name) ?? "")")
      return .nothing
    }
  }
}

/// `unset temperature`: goes back to the default.
struct UnsetCommand: Command {
  static let signature = CommandSignature(
    name: "unset",
    summary: "Sets a setting back to its default.",
    slots: [Slot("name", kind: .name, isRequired: true, summary: "the setting")],
    examples: ["unset temperature"])

  private let settings: Settings
  private let console: any Console

  init(_ session: Session) {
    settings = session.settings
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let name = call.text("name") ?? ""
    try settings.unset(name)
    console.message("\(name) = \(settings.text(name) ?? "not set")")
    return .nothing
  }
}

/// `settings`: what is set, where it comes from, keys masked.
struct SettingsCommand: Command {
  static let signature = CommandSignature(
    name: "settings",
    summary: "Shows the settings and where each value comes from.",
    slots: [
      Slot("clear", words: ["clear"], kind: .flag, summary: "set all back and forget the keys"),
      Slot("where", words: ["where"], kind: .flag, summary: "the files, and what is in each"),
    ],
    examples: ["settings", "settings where", "settings clear"],
    givesValue: true)

  private let settings: Settings
  private let keys: Keys
  private let presenter: Presenter
  private let dialogue: Dialogue
  private let console: any Console
  private let surroundings: Surroundings

  init(_ session: Session) {
    settings = session.settings
    keys = session.keys
    presenter = session.presenter
    dialogue = session.dialogue
    console = session.console
    surroundings = session.surroundings
  }

  func run(_ call: CommandCall) async throws -> Value {
    if call.has("where") {
      let files = Home.files(surroundings.home)
      try presenter.show(.list(files), isWhole: true)
      return .list(files)
    }
    if call.has("clear") {
      guard try await dialogue.confirm("Set every setting back and forget the keys in the file?")
      else {
        return .nothing
      }
      try settings.clear()
      for service in Keys.services { try keys.forget(service.name) }
      console.message("Settings and keys are cleared; connections and runs stay.")
      return .nothing
    }
    var records: [Value] = []
    for service in Keys.services {
      // A command is not run only to show dots.
      let origin = keys.origin(service.name)
      var value: String?
      switch origin {
      case .variable?, .kept(.value)?: value = keys.secret(service.name)?.masked
      case .kept?: value = "••••••••"
      case nil: break
      }
      records.append(
        record(
          "key \(service.name)", value, origin?.text ?? "", "the key for \(service.name)"))
    }
    for setting in Settings.all {
      let value = settings.text(setting.name)
      let origin = settings.isSet(setting.name) ? "set" : value == nil ? "" : "default"
      records.append(record(setting.name, value, origin, setting.summary))
    }
    try presenter.show(.list(records), isWhole: true)
    return .list(records)
  }

  private func record(_ name: String, _ value: String?, _ origin: String, _ meaning: String)
    -> Value
  {
    .record(
      Record([
        ("Setting", .text(name)),
        ("Value", value.map(Value.text) ?? .nothing),
        ("From", .text(origin)),
        ("Meaning", .text(meaning)),
      ]))
  }
}

/// The files of a home, for a person who wants to see, copy or remove them.
enum Home {
  private static let contents: [(name: String, meaning: String)] = [
    ("visen.db", "connections, settings, prompts, runs and their old values"),
    ("keys.json", "keys, or where they come from; only yours to read"),
    ("history.jsonl", "the statements typed"),
    ("rc.visen", "a script that runs when the prompt opens; make it if you like"),
    ("workspace.db", "the embedded workspace"),
  ]

  /// One record a file.
  static func files(_ home: URL) -> [Value] {
    ([("", "the folder of all files; VISEN_HOME names another")] + contents).map { name, meaning in
      let path = name.isEmpty ? home.path : home.appendingPathComponent(name).path
      let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? nil
      let state = name.isEmpty ? "" : size.map { "\(($0 + 1023) / 1024) KB" } ?? "not there yet"
      return .record(
        Record([
          ("File", .text(path)), ("Size", .text(state)), ("Meaning", .text(meaning)),
        ]))
    }
  }
}
