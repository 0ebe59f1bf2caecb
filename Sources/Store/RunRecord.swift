/// What a run is for.
public enum RunKind: String, Sendable {
  /// A `generate`.
  case generate
  /// Assignments to rows, ticks.
  case edit
  /// A `plan`: answers for a few rows, none written.
  case plan
}

/// Where a run stands.
public enum RunState: String, Sendable {
  /// Its rows are being gathered; nothing is asked, and nothing is left of it if that is not completed.
  case draft
  /// It runs, or the process that ran it died.
  case running
  /// Every row was dealt with.
  case finished
  /// It was stopped, and goes on with `resume`.
  case stopped
  /// Questions of it are in a batch of the service.
  case waiting
  /// It was taken back.
  case undone
}

/// Where one row of a run stands.
public enum ItemState: String, Sendable, CaseIterable {
  /// Nothing was asked, or the answer was never kept.
  case planned
  /// The question is in a batch of the service.
  case sent
  /// The answer is kept, nothing is written.
  case answered
  /// The old value is kept, and the write may or may not have happened.
  case writing
  /// The page holds the answer.
  case written
  /// It went wrong; `resume` tries again from what is kept.
  case failed
  /// Somebody changed the cell; it was left alone.
  case conflict
  /// The old value is back.
  case undone
}

/// A run as the journal knows it.
public struct RunRecord: Sendable {
  /// Its number.
  public var id: Int64 = 0
  /// When it began, ISO 8601 in UTC.
  public var createdAt: String
  /// When it ended or stopped last, ISO 8601 in UTC; `nil` while it never did.
  public var endedAt: String?
  /// What it is for.
  public var kind: RunKind
  /// Where it stands.
  public var state: RunState
  /// The connection's name.
  public var connection: String
  /// `local` or `notion`.
  public var workspace: String
  /// The engine; empty for an edit.
  public var engine: String
  /// The model; empty for an edit.
  public var model: String
  /// The prompt as typed; empty for an edit.
  public var prompt: String
  /// What it fills, as a document of the generation's own.
  public var targets: String
  /// How it was asked, as a document of the generation's own.
  public var parameters: String
  /// Whether it counts against the allowance.
  public var isCounted: Bool

  /// Creates a run that is not recorded yet.
  public init(
    createdAt: String, kind: RunKind, connection: String, workspace: String, engine: String = "",
    model: String = "", prompt: String = "", targets: String, parameters: String = "{}",
    isCounted: Bool = false
  ) {
    self.createdAt = createdAt
    self.kind = kind
    state = .running
    self.connection = connection
    self.workspace = workspace
    self.engine = engine
    self.model = model
    self.prompt = prompt
    self.targets = targets
    self.parameters = parameters
    self.isCounted = isCounted
  }
}

/// One row of a run as the journal knows it; documents are the generation's own.
public struct ItemRecord: Sendable {
  /// Its run.
  public var runID: Int64 = 0
  /// Its place in the run, from 0.
  public var position: Int = 0
  /// The page.
  public var pageID: String
  /// The page's title when it was planned.
  public var title: String
  /// Its number in the table last shown.
  public var number: Int?
  /// The prompt, rendered for this row.
  public var prompt: String?
  /// What stood there when it was planned.
  public var before: String?
  /// Where it stands.
  public var state: ItemState = .planned
  /// The answer's text.
  public var answer: String?
  /// The answer's checked value.
  public var value: String?
  /// What stood there before the write.
  public var old: String?
  /// What was written.
  public var new: String?
  /// The blocks that were added.
  public var blocks: String?
  /// Tokens billed for prompts.
  public var inputTokens: Int = 0
  /// Tokens billed for answers.
  public var outputTokens: Int = 0
  /// What it cost in dollars; `nil` when the price is unknown.
  public var cost: Double?
  /// How often an engine was asked.
  public var attempts: Int = 0
  /// The kind of failure.
  public var errorCode: String?
  /// The failure's sentence.
  public var errorMessage: String?
  /// When an engine was asked last, in seconds since 1970.
  public var askedAt: Double?
  /// Seconds that the engine took for all its answers.
  public var seconds: Double = 0
  /// When the page was written, in seconds since 1970.
  public var writtenAt: Double?
  /// Dollars set aside for a call that is under way, 0 when the price is unknown; `nil` when none is.
  public var reserved: Double?
  /// Calls whose answer never arrived, as the process or the connection died; they may be billed.
  public var lostCalls: Int = 0
  /// At most so many dollars were billed for them.
  public var lostCost: Double = 0
  /// The engine and model whose answer it is, `gpt/gpt-6-luna`.
  public var answeredBy: String?
  /// The checks that the answer fails, in words; `nil` when it fails none.
  public var failedChecks: String?

  /// Creates an item that is not recorded yet.
  public init(
    pageID: String, title: String, number: Int? = nil, prompt: String? = nil, before: String? = nil
  ) {
    self.pageID = pageID
    self.title = title
    self.number = number
    self.prompt = prompt
    self.before = before
  }
}

/// How many rows of a run stand where.
public struct RunCounts: Sendable {
  /// Rows by state.
  public let byState: [ItemState: Int]
  /// Rows in all.
  public var total: Int { byState.values.reduce(0, +) }
  /// Rows that `resume` would take up.
  public var left: Int {
    [.planned, .answered, .writing, .failed].reduce(0) { $0 + (byState[$1] ?? 0) }
  }

  /// Creates counts.
  public init(byState: [ItemState: Int]) { self.byState = byState }
}

/// What a run has taken so far.
public struct RunTotals: Sendable {
  /// Dollars; `nil` when the price of a call is unknown.
  public let cost: Double?
  /// Dollars for what is known.
  public let knownCost: Double
  /// At most so many dollars may have been billed for answers that never arrived.
  public let lostCost: Double
  /// Dollars that were spent, as far as prices are known, at the most.
  public var spent: Double { knownCost + lostCost }
  /// Calls whose answer never arrived.
  public let lostCalls: Int
  /// Tokens billed for prompts.
  public let inputTokens: Int
  /// Tokens billed for answers.
  public let outputTokens: Int
}

/// Rows that a draft leaves to another run.
public struct YieldedRows: Sendable {
  /// What the other run does with them.
  public enum Fate: Sendable {
    /// Another process is about to fill them.
    case atWork
    /// They are in a batch of a service.
    case inBatch
    /// They were filled since the draft was begun.
    case filled
  }

  /// The other run.
  public let run: Int64
  /// How many they are.
  public let rows: Int
  /// What becomes of them.
  public let fate: Fate
}

/// What an engine has used.
public struct EngineUsage: Sendable {
  /// The engine.
  public let engine: String
  /// Runs.
  public let runs: Int
  /// Rows that were asked.
  public let cells: Int
  /// Tokens billed for prompts.
  public let inputTokens: Int
  /// Tokens billed for answers.
  public let outputTokens: Int
  /// Dollars; `nil` when the price of some of it is unknown.
  public let cost: Double?
}
