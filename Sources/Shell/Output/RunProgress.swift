import Foundation
import Generation
import Store
import Synchronization

/// Tells how a run goes: one line on a terminal, a few lines elsewhere.
nonisolated final class RunProgress: Sendable {
  private struct State {
    var done = 0
    var failed = 0
    var cost: Double? = 0
    var shownAt: ContinuousClock.Instant?
    var tenth = 0
  }

  private let label: String
  private let total: Int
  private let console: any Console
  private let isTerminal: Bool
  private let start = ContinuousClock.now
  private let state = Mutex(State())

  init(label: String, total: Int, console: any Console) {
    self.label = label
    self.total = total
    self.console = console
    isTerminal = isatty(STDERR_FILENO) == 1
  }

  /// Counts a row that ended.
  func note(_ event: RunEvent) {
    guard case .ended(let item) = event else { return }
    let line = state.withLock { state -> String? in
      state.done += 1
      if item.state == .failed || item.state == .conflict { state.failed += 1 }
      state.cost = state.cost.flatMap { sum in item.cost.map { sum + $0 } }
      if isTerminal {
        let now = ContinuousClock.now
        if let shown = state.shownAt, shown.duration(to: now) < .milliseconds(100),
          state.done < total
        {
          return nil
        }
        state.shownAt = now
        return text(state)
      }
      // Without a terminal: a plain line at each tenth of a long run.
      let tenth = total >= 20 ? state.done * 10 / max(1, total) : 0
      guard tenth > state.tenth, state.done < total else { return nil }
      state.tenth = tenth
      return text(state)
    }
    guard let line else { return }
    if isTerminal { console.progress(line) } else { console.message(line) }
  }

  /// Takes the line away.
  func end() { console.progress(nil) }

  private func text(_ state: State) -> String {
    var parts = ["\(label) \(state.done)/\(total)"]
    if isTerminal {
      let filled = state.done * 10 / max(1, total)
      parts[0] +=
        " " + String(repeating: "▓", count: filled) + String(repeating: "░", count: 10 - filled)
    }
    if state.failed > 0 { parts.append("\(state.failed) failed") }
    let elapsed = start.duration(to: .now)
    if state.done > 0, state.done < total {
      let left = elapsed * (total - state.done) / state.done
      if left > .seconds(1) { parts.append("\(Clock.text(left)) left") }
    }
    if let cost = state.cost, cost > 0 { parts.append(Money.text(cost)) }
    return parts.joined(separator: " · ")
  }
}

/// Lengths of time as people read them.
nonisolated enum Clock {
  /// “0.4 s”, “12 s”, “4 min 12 s”, “2 h 5 min”.
  static func text(_ duration: Duration) -> String {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    if seconds < 9.95 { return String(format: "%.1f s", seconds) }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
