import Engines
import Script

/// From the language's prompts to the engines'.
nonisolated enum PromptRendering {
  /// A prompt for one row; words without any hole get the row's title with them.
  static func prompt(_ pieces: [PromptTemplate.Piece], row: Row?, titleName: String?) -> Prompt {
    var result = pieces.map { piece -> Prompt.Piece in
      switch piece {
      case .literal(let text): .literal(text)
      case .data(let name, let text): .data(name: name, text: text)
      }
    }
    let hasHoles = result.contains { if case .data = $0 { true } else { false } }
    if !hasHoles, let row {
      let name = titleName ?? "title"
      result += [.literal("\n\n\(name): "), .data(name: name, text: row.title)]
    }
    return Prompt(
      system: "Answer with the requested text only: no preamble, no quotation marks around it.",
      pieces: result)
  }

  /// The shape of an answer for the engines.
  static func answerType(_ shape: AnswerShape) -> AnswerType {
    switch shape {
    case .text: .text
    case .number(let minimum, let maximum): .number(minimum: minimum, maximum: maximum)
    case .flag: .flag
    case .date: .date
    case .option(let names): .option(names)
    case .list(let item): .list(answerType(item))
    case .record(let fields):
      .record(fields.map { AnswerType.Field($0.name, answerType($0.shape)) })
    }
  }
}
