import Engines
import Foundation
import Script
import Store

/// `help`, `help generate`, `Topic?`: from the catalogs, and from what is open.
struct HelpCommand: Command {
  static let signature = CommandSignature(
    name: "help",
    summary: "Explains Visen, a command, a function, a code, or a name of yours.",
    slots: [
      Slot(
        "topic", kind: .name,
        summary: "a command, function, setting, property, variable, keys, or a code such as V203")
    ],
    examples: ["help", "help generate", "help upper", "help V203", "help keys", "generate?"])

  /// Rows that are looked at to say how full a property is.
  private static let looked = 100

  private let session: Session
  private let console: any Console
  private var style: Style { console.resultStyle }

  init(_ session: Session) {
    self.session = session
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    guard let topic = call.text("topic") else {
      print(overview)
      return .nothing
    }
    if let signature = CommandCatalog.signatures.first(where: { $0.name == topic }) {
      print(explanation(of: signature))
    } else if let function = Function.all.first(where: { $0.name == topic }) {
      print(explanation(of: function))
    } else if topic == "keys" {
      print(keys)
    } else if let text = CodeCatalog.text(topic) {
      print(["\(style.bold(topic.uppercased())): \(text)"])
    } else if let lines = try await explanation(ofOwn: topic) {
      print(lines)
    } else {
      let words =
        CommandCatalog.signatures.map(\.name) + Function.all.map(\.name)
        + Preferences.all.map(\.name) + ["keys"] + (session.connections.open?.shape?.names ?? [])
      var notes = ["all commands: help"]
      if let near = NearestWord.nearest(to: topic, among: words) {
        notes.insert("did you mean: help \(Completion.name(near))", at: 0)
      }
      throw ScriptError(
        code: "V494", message: "There is no help on “\(topic)”.", notes: notes, kind: .problem)
    }
    return .nothing
  }

  /// Prints lines that are clean and styled.
  private func print(_ lines: [String]) {
    console.document { _ in lines.joined(separator: "\n") }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    DisplayWidth.pad(text, to: max(width, DisplayWidth.of(text) + 1))
  }

  // MARK: - Visen

  private var overview: [String] {
    var lines = ["Visen fills Notion with AI. A first session:", ""]
    for (statement, meaning) in [
      ("connect \"Blog\" to template", "three sample topics, no account needed"),
      ("rows", "look at them"),
      ("tick rows", "choose all of them"),
      ("prompt \"translate the topic to Japanese\"", "what to do with each"),
      ("generate", "do it"),
      ("undo", "take it back"),
    ] {
      lines.append("  " + HelpCommand.padded(statement, 42) + style.faint(meaning))
    }
    lines += ["", style.bold("Commands")]
    let width = CommandCatalog.signatures.map(\.name.count).max() ?? 0
    for signature in CommandCatalog.signatures {
      lines.append("  \(HelpCommand.padded(signature.name, width + 2))\(signature.summary)")
    }
    lines += ["", style.bold("Functions")]
    var line = " "
    for name in Function.all.map(\.name) {
      if line.count + name.count + 1 > max(40, min(console.columns, 100)) {
        lines.append(line)
        line = " "
      }
      line += " " + name
    }
    return lines + [
      line, "",
      "help NAME or NAME? explains one of them, a setting, a property, a variable or a code.",
      "help keys lists the keys. Your own Notion and engine: setup. All settings: settings.",
    ]
  }

  private func explanation(of signature: CommandSignature) -> [String] {
    var lines = ["\(style.bold(signature.name)): \(signature.summary)"]
    if !signature.slots.isEmpty { lines.append("") }
    for slot in signature.slots {
      let words = slot.words.joined(separator: " ")
      let head =
        words.isEmpty
        ? slot.name.uppercased() : slot.kind == .flag ? words : "\(words) \(slot.name.uppercased())"
      lines.append(
        "  \(HelpCommand.padded(head, 22))\(slot.summary)\(slot.isRequired ? " (required)" : "")")
    }
    if !signature.examples.isEmpty { lines.append("") }
    return lines + signature.examples.map { "  " + style.cyan($0) }
  }

  private func explanation(of function: Function) -> [String] {
    ["\(style.bold(function.signatureText)): \(function.summary)"]
      + function.examples.map { "  \(style.cyan($0.source))  →  \($0.result)" }
  }

  private var keys: [String] {
    [
      ("Enter", "send when the statement is complete, else a new row"),
      ("Alt-Enter", "a new row always"),
      ("Tab", "complete; list what may stand there"),
      ("↑ ↓", "rows of the statement, then earlier statements that begin the same"),
      ("Ctrl-R", "search earlier statements; again for older; Ctrl-C brings the line back"),
      ("→ at the end", "take the faint suggestion"),
      ("Ctrl-← Ctrl-→", "by words"),
      ("Ctrl-A Ctrl-E", "to the start, to the end"),
      ("Ctrl-U Ctrl-K", "delete to the start, to the end"),
      ("Ctrl-W", "delete the word before"),
      ("Ctrl-Y", "put back what was deleted"),
      ("Ctrl-X Ctrl-E", "the line in your own editor; in vi mode: v"),
      ("Ctrl-L", "a clear screen"),
      ("Ctrl-C", "clear the line; stop what runs"),
      ("Ctrl-D", "leave, on an empty line"),
      ("Ctrl-Z", "suspend; fg comes back"),
    ].map { "  \(HelpCommand.padded($0.0, 17))\($0.1)" } + [
      "", "vi mode and other bindings: ~/.editrc, such as the line  bind -v",
    ]
  }

  // MARK: - What is a person's own

  /// What a name of the person's means: a setting, a property, a variable, a connection, an engine.
  private func explanation(ofOwn name: String) async throws -> [String]? {
    var lines: [String] = []
    if let shape = session.connections.open?.shape, let place = shape.index(of: name) {
      lines += try await explanation(of: shape.fields[place], in: shape)
    }
    let (variables, functions) = await session.interpreter.names
    if variables.contains(name) {
      lines.append("\(style.bold(Sanitizer.line(name))): a variable of this session")
    }
    if functions.contains(name) {
      lines.append("\(style.bold(Sanitizer.line(name))): a function of this session")
    }
    if let setting = Preferences.all.first(where: { $0.name == name }) {
      let value = session.settings.text(name).map { "now \($0)" } ?? "not set"
      let values =
        switch setting.values {
        case .text: "any text"
        case .words(let words): words.joined(separator: ", ")
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .whole(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        }
      lines += [
        "\(style.bold(name)), a setting: \(setting.summary)",
        Sanitizer.line("  it takes \(values); \(value)"), "  " + style.cyan("set \(name) …"),
      ]
    }
    if let engine = EngineCatalog.all.first(where: { $0.name == name }) {
      lines +=
        ["\(style.bold(name)), an engine: \(engine.summary)"] + engine.keyHelp.map { "  \($0)" }
      lines.append("  " + style.cyan("set engine \(name)"))
    }
    if let saved = try session.store.connections.find(named: name) {
      let prompt = saved.promptText.map { ", prompt “\($0)”" } ?? ""
      lines += [
        style.bold(Sanitizer.line(saved.name))
          + Sanitizer.line(", a connection to a \(saved.kind.rawValue)\(prompt)"),
        "  " + style.cyan(Sanitizer.line("use \"\(saved.name)\"")),
      ]
    }
    return lines.isEmpty ? nil : lines
  }

  private func explanation(of field: Field, in shape: Shape) async throws -> [String] {
    var rows = session.rows.shown
    if rows.first?.shape.name != shape.name {
      rows = try await session.bridge.rows(RowRequest(limit: HelpCommand.looked))
    }
    let kind = field.typeName.replacing("_", with: " ")
    let filled = rows.compactMap { $0.value(of: field.name) }.filter { !$0.isEmpty }
    var lines = [
      style.bold(Sanitizer.line(field.name))
        + Sanitizer.line(
          ", \(kind), a property of \(shape.name)\(field.isWritable ? "" : "; computed by Notion")")
    ]
    if !field.options.isEmpty {
      lines.append(Sanitizer.line("  options: \(field.options.joined(separator: ", "))"))
    }
    lines.append("  filled in \(filled.count) of \(rows.count) rows")
    for value in filled.prefix(3) {
      lines.append("  " + DisplayWidth.cut(Sanitizer.line(value.display), to: console.columns - 4))
    }
    return lines
  }
}
