import Foundation
import Script

/// Paths as a person writes them.
nonisolated enum HomePath {
  /// A path with the person's home for a `~` at its start; HOME names it, as for every shell.
  static func expanded(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"),
      let home = ProcessInfo.processInfo.environment["HOME"], !home.isEmpty
    else { return path }
    return home + path.dropFirst()
  }
}

/// Scripts on disk.
nonisolated enum ScriptFile {
  /// The longest file that a script may read, in bytes.
  private static let longest = 1 << 26

  /// Reads a file of data.
  ///
  /// - Throws: A refusal for one that cannot be read, is no text, or is too long.
  static func data(at path: String) throws -> String {
    let place = (path as NSString).expandingTildeInPath
    let attributes = try? FileManager.default.attributesOfItem(atPath: place)
    guard (attributes?[.size] as? Int) ?? 0 <= longest else {
      throw ScriptError.refusal("V314", "\(path) is longer than 64 MB.")
    }
    guard attributes?[.type] as? FileAttributeType != .typeDirectory,
      let data = FileManager.default.contents(atPath: place)
    else {
      throw ScriptError.refusal(
        "V470", "\(path) cannot be read.",
        "is it there? paths are relative to where Visen was started")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw ScriptError.refusal(
        "V471", "\(path) is not UTF-8 text.", "save it as UTF-8 and try again")
    }
    return text
  }

  /// Reads a script.
  ///
  /// - Parameter file: The script that names it, relative to whose folder the path is.
  static func read(_ path: String, from file: String? = nil) throws -> SourceText {
    var url = URL(fileURLWithPath: HomePath.expanded(path))
    if let file, !path.hasPrefix("/"), !path.hasPrefix("~"), !file.hasPrefix("<") {
      url = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(path)
    }
    let place = url.standardizedFileURL.path
    guard let data = FileManager.default.contents(atPath: place) else {
      throw ScriptError.refusal("V118", "\(path) cannot be read; is it there?")
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw ScriptError.refusal("V118", "\(path) is not UTF-8 text")
    }
    return SourceText(text, name: place)
  }
}
