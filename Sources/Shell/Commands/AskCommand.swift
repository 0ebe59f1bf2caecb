import Engines
import Generation
import Script
import Store
import Transport

/// `ask "which of these overlap?"`: a conversation that knows the open connection.
struct AskCommand: Command {
  static let signature = CommandSignature(
    name: "ask",
    summary: "Asks the engine about the open connection; another ask goes on from there.",
    slots: [
      Slot("question", kind: .text, summary: "what to ask"),
      Slot(
        "rows", words: ["on"], kind: .target,
        summary: "the rows it may see; the selection when left out (set ask_tokens bounds them)"),
      Slot("engine", words: ["using"], kind: .engines, summary: "the engine"),
      Slot("new", words: ["new"], kind: .flag, summary: "begin a new conversation"),
    ],
    examples: [
      "ask \"which of these topics overlap?\"", "ask \"and which is missing?\"", "ask new",
    ],
    givesValue: true)

  private let connections: Connections
  private let engines: EngineRoster
  private let settings: Settings
  private let targets: TargetRows
  private let desk: RunDesk
  private let talk: Talk
  private let console: any Console
  private let spending: Spending

  init(_ session: Session) {
    connections = session.connections
    engines = session.engines
    settings = session.settings
    targets = session.targets
    desk = session.desk
    talk = session.talk
    console = session.console
    spending = session.spending
  }

  func run(_ call: CommandCall) async throws -> Value {
    if call.has("new") { talk.begin() }
    guard let question = call.text("question"), !question.allSatisfy(\.isWhitespace) else {
      if call.has("new") { return .nothing }
      throw ScriptError.refusal("V514", "Ask what?", "ask \"which of these topics overlap?\"")
    }
    let chosen = try engines.choose(call.names("engine")?.first)
    try desk.checkAllowance(chosen.name)
    let rows = connections.open?.shape == nil ? [] : try await targets.rows(call.target("rows"))
    let (prompt, given) = talk.prompt(
      system: "You help a person with a Notion database. Answer in the language of the question, "
        + "briefly.",
      connection: connections.open, rows: rows, label: "Question", question)
    if given < rows.count {
      console.message(
        "\(given) of \(rows.count) rows go along: \(talk.rowTokens) tokens at most (set ask_tokens)."
      )
    }
    let stream = AnswerStream(console: console)
    defer { stream.end() }
    let answer = try await spending.answered(
      EngineRequest(
        prompt: prompt, model: chosen.model, temperature: settings.number("temperature"),
        maxOutputTokens: settings.number("max_output_tokens").flatMap { Int(exactly: $0) },
        timeout: .seconds(settings.number("timeout") ?? 180)),
      by: chosen.engine, onPiece: { stream.take($0) })
    try talk.add(
      Turn(isWish: false, question: question, answer: answer.text, engine: chosen.label),
      connection: connections.open?.name ?? "")
    try desk.keepAsked(question, prompt, answer, chosen, connection: connections.open?.name)
    return .text(answer.text)
  }
}

/// `conversations`, `conversations 3`: what was asked before; one is opened again.
struct ConversationsCommand: Command {
  static let signature = CommandSignature(
    name: "conversations",
    summary: "Lists the conversations, or opens one again: the next ask goes on there.",
    slots: [Slot("number", kind: .number, summary: "a conversation's number")],
    examples: ["conversations", "conversations 3"],
    givesValue: true)

  private let store: LocalStore
  private let talk: Talk
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    talk = session.talk
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    if let number = call.number("number") {
      guard let id = Int64(exactly: number) else {
        throw ScriptError.refusal("V525", "A conversation's number is a whole number.")
      }
      try talk.open(id)
      for turn in talk.turns {
        console.styledResult(
          console.resultStyle.bold("\(turn.isWish ? "?" : "ask") \(Sanitizer.text(turn.question))"))
        console.result(turn.answer)
      }
      console.message("Conversation \(id) goes on: ask \"…\"")
      return .list(
        talk.turns.map {
          .record(Record([("Question", .text($0.question)), ("Answer", .text($0.answer))]))
        })
    }
    let records = try store.conversations.all().map { conversation in
      Value.record(
        Record([
          ("Conversation", .number(Double(conversation.id))),
          ("When", .text(String(conversation.beganAt.prefix(16)).replacing("T", with: " "))),
          ("Connection", .text(conversation.connection)),
          ("Turns", .number(Double(conversation.turns))), ("First", .text(conversation.first)),
        ]))
    }
    if records.isEmpty { console.message("Nothing was asked yet: ask \"…\"") }
    try presenter.show(.list(records))
    return .list(records)
  }
}
