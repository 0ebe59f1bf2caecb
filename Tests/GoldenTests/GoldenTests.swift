import Foundation
import Script
import Testing

@testable import Shell

/// Every script of `Tests/Golden/FEATURE/NAME.visen` prints exactly what `NAME.out` says.
///
/// `scripts/update-golden` writes the files anew; they are to be read before they are kept.
@MainActor @Suite struct GoldenTests {
  @Test(arguments: Golden.cases)
  func printsWhatItsFileSays(golden: Golden) async throws {
    let got = try await golden.run()
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try got.write(to: golden.expectation, atomically: true, encoding: .utf8)
      return
    }
    let wanted = (try? String(contentsOf: golden.expectation, encoding: .utf8)) ?? "(no file)\n"
    #expect(got == wanted, "\(Golden.difference(wanted, got))")
  }

  /// Every code is explained by `help`, and stands in a golden file unless a script alone cannot meet it.
  @Test func everyCodeIsExplainedAndShown() throws {
    let folder = Golden.root.appendingPathComponent("Sources")
    let names = try #require(FileManager.default.enumerator(atPath: folder.path))
    var used: Set<String> = []
    while let name = names.nextObject() as? String {
      guard name.hasSuffix(".swift"), !name.hasSuffix("CodeCatalog.swift") else { continue }
      let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      for match in text.matches(of: /"(V\d\d\d)"/) { used.insert(String(match.1)) }
    }
    let explained = Set(CodeCatalog.all.map(\.code))
    #expect(used.subtracting(explained).sorted() == [])
    #expect(explained.filter { $0 > "V400" }.subtracting(used).sorted() == [])
    #expect(CodeCatalog.all.map(\.code) == explained.sorted())
    let shown = try Golden.expectations.map { try String(contentsOfFile: $0, encoding: .utf8) }
      .joined()
    // A person's Ctrl-C is no golden script; a test names its code.
    let elsewhere: Set = ["V399"]
    // These need Notion itself, a service's batches, a second process, a wish or a damaged file; the
    // tests in a terminal meet them.
    let outside: Set = [
      "V402", "V404", "V408", "V409", "V416", "V420", "V503", "V505", "V517",
      "V526", "V528", "V533", "V534", "V535",
    ]
    let missing = explained.subtracting(elsewhere).subtracting(outside).filter {
      !shown.contains("[\($0)]")
    }
    #expect(missing.sorted() == [], "no golden script shows these")
    let tests = Golden.root.appendingPathComponent("Tests/ScriptTests")
    let unit = try FileManager.default.contentsOfDirectory(atPath: tests.path).map {
      try String(contentsOf: tests.appendingPathComponent($0), encoding: .utf8)
    }.joined()
    #expect(elsewhere.filter { !unit.contains("\"\($0)\"") } == [], "no test names these")
  }

  /// The worked examples of the reference print what stands below them.
  @Test func theReferenceTellsTheTruth() async throws {
    let file = Golden.root.appendingPathComponent("Sources/Script/Script.docc/Examples.md")
    let text = try String(contentsOf: file, encoding: .utf8)
    var made = text
    var count = 0
    for example in text.matches(of: /```visen\n((?:.|\n)*?)```\n\n```text\n((?:.|\n)*?)```/) {
      count += 1
      let output = try await Golden.output(of: SourceText(String(example.1), name: "example"))
      made = made.replacing(
        example.0, with: "```visen\n\(example.1)```\n\n```text\n\(output)```")
    }
    #expect(count == 12)
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try made.write(to: file, atomically: true, encoding: .utf8)
    } else {
      #expect(text == made)
    }
  }

  @Test func thereAreEnough() {
    #expect(Golden.cases.count >= 300)
    let orphans = Golden.expectations.filter { path in
      !Golden.cases.contains { $0.expectation.path == path }
    }
    #expect(orphans.isEmpty)
  }
}
