import Foundation
import Notion
import Script
import Store

/// The settings as a session sees them: what was set, else the default of the catalog.
final class Settings {
  private let preferences: Preferences
  private var cache: [String: String]?

  init(preferences: Preferences) {
    self.preferences = preferences
  }

  /// Every setting there is, alphabetical.
  static var all: [Setting] { Preferences.all }

  /// The setting of that name.
  func setting(_ name: String) throws -> Setting {
    if let setting = Settings.all.first(where: { $0.name == name }) { return setting }
    let names = Settings.all.map(\.name)
    var notes: [String] = []
    if let near = NearestWord.nearest(to: name, among: names) {
      notes.append("did you mean: set \(near) …")
    }
    notes.append("settings: \(names.joined(separator: ", "))")
    throw ScriptError(
      code: "V430", message: "There is no setting called “\(name)”.", notes: notes, kind: .problem)
  }

  /// What was set, else the default; `nil` when there is neither.
  func text(_ name: String) -> String? {
    if cache == nil { cache = (try? preferences.values()) ?? [:] }
    return cache?[name] ?? Settings.all.first { $0.name == name }?.defaultValue
  }

  /// Whether a person set it.
  func isSet(_ name: String) -> Bool {
    _ = text(name)
    return cache?[name] != nil
  }

  /// The setting as a number.
  func number(_ name: String) -> Double? { text(name).flatMap(Double.init) }

  /// Whether the setting is `on`.
  func isOn(_ name: String) -> Bool { text(name) == "on" }

  /// What becomes of options that a select lacks.
  var newOptions: NewOptions { text("new_options").flatMap(NewOptions.init(rawValue:)) ?? .deny }

  /// Sets a value.
  ///
  /// - Throws: A refusal that names the values it takes.
  func set(_ name: String, to value: String) throws {
    let setting = try setting(name)
    if let problem = setting.problem(with: value) {
      throw ScriptError.refusal("V431", "“\(value)” is no value for \(name).", problem)
    }
    try preferences.set(name, to: value)
    cache = nil
  }

  /// Goes back to the default.
  func unset(_ name: String) throws {
    _ = try setting(name)
    try preferences.unset(name)
    cache = nil
  }

  /// Goes back to every default.
  func clear() throws {
    try preferences.clear()
    cache = nil
  }
}
