import GRDB
import Transport

/// A query of a data source: which rows, in which order, a page of them.
struct RowQuery {
  let source: Record
  let schemas: PropertySchemas
  let filter: Filter?
  let sorts: [Sorting]
  let isInTrash: Bool
  let size: Int
  /// The identity of the page's first row; `nil` for the first page.
  let start: String?
  /// What the pages of one query have in common.
  let session: String
  let call: Call

  private typealias Place = Sorting.Place

  /// Candidates that are sorted at once; more are walked in order.
  private static let mostSorted = 4_000
  /// Candidates that are looked up one by one; with more it is quicker to go along the rows.
  private static let mostLookedUp = 20_000

  /// The rows of the page, and the identity of the first row after it.
  func page() throws -> (rows: [Record], next: String?) {
    if case .nothing = condition { return ([], nil) }
    // What is equal for every row sorts nothing, and nothing is equal in the order of creation.
    var keys: [Sorting] = []
    var isComputed = !call.workspace.isIndexed
    for sort in sorts {
      switch sort.column(in: source) {
      case .constant: continue
      case .computed: isComputed = true
      default: break
      }
      keys.append(sort)
      if case .created = sort.column(in: source) { break }
    }
    guard let first = keys.first else { return try byCreation(isAscending: false) }
    if case .created = first.column(in: source) {
      return try byCreation(isAscending: first.isAscending)
    }
    let known = start == nil ? nil : call.workspace.openQueries.session(session)
    if let known, known.order != nil { return try inOrder(known) }
    if known == nil {
      if isComputed { return try inOrder(opened(try computedOrder(keys), keys, isVerified: true)) }
      let condition = self.condition
      if let candidates = try candidates(of: condition, atMost: RowQuery.mostSorted) {
        let order = try Row.fetchAll(
          call.database, sorted(keys, condition, among: candidates, from: nil)
        ).map { $0[0] as Int64 }
        return try inOrder(opened(order, keys, isVerified: false))
      }
    }
    return try walk(keys, known)
  }

  private var condition: Condition {
    guard call.workspace.isIndexed, let filter else { return .anything }
    return filter.condition(in: source)
  }

  // MARK: - By creation

  private func byCreation(isAscending: Bool) throws -> (rows: [Record], next: String?) {
    var from: Int64?
    if let start {
      guard let first = try Storage.find(start, call.database), first.parent == source.id else {
        throw invalidStart
      }
      from = first.sequence
    }
    let condition = self.condition
    let sign = isAscending ? ">=" : "<="
    let direction = isAscending ? "ASC" : "DESC"
    if var pages = try candidatePages(of: condition, isAscending: isAscending) {
      let (text, arguments) = condition.sql(page: "r.sequence")
      if let from { pages = Array(pages.drop { isAscending ? $0 < from : $0 > from }) }
      var rows: [Record] = []
      for begin in stride(from: 0, to: pages.count, by: 256) {
        let chunk = pages[begin..<min(begin + 256, pages.count)]
        let request = SQLRequest<Row>(
          sql: """
            SELECT r.* FROM record r WHERE r.sequence IN (\(chunk.map(String.init).joined(separator: ",")))
            AND r.parent = ? AND r.kind = 'page' AND r.in_trash = ? AND \(text)
            ORDER BY r.sequence \(direction)
            """,
          arguments: StatementArguments(
            [source.id.databaseValue, isInTrash.databaseValue] + arguments))
        if let next = try take(from: Row.fetchCursor(call.database, request), into: &rows) {
          return (rows, next)
        }
      }
      return (rows, nil)
    }
    var conjuncts = condition.conjuncts
    var tables = "record r"
    var page = "r.sequence"
    var tests: [String] = []
    var arguments: [DatabaseValue] = []
    // What no index helps with is looked for along the cells of its property, which lie together.
    let scan = conjuncts.firstIndex { if case .cell(let test) = $0 { test.isScan } else { false } }
    if let scan, case .cell(let test) = conjuncts.remove(at: scan) {
      tables = "cell c CROSS JOIN record r ON r.sequence = c.page"
      page = "c.page"
      tests.append(
        "c.property = \(test.column) AND c.place = 0 AND (\(test.condition.replacing("@", with: "c")))"
      )
      arguments += test.arguments
    }
    if let from { tests.append("\(page) \(sign) \(from)") }
    tests.append("r.parent = ? AND r.kind = 'page' AND r.in_trash = ?")
    arguments += [source.id.databaseValue, isInTrash.databaseValue]
    for conjunct in conjuncts {
      let (text, more) = conjunct.sql(page: page)
      tests.append(text)
      arguments += more
    }
    let request = SQLRequest<Row>(
      sql: """
        SELECT r.* FROM \(tables) WHERE \(tests.joined(separator: " AND "))
        ORDER BY \(page) \(direction)
        """, arguments: StatementArguments(arguments))
    var rows: [Record] = []
    let next = try take(from: Row.fetchCursor(call.database, request), into: &rows)
    return (rows, next)
  }

  /// Takes rows that pass until the page is full; then gives the identity of the next one.
  private func take(from stored: RowCursor, into rows: inout [Record]) throws -> String? {
    while let row = try stored.next() {
      let record = try Record(row: row)
      guard isRow(record), try filter?.matches(record, schemas, call) ?? true else { continue }
      if rows.count == size { return record.id }
      rows.append(record)
    }
    return nil
  }

  // MARK: - In an order that is known

  private func opened(
    _ order: [Int64], _ keys: [Sorting], isVerified: Bool
  ) -> OpenQueries.Session {
    OpenQueries.Session(
      source: source.id, filter: filter, sorts: keys, isInTrash: isInTrash,
      newest: order.max() ?? 0, order: order, isVerified: isVerified)
  }

  private func inOrder(_ known: OpenQueries.Session) throws -> (rows: [Record], next: String?) {
    let order = known.order ?? []
    var position = 0
    if let start {
      guard let first = try Storage.find(start, call.database),
        let index = order.firstIndex(of: first.sequence)
      else { throw invalidStart }
      position = index
    }
    var rows: [Record] = []
    while position < order.count {
      let chunk = Array(order[position..<min(position + size + 1 - rows.count, order.count)])
      position += chunk.count
      let records = try Storage.find(sequences: chunk, call.database)
      for sequence in chunk {
        // What went to the trash or elsewhere since the first page is no row of it any more.
        guard let record = records[sequence], isRow(record) else { continue }
        if !known.isVerified {
          if let former = known.former[sequence] {
            guard former.place != nil else { continue }
          } else {
            guard try filter?.matches(record, schemas, call) ?? true else { continue }
          }
        }
        if rows.count == size {
          if start == nil { call.workspace.openQueries.keep(known, as: session) }
          return (rows, record.id)
        }
        rows.append(record)
      }
    }
    return (rows, nil)
  }

  /// The order by what only this process can compute: every row is looked at.
  private func computedOrder(_ keys: [Sorting]) throws -> [Int64] {
    let (text, arguments) = condition.sql(page: "r.sequence")
    let stored = try Row.fetchCursor(
      call.database,
      sql: """
        SELECT r.* FROM record r WHERE r.parent = ? AND r.kind = 'page' AND r.in_trash = ? AND \(text)
        """,
      arguments: StatementArguments(
        [source.id.databaseValue, isInTrash.databaseValue] + arguments))
    var places: [Place] = []
    while let row = try stored.next() {
      let record = try Record(row: row)
      guard try filter?.matches(record, schemas, call) ?? true else { continue }
      places.append(
        Place(
          values: try keys.map { try $0.value(of: record, in: source, call) },
          sequence: record.sequence))
    }
    return places.sorted { Sorting.isBefore($0, $1, by: keys) }.map(\.sequence)
  }

  // MARK: - Along an index

  private func walk(
    _ keys: [Sorting], _ known: OpenQueries.Session?
  ) throws -> (rows: [Record], next: String?) {
    var from: Place?
    if let start {
      if let place = known?.starts[start] {
        from = place
      } else {
        guard let first = try Storage.find(start, call.database), first.parent == source.id else {
          throw invalidStart
        }
        from = Place(
          values: try keys.map { try $0.value(of: first, in: source, call) },
          sequence: first.sequence)
      }
    }
    var former: [Place] = []
    if let known, let from {
      former = known.former.values.compactMap(\.place)
        .filter { !Sorting.isBefore($0, from, by: keys) }
        .sorted { Sorting.isBefore($1, $0, by: keys) }
    }
    let stored = try Row.fetchCursor(
      call.database, sorted(keys, condition, among: nil, from: from))
    var ahead: Place?
    var rows: [Record] = []
    /// The next place, and whether a row stood there that was changed since.
    func following() throws -> (place: Place, isFormer: Bool)? {
      while ahead == nil, let row = try stored.next() {
        let place = RowQuery.place(row, count: keys.count)
        if let known, place.sequence > known.newest || known.former[place.sequence] != nil {
          continue
        }
        if let from, Sorting.isBefore(place, from, by: keys) { continue }
        ahead = place
      }
      if let old = former.last, ahead.map({ Sorting.isBefore(old, $0, by: keys) }) ?? true {
        former.removeLast()
        return (old, true)
      }
      defer { ahead = nil }
      return ahead.map { ($0, false) }
    }
    while true {
      var places: [(place: Place, isFormer: Bool)] = []
      while places.count < size + 1 - rows.count, let next = try following() {
        places.append(next)
      }
      guard !places.isEmpty else { return (rows, nil) }
      let records = try Storage.find(sequences: places.map(\.place.sequence), call.database)
      for (place, isFormer) in places {
        guard let record = records[place.sequence], isRow(record) else { continue }
        if !isFormer {
          guard try filter?.matches(record, schemas, call) ?? true else { continue }
        }
        if rows.count == size {
          if known == nil {
            let newest = try Int64.fetchOne(call.database, sql: "SELECT max(sequence) FROM record")
            call.workspace.openQueries.keep(
              OpenQueries.Session(
                source: source.id, filter: filter, sorts: keys, isInTrash: isInTrash,
                newest: newest ?? 0), as: session)
          }
          call.workspace.openQueries.keep(start: place, of: record.id, in: session)
          return (rows, record.id)
        }
        rows.append(record)
      }
    }
  }

  /// Sequences and what they are sorted by, in order.
  ///
  /// - Parameters:
  ///   - candidates: The only rows to look at; without them, the first sort's index is walked.
  ///   - from: Where to begin; rows before it may come too.
  private func sorted(
    _ keys: [Sorting], _ condition: Condition, among candidates: Candidates?, from: Place?
  ) -> SQLRequest<Row> {
    var tables: [String] = []
    var tests: [String] = []
    var arguments: [DatabaseValue] = []
    var values: [String] = []
    var page = "r.sequence"
    var conjuncts = condition.conjuncts
    for (index, key) in keys.enumerated() {
      let name = "s\(index)"
      let walks = index == 0 && candidates == nil
      let column: (number: Int64, name: String)
      switch key.column(in: source) {
      case .num(let number): column = (number, "num")
      case .key(let number): column = (number, "key")
      case .edited:
        values.append("r.edited")
        continue
      default:
        values.append("r.sequence")
        continue
      }
      values.append("\(name).\(column.name)")
      guard walks else {
        tables.append(
          "LEFT JOIN cell \(name) ON \(name).property = \(column.number) AND \(name).page = \(page) "
            + "AND \(name).place = 0")
        continue
      }
      page = "s0.page"
      tables.append(
        "cell s0 INDEXED BY cell_\(column.name) CROSS JOIN record r ON r.sequence = s0.page")
      tests.append("s0.property = \(column.number) AND s0.\(column.name) IS NOT NULL")
      // A range of what is walked along is where the walk begins and ends.
      conjuncts.removeAll { conjunct in
        guard case .cell(let test) = conjunct, test.column == column.number, !test.isNegated,
          !test.isOfMany
        else { return false }
        tests.append("(\(test.condition.replacing("@", with: "s0")))")
        arguments += test.arguments
        return true
      }
    }
    if page == "r.sequence" {
      let index = candidates == nil ? " INDEXED BY record_edited" : ""
      tables.insert("record r\(index)", at: 0)
    }
    if let first = keys.first, let from, let value = from.values.first {
      let sign = first.isAscending ? ">" : "<"
      let bound: DatabaseValue =
        switch value {
        case .number(let number): number.databaseValue
        case .text(let text): text.databaseValue
        case .empty:
          values[0].hasSuffix(".key") ? Folding.last.databaseValue : Double.infinity.databaseValue
        }
      tests.append("\(values[0]) \(sign)= ?")
      arguments.append(bound)
      if keys.count == 1 {
        let back = first.isAscending ? "<=" : ">="
        tests.append("(\(values[0]) \(sign) ? OR \(page) \(back) \(from.sequence))")
        arguments.append(bound)
      }
    }
    if let candidates {
      tests.append("r.sequence IN (SELECT * FROM (\(candidates.text)))")
      arguments += candidates.arguments
    }
    for conjunct in conjuncts {
      let (text, more) = conjunct.sql(page: page)
      tests.append(text)
      arguments += more
    }
    tests.append("r.parent = ? AND r.kind = 'page' AND r.in_trash = ?")
    arguments += [source.id.databaseValue, isInTrash.databaseValue]
    let order =
      zip(values, keys).map { "\($0) \($1.isAscending ? "ASC" : "DESC")" }
      + ["\(page) \(keys.first?.isAscending ?? true ? "DESC" : "ASC")"]
    return SQLRequest(
      sql: """
        SELECT \(page), \(values.joined(separator: ", ")) FROM \(tables.joined(separator: " "))
        WHERE \(tests.joined(separator: " AND ")) ORDER BY \(order.joined(separator: ", "))
        """, arguments: StatementArguments(arguments))
  }

  private static func place(_ row: Row, count: Int) -> Place {
    Place(
      values: (1...count).map { index in
        switch (row[index] as DatabaseValue).storage {
        case .double(let number): number.isFinite ? .number(number) : .empty
        case .int64(let number): .number(Double(number))
        case .string(let text): text == Folding.last ? .empty : .text(text)
        default: .empty
        }
      }, sequence: row[0])
  }

  // MARK: - Choosing

  /// A statement that gives the rows that may pass.
  private struct Candidates {
    let text: String
    let arguments: [DatabaseValue]
  }

  /// The tests of each part that an index helps with, those that leave few rows first.
  private func choices(of condition: Condition) -> [[CellTest]] {
    let all = condition.conjuncts.compactMap(\.ranges).filter { !$0.isEmpty }
    func isBroad(_ tests: [CellTest]) -> Bool { tests.contains(where: \.isBroad) }
    return all.filter { !isBroad($0) } + all.filter(isBroad)
  }

  /// The rows that the narrowest part of a condition leaves, when they are few.
  private func candidates(
    of condition: Condition, atMost limit: Int
  ) throws -> Candidates? {
    var best: [CellTest]?
    var limit = limit
    for tests in choices(of: condition) where limit > 0 {
      var count = 0
      for test in tests where count <= limit {
        let (text, arguments) = test.pages()
        count +=
          try Int.fetchOne(
            call.database, sql: "SELECT count(*) FROM (\(text) LIMIT \(limit + 1))",
            arguments: StatementArguments(arguments)) ?? 0
      }
      if count <= limit {
        best = tests
        limit = count - 1
      }
    }
    guard let best else { return nil }
    let parts = best.map { $0.pages() }
    return Candidates(
      text: parts.map(\.text).joined(separator: " UNION "),
      arguments: parts.flatMap(\.arguments))
  }

  /// The rows that the narrowest part of a condition leaves, when they are few, in the order of creation.
  private func candidatePages(of condition: Condition, isAscending: Bool) throws -> [Int64]? {
    var best: [Int64]?
    var limit = RowQuery.mostLookedUp
    for tests in choices(of: condition) where limit > 0 {
      // Counting what is broad takes longer than what it would save.
      if best != nil, tests.contains(where: \.isBroad) { break }
      var pages: [Int64] = []
      for test in tests where pages.count <= limit {
        let (text, arguments) = test.pages()
        pages += try Int64.fetchAll(
          call.database, sql: "\(text) LIMIT \(limit + 1)",
          arguments: StatementArguments(arguments))
      }
      if pages.count <= limit {
        best = pages
        limit = pages.count - 1
      }
    }
    guard var pages = best else { return nil }
    if isAscending { pages.sort() } else { pages.sort(by: >) }
    var last: Int64?
    pages.removeAll { page in
      defer { last = page }
      return page == last
    }
    return pages
  }

  /// Whether a record is a row that the query can know of.
  private func isRow(_ record: Record) -> Bool {
    record.parent == source.id && record.isInTrash == isInTrash && record.created <= call.indexed
  }

  private var invalidStart: Refusal {
    .validation("The start_cursor provided is invalid: \(start ?? "")")
  }
}
