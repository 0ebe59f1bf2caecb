import Script

/// A host that answers everything at once, from memory.
final class FuzzHost: ScriptHost {
  private static let shape = Shape(
    name: "Topics",
    fields: [
      Field(name: "Topic", kind: .text, isWritable: true, typeName: "title"),
      Field(name: "Generate", kind: .flag, isWritable: true, typeName: "checkbox"),
      Field(name: "Content", kind: .text, isWritable: true, typeName: "rich_text"),
      Field(name: "Score", kind: .number, isWritable: true, typeName: "number"),
      Field(name: "Category", kind: .option, isWritable: true, typeName: "select"),
      Field(name: "Tags", kind: .options, isWritable: true, typeName: "multi_select"),
      Field(name: "Due date", kind: .date, isWritable: true, typeName: "date"),
      Field(name: "Double", kind: .any, isWritable: false, typeName: "formula"),
    ])

  /// A command for each kind of slot.
  let signatures = [
    CommandSignature(
      name: "generate", summary: "Generates.",
      slots: [
        Slot("targets", kind: .properties, summary: "properties"),
        Slot("prompt", words: ["with"], kind: .template, summary: "a prompt"),
        Slot("rows", words: ["on"], kind: .target, summary: "rows"),
        Slot("engines", words: ["using"], kind: .engines, summary: "engines"),
        Slot("width", words: ["parallel"], kind: .number, summary: "a number"),
        Slot("over", words: ["overwrite"], kind: .flag, summary: "all"),
        Slot("shape", words: ["as"], kind: .type, summary: "a type"),
      ], examples: ["generate"]),
    CommandSignature(
      name: "use", summary: "Opens.",
      slots: [Slot("name", kind: .connection, isRequired: true, summary: "its name")],
      examples: ["use \"Topics\""], opensConnection: "name"),
    CommandSignature(
      name: "connect", summary: "Makes.",
      slots: [
        Slot("name", kind: .text, isRequired: true, summary: "its name"),
        Slot("url", words: ["to"], kind: .text, summary: "an address"),
        Slot("template", words: ["to", "template"], kind: .flag, summary: "a template"),
      ], examples: ["connect \"A\" to template"], opensConnection: "name"),
    CommandSignature(
      name: "set", summary: "Sets.",
      slots: [
        Slot("name", kind: .name, isRequired: true, summary: "the setting"),
        Slot("value", kind: .word, isRequired: true, summary: "its value"),
      ], examples: ["set engine practice"]),
    CommandSignature(
      name: "add", summary: "Adds.",
      slots: [Slot("titles", kind: .texts, summary: "titles")], examples: ["add \"a\""],
      givesValue: true),
    CommandSignature(
      name: "run", summary: "Runs.",
      slots: [
        Slot("file", kind: .text, isRequired: true, summary: "a file"),
        Slot("values", words: ["with"], kind: .fields, summary: "values"),
      ], examples: ["run \"a\""], givesValue: true),
    CommandSignature(
      name: "try", summary: "Tries.",
      slots: [
        Slot("prompt", kind: .template, summary: "a prompt"),
        Slot("against", words: ["against"], kind: .template, repeats: true, summary: "another"),
        Slot("rows", words: ["on"], kind: .target, summary: "rows"),
      ], examples: ["try \"a\""], givesValue: true),
    CommandSignature(
      name: "save", summary: "Saves.",
      slots: [
        Slot("value", kind: .expression, summary: "what"),
        Slot("file", words: ["to"], kind: .text, isRequired: true, summary: "a file"),
      ], examples: ["save 1 to \"a.csv\""]),
    CommandSignature(
      name: "row", summary: "Shows.",
      slots: [Slot("number", kind: .number, isRequired: true, summary: "its number")],
      examples: ["row 1"], isOnlyBeforeNumber: true),
  ]

  private let all = (1...4).map { number in
    Row(
      id: "row-\(number)", number: number, title: "topic \(number)", shape: FuzzHost.shape,
      values: [
        .text("topic \(number) {Topic}"), .flag(number % 2 == 0), .nothing,
        number == 3 ? .nothing : .number(Double(number)), .text("tea"), .list([.text("hot")]),
        .date(DateValue(start: "2025-01-0\(number)")), .number(2),
      ])
  }

  func shape(of connection: String?) -> ShapeAnswer {
    connection == nil || connection == "Topics" ? .known(FuzzHost.shape) : .later
  }
  func currentRow() -> Row? { nil }
  func rows(_ query: RowRequest) async throws -> [Row] { all }
  func body(of row: Row) async throws -> String { "body" }
  func write(_ changes: [FieldChange], to row: Row, at span: Span) async throws -> Row { row }
  func answer(_ request: AIRequest) async throws -> Value {
    switch request.shape {
    case .number?: .number(5)
    case .flag?: .flag(true)
    case .list?: .list([.text("a")])
    case .record?: .record(Record([("a", .number(1))]))
    default: .text(request.pieces.map(\.text).joined())
    }
  }
  func run(_ call: CommandCall) async throws -> Value {
    if let template = call.template("prompt") { _ = try template.pieces(for: all[0]) }
    if case .query(let query)? = call.target("rows")?.value { _ = try await query.rows(from: self) }
    return .nothing
  }
  func print(_ line: String) {}
  func file(at path: String) async throws -> String { "name,born\nAda,1815\n" }
}
