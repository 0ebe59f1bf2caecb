public import Foundation

/// Where a kept key comes from.
public enum KeySource: Sendable, Hashable {
  /// The key itself, in the file.
  case value(String)
  /// A command of the shell that prints it.
  case command(String)
  /// A file whose first line it is.
  case file(String)
  /// The Secret Service of the desktop, which keeps it under Visen's name.
  case secretService
}

extension KeySource: Codable {
  private enum CodingKeys: String, CodingKey { case command, file, service }

  /// Reads what the file has: a text, or an object that names another place.
  public init(from decoder: any Decoder) throws {
    if let value = try? decoder.singleValueContainer().decode(String.self) {
      self = .value(value)
      return
    }
    let values = try decoder.container(keyedBy: CodingKeys.self)
    if let command = try values.decodeIfPresent(String.self, forKey: .command) {
      self = .command(command)
    } else if let file = try values.decodeIfPresent(String.self, forKey: .file) {
      self = .file(file)
    } else {
      _ = try values.decode(String.self, forKey: .service)
      self = .secretService
    }
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    if case .value(let value) = self {
      var container = encoder.singleValueContainer()
      return try container.encode(value)
    }
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .value: return
    case .command(let command): try container.encode(command, forKey: .command)
    case .file(let file): try container.encode(file, forKey: .file)
    case .secretService: try container.encode("secret-service", forKey: .service)
    }
  }
}

/// The keys a person entered, or where they come from: a file of mode 0600 beside the store.
public struct KeyFile: Sendable {
  /// Where it is.
  public let path: String
  private let home: URL

  /// Names the file; it is made when the first key is kept.
  public init(home: URL) {
    self.home = home
    path = home.appendingPathComponent("keys.json").path
  }

  /// Where the key of a name comes from; `nil` when none is kept.
  ///
  /// - Throws: ``StoreError`` when the file is there and cannot be read.
  public func source(for name: String) throws -> KeySource? {
    try all()[name]
  }

  /// Keeps a key or where it comes from, or forgets it with `nil`.
  public func set(_ source: KeySource?, for name: String) throws {
    var keys = try all()
    guard keys[name] != source else { return }
    keys[name] = source
    try PrivateFile.makeFolder(home)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try PrivateFile.write(Array(try encoder.encode(keys)), to: path)
  }

  private func all() throws -> [String: KeySource] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    do {
      return try JSONDecoder().decode(
        [String: KeySource].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
      throw StoreError("\(path) cannot be read; is it yours, and is it JSON?")
    }
  }
}
