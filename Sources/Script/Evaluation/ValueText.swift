/// Puts a value into words, up to a number of bytes.
///
/// A list that was doubled into itself sixty times is small in memory, since it holds the same list
/// over and over, and its words would never end.
struct ValueText {
  private(set) var text = ""
  /// Whether the words were more than allowed.
  private(set) var isCut = false
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  private mutating func append(_ words: String) {
    text += words
    if text.utf8.count > limit { isCut = true }
  }

  /// Adds the value as it prints into texts.
  mutating func display(_ value: Value) {
    switch value {
    case .nothing: break
    case .flag(let flag): append(flag ? "true" : "false")
    case .number(let number): append(Value.digits(number))
    case .text(let words): append(words)
    case .date(let date): append(date.display)
    case .duration(let duration): append(duration.display)
    case .list(let items):
      for (index, item) in items.enumerated() {
        if isCut { return }
        if index > 0 { append(", ") }
        display(item)
      }
    case .record: json(value)
    case .row(let row): append(row.title)
    case .query: append("rows")
    case .problem(let problem): append(problem.message)
    }
  }

  /// Adds the value as JSON; rows as objects of their fields.
  mutating func json(_ value: Value) {
    switch value {
    case .nothing: append("null")
    case .flag(let flag): append(flag ? "true" : "false")
    case .number(let number): append(number.isFinite ? Value.digits(number) : "null")
    case .list(let items):
      append("[")
      for (index, item) in items.enumerated() {
        if isCut { return }
        if index > 0 { append(",") }
        json(item)
      }
      append("]")
    case .record(let record):
      append("{")
      for place in 0..<record.count { member(place, record.names.all[place], record[place]) }
      append("}")
    case .row(let row):
      append("{")
      for (place, (field, value)) in zip(row.shape.fields, row.values).enumerated() {
        member(place, field.name, value)
      }
      append("}")
    case .date(let date) where date.end != nil:
      append(
        "{\"start\":\(Value.quoted(date.start)),\"end\":\(Value.quoted(date.end ?? ""))}")
    case .text(let words): append(Value.quoted(words))
    default:
      var words = ValueText(limit: limit)
      words.display(value)
      append(Value.quoted(words.text))
    }
  }

  private mutating func member(_ place: Int, _ name: String, _ value: Value) {
    if isCut { return }
    append("\(place > 0 ? "," : "")\(Value.quoted(name)):")
    json(value)
  }
}

extension Value {
  /// The value as it prints into texts; what is longer than a text may be ends in `…`.
  public var display: String { display(upTo: Limits.text) }

  /// The value as it prints into texts, and `…` behind so many bytes, or a few more.
  func display(upTo limit: Int) -> String {
    var words = ValueText(limit: limit)
    words.display(self)
    return words.isCut ? words.text + "…" : words.text
  }

  /// The value as it prints into texts.
  ///
  /// - Throws: ``ScriptError`` when that is longer than a text may be.
  func displayText() throws(ScriptError) -> String {
    if case .text(let text) = self { return text }
    var words = ValueText(limit: Limits.text)
    words.display(self)
    try Limits.check(text: words.text.utf8.count)
    return words.text
  }

  /// The value as JSON; rows as objects of their fields.
  ///
  /// - Throws: ``ScriptError`` when that is longer than a text may be.
  public func jsonText() throws(ScriptError) -> String {
    var words = ValueText(limit: Limits.text)
    words.json(self)
    try Limits.check(text: words.text.utf8.count)
    return words.text
  }
}
