import Notion
import Transport

/// The columns of the connections database, and what a database made by hand lacks of them.
nonisolated enum MirrorColumns {
  /// A column: its name, its kind and the rest of its schema.
  struct Column: Sendable {
    let name: String
    let type: String
    let config: JSON
    var schema: JSON { .object(JSON.Members([(type, config)])) }
  }

  static let all = [
    Column(name: "Name", type: "title", config: [:]),
    Column(
      name: "Type", type: "select",
      config: ["options": [["name": "Notion database"], ["name": "Notion page"]]]),
    Column(name: "URL", type: "url", config: [:]),
    Column(name: "Prompt", type: "rich_text", config: [:]),
    Column(name: "Target", type: "rich_text", config: [:]),
    Column(name: "Engine", type: "rich_text", config: [:]),
  ]

  /// The schema of a new database.
  static var schema: JSON { .object(JSON.Members(all.map { ($0.name, $0.schema) })) }

  /// Something that a database must have otherwise.
  struct Finding: Sendable {
    /// What is wrong, in a clause: “Prompt is missing”.
    let problem: String
    /// What puts it right, in a clause: “a text column of that name is added”.
    let fix: String
    /// The changes of the schema that put it right, to be made one after the other.
    let changes: [JSON]
  }

  /// What is wrong with a database; nothing of it is ever deleted to put it right.
  static func findings(in source: DataSource) -> [Finding] {
    all.compactMap { column in
      let found = source.property(named: column.name)
      if let found, found.type == column.type { return nil }
      var changes: [JSON] = []
      var problem = "“\(column.name)” is missing"
      var fix = "a \(word(column.type)) column of that name is added"
      if let found {
        let aside = asideName(column.name, found.type, source)
        problem =
          "“\(column.name)” is a \(word(found.type)) column and must be \(word(column.type))"
        fix =
          "it is renamed to “\(aside)”, values and all, and a \(word(column.type)) column is added"
        changes.append([found.id: ["name": .string(aside)]])
      }
      if column.type == "title" {
        guard let title = source.titleProperty else { return nil }
        if found == nil {
          problem = "the title column is called “\(title.name)”, not “\(column.name)”"
        }
        fix =
          found == nil
          ? "it is renamed to “\(column.name)”"
          : "both are renamed, values and all: “\(title.name)” becomes “\(column.name)”"
        changes.append([title.id: ["name": .string(column.name)]])
      } else {
        changes.append(.object(JSON.Members([(column.name, column.schema)])))
      }
      return Finding(problem: problem, fix: fix, changes: changes)
    }
  }

  /// A name for a column that must make room.
  private static func asideName(_ name: String, _ type: String, _ source: DataSource) -> String {
    var aside = "\(name) (\(word(type)))"
    var number = 2
    while source.property(named: aside) != nil {
      aside = "\(name) (\(word(type)) \(number))"
      number += 1
    }
    return aside
  }

  /// Notion's word for a kind of column on its screen.
  private static func word(_ type: String) -> String {
    switch type {
    case "rich_text": "text"
    case "url": "URL"
    case "phone_number": "phone"
    case "people": "person"
    default: type.replacing("_", with: " ")
    }
  }
}
