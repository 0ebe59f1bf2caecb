import Foundation
public import Transport

/// The shape an answer must have.
public indirect enum AnswerType: Sendable, Hashable {
  case text
  /// A number, within bounds where they are given.
  case number(minimum: Double?, maximum: Double?)
  case flag
  /// An ISO 8601 day or moment.
  case date
  /// One of these texts.
  case option([String])
  case list(AnswerType)
  case record([Field])

  /// A named part of a record.
  public struct Field: Sendable, Hashable {
    /// Its name.
    public let name: String
    /// Its shape.
    public let type: AnswerType
    /// Creates a field.
    public init(_ name: String, _ type: AnswerType) {
      self.name = name
      self.type = type
    }
  }

  /// Checks an answer, and gives it in its plain form.
  ///
  /// A whole number is taken for a number, and an option whatever its case; nothing else is bent.
  /// - Throws: ``AnswerProblem`` that says what is wrong and where.
  public func checked(_ json: JSON, at path: String = "the answer") throws(AnswerProblem) -> JSON {
    switch self {
    case .text:
      guard case .string = json else { throw wrong(path, "text", json) }
      return json
    case .number(let minimum, let maximum):
      guard let number = json.double else { throw wrong(path, "a number", json) }
      if let minimum, number < minimum {
        throw AnswerProblem(
          "\(path) must be at least \(JSON.number(minimum).text), and is \(json.text)")
      }
      if let maximum, number > maximum {
        throw AnswerProblem(
          "\(path) must be at most \(JSON.number(maximum).text), and is \(json.text)")
      }
      return json
    case .flag:
      guard case .bool = json else { throw wrong(path, "true or false", json) }
      return json
    case .date:
      guard let text = json.string, ISODate.isValid(text) else {
        throw wrong(path, "a date such as 2025-01-31", json)
      }
      return json
    case .option(let names):
      guard let text = json.string else { throw wrong(path, "one of the options", json) }
      if names.contains(text) { return json }
      let alike = names.filter { $0.lowercased() == text.lowercased() }
      if alike.count == 1, let name = alike.first { return .string(name) }
      throw AnswerProblem(
        "\(path) must be one of \(AnswerSchema.list(names)), and is “\(text.prefix(200))”")
    case .list(let type):
      guard let items = json.array else { throw wrong(path, "a list", json) }
      var checked: [JSON] = []
      for (index, item) in items.enumerated() {
        checked.append(try type.checked(item, at: "item \(index + 1) of \(path)"))
      }
      return .array(checked)
    case .record(let fields):
      guard let members = json.members else { throw wrong(path, "an object", json) }
      var checked = JSON.Members()
      for field in fields {
        guard let value = members[field.name] else {
          throw AnswerProblem("“\(field.name)” is missing in \(path)")
        }
        checked[field.name] = try field.type.checked(value, at: "“\(field.name)”")
      }
      return .object(checked)
    }
  }

  private func wrong(_ path: String, _ wanted: String, _ json: JSON) -> AnswerProblem {
    AnswerProblem("\(path) must be \(wanted), and is \(json.text.prefix(60))")
  }

  /// The shape as a document, for a journal.
  public var json: JSON {
    switch self {
    case .text: "text"
    case .flag: "flag"
    case .date: "date"
    case .number(let minimum, let maximum):
      ["number": [minimum.map(JSON.number) ?? .null, maximum.map(JSON.number) ?? .null]]
    case .option(let names): ["option": .array(names.map(JSON.string))]
    case .list(let item): ["list": item.json]
    case .record(let fields):
      ["record": .array(fields.map { [.string($0.name), $0.type.json] })]
    }
  }

  /// Reads what ``json`` wrote; `nil` for anything else.
  public init?(json: JSON) {
    switch json {
    case "text": self = .text
    case "flag": self = .flag
    case "date": self = .date
    default:
      if let bounds = json["number"] {
        self = .number(minimum: bounds[0]?.double, maximum: bounds[1]?.double)
      } else if let names = json["option"]?.array {
        self = .option(names.compactMap(\.string))
      } else if let item = json["list"].flatMap(AnswerType.init(json:)) {
        self = .list(item)
      } else if let fields = json["record"]?.array {
        self = .record(
          fields.compactMap { field in
            guard let name = field[0]?.string, let type = field[1].flatMap(AnswerType.init(json:))
            else { return nil }
            return Field(name, type)
          })
      } else {
        return nil
      }
    }
  }
}

/// What is wrong with an answer.
public struct AnswerProblem: Error, Sendable, CustomStringConvertible {
  /// The sentence, also told to the engine when it is asked once more.
  public let description: String
  /// Creates a problem.
  public init(_ description: String) { self.description = description }
}
