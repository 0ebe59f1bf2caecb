/// The order of rows: as Notion sorts its own properties, so that it makes no difference who sorts.
///
/// Texts go by their numbers' values and whatever the case, options in the order of the schema, empty
/// fields come last in both directions, and equal rows keep their order.
enum RowSorting {
  typealias Sort = (key: Node, isAscending: Bool, field: String?)

  static func sorted(_ rows: [Row], by sorts: [Sort], _ context: Context) throws -> [Row] {
    guard !sorts.isEmpty else { return rows }
    var keyed: [(row: Row, index: Int, keys: [Key])] = []
    keyed.reserveCapacity(rows.count)
    for (index, row) in rows.enumerated() {
      try context.checkCancelled()
      context.row = row
      keyed.append((row, index, try sorts.map { Key(try $0.key.eval(context), $0.field, row) }))
    }
    context.row = nil
    return keyed.sorted { a, b in
      for (position, sort) in sorts.enumerated() {
        switch (a.keys[position], b.keys[position]) {
        case (.empty, .empty): continue
        case (.empty, _): return false
        case (_, .empty): return true
        case (let x, let y):
          let order = Key.order(x, y)
          if order != 0 { return sort.isAscending ? order < 0 : order > 0 }
        }
      }
      return a.index < b.index
    }.map(\.row)
  }

  private enum Key {
    case empty
    case number(Double)
    case text([Character])
    case other(Value)

    init(_ value: Value, _ field: String?, _ row: Row) {
      let place = field.flatMap(row.shape.index)
      let options = place.map { row.shape.fields[$0].options } ?? []
      switch value {
      case .nothing: self = .empty
      case .list(let items) where items.isEmpty: self = .empty
      case .text(let option) where !options.isEmpty:
        self = options.firstIndex(of: option).map { .number(Double($0)) } ?? .empty
      case .list(let items):
        guard case .text(let option)? = items.first, !options.isEmpty else {
          self = .text(Array(value.display.lowercased()))
          return
        }
        self = options.firstIndex(of: option).map { .number(Double($0)) } ?? .empty
      case .number(let number): self = .number(number)
      case .flag(let flag): self = .number(flag ? 1 : 0)
      case .date(let date): self = .number(date.seconds)
      case .text(let text): self = .text(Array(text.lowercased()))
      case .row(let row): self = .text(Array(row.title.lowercased()))
      default: self = .other(value)
      }
    }

    static func order(_ a: Key, _ b: Key) -> Int {
      switch (a, b) {
      case (.number(let a), .number(let b)): a < b ? -1 : a > b ? 1 : 0
      case (.text(let a), .text(let b)): natural(a, b)
      case (.other(let a), .other(let b)): Value.order(a, b) ?? 0
      case (.number, _): -1
      case (_, .number): 1
      case (.text, _): -1
      case (_, .text): 1
      default: 0
      }
    }

    /// Numbers inside texts by their value.
    private static func natural(_ a: [Character], _ b: [Character]) -> Int {
      var (i, j) = (0, 0)
      while i < a.count, j < b.count {
        let (x, y) = (a[i], b[j])
        if isDigit(x), isDigit(y) {
          let first = digits(a, &i)
          let second = digits(b, &j)
          if first.count != second.count { return first.count < second.count ? -1 : 1 }
          for (x, y) in zip(first, second) where x != y { return x < y ? -1 : 1 }
        } else {
          if x != y { return x < y ? -1 : 1 }
          i += 1
          j += 1
        }
      }
      return i < a.count ? 1 : j < b.count ? -1 : 0
    }

    private static func isDigit(_ character: Character) -> Bool {
      character.isASCII && character.isNumber
    }

    /// A number's digits, zeros in front left out.
    private static func digits(_ text: [Character], _ index: inout Int) -> ArraySlice<Character> {
      let start = index
      while index < text.count, isDigit(text[index]) { index += 1 }
      return text[start..<index].drop { $0 == "0" }
    }
  }
}
