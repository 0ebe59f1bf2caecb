import Engines
import Generation
import Store
import Synchronization

/// Shows an answer as it arrives.
nonisolated final class AnswerStream: Sendable {
  private struct State {
    var hasText = false
    var endsInLine = true
  }

  private let console: any Console
  private let state = Mutex(State())

  init(console: any Console) { self.console = console }

  /// Whether any text was shown.
  var hasText: Bool { state.withLock { $0.hasText } }

  /// Takes the next piece.
  func take(_ piece: AnswerPiece) {
    switch piece {
    case .text(let text):
      guard !text.isEmpty else { return }
      state.withLock {
        $0.hasText = true
        $0.endsInLine = text.hasSuffix("\n")
      }
      console.stream(text)
    case .restart:
      end()
      console.message("The answer broke off; it is asked for again.")
    }
  }

  /// Ends the last line.
  func end() {
    let isOpen = state.withLock { state in
      defer { state.endsInLine = true }
      return !state.endsInLine
    }
    if isOpen { console.stream("\n") }
  }
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
