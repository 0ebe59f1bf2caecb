import Foundation
import HTTPTypes
import LocalNotion
import Testing
import Transport

/// Both dialects of Notion's Markdown, over the endpoints.
@Suite struct MarkdownDialectTests {
  private let workspace: LocalWorkspace

  init() throws {
    workspace = try LocalWorkspace.inMemory(now: { Date(timeIntervalSince1970: 1_783_159_645) })
  }

  private func ask(
    _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil
  ) async throws -> JSON {
    var fields = HTTPFields()
    fields[.authorization] = "Bearer " + workspace.token.reveal()
    fields[try #require(HTTPField.Name("Notion-Version"))] = "2026-03-11"
    let answer = try await workspace.send(
      OutgoingRequest(
        method: method, url: "https://api.notion.com/v1/\(path)", fields: fields,
        body: body?.bytes ?? []))
    return try JSON(parsing: try await answer.body.collect())
  }

  /// A new page with a text in it; the identity, or the error's message.
  private func page(_ text: String, _ version: String) async throws -> String {
    let made = try await ask(
      .post, "pages",
      [
        "parent": ["page_id": .string(workspace.rootPageID)], "markdown": .string(text),
        "markdown_version": .string(version),
        "properties": ["title": [["text": ["content": "Page"]]]],
      ])
    return made["id"]?.string ?? made["message"]?.string ?? ""
  }

  private func text(_ page: String, _ version: String) async throws -> String {
    try await ask(.get, "pages/\(page)/markdown?markdown_version=\(version)")["markdown"]?.string
      ?? "no Markdown"
  }

  /// What is in a page, without identities and times.
  private func blocks(_ id: String) async throws -> JSON {
    let list = try await ask(.get, "blocks/\(id)/children")["results"]?.array ?? []
    var result: [JSON] = []
    for block in list {
      let type = block["type"]?.string ?? ""
      var said: JSON.Members = [:]
      said[type] = block[type]
      if block["has_children"] == true, let id = block["id"]?.string {
        said["children"] = try await blocks(id)
      }
      result.append(.object(said))
    }
    return .array(result)
  }

  static let enhanced = [
    "plain\nsecond line", "# One\n## Two\n### Three\n#### Four",
    "# Red {color=\"red\"}\n## Fold {toggle=\"true\"}\n\tinside\n\t- deep\n### Both {toggle=\"true\" color=\"blue_bg\"}",
    "- a\n\t- b\n\t\t1. c\n\t\t2. d\n- e {color=\"green\"}", "- [ ] open\n- [x] done\n\tmore",
    "> quote<br>second\n\tinside", "text {color=\"gray_bg\"}\n\tchild\n\t\tgrandchild",
    "```swift\nlet a = 1\n\n\tlet b = \"`\"\n```", "````\n```\n````", "$$\nE = mc^2\n$$", "---",
    "<empty-block/>\nafter", "<details>\n<summary>Title</summary>\n\tinside\n\t- item\n</details>",
    "<details color=\"red\">\n<summary>**Bold**</summary>\n</details>",
    "<callout icon=\"🎯\" color=\"blue_bg\">\n\tWords\n\t- child\n\t```\n\t</callout>\n\t```\n</callout>",
    "<columns>\n\t<column>\n\t\tleft\n\t</column>\n\t<column>\n\t\t- right\n\t</column>\n</columns>",
    "<table header-row=\"true\">\n\t<tr>\n\t\t<td>**A**</td>\n\t\t<td>B\\|b</td>\n\t</tr>\n\t<tr>\n\t\t<td>1<br>2</td>\n\t\t<td></td>\n\t</tr>\n</table>",
    "<table header-column=\"true\">\n\t<tr>\n\t\t<td>x</td>\n\t</tr>\n</table>",
    "![A *ship*](https://example.com/a.png)",
    "<video src=\"https://example.com/v.mp4\">Seen</video>\n<audio src=\"https://example.com/a.mp3\"></audio>\n<file src=\"https://example.com/f.txt\"></file>\n<pdf src=\"https://example.com/p.pdf\"></pdf>",
    "<table_of_contents/>\n<table_of_contents color=\"gray\"/>",
    "**b** *i* ~~s~~ `c` [t](https://example.com/) $eq$ **both *of* them** ***all***",
    "<span underline=\"true\">u</span> <span color=\"red\">r **b**</span> <span color=\"blue_bg\">bg</span>",
    "a **b**c *d*e", "\\* \\~ \\` \\$ \\[ \\] \\< \\> \\{ \\} \\| \\^ \\\\ _ # - &amp;",
    "\\# no heading\n\\- no item\n1\\. no number\n\\+ plus", "snake_case_name and a_b_",
    "<mention-date start=\"2026-07-04\"/> <mention-date start=\"2026-07-04\" startTime=\"10:00\" end=\"2026-07-05\" endTime=\"11:30\" timeZone=\"+02:00\"/>",
    "日本語の**太字**です。\n1. 一\n2. 二", "$`a $ b`$", "``a ` b``",
  ]

  static let flavored = [
    "one paragraph", "first\n\nsecond", "# One\n\n## Two\n\n#### Four", "line\\\nnext",
    "<h2 color=\"red\">Red</h2>", "<toggle heading=\"h1\">\nFold\n\ninside\n\n- item\n</toggle>",
    "<toggle>\nTitle\n\ninside\n</toggle>", "<toggle color=\"red\">only</toggle>",
    "- a\n  - b\n    1. c\n    2. d\n- e", "- a\n\n  more of a\n- b", "- [ ] open\n- [x] done",
    "<ul>\n<li color=\"green\">colored</li>\n</ul>",
    "<ol>\n<li color=\"green\">\none\n\ninside\n</li>\n</ol>",
    "<todo checked=\"true\" color=\"red\">done</todo>", "> quote\\\n> second",
    "<quote>\nwords\n\ninside\n</quote>", "<quote color=\"blue_bg\">words</quote>",
    "<p color=\"gray_bg\">\ntext\n\nchild\n</p>", "<p />\n\nafter",
    "<callout icon=\"🎯\" color=\"blue_bg\">\nWords\n\n- child\n</callout>",
    "<callout icon=\"💡\">short</callout>",
    "<columns>\n<column ratio=\"25\">\nleft\n</column>\n<column ratio=\"75\">\n- right\n\nmore\n</column>\n</columns>",
    "| A | B\\|b |\n| --- | --- |\n| 1<br>2 |  |", "```swift\nlet a = 1\n\nb\n```",
    "$$\nE = mc^2\n$$",
    "---", "<table-of-contents/>",
    "<bookmark source=\"https://example.com/\">Seen *there*</bookmark>",
    "<embed source=\"https://example.com/\"></embed>", "![A](https://example.com/a.png)",
    "<video source=\"https://example.com/v.mp4\">Seen</video>",
    "**b** *i* ~~s~~ `c` [t](https://example.com/) $eq$ <u>under</u> <equation>a $ b</equation>",
    "<span color=\"red\">r **b**</span>", "snake\\_case {color=\"red\"} is literal",
    "\\<details\\> is text", "1. one\n2. two\n\n- three",
    "<date start=\"2026-07-04\"/> <date start=\"2026-07-04\" start-time=\"10:00\" time-zone=\"UTC\"/>",
    "日本語の**太字**です。",
  ]

  @Test(arguments: enhanced) func v1StaysTheSame(_ text: String) async throws {
    let again = try await self.text(try await page(text, "v1"), "v1")
    #expect(again == text)
  }

  @Test(arguments: flavored) func v2StaysTheSame(_ text: String) async throws {
    let again = try await self.text(try await page(text, "v2"), "v2")
    #expect(again == text)
  }

  @Test func whatPeopleWriteIsTaken() async throws {
    let cases: [(String, String, String)] = [
      ("v1", "a\n\n\nb", "a\nb"), ("v1", "##### five", "#### five"),
      ("v1", "- a\n  - b\n    - c", "- a\n\t- b\n\t\t- c"), ("v1", "* a\n+ b", "- a\n- b"),
      ("v1", "3. a\n7. b", "1. a\n2. b"), ("v1", "```js\nx\n```", "```javascript\nx\n```"),
      (
        "v1", "| A | B |\n|---|:-:|\n| 1 | 2 |",
        "<table header-row=\"true\">\n\t<tr>\n\t\t<td>A</td>\n\t\t<td>B</td>\n\t</tr>\n\t<tr>\n\t\t<td>1</td>\n\t\t<td>2</td>\n\t</tr>\n</table>"
      ),
      (
        "v1", "<callout icon=\"🎯\">one line</callout>",
        "<callout icon=\"🎯\">\n\tone line\n</callout>"
      ),
      ("v1", "<div>no tag of ours</div>", "\\<div\\>no tag of ours\\</div\\>"),
      ("v1", "[x](docs/a.md)", "\\[x\\](docs/a.md)"),
      ("v1", "5 < 6 and a * b", "5 \\< 6 and a \\* b"),
      ("v2", "one\nparagraph", "one paragraph"), ("v2", "Title\n=====\n\nb", "# Title\n\nb"),
      ("v2", "> a\n> b\n\nc", "> a b\n\nc"), ("v2", "_i_ __b__", "*i* **b**"),
      ("v2", "* a\n* b", "- a\n- b"), ("v2", "- a\n\t- b", "- a\n  - b"),
      ("v2", "<details>text</details>", "\\<details\\>text\\</details\\>"),
    ]
    for (version, given, wanted) in cases {
      let seen = try await text(try await page(given, version), version)
      #expect(seen == wanted, "\(version) \(given)")
    }
  }

  @Test func mentionsNameWhatTheyPointAt() async throws {
    let users = try await ask(.get, "users")["results"]?.array ?? []
    let person = try #require(users.first { $0["type"] == "person" }?["id"]?.string)
    let hex = workspace.rootPageID.replacing("-", with: "")
    let page = try await page(
      "<mention-user url=\"user://\(person)\"/> <mention-page url=\"https://www.notion.so/\(hex)\"/>",
      "v1")
    #expect(
      try await text(page, "v1")
        == "<mention-user url=\"user://\(person)\">You</mention-user> "
        + "<mention-page url=\"https://www.notion.so/\(hex)\">Visen</mention-page>")
    #expect(
      try await text(page, "v2")
        == "<mention url=\"user://\(person)\">You</mention> "
        + "<mention url=\"https://www.notion.so/\(hex)\">Visen</mention>")
  }

  @Test func whatIsWrongIsNamed() async throws {
    let cases = [
      ("v1", "<callout>\nno end", "<callout> has no </callout>."),
      ("v1", "<callout color=\"mauve\">x</callout>", "<callout>: “mauve” is no color"),
      (
        "v1", "<columns>\n<column>\n</column>\n</columns>", "<columns> needs at least two <column>."
      ),
      ("v1", "<columns>\nwords\n</columns>", "In <columns> there are only <column>, not “words”."),
      ("v1", "<video>x</video>", "<video> needs src=\"…\"."),
      ("v1", "<page>New</page>", "<page> needs the url of what it names."),
      ("v1", "<meeting-notes>\nx\n</meeting-notes>", "does not cover <meeting-notes>"),
      ("v1", "[^https://example.com]", "does not cover citations"),
      ("v1", "<mention-user url=\"x\"/>", "<mention-user> needs the url of what it mentions"),
      (
        "v1", "<mention-data-source url=\"collection://\(workspace.rootPageID)\"/>",
        "mentions of data sources"
      ),
      ("v2", "<tab icon=\"🎯\">\nx\n</tab>", "does not cover <tab>"),
      ("v2", "<h2>\na\n\nb\n</h2>", "<h2> holds words only"),
      ("v2", "<column ratio=\"x\">\n</column>", "does not cover <column>"),
      ("v2", "<toggle heading=\"h9\">x</toggle>", "heading is h1, h2, h3 or h4"),
      ("v1", String(repeating: "\t", count: 3000) + "x", ""),
    ]
    for (version, text, wanted) in cases {
      let message = try await page(text, version)
      #expect(wanted.isEmpty || message.contains(wanted), "\(message)")
    }
    let deep = (0..<200).map { String(repeating: "\t", count: $0) + "- x" }.joined(separator: "\n")
    #expect(try await page(deep, "v1").contains("nested more than 48 deep"))
  }

  @Test func whatStaysKeepsItsIdentity() async throws {
    let page = try await page("first\n- a\n\t- deep\nlast", "v1")
    func ids() async throws -> [String] {
      try await ask(.get, "blocks/\(page)/children")["results"]?.array?.compactMap {
        $0["id"]?.string
      }
        ?? []
    }
    let before = try await ids()
    let answer = try await ask(
      .patch, "pages/\(page)/markdown",
      [
        "type": "update_content",
        "update_content": ["content_updates": [["old_str": "- a", "new_str": "- b"]]],
      ])
    #expect(answer["markdown"] == "first\n- b\n\t- deep\nlast")
    let after = try await ids()
    #expect(before[0] == after[0] && before[2] == after[2] && before[1] != after[1])
  }

  @Test func subpagesAreMadeAndDatabasesRenamed() async throws {
    let page = try await page("<page>Sub *page*</page>\n\ntext", "v2")
    let first = try await ask(.get, "blocks/\(page)/children")["results"]?[0]
    #expect(first?["child_page"] == ["title": "Sub page"])
    let made = try await ask(
      .post, "databases",
      [
        "parent": ["page_id": .string(page)], "title": [["text": ["content": "Tasks"]]],
        "initial_data_source": ["properties": ["Name": ["title": [:]]]],
      ])
    let database = try #require(made["id"]?.string)
    let text = try await text(page, "v1")
    #expect(text.contains(">Tasks</database>"))
    let answer = try await ask(
      .patch, "pages/\(page)/markdown",
      [
        "type": "replace_content",
        "replace_content": ["new_str": .string(text.replacing("Tasks", with: "Jobs"))],
      ])
    #expect(answer["markdown"]?.string == text.replacing("Tasks", with: "Jobs"))
    #expect(try await ask(.get, "databases/\(database)")["title"]?[0]?["plain_text"] == "Jobs")
  }

  @Test func blocksThatHaveNoWordsAreKeptWhereTheyAreNamed() async throws {
    let page = try await page("- item", "v1")
    _ = try await ask(
      .patch, "blocks/\(page)/children",
      [
        "children": [
          ["breadcrumb": [:]],
          ["synced_block": ["synced_from": nil, "children": [["divider": [:]]]]],
        ]
      ])
    let before = try await ask(.get, "pages/\(page)/markdown")
    #expect(before["unknown_block_ids"]?.array?.count == 1)
    let lines = try #require(before["markdown"]?.string).split(separator: "\n")
    // The breadcrumb goes into the item.
    let moved = "- other\n\t\(lines[1])\n" + lines[2...].joined(separator: "\n")
    let after = try await ask(
      .patch, "pages/\(page)/markdown",
      ["type": "replace_content", "replace_content": ["new_str": .string(moved)]])
    #expect(after["markdown"]?.string == moved)
    let changed = try await ask(
      .patch, "pages/\(page)/markdown",
      [
        "type": "replace_content",
        "replace_content": ["new_str": .string(moved.replacing("---", with: "x"))],
      ])
    #expect(changed["message"]?.string?.contains("changing a synced block") ?? false)
  }

  /// What a page says in a dialect is what a page made from it says: words, styles, blocks.
  @Test func answersOfModelsSettleAtOnce() async throws {
    for (name, source) in try CorpusFiles.answers() {
      for version in ["v1", "v2"] {
        let first = try await page(source, version)
        let once = try await text(first, version)
        let second = try await page(once, version)
        #expect(try await text(second, version) == once, "\(name) \(version)")
        let (made, remade) = (try await blocks(first), try await blocks(second))
        #expect(made == remade, "\(name) \(version): \(Self.difference(made, remade))")
      }
    }
  }

  /// Random texts of all that means something: each is taken or refused, and settles at once.
  @Test func randomTextsSettle() async throws {
    let words = [
      "a", "b c", " ", "\n", "\n\n", "\t", "  ", "**", "*", "~~", "`", "$", "$$", "[", "](", ")",
      "]",
      "https://x.de/", "<", ">", "<br>", "</", "<u>", "</u>", "<span color=\"red\">", "</span>",
      "{", "}",
      "{color=\"blue\"}", "|", "| a | b |\n| --- | --- |\n", "# ", "- ", "1. ", "> ", "- [ ] ",
      "```", "---",
      "<callout>", "</callout>", "<details>", "</details>", "<summary>", "</summary>", "<columns>",
      "<p>", "</p>", "<li>", "<ul>", "\\", "_", "^", "日本", "é", "\u{301}", "<empty-block/>",
      "<p />", "!",
      "![", "&amp;", "<mention-date start=\"2026-07-04\"/>", "=", "+", "\r\n",
    ]
    var random = SystemRandomNumberGenerator()
    for round in 0..<120 {
      let text = (0..<Int.random(in: 1...24, using: &random)).map { _ in words.randomElement() ?? ""
      }
      .joined()
      for version in ["v1", "v2"] {
        let first = try await page(text, version)
        guard first.wholeMatch(of: /[0-9a-f\-]{36}/) != nil else { continue }
        let once = try await self.text(first, version)
        let second = try await page(once, version)
        let again = try await self.text(second, version)
        // Spaces at the edges of lines say nothing.
        #expect(
          Self.withoutEdges(again) == Self.withoutEdges(once),
          "\(round) \(version) \(text.debugDescription)")
      }
    }
  }

  private static func withoutEdges(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
    }.joined(separator: "\n")
  }

  /// What would take long to read by trying is read in time.
  @Test func hostileTextsTakeNoLonger() async throws {
    for part in [
      "[", "*a", "*a **b", "`a``b", "<", "<a", "<equation>", "$a", "](", "[a](", "[a](http://b",
      "- ",
      "> ", "> > ", "<callout>\n", "~~a", "_a", "<span color=\"red\">", "\\", "***a**", "|",
      "\t- a\n",
      "[[a](http://b)](http://c)",
    ] {
      let text = String(repeating: part, count: 12_000 / part.count)
      for version in ["v1", "v2"] {
        let clock = ContinuousClock.now
        _ = try await page(text, version)
        #expect(ContinuousClock.now - clock < .seconds(10), "\(part) \(version)")
      }
    }
  }

  /// The first blocks that differ.
  private static func difference(_ a: JSON, _ b: JSON) -> String {
    let (a, b) = (a.array ?? [], b.array ?? [])
    let place =
      zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, b.count)
    return "\(place < a.count ? a[place].text : "–")\n\(place < b.count ? b[place].text : "–")"
  }

  /// Blocks with every style say the same after they were read and written.
  @Test(arguments: ["v1", "v2"]) func stylesSurvive(_ version: String) async throws {
    var items: [JSON] = []
    for bits in 0..<64 {
      var look: JSON.Members = [:]
      for (index, name) in ["bold", "italic", "strikethrough", "underline", "code"].enumerated()
      where bits >> index & 1 == 1 { look[name] = true }
      if bits >> 5 == 1 { look["color"] = bits % 2 == 0 ? "red" : "blue_background" }
      items.append(["text": ["content": .string("w\(bits)*_[x]")], "annotations": .object(look)])
      if bits % 7 == 0 { items.append(["equation": ["expression": "x_1"]]) }
      if bits % 9 == 0 {
        items.append(["text": ["content": " l(i)nk ", "link": ["url": "https://example.com/(a)"]]])
      }
    }
    let made = try await ask(
      .post, "pages",
      [
        "parent": ["page_id": .string(workspace.rootPageID)],
        "properties": ["title": [["text": ["content": "Page"]]]],
        "children": [["paragraph": ["rich_text": .array(items)]]],
      ])
    let id = try #require(made["id"]?.string)
    let once = try await text(id, version)
    let second = try await page(once, version)
    let again = try await text(second, version)
    #expect(again == once)
    func plain(_ id: String) async throws -> String {
      let list = try await ask(.get, "blocks/\(id)/children")["results"]?.array ?? []
      return list.flatMap { $0["paragraph"]?["rich_text"]?.array ?? [] }
        .compactMap { $0["plain_text"]?.string }.joined()
    }
    #expect(try await plain(second) == plain(id))
  }
}

/// The answers of models in `Tests/Corpus`.
private enum CorpusFiles {
  static func answers() throws -> [(name: String, text: String)] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Corpus")
    return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "md" }.sorted { $0.path < $1.path }
      .map { ($0.lastPathComponent, String(decoding: try Data(contentsOf: $0), as: UTF8.self)) }
  }
}
