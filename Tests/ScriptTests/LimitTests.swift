import Foundation
import Script
import Testing

/// No program takes the machine: each ends, in time and in memory, with a message.
@Suite struct LimitTests {
  @Test(arguments: [
    ("var l = []\nfor i in 1..5_000 { l += [l] }", "V314"),
    ("var l = []\nfor i in 1..5_000 { l = [1, l] }", "V314"),
    ("var r = {a: 1}\nfor i in 1..5_000 { r.a = r }", "V314"),
    ("var r = {a: 1}\nfor i in 1..5_000 { r = {a: r} }", "V314"),
    ("var l = []\nfor i in 1..5_000 { l = for x in [1] { l } }", "V314"),
    ("var s = \"x\"\nfor i in 1..100 { s += s }", "V314"),
    ("join(1..900_000, repeat(\"x\", 100))", "V314"),
    ("replace(repeat(\"a\", 100_000), \"a\", repeat(\"b\", 1_000))", "V314"),
    ("count(1..1_000_000_000)", "V314"),
    ("var x = 2\nfor i in 1..100 { x = x * x }", "V305"),
    (
      "repeat(\"a\", 30) matches '(a|aa)+$' and repeat(\"a\", 60) + \"b\" matches '(a|aa)+$'",
      "V313"
    ),
    ("similarity(repeat(\"a\", 6000), \"b\")", "V314"),
  ])
  func isBounded(source: String, code: String) async {
    let outcome = await run(source)
    #expect(outcome.codes == [code], "\(source)")
  }

  /// A list that was doubled into itself is small in memory, and endless where it is gone through.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      ("a is b", "true"), ("a is not b", "false"), ("a is c", "false"), ("r is s", "true"),
      ("[b, 1] contains a", "true"), ("count(unique([a, b, a, c, r, s]))", "3"),
      ("count([a, b, c] - [a])", "1"), ("index_of([c, b], a)", "1"),
      ("(print a) catch problem.code", "V314"), ("\"{a}\" catch problem.code", "V314"),
      ("json(a) catch problem.code", "V314"), ("json(r) catch problem.code", "V314"),
      ("text(r) catch problem.code", "V314"), ("join([a, b]) catch problem.code", "V314"),
      ("csv([{x: a}]) catch problem.code", "V314"), ("length(a)", "2"), ("count(flatten(a))", "4"),
    ])
  func whatIsSharedOverAndOverIsBounded(source: String, result: String) async {
    let doubled = """
      let words = repeat("x", 100_000)
      var a = [words]
      var b = [words]
      var c = [2]
      var r = {x: words}
      var s = {x: words}
      for i in 1..60 {
        a = [a, a]
        b = [b, b]
        c = [c, c]
        r = {x: r, y: r}
        s = {x: s, y: s}
      }
      fn print_it(x) = do { print x
        "" }

      """
    let source = source.replacing("(print a)", with: "print_it(a)")
    let interpreter = Interpreter(host: StubHost())
    let value = try? await interpreter.run(SourceText(doubled + source, name: "test")).value
    #expect(value?.display == result, "\(source)")
  }

  @Test func aProgramHasALength() async {
    let outcome = await run(String(repeating: "print 1\n", count: 510_000))
    #expect(outcome.codes == ["V005"])
  }

  @Test func aLongChainIsRefusedAndNotWalked() async {
    for part in ["1+", "x.", "true and ", "1 ?? ", "not "] {
      let outcome = await run(String(repeating: part, count: 200_000) + "1")
      #expect(outcome.codes.first == "V013" || outcome.codes.first == "V012", "\(part)")
    }
  }

  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      "for i in 1..1_000_000_000 { let x = i * 2 }", "for i in 1..1_000_000_000 parallel 2 { i }",
      "fn f(n) = if n > 60 then 0 else f(n + 1) + f(n + 1)\nf(0)",
      "every 1s { let x = 1 }", "retry 1000 { fail \"again\" }",
    ])
  func isStoppedInTheMiddle(source: String) async {
    let interpreter = Interpreter(host: StubHost())
    let work = Task { () -> String in
      do {
        _ = try await interpreter.run(SourceText(source, name: "test"))
        return "ended"
      } catch {
        return (error as? ScriptError)?.code ?? "\(error)"
      }
    }
    try? await Task.sleep(for: .milliseconds(50))
    work.cancel()
    let code = await work.value
    // A parallel loop over a list of that length does not even begin.
    #expect(code == "V399" || code == "V314", "\(source)")
  }

  /// The same program gives the same, one after the other and side by side.
  @Test func parallelGivesTheSame() async {
    let program = { (width: String) in
      """
      let numbers = for x in 1..200 \(width) {
        if x % 7 is 0 { skip }
        print "{x}"
        for row in rows where Score > 2 { print "{x} {row.Topic} {row.body}" }
        ai "about {x}"
      }
      join(numbers)
      """
    }
    let one = await run(program(""))
    let many = await run(program("parallel 8"))
    #expect(one.codes.isEmpty)
    #expect(one.value == many.value)
    #expect(one.lines == many.lines)
    #expect(one.lines.count > 400)
  }
}
