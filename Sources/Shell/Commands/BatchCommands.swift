import Script
import Store

/// `batches`, `batches cancel 3`: what a service is to answer later.
struct BatchesCommand: Command {
  static let signature = CommandSignature(
    name: "batches",
    summary: "Lists what was sent with `generate as batch` and where it stands, or stops one.",
    slots: [
      Slot(
        "cancel", words: ["cancel"], kind: .number,
        summary: "the batch to stop; what was answered by then is paid for")
    ],
    examples: ["batches", "batches cancel 3"],
    givesValue: true)

  private let desk: BatchDesk
  private let presenter: Presenter

  init(_ session: Session) {
    desk = session.batches
    presenter = session.presenter
  }

  func run(_ call: CommandCall) async throws -> Value {
    if let number = call.number("cancel") {
      try await desk.cancel(number: number)
      return .nothing
    }
    let records = try await desk.list()
    try presenter.show(.list(records))
    return .list(records)
  }
}

/// `collect`, `collect 3`, `collect 3 wait`: the answers of batches, written.
struct CollectCommand: Command {
  static let signature = CommandSignature(
    name: "collect",
    summary: "Writes the answers of a batch that is ready, or says when to come back.",
    slots: [
      Slot("number", kind: .number, summary: "the batch; all that are out when left out"),
      Slot("wait", words: ["wait"], kind: .flag, summary: "stay until it is ready"),
    ],
    examples: ["collect", "collect 3", "collect 3 wait"])

  private let desk: BatchDesk

  init(_ session: Session) { desk = session.batches }

  func run(_ call: CommandCall) async throws -> Value {
    try await desk.collect(number: call.number("number"), waits: call.has("wait"))
    return .nothing
  }
}
