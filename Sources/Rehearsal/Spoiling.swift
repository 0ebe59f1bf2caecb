import Transport

/// Spoils some rows of an answer to several questions at once, as models do: one is missing, one comes
/// twice, one has the wrong shape, and so on in turn.
struct Spoiling: Sendable {
  /// The share of the rows of each answer.
  var share = 0.0

  /// The answer as it is sent.
  ///
  /// - Parameter text: The answer; whatever is no JSON object of `r1`, `r2` … stays as it is.
  func applied(to text: String) -> String {
    guard share > 0, let members = (try? JSON(parsing: text))?.members, members.count > 1,
      members.names.allSatisfy({ $0.hasPrefix("r") && $0.dropFirst().allSatisfy(\.isNumber) })
    else { return text }
    let count = Int((share * Double(members.count)).rounded())
    guard count > 0 else { return text }
    let step = Double(members.count) / Double(count)
    let places = Dictionary(
      (0..<count).map { (Int((Double($0) + 0.5) * step), $0) }, uniquingKeysWith: { a, _ in a })
    var sent: [(String, JSON)] = []
    for (place, pair) in members.pairs.enumerated() {
      switch places[place].map({ $0 % 3 }) {
      case nil: sent.append((pair.name, pair.value))
      case 0?: break
      case 1?: sent += [(pair.name, pair.value), (pair.name, "another answer")]
      default: sent.append((pair.name, ["of": "another shape"]))
      }
    }
    return JSON.object(JSON.Members(sent)).text
  }
}
