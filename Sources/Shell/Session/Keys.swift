import Engines
import Script
import Store
import Transport

/// The keys of the services: from the environment, else from the key file.
final class Keys {
  /// A service that takes a key.
  struct Service {
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
    case file
  }

  private let file: KeyFile
  private let environment: [String: String]

  init(file: KeyFile, environment: [String: String]) {
    self.file = file
    self.environment = environment
  }

  /// Every service that takes a key, alphabetical.
  static let services: [Service] =
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
      let names = Keys.services.map(\.name).joined(separator: ", ")
      throw ScriptError.refusal(
        "V411", "No service called “\(name)” takes a key.", "services with keys: \(names)")
    }
    return service
  }

  /// The key of a service, and where it was found.
  func find(_ name: String) -> (secret: Secret, origin: Origin)? {
    guard let service = Keys.services.first(where: { $0.name == name }) else { return nil }
    for variable in service.variables {
      if let value = environment[variable], !value.isEmpty {
        return (Secret(value), .variable(variable))
      }
    }
    guard let value = try? file.value(for: name), !value.isEmpty else { return nil }
    return (Secret(value), .file)
  }

  /// The key of a service; `nil` when there is none.
  func secret(_ name: String) -> Secret? { find(name)?.secret }

  /// Keeps a key in the file.
  func keep(_ secret: Secret, for name: String) throws {
    try file.set(secret.reveal(), for: name)
  }

  /// Forgets the key in the file; one in a variable is not ours to forget.
  func forget(_ name: String) throws {
    try file.set(nil, for: name)
  }

  /// Every key there is, for keeping them out of texts.
  var all: [Secret] { Keys.services.compactMap { secret($0.name) } }
}
