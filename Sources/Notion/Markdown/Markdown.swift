public import Transport

/// Between Markdown and Notion's blocks.
public enum Markdown {
  /// The blocks that a Markdown text says.
  ///
  /// Reads CommonMark with tables, strike-through, task lists and bare links; HTML stays text.
  /// Headings of level 4 to 6 become level 3, the deepest every version of Notion has.
  public static func blocks(from text: String) -> [Block] {
    MarkdownReader.read(text)
  }

  /// The Markdown text that says the same as some blocks.
  ///
  /// Kinds without a Markdown form are named in a comment, so that a reader sees that they are there.
  public static func text(from blocks: [Block]) -> String {
    MarkdownWriter.write(blocks)
  }

  /// The rich text that one line of Markdown says; a line break stays one.
  public static func items(from text: String) -> JSON {
    let blocks = MarkdownReader.read(text, isInline: true)
    var items: [JSON] = []
    for (index, block) in blocks.enumerated() {
      if index > 0 { items.append(["type": "text", "text": ["content": "\n"]]) }
      items += block.payload["rich_text"]?.array ?? []
    }
    return .array(items)
  }

  /// The Markdown of rich text.
  public static func text(fromItems items: JSON) -> String { InlineRun.markdown(items) }
}
