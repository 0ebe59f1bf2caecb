import Engines
import Script

/// What was tried last, so that it can be kept without being asked again.
final class Bench {
  /// A prompt with an engine.
  struct Variant: Sendable {
    /// Its letter, from `A` on.
    let letter: String
    let template: PromptTemplate
    let engine: ChosenEngine
  }

  /// The prompts, engines and rows, and every answer.
  struct Experiment {
    let connection: String
    let variants: [Variant]
    let rows: [Row]
    /// By row, then by variant; missing where there was no answer.
    let answers: [[Answer?]]
  }

  var last: Experiment?
}
