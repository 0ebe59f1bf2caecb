public import Foundation

/// The keys a person entered: a file of mode 0600 beside the store.
public struct KeyFile: Sendable {
  private let path: String
  private let home: URL

  /// Names the file; it is made when the first key is kept.
  public init(home: URL) {
    self.home = home
    path = home.appendingPathComponent("keys.json").path
  }

  /// The key kept under a name; `nil` when there is none.
  ///
  /// - Throws: ``StoreError`` when the file is there and cannot be read.
  public func value(for name: String) throws -> String? {
    try all()[name]
  }

  /// Keeps a key, or forgets it with `nil`.
  public func set(_ value: String?, for name: String) throws {
    var keys = try all()
    guard keys[name] != value else { return }
    keys[name] = value
    try PrivateFile.makeFolder(home)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try PrivateFile.write(Array(try encoder.encode(keys)), to: path)
  }

  private func all() throws -> [String: String] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    do {
      return try JSONDecoder().decode(
        [String: String].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw StoreError("\(path) cannot be read; is it yours, and is it JSON?")
    }
  }
}
