import Script
import Store

/// `usage`: prompts left, tokens and money so far.
struct UsageCommand: Command {
  static let signature = CommandSignature(
    name: "usage",
    summary: "Shows the allowance of prompts, and what runs have used.",
    slots: [],
    examples: ["usage"],
    givesValue: true)

  private let store: LocalStore
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let allowance = try store.allowance.state()
    switch allowance.limit {
    case let limit?:
      console.result(
        "Prompts: \(allowance.used) of \(limit) used, \(max(0, limit - allowance.used)) left.")
    case nil: console.result("Prompts: \(allowance.used) used, no limit.")
    }
    let totals = try store.journal.usageByEngine()
    for total in totals {
      let money =
        total.engine == "practice" ? "free" : total.cost.map(Money.text) ?? "price unknown"
      console.result(
        "\(total.engine): \(total.runs) \(total.runs == 1 ? "run" : "runs") · "
          + "\(total.cells) \(total.cells == 1 ? "cell" : "cells") · "
          + "\(total.inputTokens) tokens in, \(total.outputTokens) out · \(money)")
    }
    if allowance.limit != nil {
      console.message(
        "One generate counts one; practice, failures, resume and undo are free. "
          + "This is accounting on your own machine: upgrade raises it.")
    }
    return .record(
      Record([
        ("used", .number(Double(allowance.used))),
        ("limit", allowance.limit.map { .number(Double($0)) } ?? .nothing),
      ]))
  }
}

/// `upgrade`: raises or lifts the allowance.
struct UpgradeCommand: Command {
  static let signature = CommandSignature(
    name: "upgrade",
    summary: "Raises the allowance of prompts, or lifts it.",
    slots: [
      Slot("limit", words: ["to"], kind: .number, summary: "the new number of prompts"),
      Slot("unlimited", words: ["unlimited"], kind: .flag, summary: "no limit at all"),
    ],
    examples: ["upgrade to 100", "upgrade unlimited"])

  private let store: LocalStore
  private let console: any Console

  init(_ session: Session) {
    store = session.store
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    if call.has("unlimited") {
      try store.allowance.setLimit(nil)
      console.message("No limit.")
      return .nothing
    }
    guard let number = call.number("limit") else {
      console.message(
        "The allowance guards a team's money; it is kept on this machine and is yours to change.")
      console.message("Raise it: upgrade to 100. Lift it: upgrade unlimited")
      return .nothing
    }
    guard let limit = Int(exactly: number), limit >= 0 else {
      throw ScriptError.refusal(
        "V493", "The allowance is a whole number, 0 or more.", "upgrade to 100")
    }
    try store.allowance.setLimit(limit)
    console.message("The allowance is \(limit) prompts.")
    return .nothing
  }
}
