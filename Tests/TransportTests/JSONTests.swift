import Testing
import Transport

@Suite struct JSONTests {
  @Test(arguments: [
    ("{\"a\":[1,2.5,-3e2,true,false,null,\"x\"]}", "{\"a\":[1,2.5,-300.0,true,false,null,\"x\"]}"),
    (" [ ] ", "[]"),
    ("\"\\u00e9\\n\\ud83d\\ude00\"", "\"é\\n😀\""),
    ("9007199254740993", "9007199254740993"),
    ("{\"b\":1,\"a\":2}", "{\"b\":1,\"a\":2}"),
  ])
  func readsAndWrites(source: String, written: String) throws {
    #expect(try JSON(parsing: source).text == written)
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\"}", "nul", "\"a", "01", "1 2", "\"\\x\"", "{\"a\":1,}", "+1", ".5",
    "\"\u{1}\"", "[1 2]", "tru", "-", "1.", "1e",
  ])
  func refuses(source: String) {
    #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: source) }
  }

  @Test func depthIsBounded() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSON.SyntaxError.self) { try JSON(parsing: deep) }
  }

  @Test func survivesMutations() {
    let seed = Array(
      "{\"object\":\"list\",\"results\":[{\"n\":1.5e3,\"t\":\"a\\u00e9\"}],\"x\":null}".utf8)
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
        }
        if bytes.isEmpty { break }
      }
      // What is read is written so that it reads the same.
      if let json = try? JSON(parsing: bytes) { #expect((try? JSON(parsing: json.bytes)) == json) }
    }
  }
}
