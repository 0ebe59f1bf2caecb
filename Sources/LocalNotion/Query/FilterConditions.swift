import GRDB

/// What SQLite can tell about a filter: never less than the filter lets through.
///
/// Each row that passes is looked at again by ``Filter/matches(_:_:_:)``, so a condition may be wider
/// than its filter: texts are compared folded, computed values not at all.
indirect enum Condition {
  case anything
  case nothing
  case cell(CellTest)
  /// A test of the record itself; `@` stands for its name.
  case record(String, [DatabaseValue])
  case and([Condition])
  case or([Condition])

  /// The condition in SQL.
  ///
  /// - Parameter page: The expression of the row's sequence.
  func sql(page: String) -> (text: String, arguments: [DatabaseValue]) {
    switch self {
    case .anything: return ("1", [])
    case .nothing: return ("0", [])
    case .cell(let test): return test.exists(page: page)
    case .record(let text, let arguments):
      return (text.replacing("@", with: "r"), arguments)
    case .and(let parts), .or(let parts):
      let all = parts.map { $0.sql(page: page) }
      let word = if case .and = self { " AND " } else { " OR " }
      return (
        "(" + all.map(\.text).joined(separator: word) + ")", all.flatMap(\.arguments)
      )
    }
  }

  /// The parts that must all hold.
  var conjuncts: [Condition] {
    switch self {
    case .anything: []
    case .and(let parts): parts.flatMap(\.conjuncts)
    default: [self]
    }
  }

  /// The tests of which one must hold, when each is a range of an index.
  var ranges: [CellTest]? {
    switch self {
    case .cell(let test): return test.index != nil && !test.isNegated ? [test] : nil
    case .or(let parts):
      var all: [CellTest] = []
      for part in parts {
        guard let ranges = part.ranges else { return nil }
        all += ranges
      }
      return all
    default: return nil
    }
  }
}

/// A test of a row's cells in one property.
struct CellTest {
  let column: Int64
  /// In SQL; `@` stands for the cell's name.
  let condition: String
  let arguments: [DatabaseValue]
  /// The index along which the cells that pass lie together.
  var index: String?
  /// Whether the row passes when none of its cells does.
  var isNegated = false
  /// Whether cells beyond the first are looked at.
  var isOfMany = false
  /// Whether a large part of all rows passes, so that other tests leave fewer.
  var isBroad = false

  /// Whether going through all cells of the property in the order of their rows finds what passes.
  var isScan: Bool { index == nil && !isNegated && !isOfMany }

  func exists(page: String) -> (text: String, arguments: [DatabaseValue]) {
    let first = isOfMany ? "" : " AND f.place = 0"
    return (
      "\(isNegated ? "NOT " : "")EXISTS (SELECT 1 FROM cell f WHERE f.property = \(column) AND "
        + "f.page = \(page)\(first) AND (\(condition.replacing("@", with: "f"))))", arguments
    )
  }

  /// The pages of the cells that pass, along the index.
  func pages() -> (text: String, arguments: [DatabaseValue]) {
    let index = index.map { " INDEXED BY \($0)" } ?? ""
    let known = self.index == "cell_num" ? "f.num IS NOT NULL" : "f.key IS NOT NULL"
    return (
      "SELECT f.page FROM cell f\(index) WHERE f.property = \(column) AND \(known) AND "
        + "(\(condition.replacing("@", with: "f")))", arguments
    )
  }
}

extension Filter {
  /// What SQLite can tell about this filter.
  func condition(in source: Record) -> Condition {
    switch self {
    case .and(let parts):
      var all: [Condition] = []
      for part in parts {
        switch part.condition(in: source) {
        case .anything: continue
        case .nothing: return .nothing
        case let condition: all.append(condition)
        }
      }
      return all.isEmpty ? .anything : .and(all)
    case .or(let parts):
      var all: [Condition] = []
      for part in parts {
        switch part.condition(in: source) {
        case .anything: return .anything
        case .nothing: continue
        case let condition: all.append(condition)
        }
      }
      return all.isEmpty ? .nothing : .or(all)
    case .created(let test): return Filter.moments(test, of: "created")
    case .edited(let test): return Filter.moments(test, of: "edited")
    case .computed, .rolled: return .anything
    case .property(let property, let test):
      switch property.type {
      case "created_time": return Filter.moments(test, of: "created")
      case "last_edited_time": return Filter.moments(test, of: "edited")
      default: return Filter.cell(test, property, in: source)
      }
    }
  }

  private static func cell(_ test: Test, _ property: Property, in source: Record) -> Condition {
    let column = Cells.column(property, of: source)
    func num(_ text: String, _ values: Double...) -> Condition {
      .cell(
        CellTest(
          column: column, condition: text, arguments: values.map(\.databaseValue),
          index: "cell_num"))
    }
    func key(_ text: String, _ values: [String], isNegated: Bool, isOfMany: Bool) -> Condition {
      .cell(
        CellTest(
          column: column, condition: text, arguments: values.map(\.databaseValue),
          index: "cell_key", isNegated: isNegated, isOfMany: isOfMany))
    }
    let isKeyed: Bool
    switch property.type {
    case "number", "unique_id", "checkbox", "date", "files": isKeyed = false
    case "title", "rich_text", "url", "email", "phone_number", "select", "status", "multi_select",
      "people", "relation":
      isKeyed = true
    default: return .anything
    }
    switch test {
    case .isEmpty(let wantsEmpty):
      if !isKeyed { return num(wantsEmpty ? "@.num = 9e999" : "@.num < 9e999") }
      return key(
        wantsEmpty ? "@.key = ?" : "@.key < ?", [Folding.last], isNegated: false, isOfMany: false)
    case .number(let word, let wanted):
      switch word {
      case .equals: return num("@.num = ?", wanted)
      case .does_not_equal: return num("@.num <> ?", wanted)
      case .greater_than: return num("@.num > ? AND @.num < 9e999", wanted)
      case .less_than: return num("@.num < ?", wanted)
      case .greater_than_or_equal_to: return num("@.num >= ? AND @.num < 9e999", wanted)
      case .less_than_or_equal_to: return num("@.num <= ?", wanted)
      }
    case .flag(let flag):
      return .cell(
        CellTest(
          column: column, condition: "@.num = ?", arguments: [(flag ? 1 : 0).databaseValue],
          index: "cell_num", isBroad: true))
    case .date(let date):
      switch date {
      case .within(let start, let end):
        return num("@.num >= ? AND @.num < ?", minute(start), minute(end))
      case .before(let end): return num("@.num < ?", minute(end))
      case .from(let start): return num("@.num >= ? AND @.num < 9e999", minute(start))
      }
    case .options(let ids, let isMember):
      guard !ids.isEmpty else { return isMember ? .nothing : .anything }
      let marks = ids.map { _ in "?" }.joined(separator: ", ")
      return key(
        "@.key IN (\(marks))", ids.sorted(), isNegated: !isMember,
        isOfMany: property.type == "multi_select")
    case .member(let id, let isMember):
      return key("@.key = ?", [id], isNegated: !isMember, isOfMany: true)
    case .text(let word, let wanted):
      let folded = Folding.lower(wanted)
      guard !wanted.isEmpty, !folded.utf8.contains(0) else { return .anything }
      let isLong = "(@.text IS NULL AND @.key < '\(Folding.last)')"
      func scan(_ text: String) -> Condition {
        .cell(
          CellTest(column: column, condition: text, arguments: [folded.databaseValue]))
      }
      switch word {
      case .equals:
        return key(
          "@.key = ?", [Folding.naturalKey(wanted)], isNegated: false, isOfMany: false)
      case .does_not_equal: return .anything
      case .contains, .ends_with: return scan("\(isLong) OR instr(@.text, ?) > 0")
      case .starts_with: return scan("\(isLong) OR instr(@.text, ?) = 1")
      case .does_not_contain: return scan("@.text IS NULL OR instr(@.text, ?) = 0")
      }
    }
  }

  private static func moments(_ test: Test, of column: String) -> Condition {
    switch test {
    case .isEmpty(let wantsEmpty): return wantsEmpty ? .nothing : .anything
    case .date(.within(let start, let end)):
      return .record(
        "(@.\(column) >= ? AND @.\(column) < ?)",
        [minute(start).databaseValue, minute(end).databaseValue])
    case .date(.before(let end)):
      return .record("@.\(column) < ?", [minute(end).databaseValue])
    case .date(.from(let start)):
      return .record("@.\(column) >= ?", [minute(start).databaseValue])
    default: return .anything
    }
  }

  /// Moments are compared floored to the minute; so a bound is the next whole minute.
  private static func minute(_ moment: Double) -> Double { (moment / 60).rounded(.up) * 60 }
}
