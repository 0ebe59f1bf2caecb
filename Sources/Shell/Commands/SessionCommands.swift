import Script

/// `quit`: leaves.
struct QuitCommand: Command {
  static let signature = CommandSignature(
    name: "quit", summary: "Leaves Visen; Ctrl-D on an empty line does the same.", slots: [],
    examples: ["quit"])

  private let session: Session

  init(_ session: Session) { self.session = session }

  func run(_ call: CommandCall) async throws -> Value {
    session.isLeaving = true
    return .nothing
  }
}
