import Script

/// `run "x.visen" with days: 3`: a script, with values for its parameters.
struct RunCommand: Command {
  static let signature = CommandSignature(
    name: "run",
    summary: "Runs a script.",
    slots: [
      Slot("file", kind: .text, isRequired: true, summary: "the script's file"),
      Slot("values", words: ["with"], kind: .fields, summary: "values for its parameters"),
    ],
    examples: ["run \"weekly.visen\"", "run \"weekly.visen\" with days: 3"],
    givesValue: true, choosesRow: true)

  /// The most scripts that run each other.
  private static let deepest = 16

  private let bridge: ScriptBridge
  private let console: any Console
  private let session: Session

  init(_ session: Session) {
    self.session = session
    bridge = session.bridge
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let source = try ScriptFile.read(call.text("file") ?? "")
    guard session.runDepth < RunCommand.deepest else {
      throw ScriptError.refusal(
        "V123", "Scripts run each other more than \(RunCommand.deepest) deep.",
        "does \(source.name) run itself?")
    }
    session.runDepth += 1
    defer { session.runDepth -= 1 }
    let declared = Interpreter.parameters(of: source, signatures: CommandCatalog.signatures)
    var values: [String: Value] = [:]
    for field in call.value("values")?.asRecord?.fields ?? [] {
      guard declared.contains(where: { $0.name == field.name }) else {
        throw ScriptError(
          code: "V120", message: "\(source.name) has no parameter called “\(field.name)”.",
          notes: NearestWord.notes(
            for: field.name, among: declared.map(\.name), kind: "parameters"),
          kind: .problem)
      }
      values[field.name] = field.value
    }
    try check(values, for: declared, of: source, call)
    let interpreter = Interpreter(host: bridge)
    await interpreter.setArguments(values)
    do {
      return try await interpreter.run(source).value ?? .nothing
    } catch let failure as CheckFailure {
      // The excerpt is of the other file, so it is shown here, where that file is known.
      let report = Report(style: console.messageStyle, columns: console.columns)
      console.problem(report.text(failure, in: source))
      throw ScriptError.refusal("V121", "\(source.name) is not a valid program.")
    }
  }

  /// Whether the script gets what it needs; what is wrong is shown where it stands, in the call.
  private func check(
    _ values: [String: Value], for declared: [ScriptParameter], of source: SourceText,
    _ call: CommandCall
  ) throws {
    for parameter in declared {
      if let value = values[parameter.name] {
        guard !parameter.accepts(value) else { continue }
        throw ScriptError(
          code: "V116",
          message:
            "“\(value.display.prefix(40))” does not fit \(parameter.name) of “\(call.text("file") ?? "")”.",
          span: call.place("values", field: parameter.name),
          notes: ["it takes \(parameter.type)"])
      }
      guard parameter.defaultValue == nil else { continue }
      throw ScriptError(
        code: "V116", message: "“\(call.text("file") ?? "")” needs a value for \(parameter.name).",
        notes: [
          "give it: run \"\(call.text("file") ?? "")\" with \(parameter.name): …",
          "it takes \(parameter.type)",
        ])
    }
  }
}
