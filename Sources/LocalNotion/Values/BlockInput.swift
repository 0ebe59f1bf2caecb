import Transport

/// A block on its way in: checked, and in the form in which it is kept.
struct BlockInput {
  let type: String
  let payload: JSON
  let children: [BlockInput]

  private static let texts: Set<String> = [
    "paragraph", "heading_1", "heading_2", "heading_3", "heading_4", "bulleted_list_item",
    "numbered_list_item", "to_do", "toggle", "quote", "callout",
  ]
  private static let parents: Set<String> = [
    "paragraph", "bulleted_list_item", "numbered_list_item", "to_do", "toggle", "quote", "callout",
    "column_list", "column", "tab", "synced_block", "template",
  ]
  private static let media: Set<String> = ["image", "video", "audio", "pdf", "file"]
  /// In the order in which Notion lists them when a block is of no kind.
  private static let known = [
    "embed", "bookmark", "image", "video", "pdf", "file", "audio", "code", "equation", "divider",
    "breadcrumb", "tab", "table_of_contents", "link_to_page", "table_row", "table", "column_list",
    "column", "heading_1", "heading_2", "heading_3", "heading_4", "paragraph",
    "bulleted_list_item", "numbered_list_item", "quote", "to_do", "toggle", "template", "callout",
    "synced_block",
  ]

  /// Whether a kept block may hold others.
  static func holdsChildren(_ record: Record) -> Bool {
    let type = record.content["type"]?.string ?? ""
    if type.hasPrefix("heading_") {
      return record.content["payload"]?["is_toggleable"]?.bool ?? false
    }
    return parents.contains(type) || type == "table"
  }

  /// Checks a request's blocks: at most 100 in an array, two levels, 1,000 in all.
  static func read(_ json: JSON?, at path: String) throws -> [BlockInput] {
    let blocks = try Check.array(json, at: path).enumerated().map {
      try BlockInput(json: $1, at: "\(path)[\($0)]", depth: 0, limit: 2)
    }
    let count = blocks.reduce(0) { $0 + $1.count }
    guard count <= 1000 else {
      throw Refusal.should("\(path).length", "≤ `1000` blocks in all", .int(count))
    }
    return blocks
  }

  /// Whether a new block of a kind may hold others, if it is no heading.
  static func holdsChildren(_ type: String) -> Bool { parents.contains(type) || type == "table" }

  /// A block as a Markdown text gives it, without what is inside.
  init(markdown type: String, _ payload: JSON, at path: String) throws {
    self.type = type
    let path = "\(path).\(type)"
    // A text of many styles is no array of a request, and not limited as one.
    var given = payload.members ?? [:]
    let items = given["rich_text"]?.array ?? []
    if items.count > 100 { given["rich_text"] = [] }
    var made = try BlockInput.created(type, .object(given), at: path).members ?? [:]
    if items.count > 100 {
      made["rich_text"] = .array(
        try stride(from: 0, to: items.count, by: 100).flatMap { start in
          try RichTextValue.read(
            .array(Array(items[start..<min(start + 100, items.count)])), at: "\(path).rich_text"
          ).array ?? []
        })
    }
    self.payload = .object(made)
    children = []
  }

  /// Checks that a row has no more cells than its table is wide.
  func checkCells(atMost width: Int, at path: String) throws {
    let cells = payload["cells"]?.array?.count ?? 0
    guard cells <= width else {
      throw Refusal.should("\(path).table_row.cells.length", "≤ `\(width)`", .int(cells))
    }
  }

  /// Attaches the uploaded files of blocks.
  static func checkUploads(_ blocks: [BlockInput], _ call: Call) throws {
    for block in blocks {
      for upload in [block.payload["upload"], block.payload["icon"]?["upload"]] {
        if let upload { try FileUploads.attach(upload, at: "body.file_upload.id", call) }
      }
      try checkUploads(block.children, call)
    }
  }

  private var count: Int { children.reduce(1) { $0 + $1.count } }

  private init(json: JSON, at path: String, depth: Int, limit: Int) throws {
    let members = try Check.object(json, at: path)
    let names = members.names.filter { $0 != "object" && $0 != "type" }
    guard let type = names.first, names.count == 1, BlockInput.known.contains(type) else {
      throw Refusal.oneOf(BlockInput.known, at: path)
    }
    if let given = members["type"], given != .string(type) {
      throw Refusal.should("\(path).type", "`\"\(type)\"`", given)
    }
    let place = "\(path).\(type)"
    let payload = try Check.object(members[type], at: place)
    self.type = type
    self.payload = try BlockInput.created(type, .object(payload), at: place)
    guard let inner = payload["children"] else {
      if type == "table" || type == "column_list" {
        throw Refusal.missing("\(place).children")
      }
      children = []
      return
    }
    let holds =
      BlockInput.parents.contains(type) || type == "table"
      || (type.hasPrefix("heading_") && payload["is_toggleable"]?.bool == true)
    guard holds, depth < limit else { throw Refusal.absent("\(place).children", inner) }
    let array = try Check.array(inner, at: "\(place).children")
    children = try array.enumerated().map {
      try BlockInput(
        json: $1, at: "\(place).children[\($0)]", depth: depth + 1, limit: limit)
    }
    if type == "column_list" {
      guard children.count >= 2, children.allSatisfy({ $0.type == "column" }) else {
        throw Refusal.validation("A column_list needs at least two columns, and nothing else.")
      }
    } else if children.contains(where: { $0.type == "column" }) {
      throw Refusal.validation("A column can only be a child of a column_list.")
    }
    if type == "table" {
      let width = payload["table_width"]?.int ?? 0
      guard !children.isEmpty, children.allSatisfy({ $0.type == "table_row" }) else {
        throw Refusal.validation("A table needs at least one table_row.")
      }
      for (index, row) in children.enumerated() {
        try row.checkCells(atMost: width, at: "\(place).children[\(index)]")
      }
    } else if children.contains(where: { $0.type == "table_row" }) {
      throw Refusal.validation("A table_row can only be a child of a table.")
    }
  }

  /// The kept form of a new block's payload, Notion's defaults filled in.
  private static func created(_ type: String, _ json: JSON, at path: String) throws -> JSON {
    var allowed: Set<String> = ["rich_text", "color", "children"]
    switch type {
    case "paragraph": allowed.insert("icon")
    case "heading_1", "heading_2", "heading_3", "heading_4": allowed.insert("is_toggleable")
    case "to_do": allowed.insert("checked")
    case "callout": allowed.insert("icon")
    case "code": allowed = ["rich_text", "language", "caption"]
    case "equation": allowed = ["expression"]
    case "divider", "breadcrumb": allowed = []
    case "image", "video", "audio", "pdf", "file":
      allowed = ["type", "external", "file_upload", "caption"]
      if type == "file" { allowed.insert("name") }
    case "link_to_page": allowed = ["type", "page_id", "database_id", "comment_id"]
    case "column_list", "tab": allowed = ["children"]
    case "column": allowed = ["children", "width_ratio"]
    case "synced_block": allowed = ["synced_from", "children"]
    case "numbered_list_item": allowed.formUnion(["list_start_index", "list_format"])
    case "table_of_contents": allowed = ["color"]
    case "table": allowed = ["table_width", "has_column_header", "has_row_header", "children"]
    case "table_row": allowed = ["cells"]
    case "bookmark", "embed": allowed = ["url", "caption"]
    default: break
    }
    try Check.keys(json, at: path, allowed: allowed)
    let color = try color(json["color"], at: "\(path).color")
    switch type {
    case "divider", "breadcrumb", "column_list", "tab": return [:]
    case "column":
      return json["width_ratio"].map { ["width_ratio": $0] } ?? [:]
    case "synced_block":
      guard let from = json["synced_from"], !from.isNull else { return ["synced_from": nil] }
      let id = try Check.id(from["block_id"], at: "\(path).synced_from.block_id")
      return ["synced_from": ["type": "block_id", "block_id": .string(id)]]
    case "link_to_page":
      for kind in ["page_id", "database_id", "comment_id"] {
        if let given = json[kind] {
          return [
            "type": .string(kind), kind: .string(try Check.id(given, at: "\(path).\(kind)")),
          ]
        }
      }
      throw Refusal.missing("\(path).page_id")
    case "image", "video", "audio", "pdf", "file":
      var payload: JSON.Members = [
        "caption": try json["caption"].map { try RichTextValue.read($0, at: "\(path).caption") }
          ?? []
      ]
      if let upload = json["file_upload"] {
        payload["type"] = "file"
        payload["upload"] = .string(
          try Check.id(upload["id"], at: "\(path).file_upload.id"))
      } else {
        let url = try Check.string(
          json["external"]?["url"], at: "\(path).external.url", atMost: 2000)
        payload["type"] = "external"
        payload["external"] = ["url": .string(url)]
      }
      if type == "file" {
        let last = payload["external"]?["url"]?.string?.split(separator: "/").last
        payload["name"] = json["name"] ?? .string(last.map(String.init) ?? "file")
      }
      return .object(payload)
    case "table_of_contents": return ["color": color]
    case "equation":
      return [
        "expression": .string(
          try Check.string(json["expression"], at: "\(path).expression", atMost: 1000))
      ]
    case "code":
      let language = try Check.string(json["language"], at: "\(path).language")
      guard CodeLanguages.all.contains(language) else {
        throw Refusal.should(
          "\(path).language",
          CodeLanguages.all.sorted().map { "`\"\($0)\"`" }.joined(separator: ", "),
          .string(language))
      }
      return [
        "caption": try json["caption"].map { try RichTextValue.read($0, at: "\(path).caption") }
          ?? [],
        "rich_text": try RichTextValue.read(json["rich_text"], at: "\(path).rich_text"),
        "language": .string(language),
      ]
    case "bookmark", "embed":
      return [
        "caption": try json["caption"].map { try RichTextValue.read($0, at: "\(path).caption") }
          ?? [],
        "url": .string(try Check.string(json["url"], at: "\(path).url", atMost: 2000)),
      ]
    case "table":
      guard let width = json["table_width"]?.int, width >= 1 else {
        throw Refusal.should("\(path).table_width", "a number", json["table_width"])
      }
      return [
        "table_width": .int(width), "has_column_header": json["has_column_header"] ?? false,
        "has_row_header": json["has_row_header"] ?? false,
      ]
    case "table_row":
      return [
        "cells": .array(
          try Check.array(json["cells"], at: "\(path).cells").enumerated().map {
            try RichTextValue.read($1, at: "\(path).cells[\($0)]")
          })
      ]
    default:
      let text = try RichTextValue.read(json["rich_text"], at: "\(path).rich_text")
      var payload: JSON.Members = ["rich_text": text]
      if type == "paragraph" || type == "callout" {
        // A callout has a picture; Notion gives one to a callout without.
        let missing: JSON = type == "callout" ? ["type": "emoji", "emoji": "💡"] : nil
        payload["icon"] =
          try json["icon"].flatMap { $0.isNull ? nil : try Icons.icon($0, at: "\(path).icon") }
          ?? missing
      }
      if type.hasPrefix("heading_") { payload["is_toggleable"] = json["is_toggleable"] ?? false }
      if type == "to_do" {
        payload["checked"] =
          try json["checked"].map { .bool(try Check.bool($0, at: "\(path).checked")) } ?? false
      }
      payload["color"] = color
      for name in ["list_start_index", "list_format"] where json[name] != nil {
        payload[name] = json[name]
      }
      return .object(payload)
    }
  }

  /// Kinds of which a change must give the whole text.
  private static let wholeTexts: Set<String> = [
    "heading_1", "heading_2", "heading_3", "heading_4", "bulleted_list_item",
    "numbered_list_item", "toggle", "quote",
  ]

  /// The payload after a change: what is not named stays.
  static func updated(_ type: String, _ old: JSON, with change: JSON, at path: String) throws
    -> JSON
  {
    let given = try Check.object(change, at: path)
    if wholeTexts.contains(type), given["rich_text"] == nil {
      throw Refusal.missing("\(path).rich_text")
    }
    if let icon = given["icon"], icon.isNull {
      throw Refusal.should("\(path).icon", "an object", icon)
    }
    for name in ["children", "table_width"] {
      if let value = given[name] { throw Refusal.absent("\(path).\(name)", value) }
    }
    var merged = old.members ?? [:]
    // What a file was before it is something else: one of both stays.
    if given["external"] != nil { merged["upload"] = nil }
    if given["file_upload"] != nil { merged["external"] = nil }
    if let upload = merged["upload"] {
      merged["upload"] = nil
      merged["file_upload"] = merged["file_upload"] ?? ["id": upload]
    }
    if type == "table", let width = merged["table_width"]?.int {
      merged["table_width"] = .int(width)
    }
    for (name, value) in given { merged[name] = value }
    if merged["icon"]?["type"] == "file" {
      merged["icon"] = merged["icon"]?["upload"].map { ["file_upload": ["id": $0]] } ?? nil
    }
    return try created(type, .object(merged), at: path)
  }

  private static func color(_ json: JSON?, at path: String) throws -> JSON {
    guard let json else { return "default" }
    let color = try Check.string(json, at: path)
    guard RichTextValue.colors.contains(color) else {
      throw Refusal.should(path, "a valid color", json)
    }
    return json
  }
}

/// The languages a code block may have.
enum CodeLanguages {
  /// Notion's name for the word after a fence.
  static func named(_ word: String) -> String {
    let name = word.lowercased()
    if all.contains(name) { return name }
    let first = name.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
    return aliases[first] ?? (all.contains(first) ? first : "plain text")
  }

  private static let aliases = [
    "js": "javascript", "jsx": "javascript", "ts": "typescript", "tsx": "typescript",
    "py": "python", "rb": "ruby", "sh": "shell", "zsh": "shell", "console": "shell",
    "yml": "yaml", "md": "markdown", "rs": "rust", "cs": "c#", "csharp": "c#", "cpp": "c++",
    "objc": "objective-c", "golang": "go", "kt": "kotlin", "hs": "haskell", "ps1": "powershell",
    "tex": "latex", "dockerfile": "docker", "make": "makefile", "vb": "visual basic",
  ]

  static let all: Set<String> = [
    "abap", "abc", "agda", "arduino", "ascii art", "assembly", "bash", "basic", "bnf", "c", "c#",
    "c++", "clojure", "coffeescript", "coq", "css", "dart", "dhall", "diff", "docker", "ebnf",
    "elixir", "elm", "erlang", "f#", "flow", "fortran", "gherkin", "glsl", "go", "graphql",
    "groovy", "haskell", "hcl", "html", "idris", "java", "java/c/c++/c#", "javascript", "json",
    "julia", "kotlin", "latex", "less", "lisp", "livescript", "llvm ir", "lua", "makefile",
    "markdown", "markup", "mathematica", "matlab", "mermaid", "nix", "notion formula",
    "objective-c", "ocaml", "pascal", "perl", "php", "plain text", "powershell", "prolog",
    "protobuf", "purescript", "python", "r", "racket", "reason", "ruby", "rust", "sass", "scala",
    "scheme", "scss", "shell", "smalltalk", "solidity", "sql", "swift", "toml", "typescript",
    "vb.net", "verilog", "vhdl", "visual basic", "webassembly", "xml", "yaml",
  ]
}
