import Foundation
import Script

/// Scripts on disk.
nonisolated enum ScriptFile {
  /// Reads a script.
  ///
  /// - Parameter file: The script that names it, relative to whose folder the path is.
  static func read(_ path: String, from file: String? = nil) throws -> SourceText {
    var url = URL(fileURLWithPath: (path as NSString).expandingTildeInPath)
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
