import Foundation

/// What a formula computes with.
enum FormulaValue {
  case nothing
  case text(String)
  case number(Double)
  case flag(Bool)
  /// An ISO day or moment.
  case date(String)

  init(_ plain: Plain) {
    if let flag = plain.flag {
      self = .flag(flag)
    } else if let date = plain.date {
      self = .date(date.text)
    } else if let number = plain.number {
      self = .number(number)
    } else if plain.isEmpty {
      self = .nothing
    } else {
      self = .text(plain.text)
    }
  }

  var text: String {
    switch self {
    case .nothing: ""
    case .text(let text), .date(let text): text
    case .number(let number):
      Int(exactly: number).map(String.init) ?? "\(number)"
    case .flag(let flag): flag ? "true" : "false"
    }
  }

  var number: Double? {
    switch self {
    case .number(let number): number
    case .flag(let flag): flag ? 1 : 0
    case .text(let text): Double(text)
    case .nothing: 0
    case .date(let text): DateValues.moment(text).map { $0 * 1000 }
    }
  }

  var isTrue: Bool {
    switch self {
    case .flag(let flag): flag
    case .nothing: false
    case .number(let number): number != 0
    case .text(let text), .date(let text): !text.isEmpty
    }
  }
}

/// A Notion formula, as far as the embedded workspace computes it: operators, `prop`, and the common
/// functions on texts, numbers, truth values and dates.
struct Formula {
  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  private indirect enum Node {
    case constant(FormulaValue)
    case property(String)
    case call(String, [Node])
  }

  private let root: Node

  /// Reads an expression whose properties are `{{notion:block_property:ID:…}}`.
  init(parsing text: String) throws {
    var parser = Parser(Array(text))
    root = try parser.expression(0)
    try parser.end()
  }

  /// Computes.
  ///
  /// - Parameters:
  ///   - now: The time, in seconds since 1970.
  ///   - property: The value of a property, by its identity.
  func value(
    now: Double, _ property: (String) throws -> FormulaValue
  ) throws -> FormulaValue {
    try Formula.value(root, now, property)
  }

  // MARK: - Reading

  private struct Parser {
    let text: [Character]
    var at = 0
    var depth = 0

    init(_ text: [Character]) { self.text = text }

    mutating func space() { while at < text.count, text[at].isWhitespace { at += 1 } }

    mutating func take(_ word: String) -> Bool {
      space()
      let letters = Array(word)
      guard at + letters.count <= text.count, Array(text[at..<(at + letters.count)]) == letters
      else { return false }
      if letters[0].isLetter, at + letters.count < text.count,
        text[at + letters.count].isLetter
      {
        return false
      }
      at += letters.count
      return true
    }

    mutating func end() throws {
      space()
      guard at == text.count else { throw Problem(description: "unexpected “\(text[at])”") }
    }

    private static let levels: [[String]] = [
      ["or", "||"], ["and", "&&"], ["==", "!="], [">=", "<=", ">", "<"], ["+", "-"],
      ["*", "/", "%"], ["^"],
    ]

    mutating func expression(_ level: Int) throws -> Node {
      depth += 1
      defer { depth -= 1 }
      guard depth < 200 else { throw Problem(description: "nested too deep") }
      guard level < Parser.levels.count else { return try unary() }
      var left = try expression(level + 1)
      scan: while true {
        for word in Parser.levels[level] where take(word) {
          left = .call(word, [left, try expression(level + 1)])
          continue scan
        }
        if level == 0, take("?") {
          let yes = try expression(0)
          guard take(":") else { throw Problem(description: "expected “:”") }
          return .call("if", [left, yes, try expression(0)])
        }
        return left
      }
    }

    private mutating func unary() throws -> Node {
      if take("not") || take("!") { return .call("not", [try unary()]) }
      if take("-") { return .call("negate", [try unary()]) }
      var node = try primary()
      while take(".") { node = try named(first: node) }
      return node
    }

    private mutating func primary() throws -> Node {
      space()
      guard at < text.count else { throw Problem(description: "unexpected end") }
      if take("(") {
        let inner = try expression(0)
        guard take(")") else { throw Problem(description: "expected “)”") }
        return inner
      }
      if take("{{") {
        var name = ""
        while at < text.count, !(text[at] == "}" && at + 1 < text.count && text[at + 1] == "}") {
          name.append(text[at])
          at += 1
        }
        guard take("}}") else { throw Problem(description: "an open property") }
        let parts = name.split(separator: ":")
        guard parts.count >= 3 else { throw Problem(description: "a property without identity") }
        return .property(String(parts[2]).removingPercentEncoding ?? "")
      }
      if text[at] == "\"" {
        at += 1
        var value = ""
        while at < text.count, text[at] != "\"" {
          if text[at] == "\\", at + 1 < text.count {
            at += 1
            value.append(text[at] == "n" ? "\n" : text[at])
          } else {
            value.append(text[at])
          }
          at += 1
        }
        guard at < text.count else { throw Problem(description: "an open text") }
        at += 1
        return .constant(.text(value))
      }
      if text[at].isASCII, text[at].isNumber {
        var digits = ""
        while at < text.count, text[at].isNumber || text[at] == "." {
          digits.append(text[at])
          at += 1
        }
        guard let number = Double(digits) else {
          throw Problem(description: "no number: \(digits)")
        }
        return .constant(.number(number))
      }
      return try named(first: nil)
    }

    private mutating func named(first: Node?) throws -> Node {
      space()
      var name = ""
      while at < text.count, text[at].isLetter || text[at].isNumber {
        name.append(text[at]); at += 1
      }
      if first == nil, name == "true" || name == "false" {
        return .constant(.flag(name == "true"))
      }
      guard FormulaFunctions.names.contains(name) else {
        throw Problem(description: "the function “\(name)” is not covered")
      }
      var arguments = first.map { [$0] } ?? []
      guard take("(") else { throw Problem(description: "expected “(” after \(name)") }
      if take(")") { return .call(name, arguments) }
      repeat { arguments.append(try expression(0)) } while take(",")
      guard take(")") else { throw Problem(description: "expected “)”") }
      return .call(name, arguments)
    }
  }

  // MARK: - Computing

  private static func value(
    _ node: Node, _ now: Double, _ property: (String) throws -> FormulaValue
  ) throws -> FormulaValue {
    switch node {
    case .constant(let value): return value
    case .property(let id): return try property(id)
    case .call(let name, let nodes):
      switch name {
      case "if", "ifs":
        var index = 0
        while index + 1 < nodes.count {
          if try value(nodes[index], now, property).isTrue {
            return try value(nodes[index + 1], now, property)
          }
          index += 2
        }
        return index < nodes.count ? try value(nodes[index], now, property) : .nothing
      case "and", "&&":
        return .flag(try nodes.allSatisfy { try value($0, now, property).isTrue })
      case "or", "||":
        return .flag(try nodes.contains { try value($0, now, property).isTrue })
      default:
        let values = try nodes.map { try value($0, now, property) }
        return try FormulaFunctions(name: name, values: values, now: now).value()
      }
    }
  }
}
