import Foundation
import LocalNotion
import Notion
import Script
import Store
import Testing
import Transport

@testable import Shell

/// A `where` or `sort by` gives the same rows whoever looks at it: Notion, or the language.
@MainActor @Suite struct PushdownTests {
  /// Numbers that are the same in every run, so that what fails once fails again.
  private struct Dice {
    var state: UInt64 = 42
    mutating func roll(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    mutating func pick<Item>(_ items: [Item]) -> Item { items[roll(items.count)] }
  }

  /// Counts the rows that travel.
  private static let schema: JSON = [
    "Name": ["title": [:]], "Notes": ["rich_text": [:]], "Done": ["checkbox": [:]],
    "Score": ["number": [:]], "Due": ["date": [:]], "Link": ["url": [:]],
    "Kind": ["select": ["options": [["name": "tea"], ["name": "coffee"], ["name": "Milk"]]]],
    "Tags": ["multi_select": ["options": [["name": "hot"], ["name": "cold"]]]],
  ]

  private static func open(_ home: URL, rows: Int) async throws -> (Session, KeptConsole) {
    try PrivateFile.makeFolder(home)
    let workspace = try LocalWorkspace.inMemory()
    let client = NotionClient(transport: workspace, token: workspace.token)
    let root = try #require(NotionID(parsing: workspace.rootPageID))
    let database = try await client.createDatabase(
      parentPage: root, title: "Mixed", properties: schema)
    let source = try #require(database.dataSources.first).id
    // Written in the ways in which the language takes them for the same.
    let notes = [
      "x", "X", " ", "ＡＢＣ", "abc", "aＢc", "Tea at 5 o'clock", "Ｔｅａ　ａｔ 5", "20 \u{212A}elvin",
      "カ\u{3099}ラス", "ガラス", "\u{FA19}社", "神社", "Été", "e\u{301}te\u{301}", "日本語のメモ",
    ]
    var dice = Dice()
    for number in 0..<rows {
      var members: JSON.Members = [
        "Name": ["title": [["text": ["content": .string("Row \(number % 23)")]]]],
        "Done": ["checkbox": .bool(dice.roll(2) == 0)],
        "Tags": [
          "multi_select": .array(
            ["hot", "cold"].filter { _ in dice.roll(2) == 0 }.map { ["name": .string($0)] })
        ],
      ]
      if dice.roll(3) > 0 { members["Score"] = ["number": .int(dice.roll(7) - 2)] }
      if dice.roll(3) > 0 {
        members["Kind"] = ["select": ["name": .string(dice.pick(["tea", "coffee", "Milk"]))]]
      }
      if dice.roll(2) > 0 {
        members["Notes"] = [
          "rich_text": [["text": ["content": .string(dice.pick(notes))]]]
        ]
      }
      if dice.roll(3) > 0 {
        let day = "2025-01-0\(1 + dice.roll(9))"
        let time = dice.pick(["", "T23:30:00.000-05:00", "T00:30:00.000+09:00"])
        members["Due"] = ["date": ["start": .string(day + time)]]
      }
      _ = try await client.createPage(parent: .dataSource(source), properties: .object(members))
    }
    let console = KeptConsole()
    let session = try Session(
      surroundings: Surroundings(
        home: home, environment: [:], isInteractive: false, network: RefusingService(),
        openLocalWorkspace: {
          LocalWorkspaceAccess(
            transport: workspace, token: workspace.token, rootPageID: workspace.rootPageID)
        }), options: RunOptions(), console: console)
    _ = await session.run(
      SourceText("connect \"Mixed\" to \"\(database.id)\"", name: "t"), shows: false)
    return (session, console)
  }

  private static func condition(_ dice: inout Dice, depth: Int) -> String {
    if depth > 0, dice.roll(3) > 0 {
      let left = condition(&dice, depth: depth - 1)
      let right = condition(&dice, depth: depth - 1)
      return dice.pick([
        "(\(left) and \(right))", "(\(left) or \(right))", "not (\(left))",
        "(\(left) and not (\(right)))",
      ])
    }
    let number = dice.roll(7) - 2
    let day = "2025-01-0\(1 + dice.roll(9))"
    let order = dice.pick(["<", "<=", ">", ">=", "is", "is not"])
    return dice.pick([
      "Done", "not Done", "Done is false", "Score \(order) \(number)", "Score is empty",
      "Score is not empty", "Due \(order) \(day)", "Due \(dice.pick(["<", ">="])) \"\(day)\"",
      "Due is not empty", "Kind is \"tea\"", "Kind is not \"coffee\"", "Kind is \"nobody\"",
      "Kind in [\"tea\", \"Milk\"]", "Kind not in [\"tea\"]", "Kind is empty",
      "Tags contains \"hot\"", "Tags not contains \"cold\"", "Tags is empty", "Notes is \"x\"",
      "Notes is not \"abc\"", "Notes is empty", "Notes is not empty", "Notes contains \"abc\"",
      "Name is \"Row 7\"", "Name starts with \"row 1\"", "Name ends with \"２\"",
      "Notes contains \"ＴＥＡ\"", "Notes contains \"a at 5\"", "Notes starts with \"tea \"",
      "Notes contains \"20 K\"", "Notes contains \"ガラ\"", "Notes ends with \"神社\"",
      "Notes contains \"été\"", "Notes contains \"のメ\"", "Notes contains \"bc\"",
      "Notes not contains \"B\"", "not (Notes starts with \"t\")", "Name contains \" \"",
      "Link is empty", "Kind is nothing",
      "Tags is not nothing",
    ])
  }

  @Test func aRandomConditionGivesTheSameRowsEitherWay() async throws {
    let home = FileManager.default.temporaryDirectory.appendingPathComponent("visen-\(UUID())")
    defer { try? FileManager.default.removeItem(at: home) }
    let (session, console) = try await PushdownTests.open(home, rows: 60)
    var dice = Dice()
    var script = ""
    for number in 0..<150 {
      let condition = PushdownTests.condition(&dice, depth: 2)
      // Behind a left side that may fail nothing is left to Notion.
      let here = "length(Name) > 0 and (\(condition))"
      script += """
        let a\(number) = join(for r in rows where \(condition) { r.id }, " ")
        let b\(number) = join(for r in rows where \(here) { r.id }, " ")
        assert a\(number) is b\(number)

        """
    }
    let code = await session.run(SourceText(script, name: "conditions"), shows: false)
    #expect(code == 0, "\(console.messages.prefix(2000))")
  }

  @Test func aSortGivesTheSameOrderEitherWay() async throws {
    let home = FileManager.default.temporaryDirectory.appendingPathComponent("visen-\(UUID())")
    defer { try? FileManager.default.removeItem(at: home) }
    let (session, console) = try await PushdownTests.open(home, rows: 60)
    var script = ""
    for key in ["Name", "Score", "Score desc", "Due", "Due desc", "Kind", "Kind desc", "Done"] {
      // With a limit Notion sorts; without one the language does.
      script += """
        assert join(for r in rows sort by \(key) first 60 { r.id }, " ") is \
        join(for r in rows where length(Name) > 0 sort by \(key) { r.id }, " ")
        assert join(for r in rows sort by \(key) first 7 { r.id }, " ") is \
        join(for r in rows where length(Name) > 0 sort by \(key) first 7 { r.id }, " ")

        """
    }
    let code = await session.run(SourceText(script, name: "sorts"), shows: false)
    #expect(code == 0, "\(console.messages.prefix(2000))")
  }
}
