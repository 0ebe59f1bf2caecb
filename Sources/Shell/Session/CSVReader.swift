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
    let text: String
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      guard let decoded = String(validating: data, as: UTF8.self) else {
        throw ScriptError.refusal(
          "V471", "\(path) is not UTF-8 text.", "save it as UTF-8 and try again")
      }
      text = decoded.hasPrefix("\u{FEFF}") ? String(decoded.dropFirst()) : decoded
    } catch let error as ScriptError {
      throw error
    } catch {
      throw ScriptError.refusal(
        "V470", "\(path) cannot be read.",
        "is it there? paths are relative to where Visen was started")
    }
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

  /// The records of a text with the lines they begin at; empty lines are left out.
  static func records(of text: String, path: String) throws -> [(line: Int, cells: [String])] {
    var records: [(line: Int, cells: [String])] = []
    var cells: [String] = []
    var cell = ""
    var line = 1
    var startLine = 1
    var inQuotes = false
    var wasQuoted = false
    func endRecord() {
      if !(cells.isEmpty && cell.isEmpty && !wasQuoted) {
        records.append((startLine, cells + [cell]))
      }
      cells = []
      cell = ""
      wasQuoted = false
    }
    var characters = text.makeIterator()
    var next = characters.next()
    while let character = next {
      next = characters.next()
      if inQuotes {
        if character == "\"" {
          if next == "\"" {
            cell.append("\"")
            next = characters.next()
          } else {
            inQuotes = false
          }
        } else {
          if character.isNewline { line += 1 }
          cell.append(character)
        }
      } else if character == "\"", cell.isEmpty, !wasQuoted {
        inQuotes = true
        wasQuoted = true
      } else if character == "," {
        cells.append(cell)
        cell = ""
        wasQuoted = false
      } else if character.isNewline {
        endRecord()
        line += 1
        startLine = line
      } else {
        cell.append(character)
      }
    }
    guard !inQuotes else {
      throw ScriptError.refusal(
        "V474", "A quoted cell that begins in line \(startLine) of \(path) never ends.",
        "end it with \"")
    }
    endRecord()
    return records
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
