import Script

/// The errors commands throw, each with a code, one sentence, and what to type.
extension ScriptError {
  /// What was asked cannot be done.
  nonisolated static func refusal(_ code: String, _ message: String, _ notes: String...)
    -> ScriptError
  {
    ScriptError(code: code, message: message, notes: notes, kind: .problem)
  }

  /// A key or setting is missing.
  nonisolated static func setting(_ code: String, _ message: String, _ notes: String...)
    -> ScriptError
  {
    ScriptError(code: code, message: message, notes: notes, kind: .setting)
  }

  /// The budget or the allowance is used up.
  nonisolated static func budget(_ code: String, _ message: String, _ notes: String...)
    -> ScriptError
  {
    ScriptError(code: code, message: message, notes: notes, kind: .budget)
  }
}
