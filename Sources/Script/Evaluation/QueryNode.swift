/// `rows …`: a query, read when it is used.
final class QueryNode: Node, @unchecked Sendable {
  enum Take: Sendable {
    case first(Node), last(Node), sample(Node)
  }

  let connection: Node?
  let condition: Node?
  let sorts: [(key: Node, isAscending: Bool, field: String?)]
  let take: Take?
  let pick: [String]
  let source: String
  /// The fields that the condition and the sorts look at; `nil` where they look at whole rows.
  let used: Set<String>?

  init(
    connection: Node?, condition: Node?,
    sorts: [(key: Node, isAscending: Bool, field: String?)], take: Take?, pick: [String],
    source: String, used: Set<String>?, _ span: Span
  ) {
    self.used = used
    self.connection = connection
    self.condition = condition
    self.sorts = sorts
    self.take = take
    self.pick = pick
    self.source = source
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    var count: Int?
    var kind = Query.Take.all
    switch take {
    case .first(let node):
      count = try node.whole(context, "first", from: 0)
      kind = .first
    case .last(let node):
      count = try node.whole(context, "last", from: 0)
      kind = .last
    case .sample(let node):
      count = try node.whole(context, "sample", from: 0)
      kind = .sample
    case nil: break
    }
    let variables = context.variables
    let machine = context.machine
    return .query(
      Query(
        connection: try connection?.eval(context).display, source: source, node: self, take: kind,
        count: count,
        makeContext: {
          Context(variables, machine: machine)
        }))
  }
}

/// Rows of a database, not read yet.
public struct Query: Sendable {
  enum Take: Sendable {
    case all, first, last, sample
  }

  /// The connection; `nil` for the open one.
  public let connection: String?
  /// The query as typed.
  public let source: String
  let node: QueryNode
  let take: Take
  let count: Int?
  let makeContext: @Sendable () -> Context

  /// Whether it takes every row: no condition, no number.
  public var isWhole: Bool { node.condition == nil && count == nil }

  /// The fields to show; empty for all.
  public var picked: [String] { node.pick }

  /// Reads the rows.
  ///
  /// - Parameter fields: The fields that are looked at afterwards; `nil` for all. Of others the rows
  ///   may have no values.
  /// - Throws: What the host throws; ``ScriptError`` when the condition fails for a row.
  public func rows(from host: any ScriptHost, fields: Set<String>? = nil) async throws -> [Row] {
    guard count != 0 else { return [] }
    let sorts = node.sorts.compactMap { sort in
      sort.field.map { (field: $0, isAscending: sort.isAscending) }
    }
    // Where empty fields stand in a descending order is not certain, so only a simple one is left to
    // the service; see `RowSorting`.
    let isSortedThere =
      sorts.count == node.sorts.count && (sorts.count < 2 || sorts.allSatisfy(\.isAscending))
    guard !(node.condition == nil && take == .first && isSortedThere) else {
      let rows = try await host.rows(
        RowRequest(connection: connection, sorts: sorts, limit: count, fields: needed(fields)))
      return Array(try await sorted(rows).prefix(count ?? rows.count))
    }
    // Without an order of its own the first rows that fit are the ones wanted.
    let enough = take == .first && node.sorts.isEmpty ? count : nil
    var rows: [Row] = []
    var parts = try parts(from: host, fields, readsAhead: enough == nil)
    while let part = try await parts.next() {
      rows += try await kept(part)
      if let enough, rows.count >= enough { break }
    }
    rows = try await sorted(rows)
    guard let count else { return rows }
    switch take {
    case .all: return rows
    case .first: return Array(rows.prefix(count))
    case .last: return Array(rows.suffix(count))
    case .sample:
      let chosen = Set(rows.indices.shuffled().prefix(count))
      return rows.indices.filter(chosen.contains).map { rows[$0] }
    }
  }

  private func sorted(_ rows: [Row]) async throws -> [Row] {
    guard !node.sorts.isEmpty else { return rows }
    return try await EvaluationThread.run { [node, makeContext] in
      try RowSorting.sorted(rows, by: node.sorts, makeContext())
    }
  }

  /// Reads the rows in parts, as they come.
  public func reader(from host: any ScriptHost, fields: Set<String>? = nil) -> QueryReader {
    QueryReader(query: self, host: host, fields: fields)
  }

  /// The fields that are to travel; `nil` for all.
  private func needed(_ fields: Set<String>?) -> Set<String>? {
    fields.flatMap { some in node.used.map { some.union($0) } }
  }

  /// The rows in the service's own order, a part at a time, not looked at yet.
  fileprivate func parts(
    from host: any ScriptHost, _ fields: Set<String>?, readsAhead: Bool
  ) throws -> RowParts {
    let clauses = try node.condition.map { try Pushdown.clauses(of: $0, makeContext()) } ?? []
    return RowParts(
      of: RowRequest(connection: connection, clauses: clauses, fields: needed(fields)), from: host,
      readsAhead: readsAhead)
  }

  /// Those of a part's rows that the condition lets through.
  fileprivate func kept(_ rows: [Row]) async throws -> [Row] {
    guard let condition = node.condition else { return rows }
    return try await EvaluationThread.run { [makeContext] in
      try Query.fitting(rows, condition, makeContext())
    }
  }

  private static func fitting(
    _ rows: [Row], _ condition: Node, _ context: Context
  ) throws(ScriptError) -> [Row] {
    var kept: [Row] = []
    for row in rows {
      try context.checkCancelled()
      context.row = row
      do throws(ScriptError) {
        if try condition.condition(context) { kept.append(row) }
      } catch {
        var named = error
        if error.kind == .problem { named.rowTitle = error.rowTitle ?? row.title }
        throw named
      }
    }
    return kept
  }

  /// Whether the rows can be given as they come.
  fileprivate var isPlain: Bool { (take == .all || take == .first) && node.sorts.isEmpty }

  /// Whether work on the first rows may begin while others are still to come: they come as they are,
  /// and no condition can fail for one of them after work on others has been done.
  var mayBeWorkedOnWhileRead: Bool {
    isPlain && (node.condition.map(Pushdown.mayNotFail) ?? true)
  }
}

extension Value {
  /// The same value, or the rows of a query, read.
  ///
  /// - Parameter fields: The fields that are looked at; `nil` for all.
  func readingRows(
    _ context: Context, fields: Set<String>? = nil
  ) throws(ScriptError) -> Value {
    guard case .query(let query) = self else { return self }
    let host = context.machine.host
    return .list(
      try context.machine.wait { try await query.rows(from: host, fields: fields) }.map(Value.row))
  }
}

/// The rows of a query, read a part at a time; where all are wanted, one part ahead.
public struct QueryReader: Sendable {
  private let query: Query
  private let host: any ScriptHost
  private let fields: Set<String>?
  private var parts: RowParts?
  private var left: Int?
  private var isAtEnd = false

  fileprivate init(query: Query, host: any ScriptHost, fields: Set<String>?) {
    self.fields = fields
    self.query = query
    self.host = host
    left = query.count
  }

  /// The next rows, maybe none of them; `nil` after the last.
  ///
  /// What must be seen whole, as the last rows are or an order of its own, comes in one part.
  public mutating func next() async throws -> [Row]? {
    guard !isAtEnd, left.map({ $0 > 0 }) ?? true else { return nil }
    guard query.isPlain else {
      isAtEnd = true
      return try await query.rows(from: host, fields: fields)
    }
    var parts = try self.parts ?? query.parts(from: host, fields, readsAhead: left == nil)
    // Only one of the two may hold what is on its way.
    self.parts = nil
    guard let part = try await parts.next() else {
      isAtEnd = true
      return nil
    }
    self.parts = parts
    let rows = try await query.kept(part)
    guard let most = left else { return rows }
    left = most - rows.count
    return Array(rows.prefix(most))
  }
}
