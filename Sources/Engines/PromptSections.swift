/// Several questions in one prompt: how they are put together, and found again.
public enum PromptSections {
  /// The name of the question at a place, from 0; also the name of its answer in the record.
  public static func name(_ index: Int) -> String { "r\(index + 1)" }

  /// One prompt of several, each under its name.
  public static func packed(_ prompts: [Prompt]) -> Prompt {
    var pieces: [Prompt.Piece] = [
      .literal(
        "Below are \(prompts.count) separate tasks, each under a heading with its name. Answer each "
          + "by itself, as if it were the only one, under its name in the JSON object.")
    ]
    for (index, prompt) in prompts.enumerated() {
      pieces.append(.literal("\n\n### \(name(index))\n"))
      pieces += prompt.pieces
    }
    return Prompt(system: prompts.first?.system, pieces: pieces)
  }

  /// The questions of such a prompt by their names; empty for any other prompt.
  static func read(_ text: String) -> [String: String] {
    var sections: [String: String] = [:]
    var name: String?
    var lines: [Substring] = []
    func keep() {
      guard let name else { return }
      while lines.last?.isEmpty == true { lines.removeLast() }
      sections[name] = lines.joined(separator: "\n")
    }
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("### r"), line.dropFirst(5).allSatisfy(\.isNumber) {
        keep()
        name = String(line.dropFirst(4))
        lines = []
      } else {
        lines.append(line)
      }
    }
    keep()
    return sections
  }
}
