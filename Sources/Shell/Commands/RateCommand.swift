import Script
import Store

/// `rate`: answers shuffled and unlabelled, one key each.
struct RateCommand: Command {
  static let signature = CommandSignature(
    name: "rate",
    summary:
      "Shows the answers of an experiment shuffled and unlabelled; one key chooses the best.",
    slots: [
      Slot(
        "experiment", words: ["experiment"], kind: .number, summary: "the last one when left out"),
      Slot("again", words: ["again"], kind: .flag, summary: "from the beginning"),
    ],
    examples: ["rate", "rate experiment 4", "rate again"],
    givesValue: true)

  /// The keys that choose, in the order in which answers are shown; `u` and `q` are taken.
  private static let keys = Array("123456789abcdefghijklmnop")

  private let connections: Connections
  private let bench: Bench
  private let store: LocalStore
  private let presenter: Presenter
  private let dialogue: Dialogue
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    bench = session.bench
    store = session.store
    presenter = session.presenter
    dialogue = session.dialogue
    console = session.console
  }

  func run(_ call: CommandCall) async throws -> Value {
    let experiment =
      try call.number("experiment").map { try bench.open($0) }
      ?? bench.require(connection: connections.open?.name)
    let record = experiment.record
    guard record.variants.count > 1 else {
      throw ScriptError.refusal(
        "V519", "There is one variant, and nothing to compare it with.",
        "try two: try \"…\" against \"…\" on 5 rows")
    }
    guard dialogue.canAsk else {
      throw ScriptError.refusal(
        "V520", "Answers are rated by keys, at a terminal.",
        "let an engine judge them: judge by \"clarity\" using gpt")
    }
    if call.has("again") {
      try store.experiments.unrate(record.id, row: nil, rater: ExperimentTable.person)
    }
    try await rate(record)
    return try RatingReport(store: store, presenter: presenter, console: console)
      .show(record, rater: ExperimentTable.person)
  }

  // MARK: - Choosing

  /// An answer as it is offered, with the variants that gave it: the same words are offered once.
  private struct Choice {
    var text: String
    var variants: [Int]
  }

  private func choices(_ record: ExperimentRecord, _ row: Int) -> [Choice] {
    var choices: [Choice] = []
    for (variant, cell) in record.cells[row].enumerated() {
      guard let cell, cell.errorCode == nil else { continue }
      if let same = choices.firstIndex(where: { $0.text == cell.shown }) {
        choices[same].variants.append(variant)
      } else {
        choices.append(Choice(text: cell.shown, variants: [variant]))
      }
    }
    return choices.shuffled()
  }

  private func rate(_ record: ExperimentRecord) async throws {
    let rated = try store.experiments.ratings(of: record.id)[ExperimentTable.person] ?? [:]
    var same = 0
    let open = record.rows.indices.compactMap { row -> (row: Int, choices: [Choice])? in
      guard rated[row] == nil else { return nil }
      let choices = choices(record, row)
      if choices.count < 2 { same += 1 }
      return choices.count < 2 || choices.count > RateCommand.keys.count ? nil : (row, choices)
    }
    if same > 0 {
      console.message(
        "\(same) \(same == 1 ? "row has" : "rows have") fewer than two different answers.")
    }
    guard !open.isEmpty else {
      console.message(
        rated.isEmpty ? "There is nothing to choose between." : "Every row is rated: rate again")
      return
    }
    console.message("One key for the best answer · 0 none is better · u undo · q stop")
    var place = 0
    while open.indices.contains(place) {
      let (row, choices) = open[place]
      show(record.rows[row], choices, place + 1, of: open.count)
      switch await key(choices.count) {
      case .chosen(let winners):
        let variants = winners.flatMap { choices[$0].variants }.sorted()
        try store.experiments.rate(
          record.id, row: row, winners: variants, rater: ExperimentTable.person)
        place += 1
      case .undo:
        guard place > 0 else {
          console.message("There is no choice to undo.")
          continue
        }
        place -= 1
        try store.experiments.unrate(
          record.id, row: open[place].row, rater: ExperimentTable.person)
        console.message("Undone.")
      case .stop:
        console.message("Stopped after \(place) of \(open.count). Go on: rate")
        return
      }
    }
  }

  private func show(_ row: TriedRow, _ choices: [Choice], _ place: Int, of count: Int) {
    let style = console.resultStyle
    let width = presenter.readingWidth
    console.styledResult(
      "\n"
        + style.bold(
          DisplayWidth.cut("\(place)/\(count) · \(Sanitizer.line(row.title))", to: width)))
    for (index, choice) in choices.enumerated() {
      let lines = TextWrap.lines(choice.text, width: width - 4)
      console.styledResult(
        lines.enumerated().map { line, text in
          (line == 0 ? style.bold("\(RateCommand.keys[index])) ") : "   ") + text
        }.joined(separator: "\n"))
    }
  }

  private enum Pressed {
    case chosen([Int])
    case undo
    case stop
  }

  private func key(_ count: Int) async -> Pressed {
    while true {
      switch await KeyReader.next() {
      case .stop: return .stop
      case .other: continue
      case .character(let character):
        switch character {
        case "q", "Q": return .stop
        case "u", "U": return .undo
        case "0", "=":
          console.message("→ none is better")
          return .chosen([])
        default:
          if let index = RateCommand.keys.prefix(count).firstIndex(of: character) {
            console.message("→ \(character)")
            return .chosen([index])
          }
          console.message(
            "Press \(RateCommand.keys[0]) to \(RateCommand.keys[count - 1]), 0, u or q.")
        }
      }
    }
  }
}

/// Shows what ratings say.
struct RatingReport {
  let store: LocalStore
  let presenter: Presenter
  let console: any Console

  func show(_ record: ExperimentRecord, rater: String) throws -> Value {
    let ratings = Ratings(
      experiment: record, winners: try store.experiments.ratings(of: record.id)[rater] ?? [:])
    let value = Value.list(ratings.records)
    try presenter.show(value)
    ratings.verdicts.forEach(console.message)
    return value
  }
}
