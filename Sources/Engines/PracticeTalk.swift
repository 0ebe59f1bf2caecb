import Transport

/// The few phrases that the practice engine knows in a conversation and in a wish.
///
/// It reads the prompt that `ask` and `?` send: a database with its properties, rows between marks,
/// and the question or wish on the last line.
public struct PracticeTalk {
  /// The first line of a conversation's prompts, by which it knows them.
  public static let opening = "A conversation about a Notion database."

  private let said: String
  private let properties: [(name: String, type: String)]
  private let tick: String?
  private let rows: [String]

  /// Reads a prompt; `nil` when it is neither a question nor a wish about a database.
  init?(_ prompt: String) {
    let lines = prompt.split(separator: "\n").map(String.init)
    guard lines.first == PracticeTalk.opening, let last = lines.last,
      let word = ["Wish: ", "Question: "].first(where: last.hasPrefix)
    else { return nil }
    said = last.dropFirst(word.count).lowercased()
      .filter { $0.isLetter || $0.isNumber || $0 == " " }
    var properties: [(name: String, type: String)] = []
    var tick: String?
    for line in lines {
      guard let match = line.firstMatch(of: /^- (.+) \((\w+)[^)]*\)( ticks rows)?$/) else {
        continue
      }
      properties.append((String(match.1), String(match.2)))
      if match.3 != nil { tick = String(match.1) }
    }
    self.properties = properties
    self.tick = tick
    rows = lines.drop { $0 != "⟦rows⟧" }.dropFirst().prefix { $0 != "⟦/rows⟧" }.map { $0 }
  }

  private static let label = "[practice] "

  // MARK: - Questions

  /// The answer to a question.
  var answer: String {
    let words =
      if said.contains("how many") {
        "\(rows.count) \(rows.count == 1 ? "row is" : "rows are") here."
      } else if said.contains("which properties") || said.contains("which columns") {
        properties.map(\.name).joined(separator: ", ")
      } else if said.contains("ticked"), let tick {
        "\(rows.count { $0.contains("\"\(tick)\":true") }) of \(rows.count) rows are ticked."
      } else {
        "I know a few phrases only: “how many rows?”, “which properties?”, “how many are ticked?”"
      }
    return PracticeTalk.label + words
  }

  // MARK: - Wishes

  /// The statements for a wish, in the shape that is asked for; none for one that is not known.
  var statements: JSON {
    let known = PracticeTalk.phrases.first { said.hasPrefix($0.phrase) }
    let statements = known.map(\.kind).flatMap(self.statements) ?? ""
    let explanation =
      statements.isEmpty
      ? "I know a few phrases only: "
        + PracticeTalk.phrases.map { "“\($0.phrase)”" }.joined(separator: ", ")
      : "a phrase of practice, “\(known?.phrase ?? "")”"
    return [
      "statements": .string(statements), "explanation": .string(PracticeTalk.label + explanation),
    ]
  }

  private enum Kind {
    case tickAll, untickAll, tickEmpty, showTicked, showAll, count, japanese, undo
  }

  private static let phrases: [(phrase: String, kind: Kind)] = [
    ("tick all rows", .tickAll), ("untick all rows", .untickAll),
    ("tick the empty rows", .tickEmpty), ("show the ticked rows", .showTicked),
    ("show all rows", .showAll), ("how many rows", .count),
    ("translate the ticked topics to japanese", .japanese), ("undo", .undo),
  ]

  private func statements(_ kind: Kind) -> String? {
    let title = properties.first { $0.type == "title" }?.name
    let text = properties.first { $0.type == "rich_text" }?.name
    func quoted(_ name: String) -> String { "`\(name)`" }
    switch kind {
    case .tickAll: return "tick rows"
    case .untickAll: return "untick rows"
    case .tickEmpty: return text.map { "tick rows where \(quoted($0)) is empty" }
    case .showTicked: return tick.map { "rows where \(quoted($0))" }
    case .showAll: return "rows"
    case .count: return "print count(rows)"
    case .japanese:
      guard let title, let tick else { return nil }
      return "generate with \"translate {\(title)} to Japanese\" on rows where \(quoted(tick))"
    case .undo: return "undo"
    }
  }
}
