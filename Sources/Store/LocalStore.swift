public import Foundation
import GRDB
import Synchronization

/// Visen's own memory: `visen.db` in its home.
///
/// The database is opened when it is first used: a script that only calculates needs none.
public struct LocalStore: Sendable {
  /// The folder that holds it; `nil` in memory.
  public let home: URL?
  /// The saved connections.
  public let connections: ConnectionTable
  /// The settings.
  public let preferences: Preferences
  /// The schemas last read.
  public let schemas: SchemaCache
  /// The prompts, by version, and the checks of their answers.
  public let prompts: PromptTable
  /// The experiments and their ratings.
  public let experiments: ExperimentTable
  /// What was asked and answered.
  public let conversations: ConversationTable
  /// The runs and what became of each row.
  public let journal: RunJournal
  /// What is known of engines: prices a person gave, limits that were seen.
  public let facts: EngineFacts
  /// The answers kept for the same question.
  public let answers: AnswerCache
  /// The allowance of prompts.
  public let allowance: Allowance

  private let access: DatabaseAccess

  /// A store in a folder, which is made when it is missing.
  ///
  /// - Throws: ``StoreError`` when the folder or the file cannot be used.
  public init(home: URL) throws {
    let path = home.appendingPathComponent("visen.db").path
    try PrivateFile.makeFolder(home)
    try PrivateFile.make(path)
    self.init(
      DatabaseAccess(path: path) {
        var configuration = LocalStore.configuration
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
          // A paid answer must survive a power cut, not only a crash of ours.
          try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        for suffix in ["-wal", "-shm"] { PrivateFile.restrict(path + suffix) }
        return try LocalStore.migrated(queue, path)
      }, home: home)
  }

  /// Opens a store that is gone with the process.
  public static func inMemory() throws -> LocalStore {
    let store = LocalStore(
      DatabaseAccess(path: "memory") {
        try migrated(DatabaseQueue(configuration: configuration), "memory")
      }, home: nil)
    try store.open()
    return store
  }

  /// Opens the database now.
  ///
  /// - Throws: ``StoreError`` when it is damaged, or was written by a newer Visen.
  public func open() throws { _ = try access.queue() }

  /// Why the database could not be opened; `nil` while that was not tried, and when it is open.
  public var problem: (any Error)? { access.problem }

  private static var configuration: Configuration {
    var configuration = Configuration()
    configuration.foreignKeysEnabled = true
    return configuration
  }

  private static func migrated(_ queue: DatabaseQueue, _ path: String) throws -> DatabaseQueue {
    let migrator = Schema.migrator
    let isNewer = try queue.read { try migrator.hasBeenSuperseded($0) }
    guard !isNewer else {
      throw StoreError("\(path) was written by a newer Visen; use that one.")
    }
    if try queue.read({ try !migrator.hasCompletedMigrations($0) }) {
      try migrator.migrate(queue)
    }
    return queue
  }

  private init(_ access: DatabaseAccess, home: URL?) {
    self.home = home
    self.access = access
    connections = ConnectionTable(access: access)
    preferences = Preferences(access: access)
    schemas = SchemaCache(access: access)
    prompts = PromptTable(access: access)
    experiments = ExperimentTable(access: access)
    conversations = ConversationTable(access: access)
    journal = RunJournal(
      access: access,
      claims: RunClaims(path: home?.appendingPathComponent("runs.lock").path))
    facts = EngineFacts(access: access)
    answers = AnswerCache(access: access)
    allowance = Allowance(preferences: preferences, access: access)
  }
}

/// The database as its tables use it: synchronous, its errors explained.
final class DatabaseAccess: Sendable {
  let path: String
  private let opening: @Sendable () throws -> DatabaseQueue
  private let opened = Mutex<Result<DatabaseQueue, any Error>?>(nil)

  init(path: String, opening: @escaping @Sendable () throws -> DatabaseQueue) {
    self.path = path
    self.opening = opening
  }

  /// The database, opened when it is first asked for.
  func queue() throws -> DatabaseQueue {
    try opened.withLock { opened in
      if let opened { return try opened.get() }
      let result: Result<DatabaseQueue, any Error>
      do {
        result = .success(try opening())
      } catch {
        result = .failure(StoreError.explained(error, path))
      }
      opened = result
      return try result.get()
    }
  }

  /// Why it could not be opened.
  var problem: (any Error)? {
    opened.withLock { if case .failure(let error) = $0 { error } else { nil } }
  }

  func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
    do { return try queue().read(body) } catch { throw StoreError.explained(error, path) }
  }

  func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
    do { return try queue().write(body) } catch { throw StoreError.explained(error, path) }
  }

  /// Writes on the database's own thread, so that none of the program's waits for the disk.
  func write(_ body: @escaping @Sendable (Database) throws -> Void) async throws {
    do { try await queue().write(body) } catch { throw StoreError.explained(error, path) }
  }
}

/// Files that only their owner may read.
public enum PrivateFile {
  /// Makes a folder of mode 0700 when it is missing.
  public static func makeFolder(_ folder: URL) throws {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: folder.path, isDirectory: &isFolder) {
      guard isFolder.boolValue else {
        throw StoreError("\(folder.path) is a file; Visen needs a folder there (VISEN_HOME).")
      }
      return
    }
    do {
      try FileManager.default.createDirectory(
        at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw StoreError(
        "The folder \(folder.path) could not be made; set VISEN_HOME to one that is yours.")
    }
  }

  /// Makes an empty file of mode 0600 when it is missing, before anything is in it.
  static func make(_ path: String) throws {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreError(
        "\(path) cannot be opened or written; is the folder yours, is the disk full?")
    }
    close(descriptor)
    restrict(path)
  }

  static func restrict(_ path: String) {
    chmod(path, 0o600)
  }

  /// Writes a file of mode 0600 in one step: readers see the old or the new, never half.
  public static func write(_ bytes: [UInt8], to path: String) throws {
    let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw StoreError("\(path) could not be written; is the folder yours, is the disk full?")
    }
    var written = 0
    while written < bytes.count {
      let count = bytes[written...].withUnsafeBytes {
        Foundation.write(descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else { break }
      written += count
    }
    let isSafe = written == bytes.count && fsync(descriptor) == 0
    close(descriptor)
    guard isSafe, rename(temporary, path) == 0 else {
      unlink(temporary)
      throw StoreError("\(path) could not be written; is the disk full?")
    }
  }
}
