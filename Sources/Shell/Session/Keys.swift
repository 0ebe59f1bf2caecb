import Engines
import Foundation
import Script
import Store
import Transport

/// The keys of the services: from the environment, else from where the key file says.
final class Keys {
  /// A service that takes a key.
  nonisolated struct Service: Sendable {
    /// The word a person uses.
    let name: String
    /// The variables that give the key, the first one found counts.
    let variables: [String]
    /// Where a key comes from, line by line.
    let help: [String]
  }

  /// Where a key was found.
  enum Origin: Equatable {
    case variable(String)
    case kept(KeySource)

    /// Where that is, for a person.
    var text: String {
      switch self {
      case .variable(let name): name
      case .kept(.value): "key file"
      case .kept(.command(let command)): "command: \(command)"
      case .kept(.file(let path)): "file: \(path)"
      case .kept(.secretService): "Secret Service"
      }
    }
  }

  private let file: KeyFile
  private let environment: [String: String]
  /// Keys that commands and services gave, so that each is asked once.
  private var fetched: [String: Secret] = [:]
  /// Why a key could not be fetched.
  private var failures: [String: String] = [:]

  init(file: KeyFile, environment: [String: String]) {
    self.file = file
    self.environment = environment
  }

  /// Every service that takes a key, alphabetical.
  nonisolated static let services: [Service] =
    (EngineCatalog.all.filter { !$0.keyVariables.isEmpty }.map {
      Service(name: $0.name, variables: $0.keyVariables, help: $0.keyHelp)
    } + [
      Service(
        name: "notion", variables: ["NOTION_TOKEN"],
        help: [
          "1  open https://www.notion.so/profile/integrations and choose “New integration”",
          "2  give it a name, such as Visen, choose your workspace, save",
          "3  under “Configuration”, show the internal integration secret and copy it (ntn_…)",
          "Keep it secret: whoever has it can read and change what you share with it.",
          "Each database is then shared once: ••• at its top right, Connections, the name.",
        ])
    ]).sorted { $0.name < $1.name }

  /// The service of that name.
  func service(_ name: String) throws -> Service {
    guard let service = Keys.services.first(where: { $0.name == name }) else {
      throw ScriptError(
        code: "V411", message: "No service called “\(name)” takes a key.",
        notes: NearestWord.notes(
          for: name, among: Keys.services.map(\.name), kind: "services with keys"),
        kind: .problem)
    }
    return service
  }

  /// Where the key of a service is to be found; nothing is run or read for it.
  func origin(_ name: String) -> Origin? {
    guard let service = Keys.services.first(where: { $0.name == name }) else { return nil }
    for variable in service.variables where !(environment[variable] ?? "").isEmpty {
      return .variable(variable)
    }
    guard let source = try? file.source(for: name) else { return nil }
    return .kept(source)
  }

  /// Whether there is a key; it may still turn out that its command fails.
  func has(_ name: String) -> Bool { origin(name) != nil }

  /// The key of a service, and where it was found.
  func find(_ name: String) -> (secret: Secret, origin: Origin)? {
    guard let origin = origin(name) else { return nil }
    switch origin {
    case .variable(let variable): return (Secret(environment[variable] ?? ""), origin)
    case .kept(let source):
      if let secret = fetched[name] { return (secret, origin) }
      do {
        let secret = try fetch(source, for: name)
        fetched[name] = secret
        failures[name] = nil
        return (secret, origin)
      } catch {
        failures[name] = Report.sentence(error)
        return nil
      }
    }
  }

  /// The key of a service; `nil` when there is none.
  func secret(_ name: String) -> Secret? { find(name)?.secret }

  /// Why the key of a service, though it is named, could not be had.
  func failure(_ name: String) -> String? { failures[name] }

  /// Fetches a key from where it is kept.
  func fetch(_ source: KeySource, for name: String) throws -> Secret {
    switch source {
    case .value(let value):
      guard !value.isEmpty else { throw StoreError("The kept key for \(name) is empty.") }
      return Secret(value)
    case .file(let path):
      guard let data = FileManager.default.contents(atPath: HomePath.expanded(path)),
        let text = String(validating: data, as: UTF8.self)
      else { throw StoreError("\(path), which holds the key for \(name), cannot be read.") }
      return try Keys.firstLine(text, of: "\(path) is empty; its first line is the key.")
    case .command(let command):
      let (code, output) = TerminalLoan.run(command, keepsOutput: true)
      guard code == 0 else {
        throw StoreError(
          "The command “\(command)”, which gives the key for \(name), ended with \(code).")
      }
      return try Keys.firstLine(output, of: "The command “\(command)” printed no key.")
    case .secretService:
      guard let found = SecretService(environment)?.find(name) else {
        throw StoreError("The Secret Service does not give the key for \(name).")
      }
      return found
    }
  }

  private static func firstLine(_ text: String, of message: String) throws -> Secret {
    let line = text.split(whereSeparator: \.isNewline).first ?? ""
    let key = line.trimmingCharacters(in: .whitespaces)
    guard !key.isEmpty else { throw StoreError(message) }
    return Secret(key)
  }

  /// Keeps a key in the Secret Service where one runs, else in the file.
  ///
  /// - Returns: Where it is now.
  @discardableResult
  func keep(_ secret: Secret, for name: String) throws -> Origin {
    fetched[name] = nil
    if let service = SecretService(environment), service.keep(secret, for: name) {
      try file.set(.secretService, for: name)
      return .kept(.secretService)
    }
    try file.set(.value(secret.reveal()), for: name)
    return .kept(.value(""))
  }

  /// Keeps where a key comes from.
  func keep(_ source: KeySource, for name: String) throws {
    fetched[name] = nil
    try file.set(source, for: name)
  }

  /// Forgets the kept key; one in a variable is not ours to forget.
  func forget(_ name: String) throws {
    fetched[name] = nil
    failures[name] = nil
    if try file.source(for: name) == .secretService { SecretService(environment)?.forget(name) }
    try file.set(nil, for: name)
  }

  /// Every key that is known by now, for keeping them out of texts; nothing is run for it.
  var all: [Secret] {
    Keys.services.compactMap { service in
      switch origin(service.name) {
      case .variable(let variable)?: Secret(environment[variable] ?? "")
      case .kept(.value(let value))?: Secret(value)
      case .kept, nil: fetched[service.name]
      }
    }
  }
}

/// The desktop's keeper of secrets (freedesktop.org Secret Service), by its own tool, `secret-tool`.
struct SecretService {
  /// The one of this session; `nil` where none runs or its tool is missing.
  init?(_ environment: [String: String]) {
    guard !(environment["DBUS_SESSION_BUS_ADDRESS"] ?? "").isEmpty else { return nil }
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    guard folders.contains(where: { access("\($0)/secret-tool", X_OK) == 0 }) else { return nil }
  }

  private func attributes(_ name: String) -> String {
    "service visen key \(TerminalLoan.quoted(name))"
  }

  func find(_ name: String) -> Secret? {
    let (code, output) = TerminalLoan.run(
      "secret-tool lookup \(attributes(name))", keepsOutput: true)
    let key = output.trimmingCharacters(in: .whitespacesAndNewlines)
    return code == 0 && !key.isEmpty ? Secret(key) : nil
  }

  /// Keeps a key; the tool reads it from its input, so that it stands in no list of processes.
  func keep(_ secret: Secret, for name: String) -> Bool {
    let (code, _) = TerminalLoan.run(
      "secret-tool store --label=\(TerminalLoan.quoted("Visen: \(name)")) \(attributes(name)) "
        + "2>/dev/null",
      input: secret.reveal(), keepsOutput: true)
    return code == 0 && find(name) == secret
  }

  func forget(_ name: String) {
    _ = TerminalLoan.run("secret-tool clear \(attributes(name))", keepsOutput: true)
  }
}
