import Foundation
import Fuzzing
import Testing

/// Some of the programs that `scripts/test long` makes by the million.
@Suite struct FuzzTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  @Test func randomProgramsNeitherCrashNorHang() async throws {
    let mutator = Mutator(folders: [
      FuzzTests.root.appendingPathComponent("Tests/Golden"),
      FuzzTests.root.appendingPathComponent("scripts/examples"),
    ])
    try #require(mutator.count > 300)
    let fuzzer = Fuzzer()
    for number in UInt64(0)..<500 {
      do {
        try await fuzzer.check(mutator.program(number))
      } catch {
        let text = String(decoding: mutator.program(number), as: UTF8.self)
        Issue.record("program \(number): \(error)\n\(text)")
      }
    }
    #expect(fuzzer.counts.read > 30)
  }
}
