import Script

/// `history`: the statements typed before.
struct HistoryCommand: Command {
  static let signature = CommandSignature(
    name: "history",
    summary: "Lists earlier statements, the newest last.",
    slots: [Slot("count", kind: .number, summary: "how many; 20 when left out")],
    examples: ["history", "history 50"],
    givesValue: true)

  private let transcript: Transcript
  private let console: any Console

  init(_ session: Session) {
    transcript = session.transcript
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let count = call.number("count").flatMap { Int(exactly: $0) } ?? 20
    let statements = transcript.earlier().suffix(max(0, count))
    for statement in statements { console.result(statement) }
    return .list(statements.map(Value.text))
  }
}

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
