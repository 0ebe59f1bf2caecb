/// `every 30min { … }`: the body again and again, until the program is stopped.
///
/// One turn ends before the next begins: a turn that takes longer than the interval puts the next
/// one off. A problem in a turn is told and counted, and the next turn comes.
final class EveryNode: Node, @unchecked Sendable {
  let interval: Node
  let body: Node
  init(_ interval: Node, _ body: Node, _ span: Span) {
    self.interval = interval
    self.body = body
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let value = try interval.eval(context)
    guard case .duration(let duration) = value, duration.seconds >= 1,
      duration.seconds <= 31_622_400
    else {
      throw ScriptError(
        code: "V119", message: "every takes a duration from 1s on, and this is \(value.display)",
        span: interval.span, notes: ["for example: every 30min { … }"])
    }
    let clock = ContinuousClock()
    var next = clock.now
    while true {
      try context.checkCancelled()
      do throws(ScriptError) {
        try body.run(context)
        try context.sendStaged()
      } catch {
        context.dropStaged()
        switch (error.kind, error.leaving) {
        case (_, .loop?): return .nothing
        case (_, .turn?): break
        case (.problem, _):
          context.machine.note(
            RowFailure(
              title: "every", isRow: false, number: nil, message: error.message, code: error.code,
              span: error.span))
          let host = context.machine.host
          let line = "problem[\(error.code)]: \(error.message)"
          try context.machine.wait { await host.warn(line) }
        default: throw error
        }
      }
      next = max(next + .seconds(duration.seconds), clock.now)
      context.machine.pause(clock.now.duration(to: next))
    }
  }
}
