import Script
import Testing

@testable import Shell

/// What Tab finds: `|` is the cursor, what stands behind the arrow must be among the first candidates.
@MainActor struct CompletionTests {
  static let shape = Shape(
    name: "Blog",
    fields: [
      Field(name: "Topic", kind: .text, isWritable: true, typeName: "title"),
      Field(name: "Due date", kind: .date, isWritable: true, typeName: "date"),
      Field(
        name: "Status", kind: .option, isWritable: true, options: ["To do", "In progress", "Done"],
        typeName: "status"),
      Field(name: "Score", kind: .number, isWritable: true, typeName: "number"),
      Field(name: "Edited", kind: .date, isWritable: false, typeName: "last_edited_time"),
      Field(name: "題名", kind: .text, isWritable: true, typeName: "rich_text"),
    ])

  static var facts: CompletionFacts {
    var facts = CompletionFacts()
    facts.shape = shape
    facts.connections = ["Blog", "Blog topics", "日記"]
    facts.variables = ["limit"]
    facts.functions = ["shout"]
    facts.prompts = ["translate the topic", "Say {Due date}, \"not\" \\{x\\}"]
    facts.promptNames = ["intro", "short {x}"]
    facts.models = ["gemini/gemini-3.5-flash"]
    let titles = ["learning is fun", "learning \"hard\"", "notion is best tool", "学ぶ"]
    facts.rows = RowWords(
      titles.enumerated().map { place, title in
        Row(
          id: "\(place)", title: title, shape: shape,
          values: [.text(title), .nothing, .text("Done"), .number(1), .nothing, .nothing])
      })
    return facts
  }

  static func complete(_ text: String) -> CompletionAnswer {
    let before = text.prefix { $0 != "|" }
    let whole = text.filter { $0 != "|" }
    return Completion(signatures: CommandCatalog.signatures)
      .candidates(in: whole, at: before.utf8.count, knowing: facts)
  }

  @Test(arguments: [
    ("conn|", "connect"), ("connect \"X\" to |", "template"), ("connect \"X\" to |", "page"),
    ("connect \"X\" |", "to template"),
    ("use |", "\"Blog\""), ("use \"Bl|", "Blog topics\""), ("disconnect \"日|", "日記\""),
    ("rows |", "where"), ("rows |", "sort by"), ("rows of |", "\"Blog\""),
    ("rows where |", "Topic"), ("rows where D|", "`Due date`"), ("rows where `D|", "`Due date`"),
    ("rows where 題|", "題名"), ("rows where Status |", "is"),
    ("rows where Status is |", "\"Done\""), ("rows where Status is \"|", "To do\""),
    ("rows where Status is not \"D|", "Done\""),
    ("rows where Topic is \"lear|", "learning is fun\""),
    ("rows where Topic is \"learning \\|", "learning \\\"hard\\\"\""),
    ("rows where Topic starts with \"学|", "学ぶ\""), ("rows where Topic is |", "\"learning is fun\""),
    ("rows where Score > 3 and |", "Score"), ("rows where Score > 3 |", "sort by"),
    ("rows sort |", "by"), ("rows sort by |", "`Due date`"), ("rows pick |", "Topic"),
    ("generate |", "Topic"), ("generate Topic, |", "Status"), ("generate Topic |", "with"),
    ("generate Topic with |", "\"translate the topic\""), ("generate using |", "gemini"),
    ("generate Topic with \"about {|", "Topic}"), ("generate Topic with \"about {Du|", "Due date}"),
    ("generate Topic with \"about {Due d|", "Due date}"),
    ("prompt \"about {upper(To|", "Topic"), ("try \"{|", "Topic}"), ("print \"{|", "limit}"),
    ("save rows |", "to"), ("for row in rows |", "parallel"), ("for row in |", "rows"),
    ("for x in rows { print x.|", "Topic"), ("if lim|", "limit"), ("print upp|", "upper("),
    ("print sho|", "shout("), ("let x = |", "try"), ("ai \"x\" |", "as"),
    ("ai \"x\" as |", "number"), ("ai |", "prompt"), ("let x = ai pro|", "prompt"),
    ("ai prompt |", "\"intro\""), ("ai prompt \"in|", "intro\""), ("ai prompt \"intro\" |", "on"),
    ("prompt |", "\"intro\""), ("prompt \"in|", "intro\""),
    ("prompt \"tr|", "translate the topic\""),
    ("prompt \"Say|", "Say {Due date}, \\\"not\\\" \\{x\\}\""),
    ("try |", "\"Say {Due date}, \\\"not\\\" \\{x\\}\""), ("prompt 'tr|", "translate the topic'"),
    ("try |", "prompt"), ("try prompt |", "\"intro\""), ("try prompt \"i|", "intro\""),
    ("try prompt \"sh|", "short \\{x}\""), ("try \"x\" against prompt \"|", "intro\""),
    ("plan Content with prompt \"|", "intro\""), ("generate with |", "prompt"),
    ("ai \"x\" using |", "gpt"), ("set |", "temperature"), ("set engine |", "practice"),
    ("set conflict |", "overwrite"), ("set engine pr|", "practice"),
    ("set conflict o|", "overwrite"), ("set eng|", "engine"), ("help gen|", "generate"),
    ("key |", "notion"), ("key gpt |", "from command"), ("key gpt from |", "command"),
    ("history |", "where"), ("undo |", "rows"), ("rows\nrows whe|", "where"),
  ])
  func found(_ text: String, _ wanted: String) {
    let answer = CompletionTests.complete(text)
    #expect(
      answer.candidates.contains { $0.text == wanted },
      "\(text): \(answer.candidates.prefix(12).map(\.text))")
  }

  @Test(arguments: [
    ("generate |", "Edited"), ("generate Ed|", "Edited"), ("rows where Status is \"|", "Topic"),
    ("print \"{|", "Topic}"), ("rows where |", "connect"), ("use |", "rows"),
    ("set engine |", "Topic"),
    ("# conn|", "connect"), ("print 'conn|", "connect"), ("rows |", "parallel"),
    ("generate Topic with \"a\" |", "with"),
  ])
  func notFound(_ text: String, _ unwanted: String) {
    let answer = CompletionTests.complete(text)
    #expect(
      !answer.candidates.contains { $0.text == unwanted },
      "\(text): \(answer.candidates.prefix(12).map(\.text))")
  }

  @Test func kindsAndOrder() {
    let answer = CompletionTests.complete("rows where S|")
    #expect(answer.candidates.map(\.text).prefix(2) == ["Status", "Score"])
    #expect(answer.candidates.first?.kind == "property, status")
    #expect(CompletionTests.complete("rows where Topic is \"learn|").common.hasPrefix("learning "))
    // What was used often stands before what was not, among its equals.
    let often = Completion(signatures: CommandCatalog.signatures) { $0 == "undo" ? 9 : 0 }
      .candidates(in: "u", at: 1, knowing: CompletionFacts())
    #expect(often.candidates.first?.text == "undo")
  }

  /// Nothing that is typed makes the search trap.
  @Test func anyText() {
    let pieces = [
      "rows", " ", "where ", "\"", "'", "`", "{", "}", "(", ")", "is ", "Topic", "\"\"\"", "\\",
      "日",
      "\n", ".", ",", "=", "let x = ", "generate ", "ai ", "#", "👩‍💻", "\u{301}", "1",
    ]
    var state: UInt64 = 7
    for _ in 0..<3_000 {
      var text = ""
      for _ in 0..<8 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text += pieces[Int(state >> 33) % pieces.count]
      }
      for cursor in [-1, text.utf8.count, text.utf8.count / 2, text.utf8.count + 5] {
        let answer = Completion(signatures: CommandCatalog.signatures)
          .candidates(in: text, at: cursor, knowing: CompletionTests.facts)
        #expect(answer.start <= max(0, cursor))
      }
      let roles = Interpreter.roles(
        of: SourceText(text, name: ""),
        signatures: Dictionary(
          CommandCatalog.signatures.map { ($0.name, $0) }, uniquingKeysWith: { $1 }))
      #expect(roles.count == text.unicodeScalars.count)
    }
  }
}

/// How a text is painted while it is typed.
@MainActor struct PaintTests {
  @Test(arguments: [
    ("generate Topic", "cccccccc      "), ("print 12", "ccccc nn"), ("\"a{b}c\"", "sshhhss"),
    ("upper(x)", "fffff   "), ("1 # no", "n ####"), ("rows where x is 日", "cccc ccccc   cc  "),
    ("'日本'", "ssss"), ("x = = 3", "    ! n"),
  ])
  func roles(_ text: String, _ wanted: String) {
    let helper = TypingHelper()
    helper.learn(CommandCatalog.signatures)
    #expect(helper.paint(text) == wanted)
  }

  @Test func pastes() {
    let helper = TypingHelper()
    helper.learn(CommandCatalog.signatures)
    var facts = CompletionFacts()
    facts.connections = ["Blog"]
    helper.know(facts)
    #expect(helper.cleaned("visen> rows\nBlog (3 rows) · gpt> undo") == "rows\nundo")
    #expect(helper.cleaned("Blog> rows") == "rows")
    #expect(helper.cleaned("Blogger> 3") == "Blogger> 3")
    #expect(helper.cleaned("か\u{3099}") == "が")
    #expect(TypingHelper.composed(0x65, 0x301) == 0xE9)
    #expect(TypingHelper.composed(0x65, 0x20DD) == 0)
  }

  @Test(arguments: [
    ("generate?", "generate"), (" Topic? ", "Topic"), ("`Due date`?", "Due date"),
    ("V203?", "V203"),
    ("\"Blog topics\"?", "Blog topics"),
  ])
  func questions(_ text: String, _ topic: String) {
    #expect(HelpQuestion.topic(of: text) == topic)
  }

  @Test(arguments: ["? plain words", "x ?? 3", "print \"a?\"", "?", "a b?", "rows where x?"])
  func noQuestions(_ text: String) { #expect(HelpQuestion.topic(of: text) == nil) }
}
