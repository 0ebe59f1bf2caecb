/// Marks around data in what an engine reads, which no data can forge.
nonisolated enum DataMarks {
  /// A text between marks; a mark inside it becomes a plain bracket.
  static func fenced(_ name: String, _ text: String) -> String {
    "⟦\(name)⟧\n\(harmless(text))\n⟦/\(name)⟧"
  }

  /// A text without the characters of the marks.
  static func harmless(_ text: String) -> String {
    text.replacing("⟦", with: "[").replacing("⟧", with: "]")
  }
}
