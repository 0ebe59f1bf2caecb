import Foundation
import Notion
import Script
import Transport

/// `add "learning is fun", "notion is best tool"`: new rows.
struct AddCommand: Command {
  static let signature = CommandSignature(
    name: "add",
    summary: "Adds rows to the open database.",
    slots: [
      Slot("titles", kind: .texts, summary: "a title for each new row"),
      Slot(
        "file", words: ["rows", "from"], kind: .text,
        summary: "a CSV file whose first line names properties"),
    ],
    examples: ["add \"learning is fun\", \"notion is best tool\"", "add rows from \"topics.csv\""],
    givesValue: true)

  private let connections: Connections
  private let console: any Console
  private let options: RunOptions
  private let settings: Settings
  private let waits: WaitBoard

  init(_ session: Session) {
    waits = session.waits
    connections = session.connections
    console = session.console
    options = session.options
    settings = session.settings
  }

  func run(_ call: CommandCall) async throws -> Value {
    let (connection, source, shape) = try connections.requireDatabase()
    let records = try newRows(call, source: source)
    guard !records.isEmpty else {
      throw ScriptError.refusal(
        "V460", "There is nothing to add.", "add \"a title\", \"another\"",
        "or: add rows from \"file.csv\"")
    }
    // Every value is checked before the first row is made, so that a bad line 90 adds nothing.
    let payloads = try records.map { try payload($0, source: source) }
    if options.isDry {
      for record in records {
        console.result("+ \(record.title)")
      }
      return .nothing
    }
    let progress = RunProgress(
      label: "add", total: payloads.count, waits: waits, console: console)
    progress.begin()
    defer { progress.end() }
    var rows: [Row] = []
    do {
      for payload in payloads {
        try Task.checkCancellation()
        let page = try await connection.workspace.client.createPage(
          parent: .dataSource(source.id), properties: payload)
        rows.append(RowMapping.row(page, shape: shape))
        progress.step()
      }
    } catch {
      progress.end()
      if payloads.count > 1 {
        console.message("\(rows.count) of \(payloads.count) rows were added to \(connection.name).")
      }
      throw error
    }
    progress.end()
    console.message(
      "\(rows.count) \(rows.count == 1 ? "row" : "rows") added to \(connection.name).")
    return .list(rows.map(Value.row))
  }

  private struct NewRow {
    let title: String
    let fields: [(PropertySchema, String)]
    let line: Int?
  }

  private func newRows(_ call: CommandCall, source: DataSource) throws -> [NewRow] {
    guard let path = call.text("file") else {
      return call.texts("titles").map { NewRow(title: $0, fields: [], line: nil) }
    }
    let table = try CSVReader.table(at: path)
    let columns = try table.header.map { name -> PropertySchema in
      guard let property = source.properties.first(where: { $0.name == name }) else {
        throw ScriptError(
          code: "V461", message: "“\(name)” in \(path) is no property of the database.",
          notes: NearestWord.notes(
            for: name, among: source.properties.map(\.name).sorted(), kind: "properties"),
          kind: .problem)
      }
      return property
    }
    return table.rows.map { row in
      let fields = zip(columns, row.cells).filter { !$1.isEmpty }
      let title = fields.first { $0.0.type == "title" }?.1 ?? ""
      return NewRow(
        title: title, fields: fields.filter { $0.0.type != "title" }, line: row.line)
    }
  }

  private func payload(_ record: NewRow, source: DataSource) throws -> JSON {
    var members = JSON.Members()
    if let title = source.titleProperty {
      members[title.name] = try PropertyKinds.payload(
        for: .text(record.title), schema: title, newOptions: .deny)
    }
    for (property, text) in record.fields {
      do {
        members[property.name] = try PropertyKinds.payload(
          for: CSVReader.scalar(text, for: property.type), schema: property,
          newOptions: settings.newOptions)
      } catch {
        throw ScriptError.refusal(
          "V462", "Line \(record.line ?? 0), \(property.name): \(error.message)",
          "nothing was added; correct the file and say it again")
      }
    }
    return .object(members)
  }
}
