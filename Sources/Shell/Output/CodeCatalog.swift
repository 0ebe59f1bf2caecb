/// What the codes of messages mean, for `help V203`.
nonisolated enum CodeCatalog {
  /// The codes of the language, in their order; commands' own (V400 and on) say all in the message.
  static let all: [(code: String, text: String)] = [
    (
      "V001",
      "A character has no meaning in a program. Texts stand in \"…\"; and, or, not are words."
    ),
    (
      "V002",
      "A text or a name in backquotes is not closed. \"…\" ends on its row; \"\"\"…\"\"\" may cross rows."
    ),
    (
      "V003",
      "An escape is none of \\n \\t \\\" \\\\ \\{ \\} \\u{1F600}. '…' has no escapes at all."
    ),
    ("V004", "A number or date is out of range. Write spaces around a minus: 2025 - 1 - 31."),
    ("V005", "A program is longer than 4 MB. Data belongs into a file: read(\"data.csv\")"),
    (
      "V010",
      "A type is unknown. Types: text, number, flag, date, list of …, one of […], {name: type}."
    ),
    ("V011", "The program ends in the middle of a statement; a brace or a clause waits for more."),
    ("V012", "A word does not fit at its place; the message says what would."),
    ("V013", "Something is nested too deeply. Name a part of it with let."),
    ("V014", "= gives a value to a name. To compare, write is."),
    (
      "V018",
      "A name is both a variable and a property. Write it.NAME for the property, or rename the variable."
    ),
    ("V020", "It is not said which rows. Write on rows where …, or tick some."),
    ("V021", "A hole {…} has no name Visen knows. For a plain brace write \\{, or use '…'."),
    (
      "V022",
      "Only a property of a row can be stale or edited: rows where Content is stale."
    ),
    ("V100", "A name was never made: let NAME = …"),
    ("V101", "The database has no property of that name. Names with spaces stand in backquotes."),
    ("V102", "There is no function of that name. help lists them all."),
    (
      "V103",
      "A line begins with a word that is no command, and goes on. A function's values stand in ( )."
    ),
    ("V104", "A variable of that name is there already; shadowing would hide it."),
    ("V105", "What was made with let stays. Make it with var to change it."),
    (
      "V106",
      "There is no row here. In a loop it is the loop's name, in where and prompts it is `it`."
    ),
    (
      "V107",
      "Bodies of a parallel loop run side by side, so none may change what is outside. Give values back instead."
    ),
    ("V108", "A function was given too few or too many values; the message shows what it takes."),
    ("V109", "A function has no parameter of that name."),
    ("V111", "fn, param, include and return have their places: the top of a program, a function."),
    (
      "V112",
      "No engine is asked inside where, sort by or a hole: its cost would not be seen. Name the answer first."
    ),
    ("V113", "skip and stop stand in loops."),
    ("V114", "A command misses a part; the message says which, with examples."),
    (
      "V115",
      "Command words and words of the language are no names; in backquotes they may name properties."
    ),
    ("V116", "A parameter of the script was not given, or does not fit its type."),
    ("V117", "An included file holds fn, let and include only; it runs nothing."),
    ("V118", "A file that is to be included or run cannot be read, or includes itself in the end."),
    ("V119", "every takes a duration: every 30min { … }"),
    ("V120", "A script that is run has no parameter of that name."),
    ("V121", "A script that is run is not a valid program; its own mistakes stand above."),
    ("V122", "A statement can never be reached: the one before it always leaves."),
    ("V123", "Scripts run each other too deeply; one of them runs itself."),
    (
      "V203",
      "A value of another kind is needed. Nothing is converted silently: \"{x}\" makes a text, number(x) a number."
    ),
    (
      "V204",
      "A condition is true or false. To keep rows with something there, write: NAME is not empty."
    ),
    ("V205", "A list never is a text. Ask whether it contains one."),
    ("V206", "The property is computed by Notion and cannot be written."),
    ("V207", "The operator cannot take these two kinds of values."),
    ("V300", "fail was reached."),
    ("V301", "The engine gave no answer that may be used, after all tries."),
    ("V303", "nothing cannot be computed with. Give a default: Score ?? 0"),
    (
      "V304",
      "A hole has no value for this row; the prompt would be spoilt and paid for. {NAME?} allows it."
    ),
    ("V305", "A number is too large, a division by zero, a range too long."),
    ("V306", "A value of another kind came when the program ran."),
    ("V307", "Calls are nested too deeply, or there is no current row. Choose one: row 3"),
    ("V308", "A value has no such field or item."),
    (
      "V309",
      "Something outside went wrong: a service, a file, the disk. The message has its words."
    ),
    (
      "V310",
      "Somebody changed the cell since it was read; it was left alone. set conflict overwrite writes all the same."
    ),
    ("V311", "An assert does not hold."),
    ("V312", "A text is not JSON. The message shows how it begins."),
    ("V313", "A pattern is no regular expression. In '…' backslashes stand as they are."),
    (
      "V314",
      "A value would grow too large: texts to 64 MB, lists to ten million items, a hundred deep."
    ),
    ("V399", "The program was stopped: Ctrl-C, or a service manager's word to end."),
  ]

  /// What the codes of commands are about, by their first two digits.
  private static let commands: [(head: String, text: String)] = [
    ("V40", "connections: which one is open, what it leads to, names that are taken"),
    ("V41", "keys, addresses and the connections database"),
    ("V42", "what Notion does not show: it is not shared with the integration, or is gone"),
    ("V43", "settings and the values they take"),
    ("V44", "engines and their models"),
    ("V45", "rows and their numbers in the table last shown"),
    ("V46", "rows to be added"),
    ("V47", "CSV files: their first line names properties, each further line is a row"),
    ("V48", "prompts, and the checkbox that ticks rows"),
    ("V49", "files to be written, the allowance, help, setup and the editor"),
    ("V50", "runs: the allowance and budget, what may be resumed, undone and redone"),
    ("V51", "plan, generate, try, keep and ask: rows, targets and prompts they need"),
  ]

  /// The meaning of a code; `nil` when there is none like it.
  static func text(_ code: String) -> String? {
    let code = code.uppercased()
    if let found = all.first(where: { $0.code == code }) { return found.text }
    guard code.count == 4, code.dropFirst().allSatisfy(\.isNumber),
      let found = commands.first(where: { code.hasPrefix($0.head) })
    else { return nil }
    return "about \(found.text). The message says what is wrong, its lines with = what to type."
  }
}
