import Foundation
import Testing

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

  @Test func thereAreEnough() {
    #expect(Golden.cases.count >= 300)
    let orphans = Golden.expectations.filter { path in
      !Golden.cases.contains { $0.expectation.path == path }
    }
    #expect(orphans.isEmpty)
  }
}
