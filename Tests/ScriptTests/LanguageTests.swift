import Script
import Synchronization
import Testing

@Suite struct LanguageTests {
  /// Programs and the values they give.
  static let programs: [(source: String, result: String?)] = [
    ("1 + 2 * 3", "7"),
    ("(1 + 2) * 3", "9"),
    ("7 % 3", "1"),
    ("-7 % 3", "2"),
    ("\"a\" + \"b\"", "ab"),
    ("[1, 2] + [3]", "1, 2, 3"),
    ("2025-01-31 + 1d", "2025-02-01"),
    ("2025-03-01 - 2025-02-01", "4w"),
    ("1..4", "1, 2, 3, 4"),
    ("nothing ?? 5", "5"),
    ("if 2 > 1 then \"yes\" else \"no\"", "yes"),
    ("\"Kana\" contains \"kAnA\"", "true"),
    ("\"ＡＢＣ\" starts with \"abc\"", "true"),
    ("3 in [1, 2, 3]", "true"),
    ("3 not in [1, 2, 3]", "false"),
    ("\" \" is empty", "true"),
    ("{a: 1, b: [2]}.b", "2"),
    ("[1, 2, 3][-1]", "3"),
    ("\"x={1}\"", "x={1}"),
    ("'it''s {not} a hole'", "it's {not} a hole"),
    ("\"{\"a\": 1}\"", nil),
    ("let a = 4\n\"n={a} {a + 1}\"", "n=4 5"),
    ("\"\"\"\n  one\n    two\n  \"\"\"", "one\n  two"),
    ("fn f(a, b = 2) = a * b\nf(3)", "6"),
    ("fn f(a, b = 2) = a * b\nf(b: 5, a: 2)", "10"),
    ("fn f(n) { if n < 2 { return n }\n return f(n - 1) + f(n - 2) }\nf(12)", "144"),
    ("for x in [1, 2, 3] { if x is 2 { skip }\n x * 10 }", "10, 30"),
    ("for x in [1, 2, 3] { if x is 2 { stop }\n x }", "1"),
    (
      "for x in 1..20 parallel 8 { x * 2 }",
      "2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40"
    ),
    ("(1 / 0) catch problem.code", "V305"),
    ("retry 3 { fail \"no\" } catch \"gave up after {problem.attempts}\"", "gave up after 3"),
    ("do { let x = 2\n x * 2 }", "4"),
    ("var t = 0\nfor x in 1..10 { t += x }\nt", "55"),
    ("var r = {n: 1}\nr.n = r.n + 1\nr.m = \"new\"\njson(r)", "{\"n\":2,\"m\":\"new\"}"),
    ("count(rows where Generate)", "2"),
    ("for r in rows where Score > 2 sort by Score desc { r.Topic }", "抹茶, tea"),
    ("for r in rows sort by Score first 2 { r.Topic }", "tea, 抹茶"),
    ("for r in rows where Topic starts with \"T\" { r.Topic }", "tea"),
    ("first(for r in rows { r.body })", "body of tea"),
    ("ai \"Rate\" as number 0..10", "5"),
    ("题名", nil),
    ("let 題名 = \"x\"\n題名", "x"),
    ("1;2;3", "3"),
    ("let\u{3000}x\u{3000}=\u{3000}5\nx", "5"),
  ]

  /// The programs alone, and whole example scripts.
  static let sources: [String] = programs.map(\.source)

  @Test(arguments: programs)
  func evaluates(source: String, result: String?) async {
    let outcome = await run(source)
    #expect(outcome.value == result, "\(source): \(outcome.codes)")
  }

  @Test(arguments: [
    ("rows were Generate", "V012"),
    ("\"abc", "V002"),
    ("rows where Generate = true", "V014"),
    ("print row.Topic", "V106"),
    ("for row in rows { row.Contnet = \"x\" }", "V101"),
    ("for row in rows { print row.Due }", "V101"),
    ("for row in rows { row.Score = \"high\" }", "V203"),
    ("for row in rows { row.Score = ai \"Rate {row.Topic}\" }", "V203"),
    ("for row in rows where Topic { print row.Topic }", "V204"),
    ("rows where Tags is \"a\"", "V205"),
    ("for row in rows { row.Made = 2025-01-01 }", "V206"),
    ("let Score = 5\nrows where Score > Score", "V018"),
    ("var t = 0\nfor x in 1..3 parallel 2 { t = t + x }", "V107"),
    ("let a = \"like {title: text}\"", "V021"),
    ("let x = 1\nlet x = 2", "V104"),
    ("let x = 1\nx = 2", "V105"),
    ("return 3", "V111"),
    ("skip", "V113"),
    ("upper()", "V108"),
    ("uper(\"a\")", "V102"),
    ("let rows = 3", "V115"),
    ("use \"Topicz\"", "V403"),
    ("generate Nonsense", "V101"),
    ("rows where (ai \"x\") is \"y\"", "V112"),
    ("if 1 { }", "V204"),
    ("1 < 2 < 3", "V012"),
    ("2025-13-01", "V004"),
    ("for x in rows {", "V011"),
    ("a b", "V103"),
    ("1 + \"a\"", "V207"),
    ("nothing + 1", "V303"),
    ("fn f(n) = f(n + 1)\nf(1)", "V307"),
    ("[1][5]", "V308"),
    ("1e", "V004"),
    ("assert 1 > 2", "V311"),
    ("print \"{nothing ?? nothing}\"", "V304"),
  ])
  func refuses(source: String, code: String) async {
    let outcome = await run(source)
    #expect(outcome.codes.first == code, "\(source): \(outcome.codes) \(outcome.value ?? "")")
  }

  @Test(arguments: [
    "for x in rows {", "let x =", "rows where", "if true {\n print 1", "[1, 2", "\"\"\"\nabc",
    "1 +", "f(",
  ])
  func waitsForMore(source: String) {
    let check = Interpreter.parse(SourceText(source, name: "t"), signatures: StubHost().signatures)
    #expect(check.isIncomplete)
  }

  @Test func assignmentsAreStagedAndSentOncePerRow() async {
    let host = StubHost()
    let outcome = await run(
      """
      for row in rows where Generate {
        row.Content = "about {row.Topic}"
        row.Score = length(row.Content)
      }
      """, on: host)
    #expect(outcome.codes.isEmpty)
    let writes = host.state.withLock { $0.writes }
    #expect(writes.map(\.row) == ["tea", "抹茶"])
    #expect(writes.allSatisfy { $0.changes.count == 2 })
  }

  @Test func aFailedBodyWritesNothingAndIsCounted() async {
    let host = StubHost()
    let outcome = await run(
      """
      for row in rows on error continue {
        row.Content = "x"
        if row.Topic is "coffee" { fail "no coffee" }
      }
      """, on: host)
    #expect(outcome.failures.map(\.title) == ["coffee"])
    #expect(outcome.failures.first?.message == "no coffee")
    #expect(host.state.withLock { $0.writes }.map(\.row) == ["tea", "抹茶"])
  }

  @Test func parallelLinesComeInOrder() async {
    let outcome = await run("for x in 1..30 parallel 8 { print \"{x}\" }")
    #expect(outcome.lines == (1...30).map(String.init))
  }

  @Test func holesKeepDataApartAndAreNotScannedAgain() async {
    let host = StubHost()
    _ = await run("let evil = '{Topic} {1 + 1}'\nai \"say {evil}\"", on: host)
    #expect(host.state.withLock { $0.prompts } == ["say {Topic} {1 + 1}"])
  }

  @Test func commandsReadTheirSlots() async {
    let outcome = await run(
      "generate Content, Tags with \"Write about {Topic}\" on rows\nset engine practice")
    #expect(
      outcome.lines == ["generate [\"Content\", \"Tags\"] Write about tea", "set engine practice"])
  }

  @Test func everyFunctionIsDocumentedSortedAndShowsTheTruth() async {
    #expect(Function.all.map(\.name) == Function.all.map(\.name).sorted())
    #expect(Set(Function.all.map(\.name)).count == Function.all.count)
    for function in Function.all {
      #expect(!function.summary.isEmpty)
      for example in function.examples {
        let outcome = await run(example.source)
        #expect(outcome.value == example.result, "\(example.source)")
      }
    }
  }

  /// Any text whatever gives a tree and diagnostics, never a crash.
  @Test func survivesMutations() async {
    let seeds = [
      "for row in rows where Generate and Content is empty sort by `Due date` desc first 20 parallel 4 { row.Content = ai \"Write about {row.Topic}\" as text using \"gpt/x\" }",
      "fn f(a, b = 1) = if a > b then a else b\nlet x = f(1, b: 2) ?? [1, 2][0]",
      "fn f(x) = ai prompt \"intro\" on x as {a: number 1..5} using gpt\nfor row in rows { print ai prompt \"a\" }",
      "generate A, B with \"{x} {Due date} {upper(Topic)?}\" on sample 3 rows where x matches '.*'",
      "\"\"\"\n  a {b}\n  \"\"\" catch retry 3 { do { 1..2 } }",
    ].map { Array($0.utf8) }
    var random = Generator(state: 42)
    let interpreter = Interpreter(host: StubHost())
    for _ in 0..<4000 {
      var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
      for _ in 0..<(random.next() % 6 + 1) {
        let place = Int(random.next() % UInt64(max(1, bytes.count)))
        switch random.next() % 3 {
        case 0 where !bytes.isEmpty: bytes.remove(at: place)
        case 1: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: min(place, bytes.count))
        default:
          bytes.insert(
            contentsOf: "{}()[]\"'`\n".utf8.prefix(Int(random.next() % 5) + 1),
            at: min(place, bytes.count))
        }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      let result = await interpreter.check(SourceText(text, name: "m"))
      #expect(result.diagnostics.count <= 10)
    }
  }

  @Test func deepNestingIsRefused() async {
    for text in [
      String(repeating: "(", count: 10_000), String(repeating: "[", count: 10_000),
      "let x = " + String(repeating: "-", count: 10_000) + "1",
      String(repeating: "not ", count: 10_000) + "true",
      String(repeating: "if true { ", count: 5_000),
      String(repeating: "\"{(", count: 1_000),
    ] {
      let outcome = await run(text)
      #expect(!outcome.codes.isEmpty)
    }
  }
}

struct Generator: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state >> 16
  }
}
