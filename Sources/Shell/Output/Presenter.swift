import Script

/// Shows values: rows as tables, texts as they are, everything in the format that was asked for.
final class Presenter {
  private let console: any Console
  private let options: RunOptions
  private let settings: Settings
  private let rows: RowTable
  /// Reads the rows of queries; set when the session is whole.
  var host: (any ScriptHost)?

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
      show(.list(found.map(Value.row)), picked: query.picked, isWhole: isWhole)
    } else {
      show(value, isWhole: isWhole)
    }
  }

  /// Shows a value.
  func show(_ value: Value, picked: [String] = [], isWhole: Bool = false) {
    if format != .table {
      console.data(rendered(value, picked: picked, as: format))
      return
    }
    switch value {
    case .nothing: return
    case .list(let items) where items.allSatisfy({ $0.asRow != nil || $0.asRecord != nil }):
      guard let table = Presenter.table(items, picked: picked) else {
        console.message("No rows.")
        return
      }
      console.styledResult(
        table.rendered(
          width: tableWidth, style: console.resultStyle,
          numbersRows: items.first?.asRow != nil, isWhole: isWhole,
          isTerminal: console.resultsAreTerminal))
    case .row(let row): showRecord(row)
    case .record(let record):
      for field in record.fields {
        line(
          field.name, field.value, width: record.fields.map { DisplayWidth.of($0.name) }.max() ?? 0)
      }
    default: console.result(value.display)
    }
  }

  /// Shows a row, a property a line.
  func showRecord(_ row: Row) {
    guard format == .table else {
      console.data(rendered(.row(row), picked: [], as: format))
      return
    }
    let width = row.shape.names.map { DisplayWidth.of(Sanitizer.line($0)) }.max() ?? 0
    for (field, value) in zip(row.shape.fields, row.values) {
      line(field.name, value, width: width)
    }
  }

  private func line(_ name: String, _ value: Value, width: Int) {
    let cell = Presenter.cell(value)
    let head = DisplayWidth.pad(Sanitizer.line(name), to: width)
    let text: String
    if case .empty = cell {
      text = console.resultStyle.faint("·")
    } else {
      text = Sanitizer.text(cell.plain)
    }
    console.styledResult("\(console.resultStyle.bold(head))  \(text)")
  }

  /// A value as a file of that format has it; a query is read first.
  func rendered(_ value: Value, as format: OutputFormat) async throws -> String {
    if case .query(let query) = value, let host {
      let found = try await query.rows(from: host)
      return rendered(.list(found.map(Value.row)), picked: query.picked, as: format)
    }
    return rendered(value, picked: [], as: format)
  }

  /// The columns a table may take: the screen's; in a pipe nobody's screen is too narrow.
  private var tableWidth: Int { console.resultsAreTerminal ? console.columns : 400 }

  private func rendered(_ value: Value, picked: [String], as format: OutputFormat) -> String {
    let items = value.asList ?? [value]
    switch format {
    case .json: return Presenter.pick(value, picked).json + "\n"
    case .jsonl: return items.map { Presenter.pick($0, picked).json + "\n" }.joined()
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
