/// What the codes of messages mean, for `help V203`.
nonisolated enum CodeCatalog {
  /// Every code, in order: the language's own, from V400 those of commands.
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
    ("V401", "No connection is open, so nobody knows whose rows are meant. Open one: use \"NAME\""),
    ("V402", "The open connection leads to a page, which has no rows. generate writes into it."),
    ("V403", "There is no connection of that name. connections lists them all."),
    (
      "V404",
      "A saved connection lacks its address, as one may after an edit in Notion. Make it again."
    ),
    ("V405", "A connection's name has 1 to 200 characters."),
    (
      "V406",
      "A connection of that name is there already, whatever the case. Open it, or disconnect it first."
    ),
    (
      "V407",
      "connect was not told to what: to template, to the address of a database, or to page."
    ),
    (
      "V408",
      "A database without a data source that the integration may see; in Notion its rows live there."
    ),
    (
      "V409",
      "A database has several data sources, or none of that name. Write it behind the address."
    ),
    (
      "V410",
      "Notion's key is missing, or where it was to come from gave none. key notion, or doctor."
    ),
    ("V411", "No service of that name takes a key: notion, gemini, gpt, local."),
    (
      "V412",
      "The engine needs a key, or where it was to come from gave none. practice needs none."
    ),
    (
      "V413",
      "A key was not taken: keys are entered at a terminal only, and Notion tells which are good."
    ),
    ("V415", "A text is no address of what is wanted. In Notion: ••• at the top right, Copy link."),
    (
      "V416",
      "Notion lets an integration make things only inside a page that is shared with it: under \"LINK\""
    ),
    (
      "V417",
      "The connections database has a column of the right name and the wrong kind. Rename it in Notion."
    ),
    ("V420", "Notion does not show a thing: it is not shared with the integration, or it is gone."),
    ("V421", "A thing of the embedded workspace is in the trash or was never there."),
    ("V430", "There is no setting of that name. settings lists them all."),
    ("V431", "A setting does not take that value; the message says which it takes."),
    ("V440", "There is no engine of that name: gemini, gpt, local, practice."),
    ("V450", "A row's number means the table last shown, and none was. Show one: rows"),
    (
      "V451",
      "There is no row of that number in the table last shown, or it is no whole number from 1."
    ),
    (
      "V452",
      "Rows are wanted, and something else was given: rows where …, a list of rows, a number."
    ),
    ("V453", "next or previous came to the end of the table without a row that is so."),
    ("V460", "add was given nothing: add \"a title\", \"another\", or add rows from \"file.csv\""),
    ("V461", "The first line of a file names a property that the database lacks."),
    (
      "V462",
      "A cell of a file does not fit its property. Nothing was added: all are checked first."
    ),
    ("V470", "A file cannot be read. Paths are relative to where Visen was started."),
    ("V471", "A file is not UTF-8 text."),
    (
      "V472",
      "A CSV file is empty. Its first line names the properties, each further line is a row."
    ),
    (
      "V473",
      "A line of a CSV file has more or fewer cells than the first. Cells with commas stand in \"quotes\"."
    ),
    ("V474", "A quoted cell of a CSV file never ends; the message says where it begins."),
    ("V480", "Rows are ticked by a checkbox, and the database has none. Add one called Generate."),
    (
      "V481",
      "A prompt that is saved is filled in for each row, so its holes hold property names only."
    ),
    ("V490", "save was given nothing: save rows to \"rows.csv\", save _ to \"last.json\""),
    ("V491", "The ending of a file says in which form it is written, and this one says none."),
    ("V492", "A file could not be written: its folder is missing, not yours, or the disk is full."),
    ("V493", "The allowance is a whole number of prompts, 0 or more: upgrade to 100"),
    (
      "V494",
      "Help knows commands, functions, properties, settings, codes and names of this session."
    ),
    ("V495", "There is no run of that number, or none was named. runs lists them all."),
    (
      "V497",
      "A question needs an answer, and nobody sits there. --yes answers all of them in advance."
    ),
    (
      "V498",
      "setup is a conversation and needs a terminal; set and the variables do the same in a script."
    ),
    (
      "V499",
      "The text could not be changed in an editor. EDITOR or VISUAL name it; edit needs the prompt."
    ),
    (
      "V500",
      "The allowance is used up: accounting on your own machine. upgrade raises or lifts it."
    ),
    ("V501", "No run is unfinished, or this one has nothing left that resume could do."),
    ("V502", "The run was taken back. redo writes it again."),
    (
      "V503",
      "What the journal says of a run cannot be read; it may be of another version of Visen."
    ),
    (
      "V504",
      "The budget is used up, and nothing was lost. With more of it the same goes on where it stopped."
    ),
    (
      "V505",
      "A service stopped the work for all rows: a key, credit, or its own trouble. resume goes on."
    ),
    ("V506", "No run has written anything that undo could take back."),
    ("V507", "redo writes again what undo took back, and nothing was."),
    ("V508", "plan was not told what: plan generate, plan generate Content with \"…\""),
    ("V510", "Neither the statement nor the connection has a prompt: prompt \"…\", or with \"…\""),
    ("V511", "More than 26 prompts and engines do not fit side by side."),
    ("V512", "keep writes what was tried, and nothing was, or it was tried on another workspace."),
    ("V513", "keep takes the letter of a variant of the experiment last shown: keep B"),
    ("V514", "ask was not told what: ask \"which of these overlap?\""),
    (
      "V515",
      "No prompt was kept under that name. prompts lists them; prompt \"…\" called \"NAME\" keeps one."
    ),
    (
      "V516",
      "One try takes some rows, side by side. Try it on a sample, or fill them all: generate"
    ),
    (
      "V517",
      "A check names a property that is gone or has another kind. Take it away: check remove \"NAME\""
    ),
    ("V518", "There is no experiment of that number. experiments lists them all."),
    ("V519", "One variant alone cannot be compared, rated or judged: try \"…\" against \"…\""),
    ("V520", "Answers are rated by keys, at a terminal. judge lets an engine do it."),
    ("V521", "judge was not told by what: judge by \"clarity\""),
    ("V522", "There is no check of that name. check lists them all."),
    ("V523", "A prompt that is kept needs a name: prompt \"…\" called \"intro\""),
    ("V524", "The prompt has no version of that number: prompt history"),
    ("V525", "There is no conversation of that number. conversations lists them all."),
    ("V526", "A wish has no words: ? tick the rows without content"),
    ("V527", "The shape behind as does not fit the properties that are filled."),
    ("V528", "Another Visen is carrying the run out; two would pay for it twice."),
    (
      "V529",
      "A price is for a million tokens and has two parts: price \"gpt/x\" input 0.10 output 0.50"
    ),
    ("V530", "The engine has no batches. gpt and gemini have; visen serve rehearses them."),
    ("V531", "There is no batch of that number, or it is over. batches lists them all."),
    ("V533", "The service refused a batch whole; nothing was asked or paid for."),
    (
      "V534",
      "Rows of the run are in a batch, and their answers are on the way: collect or cancel it first."
    ),
    (
      "V535",
      "The service did not say whether it made a batch. collect looks for it, and makes it if it is not there."
    ),
  ]

  /// The meaning of a code; `nil` when there is none like it.
  static func text(_ code: String) -> String? {
    let code = code.uppercased()
    return all.first { $0.code == code }?.text
  }
}
