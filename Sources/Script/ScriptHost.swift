/// What is known of a database's rows while a program is checked.
public enum ShapeAnswer: Sendable {
  /// These fields.
  case known(Shape)
  /// Nothing yet, though there may be when it runs.
  case later
  /// There is no such database; these come near.
  case unknown([String])
}

/// What a program may ask of the program around it.
///
/// The first are called while a program is checked and must not wait for anything.
public protocol ScriptHost: AnyObject, Sendable {
  /// The commands.
  var signatures: [CommandSignature] { get }
  /// The rows of a connection; `nil` for the open one.
  func shape(of connection: String?) -> ShapeAnswer
  /// The current row of the prompt: `it`.
  func currentRow() -> Row?
  /// The words of a prompt that was kept under a name; `nil` when there is none.
  func prompt(named name: String) -> String?
  /// Whether a person types the statements, so that a selection stands for rows that are not said.
  var isAtPrompt: Bool { get }
  /// The names under which prompts were kept.
  var promptNames: [String] { get }

  /// Reads rows: at least those that the conditions and sorts leave, in the order of the sorts.
  func rows(_ query: RowRequest) async throws -> [Row]
  /// Reads a part of such rows, so that many of them are never in memory together.
  ///
  /// - Parameter place: Where the last part ended; `nil` begins at the top.
  /// - Returns: The rows, and where the next part begins; `nil` after the last one.
  func part(
    of query: RowRequest, from place: RowPlace?
  ) async throws -> (rows: [Row], next: RowPlace?)
  /// Whether a cell that was generated has changed, or what it was made from.
  func hasChanged(_ field: String, of row: Row, _ change: CellChange) async throws -> Bool
  /// Reads a row's body as Markdown.
  func body(of row: Row) async throws -> String
  /// A text field with its formatting, as Markdown; `nil` where the host knows of none.
  func rich(_ field: String, of row: Row) -> String?
  /// The whole of a row of which only the title is known.
  func whole(_ row: Row) async throws -> Row
  /// Writes changes to a row, all at once, and gives the row as it is then.
  func write(_ changes: [FieldChange], to row: Row, at span: Span) async throws -> Row
  /// Asks an engine.
  func answer(_ request: AIRequest) async throws -> Value
  /// Carries a command out.
  func run(_ call: CommandCall) async throws -> Value
  /// Prints a line.
  ///
  /// - Throws: When nothing takes it, so that a program ends that speaks to nobody.
  func print(_ line: String) throws(ScriptError)
  /// Tells of a problem that stops nothing, at once.
  func warn(_ line: String) async
  /// The text of a file that a program reads as data.
  ///
  /// - Throws: ``ScriptError`` when it cannot be read or is no text.
  func file(at path: String) async throws -> String
  /// The text of a file that a program includes.
  ///
  /// - Parameters:
  ///   - path: As written; relative to the folder of the including file.
  ///   - file: The name of the including text.
  func script(at path: String, from file: String) throws -> SourceText
}

extension ScriptHost {
  /// No field has any formatting.
  public func rich(_ field: String, of row: Row) -> String? { row.value(of: field)?.display }

  /// The row as it is.
  public func whole(_ row: Row) async throws -> Row { row }

  /// All rows are one part.
  public func part(
    of query: RowRequest, from place: RowPlace?
  ) async throws -> (rows: [Row], next: RowPlace?) {
    (try await rows(query), nil)
  }

  /// Nothing was generated.
  public func hasChanged(
    _ field: String, of row: Row, _ change: CellChange
  ) async throws -> Bool { false }

  /// Prints it like any other line.
  public func warn(_ line: String) async { try? print(line) }

  /// There are no files.
  public func file(at path: String) async throws -> String {
    throw ScriptError(code: "V309", message: "files cannot be read here")
  }

  /// A script is run.
  public var isAtPrompt: Bool { false }

  /// No prompts are kept.
  public func prompt(named name: String) -> String? { nil }

  /// No prompts are kept.
  public var promptNames: [String] { [] }

  /// Nothing can be included.
  public func script(at path: String, from file: String) throws -> SourceText {
    throw ScriptError(code: "V118", message: "files cannot be included here")
  }
}

/// Where the next part of rows begins; only its host knows how to read it.
public struct RowPlace: Sendable {
  /// The host's own.
  public let value: any Sendable
  /// Creates a place.
  public init(_ value: any Sendable) { self.value = value }
}

/// What may have happened to a cell since it was generated.
public enum CellChange: String, Sendable {
  /// What it was made from changed: the properties its prompt speaks of, the prompt, the model.
  case stale
  /// A person changed it.
  case edited
}

/// Rows to read.
public struct RowRequest: Sendable {
  /// The connection; `nil` for the open one.
  public let connection: String?
  /// Sorts by field, in order; only with a limit, else the language sorts.
  public let sorts: [(field: String, isAscending: Bool)]
  /// Rows from the top that suffice; `nil` for all.
  public let limit: Int?
  /// What every wanted row fulfils: of each clause one condition; others may come all the same.
  public let clauses: [[FieldCondition]]
  /// The fields that are looked at; `nil` for all.
  ///
  /// Others need not have their values.
  public let fields: Set<String>?

  /// Creates a request.
  public init(
    connection: String? = nil, sorts: [(field: String, isAscending: Bool)] = [],
    limit: Int? = nil, conditions: [FieldCondition] = [], clauses: [[FieldCondition]] = [],
    fields: Set<String>? = nil
  ) {
    self.connection = connection
    self.sorts = sorts
    self.limit = limit
    self.clauses = clauses + conditions.map { [$0] }
    self.fields = fields
  }
}

/// A change to one row.
public enum FieldChange: Sendable {
  /// A field gets a value; `nothing` clears it.
  case set(String, Value)
  /// A text field gets a text with formatting, as Markdown.
  case setRich(String, String)
  /// The body is replaced by Markdown.
  case replaceBody(String)
  /// Markdown is added to the body.
  case appendBody(String)
}

/// A question to an engine.
public struct AIRequest: Sendable {
  /// The prompt in pieces.
  public let pieces: [PromptTemplate.Piece]
  /// The row that filled a kept prompt; `nil` for words that were typed.
  public let row: Row?
  /// The shape of the answer; `nil` for text.
  public let shape: AnswerShape?
  /// The engine; `nil` for the session's.
  public let engine: String?
}
