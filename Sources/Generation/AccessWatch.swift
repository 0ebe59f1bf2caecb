import Notion

/// Notices that the whole database of a run is out of reach, so that no further row is asked, and paid
/// for, that could not be written.
///
/// Notion answers alike for one row that is gone or not shared and for a database that is not: only a
/// look at the database tells them apart. It is looked at after the first failure, the second, the
/// fourth and so on: some rows may be away long before all are.
actor AccessWatch {
  private let client: NotionClient
  /// The data source of the run; `nil` when it fills one page, which is all there is to it.
  private let source: NotionID?
  private var missing = 0
  private var forbidden = 0

  /// Rows in a row that may not be written before it is taken for a rule.
  private static let mostForbidden = 3

  init(client: NotionClient, source: NotionID?) {
    self.client = client
    self.source = source
  }

  /// A row was written.
  func noteSuccess() { forbidden = 0 }

  /// Why no further row can be written, if a row's failure says so.
  func reason(after error: NotionError) async -> StopReason? {
    if error.concernsEverything { return .problem(error.description, isKey: true) }
    if error.code == .restrictedResource {
      forbidden += 1
      return forbidden >= AccessWatch.mostForbidden
        ? .problem(error.description, isKey: false) : nil
    }
    return error.isAbsence ? await reasonAfterAbsence() : nil
  }

  /// Why no further row can be written, after one that is gone, not shared or in the trash.
  func reasonAfterAbsence() async -> StopReason? {
    guard let source else { return nil }
    missing += 1
    guard missing & (missing - 1) == 0 else { return nil }
    do {
      let now = try await client.dataSource(source)
      var isInTrash = now.isInTrash
      // The database goes to the trash, what stands in it with it.
      if !isInTrash, let database = now.databaseID {
        isInTrash = try await client.database(database).isInTrash
      }
      guard isInTrash else { return nil }
      return .problem(
        "The database was put into the trash while it was being filled. Take it out again in Notion: "
          + "Trash, at the left.", isKey: false)
    } catch let error as NotionError where error.code == .objectNotFound {
      return .problem(
        "Notion does not show the database any more: it was deleted, or is no longer shared with the "
          + "integration. Share it again in Notion: ••• at its top right, Connections.",
        isKey: false)
    } catch {
      // Nobody knows; the next failure looks again.
      return nil
    }
  }
}

extension NotionError {
  /// Whether something is not there, not shared, or in the trash with what it stands in.
  fileprivate var isAbsence: Bool {
    code == .objectNotFound || (code == .validationError && message.contains("archived"))
  }
}
