import Engines
import Foundation
import Script
import Store

/// `price`, `price "gpt/gpt-6-luna" input 0.10 output 0.50`: what models cost.
struct PriceCommand: Command {
  static let signature = CommandSignature(
    name: "price",
    summary: "Lists the prices of models with their dates, or sets one.",
    slots: [
      Slot("model", kind: .text, summary: "the model, such as \"gpt/gpt-6-luna\""),
      Slot("input", words: ["input"], kind: .number, summary: "dollars for a million tokens in"),
      Slot("output", words: ["output"], kind: .number, summary: "dollars for a million tokens out"),
      Slot(
        "cached", words: ["cached"], kind: .number,
        summary: "dollars for a million cached tokens in; as input when left out"),
      Slot("forget", words: ["forget"], kind: .flag, summary: "go back to Visen's own price"),
    ],
    examples: [
      "price", "price \"gpt/gpt-6-luna\" input 0.10 output 0.50",
      "price \"local/qwen\" input 0 output 0", "price \"gpt/gpt-6-luna\" forget",
    ],
    givesValue: true)

  private let facts: EngineFacts
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    facts = session.store.facts
    presenter = session.presenter
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    if let label = call.text("model") {
      let (engine, model) = try PriceCommand.parts(label)
      if call.has("forget") {
        let wasThere = try facts.forgetPrice(engine: engine, model: model)
        console.message(wasThere ? "Forgotten." : "No price of yours was kept for \(label).")
      } else {
        try keep(call, engine: engine, model: model)
      }
      Prices.use { [facts] in try facts.prices().map(PriceCommand.dated) }
      if let dated = Prices.dated(engine: engine, model: model) {
        console.message(PriceCommand.sentence(dated))
      } else {
        console.message("The price of \(label) is unknown.")
      }
      return .nothing
    }
    let records = Prices.all().map { dated in
      Value.record(
        Record([
          ("Model", .text("\(dated.engine)/\(dated.model)")), ("Input", .number(dated.price.input)),
          ("Cached", .number(dated.price.cachedInput)), ("Output", .number(dated.price.output)),
          ("Date", .text(dated.date)), ("By", .text(dated.isGiven ? "you" : "Visen")),
        ]))
    }
    try presenter.show(.list(records))
    console.message("Dollars for a million tokens. A batch costs half.")
    return .list(records)
  }

  private func keep(_ call: CommandCall, engine: String, model: String) throws {
    guard let input = call.number("input"), let output = call.number("output") else {
      throw ScriptError.refusal(
        "V529", "A price has two parts.", "price \"\(engine)/\(model)\" input 0.10 output 0.50")
    }
    let cached = call.number("cached") ?? input
    guard [input, output, cached].allSatisfy({ (0...1_000_000).contains($0) }) else {
      throw ScriptError.refusal("V529", "A price is 0 or more dollars for a million tokens.")
    }
    try facts.keep(
      EngineFacts.GivenPrice(
        engine: engine, model: model, input: input, cachedInput: cached, output: output))
  }

  private static func parts(_ label: String) throws -> (engine: String, model: String) {
    let parts = label.split(separator: "/", maxSplits: 1).map(String.init)
    if parts.count == 2, EngineCatalog.all.contains(where: { $0.name == parts[0] }) {
      return (parts[0], parts[1])
    }
    // The name of a model alone says whose it is, when it is one that is known.
    for engine in ["gpt", "gemini"] where Prices.models(of: engine).contains(label) {
      return (engine, label)
    }
    throw ScriptError.refusal(
      "V529", "“\(label)” does not say whose model it is.",
      "write the engine before it: \"gpt/\(label)\"")
  }

  private static func sentence(_ dated: Prices.Dated) -> String {
    "\(dated.engine)/\(dated.model): \(Money.text(dated.price.input)) in, "
      + "\(Money.text(dated.price.output)) out for a million tokens "
      + "(\(dated.isGiven ? "yours" : "Visen's") of \(dated.date))"
  }

  /// A price that a person gave, as the engines' list takes it.
  nonisolated static func dated(_ given: EngineFacts.GivenPrice) -> Prices.Dated {
    Prices.Dated(
      engine: given.engine, model: given.model,
      price: Price(input: given.input, cachedInput: given.cachedInput, output: given.output),
      date: Date(timeIntervalSince1970: given.setAt).formatted(.iso8601.year().month().day()),
      isGiven: true)
  }
}
