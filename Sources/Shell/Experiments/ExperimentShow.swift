import Engines
import Script
import Store
import Transport

/// Shows an experiment again: its answers, what differs between them, what was asked.
struct ExperimentShow {
  private let connections: Connections
  private let store: LocalStore
  private let bench: Bench
  private let presenter: Presenter
  private let console: any Console

  init(_ session: Session) {
    connections = session.connections
    store = session.store
    bench = session.bench
    presenter = session.presenter
    console = session.console
  }

  private func experiment(_ number: Double?) throws -> Experiment {
    try number.map { try bench.open($0) } ?? bench.require(connection: connections.open?.name)
  }

  /// The answers side by side, and what is known of each variant.
  func show(_ number: Double?, marksDifferences: Bool) throws -> Value {
    let record = try experiment(number).record
    if marksDifferences, record.variants.count < 2 {
      throw ScriptError.refusal(
        "V519", "There is one variant, and nothing to compare it with.",
        "try two: try \"…\" against \"…\" on 5 rows")
    }
    var view = ExperimentView(
      experiment: record, width: presenter.readingWidth, style: console.resultStyle)
    view.marksDifferences = marksDifferences
    console.styledResult(view.text)
    guard !marksDifferences else { return .nothing }
    let ratings = Ratings(
      experiment: record,
      winners: try store.experiments.ratings(of: record.id)[ExperimentTable.person] ?? [:])
    console.result("")
    try presenter.show(.list(ratings.records))
    if !ratings.winners.isEmpty { ratings.verdicts.forEach(console.message) }
    return .nothing
  }

  /// What the engines were asked for one row: each prompt once, its data marked.
  func request(_ number: Double) throws -> Value {
    let record = try experiment(nil).record
    guard let place = Int(exactly: number), record.cells.indices.contains(place - 1) else {
      throw ScriptError.refusal(
        "V451",
        "There is no request \(Value.number(number).display); rows 1 to \(record.rows.count) were tried.",
        "show request 1")
    }
    let style = console.resultStyle
    var shown: [(request: String, letters: [String])] = []
    for (variant, cell) in record.cells[place - 1].enumerated() {
      guard let request = cell?.request else { continue }
      let letter = Experiment.letter(variant)
      if let same = shown.firstIndex(where: { $0.request == request }) {
        shown[same].letters.append(letter)
      } else {
        shown.append((request, [letter]))
      }
    }
    for (request, letters) in shown {
      guard let prompt = (try? JSON(parsing: request)).flatMap(Prompt.init(json:)) else { continue }
      if record.variants.count > 1 {
        console.styledResult(style.bold(letters.joined(separator: ", ")))
      }
      if let system = prompt.system {
        console.styledResult(style.faint(Sanitizer.text(system)))
      }
      let text = prompt.pieces.map { piece in
        switch piece {
        case .literal(let text): Sanitizer.text(text)
        case .data(_, let text): style.cyan("‹" + Sanitizer.text(text) + "›")
        }
      }
      console.styledResult(text.joined())
    }
    return .nothing
  }
}
