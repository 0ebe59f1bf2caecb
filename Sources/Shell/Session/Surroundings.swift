public import Foundation
public import Transport

/// What the program hands to a session: the places and services it may use.
///
/// The shell opens no socket and no workspace file by itself; it asks these functions.
public nonisolated struct Surroundings: Sendable {
  /// The folder of all files, `VISEN_HOME` or the XDG folders' `visen`.
  public let home: URL
  /// The environment variables.
  public let environment: [String: String]
  /// Whether a person sits at a terminal and may be asked.
  public let isInteractive: Bool
  /// The way to services outside this process.
  public let network: any HTTPTransport
  /// Opens the embedded workspace; the second call gives the same one.
  public let openLocalWorkspace: @Sendable () throws -> LocalWorkspaceAccess
  /// Called at every boundary of the journal, for tests that stop the process there.
  public let checkpoint: (@Sendable (String) -> Void)?

  /// Creates surroundings.
  public init(
    home: URL, environment: [String: String], isInteractive: Bool, network: any HTTPTransport,
    openLocalWorkspace: @escaping @Sendable () throws -> LocalWorkspaceAccess,
    checkpoint: (@Sendable (String) -> Void)? = nil
  ) {
    self.home = home
    self.environment = environment
    self.isInteractive = isInteractive
    self.network = network
    self.openLocalWorkspace = openLocalWorkspace
    self.checkpoint = checkpoint
  }
}

/// How to reach the embedded workspace.
public nonisolated struct LocalWorkspaceAccess: Sendable {
  /// Answers Notion's requests.
  public let transport: any HTTPTransport
  /// The token it accepts.
  public let token: Secret
  /// The page below which everything is made.
  public let rootPageID: String

  /// Creates an access.
  public init(transport: any HTTPTransport, token: Secret, rootPageID: String) {
    self.transport = transport
    self.token = token
    self.rootPageID = rootPageID
  }
}
