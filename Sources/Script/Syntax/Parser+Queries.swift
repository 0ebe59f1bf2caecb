/// Rows with their clauses.
extension Parser {
  mutating func query() throws -> Expression {
    let start = current.span
    advance()
    var query = QuerySyntax()
    if takeWord("of") {
      skipNewlines()
      expect(.connection)
      if case .name(let name) = current.kind, !Reserved.words.contains(name) {
        query.source = .named(Expression(kind: .text([.words(name)]), span: current.span))
        advance()
      } else {
        query.source = .named(try primary())
      }
    }
    while true {
      expectClauses(query)
      guard case .name(let word) = current.kind else { break }
      let place = current.span
      let clause: QuerySyntax.Clause
      switch word {
      case "where": clause = .condition
      case "sort": clause = .sort
      case "first", "last", "sample": clause = .take
      case "pick": clause = .pick
      default:
        noteOrder(query)
        return Expression(kind: .query(query), span: start.through(lastSpan))
      }
      guard !query.clauses.contains(where: { $0.clause == clause }) else {
        throw fail(
          "V012",
          clause == .take
            ? "first, last and sample do not stand together" : "“\(word)” stands here twice",
          place, label: "said before",
          clause == .condition
            ? ["join conditions with and"] : clause == .sort ? ["write: sort by A, B desc"] : [])
      }
      switch word {
      case "where":
        advance()
        skipNewlines()
        rowDepth += 1
        conditionDepth += 1
        defer {
          rowDepth -= 1
          conditionDepth -= 1
        }
        let condition = try plain()
        query.condition = condition
        if isAt("=") {
          throw fail(
            "V014", "“=” gives a value; to compare write is", current.span,
            label: "a comparison?", ["write: \(source.text(condition.span)) is …"])
        }
      case "sort":
        advance()
        guard takeWord("by") else { throw unexpected("by and a property", ["write: sort by Name"]) }
        repeat {
          skipNewlines()
          rowDepth += 1
          defer { rowDepth -= 1 }
          let key = try sum()
          var isAscending = true
          if takeWord("desc") { isAscending = false } else { _ = takeWord("asc") }
          query.sorts.append((key, isAscending))
        } while take(",")
      case "first", "last", "sample":
        advance()
        skipNewlines()
        let count = try sum()
        query.take =
          word == "first" ? .first(count) : word == "last" ? .last(count) : .sample(count)
      case "pick":
        advance()
        repeat {
          skipNewlines()
          expect(.property)
          query.pick.append(try anyName())
        } while take(",")
      default: break
      }
      query.clauses.append((clause, place.through(lastSpan)))
    }
    noteOrder(query)
    if isAt("=") {
      throw fail(
        "V014", "“=” gives a value; to compare write is", current.span, label: "a comparison?",
        ["write: rows where … is …"])
    }
    return Expression(kind: .query(query), span: start.through(lastSpan))
  }

  /// Remembers a query whose clauses the formatter would order otherwise.
  private mutating func noteOrder(_ query: QuerySyntax) {
    let order = query.clauses.map(\.clause.rawValue)
    if order != order.sorted() { disordered.append(query.clauses) }
  }

  /// Notes the clauses that a query may still take.
  private mutating func expectClauses(_ query: QuerySyntax) {
    if query.condition == nil { expect(.word("where")) }
    if query.sorts.isEmpty { expect(.word("sort by")) }
    if query.pick.isEmpty { expect(.word("pick")) }
    if query.take == nil {
      for word in ["first", "last", "sample"] { expect(.word(word)) }
    }
  }
}
