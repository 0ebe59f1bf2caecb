import Synchronization
import Transport

/// Tells on a terminal how far an input is that reads many rows, asks `ai` and writes in loops.
///
/// Commands tell of themselves; while one works, only its reading of rows is told here.
nonisolated final class InputProgress: Sendable {
  private struct State {
    var answers = 0
    var cost: Double? = 0
    var rows = 0
    var read = 0
    var readings = 0
    var commands = 0
    var ticker: Task<Void, Never>?
    /// Whether an input runs: a part that was read ahead may come after its end.
    var isOpen = false
  }

  private let console: any Console
  private let waits: WaitBoard
  private let state = Mutex(State())

  /// What is done sooner needs no progress.
  private static let patience = Duration.seconds(1)
  private static let beat = Duration.milliseconds(200)

  init(waits: WaitBoard, console: any Console) {
    self.waits = waits
    self.console = console
  }

  /// Begins with an input.
  func begin() { state.withLock { $0.isOpen = true } }

  /// Counts an answer of `ai`.
  func answered(_ cost: Double?) {
    count { state in
      state.answers += 1
      state.cost = state.cost.flatMap { sum in cost.map { sum + $0 } }
    }
  }

  /// Counts a row that was written.
  func wrote() { count { $0.rows += 1 } }

  /// Counts rows while they are read.
  func reading<Part>(
    _ read: () async throws -> Part, count size: (Part) -> Int
  ) async rethrows -> Part {
    count { $0.readings += 1 }
    do {
      let part = try await read()
      count { state in
        state.readings = max(0, state.readings - 1)
        state.read += size(part)
      }
      return part
    } catch {
      count { $0.readings = max(0, $0.readings - 1) }
      throw error
    }
  }

  /// Is silent while a command works.
  func pausing<Result>(_ command: () async throws -> Result) async rethrows -> Result {
    state.withLock { $0.commands += 1 }
    defer { state.withLock { $0.commands = max(0, $0.commands - 1) } }
    return try await command()
  }

  /// Ends with the input.
  func end() {
    let ticker = state.withLock { state in
      let ticker = state.ticker
      state = State()
      return ticker
    }
    guard let ticker else { return }
    ticker.cancel()
    console.progress(nil)
  }

  private func count(_ change: (inout State) -> Void) {
    state.withLock { state in
      guard state.isOpen else { return }
      change(&state)
      if state.ticker == nil { state.ticker = Task { [weak self] in await self?.tick() } }
    }
  }

  private func tick() async {
    try? await Task.sleep(for: InputProgress.patience)
    while !Task.isCancelled {
      state.withLock { state in
        // Under the lock, so that nothing is drawn after the end.
        if state.ticker != nil, state.commands == 0 || state.readings > 0 {
          let text = text(state)
          if !text.isEmpty { console.progress(text) }
        }
      }
      try? await Task.sleep(for: InputProgress.beat)
    }
  }

  private func text(_ state: State) -> String {
    var parts: [String] = []
    if state.readings > 0 {
      parts.append(state.read == 0 ? "reading rows" : "\(state.read) rows read")
    }
    if state.answers > 0 {
      parts.append("\(state.answers) \(state.answers == 1 ? "answer" : "answers")")
    }
    if state.rows > 0 { parts.append("\(state.rows) \(state.rows == 1 ? "row" : "rows") written") }
    if let cost = state.cost, cost > 0 { parts.append(Money.text(cost)) }
    if let wait = waits.current {
      parts.append("waiting for \(wait.reason), \(Clock.text(wait.left))")
    }
    return parts.joined(separator: " · ")
  }
}
