import HTTPTypes
import Notion
import Testing
import Transport

@testable import LocalNotion

/// A sequence of numbers that is the same each time.
struct Dice {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func roll(_ sides: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % sides
  }
  mutating func pick<T>(_ choices: [T]) -> T { choices[roll(choices.count)] }
}

/// Queries along the indexes give what looking at every row gives.
@Suite struct IndexTests {
  private static let words = [
    "", "Alpha", "alpha", "ALPHA 2", "alpha 10", "Beta", "beta-7", "Straße", "é", "e\u{301}", "７",
    "7", "07", "Ｆｕｌｌ", "full", "日本", "に", "a b", "x'y", "100%", "under_score", "😀 smile",
    String(repeating: "long ", count: 130) + "end", String(repeating: "long ", count: 130) + "End",
  ]
  private static let options = ["One", "two", "Three", "four"]

  private func ask(
    _ workspace: LocalWorkspace, _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil
  ) async throws -> JSON {
    var fields = HTTPFields()
    fields[.authorization] = "Bearer local"
    fields[try #require(HTTPField.Name("Notion-Version"))] = "2026-03-11"
    let answer = try await workspace.send(
      OutgoingRequest(
        method: method, url: "https://api.notion.com/v1/" + path, fields: fields,
        body: body?.bytes ?? []))
    let json = try JSON(parsing: try await answer.body.collect())
    try #require(answer.status == 200, "\(path) \(body?.text ?? "") \(json.text)")
    return json
  }

  private func values(_ dice: inout Dice, _ ids: [String], _ person: String) -> JSON {
    func text(_ words: String) -> JSON {
      words.isEmpty ? [] : [["text": ["content": .string(words)]]]
    }
    var values: JSON.Members = [
      "Name": ["title": text(dice.pick(Self.words))],
      "Notes": ["rich_text": text(dice.pick(Self.words))],
      "Done": ["checkbox": .bool(dice.roll(2) == 0)],
    ]
    if dice.roll(4) > 0 {
      values["Number"] = ["number": .double(Double(dice.roll(9) - 4) * 1.5)]
    }
    if dice.roll(4) > 0 { values["Kind"] = ["select": ["name": .string(dice.pick(Self.options))]] }
    if dice.roll(4) > 0 {
      values["State"] = ["status": ["name": .string(dice.pick(["Not started", "Done"]))]]
    }
    values["Tags"] = [
      "multi_select": .array(
        Self.options.filter { _ in dice.roll(3) == 0 }.map { ["name": .string($0)] })
    ]
    if dice.roll(4) > 0 {
      values["When"] = [
        "date": ["start": .string(dice.pick(["2026-01-02", "2026-01-02T10:00:00Z", "2025-12-25"]))]
      ]
    }
    if dice.roll(3) == 0 { values["Who"] = ["people": [["id": .string(person)]]] }
    if dice.roll(3) == 0 {
      values["Link"] = ["url": .string("https://" + dice.pick(["a.b", "A.B", "c.d/9", "c.d/10"]))]
    }
    if !ids.isEmpty, dice.roll(2) == 0 {
      values["Other"] = ["relation": [["id": .string(dice.pick(ids))]]]
    }
    return .object(values)
  }

  private func filter(_ dice: inout Dice, _ ids: [String], _ person: String, depth: Int = 0) -> JSON
  {
    if depth < 2, dice.roll(3) == 0 {
      let parts = (0...dice.roll(3)).map { _ in filter(&dice, ids, person, depth: depth + 1) }
      return .object([dice.pick(["and", "or"]): .array(parts)])
    }
    let empty: JSON = .object([dice.pick(["is_empty", "is_not_empty"]): true])
    func rest(_ condition: JSON, _ dice: inout Dice) -> JSON {
      dice.roll(4) == 0 ? empty : condition
    }
    switch dice.roll(12) {
    case 0, 1:
      let word = dice.pick([
        "equals", "does_not_equal", "contains", "does_not_contain", "starts_with", "ends_with",
      ])
      let (name, kind) = dice.pick([("Name", "title"), ("Notes", "rich_text"), ("Link", "url")])
      let wanted = String(dice.pick(Self.words).prefix(dice.pick([1, 2, 5, 700])))
      return [
        "property": .string(name),
        kind: rest(.object([word: .string(wanted)]), &dice),
      ]
    case 2, 3:
      let word = dice.pick([
        "equals", "does_not_equal", "greater_than", "less_than", "greater_than_or_equal_to",
        "less_than_or_equal_to",
      ])
      return [
        "property": "Number",
        "number": rest(.object([word: .double(Double(dice.roll(9) - 4) * 1.5)]), &dice),
      ]
    case 4:
      return [
        "property": "Done",
        "checkbox": .object([dice.pick(["equals", "does_not_equal"]): .bool(dice.roll(2) == 0)]),
      ]
    case 5:
      return [
        "property": "Kind",
        "select": rest(
          .object([
            dice.pick(["equals", "does_not_equal"]): dice.pick([
              .string(dice.pick(Self.options)), ["One", "four"], "Nothing",
            ])
          ]), &dice),
      ]
    case 6:
      return [
        "property": "State",
        "status": rest(
          .object([
            dice.pick(["equals", "does_not_equal"]): .string(dice.pick(["Done", "To-do"]))
          ]), &dice),
      ]
    case 7:
      return [
        "property": "Tags",
        "multi_select": rest(
          .object([
            dice.pick(["contains", "does_not_contain"]): .string(dice.pick(Self.options))
          ]), &dice),
      ]
    case 8:
      let word = dice.pick(["equals", "before", "after", "on_or_before", "on_or_after"])
      let moment = dice.pick(["2026-01-02", "2026-01-02T10:00:30Z", "2025-12-25", "today"])
      return ["property": "When", "date": rest(.object([word: .string(moment)]), &dice)]
    case 9:
      return [
        "property": "Who",
        "people": rest(
          .object([dice.pick(["contains", "does_not_contain"]): .string(person)]), &dice),
      ]
    case 10:
      return [
        "property": "Other",
        "relation": rest(
          .object([dice.pick(["contains", "does_not_contain"]): .string(dice.pick(ids))]), &dice),
      ]
    default:
      return [
        "property": "Double", "formula": ["number": ["greater_than": .int(dice.roll(6) - 3)]],
      ]
    }
  }

  @Test func alongTheIndexesAndRowByRow() async throws {
    let clock = Ticking(step: 17)
    let workspace = try LocalWorkspace.inMemory(now: { clock.now() })
    var scan = workspace
    scan.isIndexed = false
    let person = LocalWorkspace.personID
    var schema: JSON = [
      "Name": ["title": [:]], "Notes": ["rich_text": [:]], "Number": ["number": [:]],
      "Kind": ["select": [:]], "Tags": ["multi_select": [:]], "State": ["status": [:]],
      "When": ["date": [:]], "Who": ["people": [:]], "Done": ["checkbox": [:]],
      "Link": ["url": [:]], "No": ["unique_id": [:]], "Edited": ["last_edited_time": [:]],
      "Double": ["formula": ["expression": "prop(\"Number\") * 2"]],
    ]
    let database = try await ask(
      workspace, .post, "databases",
      [
        "parent": ["page_id": .string(workspace.rootPageID)],
        "initial_data_source": ["properties": schema],
      ])
    let source = try #require(database["data_sources"]?[0]?["id"]?.string)
    schema = ["Other": ["relation": ["data_source_id": .string(source), "single_property": [:]]]]
    _ = try await ask(workspace, .patch, "data_sources/\(source)", ["properties": schema])
    var dice = Dice(7)
    var ids: [String] = []
    for _ in 0..<160 {
      let row = try await ask(
        workspace, .post, "pages",
        [
          "parent": ["data_source_id": .string(source)], "properties": values(&dice, ids, person),
        ])
      ids.append(try #require(row["id"]?.string))
    }
    // What is changed, trashed, and of options that are no more.
    for _ in 0..<40 {
      _ = try await ask(
        workspace, .patch, "pages/\(dice.pick(ids))", ["properties": values(&dice, ids, person)])
    }
    let gone = ids.removeLast()
    _ = try await ask(workspace, .patch, "pages/\(gone)", ["in_trash": true])
    _ = try await ask(
      workspace, .patch, "data_sources/\(source)",
      [
        "properties": [
          "Kind": ["select": ["options": [["name": "four"], ["name": "One"], ["name": "two"]]]]
        ]
      ])

    for round in 0..<80 {
      var body: JSON.Members = ["page_size": .int(dice.pick([9, 40, 100]))]
      if dice.roll(5) > 0 { body["filter"] = filter(&dice, ids, person) }
      let sorts = (0..<dice.roll(4)).map { _ -> JSON in
        let direction = JSON.string(dice.pick(["ascending", "descending"]))
        let name = dice.pick([
          "Name", "Notes", "Number", "Kind", "Tags", "State", "When", "Done", "Link", "No",
          "Edited", "Double", "Who", "created_time", "last_edited_time",
        ])
        return name.contains("_")
          ? ["timestamp": .string(name), "direction": direction]
          : ["property": .string(name), "direction": direction]
      }
      if !sorts.isEmpty { body["sorts"] = .array(sorts) }
      var seen: [[String]] = []
      for way in [workspace, scan] {
        var found: [String] = []
        var asked = body
        repeat {
          let answer = try await ask(
            way, .post, "data_sources/\(source)/query?filter_properties=title", .object(asked))
          found += (answer["results"]?.array ?? []).compactMap { $0["id"]?.string }
          asked["start_cursor"] = answer["next_cursor"]
        } while asked["start_cursor"]?.string != nil
        seen.append(found)
      }
      #expect(seen[0] == seen[1], "round \(round): \(JSON.object(body).text)")
      #expect(Set(seen[0]).count == seen[0].count)
      if seen[0] != seen[1] { return }
    }
  }

  @Test func naturalOrder() {
    let inOrder = [
      "", "A 1", "a 2", "A 10", "a 010 b", "B", "b 2", "ｂ1", "Z9z", "z10", "あ", "ア1", "日本",
    ]
    let keys = inOrder.dropFirst().map(Folding.naturalKey) + [Folding.naturalKey("")]
    for (a, b) in zip(keys, keys.dropFirst()) {
      #expect(a.utf8.lexicographicallyPrecedes(b.utf8), "\(a) \(b)")
    }
    #expect(Folding.naturalKey("ＡＢＣ１２") == Folding.naturalKey("abc12"))
    #expect(Folding.naturalKey("article 007") == Folding.naturalKey("Article 7"))
  }
}
