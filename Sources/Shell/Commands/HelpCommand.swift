import Script

/// `help`, `help generate`: from the catalogs.
struct HelpCommand: Command {
  static let signature = CommandSignature(
    name: "help",
    summary: "Explains Visen, a command, a function or a code.",
    slots: [Slot("topic", kind: .name, summary: "a command, a function, a code such as V203")],
    examples: ["help", "help generate", "help upper", "help V203"])

  private let console: any Console

  init(_ session: Session) { console = session.console }

  func run(_ call: CommandCall) async throws -> Value {
    guard let topic = call.text("topic") else {
      overview()
      return .nothing
    }
    if let signature = CommandCatalog.signatures.first(where: { $0.name == topic }) {
      explain(signature)
    } else if let function = Function.all.first(where: { $0.name == topic }) {
      explain(function)
    } else if topic == "keys" {
      keys()
    } else if let text = CodeCatalog.text(topic) {
      console.result("\(topic.uppercased()): \(text)")
    } else {
      let words = CommandCatalog.signatures.map(\.name) + Function.all.map(\.name) + ["keys"]
      var notes = ["all commands: help"]
      if let near = NearestWord.nearest(to: topic, among: words) {
        notes.insert("did you mean: help \(near)", at: 0)
      }
      throw ScriptError(
        code: "V494", message: "There is no help on “\(topic)”.", notes: notes, kind: .problem)
    }
    return .nothing
  }

  private func overview() {
    console.result("Visen fills Notion with AI. A first session:\n")
    for line in [
      "  connect \"Blog\" to template               three sample topics, no account needed",
      "  rows                                     look at them",
      "  tick rows                                choose all of them",
      "  prompt \"translate the topic to Japanese\" what to do with each",
      "  generate                                 do it",
      "  undo                                     take it back",
      "", "Commands:",
    ] {
      console.result(line)
    }
    let width = CommandCatalog.signatures.map(\.name.count).max() ?? 0
    for signature in CommandCatalog.signatures {
      let name = signature.name + String(repeating: " ", count: width - signature.name.count)
      console.result("  \(name)  \(signature.summary)")
    }
    console.result("\nhelp NAME explains one of them, or a function; help keys lists the keys.")
    console.result("Functions: " + Function.all.map(\.name).joined(separator: " "))
  }

  private func explain(_ signature: CommandSignature) {
    console.result("\(signature.name): \(signature.summary)")
    if !signature.slots.isEmpty { console.result("") }
    for slot in signature.slots {
      let words = slot.words.joined(separator: " ")
      let head =
        words.isEmpty
        ? slot.name.uppercased() : slot.kind == .flag ? words : "\(words) \(slot.name.uppercased())"
      let padding = String(repeating: " ", count: max(1, 20 - head.count))
      console.result("  \(head)\(padding)\(slot.summary)\(slot.isRequired ? " (required)" : "")")
    }
    if !signature.examples.isEmpty { console.result("") }
    for example in signature.examples { console.result("  \(example)") }
  }

  private func explain(_ function: Function) {
    console.result("\(function.signatureText): \(function.summary)")
    for example in function.examples { console.result("  \(example.source)  →  \(example.result)") }
  }

  private func keys() {
    for (key, meaning) in [
      ("Enter", "send when the statement is complete, else a new line"),
      ("Alt-Enter", "a new line always"),
      ("Tab", "complete; again to list"),
      ("↑ ↓", "lines of the statement, then earlier statements that begin the same"),
      ("Ctrl-R", "search earlier statements"),
      ("→ at the end", "take the suggestion"),
      ("Ctrl-← Ctrl-→", "by words"),
      ("Ctrl-A Ctrl-E", "to the start, to the end"),
      ("Ctrl-U Ctrl-K", "delete to the start, to the end"),
      ("Ctrl-W", "delete the word before"),
      ("Ctrl-C", "clear the line; stop what runs"),
      ("Ctrl-D", "leave, on an empty line"),
      ("Ctrl-Z", "suspend; fg comes back"),
    ] {
      console.result("  \(key)\(String(repeating: " ", count: max(1, 16 - key.count)))\(meaning)")
    }
  }
}
