import Script

/// Shows values: rows as tables, texts as they are, everything in the format that was asked for.
final class Presenter {
  private let console: any Console
  private let options: RunOptions
  private let settings: Settings
  private let rows: RowTable
  /// Reads the rows of queries; set when the session is whole.
  var host: (any ScriptHost)?
  /// The properties that a person works on, which stand first in a table.
  var wanted: ((Shape) -> [String])?
  /// Where a row leads in a browser; `nil` where nobody could open it.
  var address: ((Row) -> String?)?

  init(console: any Console, options: RunOptions, settings: Settings, rows: RowTable) {
    self.console = console
    self.options = options
    self.settings = settings
    self.rows = rows
  }

  /// Whether values are shown for a person, and not in a format for programs.
  var isTable: Bool { format == .table }

  /// The columns of texts that are read: the screen's; in a pipe those of a page.
  var readingWidth: Int { console.resultsAreTerminal ? console.columns : 100 }

  private var format: OutputFormat {
    if options.format != .table { return options.format }
    return settings.text("format").flatMap(OutputFormat.init(rawValue:)) ?? .table
  }

  /// Shows a value; a query is read first.
  func showFetching(_ value: Value, isWhole: Bool = false) async throws {
    if case .query(let query) = value, let host {
      let found = try await query.rows(from: host).enumerated().map { $1.numbered($0 + 1) }
      rows.show(found)
      try show(.list(found.map(Value.row)), picked: query.picked, isWhole: isWhole)
    } else {
      try show(value, isWhole: isWhole)
    }
  }

  /// Shows a value.
  ///
  /// - Throws: ``ScriptError`` for a value whose JSON is longer than a text may be.
  func show(_ value: Value, picked: [String] = [], isWhole: Bool = false) throws {
    if format != .table {
      console.data(try rendered(value, picked: picked, as: format))
      return
    }
    switch value {
    case .nothing: return
    case .list(let items) where items.allSatisfy({ $0.asRow != nil || $0.asRecord != nil }):
      guard let table = Presenter.table(items, picked: inOrder(picked, items)) else {
        console.message("No rows.")
        return
      }
      var layout = Table.Layout(
        width: tableWidth, style: console.resultStyle, numbersRows: items.first?.asRow != nil,
        isWhole: isWhole, isTerminal: console.resultsAreTerminal)
      if showsLinks { layout.links = items.map { $0.asRow.flatMap { address?($0) } } }
      console.document { movesCursor in
        layout.movesCursor = movesCursor
        return table.rendered(layout)
      }
    case .row(let row): try showRecord(row)
    case .record(let record):
      let width = record.fields.map { DisplayWidth.of(Sanitizer.line($0.name)) }.max() ?? 0
      let lines = record.fields.map { line($0.name, $0.value, width: width) }
      if !lines.isEmpty { console.document { _ in lines.joined(separator: "\n") } }
    default: console.result(value.display)
    }
  }

  /// The columns of a table of rows: as picked, else the title, what is worked on, and the rest.
  private func inOrder(_ picked: [String], _ items: [Value]) -> [String] {
    guard picked.isEmpty, let shape = items.first?.asRow?.shape, let title = shape.names.first
    else {
      return picked
    }
    let first =
      [title] + (wanted?(shape) ?? []).filter { $0 != title && shape.index(of: $0) != nil }
    return first + shape.names.filter { !first.contains($0) }
  }

  /// Shows a row, a property a line, and its body.
  ///
  /// - Parameter body: Markdown; empty for none.
  /// - Throws: ``ScriptError`` for a row whose JSON is longer than a text may be.
  func showRecord(_ row: Row, body: String = "") throws {
    guard format == .table else {
      console.data(try rendered(.row(row), picked: [], as: format))
      if !body.isEmpty { console.result(body) }
      return
    }
    let width = row.shape.names.map { DisplayWidth.of(Sanitizer.line($0)) }.max() ?? 0
    let link = showsLinks ? address?(row) : nil
    var lines = zip(row.shape.fields, row.values).map { field, value in
      line(
        field.name, value, width: width, link: field.typeName == "title" ? link : nil)
    }
    if !body.isEmpty { lines += ["", drawn(body)] }
    console.document { _ in lines.joined(separator: "\n") }
  }

  /// Shows Markdown.
  func showMarkdown(_ text: String) {
    let drawing = drawn(text)
    console.document { _ in drawing }
  }

  private func drawn(_ markdown: String) -> String {
    MarkdownView(
      width: tableWidth, style: console.resultStyle, isTerminal: console.resultsAreTerminal
    ).rendered(markdown)
  }

  /// Whether titles are linked: at a terminal that knows links, where it is not switched off.
  private var showsLinks: Bool {
    console.resultsAreTerminal && console.movesCursor && options.hasLinks && settings.isOn("links")
  }

  private func line(_ name: String, _ value: Value, width: Int, link: String? = nil) -> String {
    let cell = Presenter.cell(value)
    let head = DisplayWidth.pad(Sanitizer.line(name), to: width)
    var text: String
    if case .empty = cell {
      text = console.resultStyle.faint("·")
    } else {
      // Further lines of a text stand under its first.
      text = Sanitizer.text(cell.plain).replacing(
        "\n", with: "\n" + String(repeating: " ", count: width + 2))
    }
    if let link { text = Style.link(text, to: link) }
    return "\(console.resultStyle.bold(head))  \(text)"
  }

  /// A value as a file of that format has it; a query is read first.
  func rendered(_ value: Value, as format: OutputFormat) async throws -> String {
    if case .query(let query) = value, let host {
      let found = try await query.rows(from: host)
      return try rendered(.list(found.map(Value.row)), picked: query.picked, as: format)
    }
    return try rendered(value, picked: [], as: format)
  }

  /// The columns a table may take: the screen's; in a pipe nobody's screen is too narrow.
  private var tableWidth: Int { console.resultsAreTerminal ? console.columns : 400 }

  private func rendered(
    _ value: Value, picked: [String], as format: OutputFormat
  ) throws -> String {
    let items = value.asList ?? [value]
    switch format {
    case .json:
      // Item by item: a database is longer than one text may be.
      guard case .list(let items) = Presenter.pick(value, picked) else {
        return try Presenter.pick(value, picked).jsonText() + "\n"
      }
      return "[" + (try items.map { try $0.jsonText() }).joined(separator: ",") + "]\n"
    case .jsonl: return try items.map { try Presenter.pick($0, picked).jsonText() + "\n" }.joined()
    case .csv, .md:
      guard let table = Presenter.table(items, picked: picked) else {
        return value.isEmpty ? "" : value.display + "\n"
      }
      return format == .csv ? table.csv : table.markdown
    case .table: return value.display + "\n"
    }
  }

  /// The value with only the chosen fields of its rows.
  private static func pick(_ value: Value, _ names: [String]) -> Value {
    guard !names.isEmpty else { return value }
    switch value {
    case .list(let items): return .list(items.map { pick($0, names) })
    case .row(let row): return .record(Record(names.map { ($0, row.value(of: $0) ?? .nothing) }))
    default: return value
    }
  }

  /// Rows or records as a table; `nil` for an empty list and for anything else.
  private static func table(_ items: [Value], picked: [String]) -> Table? {
    guard let first = items.first else { return nil }
    switch first {
    case .row(let row):
      let names = picked.isEmpty ? row.shape.names : picked
      let columns = names.map { name in
        let kind = row.shape.index(of: name).map { row.shape.fields[$0].kind }
        return Table.Column(name: name, isNumeric: kind == .number)
      }
      return Table(
        columns: columns,
        rows: items.map { item in names.map { cell(item.asRow?.value(of: $0) ?? .nothing) } })
    case .record(let record):
      let names = record.fields.map(\.name)
      let columns = names.map { name in
        Table.Column(
          name: name,
          isNumeric: items.allSatisfy {
            let value = $0.asRecord?[name] ?? .nothing
            return value.isNothing || value.asNumber != nil
          })
      }
      return Table(
        columns: columns,
        rows: items.map { item in names.map { cell(item.asRecord?[$0] ?? .nothing) } })
    default: return nil
    }
  }

  private static func cell(_ value: Value) -> Cell {
    switch value {
    case .nothing: .empty
    case .flag(let flag): .flag(flag)
    case .number: .number(value.display)
    case .list(let items) where items.isEmpty: .empty
    case .text(let text) where text.isEmpty: .empty
    default: .text(value.display)
    }
  }
}
