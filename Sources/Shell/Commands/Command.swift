import Script

/// A command of the prompt and of scripts: one file, one line in ``CommandCatalog``.
protocol Command {
  /// Its word, slots, documentation and examples.
  static var signature: CommandSignature { get }

  /// Keeps what it needs of the session, as properties.
  init(_ session: Session)

  /// Carries it out.
  ///
  /// - Returns: Its value, for `let x = …` and `_`; `.nothing` for most.
  /// - Throws: ``ScriptError`` with a code of its own, or what a service answered.
  func run(_ call: CommandCall) async throws -> Value
}
