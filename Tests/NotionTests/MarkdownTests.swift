import Notion
import Testing
import Transport

@Suite struct MarkdownTests {
  /// Texts as models write them: each reads back as the same blocks.
  static let samples = [
    "# One\n\n## Two\n\n### Three\n\nplain",
    "A **bold**, *italic*, ~~gone~~ and `code` word with a [link](https://a.b/c).",
    "***both*** and **bold with *italic* inside**",
    "- one\n- two\n  - inner\n    - deeper\n- three",
    "1. one\n2. two\n   1. inner\n3. three",
    "- [ ] open\n- [x] done",
    "> a quote\n> of two lines",
    "```swift\nlet x = 1\n\nprint(x)\n```",
    "```\nno language\n```",
    "| a | b |\n| --- | --- |\n| 1 | **2** |\n| 3 | |",
    "one\n\n---\n\ntwo",
    "日本語の段落です。\n\n- 箇条書き\n- 「二つ目」",
    "emoji 👩‍👩‍👧 and مرحبا",
    "A line\\\nand its second.",
    "Escaped \\*stars\\* and \\# and 1\\. and \\[brackets\\]",
    "Text with <tags> & ampersands",
    "1. one\n\n   second paragraph\n2. two",
    "- item\n\n  ```python\n  print(1)\n  ```",
    "https://example.com/path?x=1&y=2",
    "Price: $5 and $6",
    "a * b * c and 2 * 3 * 4",
    "snake_case_word and __init__",
    "# Heading with `code` and **bold**",
    "> quote\n>\n> - list in it",
    "",
    "   \n\n   ",
    "Line one  \nline two after two spaces",
    "* star list\n* second\n\n+ plus list",
    "Final line without an end",
  ]

  @Test(arguments: samples)
  func staysTheSameAfterOneRound(source: String) {
    let blocks = Markdown.blocks(from: source)
    let once = Markdown.text(from: blocks)
    let again = Markdown.blocks(from: once)
    #expect(Markdown.text(from: again) == once, "\(source.debugDescription)")
    #expect(again.map(\.type) == blocks.map(\.type))
    #expect(plain(again) == plain(blocks))
  }

  @Test func kindsAndNesting() {
    let blocks = Markdown.blocks(
      from: "- a\n  - b\n\n| x | z |\n| --- | --- |\n| y | w |\n\n- [x] z")
    #expect(blocks.map(\.type) == ["bulleted_list_item", "table", "to_do"])
    #expect(blocks[0].children.map(\.plainText) == ["b"])
    #expect(blocks[1].children.map(\.plainText) == ["x | z", "y | w"])
    #expect(blocks[2].payload["checked"] == true)
  }

  @Test func formulasStandApartAndMoneyDoesNot() {
    let blocks = Markdown.blocks(
      from: "It costs $5 and $6, $x_1 * y$.\n\n$$\na \\\\ b\n$$\n\n`$a$` \\(z\\)")
    #expect(blocks.map(\.type) == ["paragraph", "equation", "paragraph"])
    let items = blocks[0].payload["rich_text"]?.array ?? []
    #expect(items.map { $0["equation"]?["expression"]?.string } == [nil, "x_1 * y", nil])
    #expect(blocks[0].plainText == "It costs $5 and $6, x_1 * y.")
    #expect(blocks[1].payload["expression"]?.string == "a \\\\ b")
    #expect(blocks[2].plainText == "$a$ z")
  }

  @Test func japaneseEmphasisNeedsNoSpaces() {
    let blocks = Markdown.blocks(from: "これは**「強調」**です。")
    let items = blocks[0].payload["rich_text"]?.array ?? []
    #expect(items.map { RichText.plainText(of: [$0]) } == ["これは", "「強調」", "です。"])
    #expect(items[1]["annotations"]?["bold"] == true)
    #expect(Markdown.text(from: blocks) == "これは**「強調」**です。")
  }

  @Test func calloutsTogglesAndImages() {
    let blocks = Markdown.blocks(
      from: """
        > [!TIP]
        > Short.

        <details>
        <summary>More</summary>

        - a

        </details>

        ![A cat](https://example.com/c.png)

        <!-- nobody reads this -->
        """)
    #expect(blocks.map(\.type) == ["callout", "toggle", "image"])
    #expect(blocks[0].payload["icon"]?["emoji"]?.string == "💡")
    #expect(blocks[1].plainText == "More" && blocks[1].children.map(\.plainText) == ["a"])
    #expect(blocks[2].plainText == "A cat")
  }

  @Test func mentionsAreLinksOfTheirOwnKind() {
    let text =
      "Ask [@Ada](user://38c9ce7b-60a4-819d-92fa-eed199096814) by [May](date:2026-05-01/2026-05-31)"
    let items = Markdown.items(from: text)
    #expect(items[1]?["mention"]?["user"]?["id"] == "38c9ce7b-60a4-819d-92fa-eed199096814")
    #expect(items[3]?["mention"]?["date"]?["end"] == "2026-05-31")
    #expect(Markdown.text(fromItems: items) == text)
    // Nothing that begins a block is one in a text.
    #expect(Markdown.text(fromItems: Markdown.items(from: "# no heading")) == "# no heading")
  }

  @Test func formattingStaysWhenOnlyTheWordsAroundItChange() throws {
    let old: JSON = [
      ["type": "text", "text": ["content": "Read "], "plain_text": "Read "],
      [
        "type": "text", "text": ["content": "this page", "link": ["url": "https://a.b/"]],
        "annotations": ["bold": true], "plain_text": "this page",
      ],
      ["type": "text", "text": ["content": " before "], "plain_text": " before "],
      [
        "type": "mention",
        "mention": [
          "type": "user", "user": ["object": "user", "id": "u", "name": "Ada", "person": [:]],
        ], "plain_text": "@Ada",
      ],
      ["type": "text", "text": ["content": " comes."], "plain_text": " comes."],
    ]
    let new = try #require(RichText.rewritten(old, to: "Please read this page before @Ada leaves."))
    #expect(RichText.plainText(of: new) == "Please read this page before @Ada leaves.")
    let styled = try #require(new.array?.first { $0["annotations"]?["bold"] == true })
    #expect(styled["text"]?["content"] == "this page" && styled["text"]?["link"]?["url"] != nil)
    let mention = try #require(new.array?.first { $0["mention"] != nil })
    #expect(mention["mention"]?["user"] == ["id": "u"])
    // Another text gets none of the old styles, and a plain one has none to keep.
    #expect(RichText.rewritten(old, to: "Something else, with this page in it by chance") == nil)
    #expect(RichText.rewritten([["text": ["content": "plain"]]], to: "plain text") == nil)
  }

  @Test func longTextIsSplitWithoutBreakingACharacter() throws {
    let family = "👩‍👩‍👧"
    let text = String(repeating: "é", count: 1999) + family + String(repeating: "漢", count: 5000)
    let parts = RichText.split(text)
    #expect(parts.joined() == text)
    #expect(parts.allSatisfy { $0.utf16.count <= 2000 && !$0.isEmpty })
    #expect(parts.contains { $0.contains(family) })
    #expect(RichText.split("").isEmpty)
  }

  private func plain(_ blocks: [Block]) -> [String] {
    blocks.flatMap { [$0.plainText] + plain($0.children) }
  }
}
