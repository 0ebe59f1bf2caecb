import Foundation
import Script
import Testing

/// The reference of the functions is made from their catalog: `scripts/update-golden` writes it anew.
@Suite struct ReferenceTests {
  private static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Sources/Script/Script.docc/Functions.md")

  private static var page: String {
    var lines = [
      "# Functions", "",
      "Every function of the language, from its catalog; each example is run by the tests. `x.f(y)` is",
      "`f(x, y)`. A list may be given as rows, a date as its text; nothing else is converted. What stands in",
      "[ ] may be left out, and any value may be given by its name: `round(2.567, digits: 1)`.",
    ]
    for group in Function.Group.allCases {
      lines += ["", "## \(group.rawValue)"]
      for function in Function.all where function.group == group {
        lines += ["", "### \(function.signatureText)", "", function.summary, ""]
        let parameters = function.parameters.map { "`\($0.name)`: \($0.kind.word)" }
        let takes =
          parameters.isEmpty ? "Takes nothing" : "Takes " + parameters.joined(separator: ", ")
        lines.append("\(takes); gives \(function.result.word).")
        guard !function.examples.isEmpty else { continue }
        lines += ["", "```visen"]
        for example in function.examples {
          let result = example.result.split(separator: "\n").joined(separator: "↵")
          lines.append("\(example.source)  # \(result)")
        }
        lines.append("```")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  @Test func functionsAreAllDescribed() throws {
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try ReferenceTests.page.write(to: ReferenceTests.file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: ReferenceTests.file, encoding: .utf8) == ReferenceTests.page)
  }

  @Test func thereAreFifty() { #expect(Function.all.count >= 50) }
}
