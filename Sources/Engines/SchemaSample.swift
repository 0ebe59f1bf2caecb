import Transport

/// Values that keep to a JSON Schema: the same for the same seed.
struct SchemaSample {
  /// The whole schema, in which `$ref` points.
  let root: JSON
  /// The text of every text that is free.
  var words: String
  /// The parts of a prompt that asks several questions at once, by name.
  let sections: [String: String]
  private var depth = 0

  init(root: JSON, words: String, sections: [String: String] = [:]) {
    self.root = root
    self.words = words
    self.sections = sections
  }

  /// A value of a schema.
  mutating func value(_ schema: JSON, seed: String) -> JSON {
    depth += 1
    defer { depth -= 1 }
    guard depth < 32 else { return .null }
    let hash = SchemaSample.fnv(seed)
    if let reference = schema["$ref"]?.string { return value(target(reference), seed: seed) }
    if let constant = schema["const"] { return constant }
    if let options = schema["enum"]?.array, !options.isEmpty {
      let named = options.filter { !$0.isNull }
      return named.isEmpty ? .null : named[Int(hash % UInt64(named.count))]
    }
    if let choices = schema["anyOf"]?.array ?? schema["oneOf"]?.array {
      let chosen = choices.first { $0["type"]?.string?.lowercased() != "null" }
      return chosen.map { value($0, seed: seed) } ?? .null
    }
    switch type(of: schema) {
    case "object":
      var members = JSON.Members()
      for (name, inner) in schema["properties"]?.members ?? [:] {
        guard depth == 1, let section = sections[name] else {
          members[name] = value(inner, seed: "\(seed)\u{1F}\(name)")
          continue
        }
        // One of several questions: answered as if it had been asked alone.
        let all = words
        words = PracticeEngine.words(Prompt(section))
        members[name] = value(inner, seed: section)
        words = all
      }
      return .object(members)
    case "array":
      let items = schema["items"] ?? ["type": "string"]
      let least = min(max(schema["minItems"]?.int ?? 0, 0), 1000)
      let most = min(max(schema["maxItems"]?.int ?? max(least, 2), least), 1000)
      let count = min(max(least, Int(hash % 2) + 1), most)
      return .array((0..<count).map { value(items, seed: "\(seed)\u{1F}\($0)") })
    case "boolean": return .bool(hash % 2 == 0)
    case "integer", "number": return number(schema, hash)
    case "null": return .null
    default: return text(schema, hash)
    }
  }

  /// The type, null left aside; Gemini's own schemas spell it in capitals.
  private func type(of schema: JSON) -> String {
    let names = schema["type"]?.array?.compactMap(\.string) ?? [schema["type"]?.string ?? ""]
    let name = names.first { $0.lowercased() != "null" } ?? "null"
    return name.isEmpty && schema["properties"] != nil ? "object" : name.lowercased()
  }

  private func number(_ schema: JSON, _ hash: UInt64) -> JSON {
    let minimum = schema["minimum"]?.double
    let maximum = schema["maximum"]?.double
    let low = minimum ?? min(0, maximum ?? 0)
    let high = maximum ?? low + 100
    guard high > low else { return .number(low) }
    let number = low + (high - low) / 10 * Double(hash % 11)
    let isWhole = type(of: schema) == "integer"
    let rounded = isWhole ? number.rounded(.up) : (number * 1000).rounded() / 1000
    return .number(min(max(rounded, low), high))
  }

  private func text(_ schema: JSON, _ hash: UInt64) -> JSON {
    let month = hash % 12 + 1
    let day = hash / 12 % 28 + 1
    let date = "2026-\(month < 10 ? "0" : "")\(month)-\(day < 10 ? "0" : "")\(day)"
    switch schema["format"]?.string {
    case "date": return .string(date)
    case "date-time": return .string(date + "T09:00:00Z")
    case "time": return "09:00:00Z"
    case "email": return "practice@example.com"
    case "uri": return "https://example.com/practice"
    case "uuid": return "5ec1f1e0-7b52-4c1e-9a70-6c1f0f3b8aff"
    default: return .string(words)
    }
  }

  private func target(_ reference: String) -> JSON {
    guard reference.hasPrefix("#") else { return .null }
    var here = root
    for name in reference.dropFirst().split(separator: "/") {
      guard let next = here[String(name)] else { return .null }
      here = next
    }
    return here
  }

  /// The FNV-1a hash: Swift's own differs from start to start.
  private static func fnv(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}
