/// What stands before the line that is typed.
nonisolated struct PromptLine: Sendable {
  /// The open connection.
  var connection: String?
  /// How many rows are chosen; `nil` when none are.
  var selected: Int?
  /// The engine that will be asked.
  var engine = ""
  /// What is left of the allowance or the budget, as it is shown.
  var left: String?
  /// The run that is not finished, as it is shown.
  var run: String?

  /// The line.
  ///
  /// - Parameters:
  ///   - form: `full`, `short`, or a text with `{connection}`, `{selection}`, `{engine}`, `{left}` and
  ///     `{run}` in it; a space is added behind it where it has none.
  ///   - columns: The screen's; half of it is the person's.
  ///   - style: Whether its parts are told apart by weight.
  /// - Returns: The text, its escapes between U+0001 as the editor wants them.
  func text(form: String, columns: Int, style: Style) -> String {
    let name = Sanitizer.line(connection ?? "visen")
    let rows = selected.map { "(\($0) \($0 == 1 ? "row" : "rows"))" }
    guard form == "full" || form == "short" else {
      return DisplayWidth.cut(filled(form, name), to: max(12, columns * 2 / 3)) + " "
    }
    if form == "short" || columns < 60 {
      let count = selected.map { " (\($0))" } ?? ""
      let room = max(6, min(columns / 2, 30) - count.count)
      return PromptLine.shown(DisplayWidth.cut(name, to: room), count, style)
    }
    let facts = [connection == nil ? nil : engine, left, run].compactMap { $0 }.filter {
      !$0.isEmpty
    }
    let room = max(12, columns / 2)
    var tail = rows.map { " " + $0 } ?? ""
    for fact in facts {
      let longer = tail + " · " + Sanitizer.line(fact)
      if DisplayWidth.of(longer) + min(DisplayWidth.of(name), 12) <= room { tail = longer }
    }
    return PromptLine.shown(
      DisplayWidth.cut(name, to: max(12, room - DisplayWidth.of(tail))), tail, style)
  }

  /// An escape must be followed by a character, and never by another escape; the last one that is ours
  /// therefore stands before the space.
  private static func shown(_ name: String, _ tail: String, _ style: Style) -> String {
    guard style.isOn else { return "\(name)\(tail)> " }
    let faint = tail.isEmpty ? "" : "\u{1}\u{1B}[0;2m\u{1}\(tail)"
    return "\u{1}\u{1B}[1m\u{1}\(name)\(faint)\u{1}\u{1B}[0m\u{1}> "
  }

  private func filled(_ form: String, _ name: String) -> String {
    var text = form
    for (hole, value) in [
      ("connection", name), ("selection", selected.map(String.init) ?? ""), ("engine", engine),
      ("left", left ?? ""), ("run", run ?? ""),
    ] {
      text = text.replacing("{\(hole)}", with: value)
    }
    text = Sanitizer.line(text)
    while text.last == " " { text.removeLast() }
    return text
  }
}
