import Foundation
import Generation
import Store
import Synchronization
import Transport

/// Tells how work on many rows goes: one line on a terminal that is drawn anew, a few lines elsewhere.
nonisolated final class RunProgress: Sendable {
  private struct State {
    var done = 0
    var failed = 0
    var cost: Double? = 0
    /// When rows ended, for the rate of the last half minute.
    var ends: [(at: ContinuousClock.Instant, done: Int)] = []
    var tenth = 0
    var toldAt: ContinuousClock.Instant
  }

  private let label: String
  private let total: Int
  private let console: any Console
  private let waits: WaitBoard
  private let isTerminal: Bool
  private let isFree: Bool
  private let tellsElsewhere: Bool
  private let start = ContinuousClock.now
  private let state: Mutex<State>
  private let ticker = Mutex<Task<Void, Never>?>(nil)

  /// How often the line on a terminal is drawn.
  private static let beat = Duration.milliseconds(200)
  /// Without a terminal a line comes at each tenth of the rows, or after this time.
  private static let pause = Duration.seconds(30)

  /// - Parameter tellsElsewhere: Whether something is told without a terminal.
  init(
    label: String, total: Int, isFree: Bool = true, tellsElsewhere: Bool = false, waits: WaitBoard,
    console: any Console
  ) {
    self.label = label
    self.total = total
    self.isFree = isFree
    self.tellsElsewhere = tellsElsewhere
    self.waits = waits
    self.console = console
    isTerminal = isatty(STDERR_FILENO) == 1
    state = Mutex(State(toldAt: ContinuousClock.now))
  }

  /// Begins to tell.
  func begin() {
    guard isTerminal || tellsElsewhere else { return }
    if !isTerminal, total >= 20 { console.message("\(label): \(total) rows …") }
    let task = Task { [weak self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: RunProgress.beat)
        guard !Task.isCancelled, let self else { return }
        self.tick()
      }
    }
    ticker.withLock { $0 = task }
  }

  /// Counts a row of a run that ended.
  func note(_ event: RunEvent) {
    guard case .ended(let item) = event else { return }
    step(isFailed: item.state == .failed || item.state == .conflict, cost: item.cost)
  }

  /// Counts a row that is done.
  func step(isFailed: Bool = false, cost: Double? = 0) {
    let line = state.withLock { state -> String? in
      state.done += 1
      if isFailed { state.failed += 1 }
      state.cost = state.cost.flatMap { sum in cost.map { sum + $0 } }
      let now = ContinuousClock.now
      if state.ends.last.map({ $0.at.duration(to: now) > .seconds(1) }) ?? true {
        state.ends.append((now, state.done))
        if state.ends.count > 30 { state.ends.removeFirst() }
      }
      let tenth = total >= 20 ? state.done * 10 / max(1, total) : 0
      guard !isTerminal, tellsElsewhere, tenth > state.tenth, state.done < total else { return nil }
      state.tenth = tenth
      state.toldAt = now
      return text(state)
    }
    if let line { console.message(line) }
  }

  private func tick() {
    if isTerminal {
      console.progress(state.withLock { text($0) })
      return
    }
    let line = state.withLock { state -> String? in
      let now = ContinuousClock.now
      guard state.toldAt.duration(to: now) >= RunProgress.pause, state.done < total else {
        return nil
      }
      state.toldAt = now
      return text(state)
    }
    if let line { console.message(line) }
  }

  /// Takes the line away.
  func end() {
    ticker.withLock { $0?.cancel() }
    console.progress(nil)
  }

  /// A part of the line; on a narrow terminal those of the lowest rank are left out.
  private enum Part: Int {
    case bar, rate, cost, left, failed, wait, count
  }

  private func text(_ state: State) -> String {
    var parts: [(part: Part, text: String)] = [(.count, "\(label) \(state.done)/\(total)")]
    if isTerminal {
      let filled = state.done * 10 / max(1, total)
      parts.append(
        (.bar, String(repeating: "▓", count: filled) + String(repeating: "░", count: 10 - filled)))
    }
    if state.failed > 0 { parts.append((.failed, "\(state.failed) failed")) }
    // The rate of the last half minute: what a service allows changes while a run goes on.
    if let first = state.ends.first, state.done > first.done, state.done < total {
      let seconds = (ContinuousClock.now - first.at) / .seconds(1)
      let perSecond = Double(state.done - first.done) / max(0.1, seconds)
      parts.append(
        (
          .rate,
          perSecond >= 1
            ? String(format: "%.0f rows/s", perSecond)
            : String(format: "%.0f rows/min", perSecond * 60)
        ))
      let left = Duration.seconds(Double(total - state.done) / perSecond)
      if left > .seconds(1) { parts.append((.left, "\(Clock.text(left)) left")) }
    }
    if !isFree, let cost = state.cost, cost > 0 { parts.append((.cost, Money.text(cost))) }
    if let wait = waits.current {
      parts.append((.wait, "waiting for \(wait.reason), \(Clock.text(wait.left))"))
    }
    return isTerminal
      ? RunProgress.fitted(parts, to: console.columns - 1) : RunProgress.joined(parts)
  }

  private static func joined(_ parts: [(part: Part, text: String)]) -> String {
    var line = ""
    for (part, text) in parts {
      line += line.isEmpty ? text : part == .bar ? " \(text)" : " · \(text)"
    }
    return line
  }

  /// The line as it fits: without what matters least, and at last with the name of what is filled cut.
  private static func fitted(_ parts: [(part: Part, text: String)], to columns: Int) -> String {
    var parts = parts
    var line = joined(parts)
    while DisplayWidth.of(line) > columns,
      let least = parts.indices.min(by: { parts[$0].part.rawValue < parts[$1].part.rawValue }),
      parts[least].part.rawValue < Part.wait.rawValue
    {
      parts.remove(at: least)
      line = joined(parts)
    }
    if DisplayWidth.of(line) > columns, let wait = parts.firstIndex(where: { $0.part == .wait }) {
      parts[wait].text = String(parts[wait].text.trimmingPrefix("waiting for "))
      line = joined(parts)
    }
    let excess = DisplayWidth.of(line) - columns
    guard excess > 0, let first = parts.first, let space = first.text.lastIndex(of: " ") else {
      return line
    }
    let name = DisplayWidth.cut(
      String(first.text[..<space]),
      to: max(6, DisplayWidth.of(String(first.text[..<space])) - excess))
    parts[0].text = name + first.text[space...]
    return joined(parts)
  }
}

/// Lengths of time as people read them.
nonisolated enum Clock {
  /// “0.4 s”, “12 s”, “4 min 12 s”, “2 h 5 min”.
  static func text(_ duration: Duration) -> String {
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    if seconds < 9.95 { return String(format: "%.1f s", seconds) }
    guard seconds < 1e9 else { return "years" }
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
