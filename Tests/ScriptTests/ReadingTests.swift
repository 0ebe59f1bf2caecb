import Script
import Synchronization
import Testing

/// Rows are read while bodies work: one part ahead, and no further.
@Suite struct ReadingTests {
  /// Fifteen rows in parts of three, and what was asked for in which order.
  private final class PartedHost: ScriptHost {
    struct State {
      var parts = 0
      /// For each question, how many parts had been asked for when it was answered.
      var answers: [(row: String, parts: Int)] = []
      var writes: [String] = []
    }
    let state = Mutex(State())
    /// Parts that must have been asked for before a question about a row is answered; waits for them.
    let awaited: @Sendable (Int) -> Int
    let inner = StubHost()
    static let rows = 15
    static let size = 3

    init(awaiting: @escaping @Sendable (Int) -> Int = { _ in 0 }) { awaited = awaiting }

    var signatures: [CommandSignature] { inner.signatures }
    func shape(of connection: String?) -> ShapeAnswer { inner.shape(of: connection) }
    func currentRow() -> Row? { nil }
    func rows(_ query: RowRequest) async throws -> [Row] { (0..<PartedHost.rows).map(row) }

    private func row(_ number: Int) -> Row {
      Row(
        id: "\(number)", title: "\(number)", shape: StubHost.shape,
        values: [
          .text("\(number)"), .flag(true), .nothing, .number(Double(number)), .list([]), .nothing,
          .nothing,
        ])
    }

    func part(
      of query: RowRequest, from place: RowPlace?
    ) async throws -> (rows: [Row], next: RowPlace?) {
      state.withLock { $0.parts += 1 }
      let start = place?.value as? Int ?? 0
      let end = start + PartedHost.size
      return (
        (start..<end).map(row), end < PartedHost.rows ? RowPlace(end) : nil
      )
    }

    func body(of row: Row) async throws -> String { "" }
    func write(_ changes: [FieldChange], to row: Row, at span: Span) async throws -> Row {
      state.withLock { $0.writes.append(row.title) }
      return row
    }

    func answer(_ request: AIRequest) async throws -> Value {
      let text = request.pieces.map(\.text).joined()
      let wanted = awaited(Int(text) ?? 0)
      let end = ContinuousClock.now + .seconds(10)
      while state.withLock({ $0.parts }) < wanted, ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(1))
      }
      state.withLock { $0.answers.append((text, $0.parts)) }
      return .text(text)
    }

    func run(_ call: CommandCall) async throws -> Value { .nothing }
    func print(_ line: String) {}
  }

  private static func run(_ text: String, on host: PartedHost) async throws -> String? {
    try await Interpreter(host: host, pause: { _ in }).run(SourceText(text, name: "test")).value?
      .display
  }

  @Test(arguments: ["", " parallel 2"])
  func theNextPartComesWhileTheFirstRowIsWorkedOn(width: String) async throws {
    // Nothing is answered before the part after the row's own has been asked for: reading that waited
    // for the work would stand still here.
    let host = PartedHost { min(5, $0 / PartedHost.size + 2) }
    let value = try await ReadingTests.run(
      "let all = for r in rows\(width) { r.Content = ai \"{r.Topic}\"; r.Score }\nsum(all)",
      on: host)
    #expect(value == "105")
    let (answers, parts) = host.state.withLock { ($0.answers, $0.parts) }
    #expect(answers.count == 15 && parts == 5)
    for answer in answers {
      // One part ahead of the rows in hand; of two bodies one may be in the next part already.
      let own = (Int(answer.row) ?? 0) / PartedHost.size
      #expect(answer.parts >= min(5, own + 2), "row \(answer.row)")
      #expect(answer.parts <= own + (width.isEmpty ? 2 : 3), "row \(answer.row)")
    }
    #expect(Set(host.state.withLock { $0.writes }).count == 15)
  }

  @Test func aLoopThatStopsAsksForNoMoreThanOnePartTooMany() async throws {
    let host = PartedHost { _ in 2 }
    _ = try await ReadingTests.run("for r in rows { print ai \"{r.Topic}\"; stop }", on: host)
    #expect(host.state.withLock { $0.parts } == 2)
    #expect(host.state.withLock { $0.answers.count } == 1)
  }

  /// What may change rows that are still to come finds them fixed, as the language promises.
  @Test(arguments: [
    "for r in rows { print ai \"{r.Topic}\"; generate Content on [r] }",
    "for r in rows { print ai \"{r.Topic}\"; for s in rows first 1 { s.Content = \"x\" } }",
    "for r in rows { print ai \"{r.Topic}\"; let s = r; s.Content = \"x\" }",
    "fn f(r) { r.Content = \"x\" }\nfor r in rows { print ai \"{r.Topic}\"; f(r) }",
    // A condition that may fail for a row fails before any work is done.
    "for r in rows where length(Topic) > 0 { print ai \"{r.Topic}\" }",
  ])
  func rowsAreReadToTheirEndFirst(program: String) async throws {
    let host = PartedHost()
    _ = try await ReadingTests.run(program, on: host)
    #expect(host.state.withLock { $0.answers.first?.parts ?? 0 } >= 5, "\(program)")
  }

  @Test(arguments: [
    "fn f(x) { return trim(x) }\nfor r in rows { print f(ai \"{r.Topic}\") }",
    "var n = 0\nfor r in rows { print ai \"{r.Topic}\"; n += 1; var x = {a: 1}; x.a = n }",
    "for r in rows where Score >= 0 { r.Content.rich = ai \"{r.Topic}\" }",
  ])
  func workThatLeavesOtherRowsAloneBeginsAtOnce(program: String) async throws {
    let host = PartedHost()
    _ = try await ReadingTests.run(program, on: host)
    #expect(host.state.withLock { $0.answers.first?.parts ?? 9 } <= 2, "\(program)")
  }

  @Test func oneThatIsEnoughIsNotReadAhead() async throws {
    let host = PartedHost()
    _ = try await ReadingTests.run("count(rows where Score >= 0 first 2)", on: host)
    #expect(host.state.withLock { $0.parts } == 1)
  }
}
