/// What parsing a source gives: always a tree, and what is wrong with it.
struct ParsedProgram: Sendable {
  var statements: [Statement]
  var diagnostics: [Diagnostic]
  /// Whether more lines could make it right.
  var isIncomplete: Bool
  /// The clauses of queries that do not stand in their order.
  var disordered: [[(clause: QuerySyntax.Clause, span: Span)]] = []
  /// The commands in it, at any depth, and `every`, `include`, `param` where they stand.
  var words: Set<String> = []
}

/// Reads tokens by recursive descent, one token of look-ahead.
///
/// The first thing that does not fit in a statement is noted, and reading goes on with the next line,
/// so that one check finds several mistakes.
struct Parser {
  /// Thrown to the end of the statement; what is wrong stands in `diagnostics`.
  struct Misfit: Error {}

  static let maximumDepth = 120
  /// The most expressions inside each other.
  static let maximumHeight = 250

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
  /// Blocks that are open, and those whose end will come though nobody waits for it any more.
  private var openBlocks = 0
  private var abandoned = 0
  /// A block whose brace seems to be missing, by the indentation of the one that was closed instead.
  private var suspect: Span?
  /// The clauses of queries that do not stand in their order.
  var disordered: [[(clause: QuerySyntax.Clause, span: Span)]] = []
  /// Commands and statements that were read, by their words.
  var words: Set<String> = []
  /// What may stand at the end of the text; `nil` when nobody wants to know.
  var expected: Set<Expectation>?
  /// How many conditions, sorts and prompts are around, in which bare names are properties.
  var rowDepth = 0
  /// How many conditions are around.
  var conditionDepth = 0
  /// The slot of a command that is being read.
  var openSlot: Expectation?

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
      isIncomplete: isIncomplete, disordered: parser.disordered, words: parser.words)
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

  /// Whether a symbol comes next; the token is looked at where it stands.
  mutating func isAt(_ symbol: Symbol) -> Bool {
    if brackets > 0 { skipNewlines() }
    return tokens[min(position, tokens.count - 1)].isSymbol(symbol)
  }

  /// Whether a word comes next.
  mutating func isAtWord(_ word: String) -> Bool {
    if brackets > 0 { skipNewlines() }
    return tokens[min(position, tokens.count - 1)].isWord(word)
  }

  mutating func take(_ symbol: Symbol) -> Bool {
    guard isAt(symbol) else { return false }
    advance()
    return true
  }

  mutating func takeWord(_ word: String) -> Bool {
    guard isAtWord(word) else {
      // Where no condition is, and as well as or would only be in the way.
      if conditionDepth > 0 || (word != "and" && word != "or") { expect(.word(word)) }
      return false
    }
    advance()
    return true
  }

  var lastSpan: Span { tokens[max(0, min(position, tokens.count) - 1)].span }

  // MARK: - Mistakes

  mutating func fail(
    _ code: String, _ message: String, _ span: Span, label: String = "", _ notes: [String] = []
  ) -> Misfit {
    // What broke a token has been noted already; a second message about it would only confuse.
    if code == "V011" || code == "V012", position > 0,
      diagnostics.contains(where: {
        $0.span.start <= lastSpan.start && lastSpan.start < $0.span.end
      })
    {
      return Misfit()
    }
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
    var notes = notes
    if notes.isEmpty, case .name(let word) = token.kind, !Reserved.words.contains(word),
      position > 0,
      case .name(let before) = tokens[position - 1].kind, !Reserved.words.contains(before),
      commands[before] == nil, BuiltinStatement(rawValue: before) == nil
    {
      notes = ["a name of several words stands in backquotes: `\(before) \(word)`"] + notes
    }
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
      if position == 0 || tokens[position - 1].isNewline { expect(.statement) }
      if current.isEnd { return statements }
      let start = position
      if isAt("}"), abandoned > 0 {
        // It closes a block in which something was wrong; that was said.
        abandoned -= 1
        advance()
        continue
      }
      if isAt("}") {
        _ = fail(
          "V012", "this } closes nothing", current.span, label: "no { is open",
          ["take it away, or look for a { that is missing above"])
        advance()
        continue
      }
      do {
        statements.append(try statement())
        try endStatement(after: statements.last)
      } catch {
        brackets = 0
        clauseWords = []
        abandoned += openBlocks
        openBlocks = 0
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
      if token.isSymbol("}") {
        if level > 0 { level -= 1 } else { abandoned = max(0, abandoned - 1) }
      }
      advance()
    }
  }

  private mutating func endStatement(after statement: Statement?) throws {
    let token = current
    if token.isEnd || token.isNewline || token.isSymbol("}") { return }
    if case .expression(let value)? = statement?.kind, case .name(let word) = value.kind,
      !token.isSymbol("="), !source.text(value.span).hasPrefix("`")
    {
      throw unknownCommand(word, value.span)
    }
    var notes: [String] = []
    if token.isSymbol("=") {
      notes.append("to compare write is; to make a name write let NAME = …")
    }
    if position > 0, case .text = tokens[position - 1].kind, lastSpan.end == token.span.start {
      notes.append("to put a quote into a text write \\\", or let the text stand in '…'")
    }
    if case .name(let word) = token.kind,
      let near = NearestWord.nearest(
        to: word,
        among: ["where", "sort", "first", "last", "sample", "pick", "and", "or", "is", "contains"])
    {
      notes.append("did you mean `\(near)`?")
    }
    var expected = "the end of the line"
    if case .expression(let value)? = statement?.kind, case .query(let query) = value.kind {
      let words = [
        (QuerySyntax.Clause.condition, "where"), (.sort, "sort by"), (.take, "first, last, sample"),
        (.pick, "pick"),
      ]
      let open = words.filter { word in !query.clauses.contains { $0.clause == word.0 } }.map(\.1)
      if !open.isEmpty { expected = open.joined(separator: ", ") + " or the end of the line" }
    }
    throw unexpected(expected, notes)
  }

  /// A word with something after it, as commands stand; it is none.
  private mutating func unknownCommand(_ word: String, _ span: Span) -> Misfit {
    if let function = Function.byName[word] {
      return fail(
        "V103", "“\(word)” is a function, and its values stand in ( )", span,
        ["write: \(function.signatureText)"])
    }
    let words =
      Array(commands.keys) + BuiltinStatement.allCases.map(\.rawValue)
      + ["rows", "for", "if", "let", "var", "fn", "param", "include", "every", "retry", "do", "ai"]
    let near = NearestWord.nearest(to: word, among: words.sorted())
    return fail(
      "V103", "there is no command called “\(word)”", span, label: "unknown command",
      near.map { ["did you mean `\($0)`?"] } ?? ["all of them: help"])
  }

  mutating func statement() throws -> Statement {
    try nested { try $0.unboundedStatement() }
  }

  private mutating func unboundedStatement() throws -> Statement {
    let first = current
    if case .name(let word) = first.kind {
      if ["param", "include", "every"].contains(word) { words.insert(word) }
      switch word {
      case "let", "var": return try declaration(isVariable: word == "var")
      case "fn": return try function()
      case "param": return try parameter()
      case "include": return try include()
      case "every" where !isPlace(): return try every()
      case "return":
        advance()
        let value =
          current.isNewline || current.isEnd || isAt("}") ? nil : try expression()
        return Statement(kind: .giveBack(value), span: first.span.through(lastSpan))
      default: break
      }
      if let builtin = BuiltinStatement(rawValue: word), !isPlace() {
        advance()
        expect(.value(inRow: false))
        let isBare = current.isNewline || current.isEnd || isAt("}")
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
    expect(.valueCommand)
    if !isVariable, isAtWord("type"), beginsShape(peek()) {
      advance()
      let shape = try shape()
      return Statement(
        kind: .declareType(name: name, nameSpan: nameSpan, shape), span: start.through(lastSpan))
    }
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

  /// Whether a type may begin with this token.
  private func beginsShape(_ token: Token) -> Bool {
    if token.isSymbol("{") { return true }
    if case .name(let word) = token.kind { return !Reserved.words.contains(word) }
    return false
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
    expect(.script)
    guard case .text(let parts) = current.kind, case .words(let path)? = parts.first,
      parts.count == 1
    else { throw unexpected("the path of a file, as a text without holes") }
    let span = current.span
    advance()
    let name = takeWord("as") ? try newName("let").0 : nil
    return Statement(
      kind: .include(path: path, pathSpan: span, name: name), span: start.through(lastSpan))
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
    while !isAt(")") {
      let (name, span) = try newName("let")
      let shape = take(":") ? try shape() : nil
      let value = take("=") ? try expression() : nil
      parameters.append(
        FunctionSyntax.Parameter(name: name, span: span, shape: shape, defaultValue: value))
      if !take(",") { break }
    }
    guard isAt(")") else { throw unclosed(nameSpan, ", or )") }
    brackets -= 1
    advance()
    let body: Block
    if take("=") {
      skipNewlines()
      let value = try expression()
      body = Block(
        statements: [Statement(kind: .expression(value), span: value.span)], span: value.span)
    } else if isAt("{") {
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
        expect(.field)
        let (name, span) = try anyName()
        steps.append(.field(name, span))
      } else if isAt("[") {
        advance()
        brackets += 1
        steps.append(.index(try expression()))
        guard isAt("]") else { throw unclosed(start, "]") }
        brackets -= 1
        advance()
      } else {
        break
      }
    }
    let place = Place(name: name, nameSpan: start, steps: steps, span: start.through(lastSpan))
    let isAddition = isAt("+=")
    guard take("=") || take("+=") else { throw unexpected("=") }
    skipNewlines()
    if case .field(let name, _)? = steps.last { expect(.comparison(field: name)) }
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
    guard isAt("{") else { throw unexpected("{") }
    advance()
    openBlocks += 1
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
      if isAt("}") {
        // Closed further left than it was opened: its own brace is missing, and this is another's.
        if suspect == nil, isFirstOfLine(current.span), indent(current.span) < indent(start) {
          suspect = start
        }
        openBlocks -= 1
        advance()
        return Block(statements: statements, span: start.through(lastSpan))
      }
      expect(.statement)
      if current.isEnd {
        isIncomplete = true
        throw fail(
          "V011", "this { is never closed", suspect ?? start, label: "opened here",
          ["close it with }"])
      }
      statements.append(try statement())
      try endStatement(after: statements.last)
    }
  }

  // MARK: - Brackets

  /// A bracket that is not closed where it should be; says where it was opened, if on another line.
  mutating func unclosed(_ opener: Span, _ expected: String) -> Misfit {
    let line = source.line(of: opener.start)
    let isNear = source.line(of: current.span.start) == line
    return unexpected(
      expected, isNear ? [] : ["it was opened in line \(line) and is not closed yet"])
  }

  /// The white space before the line in which something stands.
  private func indent(_ span: Span) -> Int {
    source.text(source.lineSpan(of: span.start)).prefix { $0 == " " || $0 == "\t" }.count
  }

  private func isFirstOfLine(_ span: Span) -> Bool {
    source.text(Span(source.lineSpan(of: span.start).start, span.start)).allSatisfy(\.isWhitespace)
  }
}
