/// What a command line asks for.
public nonisolated struct Invocation: Sendable {
  /// The kinds of work.
  public enum Work: Sendable, Equatable {
    /// Statements from standard input: the prompt when that is a terminal.
    case standardInput
    /// Statements given with `-c`; the values of expressions are printed.
    case statements(String)
    /// A script file and the arguments for its parameters.
    case script(path: String, arguments: [String])
    /// Parse and resolve files only, those of folders included; as JSON or for a person.
    case check(paths: [String], asJSON: Bool)
    /// Give files their one layout, or only say which have another.
    case format(paths: [String], isOnlyChecked: Bool)
  }

  /// What to do.
  public let work: Work
  /// How to do it.
  public let options: RunOptions

  /// Creates an invocation.
  public init(work: Work, options: RunOptions) {
    self.work = work
    self.options = options
  }
}

/// The options of one run of the program.
public nonisolated struct RunOptions: Sendable {
  /// Print the differences and send nothing.
  public var isDry: Bool
  /// The most to spend, in US dollars; `nil` for no limit.
  public var maxCost: Double?
  /// Answer yes to every question.
  public var assumesYes: Bool
  /// How results are printed.
  public var format: OutputFormat
  /// Whether to colour.
  public var color: ColorChoice
  /// Print results and problems only.
  public var isQuiet: Bool
  /// Say more about what happens.
  public var isVerbose: Bool
  /// The file in which exchanges with services are kept; `nil` for none.
  public var recording: String?
  /// The recording that answers instead of the services; `nil` for none.
  public var replay: String?

  /// Whether titles lead to their pages, at a terminal that knows links.
  public var hasLinks = true

  /// Creates options; everything off, a table, colour where the terminal shows it.
  public init(
    isDry: Bool = false, maxCost: Double? = nil, assumesYes: Bool = false,
    format: OutputFormat = .table, color: ColorChoice = .auto, isQuiet: Bool = false,
    isVerbose: Bool = false, recording: String? = nil, replay: String? = nil
  ) {
    self.isDry = isDry
    self.maxCost = maxCost
    self.assumesYes = assumesYes
    self.format = format
    self.color = color
    self.isQuiet = isQuiet
    self.isVerbose = isVerbose
    self.recording = recording
    self.replay = replay
  }
}
