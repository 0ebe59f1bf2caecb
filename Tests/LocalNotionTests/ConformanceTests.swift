import Foundation
import HTTPTypes
import LocalNotion
import Testing
import Transport

/// The conformance suite in this process; `Tests/Conformance/README.md` says what its files mean.
@Suite struct ConformanceTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Conformance")

  private static let stories =
    (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?
    .filter { $0.hasSuffix(".json") }.sorted() ?? []

  @Test(arguments: stories) func conforms(_ name: String) async throws {
    let data = try Data(contentsOf: Self.folder.appendingPathComponent(name))
    let steps = try #require(try JSON(parsing: Array(data))["steps"]?.array)
    let start = Date(timeIntervalSince1970: 1_783_159_645.315)
    let workspace = try LocalWorkspace.inMemory(now: { start })
    var story = Story(workspace: workspace)
    try await story.meet()
    for step in steps {
      let case_ = "\(step["fact"]?.string ?? "preparation"): \(step["name"]?.string ?? "")"
      let problem = try await story.tell(step)
      #expect(problem == nil, "\(name): \(case_)")
      if problem != nil, step["fact"] == nil { return }
    }
  }

  /// `RECORDED.md` names cases for what is recorded of Notion, and each of them is there.
  @Test func whatIsRecordedHasCases() throws {
    var facts: Set<String> = []
    var cases = 0
    for name in Self.stories {
      let data = try Data(contentsOf: Self.folder.appendingPathComponent(name))
      for step in try JSON(parsing: Array(data))["steps"]?.array ?? [] {
        guard let fact = step["fact"]?.string else { continue }
        cases += 1
        facts.insert("\(name.dropLast(5))/\(fact)")
      }
    }
    let table = try String(
      contentsOf: Self.folder.appendingPathComponent("RECORDED.md"), encoding: .utf8)
    let rows = table.split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst(2)
    var covered = 0
    for row in rows {
      let named = row.matches(of: /`([^`]+\/[^`]+)`/).map { String($0.1) }
      #expect(!named.isEmpty || row.contains("| none: "), "\(row)")
      for name in named { #expect(facts.contains(name), "\(row)") }
      if !named.isEmpty { covered += 1 }
    }
    // 116 marks, one of which is the legend; two facts are of what the API does not do any more, or never.
    #expect(rows.count == 115)
    #expect(covered >= 113)
    #expect(cases >= 116)
  }
}

/// One file of the suite, told to a workspace.
private struct Story {
  let workspace: LocalWorkspace
  var known: [String: String] = ["base": "https://api.notion.com"]

  init(workspace: LocalWorkspace) {
    self.workspace = workspace
    known["root"] = workspace.rootPageID
  }

  mutating func meet() async throws {
    let me = try await ask(["method": "GET", "path": "users/me"]).document
    let users = try await ask(["method": "GET", "path": "users"]).document
    known["bot"] = me["id"]?.string
    known["bot_name"] = me["name"]?.string
    known["person"] =
      users["results"]?.array?.first { $0["type"] == "person" }?["id"]?.string
  }

  /// Makes a request and says what is wrong with the answer.
  mutating func tell(_ step: JSON) async throws -> String? {
    let (status, fields, document) = try await ask(step["request"] ?? [:])
    do {
      guard status == step["status"]?.int ?? 200 else {
        throw Mismatch("status \(status), wanted \(step["status"]?.int ?? 200)")
      }
      for (name, wanted) in step["headers"]?.members ?? [:] {
        let field = try #require(HTTPField.Name(name))
        let wanted = wanted == "<request_id>" ? document["request_id"] ?? nil : wanted
        try compare(fields[field].map(JSON.string), wanted, name)
      }
      if let wanted = step["answer"] {
        let at = step["at"]?.string ?? ""
        try compare(Story.look(document, at), wanted, at)
      }
      return nil
    } catch let mismatch as Mismatch {
      return "\(mismatch.text)\n\(document.text.prefix(1500))"
    }
  }

  private struct Mismatch: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  private func ask(
    _ request: JSON
  ) async throws -> (status: Int, fields: HTTPFields, document: JSON) {
    let method = try #require(HTTPRequest.Method(request["method"]?.string ?? "GET"))
    var fields = HTTPFields()
    fields[.authorization] = "Bearer " + workspace.token.reveal()
    fields[.contentType] = "application/json"
    let versionName = try #require(HTTPField.Name("Notion-Version"))
    fields[versionName] = request["version"]?.string ?? "2026-03-11"
    for (name, value) in request["headers"]?.members ?? [:] {
      fields[try #require(HTTPField.Name(name))] = value.string
    }
    var bytes: [UInt8] = []
    if let body = request["body"] {
      if let raw = body["$raw"]?.string {
        bytes = Array(raw.utf8)
      } else if let file = body["$file"] {
        fields[.contentType] = "multipart/form-data; boundary=edge"
        bytes = Array(
          """
          --edge\r
          Content-Disposition: form-data; name="file"; filename="\(file["name"]?.string ?? "")"\r
          Content-Type: \(file["type"]?.string ?? "")\r
          \r
          \(file["text"]?.string ?? "")\r
          --edge--\r

          """.utf8)
      } else {
        bytes = filled(body).bytes
      }
    }
    let path = filled(request["path"]?.string ?? "")
    let answer = try await workspace.send(
      OutgoingRequest(
        method: method, url: "https://api.notion.com/v1/\(path)", fields: fields, body: bytes))
    return (answer.status, answer.fields, try JSON(parsing: try await answer.body.collect()))
  }

  // MARK: - Comparing

  /// A value with the names in it replaced by what is known.
  private func filled(_ json: JSON) -> JSON {
    switch json {
    case .string(let text): .string(filled(text))
    case .array(let items): .array(items.map(filled))
    case .object(let members):
      .object(JSON.Members(members.map { (filled($0.name), filled($0.value)) }))
    default: json
    }
  }

  private func filled(_ text: String) -> String {
    text.replacing(/\{(\w+)(?:\|(\w+))?\}/) { match in
      guard let value = known[String(match.1)] else { return String(match.0) }
      switch match.2 {
      case "undashed"?: return value.replacing("-", with: "")
      case "decoded"?: return value.removingPercentEncoding ?? value
      default: return value
      }
    }
  }

  private mutating func compare(_ seen: JSON?, _ wanted: JSON, _ place: String) throws {
    if let text = wanted.string {
      if let form = text.wholeMatch(of: /<([\w ]+?)(?::(\w+))?>/) {
        if form.1 == "another", let name = form.2 {
          guard let text = seen?.string, text != known[String(name)] else {
            throw Mismatch("\(place) is \(seen?.text ?? "absent"), as before")
          }
          return
        }
        guard fits(seen, String(form.1)) else {
          throw Mismatch("\(place) is \(seen?.text ?? "absent"), wanted \(form.1)")
        }
        if let name = form.2 { known[String(name)] = seen?.string }
        return
      }
      if text.hasPrefix("<starts>") {
        guard seen?.string?.hasPrefix(text.dropFirst(8)) ?? false else {
          throw Mismatch("\(place) is \(seen?.text ?? "absent")")
        }
        return
      }
    }
    if let members = wanted.members, let held = seen?.members {
      let present = members.filter { $0.value != "<absent>" }.map(\.name)
      guard held.names == present else {
        throw Mismatch("\(place) has \(held.names), wanted \(members.names)")
      }
      for (name, value) in members { try compare(held[name], value, "\(place).\(name)") }
      return
    }
    if let items = wanted.array, let held = seen?.array {
      guard held.count == items.count else {
        throw Mismatch("\(place) has \(held.count) items, wanted \(items.count)")
      }
      for index in items.indices {
        try compare(held[index], items[index], "\(place).\(index)")
      }
      return
    }
    let wanted = filled(wanted)
    guard seen == wanted || (seen?.double != nil && seen?.double == wanted.double) else {
      throw Mismatch("\(place) is \(seen?.text ?? "absent"), wanted \(wanted.text)")
    }
  }

  private func fits(_ seen: JSON?, _ form: String) -> Bool {
    if form == "any" { return seen != nil }
    if form == "absent" { return seen == nil }
    if form == "ordered properties" {
      let ids = (seen?.members ?? [:]).map {
        $0.value["id"]?.string?.removingPercentEncoding ?? ""
      }
      let rest = Array(ids.dropLast())
      return ids.last == "title"
        && zip(rest, rest.dropFirst()).allSatisfy { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    guard let text = seen?.string else { return false }
    switch form {
    case "uuid 4", "uuid 8":
      return fits(seen, "uuid") && text.dropFirst(14).first == form.last
    case "uuid":
      return text.wholeMatch(
        of: /[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil
    case "minute": return text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z/) != nil
    case "instant":
      return text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00/) != nil
    case "instant Z": return text.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil
    case "property":
      return text.wholeMatch(of: /(?:[A-Za-z0-9\-_.!~*'()]|%[0-9A-F]{2}){4}/) != nil
    case "decoded property": return text.count == 4
    case "task": return text.wholeMatch(of: /task_[0-9a-f]{32}/) != nil
    case "query cursor": return text.wholeMatch(of: /s:[0-9a-f-]{36}:[0-9a-f-]{36}/) != nil
    case "formula tokens":
      return text.wholeMatch(
        of: /\(?\{\{notion:block_property:[^:]+:[0-9a-f-]{36}:[0-9a-f-]{36}\}\} \* 2\)?/) != nil
    default: return true
    }
  }

  // MARK: - Looking

  /// The part of a document that a path names.
  private static func look(_ document: JSON, _ at: String) -> JSON? {
    if let picked = at.wholeMatch(of: /(.*?)\{([^}]*)\}(?:\.(.*))?/) {
      let held = walk(document, picked.1.hasSuffix(".") ? picked.1.dropLast() : picked.1)
      if picked.2 == "*" { return .array((held?.members?.names ?? []).map(JSON.string)) }
      var members = JSON.Members()
      for name in picked.2.split(separator: ",") {
        let rest = picked.3.map { ".\($0)" } ?? ""
        members[String(name)] = held.flatMap { walk($0, name + rest) }
      }
      return .object(members)
    }
    if let each = at.wholeMatch(of: /(.*?)\[(.*)\]/) {
      return walk(document, each.1)?.array.map { .array($0.map { walk($0, each.2) ?? .null }) }
    }
    return walk(document, at[...])
  }

  private static func walk(_ value: JSON, _ path: Substring) -> JSON? {
    var here: JSON? = value
    for name in path.split(separator: ".") {
      if here?.array != nil {
        here = Int(name).flatMap { here?[$0] }
      } else {
        here = here?[String(name)]
      }
    }
    return here
  }
}
