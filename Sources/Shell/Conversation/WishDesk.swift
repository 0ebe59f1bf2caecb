import Engines
import Generation
import Script
import Store
import Transport

/// Statements that an engine proposes for a wish, as they were shown.
struct Proposal {
  /// The program.
  let text: String
  /// What it would do.
  let plan: WishPlan.Outcome
}

/// Turns a wish in plain words into statements that check, shows what they would do, and leaves
/// running them to the person.
struct WishDesk {
  private let session: Session
  private let console: any Console

  init(_ session: Session) {
    self.session = session
    console = session.console
  }

  /// The commands that a proposal may use: what a person can look at and take back.
  static let allowed: Set<String> = [
    "add", "blame", "check", "experiments", "generate", "judge", "keep", "next", "plan",
    "previous", "prompt", "prompts", "rate", "redo", "resume", "row", "runs", "save", "show",
    "tick", "try", "undo", "untick", "usage",
  ]

  /// Asks for the statements of a wish, checks and shows them.
  ///
  /// - Returns: What is to be put on the line; `nil` when there is nothing that checks.
  func propose(_ wish: String) async throws -> Proposal? {
    guard !wish.isEmpty else {
      throw ScriptError.refusal("V526", "Wish what?", "? tick the rows without content")
    }
    let chosen = try session.engines.choose(nil)
    try session.desk.checkAllowance(chosen.name)
    let rows = session.rows.selection?.rows ?? session.rows.shown
    let (prompt, given) = session.talk.prompt(
      system: WishDesk.card, connection: session.connections.open, rows: rows, label: "Wish", wish)
    if given < rows.count {
      console.message(
        "\(given) of \(rows.count) rows go along: \(session.talk.rowTokens) tokens at most (set ask_tokens)."
      )
    }
    let name = session.connections.open?.name
    var answer = try await ask(prompt, chosen)
    try session.desk.keepAsked(wish, prompt, answer, chosen, connection: name)
    var offer = WishDesk.offer(answer)
    var verdict = try await verdict(offer.statements)
    if case .wrong(let problems) = verdict, !offer.statements.isEmpty {
      // Once more, told what was wrong.
      var again = prompt
      again.pieces += [
        .literal("\n\nYou proposed:\n"),
        .data(name: "proposed", text: DataMarks.fenced("proposed", offer.statements)),
        .literal("\nThat is no program that may be proposed:\n"),
        .data(
          name: "problems",
          text: DataMarks.fenced("problems", problems.joined(separator: "\n"))),
        .literal("\nPropose again, put right.\nWish: \(wish)"),
      ]
      answer = try await ask(again, chosen)
      try session.desk.keepAsked(wish, again, answer, chosen, connection: name)
      offer = WishDesk.offer(answer)
      verdict = try await self.verdict(offer.statements)
    }
    try session.talk.add(
      Turn(
        isWish: true, question: wish,
        answer: offer.statements.isEmpty ? offer.explanation : offer.statements,
        engine: chosen.label),
      connection: name ?? "")
    guard !offer.statements.isEmpty else {
      console.message(
        offer.explanation.isEmpty
          ? "\(chosen.label) proposes nothing." : Sanitizer.text(offer.explanation))
      return nil
    }
    switch verdict {
    case .wrong(let problems):
      console.message("\(chosen.label) proposed twice what is no program; nothing is on the line.")
      if let first = problems.first { console.problem(Sanitizer.line("  \(first)")) }
      return nil
    case .right(let plan):
      let proposal = Proposal(text: offer.statements, plan: plan)
      show(proposal, offer.explanation, chosen)
      return proposal
    }
  }

  /// Looks whether a proposal would now touch more than was shown.
  ///
  /// - Returns: The proposal with its new plan, which was shown; `nil` when it may run.
  func grown(_ proposal: Proposal) async throws -> Proposal? {
    guard case .right(let plan) = try await verdict(proposal.text),
      plan.exceeds(proposal.plan)
    else { return nil }
    console.message("This would touch more than was shown. It is now:")
    let again = Proposal(text: proposal.text, plan: plan)
    show(again, "", nil)
    return again
  }

  // MARK: - Asking

  private func ask(_ prompt: Prompt, _ chosen: ChosenEngine) async throws -> Answer {
    try await session.spending.answered(
      EngineRequest(
        prompt: prompt, model: chosen.model,
        type: .record([
          AnswerType.Field("statements", .text), AnswerType.Field("explanation", .text),
        ]),
        timeout: .seconds(session.settings.number("timeout") ?? 180)), by: chosen.engine)
  }

  private static func offer(_ answer: Answer) -> (statements: String, explanation: String) {
    var text = answer.value?["statements"]?.string ?? ""
    // Models put fences around what they are told is code.
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.first?.hasPrefix("```") == true, lines.last?.hasPrefix("```") == true, lines.count > 1
    {
      lines = Array(lines.dropFirst().dropLast())
      text = lines.joined(separator: "\n")
    }
    while text.last?.isWhitespace == true { text.removeLast() }
    while text.first?.isWhitespace == true { text.removeFirst() }
    return (text, answer.value?["explanation"]?.string ?? "")
  }

  /// What the engine is told of the language.
  private static let card: String = {
    var lines = [
      "You turn a person's wish about a Notion database into statements of the language Visen.",
      "Answer with the statements alone, as few as do it, and one sentence of explanation in the "
        + "language of the wish. They are shown to the person, who runs them or not.",
      "Touch no row and no property that the wish does not speak of. When the wish cannot be met, "
        + "leave the statements empty and say why.",
      "The language: one statement a line. Rows: rows where Score > 3 and Kind is \"A\" sort by "
        + "Score desc first 5. Tests: is, is not, <, >, contains, starts with, is empty, "
        + "is not empty, and, or, not. Names with other characters than letters, digits and _ "
        + "stand in backquotes. A checkbox is a condition by itself: rows where Done.",
      "In a prompt a hole holds a property: \"Translate {Topic} to Japanese\".",
      "Assign: for row in rows where … { row.Content = \"text\" }. nothing clears a property.",
      "Commands:",
    ]
    for signature in CommandCatalog.signatures where allowed.contains(signature.name) {
      let examples = signature.examples.prefix(3).joined(separator: " ; ")
      lines.append("- \(signature.summary) \(examples)")
    }
    return lines.joined(separator: "\n")
  }()

  // MARK: - Checking

  private enum Verdict {
    case right(WishPlan.Outcome)
    case wrong([String])
  }

  /// Whether a text is a program that may be proposed, and what it would do.
  private func verdict(_ text: String) async throws -> Verdict {
    guard !text.isEmpty else { return .wrong(["it is empty"]) }
    guard Sanitizer.text(text) == text else {
      return .wrong(["it holds characters that a terminal does not show"])
    }
    let source = SourceText(text, name: "<proposal>")
    // Words first: what may not be proposed is not even looked at, such as the file of an include.
    let words = Interpreter.parse(source, signatures: CommandCatalog.signatures).words
    let forbidden = words.subtracting(WishDesk.allowed).sorted()
    guard forbidden.isEmpty else {
      return .wrong(["a wish may not use \(forbidden.joined(separator: ", "))"])
    }
    let checked = await session.interpreter.check(source)
    guard checked.diagnostics.isEmpty, !checked.isIncomplete else {
      return .wrong(
        checked.diagnostics.map { diagnostic in
          let notes =
            diagnostic.notes.isEmpty ? "" : " (\(diagnostic.notes.joined(separator: "; ")))"
          return "line \(source.line(of: diagnostic.span.start)): \(diagnostic.message)\(notes)"
        })
    }
    guard !checked.isEmpty else { return .wrong(["there is no statement in it"]) }
    do {
      return .right(try await WishPlan(session).outcome(of: source))
    } catch let error as ScriptError where error.kind != .cancelled {
      return .wrong([error.message])
    } catch let interruption as Interruption where interruption.error.kind != .cancelled {
      return .wrong([interruption.error.message])
    } catch let failure as CheckFailure {
      return .wrong(failure.diagnostics.map(\.message))
    }
  }

  private func show(_ proposal: Proposal, _ explanation: String, _ chosen: ChosenEngine?) {
    if !explanation.isEmpty { console.message(Sanitizer.text(explanation)) }
    for line in proposal.text.split(separator: "\n", omittingEmptySubsequences: false) {
      console.styledResult("  " + console.resultStyle.bold(Sanitizer.line(String(line))))
    }
    for line in proposal.plan.lines { console.message("  → \(line)") }
    console.message("Nothing has run. It is on the line: edit it, Enter runs it, Ctrl-C drops it.")
  }
}
