import Transport

/// Spoils some rows of an answer to several questions at once, as models do: one is missing, one comes
/// twice, one has the wrong shape, and so on in turn.
struct Spoiling: Sendable {
  /// The share of the rows of each answer.
  var share = 0.0
  /// The share of answers with a schema whose values keep to its types alone: a day that is in no
  /// calendar, a word that is no option, a number beyond the bounds.
  var unfit = 0.0
  /// By which it is decided, with the prompt, which ones these are.
  var seed: UInt64 = 1

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

  /// The answer to a prompt with a schema as it is sent.
  func applied(to text: String, prompt: String, schema: JSON?) -> String {
    guard unfit > 0, let schema, let value = try? JSON(parsing: text) else {
      return applied(to: text)
    }
    var random = SplitMix(
      state: prompt.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 })
    guard random.unit() < unfit else { return applied(to: text) }
    return applied(to: Spoiling.bent(value, schema, root: schema).text)
  }

  private static func bent(_ value: JSON, _ schema: JSON, root: JSON) -> JSON {
    if let name = schema["$ref"]?.string?.split(separator: "/").last {
      return bent(value, root["$defs"]?[String(name)] ?? [:], root: root)
    }
    if schema["enum"] != nil { return "none of these" }
    if schema["format"]?.string == "date" { return "2026-02-31" }
    if let most = schema["maximum"]?.double { return .number(most + 1) }
    if let least = schema["minimum"]?.double { return .number(least - 1) }
    if let items = value.array, let schema = schema["items"] {
      return .array(items.map { bent($0, schema, root: root) })
    }
    guard let members = value.members else { return value }
    return .object(
      JSON.Members(
        members.pairs.map { pair in
          (pair.name, bent(pair.value, schema["properties"]?[pair.name] ?? [:], root: root))
        }))
  }
}
