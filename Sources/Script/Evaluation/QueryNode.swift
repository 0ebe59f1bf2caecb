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

  init(
    connection: Node?, condition: Node?,
    sorts: [(key: Node, isAscending: Bool, field: String?)], take: Take?, pick: [String],
    source: String, _ span: Span
  ) {
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
  /// - Throws: What the host throws; ``ScriptError`` when the condition fails for a row.
  public func rows(from host: any ScriptHost) async throws -> [Row] {
    let fields = node.sorts.compactMap { sort in
      sort.field.map { (field: $0, isAscending: sort.isAscending) }
    }
    let sortsThere = fields.count == node.sorts.count
    // Services put empty cells first where they sort downward; here they come last, always.
    let keepsOrder = fields.allSatisfy(\.isAscending)
    let isPlain = node.condition == nil && take == .first && sortsThere && keepsOrder
    let context = makeContext()
    let pushed = try node.condition.map { try Pushdown.conditions(of: $0, context) } ?? []
    var rows = try await host.rows(
      RowRequest(
        connection: connection, sorts: sortsThere ? fields : [], limit: isPlain ? count : nil,
        conditions: pushed))
    if let condition = node.condition {
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
      rows = kept
    }
    if !node.sorts.isEmpty {
      if !sortsThere {
        rows = try sorted(rows, context)
      } else if !keepsOrder {
        rows = Query.emptyLast(rows[...], fields.map(\.field)[...])
      }
    }
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

  /// Reads the rows in parts, as they come.
  public func reader(from host: any ScriptHost) -> QueryReader {
    QueryReader(query: self, host: host)
  }

  /// The next part of a reader, its rows looked at.
  fileprivate func part(
    from place: RowPlace?, _ host: any ScriptHost
  ) async throws -> (rows: [Row], next: RowPlace?) {
    let fields = node.sorts.compactMap { sort in
      sort.field.map { (field: $0, isAscending: sort.isAscending) }
    }
    let context = makeContext()
    let pushed = try node.condition.map { try Pushdown.conditions(of: $0, context) } ?? []
    let part = try await host.part(
      of: RowRequest(connection: connection, sorts: fields, conditions: pushed), from: place)
    guard let condition = node.condition else { return part }
    var kept: [Row] = []
    for row in part.rows {
      try context.checkCancelled()
      context.row = row
      if try condition.condition(context) { kept.append(row) }
    }
    return (kept, part.next)
  }

  /// Whether the rows can be given as they come.
  fileprivate var isPlain: Bool {
    (take == .all || take == .first)
      && node.sorts.allSatisfy { $0.field != nil && $0.isAscending }
  }

  /// Rows in the order they have, but for those that are empty where they are sorted by: these last.
  private static func emptyLast(_ rows: ArraySlice<Row>, _ fields: ArraySlice<String>) -> [Row] {
    guard let field = fields.first, rows.count > 1 else { return Array(rows) }
    func key(_ row: Row) -> Value { row.value(of: field) ?? .nothing }
    let ordered = rows.filter { !key($0).isEmpty } + rows.filter { key($0).isEmpty }
    guard fields.count > 1 else { return ordered }
    var result: [Row] = []
    var start = 0
    for end in 1...ordered.count
    where end == ordered.count || !Value.areEqual(key(ordered[start]), key(ordered[end])) {
      result += emptyLast(ordered[start..<end], fields.dropFirst())
      start = end
    }
    return result
  }

  /// Sorts by the keys; empty ones last, equal ones in their order.
  private func sorted(_ rows: [Row], _ context: Context) throws -> [Row] {
    var keyed: [(row: Row, index: Int, keys: [Value])] = []
    for (index, row) in rows.enumerated() {
      try context.checkCancelled()
      context.row = row
      keyed.append((row, index, try node.sorts.map { try $0.key.eval(context) }))
    }
    return keyed.sorted { a, b in
      for (position, sort) in node.sorts.enumerated() {
        let (x, y) = (a.keys[position], b.keys[position])
        if x.isNothing, y.isNothing { continue }
        if x.isNothing { return false }
        if y.isNothing { return true }
        let order = Value.order(x, y) ?? 0
        if order != 0 { return sort.isAscending ? order < 0 : order > 0 }
      }
      return a.index < b.index
    }.map(\.row)
  }
}

extension Value {
  /// The same value, or the rows of a query, read.
  func readingRows(_ context: Context) throws(ScriptError) -> Value {
    guard case .query(let query) = self else { return self }
    let host = context.machine.host
    return .list(try context.machine.wait { try await query.rows(from: host) }.map(Value.row))
  }
}

/// The rows of a query, read a part at a time.
public struct QueryReader: Sendable {
  private let query: Query
  private let host: any ScriptHost
  private var place: RowPlace?
  private var left: Int?
  private var isAtEnd = false

  fileprivate init(query: Query, host: any ScriptHost) {
    self.query = query
    self.host = host
    left = query.count
  }

  /// The next rows, maybe none of them; `nil` after the last.
  ///
  /// What must be seen whole, as the last rows are or an order that no service knows, comes in one part.
  public mutating func next() async throws -> [Row]? {
    guard !isAtEnd, left.map({ $0 > 0 }) ?? true else { return nil }
    guard query.isPlain else {
      isAtEnd = true
      return try await query.rows(from: host)
    }
    let part = try await query.part(from: place, host)
    place = part.next
    isAtEnd = part.next == nil
    guard let most = left else { return part.rows }
    left = most - part.rows.count
    return Array(part.rows.prefix(most))
  }
}
