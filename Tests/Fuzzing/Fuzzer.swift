import Foundation
import Script
import Synchronization

/// Puts programs through the lexer, parser, formatter, resolver and evaluator.
package final class Fuzzer: Sendable {
  /// What a program showed that no program may.
  package struct Finding: Error, CustomStringConvertible {
    package let description: String
  }

  /// What became of the programs.
  package struct Counts: Sendable {
    /// Programs that can be read.
    package var read = 0
    /// Programs that the check lets through, and that were run.
    package var run = 0
    /// Programs that were stopped because they took too long.
    package var stopped = 0
  }

  private let host = FuzzHost()
  private let counted = Mutex(Counts())
  private let watch = Watch()

  package init() { watch.begin() }

  package var counts: Counts { counted.withLock { $0 } }

  /// Puts one program through all of it.
  ///
  /// - Throws: ``Finding`` for what should never be; a crash ends the process, and a hang is seen by
  ///   ``slowest``.
  package func check(_ bytes: [UInt8]) async throws {
    let source = SourceText(String(decoding: bytes, as: UTF8.self), name: "fuzz")
    let signatures = host.signatures
    let parsed = Interpreter.parse(source, signatures: signatures)
    guard parsed.diagnostics.count <= 10 else {
      throw Finding(description: "more than ten diagnostics")
    }
    for diagnostic in parsed.diagnostics { try checkPlace(diagnostic.span, source) }
    if let outline = TreeOutline.text(of: source, signatures: signatures) {
      counted.withLock { $0.read += 1 }
      try checkLayout(source, outline)
    }
    let interpreter = Interpreter(host: host, pause: { _ in })
    let checked = await interpreter.check(source, isOnlyChecked: false)
    guard checked.diagnostics.count <= 10 else {
      throw Finding(description: "more than ten diagnostics")
    }
    for diagnostic in checked.diagnostics where checked.source.name == source.name {
      try checkPlace(diagnostic.span, source)
    }
    guard checked.diagnostics.isEmpty else { return }
    counted.withLock { $0.run += 1 }
    let work = Task { _ = try? await interpreter.run(source) }
    watch.start(work)
    await work.value
    if watch.end() { counted.withLock { $0.stopped += 1 } }
  }

  private func checkPlace(_ span: Span, _ source: SourceText) throws {
    guard span.start >= 0, span.start <= span.end, span.end <= source.text.utf8.count + 1 else {
      throw Finding(description: "a place outside of the text: \(span)")
    }
  }

  /// The layout is stable, and is the same program.
  private func checkLayout(_ source: SourceText, _ outline: String) throws {
    guard let once = Formatter.format(source, signatures: host.signatures) else {
      throw Finding(description: "what can be read has no layout")
    }
    let again = SourceText(once, name: "fuzz")
    guard let twice = Formatter.format(again, signatures: host.signatures) else {
      throw Finding(description: "the layout cannot be read:\n\(once)")
    }
    guard once == twice else {
      throw Finding(description: "the layout is not stable:\n\(once)\n--- and then\n\(twice)")
    }
    guard TreeOutline.text(of: again, signatures: host.signatures) == outline else {
      throw Finding(description: "the layout is another program:\n\(once)")
    }
  }

  /// Stops programs that run for longer than a moment.
  private final class Watch: Sendable {
    private static let moment = Duration.milliseconds(20)

    private struct State {
      var work: Task<Void, Never>?
      var since = ContinuousClock.now
      var wasStopped = false
    }
    private let state = Mutex(State())

    func begin() {
      Thread.detachNewThread { [weak self] in
        while let self {
          self.look()
          Thread.sleep(forTimeInterval: 0.005)
        }
      }
    }

    private func look() {
      state.withLock { state in
        if let work = state.work, ContinuousClock.now - state.since > Watch.moment {
          work.cancel()
          state.wasStopped = true
        }
      }
    }

    func start(_ work: Task<Void, Never>) {
      state.withLock { $0 = State(work: work) }
    }

    func end() -> Bool {
      state.withLock { state in
        state.work = nil
        return state.wasStopped
      }
    }
  }
}
