/// Comma-separated values as RFC 4180 has them.
public enum CSVText {
  /// A record with the line it begins at, from 1.
  public typealias Line = (line: Int, cells: [String])

  /// The lines of a text, cells apart; empty lines are left out.
  ///
  /// - Throws: ``ScriptError`` for a quoted cell that never ends.
  public static func lines(of text: String) throws(ScriptError) -> [Line] {
    var lines: [Line] = []
    var cells: [String] = []
    var cell = ""
    var line = 1
    var startLine = 1
    var inQuotes = false
    var wasQuoted = false
    func endRecord() {
      if !(cells.isEmpty && cell.isEmpty && !wasQuoted) {
        lines.append((startLine, cells + [cell]))
      }
      cells = []
      cell = ""
      wasQuoted = false
    }
    var characters = text.makeIterator()
    var next = characters.next()
    if next == "\u{FEFF}" { next = characters.next() }
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
      throw ScriptError(
        code: "V474", message: "a quoted cell that begins in line \(startLine) never ends",
        notes: ["end it with \""])
    }
    endRecord()
    return lines
  }

  /// The records of a text whose first line names their fields.
  static func records(of text: String) throws(ScriptError) -> Value {
    let lines = try lines(of: text)
    guard let header = lines.first else { return .list([]) }
    let names = header.cells.map { name in
      var name = name[...]
      while let first = name.first, first.isWhitespace { name.removeFirst() }
      while let last = name.last, last.isWhitespace { name.removeLast() }
      return String(name)
    }
    var records: [Value] = []
    for line in lines.dropFirst() {
      guard line.cells.count == names.count else {
        throw ScriptError(
          code: "V473",
          message:
            "line \(line.line) has \(line.cells.count) cells; the first line names \(names.count)",
          notes: ["cells with commas or line breaks stand in \"quotes\""])
      }
      records.append(.record(Record(zip(names, line.cells).map { ($0, .text($1)) })))
    }
    return .list(records)
  }

  /// Records as a text; the first names the columns, fields that others have besides follow.
  ///
  /// - Throws: ``ScriptError`` when that is longer than a text may be.
  static func text(of records: [Record]) throws(ScriptError) -> String {
    var names: [String] = []
    var known = Set<String>()
    for record in records {
      for field in record.fields where known.insert(field.name).inserted {
        names.append(field.name)
      }
    }
    guard !names.isEmpty else { return "" }
    var text = names.map(cell).joined(separator: ",") + "\n"
    for record in records {
      for (index, name) in names.enumerated() {
        if index > 0 { text += "," }
        text += cell(try record[name]?.displayText() ?? "")
        try Limits.check(text: text.utf8.count)
      }
      text += "\n"
    }
    return text
  }

  private static func cell(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
