import Engines
import Generation
import Store
import Synchronization

/// Shows an answer as it arrives.
nonisolated final class AnswerStream: Sendable {
  private let console: any Console
  private let text: TextStream
  private let isShown = Mutex(false)

  init(console: any Console) {
    self.console = console
    text = TextStream(console: console)
  }

  /// Whether any text was shown.
  var hasText: Bool { isShown.withLock { $0 } }

  /// Takes the next piece.
  func take(_ piece: AnswerPiece) {
    switch piece {
    case .text(let piece):
      guard !piece.isEmpty else { return }
      isShown.withLock { $0 = true }
      text.write(piece)
    case .restart:
      end()
      console.message("The answer broke off; it is asked for again.")
    }
  }

  /// Shows what is left and ends the last line.
  func end() { text.end() }
}

/// Tells how many questions of an experiment are answered.
nonisolated final class TrialProgress: Sendable {
  private struct State {
    var done = 0
    var failed = 0
    var cost: Double? = 0
  }

  private let label: String
  private let total: Int
  private let console: any Console
  private let state = Mutex(State())

  init(label: String, total: Int, console: any Console) {
    self.label = label
    self.total = total
    self.console = console
  }

  /// Counts an outcome.
  func note(_ outcome: Trials.Outcome) {
    let line = state.withLock { state in
      state.done += 1
      if outcome.problem != nil { state.failed += 1 }
      state.cost = state.cost.flatMap { sum in outcome.cost.map { sum + $0 } }
      var parts = ["\(label) \(state.done)/\(total)"]
      if state.failed > 0 { parts.append("\(state.failed) failed") }
      if let cost = state.cost, cost > 0 { parts.append(Money.text(cost)) }
      return parts.joined(separator: " · ")
    }
    console.progress(line)
  }

  /// Takes the line away.
  func end() { console.progress(nil) }
}
