import Foundation
import Script
import Store

/// `save rows where Generate to "ticked.csv"`: a value into a file.
struct SaveCommand: Command {
  static let signature = CommandSignature(
    name: "save",
    summary:
      "Writes rows or any value to a csv, json, jsonl or md file; an experiment also to html.",
    slots: [
      Slot("value", kind: .expression, summary: "what to write"),
      Slot(
        "experiment", words: ["experiment"], kind: .number, summary: "an experiment, by its number"),
      Slot("history", words: ["history"], kind: .flag, summary: "this session's statements"),
      Slot("file", words: ["to"], kind: .text, isRequired: true, summary: "the file"),
    ],
    examples: [
      "save rows where Generate to \"ticked.csv\"", "save history to \"session.visen\"",
      "save experiment 4 to \"experiment.html\"",
    ])

  private let presenter: Presenter
  private let dialogue: Dialogue
  private let console: any Console
  private let transcript: Transcript
  private let store: LocalStore

  init(_ session: Session) {
    presenter = session.presenter
    dialogue = session.dialogue
    console = session.console
    transcript = session.transcript
    store = session.store
  }

  func run(_ call: CommandCall) async throws -> Value {
    let path = call.text("file") ?? ""
    let text: String
    if call.has("history") {
      text = transcript.statements.map { $0 + "\n" }.joined()
    } else if let number = call.number("experiment") {
      text = try experiment(number, path)
    } else {
      guard let value = call.value("value") else {
        throw ScriptError.refusal(
          "V490", "Save what?", "save rows to \"\(path)\"", "save _ to \"\(path)\"")
      }
      guard let format = OutputFormat(fileName: path) else {
        throw ScriptError.refusal(
          "V491", "“\(path)” does not say which form to write.",
          "let it end in .csv, .json, .jsonl or .md")
      }
      text = try await presenter.rendered(value, as: format)
    }
    if FileManager.default.fileExists(atPath: path) {
      guard try await dialogue.confirm("“\(path)” is there already. Replace it?") else {
        console.message("Nothing was written.")
        return .nothing
      }
    }
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ScriptError.refusal(
        "V492", "“\(path)” could not be written: \(error.localizedDescription)",
        "is the folder there, is it yours, is the disk full?")
    }
    console.message("Wrote \(path).")
    return .nothing
  }

  private func experiment(_ number: Double, _ path: String) throws -> String {
    guard let id = Int64(exactly: number), let record = try store.experiments.find(id) else {
      throw ScriptError.refusal(
        "V518", "There is no experiment \(Value.number(number).display).",
        "all of them: experiments")
    }
    let ending = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
    guard let format = ExperimentFile.Format(rawValue: ending) else {
      throw ScriptError.refusal(
        "V491", "“\(path)” does not say which form to write.",
        "let it end in .html, .md, .csv or .json")
    }
    return ExperimentFile(experiment: record, ratings: try store.experiments.ratings(of: id))
      .text(as: format)
  }
}
