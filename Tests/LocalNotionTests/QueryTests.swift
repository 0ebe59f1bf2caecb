import Foundation
import LocalNotion
import Notion
import Synchronization
import Testing
import Transport

/// A clock that goes on by some seconds each time it is read.
final class Ticking: Sendable {
  private let seconds: Mutex<Double>
  private let step: Double
  init(step: Double) {
    self.step = step
    seconds = Mutex(1_767_225_600)
  }
  func now() -> Date {
    Date(
      timeIntervalSince1970: seconds.withLock {
        $0 += step
        return $0
      })
  }
}

@Suite struct QueryTests {
  private func workspace(
    rows: Int, limit: Int, step: Double, kind: String = ""
  ) async throws -> (NotionClient, NotionID) {
    let clock = Ticking(step: step)
    let workspace = try LocalWorkspace.inMemory(queryLimit: limit, now: { clock.now() })
    let client = NotionClient(
      transport: workspace, token: workspace.token, baseURL: NotionClient.defaultBaseURL)
    let root = try #require(NotionID(parsing: workspace.rootPageID))
    let database = try await client.createDatabase(
      parentPage: root, title: "Long",
      properties: [
        "Name": ["title": [:]], "Number": [kind == "" ? "number" : "rich_text": [:]],
        "More": [kind == "" ? "rich_text" : kind: [:]], "Text": ["rich_text": [:]],
      ])
    let source = try #require(database.dataSources.first).id
    for number in 0..<rows {
      _ = try await client.createPage(
        parent: .dataSource(source),
        properties: [
          "Name": ["title": try RichText.items(for: "row \(number)")],
          kind == "" ? "Number" : kind == "unique_id" ? "Text" : "More": try value(number, kind),
        ])
    }
    return (client, source)
  }

  /// A value of a kind by which rows can be told apart.
  private func value(_ number: Int, _ kind: String) throws -> JSON {
    switch kind {
    case "", "number": ["number": .int(number)]
    case "date": ["date": ["start": .string("2025-0\(1 + number % 9)-\(10 + number % 19)")]]
    case "select": ["select": ["name": .string("option \(number % 7)")]]
    default: ["rich_text": []]
    }
  }

  @Test func rowsBeyondTheLimitOfOneQueryAreRead() async throws {
    let (client, source) = try await workspace(rows: 450, limit: 120, step: 7)
    let rows = try await client.rows(source)
    #expect(rows.map(\.title) == (0..<450).reversed().map { "row \($0)" })
    let some = try await client.rows(
      source, filter: ["property": "Number", "number": ["greater_than_or_equal_to": 100]])
    #expect(some.count == 350)
  }

  @Test func aQueryEndsAtTheLimitAndSaysSo() async throws {
    let (client, source) = try await workspace(rows: 150, limit: 120, step: 7)
    let first = try await client.query(source)
    #expect(!first.isIncomplete && first.items.count == 100)
    let second = try await client.query(source, cursor: first.next)
    #expect(second.isIncomplete && second.items.count == 20 && second.next == nil)
    // Exactly at the limit nothing is missing.
    let whole = try await client.rows(
      source, filter: ["property": "Number", "number": ["less_than": 120]])
    #expect(whole.count == 120)
  }

  @Test func aSortedQueryKeepsItsOrderWhileItIsRead() async throws {
    let (client, source) = try await workspace(rows: 250, limit: 10_000, step: 7)
    let sorts: JSON = [["property": "Number", "direction": "descending"]]
    let first = try await client.query(source, sorts: sorts)
    // A row that is changed and one that goes to the trash in the middle neither come twice nor
    // push another out.
    let last = try #require(first.items.last)
    _ = try await client.updatePage(last.id, properties: ["Number": ["number": -5]])
    let second = try await client.query(source, sorts: sorts, cursor: first.next)
    let third = try await client.query(source, sorts: sorts, cursor: second.next)
    let names = (first.items + second.items + third.items).map(\.title)
    #expect(names == (0..<250).reversed().map { "row \($0)" })
    #expect(third.next == nil)
    // Another query of the same words is sorted as things are now.
    let again = try await client.rows(source, sorts: sorts)
    #expect(again.last?.id == last.id)
  }

  @Test func rowsThatAreEditedBehindTheReaderDoNotComeAgain() async throws {
    let (client, source) = try await workspace(rows: 230, limit: 10_000, step: 61)
    let filter: JSON = ["property": "Number", "number": ["less_than": 1000]]
    for sorts: JSON in [
      [["timestamp": "last_edited_time", "direction": "ascending"]],
      [["property": "Number", "direction": "descending"]],
      [
        ["property": "Name", "direction": "ascending"],
        ["timestamp": "last_edited_time", "direction": "descending"],
      ],
    ] {
      let wanted = try await client.rows(source, filter: filter, sorts: sorts).map(\.id)
      var seen: [NotionID] = []
      var cursor: String?
      repeat {
        let page = try await client.query(source, filter: filter, sorts: sorts, cursor: cursor)
        seen += page.items.map(\.id)
        cursor = page.next
        // What was read is worked on: it moves, and leaves the filter.
        for row in page.items.prefix(20) {
          _ = try await client.updatePage(row.id, properties: ["Number": ["number": 5000]])
        }
      } while cursor != nil
      #expect(seen == wanted)
      for id in seen {
        _ = try await client.updatePage(id, properties: ["Number": ["number": .int(seen.count)]])
      }
    }
  }

  @Test func moreRowsInOneMinuteThanAQueryGivesAreToldApart() async throws {
    let (client, source) = try await workspace(rows: 450, limit: 100, step: 0.01)
    let rows = try await client.rows(source)
    #expect(Set(rows.map(\.title)) == Set((0..<450).map { "row \($0)" }) && rows.count == 450)
    let some = try await client.rows(
      source, filter: ["property": "Number", "number": ["less_than": 250]])
    #expect(some.count == 250)
  }

  @Test(arguments: ["unique_id", "number", "date", "select"])
  func whateverTellsRowsApartMakesThemWhole(kind: String) async throws {
    let (client, source) = try await workspace(rows: 250, limit: 100, step: 0.01, kind: kind)
    let rows = try await client.rows(source)
    #expect(Set(rows.map(\.title)).count == 250 && rows.count == 250)
  }

  @Test func rowsThatNothingTellsApartAreRefusedNotDropped() async throws {
    let clock = Ticking(step: 0.01)
    let workspace = try LocalWorkspace.inMemory(queryLimit: 100, now: { clock.now() })
    let client = NotionClient(transport: workspace, token: workspace.token)
    let root = try #require(NotionID(parsing: workspace.rootPageID))
    let database = try await client.createDatabase(
      parentPage: root, title: "Alike", properties: ["Name": ["title": [:]]])
    let source = try #require(database.dataSources.first).id
    for _ in 0..<150 {
      _ = try await client.createPage(parent: .dataSource(source), properties: [:])
    }
    await #expect(throws: NotionError.self) { try await client.rows(source) }
  }
}
