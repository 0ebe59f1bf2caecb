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
