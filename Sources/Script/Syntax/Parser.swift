/// What parsing a source gives: always a tree, and what is wrong with it.
struct ParsedProgram: Sendable {
  var statements: [Statement]
  var diagnostics: [Diagnostic]
  /// Whether more lines could make it right.
  var isIncomplete: Bool
}

/// Reads tokens by recursive descent, one token of look-ahead.
///
/// The first thing that does not fit in a statement is noted, and reading goes on with the next line,
/// so that one check finds several mistakes.
struct Parser {
  /// Thrown to the end of the statement; what is wrong stands in `diagnostics`.
  struct Misfit: Error {}

  static let maximumDepth = 120

  let source: SourceText
  let commands: [String: CommandSignature]
  var tokens: [Token]
  var position = 0
  var diagnostics: [Diagnostic] = []
  var isIncomplete = false
  /// Open round and square brackets: inside them a line's end means nothing.
  var brackets = 0
  var depth = 0
  /// Words that end an expression because the command around it expects them.
  var clauseWords: Set<String> = []

  static func parse(_ source: SourceText, commands: [String: CommandSignature]) -> ParsedProgram {
    let lexer = Lexer.read(source)
    var parser = Parser(source: source, commands: commands, tokens: lexer.tokens)
    parser.diagnostics = lexer.diagnostics
    let statements = parser.program()
    let isIncomplete =
      lexer.isIncomplete || (parser.isIncomplete && lexer.diagnostics.isEmpty)
    return ParsedProgram(
      statements: statements,
      diagnostics: parser.diagnostics.sorted { $0.span.start < $1.span.start },
      isIncomplete: isIncomplete)
  }

  init(source: SourceText, commands: [String: CommandSignature], tokens: [Token]) {
    self.source = source
    self.commands = commands
    self.tokens = tokens
  }

  // MARK: - Tokens

  /// The token that comes next; inside brackets, line ends are passed over.
  var current: Token {
    mutating get {
      if brackets > 0 { skipNewlines() }
      return tokens[min(position, tokens.count - 1)]
    }
  }

  func peek(_ ahead: Int = 1) -> Token { tokens[min(position + ahead, tokens.count - 1)] }

  mutating func advance() {
    if position < tokens.count - 1 { position += 1 }
  }

  mutating func skipNewlines() {
    while position < tokens.count - 1, tokens[position].isNewline { position += 1 }
  }

  mutating func take(_ symbol: String) -> Bool {
    guard current.isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func takeWord(_ word: String) -> Bool {
    guard current.isWord(word) else { return false }
    advance()
    return true
  }

  var lastSpan: Span { tokens[max(0, min(position, tokens.count) - 1)].span }

  // MARK: - Mistakes

  mutating func fail(
    _ code: String, _ message: String, _ span: Span, label: String = "", _ notes: [String] = []
  ) -> Misfit {
    // What broke a token has been noted already; a second message about it would only confuse.
    if !diagnostics.contains(where: { $0.span.start <= span.start && span.start < $0.span.end }) {
      diagnostics.append(Diagnostic(code, message, span, label: label, notes: notes))
    }
    return Misfit()
  }

  /// The next token does not fit; at the end of the text, more lines might.
  mutating func unexpected(_ expected: String, _ notes: [String] = []) -> Misfit {
    skipNewlinesIfEnding()
    let token = current
    if token.isEnd {
      isIncomplete = true
      return fail(
        "V011", "the program ends in the middle of a statement",
        Span(max(0, token.span.start - 1), token.span.end), label: "expected \(expected)", notes)
    }
    let text = token.isNewline ? "the end of the line" : "“\(source.text(token.span))”"
    return fail(
      "V012", "\(text) does not fit here", token.span, label: "expected \(expected)", notes)
  }

  /// Moves over line ends when nothing but the end of the text follows.
  private mutating func skipNewlinesIfEnding() {
    var ahead = position
    while ahead < tokens.count - 1, tokens[ahead].isNewline { ahead += 1 }
    if tokens[ahead].isEnd { position = ahead }
  }

  mutating func nested<Result>(_ body: (inout Parser) throws -> Result) throws -> Result {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Parser.maximumDepth else {
      throw fail(
        "V013", "this is nested too deeply", current.span, ["name a part of it with let"])
    }
    return try body(&self)
  }

  // MARK: - Statements

  mutating func program() -> [Statement] {
    var statements: [Statement] = []
    while true {
      skipNewlines()
      if current.isEnd { return statements }
      let start = position
      do {
        statements.append(try statement())
        try endStatement()
      } catch {
        brackets = 0
        clauseWords = []
        if position == start { advance() }
        recover()
      }
    }
  }

  /// Goes to the next line that is not inside a block.
  private mutating func recover() {
    var level = 0
    while position < tokens.count - 1 {
      let token = tokens[position]
      if token.isNewline, level <= 0 { return }
      if token.isSymbol("{") { level += 1 }
      if token.isSymbol("}") { level -= 1 }
      advance()
    }
  }

  private mutating func endStatement() throws {
    let token = current
    if token.isEnd || token.isNewline || token.isSymbol("}") { return }
    var notes: [String] = []
    if token.isSymbol("=") {
      notes.append("to compare write is; to make a name write let NAME = …")
    }
    if case .name(let word) = token.kind,
      let near = NearestWord.nearest(
        to: word,
        among: ["where", "sort", "first", "last", "sample", "pick", "and", "or", "is", "contains"])
    {
      notes.append("did you mean `\(near)`?")
    }
    throw unexpected("the end of the line", notes)
  }

  mutating func statement() throws -> Statement {
    try nested { try $0.unboundedStatement() }
  }

  private mutating func unboundedStatement() throws -> Statement {
    let first = current
    if case .name(let word) = first.kind {
      switch word {
      case "let", "var": return try declaration(isVariable: word == "var")
      case "fn": return try function()
      case "param": return try parameter()
      case "include": return try include()
      case "every" where !isPlace(): return try every()
      case "return":
        advance()
        let value =
          current.isNewline || current.isEnd || current.isSymbol("}") ? nil : try expression()
        return Statement(kind: .giveBack(value), span: first.span.through(lastSpan))
      default: break
      }
      if let builtin = BuiltinStatement(rawValue: word), !isPlace() {
        advance()
        let isBare = current.isNewline || current.isEnd || current.isSymbol("}")
        if isBare, builtin == .print || builtin == .assert {
          throw unexpected("a value", ["\(word) needs one: \(word) \"…\""])
        }
        let value = isBare ? nil : try expression()
        return Statement(kind: .builtin(builtin, value), span: first.span.through(lastSpan))
      }
      if let signature = commands[word], !isPlace(), isCommand(signature) {
        let command = try command(signature)
        return Statement(kind: .command(command), span: command.span)
      }
      if !Reserved.words.contains(word) || word == "it", isPlace() { return try assignment() }
    }
    if case .quoted = first.kind, isPlace() { return try assignment() }
    let value = try expression()
    return Statement(kind: .expression(value), span: value.span)
  }

  /// Whether the word here is that command, and not a name.
  private func isCommand(_ signature: CommandSignature) -> Bool {
    guard signature.isOnlyBeforeNumber else { return true }
    if case .number = peek().kind { return true }
    return false
  }

  /// Whether the statement that begins here assigns: a name, steps, then `=` or `+=`.
  private func isPlace() -> Bool {
    var ahead = position + 1
    var level = 0
    while ahead < tokens.count {
      let token = tokens[ahead]
      if level == 0 {
        if token.isSymbol("=") || token.isSymbol("+=") { return true }
        if token.isSymbol(".") {
          ahead += 2
          continue
        }
        guard token.isSymbol("[") else { return false }
      }
      if token.isSymbol("[") { level += 1 }
      if token.isSymbol("]") { level -= 1 }
      if token.isEnd || token.isNewline { return false }
      ahead += 1
    }
    return false
  }

  private mutating func declaration(isVariable: Bool) throws -> Statement {
    let start = current.span
    advance()
    let (name, nameSpan) = try newName(isVariable ? "var" : "let")
    guard take("=") else { throw unexpected("= and a value") }
    skipNewlines()
    if case .name(let word) = current.kind, let signature = commands[word], isCommand(signature) {
      guard signature.givesValue else {
        throw fail(
          "V012", "“\(word)” gives no value", current.span, label: "a command",
          ["say it on a line of its own"])
      }
      let command = try command(signature)
      return Statement(
        kind: .declareCommand(name: name, nameSpan: nameSpan, isVariable: isVariable, command),
        span: start.through(command.span))
    }
    let value = try expression()
    return Statement(
      kind: .declare(name: name, nameSpan: nameSpan, isVariable: isVariable, value: value),
      span: start.through(value.span))
  }

  private mutating func parameter() throws -> Statement {
    let start = current.span
    advance()
    let (name, nameSpan) = try newName("param")
    let type = take(":") ? try shape() : nil
    let value = take("=") ? try expression() : nil
    return Statement(
      kind: .parameter(
        ParameterSyntax(name: name, nameSpan: nameSpan, shape: type, defaultValue: value)),
      span: start.through(lastSpan))
  }

  private mutating func include() throws -> Statement {
    let start = current.span
    advance()
    guard case .text(let parts) = current.kind, case .words(let path)? = parts.first,
      parts.count == 1
    else { throw unexpected("the path of a file, as a text without holes") }
    let span = current.span
    advance()
    return Statement(
      kind: .include(path: path, pathSpan: span), span: start.through(span))
  }

  private mutating func every() throws -> Statement {
    let start = current.span
    advance()
    let interval = try expression()
    return Statement(kind: .every(interval, try block()), span: start.through(lastSpan))
  }

  private mutating func newName(_ word: String) throws -> (String, Span) {
    let token = current
    switch token.kind {
    case .name(let name):
      if Reserved.words.contains(name) || commands[name].map({ !$0.isOnlyBeforeNumber }) ?? false
        || BuiltinStatement(rawValue: name) != nil
      {
        throw fail(
          "V115", "“\(name)” is a word of the language and cannot be a name", token.span,
          ["take another: \(word) my_\(name) = …"])
      }
      advance()
      return (name, token.span)
    case .quoted(let name):
      advance()
      return (name, token.span)
    default: throw unexpected("a name")
    }
  }

  private mutating func function() throws -> Statement {
    let start = current.span
    advance()
    let (name, nameSpan) = try newName("fn")
    guard take("(") else { throw unexpected("( and the parameters") }
    brackets += 1
    var parameters: [FunctionSyntax.Parameter] = []
    while !current.isSymbol(")") {
      let (name, span) = try newName("let")
      if take(":") { _ = try shape() }
      let value = take("=") ? try expression() : nil
      parameters.append(FunctionSyntax.Parameter(name: name, span: span, defaultValue: value))
      if !take(",") { break }
    }
    guard current.isSymbol(")") else { throw unexpected(", or )") }
    brackets -= 1
    advance()
    let body: Block
    if take("=") {
      skipNewlines()
      let value = try expression()
      body = Block(
        statements: [Statement(kind: .expression(value), span: value.span)], span: value.span)
    } else if current.isSymbol("{") {
      body = try block()
    } else {
      throw unexpected("= and a value, or a block")
    }
    return Statement(
      kind: .function(
        FunctionSyntax(name: name, nameSpan: nameSpan, parameters: parameters, body: body)),
      span: start.through(lastSpan))
  }

  private mutating func assignment() throws -> Statement {
    let start = current.span
    let name: String
    switch current.kind {
    case .name(let text), .quoted(let text): name = text
    default: throw unexpected("a name")
    }
    advance()
    var steps: [Place.Step] = []
    while true {
      if take(".") {
        let (name, span) = try anyName()
        steps.append(.field(name, span))
      } else if current.isSymbol("[") {
        advance()
        brackets += 1
        steps.append(.index(try expression()))
        guard current.isSymbol("]") else { throw unexpected("]") }
        brackets -= 1
        advance()
      } else {
        break
      }
    }
    let place = Place(name: name, nameSpan: start, steps: steps, span: start.through(lastSpan))
    let isAddition = current.isSymbol("+=")
    guard take("=") || take("+=") else { throw unexpected("=") }
    skipNewlines()
    let value = try expression()
    return Statement(
      kind: .assign(place, isAddition: isAddition, value), span: start.through(value.span))
  }

  /// A name after a dot, where reserved words are free.
  mutating func anyName() throws -> (String, Span) {
    let token = current
    switch token.kind {
    case .name(let name), .quoted(let name):
      advance()
      return (name, token.span)
    default: throw unexpected("a name")
    }
  }

  mutating func block() throws -> Block {
    let start = current.span
    guard current.isSymbol("{") else { throw unexpected("{") }
    advance()
    let outerBrackets = brackets
    let outerWords = clauseWords
    brackets = 0
    clauseWords = []
    defer {
      brackets = outerBrackets
      clauseWords = outerWords
    }
    var statements: [Statement] = []
    while true {
      skipNewlines()
      if current.isSymbol("}") {
        advance()
        return Block(statements: statements, span: start.through(lastSpan))
      }
      if current.isEnd {
        isIncomplete = true
        throw fail(
          "V011", "this { is never closed", start, label: "opened here", ["close it with }"])
      }
      statements.append(try statement())
      try endStatement()
    }
  }
}
