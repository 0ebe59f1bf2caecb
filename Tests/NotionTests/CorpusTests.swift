import Foundation
import Notion
import Testing
import Transport

/// Answers as models write them, and the examples of CommonMark's specification.
@Suite struct CorpusTests {
  static var folder: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Corpus")
  }

  static func answers() throws -> [(name: String, text: String)] {
    try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
      .filter { $0.pathExtension == "md" }
      .sorted { $0.path < $1.path }
      .map { ($0.lastPathComponent, String(decoding: try Data(contentsOf: $0), as: UTF8.self)) }
  }

  @Test func everyAnswerStaysTheSame() throws {
    let answers = try CorpusTests.answers()
    #expect(answers.count >= 60)
    for (name, text) in answers { check(text, name) }
  }

  /// `Tests/Long/commonmark` says where the specification's examples are.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["VISEN_COMMONMARK"] != nil))
  func everyExampleOfTheSpecificationStaysTheSame() throws {
    let path = try #require(ProcessInfo.processInfo.environment["VISEN_COMMONMARK"])
    let json = try JSON(parsing: Array(try Data(contentsOf: URL(fileURLWithPath: path))))
    let examples = try #require(json.array)
    #expect(examples.count > 600)
    for example in examples {
      check(example["markdown"]?.string ?? "", "example \(example["example"]?.int ?? 0)")
    }
    print("\(examples.count) examples of the specification stay the same")
  }

  private func check(_ source: String, _ name: String) {
    let blocks = Markdown.blocks(from: source)
    let once = Markdown.text(from: blocks)
    let again = Markdown.blocks(from: once)
    #expect(again == blocks, "\(name)")
    #expect(Markdown.text(from: again) == once, "\(name)")
    #expect(lines(blocks).allSatisfy { $0.utf16.count <= 200_000 }, "\(name)")
  }

  private func lines(_ blocks: [Block]) -> [String] {
    blocks.flatMap { [$0.plainText] + lines($0.children) }
  }
}
