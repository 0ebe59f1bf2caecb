import Engines
import Testing
import Transport

@Suite struct AnswerTypeTests {
  @Test(arguments: [
    ("2024-02-29", true), ("2025-02-29", false), ("2025-02-31", false), ("2025-04-31", false),
    ("1900-02-29", false), ("2000-02-29", true), ("2025-12-31T23:59:59.5+09:00", true),
    ("2025-12-31T24:00", false), ("2025-1-1", false), ("2025-01-01 10:00", false), ("", false),
  ])
  func onlyDaysOfTheCalendarAreDates(text: String, isDate: Bool) {
    #expect((try? AnswerType.date.checked(.string(text))) == (isDate ? .string(text) : nil))
  }

  @Test func aShapeThatOccursAgainStandsOnce() throws {
    let row = AnswerType.record([
      .init("Kind", .list(.option(["a", "b"]))), .init("Note", .text),
    ])
    let schema = AnswerType.record((1...3).map { .init("r\($0)", row) }).jsonSchema
    #expect(schema["properties"]?["r1"] == schema["properties"]?["r3"])
    let name = try #require(
      schema["properties"]?["r1"]?["$ref"]?.string?.split(separator: "/").last)
    #expect(
      schema["$defs"]?[String(name)]?["properties"]?["Kind"]?["items"]?["enum"] == ["a", "b"])
    #expect(schema["$defs"]?.members?.count == 1)
    // What occurs once stands where it is.
    #expect(AnswerType.list(.option(["a"])).jsonSchema["items"]?["enum"] == ["a"])
  }

  @Test func optionsThatNoServiceTakesStandInWords() throws {
    let long = (0..<300).map { "option \($0) " + String(repeating: "x", count: 60) }
    let schema = AnswerType.option(long).jsonSchema
    #expect(schema["enum"] == nil)
    #expect(schema["description"]?.string?.contains("“option 7 ") == true)
    #expect(throws: AnswerProblem.self) { try AnswerType.option(long).checked("none") }
    #expect(try AnswerType.option(long).checked(.string(long[299])) == .string(long[299]))
    // A thousand in all: the shorter lists first.
    let lists = [200, 300, 600].map { size in (0..<size).map { "\(size)-\($0)" } }
    let all = AnswerType.record(
      lists.enumerated().map { .init("f\($0.offset)", .option($0.element)) }
    ).jsonSchema
    #expect(all["properties"]?["f0"]?["enum"] != nil)
    #expect(all["properties"]?["f1"]?["enum"] != nil)
    #expect(all["properties"]?["f2"]?["enum"] == nil)
  }
}
