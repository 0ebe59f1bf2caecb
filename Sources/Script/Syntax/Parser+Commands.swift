extension Parser {
  /// Reads a command by its signature.
  mutating func command(_ signature: CommandSignature) throws -> CommandSyntax {
    let start = current.span
    advance()
    words.insert(signature.name)
    let outer = clauseWords
    clauseWords = Set(signature.slots.compactMap(\.words.first))
    defer { clauseWords = outer }
    var filled: [CommandSyntax.Filled] = []
    var positional = signature.slots.filter(\.words.isEmpty)[...]
    while true {
      expectMore(signature, filled, positional.first)
      if endsCommand { break }
      if var slot = clause(signature) {
        if slot.repeats {
          slot = slot.numbered(filled.count { $0.slot.words == slot.words } + 1)
        }
        guard !filled.contains(where: { $0.slot.name == slot.name }) else {
          throw fail(
            "V012", "“\(slot.words.joined(separator: " "))” stands here twice", current.span,
            label: "said before")
        }
        for _ in slot.words { advance() }
        let place = current.span
        filled.append(
          CommandSyntax.Filled(
            slot: slot, filling: try filling(slot, of: signature), span: place.through(lastSpan)))
      } else if expected != nil, isClauseBegun(signature) {
        throw Misfit()
      } else if let slot = positional.popFirst() {
        let place = current.span
        filled.append(
          CommandSyntax.Filled(
            slot: slot, filling: try filling(slot, of: signature), span: place.through(lastSpan)))
      } else {
        throw unexpected(
          expectation(signature),
          suggestions(signature) + (signature.excessNote.map { [$0] } ?? []))
      }
    }
    return CommandSyntax(
      signature: signature, nameSpan: start, slots: filled, span: start.through(lastSpan))
  }

  private var endsCommand: Bool {
    mutating get {
      let token = current
      return token.isEnd || token.isNewline || token.isSymbol("}")
    }
  }

  /// The slot whose words stand here; of several the one with the most words.
  private mutating func clause(_ signature: CommandSignature) -> Slot? {
    _ = current
    return signature.slots.filter { slot in
      !slot.words.isEmpty
        && slot.words.enumerated().allSatisfy {
          tokens[min(position + $0, tokens.count - 1)].isWord($1)
        }
    }.max { $0.words.count < $1.words.count }
  }

  /// Whether the text that is being completed ends within the words of a clause.
  private mutating func isClauseBegun(_ signature: CommandSignature) -> Bool {
    let old = expected
    expectRest(signature)
    return expected != old
  }

  private func expectation(_ signature: CommandSignature) -> String {
    let words = signature.slots.filter { !$0.words.isEmpty }.map { $0.words.joined(separator: " ") }
    return words.isEmpty
      ? "the end of the line" : words.joined(separator: ", ") + " or the end of the line"
  }

  private mutating func suggestions(_ signature: CommandSignature) -> [String] {
    guard case .name(let word) = current.kind else { return [] }
    let words = signature.slots.compactMap(\.words.first)
    return NearestWord.nearest(to: word, among: words).map { ["did you mean `\($0)`?"] } ?? []
  }

  private mutating func filling(_ slot: Slot, of signature: CommandSignature) throws
    -> CommandSyntax.Filling
  {
    if slot.kind != .flag { skipNewlines() }
    let outerSlot = openSlot
    openSlot = .slot(command: signature.name, name: slot.name)
    defer { openSlot = outerSlot }
    if slot.kind != .flag, let openSlot { expect(openSlot) }
    // `to` may go on as `to page`.
    for longer in signature.slots
    where longer.words.count > slot.words.count && longer.words.starts(with: slot.words)
      && !slot.words.isEmpty
    {
      expect(.word(longer.words.dropFirst(slot.words.count).joined(separator: " ")))
    }
    var isCondition = false
    if case .condition = slot.kind { isCondition = true }
    let isInRow = slot.kind == .template || isCondition
    if isInRow { rowDepth += 1 }
    if isCondition { conditionDepth += 1 }
    defer {
      if isInRow { rowDepth -= 1 }
      if isCondition { conditionDepth -= 1 }
    }
    switch slot.kind {
    case .flag: return .flag
    case .expression, .text, .number, .connection, .condition:
      return .expression(try expression())
    case .template:
      // `prompt "intro"` stands for the words that were kept under that name.
      if signature.name != "prompt" { expect(.word("prompt")) }
      guard takeWord("prompt") else { return .expression(try expression()) }
      expect(.promptName)
      return .namedPrompt(try expression())
    case .texts:
      var items = [try expression()]
      while take(",") {
        skipNewlines()
        if let openSlot { expect(openSlot) }
        items.append(try expression())
      }
      return .expressions(items)
    case .properties: return .names(try names())
    case .fields:
      var fields: [(name: String, value: Expression)] = []
      repeat {
        skipNewlines()
        let (name, _) = try anyName()
        guard take(":") else { throw unexpected(": and a value") }
        fields.append((name, try expression()))
      } while take(",")
      return .fields(fields)
    case .engines:
      var names: [(name: String, span: Span)] = []
      repeat {
        skipNewlines()
        if let openSlot { expect(openSlot) }
        let token = current
        if case .text(let parts) = token.kind, case .words(let words)? = parts.first,
          parts.count == 1
        {
          advance()
          names.append((words, token.span))
        } else {
          let (name, span) = try anyName()
          names.append((name, span))
        }
      } while take(",")
      return .names(names)
    case .name:
      if case .text = current.kind { return .expression(try expression()) }
      return .word(try anyName().0)
    case .word:
      if case .name(let word) = current.kind,
        peek().isNewline || peek().isEnd || peek().isSymbol("}")
      {
        advance()
        return .word(word)
      }
      return .expression(try expression())
    case .type: return .shape(try shape())
    case .rowsWhere(let name):
      let start = current.span
      rowDepth += 1
      conditionDepth += 1
      defer {
        rowDepth -= 1
        conditionDepth -= 1
      }
      let condition = try plain()
      let source = Expression(kind: .text([.words(name)]), span: start)
      return .expression(
        Expression(
          kind: .query(QuerySyntax(source: .named(source), condition: condition)),
          span: start.through(lastSpan)))
    case .target:
      if takeWord("sample") {
        let limit = try sum()
        return .target(try expression(), limit: limit, isSample: true)
      }
      if case .number = current.kind, peek().isWord("rows") {
        let limit = try primary()
        return .target(try expression(), limit: limit, isSample: false)
      }
      return .target(try expression(), limit: nil, isSample: false)
    }
  }

  private mutating func names() throws -> [(name: String, span: Span)] {
    var names: [(name: String, span: Span)] = []
    repeat {
      skipNewlines()
      if let openSlot { expect(openSlot) }
      if case .name(let word) = current.kind, clauseWords.contains(word) {
        throw unexpected(
          "the name of a property", ["put a name that is a word in backquotes: `\(word)`"])
      }
      let (name, span) = try anyName()
      names.append((name, span))
    } while take(",")
    return names
  }

  /// The shape of an answer: `number 0..10`, `one of […]`, `list of text`, `{title: text}`.
  mutating func shape() throws -> ShapeSyntax {
    try nested { try $0.unboundedShape() }
  }

  private mutating func unboundedShape() throws -> ShapeSyntax {
    let token = current
    if take("{") {
      brackets += 1
      var fields: [(name: String, shape: ShapeSyntax)] = []
      while !isAt("}") {
        let (name, span) = try anyName()
        guard take(":") else { throw unexpected(": and a type") }
        guard !fields.contains(where: { $0.name == name }) else {
          throw fail("V012", "“\(name)” stands here twice", span, label: "said before")
        }
        fields.append((name, try shape()))
        if !take(",") { break }
      }
      guard isAt("}") else { throw unclosed(token.span, ", or }") }
      brackets -= 1
      advance()
      return .record(fields)
    }
    expect(.type)
    guard case .name(let word) = token.kind else { throw unexpected("a type: \(Parser.shapes)") }
    advance()
    switch word {
    case "text": return .text
    case "flag", "bool", "boolean", "checkbox": return .flag
    case "date": return .date
    case "number":
      guard let minimum = try bound() else { return .number(minimum: nil, maximum: nil) }
      guard take("..") else { throw unexpected(".. and the largest number") }
      guard let maximum = try bound() else { throw unexpected("the largest number") }
      guard minimum <= maximum else {
        throw fail(
          "V010",
          "no number is between \(Value.number(minimum).display) and \(Value.number(maximum).display)",
          token.span.through(lastSpan), ["write the smaller one first"])
      }
      return .number(minimum: minimum, maximum: maximum)
    case "list":
      guard takeWord("of") else { throw unexpected("of and a type") }
      return .list(try shape())
    case "one":
      guard takeWord("of") else { throw unexpected("of and a list of texts") }
      let options = try sum()
      guard case .list(let items) = options.kind else { return .optionOf(options) }
      guard !items.isEmpty else {
        throw fail(
          "V010", "one of nothing is no type", options.span, ["write one of [\"a\", \"b\"]"])
      }
      let names = items.compactMap(\.plainText)
      return names.count == items.count ? .option(names) : .optionOf(options)
    default:
      guard !Reserved.words.contains(word) else {
        throw fail(
          "V010", "there is no type called “\(word)”", token.span, ["types: \(Parser.shapes)"])
      }
      return .named(word, token.span)
    }
  }

  static let shapes = "text, number, flag, date, list of …, one of […], {name: type}"

  private mutating func bound() throws -> Double? {
    let isNegative =
      isAt("-") && { if case .number = peek().kind { true } else { false } }()
    if isNegative { advance() }
    guard case .number(let number) = current.kind else { return nil }
    advance()
    return isNegative ? -number : number
  }
}
