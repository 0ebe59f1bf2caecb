import Foundation
import Store
import Testing

@testable import Shell

/// What ratings say of the best variant, held against exact sums.
struct RatingsTests {
  private func share(of wins: Int, in count: Int, _ p: Double) -> Double {
    let (n, k) = (Double(count), Double(wins))
    let ways: Double = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    let chance: Double = k * log(p) + (n - k) * log(1 - p)
    return exp(ways + chance)
  }

  /// The bounds hold the true share in 95 of 100 cases, over all shares; in none far fewer.
  @Test(arguments: [5, 10, 20, 60]) func boundsHoldInNinetyFiveOfAHundredCases(count: Int) throws {
    var sum = 0.0
    var least = 1.0
    let shares = stride(from: 0.05, through: 0.95, by: 0.005)
    for p in shares {
      var held = 0.0
      for wins in 0...count {
        let score = Ratings.Score(wins: Double(wins), compared: count)
        let interval = try #require(score.interval)
        if interval.low <= p, p <= interval.high { held += share(of: wins, in: count, p) }
      }
      sum += held
      least = min(least, held)
    }
    let mean = sum / Double(Array(shares).count)
    #expect((0.94...0.97).contains(mean), "\(mean)")
    #expect(least > 0.85, "\(least)")
  }

  @Test func nothingIsSaidOfNothing() {
    #expect(Ratings.Score().interval == nil)
    #expect(Ratings.Score().text == "–")
    #expect(Ratings.Score(wins: 5, compared: 5).text == "100 % (57–100)")
    #expect(Ratings.Score(wins: 0, compared: 5).text == "0 % (0–43)")
  }

  /// The sign test of both sides: 5 to 0 is 2 × 1/32, 6 to 0 is the first that tells.
  @Test(arguments: [(0, 0, 1.0), (5, 0, 0.0625), (0, 6, 0.03125), (8, 2, 0.109375), (1, 1, 1.0)])
  func aCoinIsTossedRight(_ a: Int, _ b: Int, _ chance: Double) {
    #expect(abs(Ratings.chance(a, b) - chance) < 1e-9)
  }
}
