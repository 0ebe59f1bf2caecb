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
    return problem(schema, at: [], depth: 0)
  }

  private static let unsupported = [
    "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas",
    "patternProperties", "default",
  ]

  private static func problem(_ schema: JSON, at path: [String], depth: Int) -> String? {
    let context = "In context=(\(path.map { "'\($0)'" }.joined(separator: ", "))), "
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
