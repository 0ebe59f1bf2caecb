import Script
import Synchronization

/// A host with three rows in memory, which remembers what it was asked to do.
final class StubHost: ScriptHost {
  struct State {
    var rows: [Row]
    var lines: [String] = []
    var writes: [(row: String, changes: [FieldChange])] = []
    var prompts: [String] = []
  }

  static let shape = Shape(
    name: "Topics",
    fields: [
      Field(name: "Topic", kind: .text, isWritable: true, typeName: "title"),
      Field(name: "Generate", kind: .flag, isWritable: true, typeName: "checkbox"),
      Field(name: "Content", kind: .text, isWritable: true, typeName: "rich_text"),
      Field(name: "Score", kind: .number, isWritable: true, typeName: "number"),
      Field(
        name: "Tags", kind: .options, isWritable: true, options: ["a", "b"],
        typeName: "multi_select"),
      Field(name: "Due date", kind: .date, isWritable: true, typeName: "date"),
      Field(name: "Made", kind: .date, isWritable: false, typeName: "created_time"),
    ])

  let signatures = [
    CommandSignature(
      name: "generate", summary: "Generates.",
      slots: [
        Slot("targets", kind: .properties, summary: "properties"),
        Slot("prompt", words: ["with"], kind: .template, summary: "a prompt"),
        Slot("rows", words: ["on"], kind: .target, summary: "rows"),
      ], examples: ["generate"]),
    CommandSignature(
      name: "use", summary: "Opens.",
      slots: [Slot("name", kind: .connection, isRequired: true, summary: "its name")],
      examples: ["use \"Topics\""], opensConnection: "name"),
    CommandSignature(
      name: "set", summary: "Sets.",
      slots: [
        Slot("name", kind: .name, isRequired: true, summary: "the setting"),
        Slot("value", kind: .word, isRequired: true, summary: "its value"),
      ], examples: ["set engine practice"]),
  ]

  let state: Mutex<State>

  init() {
    func row(_ number: Int, _ topic: String, _ ticked: Bool, _ score: Value) -> Row {
      Row(
        id: "row-\(number)", number: number, title: topic, shape: StubHost.shape,
        values: [
          .text(topic), .flag(ticked), .nothing, score, .list([.text("a")]), .nothing,
          .date(DateValue(start: "2025-01-0\(number)")),
        ])
    }
    state = Mutex(
      State(rows: [
        row(1, "tea", true, .number(3)), row(2, "coffee", false, .nothing),
        row(3, "抹茶", true, .number(7)),
      ]))
  }

  var lines: [String] { state.withLock { $0.lines } }

  func shape(of connection: String?) -> ShapeAnswer {
    connection == nil || connection == "Topics" ? .known(StubHost.shape) : .unknown(["Topics"])
  }
  func currentRow() -> Row? { nil }

  /// In the order of the sorts, as a host must give them; rows without a value come last.
  func rows(_ query: RowRequest) async throws -> [Row] {
    let rows = state.withLock { $0.rows }
    guard let sort = query.sorts.first else { return rows }
    return rows.sorted { a, b in
      guard let x = a.value(of: sort.field)?.asNumber else { return false }
      guard let y = b.value(of: sort.field)?.asNumber else { return true }
      return sort.isAscending ? x < y : x > y
    }
  }

  func body(of row: Row) async throws -> String { "body of \(row.title)" }

  func write(_ changes: [FieldChange], to row: Row, at span: Span) async throws -> Row {
    state.withLock { $0.writes.append((row.title, changes)) }
    return row
  }

  func answer(_ request: AIRequest) async throws -> Value {
    let prompt = request.pieces.map(\.text).joined()
    state.withLock { $0.prompts.append(prompt) }
    if prompt.contains("fails") { throw ScriptError(code: "V301", message: "the AI call failed") }
    if case .number? = request.shape { return .number(5) }
    return .text("<\(prompt)>")
  }

  func run(_ call: CommandCall) async throws -> Value {
    let row = state.withLock { $0.rows[0] }
    var line = call.name
    if let name = call.text("name") { line += " \(name)" }
    if let value = call.text("value") { line += " \(value)" }
    if let names = call.names("targets") { line += " \(names)" }
    if let template = call.template("prompt") {
      line += " " + (try template.pieces(for: row).map(\.text).joined())
    }
    state.withLock { $0.lines.append(line) }
    return .nothing
  }

  func print(_ line: String) { state.withLock { $0.lines.append(line) } }
}

/// Runs a program on the stub, and gives what it printed, its value, and what went wrong.
func run(_ text: String, on host: StubHost = StubHost()) async -> (
  lines: [String], value: String?, codes: [String], failures: [RowFailure]
) {
  let interpreter = Interpreter(host: host, pause: { _ in })
  do {
    let outcome = try await interpreter.run(SourceText(text, name: "test"))
    return (host.lines, outcome.value?.display, [], outcome.failures)
  } catch let failure as CheckFailure {
    return (host.lines, nil, failure.diagnostics.map(\.code), [])
  } catch let error as ScriptError {
    return (host.lines, nil, [error.code], [])
  } catch let interruption as Interruption {
    return (host.lines, nil, [interruption.error.code], interruption.failures)
  } catch {
    return (host.lines, nil, ["\(error)"], [])
  }
}
