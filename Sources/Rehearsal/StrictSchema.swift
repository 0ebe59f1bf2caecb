import Engines
import Foundation
import HTTPTypes
import Transport

/// The rules of OpenAI's strict JSON schemas.
///
/// - Source: OpenAI, “Structured model outputs”, supported schemas.
enum StrictSchema {
  /// What is wrong with a schema; `nil` when it is accepted.
  static func problem(_ schema: JSON) -> String? {
    guard schema["type"]?.string == "object" else {
      return "schema must be a JSON Schema of 'type: \"object\"', got "
        + "'type: \(schema["type"]?.text ?? "None")'."
    }
    var size = Size()
    size.add(schema)
    if size.properties > 5_000 {
      return "schema has \(size.properties) properties, and at most 5000 are allowed."
    }
    if size.options > 1_000 {
      return "schema has \(size.options) enum values in total, and at most 1000 are allowed."
    }
    if size.characters > 120_000 {
      return "schema has names and values of \(size.characters) characters, and at most 120000 are "
        + "allowed."
    }
    if let length = size.tooLong {
      return
        "an enum of more than 250 values has \(length) characters, and at most 15000 are allowed."
    }
    return problem(schema, at: [], depth: 0)
  }

  /// How much there is in a schema, wherever it stands.
  private struct Size {
    var properties = 0
    var options = 0
    var characters = 0
    var tooLong: Int?

    mutating func add(_ schema: JSON) {
      if let values = schema["enum"]?.array {
        let length = values.reduce(0) { $0 + ($1.string?.count ?? 0) }
        options += values.count
        characters += length
        if values.count > 250, length > 15_000 { tooLong = length }
      }
      characters += schema["const"]?.string?.count ?? 0
      for (name, inner) in schema["properties"]?.members ?? [:] {
        properties += 1
        characters += name.count
        add(inner)
      }
      for (name, inner) in schema["$defs"]?.members ?? [:] {
        characters += name.count
        add(inner)
      }
      for inner in schema["anyOf"]?.array ?? [] { add(inner) }
      if let items = schema["items"] { add(items) }
    }
  }

  private static let unsupported = [
    "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "patternProperties", "default",
  ]

  private static func problem(_ schema: JSON, at path: [String], depth: Int) -> String? {
    let context = "In context=(\(path.map { "'\($0)'" }.joined(separator: ", "))), "
    if schema["$ref"] != nil, (schema.members?.count ?? 0) > 1 {
      return context + "$ref cannot have sibling keywords."
    }
    guard depth <= 10 else { return context + "the schema is nested more than 10 levels deep." }
    for name in unsupported where schema[name] != nil {
      return context + "'\(name)' is not permitted."
    }
    if let properties = schema["properties"]?.members {
      guard schema["additionalProperties"]?.bool == false else {
        return context + "'additionalProperties' is required to be supplied and to be false."
      }
      let required = Set((schema["required"]?.array ?? []).compactMap(\.string))
      for (name, inner) in properties {
        guard required.contains(name) else {
          return context
            + "'required' is required to be supplied and to be an array including every key in "
            + "properties. Missing '\(name)'."
        }
        if let found = problem(inner, at: path + ["properties", name], depth: depth + 1) {
          return found
        }
      }
    }
    if let items = schema["items"],
      let found = problem(items, at: path + ["items"], depth: depth + 1)
    {
      return found
    }
    for inner in schema["anyOf"]?.array ?? [] {
      if let found = problem(inner, at: path + ["anyOf"], depth: depth + 1) { return found }
    }
    for (name, inner) in schema["$defs"]?.members ?? [:] {
      if let found = problem(inner, at: ["$defs", name], depth: depth + 1) { return found }
    }
    return nil
  }
}
