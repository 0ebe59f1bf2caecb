import Engines
import Generation
import Notion
import Script
import Store
import Transport

/// A check that can be run: a condition on a row and the answer for it, under a name.
nonisolated struct AnswerCheck: Sendable {
  let name: String
  let condition: RowCondition

  /// Why an answer fails it; `nil` when it passes.
  func failure(_ answer: Value, for row: Row) async -> String? {
    do {
      return try await condition.holds(for: row, answer: answer) ? nil : "“\(name)”"
    } catch {
      let reason = (error as? ScriptError)?.message ?? "\(error)"
      return "“\(name)” (it cannot be told: \(reason))"
    }
  }
}

/// The checks of a connection's answers, ready to run.
final class AnswerChecks {
  private let store: LocalStore
  private let interpreter: Interpreter

  init(store: LocalStore, interpreter: Interpreter) {
    self.store = store
    self.interpreter = interpreter
  }

  /// The checks of a connection.
  ///
  /// - Throws: A refusal when one does not fit the database any more.
  func all(of connection: String) async throws -> [AnswerCheck] {
    var checks: [AnswerCheck] = []
    for kept in try store.prompts.checks(of: connection) {
      do {
        checks.append(
          AnswerCheck(
            name: kept.name,
            condition: try await interpreter.condition(
              kept.condition, answer: "answer", connection: connection)))
      } catch let failure as CheckFailure {
        throw ScriptError.refusal(
          "V517",
          "The check “\(kept.name)” does not fit any more: "
            + (failure.diagnostics.first?.message ?? "it is no condition"),
          "take it away: check remove \"\(kept.name)\"", "all of them: check")
      }
    }
    return checks
  }

  /// How a run looks at answers.
  nonisolated struct Looks: Sendable {
    /// The names of the checks that a kept answer fails.
    let review: Runner.Review
    /// What is wrong with an answer, in words for the engine; `nil` when it may be taken.
    let check: Runner.AnswerCheck
  }

  /// How a run looks at answers; `nil` when there is nothing to check.
  func looks(_ connection: OpenConnection) async throws -> Looks? {
    let checks = try await all(of: connection.name)
    guard !checks.isEmpty else { return nil }
    let client = connection.workspace.client
    let shape = connection.shape
    // A row is read only where a check speaks of it.
    let readsRow = checks.contains(where: \.condition.readsRow)
    let failed: @Sendable (ItemRecord, Value) async throws -> [String] = { item, answer in
      var row = AnswerChecks.bare(item.pageID, item.title)
      if readsRow, let shape, let id = NotionID(parsing: item.pageID) {
        row = RowMapping.row(try await client.page(id), shape: shape, number: item.number)
      }
      var failures: [String] = []
      for check in checks {
        if let failure = await check.failure(answer, for: row) { failures.append(failure) }
      }
      return failures
    }
    return Looks(
      review: { item in
        try await failed(
          item,
          AnswerChecks.value(
            text: item.answer ?? "", value: item.value.flatMap { try? JSON(parsing: $0) }))
      },
      check: { item, answer in
        let names = try await failed(
          item, AnswerChecks.value(text: answer.text, value: answer.value))
        return names.isEmpty ? nil : "it fails \(names.joined(separator: ", "))"
      })
  }

  /// A row of which only the title is known: a page that stands in no database.
  nonisolated static func bare(_ id: String, _ title: String) -> Row {
    Row(
      id: id, title: title,
      shape: Shape(
        name: "page",
        fields: [Field(name: "title", kind: .text, isWritable: false, typeName: "title")]),
      values: [.text(title)])
  }

  /// An answer as the language knows it: a text without the spaces around it, or a typed value.
  nonisolated static func value(text: String, value: JSON?) -> Value {
    guard let value else { return .text(trimmed(text)) }
    return converted(value)
  }

  private nonisolated static func converted(_ json: JSON) -> Value {
    switch json {
    case .null: .nothing
    case .bool(let flag): .flag(flag)
    case .int(let whole): .number(Double(whole))
    case .double(let number): .number(number)
    case .string(let text): .text(trimmed(text))
    case .array(let items): .list(items.map(converted))
    case .object(let members):
      .record(Record(members.pairs.map { ($0.name, converted($0.value)) }))
    }
  }

  private nonisolated static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
