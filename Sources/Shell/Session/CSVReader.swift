import Foundation
import Notion
import Script

/// Reads comma-separated values as RFC 4180 has them.
nonisolated enum CSVReader {
  /// A file's lines: the names in the first, the cells of the others.
  struct Table {
    let header: [String]
    let rows: [(line: Int, cells: [String])]
  }

  /// Reads a file.
  ///
  /// - Throws: A refusal for a file that cannot be read, or whose rows have other lengths.
  static func table(at path: String) throws -> Table {
    let text = try ScriptFile.data(at: path)
    let records = try records(of: text, path: path)
    guard let header = records.first else {
      throw ScriptError.refusal(
        "V472", "\(path) is empty.", "its first line must name the properties")
    }
    for record in records.dropFirst() where record.cells.count != header.cells.count {
      throw ScriptError.refusal(
        "V473",
        "Line \(record.line) of \(path) has \(record.cells.count) cells; the first line names "
          + "\(header.cells.count).",
        "cells with commas or line breaks stand in \"quotes\"")
    }
    return Table(
      header: header.cells.map { $0.trimmingCharacters(in: .whitespaces) },
      rows: Array(records.dropFirst()))
  }

  private static func records(of text: String, path: String) throws -> [CSVText.Line] {
    do throws(ScriptError) {
      return try CSVText.lines(of: text)
    } catch {
      var named = error
      named.message = "\(path): \(error.message)"
      throw named
    }
  }

  /// A cell as the value a property of that type takes.
  static func scalar(_ text: String, for type: String) -> Scalar {
    switch type {
    case "number": Double(text).map(Scalar.number) ?? .text(text)
    case "checkbox":
      switch text.lowercased() {
      case "true", "yes", "1", "x", "✓": .flag(true)
      case "false", "no", "0": .flag(false)
      default: .text(text)
      }
    case "multi_select":
      .list(text.split(separator: ",").map { .text($0.trimmingCharacters(in: .whitespaces)) })
    case "date": .date(start: text, end: nil, zone: nil)
    default: .text(text)
    }
  }
}
