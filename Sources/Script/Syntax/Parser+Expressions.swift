extension Parser {
  /// An expression, with its `catch`.
  mutating func expression() throws -> Expression {
    try nested { parser in
      var result = try parser.plain()
      while parser.takeWord("catch") {
        parser.skipNewlines()
        let other = try parser.plain()
        result = try parser.bounded(
          Expression(kind: .problemCatch(result, other), span: result.span.through(other.span)))
      }
      return result
    }
  }

  mutating func plain() throws -> Expression {
    if isAtWord("if") { return try conditional() }
    if isAtWord("for") { return try loop() }
    return try disjunction()
  }

  private mutating func conditional() throws -> Expression {
    try nested { parser in
      let start = parser.current.span
      parser.advance()
      parser.skipNewlines()
      parser.conditionDepth += 1
      defer { parser.conditionDepth -= 1 }
      let condition = try parser.expression()
      parser.joinLine(before: "then")
      if parser.takeWord("then") {
        parser.skipNewlines()
        let then = try parser.expression()
        parser.joinLine(before: "else")
        let isNext = parser.takeWord("else")
        guard isNext else {
          throw parser.unexpected(
            "else and a value", ["without else write braces: if … { … }"])
        }
        parser.skipNewlines()
        let otherwise = try parser.expression()
        return Expression(
          kind: .conditional(
            condition: condition, then: Block(single: then), otherwise: Block(single: otherwise)),
          span: start.through(otherwise.span))
      }
      guard parser.isAt("{") else {
        throw parser.unexpected("{ or then", parser.equalsHint())
      }
      let then = try parser.block()
      var otherwise: Block?
      if parser.takeWord("else") {
        if parser.isAtWord("if") {
          otherwise = Block(single: try parser.conditional())
        } else {
          otherwise = try parser.block()
        }
      }
      return Expression(
        kind: .conditional(condition: condition, then: then, otherwise: otherwise),
        span: start.through(parser.lastSpan))
    }
  }

  /// Passes over line ends before a word that can begin no statement.
  private mutating func joinLine(before word: String) {
    var ahead = position
    while ahead < tokens.count - 1, tokens[ahead].isNewline { ahead += 1 }
    if ahead > position, tokens[ahead].isWord(word) { position = ahead }
  }

  private mutating func equalsHint() -> [String] {
    isAt("=") ? ["to compare write is: … is …"] : []
  }

  private mutating func loop() throws -> Expression {
    let start = current.span
    advance()
    let (name, nameSpan) = try anyName()
    guard !Reserved.words.contains(name) else {
      throw fail("V115", "“\(name)” is a word of the language and cannot be a name", nameSpan)
    }
    guard takeWord("in") else { throw unexpected("in and what to go through") }
    skipNewlines()
    let outer = clauseWords
    clauseWords = ["parallel", "on"]
    let sequence = try expression()
    clauseWords = outer
    var width: Expression?
    var continues = false
    while true {
      expect(.word("on error continue"))
      if takeWord("parallel") {
        width = try sum()
      } else if isAtWord("on"), peek().isWord("error") {
        advance()
        advance()
        let (word, span) = try anyName()
        switch word {
        case "continue": continues = true
        case "stop": continues = false
        default:
          throw fail(
            "V012", "“\(word)” does not fit here", span, label: "expected continue or stop",
            ["on error continue goes on with the next row"])
        }
      } else {
        break
      }
    }
    guard isAt("{") else {
      throw unexpected(
        "{, parallel or on error continue",
        isAt("=")
          ? equalsHint()
          : current.isNewline
            ? ["the { stands on the same line: for x in … {"]
            : current.isWord("rows") ? ["so many of them: for \(name) in rows first 12 {"] : [])
    }
    let body = try block()
    return Expression(
      kind: .loop(
        LoopSyntax(
          variable: name, variableSpan: nameSpan, sequence: sequence, width: width,
          continuesOnError: continues, body: body)),
      span: start.through(body.span))
  }

  private mutating func disjunction() throws -> Expression {
    var left = try conjunction()
    while takeWord("or") {
      skipNewlines()
      left = try binary(.or, left, try conjunction())
    }
    return left
  }

  private mutating func conjunction() throws -> Expression {
    var left = try negation()
    while takeWord("and") {
      skipNewlines()
      left = try binary(.and, left, try negation())
    }
    return left
  }

  private mutating func negation() throws -> Expression {
    guard isAtWord("not") else { return try test() }
    return try nested { parser in
      let start = parser.current.span
      parser.advance()
      let inner = try parser.negation()
      return Expression(kind: .not(inner), span: start.through(inner.span))
    }
  }

  private mutating func binary(
    _ operation: BinaryOperator, _ a: Expression, _ b: Expression
  ) throws -> Expression {
    try bounded(Expression(kind: .binary(operation, a, b), span: a.span.through(b.span)))
  }

  /// Refuses what is so deep that walking it would need more stack than there is.
  private mutating func bounded(_ value: Expression) throws -> Expression {
    guard value.height <= Parser.maximumHeight else {
      throw fail(
        "V013", "this is too long for one value", value.span, ["name a part of it with let"])
    }
    return value
  }

  private mutating func test() throws -> Expression {
    let left = try orElse()
    if conditionDepth > 0 { expect(.comparator) }
    let token = current
    switch token.kind {
    case .symbol(let symbol):
      let operation: BinaryOperator
      switch symbol {
      case "==": operation = .isEqual
      case "!=": operation = .isNotEqual
      case "<", "<=", ">", ">=": operation = BinaryOperator(rawValue: symbol.description) ?? .less
      default: return left
      }
      advance()
      skipNewlines()
      if let name = left.fieldName { expect(.comparison(field: name)) }
      let result = try binary(operation, left, try orElse())
      if case .symbol(let next) = current.kind, ["<", "<=", ">", ">=", "==", "!="].contains(next) {
        throw fail(
          "V012", "comparisons do not chain", current.span, label: "a second comparison",
          ["write: a < b and b < c"])
      }
      return result
    case .name(let word):
      switch word {
      case "is":
        advance()
        skipNewlines()
        let isNegated = takeWord("not")
        if isNegated { skipNewlines() }
        if takeWord("empty") {
          return Expression(
            kind: .isEmpty(left, isNegated: isNegated), span: left.span.through(lastSpan))
        }
        for change in [CellChange.stale, .edited] where takeWord(change.rawValue) {
          return Expression(
            kind: .hasChanged(left, change, isNegated: isNegated),
            span: left.span.through(lastSpan))
        }
        if let name = left.fieldName { expect(.comparison(field: name)) }
        return try binary(isNegated ? .isNotEqual : .isEqual, left, try orElse())
      case "contains", "in", "matches":
        advance()
        skipNewlines()
        let operation: BinaryOperator =
          word == "contains" ? .contains : word == "in" ? .isIn : .matches
        if let name = left.fieldName { expect(.comparison(field: name)) }
        return try binary(operation, left, try orElse())
      case "not":
        guard peek().isWord("in") || peek().isWord("contains") else { return left }
        advance()
        let operation: BinaryOperator = isAtWord("in") ? .isNotIn : .notContains
        advance()
        skipNewlines()
        if let name = left.fieldName { expect(.comparison(field: name)) }
        return try binary(operation, left, try orElse())
      case "starts", "ends":
        guard peek().isWord("with") else {
          advance()
          expect(.word("with"))
          throw unexpected("with", ["write: … \(word) with …"])
        }
        advance()
        advance()
        skipNewlines()
        if let name = left.fieldName { expect(.comparison(field: name)) }
        return try binary(word == "starts" ? .startsWith : .endsWith, left, try orElse())
      default: return left
      }
    default: return left
    }
  }

  private mutating func orElse() throws -> Expression {
    var left = try range()
    while take("??") {
      skipNewlines()
      left = try binary(.orElse, left, try range())
    }
    return left
  }

  private mutating func range() throws -> Expression {
    let left = try sum()
    guard take("..") else { return left }
    skipNewlines()
    return try binary(.range, left, try sum())
  }

  mutating func sum() throws -> Expression {
    var left = try term()
    while true {
      let operation: BinaryOperator
      if isAt("+") {
        operation = .add
      } else if isAt("-") {
        operation = .subtract
      } else {
        return left
      }
      advance()
      skipNewlines()
      left = try binary(operation, left, try term())
    }
  }

  private mutating func term() throws -> Expression {
    var left = try unary()
    while true {
      let operation: BinaryOperator
      if isAt("*") {
        operation = .multiply
      } else if isAt("/") {
        operation = .divide
      } else if isAt("%") {
        operation = .remainder
      } else {
        return left
      }
      advance()
      skipNewlines()
      left = try binary(operation, left, try unary())
    }
  }

  private mutating func unary() throws -> Expression {
    let start = current.span
    if isAt("-") {
      return try nested { parser in
        parser.advance()
        let inner = try parser.unary()
        return Expression(kind: .negate(inner), span: start.through(inner.span))
      }
    }
    if isAtWord("ai") { return try aiCall() }
    return try postfix()
  }

  private mutating func aiCall() throws -> Expression {
    let start = current.span
    advance()
    skipNewlines()
    var prompt: PromptSyntax
    expect(.word("prompt"))
    if takeWord("prompt") {
      expect(.promptName)
      prompt = .kept(name: try nested { try $0.sum() }, row: nil)
    } else {
      prompt = .words(try nested { try $0.sum() })
    }
    var shape: ShapeSyntax?
    var engine: Expression?
    while true {
      if case .kept(_, nil) = prompt, !clauseWords.contains("on") { expect(.word("on")) }
      if takeWord("as") {
        shape = try self.shape()
      } else if takeWord("using") {
        expect(.engine)
        if case .name(let name) = current.kind, !Reserved.words.contains(name) {
          // An engine's name, or a variable that holds one: the resolver knows.
          engine = Expression(kind: .name(name), span: current.span)
          advance()
        } else {
          engine = try sum()
        }
      } else if case .kept(let name, nil) = prompt, !clauseWords.contains("on"), takeWord("on") {
        // Inside a command or before a loop's body the word is theirs; ( ) make it the prompt's.
        prompt = .kept(name: name, row: try nested { try $0.sum() })
      } else {
        break
      }
    }
    return Expression(
      kind: .ai(prompt: prompt, shape: shape, engine: engine), span: start.through(lastSpan))
  }

  private mutating func postfix() throws -> Expression {
    var value = try primary()
    while true {
      if isAt(".") {
        advance()
        expect(.field)
        let (name, span) = try anyName()
        if isCall {
          var arguments = try arguments()
          arguments.insert(Expression.Argument(name: nil, value: value), at: 0)
          value = try bounded(
            Expression(
              kind: .call(name: name, nameSpan: span, arguments: arguments),
              span: value.span.through(lastSpan)))
        } else {
          value = try bounded(
            Expression(
              kind: .field(value, name: name, nameSpan: span), span: value.span.through(span)))
        }
      } else if isAt("["), isAdjacent {
        advance()
        brackets += 1
        let index = try expression()
        guard isAt("]") else { throw unclosed(value.span, "]") }
        brackets -= 1
        advance()
        value = try bounded(
          Expression(kind: .index(value, index), span: value.span.through(lastSpan)))
      } else {
        return value
      }
    }
  }

  /// A bracket right behind a value belongs to it; one after a space begins something new.
  private var isAdjacent: Bool {
    mutating get {
      let token = current
      // A line's end that was passed over ends where the next line begins.
      return token.span.start == lastSpan.end && position > 0 && !tokens[position - 1].isNewline
    }
  }

  private var isCall: Bool {
    mutating get { isAt("(") && isAdjacent }
  }

  private mutating func arguments() throws -> [Expression.Argument] {
    let opener = current.span
    guard take("(") else { throw unexpected("(") }
    brackets += 1
    let outer = clauseWords
    clauseWords = []
    defer { clauseWords = outer }
    var arguments: [Expression.Argument] = []
    while !isAt(")") {
      var name: String?
      if case .name(let word) = current.kind, peek().isSymbol(":") {
        name = word
        advance()
        advance()
      }
      arguments.append(Expression.Argument(name: name, value: try expression()))
      if !take(",") { break }
    }
    guard isAt(")") else { throw unclosed(opener, ", or )") }
    brackets -= 1
    advance()
    return arguments
  }

  mutating func primary() throws -> Expression {
    let isInRow = rowDepth > 0
    expect(.value(inRow: isInRow))
    let token = current
    func plain(_ kind: Expression.Kind) -> Expression { Expression(kind: kind, span: token.span) }
    switch token.kind {
    case .number(let number):
      advance()
      return plain(.number(number))
    case .duration(let duration):
      advance()
      return plain(.duration(duration))
    case .date(let date):
      advance()
      return plain(.date(date))
    case .text(let parts):
      advance()
      return plain(.text(try parts.map { try piece($0) }))
    case .quoted(let name):
      advance()
      return plain(.name(name))
    case .symbol("("):
      advance()
      brackets += 1
      let outer = clauseWords
      clauseWords = []
      let inner = try expression()
      clauseWords = outer
      guard isAt(")") else {
        throw isAt("=") ? unexpected(")", equalsHint()) : unclosed(token.span, ")")
      }
      brackets -= 1
      advance()
      return Expression(kind: inner.kind, span: token.span.through(lastSpan))
    case .symbol("["): return try list()
    case .symbol("{"): return try record()
    case .name(let word): return try named(word, token)
    default: throw unexpected("a value")
    }
  }

  private mutating func named(_ word: String, _ token: Token) throws -> Expression {
    func plain(_ kind: Expression.Kind) -> Expression { Expression(kind: kind, span: token.span) }
    guard Reserved.words.contains(word) else {
      advance()
      return isCall ? try call(word, token) : plain(.name(word))
    }
    switch word {
    case "true", "false":
      advance()
      return plain(.flag(word == "true"))
    case "nothing":
      advance()
      return plain(.nothing)
    case "it":
      advance()
      return plain(.it)
    case "rows": return try nested { try $0.query() }
    case "do":
      advance()
      let block = try nested { try $0.block() }
      return Expression(kind: .block(block), span: token.span.through(block.span))
    case "retry":
      advance()
      let count = try sum()
      let block = try nested { try $0.block() }
      return Expression(kind: .retry(count, block), span: token.span.through(block.span))
    case "if", "for", "ai":
      throw fail(
        "V012", "“\(word)” does not fit here", token.span, label: "expected a value",
        ["put it in parentheses, or name it first: let x = \(word) …"])
    // Function names that are reserved as clause words are free before a bracket.
    case "first", "last", "sort":
      if peek().isSymbol("("), peek().span.start == token.span.end {
        advance()
        return try call(word, token)
      }
      throw unexpected("a value")
    default:
      throw unexpected("a value", ["a property of that name is written in backquotes: `\(word)`"])
    }
  }

  private mutating func call(_ name: String, _ token: Token) throws -> Expression {
    let arguments = try arguments()
    return Expression(
      kind: .call(name: name, nameSpan: token.span, arguments: arguments),
      span: token.span.through(lastSpan))
  }

  private mutating func list() throws -> Expression {
    let start = current.span
    advance()
    brackets += 1
    var items: [Expression] = []
    while !isAt("]") {
      items.append(try expression())
      if !take(",") { break }
    }
    guard isAt("]") else { throw unclosed(start, ", or ]") }
    brackets -= 1
    advance()
    return Expression(kind: .list(items), span: start.through(lastSpan))
  }

  private mutating func record() throws -> Expression {
    let start = current.span
    advance()
    brackets += 1
    var fields: [(name: String, value: Expression)] = []
    while !isAt("}") {
      let name: String
      let place = current.span
      if case .text(let parts) = current.kind, parts.count <= 1 {
        if case .words(let words)? = parts.first { name = words } else { name = "" }
        advance()
      } else {
        name = try anyName().0
      }
      guard take(":") else {
        throw unexpected(": and a value", ["a record is written {name: value}"])
      }
      guard !fields.contains(where: { $0.name == name }) else {
        throw fail("V012", "“\(name)” stands here twice", place, label: "said before")
      }
      fields.append((name, try expression()))
      if !take(",") { break }
    }
    guard isAt("}") else { throw unclosed(start, ", or }") }
    brackets -= 1
    advance()
    return Expression(kind: .record(fields), span: start.through(lastSpan))
  }
}

extension Block {
  /// A block of one value.
  init(single value: Expression) {
    self.init(
      statements: [Statement(kind: .expression(value), span: value.span)], span: value.span)
  }
}

extension Expression {
  /// The words of a text without holes.
  var plainText: String? {
    guard case .text(let pieces) = kind else { return nil }
    var words = ""
    for piece in pieces {
      guard case .words(let part) = piece else { return nil }
      words += part
    }
    return words
  }
}
