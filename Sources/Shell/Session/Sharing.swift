import Notion
import Script

/// Notion answers the same for what does not exist and for what is not shared; this tells a person both.
enum Sharing {
  /// Runs a request, and turns “not found” into the clicks that share a page with the integration.
  ///
  /// - Parameter thing: What was looked for, in words: “the database of “Blog””.
  static func explained<Result: Sendable>(
    _ workspace: Workspace, _ thing: String, _ request: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await request()
    } catch let error as NotionError where error.code == .objectNotFound {
      throw await refusal(workspace, thing, error)
    }
  }

  /// The refusal itself, with the integration's own name.
  static func refusal(
    _ workspace: Workspace, _ thing: String, _ error: NotionError
  ) async -> ScriptError {
    guard workspace.name == .notion else {
      return ScriptError.refusal(
        "V421", "The embedded workspace has no longer \(thing).",
        "it may have been put into the trash; make a new one: connect \"NAME\" to template")
    }
    let bot = (try? await workspace.client.me())?.name ?? "your integration"
    return ScriptError(
      code: "V420",
      message: "Notion does not show \(thing): it is not shared with “\(bot)”, or does not exist.",
      notes: [
        "open it in Notion, click ••• at the top right, then Connections,",
        "choose “\(bot)” and confirm; then say the same again",
        "if it is already there, compare the address (\(error.message))",
      ],
      kind: .problem)
  }
}
