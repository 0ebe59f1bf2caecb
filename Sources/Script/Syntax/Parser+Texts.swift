/// The holes of a text.
extension Parser {
  mutating func piece(_ part: TextPart) throws -> TextPiece {
    switch part {
    case .words(let words): return .words(words)
    case .hole(let tokens, let span):
      var inner = tokens
      var allowsNothing = false
      if inner.count >= 2, inner[inner.count - 2].isSymbol("?") {
        inner.remove(at: inner.count - 2)
        allowsNothing = true
      }
      let source = source.text(Span(span.start + 1, max(span.start + 1, span.end - 1)))
      var name = source
      if allowsNothing, let mark = name.lastIndex(of: "?") { name.remove(at: mark) }
      // Several words in a row are one name.
      let words = inner.compactMap { token -> String? in
        if case .name(let word) = token.kind { word } else { nil }
      }
      if words.count == inner.count - 1, words.count > 1 {
        name = words.joined(separator: " ")
        let place = Span(inner[0].span.start, inner[words.count - 1].span.end)
        return .hole(
          Expression(kind: .name(name), span: place), name: name, allowsNothing: allowsNothing)
      }
      if words.count == 1, inner.count == 2, !Reserved.values.contains(words[0]) {
        return .hole(
          Expression(kind: .name(words[0]), span: inner[0].span), name: words[0],
          allowsNothing: allowsNothing)
      }
      var parser = Parser(source: self.source, commands: commands, tokens: inner)
      parser.depth = depth
      do {
        let value = try parser.expression()
        guard parser.current.isEnd else {
          throw parser.unexpected("the end of the hole")
        }
        diagnostics += parser.diagnostics
        disordered += parser.disordered
        if case .name(let only) = value.kind { name = only }
        return .hole(value, name: name, allowsNothing: allowsNothing)
      } catch {
        // What is wrong inside and was said already needs no second message.
        if diagnostics.contains(where: { span.start <= $0.span.start && $0.span.start < span.end })
        {
          throw Misfit()
        }
        throw fail(
          "V021", "this hole is no value that Visen can read", span, label: "not a value",
          [
            "for a plain brace write \\\(self.source.text(Span(span.start, min(span.end, span.start + 60))))",
            "or use '…' if the whole text has no holes",
          ])
      }
    }
  }
}
