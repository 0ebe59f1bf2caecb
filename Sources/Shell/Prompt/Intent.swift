/// What a line at the prompt is: a program, or something said to the engine.
nonisolated enum Intent {
  /// The wish in a line that begins with `?`; `nil` for any other line.
  static func wish(in line: String) -> String? {
    let text = line.drop(while: \.isWhitespace)
    // A full-width question mark is what a Japanese keyboard types.
    guard text.first == "?" || text.first == "？" else { return nil }
    return String(text.dropFirst().drop(while: \.isWhitespace))
  }
}
