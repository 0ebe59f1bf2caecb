import Testing

@testable import Script

@Suite struct FormatterTests {
  private func format(_ text: String) -> String? {
    Formatter.format(SourceText(text, name: "test"), signatures: StubHost().signatures)
  }

  @Test(arguments: [
    ("let   x=1+2*3", "let x = 1 + 2 * 3\n"),
    ("let x = -1\nlet y = 2 - -x", "let x = -1\nlet y = 2 - -x\n"),
    ("fn f( a,b = 1 )=a+b\nprint f(1,b:2)", "fn f(a, b = 1) = a + b\nprint f(1, b: 2)\n"),
    ("if 1==1{print 1}else{print 2}", "if 1 is 1 { print 1 } else { print 2 }\n"),
    ("let r={a:1,b:[1,2]}", "let r = {a: 1, b: [1, 2]}\n"),
    ("for i in 1..3{\nprint i\n}", "for i in 1..3 {\n  print i\n}\n"),
    (
      "for i in 1..3 {\n\n\n  print i\n\n\n  print 2\n\n}",
      "for i in 1..3 {\n  print i\n\n  print 2\n}\n"
    ),
    ("# a\nlet x = 1   # b\n\n\n\n# c\nprint x", "# a\nlet x = 1  # b\n\n# c\nprint x\n"),
    ("let x = 1; print x", "let x = 1\nprint x\n"),
    ("let x =\n1", "let x =\n  1\n"),
    ("let r = {\na: 1,\nb: 2,\n}", "let r = {\n  a: 1,\n  b: 2,\n}\n"),
    ("print \"a  {x}  b\"\n", "print \"a  {x}  b\"\n"),
    ("for i in [1] { let y = i; print y }", "for i in [1] { let y = i; print y }\n"),
    ("#!/usr/bin/env visen\nprint 1", "#!/usr/bin/env visen\nprint 1\n"),
    ("", ""),
  ])
  func hasOneLayout(source: String, wanted: String) {
    #expect(
      format(source.replacing("{x}", with: "{(1)}")) == wanted.replacing("{x}", with: "{(1)}"))
  }

  @Test func aProgramThatCannotBeReadIsLeftAlone() {
    #expect(format("let = 1") == nil)
    #expect(format("print \"a") == nil)
  }

  /// Programs that `Tests/Long/fuzz` found, each made smaller.
  static let found = [
    "use \"Topics\" !=\nrows first 3", "let a = 1 !=\n2", "for x in [1] { print upper(x;) }",
    "let r = {a: 1}\nr.on (\"x\")", "4.do()", "x.in(\"<\")",
    "(1 / 0) catch (problem.message;(1 / 0))",
    "[1, 2\n[1]]", "[1, 2 #]\n[1] + 2, 3]", "for x in [1] { print (6 /;x) }",
    "upper(x\n(1))", "let x = if true\nthen 1\nelse 2", "not\ntrue", "rows first 2 where Score > 1",
    "rows pick Topic first 1 sort by Score where x in rows",
  ]

  @Test(arguments: LanguageTests.sources + found)
  func isStableAndChangesNoMeaning(source: String) throws {
    guard let once = format(source) else { return }
    #expect(format(once) == once)
    // Clauses of queries are put into their order.
    guard !source.contains("first") else { return }
    let words = { (text: String) in
      Lexer.read(SourceText(text, name: "test")).tokens.filter { !$0.isNewline && !$0.isEnd }.map {
        SourceText(text, name: "test").text($0.span)
      }.joined(separator: " ").replacing("==", with: "is").replacing("!=", with: "is not")
    }
    #expect(words(once) == words(source))
  }
}
