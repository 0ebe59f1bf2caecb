import Testing

@testable import Shell

/// What reaches the terminal.
struct OutputTests {
  static let attacks = [
    "\u{1B}[2J\u{1B}[H", "\u{1B}]0;title\u{7}", "\u{1B}]52;c;aGk=\u{7}", "\u{9B}31m",
    "ok\rforged", "a\u{8}\u{8}b", "\u{202E}evil\u{2066}", "\u{200F}x\u{061C}",
    "x\u{E0041}\u{E007F}", "\u{FEFF}\u{2060}y", "\u{1B}]8;;http://evil\u{1B}\\link", "\u{0}\u{7F}",
    "a\u{2028}b\u{2029}c", "\u{1B}P1;2q\u{1B}\\", "\u{1B}c",
  ]

  static func isHarmless(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { scalar in
      switch scalar.value {
      case 0x0A: true
      case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F,
        0x061C, 0xFEFF, 0x2060, 0xE0000...0xE0FFF:
        false
      default: true
      }
    }
  }

  @Test(arguments: attacks) func cleaned(_ attack: String) {
    #expect(OutputTests.isHarmless(Sanitizer.text(attack)))
    #expect(OutputTests.isHarmless(Sanitizer.line(attack + "\n\t")))
    #expect(!Sanitizer.line(attack + "\n").contains("\n"))
  }

  /// A stream gives the same in whatever pieces it comes, and nothing dangerous on the way.
  @Test(arguments: attacks + ["日本語 👩‍💻 e\u{301} か\u{3099} 🇯🇵", "a\r\nb\n", "", "plain"])
  func streamed(_ text: String) {
    let bytes = Array(text.utf8)
    let whole = Sanitizer.text(text.replacing("\r\n", with: "\n"))
    for size in 1...7 {
      var cleaner = StreamCleaner()
      var result = ""
      var place = 0
      while place < bytes.count {
        let piece = cleaner.take(bytes: bytes[place..<min(bytes.count, place + size)])
        #expect(OutputTests.isHarmless(piece))
        result += piece
        place += size
      }
      result += cleaner.finish()
      #expect(result == whole, "pieces of \(size)")
      #expect(result.unicodeScalars.elementsEqual(whole.unicodeScalars))
    }
  }

  @Test func brokenStream() {
    var cleaner = StreamCleaner()
    #expect(cleaner.take(bytes: [0x61, 0xFF, 0x62]) == "a\u{FFFD}")
    #expect(cleaner.finish() == "b")
    #expect(cleaner.take(bytes: [0xE6, 0x97]) + cleaner.finish() == "\u{FFFD}")
    // One character without end is not held back for ever.
    let marks = String(repeating: "\u{301}", count: 5_000)
    #expect(!cleaner.take("e" + marks).isEmpty)
  }

  @Test func tables() {
    let table = Table(
      columns: [
        Table.Column(name: "Name", isNumeric: false), Table.Column(name: "N", isNumeric: true),
        Table.Column(name: "Long", isNumeric: false),
      ],
      rows: [
        [.text("日本語"), .number("7"), .text(String(repeating: "long ", count: 40))],
        [.text("two\nlines"), .empty, .text("\u{1B}[31mred")],
      ])
    for width in [20, 30, 40, 80, 200] {
      let layout = Table.Layout(
        width: width, style: .plain, numbersRows: true, isTerminal: true)
      for line in table.rendered(layout).split(separator: "\n") {
        #expect(DisplayWidth.of(String(line)) <= width, "\(width): \(line)")
      }
      #expect(OutputTests.isHarmless(table.rendered(layout)))
    }
    let narrow = table.rendered(Table.Layout(width: 22, style: .plain, isTerminal: true))
    #expect(narrow.contains("+1 column: Long"))
    let moving = table.rendered(
      Table.Layout(
        width: 80, style: .plain, isTerminal: true, movesCursor: true,
        links: [
          "https://www.notion.so/0123", nil,
        ]))
    #expect(moving.contains("\u{1B}[") && moving.contains("\u{1B}]8;;https://www.notion.so/0123"))
    #expect(Style.plain(moving).contains("日本語 │"))
  }

  @Test(arguments: [
    "javascript:alert(1)", "https://a b", "https://x\u{1B}]", "file:///etc/passwd", "https://日本",
    "https://x/" + String(repeating: "a", count: 3000),
  ])
  func refusedLinks(_ address: String) { #expect(Style.link("text", to: address) == "text") }

  /// The option, NO_COLOR, FORCE_COLOR, TERM, CLICOLOR, the terminal: in this order.
  @Test(arguments: [
    (ColorChoice.always, ["NO_COLOR": "1"], false, true),
    (.never, ["FORCE_COLOR": "1"], true, false),
    (.auto, ["NO_COLOR": "1", "CLICOLOR_FORCE": "1"], true, false),
    (.auto, ["NO_COLOR": ""], true, true),
    (.auto, ["FORCE_COLOR": "1", "TERM": "dumb"], false, true),
    (.auto, ["FORCE_COLOR": "0"], false, false),
    (.auto, ["TERM": "dumb"], true, false), (.auto, ["CLICOLOR": "0"], true, false),
    (.auto, [:], true, true), (.auto, [:], false, false),
  ])
  func colors(
    _ choice: ColorChoice, _ environment: [String: String], _ isTerminal: Bool, _ isOn: Bool
  ) {
    #expect(
      Style(choice: choice, isTerminal: isTerminal, variable: { environment[$0] }).isOn == isOn)
  }

  @Test func markdown() {
    let view = MarkdownView(
      width: 30, style: Style(choice: .always, isTerminal: true), isTerminal: true
    )
    let drawn = view.rendered(
      """
      # Head
      Some **bold** and `code` words that are longer than a line
      - first
        - [x] done
      > quoted
      | a | b |
      | --- | --- |
      | 1 | 日本 |
      ```
      let x = 1
      ```
      ---
      [here](https://evil.example)\u{1B}[2J
      """)
    let plain = Style.plain(drawn)
    for wanted in ["Head", "• first", "  ☑ done", "│ quoted", "a │ b", "1 │ 日本", "let x = 1"] {
      #expect(plain.contains(wanted), "\(plain)")
    }
    #expect(!plain.contains("**") && !plain.contains("\u{1B}") && !drawn.contains("]8;;"))
    for line in plain.split(separator: "\n") { #expect(DisplayWidth.of(String(line)) <= 42) }
  }

  @Test func promptLine() {
    var line = PromptLine()
    #expect(line.text(form: "full", columns: 100, style: .plain) == "visen> ")
    line = PromptLine(
      connection: "Blog", selected: 3, engine: "gpt", left: "9 left", run: "run 2: 1 of 3 left")
    #expect(
      line.text(form: "full", columns: 120, style: .plain)
        == "Blog (3 rows) · gpt · 9 left · run 2: 1 of 3 left> ")
    #expect(line.text(form: "full", columns: 40, style: .plain) == "Blog (3)> ")
    #expect(line.text(form: "short", columns: 120, style: .plain) == "Blog (3)> ")
    #expect(line.text(form: "{connection}:{engine} $", columns: 80, style: .plain) == "Blog:gpt $ ")
    line.connection = "\u{1B}[31m\u{1}日本" + String(repeating: "x", count: 300)
    let long = line.text(form: "full", columns: 80, style: .plain)
    #expect(OutputTests.isHarmless(long) && DisplayWidth.of(long) <= 44)
  }

  @Test(arguments: [
    ("let k = \"sk-proj-0123456789abcdefghij\"", true), ("key gpt", false),
    ("print \"sk-short\"", false),
    ("x ntn_0123456789abcdefghij y", true), ("rows where Topic is \"secret_santa\"", false),
  ])
  func keysInStatements(_ text: String, _ holdsKey: Bool) {
    #expect(SecretText.holdsKey(text) == holdsKey)
  }
}
