import Foundation
import HTTPTypes
import LocalNotion
import Testing
import Transport

/// What is computed when a page is read, and what a token may not see or do.
@Suite struct ComputedTests {
  private func workspace(
    _ capabilities: Set<Capability> = Set(Capability.allCases)
  ) throws -> LocalWorkspace {
    try .inMemory(
      capabilities: capabilities, now: { Date(timeIntervalSince1970: 1_783_159_645) })
  }

  private func ask(
    _ workspace: LocalWorkspace, _ method: HTTPRequest.Method, _ path: String, _ body: JSON? = nil
  ) async throws -> JSON {
    var fields = HTTPFields()
    fields[.authorization] = "Bearer " + workspace.token.reveal()
    fields[try #require(HTTPField.Name("Notion-Version"))] = "2026-03-11"
    let answer = try await workspace.send(
      OutgoingRequest(
        method: method, url: "https://api.notion.com/v1/\(path)", fields: fields,
        body: body?.bytes ?? []))
    return try JSON(parsing: try await answer.body.collect())
  }

  /// A database below the root; its identity and its source's.
  private func database(
    _ workspace: LocalWorkspace, _ properties: JSON
  ) async throws -> (database: String, source: String) {
    let made = try await ask(
      workspace, .post, "databases",
      [
        "parent": ["page_id": .string(workspace.rootPageID)], "title": [],
        "initial_data_source": ["properties": properties],
      ])
    return (
      try #require(made["id"]?.string, "\(made.text)"),
      try #require(made["data_sources"]?[0]?["id"]?.string)
    )
  }

  private func row(
    _ workspace: LocalWorkspace, _ source: String, _ properties: JSON
  ) async throws -> JSON {
    try await ask(
      workspace, .post, "pages",
      ["parent": ["data_source_id": .string(source)], "properties": properties])
  }

  @Test func everyFunctionOfRollups() async throws {
    let workspace = try workspace()
    let (_, tasks) = try await database(
      workspace,
      [
        "Name": ["title": [:]], "N": ["number": [:]], "Done": ["checkbox": [:]],
        "Day": ["date": [:]],
      ])
    var ids: [JSON] = []
    for (number, done, day) in [
      (JSON.int(1), true, JSON.string("2026-07-01")), (.int(4), false, .string("2026-07-09")),
      (.int(4), true, .null),
      (.null, false, .null),
    ] {
      let made = try await row(
        workspace, tasks,
        [
          "N": ["number": number], "Done": ["checkbox": .bool(done)],
          "Day": ["date": day.isNull ? nil : ["start": day]],
        ])
      ids.append(["id": made["id"] ?? nil])
    }
    let cases: [(function: String, of: String, wanted: JSON)] = [
      ("count", "N", 4), ("count_values", "N", 3), ("empty", "N", 1), ("not_empty", "N", 3),
      ("unique", "N", 2), ("percent_empty", "N", 0.25), ("percent_not_empty", "N", 0.75),
      ("sum", "N", 9), ("average", "N", 3), ("median", "N", 4), ("min", "N", 1), ("max", "N", 4),
      ("range", "N", 3), ("checked", "Done", 2), ("unchecked", "Done", 2),
      ("percent_checked", "Done", 0.5), ("percent_unchecked", "Done", 0.5),
      ("earliest_date", "Day", ["start": "2026-07-01", "end": nil, "time_zone": nil]),
      ("latest_date", "Day", ["start": "2026-07-09", "end": nil, "time_zone": nil]),
      ("date_range", "Day", ["start": "2026-07-01", "end": "2026-07-09", "time_zone": nil]),
      (
        "show_unique", "N",
        [
          ["type": "number", "number": 1], ["type": "number", "number": 4],
          ["type": "number", "number": nil],
        ]
      ),
      (
        "show_original", "Done",
        .array([true, false, true, false].map { ["type": "checkbox", "checkbox": .bool($0)] })
      ),
    ]
    var schema: JSON.Members = [
      "Name": ["title": [:]],
      "Tasks": ["relation": ["data_source_id": .string(tasks), "single_property": [:]]],
    ]
    for (function, of, _) in cases {
      schema[function] = [
        "rollup": [
          "relation_property_name": "Tasks", "rollup_property_name": .string(of),
          "function": .string(function),
        ]
      ]
    }
    let (_, projects) = try await database(workspace, .object(schema))
    let page = try await row(workspace, projects, ["Tasks": ["relation": .array(ids)]])
    for (function, _, wanted) in cases {
      let rollup = page["properties"]?[function]?["rollup"]
      let type = rollup?["type"]?.string ?? ""
      #expect(rollup?["function"]?.string == function)
      let held = rollup?[type]
      #expect(
        held == wanted || held?.double == wanted.double && wanted.double != nil,
        "\(function): \(held?.text ?? "–")")
    }
  }

  /// A rollup of a formula of that rollup is nothing, and does not end the process.
  @Test func whatIsComputedFromItselfIsUnsupported() async throws {
    let workspace = try workspace()
    let (_, source) = try await database(workspace, ["Name": ["title": [:]]])
    _ = try await ask(
      workspace, .patch, "data_sources/\(source)",
      [
        "properties": [
          "Next": ["relation": ["data_source_id": .string(source), "single_property": [:]]]
        ]
      ])
    for properties: JSON in [
      [
        "Up": [
          "rollup": [
            "relation_property_name": "Next", "rollup_property_name": "Name",
            "function": "show_original",
          ]
        ]
      ],
      ["Form": ["formula": ["expression": "prop(\"Up\")"]]],
      [
        "Up": [
          "rollup": [
            "relation_property_name": "Next", "rollup_property_name": "Form",
            "function": "show_original",
          ]
        ]
      ],
    ] {
      _ = try await ask(workspace, .patch, "data_sources/\(source)", ["properties": properties])
    }
    let first = try await row(workspace, source, [:])
    let id = try #require(first["id"])
    let page = try await ask(
      workspace, .patch, "pages/\(id.string ?? "")",
      ["properties": ["Next": ["relation": [["id": id]]]]])
    let read = try #require(page["properties"]?["Up"]?["rollup"])
    #expect(read["array"]?.array?.count == 1 || read["type"] == "unsupported", "\(read.text)")
    let found = try await ask(
      workspace, .post, "data_sources/\(source)/query",
      ["sorts": [["property": "Up", "direction": "ascending"]]])
    #expect(found["results"]?.array?.count == 1 || found["code"] == "validation_error")
  }

  @Test(arguments: Capability.allCases) func aMissingCapabilityIsRefused(_ missing: Capability)
    async throws
  {
    let workspace = try workspace(Set(Capability.allCases).subtracting([missing]))
    let root = JSON.string(workspace.rootPageID)
    let requests: [(Capability, HTTPRequest.Method, String, JSON?)] = [
      (.read, .get, "pages/\(workspace.rootPageID)", nil), (.read, .post, "search", [:]),
      (.insert, .post, "pages", ["parent": ["page_id": root], "properties": ["title": []]]),
      (
        .insert, .patch, "blocks/\(workspace.rootPageID)/children", ["children": [["divider": [:]]]]
      ),
      (.update, .patch, "pages/\(workspace.rootPageID)", ["is_locked": true]),
      (
        .update, .patch, "pages/\(workspace.rootPageID)/markdown",
        ["type": "insert_content", "insert_content": ["content": "x"]]
      ),
      (.readComments, .get, "comments?block_id=\(workspace.rootPageID)", nil),
      (
        .insertComments, .post, "comments",
        ["parent": ["page_id": root], "rich_text": [["text": ["content": "x"]]]]
      ),
      (.users, .get, "users", nil),
    ]
    for (capability, method, path, body) in requests {
      let answer = try await ask(workspace, method, path, body)
      if capability == missing {
        #expect(answer["status"] == 403 && answer["code"] == "restricted_resource", "\(path)")
        #expect(answer["message"] == "Insufficient permissions for this endpoint.")
      } else {
        #expect(answer["object"] != "error", "\(missing) \(path): \(answer.text)")
      }
    }
    // The probe of a token works with every token.
    #expect(try await ask(workspace, .get, "users/me")["type"] == "bot")
  }

  /// What is not shared is as if it were not there, with all that is below it, wherever it is asked for.
  @Test func whatIsNotSharedIsNotThere() async throws {
    let workspace = try workspace()
    let (database, source) = try await database(workspace, ["Name": ["title": [:]]])
    let made = try await row(
      workspace, source, ["Name": ["title": [["text": ["content": "Hidden"]]]]])
    let id = try #require(made["id"]?.string)
    #expect(try workspace.share(database, false))
    for (path, what, name) in [
      ("databases/\(database)", database, "database"),
      ("data_sources/\(source)", source, "database"),
      ("pages/\(id)", id, "page"), ("blocks/\(id)", id, "block"),
      ("pages/\(id)/markdown", id, "block"),
    ] {
      let answer = try await ask(workspace, .get, path)
      #expect(answer["status"] == 404 && answer["code"] == "object_not_found", "\(path)")
      #expect(
        answer["message"]?.string
          == "Could not find \(name) with ID: \(what). Make sure the relevant pages and databases are "
          + "shared with your integration \"Visen\".", "\(answer.text)")
      #expect(answer["additional_data"]?["integration_id"]?.string != nil)
    }
    let search = try await ask(workspace, .post, "search", ["query": "Hidden"])
    #expect(search["results"] == [])
    let written = try await row(workspace, source, [:])
    #expect(written["code"] == "object_not_found")
    #expect(try workspace.share(database, true))
    #expect(try await ask(workspace, .get, "pages/\(id)")["object"] == "page")
  }
}
