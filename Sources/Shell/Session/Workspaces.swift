import Notion
import Script
import Store
import Transport

/// Which Notion a connection lives in.
nonisolated enum WorkspaceName: String, Sendable, CaseIterable {
  /// The embedded workspace in this process.
  case local
  /// The one behind an integration's key.
  case notion
}

/// A workspace that was opened.
nonisolated struct Workspace: Sendable {
  let name: WorkspaceName
  let client: NotionClient
  /// The page under which templates are made when none is named; only the embedded one has it.
  let rootPageID: String?
}

/// Opens workspaces by name, each once.
final class Workspaces {
  private let surroundings: Surroundings
  private let keys: Keys
  private let settings: Settings
  private let waits: WaitBoard
  private var opened: [WorkspaceName: Workspace] = [:]
  /// Requests of a client that was given up with its key.
  private var earlierRequests = 0
  private var requestsBefore = 0

  init(surroundings: Surroundings, keys: Keys, settings: Settings, waits: WaitBoard) {
    self.waits = waits
    self.surroundings = surroundings
    self.keys = keys
    self.settings = settings
  }

  /// The workspace for new connections: as set, else Notion's when there is a key, else the embedded.
  var preferred: WorkspaceName {
    if let set = settings.text("workspace"), let name = WorkspaceName(rawValue: set) { return name }
    return keys.has("notion") ? .notion : .local
  }

  /// Opens a workspace; no request is sent yet.
  func open(_ name: WorkspaceName) throws -> Workspace {
    if let workspace = opened[name] { return workspace }
    let workspace: Workspace
    switch name {
    case .local:
      let access = try surroundings.openLocalWorkspace()
      workspace = Workspace(
        name: .local,
        client: NotionClient(
          transport: access.transport, token: access.token,
          baseURL: NotionClient.defaultBaseURL),
        rootPageID: access.rootPageID)
    case .notion:
      guard let token = keys.secret("notion") else {
        if let failure = keys.failure("notion") {
          throw ScriptError.setting("V410", failure, "look what is wrong with it: doctor")
        }
        throw ScriptError.setting(
          "V410", "Notion's key is missing.",
          "enter it with: key notion",
          "or start Visen with the variable NOTION_TOKEN")
      }
      let base = surroundings.environment["NOTION_BASE_URL"] ?? NotionClient.defaultBaseURL
      let rate = settings.number("notion_rate").flatMap { Int(exactly: $0) } ?? 180
      let paced = RetryingTransport(
        around: PacedTransport(
          around: surroundings.network, limit: rate,
          onWait: { [waits] in waits.note("Notion's limit", for: $0) }),
        isFinal: NotionError.isBlocked,
        onWait: { [waits] status, wait in
          if wait > .seconds(1) {
            waits.note(status == 429 ? "Notion's limit" : "Notion, after a failure", for: wait)
          }
        })
      workspace = Workspace(
        name: .notion,
        client: NotionClient(transport: paced, token: token, baseURL: base),
        rootPageID: nil)
    }
    opened[name] = workspace
    return workspace
  }

  /// Forgets what was opened with a key that has changed.
  func forget(_ name: WorkspaceName) {
    if name == .notion { earlierRequests = requestCount }
    opened[name] = nil
  }

  // MARK: - Requests

  /// Requests sent to Notion; the embedded workspace, which has no limit of them, is left out.
  var requestCount: Int { earlierRequests + (opened[.notion]?.client.requestCount ?? 0) }

  /// Counts anew from here.
  func beginCounting() { requestsBefore = requestCount }

  /// Requests sent since counting began.
  var counted: Int { requestCount - requestsBefore }
}
