import Testing

@testable import Script

/// The many kinds of nodes for one operator, statement or call all do the same.
@Suite struct EvaluationTests {
  static let values = [
    "0", "3", "-7", "2.5", "1073741824", "9007199254740993",
    "1" + String(repeating: "0", count: 308),
    "nothing", "true", "\"3\"", "[3]", "{a: 1}", "2025-01-31", "2d",
  ]
  static let operators: [BinaryOperator] = [
    .add, .subtract, .multiply, .divide, .remainder, .less, .lessOrEqual, .greater,
    .greaterOrEqual, .isEqual, .isNotEqual,
  ]

  /// The ways to write the operation of the variables `a` and `b` and the fields `p.a` and `p.b`.
  static func forms(_ word: String) -> [String] {
    let forms = [
      "a \(word) b", "p.a \(word) p.b", "[a][0] \(word) [b][0]", "a \(word) p.b", "p.a \(word) b",
      "both(a, b)", "do { let c = a \(word) b\n c }",
    ]
    let changes = [
      "do { var x = a\n x = x \(word) b\n x }", "do { var x = a\n x = x \(word) p.b\n x }",
    ]
    return switch word {
    case "+":
      forms + changes + ["do { var x = a\n x += b\n x }", "do { var x = a\n x += p.b\n x }"]
    case "-": forms + changes
    case "*", "/", "%": forms
    default: forms + ["if a \(word) b then true else false", "not (p.a \(word) p.b) is false"]
    }
  }

  @Test(arguments: operators)
  func everyWayToWriteAnOperationDoesTheSame(operation: BinaryOperator) async throws {
    let literals = EvaluationTests.values
    var values: [Value] = []
    for literal in literals { values.append(try #require(await value(of: literal))) }
    func result(_ a: Value, _ b: Value) -> String {
      do throws(ScriptError) {
        return try Operators.apply(operation, a, b).jsonText()
      } catch {
        return "\(error.code) \(error.message)"
      }
    }
    let word = operation.rawValue
    let list = literals.joined(separator: ", ")
    func results(of form: String, _ right: String? = nil) async throws -> [String]? {
      try await self.list(
        of: """
          let constant = \(right ?? "0")
          fn both(x, y) = x \(word) y
          fn left(x) = x \(word) constant
          let all = [\(list)]
          var results = []
          for a in all { for b in \(right.map { "[\($0)]" } ?? "all") {
            let p = {a: a, b: b}
            results += [json(\(form)) catch "{problem.code} {problem.message}"]
          } }
          results
          """)
    }
    let expected = values.flatMap { a in values.map { b in result(a, b) } }
    for form in EvaluationTests.forms(word) {
      #expect(try await results(of: form) == expected, "\(form)")
    }
    for (right, b) in zip(literals, values) {
      for form in ["a \(word) \(right)", "p.a \(word) \(right)", "left(a)"] {
        // Where the kinds are known it is refused before anything runs; that is tested elsewhere.
        guard let found = try await results(of: form, right) else { continue }
        #expect(found == values.map { result($0, b) }, "\(form)")
      }
    }
  }

  /// A variable's plus or minus of a written number is read on the spot where it is a side.
  @Test(arguments: operators)
  func aSumAsASideIsTheSameAsByItself(operation: BinaryOperator) async throws {
    let list = (EvaluationTests.values + ["1" + String(repeating: "7", count: 308)])
      .joined(separator: ", ")
    let word = operation.rawValue
    for sum in ["+ 1", "- 7", "+ 1" + String(repeating: "7", count: 308), "- 2.5"] {
      let source = """
        fn left(x, y) = (x \(sum)) \(word) y
        fn right(x, y) = y \(word) (x \(sum))
        fn given(x) = x
        fn handed(x) = given(x \(sum))
        fn test(x, y) = if (x \(sum)) \(word) y then true else false
        for a in [\(list)] {
          for b in [3, 1073741824, "t"] {
            let s = (do { let z = [a][0] \(sum)
              z }) catch problem.message
            let isNone = "{s}" is not "{handed(a) catch nothing ?? "none"}"
            let l = json(left(a, b)) catch problem.message
            let r = json(right(a, b)) catch problem.message
            let t = json(test(a, b)) catch problem.message
            let l2 = if isNone then s else json([s][0] \(word) [b][0]) catch problem.message
            let r2 = if isNone then s else json([b][0] \(word) [s][0]) catch problem.message
            let same = l is l2 and r is r2 and (t is l or l is not "true" and l is not "false")
            if same { "true" } else { "{a} {b}: {l} {l2}; {r} {r2}; {t}" }
          }
        }
        """
      let found = try await self.list(of: source)
      #expect(found?.allSatisfy { !$0.contains(":") } == true, "\(found ?? [])")
    }
  }

  @Test func aNumberInATextHasTheDigitsThatItHasByItself() async throws {
    var numbers: [Double] = [0, -0.5, 2.5, 1e15, -1e15, 999_999_999_999_999]
    for power in 0..<16 {
      for near in [-1.0, 0, 1, 7] {
        let number = (0..<power).reduce(1.0) { product, _ in product * 10 } + near
        numbers += [number, -number]
      }
    }
    let digits = numbers.map(Value.digits)
    let list = digits.joined(separator: ", ")
    #expect(try await self.list(of: "for n in [\(list)] { \"{n}\" }") == digits)
  }

  @Test(arguments: ["0", "1", "-2", "2.5"], ["1", "3", "7", "1073741823", "2.5"])
  func remaindersAreTestedAsTheyAreFound(rest: String, divisor: String) async throws {
    let items = (EvaluationTests.values + ["1", "5", "-5", "10", "7.5", "4294967296"])
      .joined(separator: ", ")
    let source = """
      for a in [\(items)] {
        let quick = (a % \(divisor) is \(rest)) catch problem.message
        let slow = (do { let r = [a][0] % [\(divisor)][0]
          [r][0] is [\(rest)][0] }) catch problem.message
        let negated = (a % \(divisor) is not \(rest)) catch problem.message
        let agrees = if slow is true then negated is false else negated is not false
        quick is slow and agrees
      }
      """
    let outcome = try await list(of: source)
    #expect(outcome?.allSatisfy { $0 == "true" } == true, "\(outcome ?? [])")
  }

  /// Programs and the values they give.
  @Test(arguments: [
    // Calls: returns at all places, defaults, locals, frames beyond the stack's usual room.
    (
      "fn f(n) { if n > 2 { return \"big\" }\n if n > 1 { return \"two\" }\n \"small\" }", "f(3)",
      "big"
    ),
    (
      "fn f(n) { if n > 2 { return \"big\" }\n if n > 1 { return \"two\" }\n \"small\" }", "f(2)",
      "two"
    ),
    (
      "fn f(n) { if n > 2 { return \"big\" }\n if n > 1 { return \"two\" }\n \"small\" }", "f(1)",
      "small"
    ),
    ("fn f(n) { if n > 2 { print \"x\"\n return n }\n if n > 1 { return 0 }\n 9 }", "f(3)", "3"),
    ("fn f(n) { for x in 1..10 { if x is n { return x * 2 } }\n nothing }", "f(4)", "8"),
    ("fn f(n) { if n > 0 { return }\n 3 }", "[f(1)]", ""),
    ("fn f(n, d = n * 2) { let a = n + d\n let b = a + 1\n b }", "f(1) + f(1, 1)", "7"),
    ("fn f(a, b, c) = \"{a}{b}{c}\"", "f(1, \"x\", [2])", "1x2"),
    ("fn f() = 5", "f() + f()", "10"),
    (
      "fn f(n) { \((0..<60).map { "let v\($0) = n + \($0)\n" }.joined()) "
        + "if n < 1 { return v59 }\n f(n - 1) + v1 }", "f(50)", "1384"
    ),
    ("fn f(n) = g(n) catch 0\nfn g(n) = n + nothing", "f(1)", nil),
    (
      "fn add(a, b) = a + b",
      "do { var t = 0\n for i in 1..3000 { t += add(i, fail \"no\") catch 1 }\n t }", nil
    ),
    ("fn name(x) = x", "count(rows where name(Topic) is \"tea\")", "1"),
    // Records: one place in the program, fields in other places from turn to turn.
    ("let all = [{a: 1, b: 2}, {b: 3, a: 4}, {c: 0, a: 5}]", "sum(for r in all { r.a })", "10"),
    ("var r = {a: 1}\nlet s = r\nr.a = 2", "[r.a, s.a]", "2, 1"),
    (
      "var r = {a: 1}\nlet s = r\nr.b = 2", "[count([r]), json(r), json(s)]",
      "1, {\"a\":1,\"b\":2}, {\"a\":1}"
    ),
    (
      "let all = for i in 1..3 { {n: i} }",
      "for r in all { var c = r\n c.n = c.n * 10\n [c.n, r.n] }", "10, 1, 20, 2, 30, 3"
    ),
    ("var r = {a: {b: 1}}\nr.a.b = 5", "json(r)", "{\"a\":{\"b\":5}}"),
    ("for x in [{Score: 1}, \"t\"] { x.Score catch \"none\" }", "1", "1"),
    // What grows in place is nobody else's.
    ("var a = \"x\"\nlet b = a\na += \"y\"\na = a + \"z\"", "[a, b]", "xyz, x"),
    ("var a = [1]\nlet b = a\na += 2\na = a + [3]", "[count(a), count(b)]", "3, 1"),
    ("var a = [1, 2]\na += a", "a", "1, 2, 1, 2"),
    ("var a = 1\na = a + do { a = 10\n 1 }", "a", "2"),
    // Texts.
    (
      "let n = -12", "\"{n} {n / 5} {(0)} {n * 1_000_000_000_000} {n * -1_000_000_000_000_000}\"",
      "-12 -2.4 0 -12000000000000 12000000000000000"
    ),
    ("fn s(x) = \"<{x}>\"", "\"{s(1)}{s(\"日本\")}{s([1, 2])}\"", "<1><日本><1, 2>"),
    ("let n = nothing", "\"a{n?}b\"", "ab"),
    ("let n = nothing", "(\"a{n}b\" catch \"no\") + \"c\"", "noc"),
  ])
  func evaluates(before: String, source: String, result: String?) async {
    let outcome = await run(before + "\n" + source)
    if let result {
      #expect(outcome.value == result, "\(source): \(outcome.codes)")
    } else {
      #expect(outcome.codes.isEmpty == false || outcome.value != nil)
    }
  }

  // Copied at each turn it would be tens of gigabytes, and minutes.
  @Test(.timeLimit(.minutes(1))) func textsAndListsGrowInPlace() async throws {
    let outcome = await run(
      """
      var text = ""
      var other = ""
      var items = []
      for i in 1..20_000 {
        text += "0123456789"
        other = other + "{i}"
        items += i
      }
      [length(text), length(other), count(items)]
      """)
    #expect(outcome.value == "200000, 88894, 20000")
  }

  // By themselves they would take many minutes.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      "for i in 1..10_000_000 { i * 2 }", "for i in 1..10_000_000 { for j in 1..10 { j } }",
      "fn f(n) = if n < 1 then 0 else f(n - 1) + f(n - 1)\nf(60)",
      "count(for i in 1..10_000_000 { \"{i}\" })",
    ])
  func pureLoopsStop(source: String) async {
    let task = Task {
      await run("for k in 1..10_000_000 { \(source.contains("fn ") ? "1" : source) }")
    }
    let recursion = Task { await run(source) }
    try? await Task.sleep(for: .milliseconds(50))
    task.cancel()
    recursion.cancel()
    #expect(await task.value.codes == ["V399"])
    #expect(await recursion.value.codes == ["V399"])
  }

  /// ``Record/place(in:_:)`` reads the reference from where a value's payload begins.
  @Test func aValueBeginsWithItsPayload() throws {
    let names = RecordNames(["a", "b"])
    var numbers = [1.0, 2.0].makeIterator()
    let record = try Record(names, next: { .number(numbers.next() ?? 0) })
    let guess = PlaceGuess()
    var value = Value.record(record)
    func number(_ value: Value) -> Double? {
      withUnsafePointer(to: value) { Record.place(in: $0, guess)?.pointee.asNumber }
    }
    #expect(number(value) == nil)
    #expect(!Record.set(in: &value, guess, .number(3)))
    guess.remember(1, names.identity)
    #expect(number(value) == 2)
    #expect(number(.text("x")) == nil)
    // The record itself is held here, too.
    #expect(Record.set(in: &value, guess, .number(3)))
    #expect(number(value) == 3)
    #expect(record["b"]?.asNumber == 2)
    #expect(Record.set(in: &value, guess, .text("x")))
    #expect(value.asRecord?["b"]?.asText == "x")
  }

  private func value(of source: String) async -> Value? {
    try? await Interpreter(host: StubHost()).run(SourceText(source, name: "test")).value
  }

  /// The items that a program gives; `nil` where it was refused.
  private func list(of source: String) async throws -> [String]? {
    do {
      let outcome = try await Interpreter(host: StubHost()).run(SourceText(source, name: "test"))
      return outcome.value?.asList?.map(\.display)
    } catch is CheckFailure {
      return nil
    }
  }
}
