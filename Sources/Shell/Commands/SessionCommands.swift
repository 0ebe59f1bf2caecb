import Script
import Store

/// `edit`: the last statement, in a person's own editor.
struct EditCommand: Command {
  static let signature = CommandSignature(
    name: "edit",
    summary: "Opens the last statement in $VISUAL or $EDITOR, then puts it on the line to be sent.",
    slots: [Slot("text", kind: .text, summary: "another text to begin with")],
    examples: ["edit"])

  private let session: Session

  init(_ session: Session) { self.session = session }

  func run(_ call: CommandCall) async throws -> Value {
    guard session.isAtPrompt else {
      throw ScriptError.refusal(
        "V499", "edit opens an editor for the line of the prompt; a script has none.",
        "open the prompt: visen")
    }
    let last = session.transcript.earlier().map(\.text).last {
      !$0.hasPrefix("edit") && HelpQuestion.topic(of: $0) == nil
    }
    let text = call.text("text") ?? last ?? ""
    session.dialogue.draft = try PersonalEditor.edit(
      text, environment: session.surroundings.environment)
    return .nothing
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
