public import Notion
public import Store
import Transport

/// Where the value of a cell comes from: the run that wrote it last, and what it was made from.
public struct Provenance: Sendable {
  /// What a cell was made from that has changed since.
  public enum Change: Sendable, Equatable {
    /// These properties, by identity.
    case inputs([String])
    /// The connection's prompt.
    case prompt
    /// The engine or the model.
    case model
  }

  /// The run.
  public let run: RunRecord
  /// Its row.
  public let item: ItemRecord
  /// The property's identity, or `body`.
  public let cell: String

  /// Creates what is known of a cell.
  public init(run: RunRecord, item: ItemRecord, cell: String) {
    self.run = run
    self.item = item
    self.cell = cell
  }

  /// What generated a cell last; `nil` when nothing did, or it was taken back.
  ///
  /// - Parameter cell: The property's identity, or `body`.
  public static func last(
    of cell: String, page id: String, in journal: RunJournal
  ) throws -> Provenance? {
    for (run, item) in try journal.items(ofPage: id)
    where run.kind == .generate && item.state == .written {
      guard let new = item.new.flatMap({ try? JSON(parsing: $0) }) else { continue }
      if new["properties"]?[cell] != nil || (cell == "body" && new["body"] != nil) {
        return Provenance(run: run, item: item, cell: cell)
      }
    }
    return nil
  }

  /// Whether a person changed the cell since; a body is not looked at.
  public func isEdited(in page: Page) -> Bool {
    guard let property = page.property(id: cell),
      let wrapped = item.new.flatMap({ try? JSON(parsing: $0) })?["properties"]?[cell]
    else { return false }
    return CellValue.signature(property.value)
      != CellValue.signature(PropertyValue(wrapped: wrapped))
  }

  /// What has changed of that from which the cell was made.
  ///
  /// - Parameters:
  ///   - prompt: The connection's prompt as it is; looked at when the run took it.
  ///   - engine: The engine that would be asked, `gemini/gemini-3.1-flash-lite`; looked at when the run
  ///     named none by itself. `nil` when that is not known.
  public func changes(in page: Page, prompt: String?, engine: String?) -> [Change] {
    var changes: [Change] = []
    let parameters = RunParameters(json: (try? JSON(parsing: run.parameters)) ?? [:])
    let before = item.before.flatMap { try? JSON(parsing: $0) }
    let inputs = (before?["inputs"]?.members ?? [:]).compactMap { id, kept -> String? in
      guard let property = page.property(id: id) else { return nil }
      return CellValue.signature(property.value) == kept ? nil : id
    }
    if !inputs.isEmpty { changes.append(.inputs(inputs)) }
    if parameters.isConnectionPrompt, let prompt, prompt != run.prompt { changes.append(.prompt) }
    if !parameters.isEngineNamed, let engine,
      engine != item.answeredBy ?? "\(run.engine)/\(run.model)"
    {
      changes.append(.model)
    }
    return changes
  }
}
