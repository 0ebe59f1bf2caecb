public import Engines
public import Notion
public import Transport

/// Where an answer goes: one property, or the body of the page.
public enum RunTarget: Sendable, Hashable {
  case property(PropertySchema)
  case body(BodyMode)

  /// How a body is written.
  public enum BodyMode: Sendable, Hashable {
    /// After what is there.
    case append
    /// Instead of what is there.
    case replace
    /// Instead of what stands under the heading of that name, up to the next heading that is as high
    /// or higher; where there is no such heading, at the end, with it.
    case section(String)

    /// The mode as the journal keeps it.
    var text: String {
      switch self {
      case .append: "append"
      case .replace: "replace"
      case .section(let heading): "section \(heading)"
      }
    }

    /// Reads what ``text`` wrote; `nil` for anything else.
    init?(text: String) {
      switch text {
      case "append": self = .append
      case "replace": self = .replace
      default:
        guard text.hasPrefix("section ") else { return nil }
        self = .section(String(text.dropFirst(8)))
      }
    }

    /// Whether something that stands there may have to go.
    var replaces: Bool { self != .append }
  }

  /// Its name for a person.
  public var name: String {
    switch self {
    case .property(let schema): schema.name
    case .body: "body"
    }
  }

  /// The shape an answer for it must have; `nil` for text.
  public var answerType: AnswerType? {
    guard case .property(let schema) = self else { return nil }
    let names = schema.options.map(\.name)
    switch schema.type {
    case "number": return .number(minimum: nil, maximum: nil)
    case "checkbox": return .flag
    case "date": return .date
    case "select", "status": return names.isEmpty ? nil : .option(names)
    case "multi_select": return .list(names.isEmpty ? .text : .option(names))
    case "people", "relation", "files": return .list(.text)
    default: return nil
    }
  }

  /// The property's identity, or `body`.
  public var key: String {
    switch self {
    case .property(let schema): schema.id
    case .body: "body"
    }
  }

  /// The shape of one answer for several targets; `nil` for plain text.
  ///
  /// - Parameter shapes: Shapes that were asked for, by ``key``.
  public static func answerType(
    of targets: [RunTarget], as shapes: [String: AnswerType] = [:]
  ) -> AnswerType? {
    if targets.count == 1, let target = targets.first {
      let type = shapes[target.key] ?? target.answerType
      return type == .text ? nil : type
    }
    return .record(
      targets.map {
        AnswerType.Field($0.name, shapes[$0.key] ?? $0.answerType ?? .text)
      })
  }

  /// The target as a document, for the journal.
  public var json: JSON {
    switch self {
    case .property(let schema):
      return [
        "property": [
          "id": .string(schema.id), "name": .string(schema.name), "type": .string(schema.type),
        ]
      ]
    case .body(let mode): return ["body": .string(mode.text)]
    }
  }

  /// Reads what ``json`` wrote; `nil` for anything else.
  ///
  /// - Parameter source: The schema as it is now: a property that was renamed keeps its identity.
  public init?(json: JSON, source: DataSource?) {
    if let mode = json["body"]?.string.flatMap(BodyMode.init(text:)) {
      self = .body(mode)
      return
    }
    guard let kept = json["property"], let id = kept["id"]?.string, let name = kept["name"]?.string,
      let type = kept["type"]?.string
    else { return nil }
    let now = source?.properties.first { $0.id == id }
    self = .property(now ?? PropertySchema(id: id, name: name, type: type))
  }
}
