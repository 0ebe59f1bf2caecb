/// What the program tells the one that started it.
public nonisolated enum ExitCode {
  /// All well.
  public static let success: Int32 = 0
  /// Stopped by a problem.
  public static let problem: Int32 = 1
  /// Not a valid program or command line.
  public static let invalidProgram: Int32 = 2
  /// Finished, but some rows failed.
  public static let failedRows: Int32 = 3
  /// A key or setting is missing.
  public static let missingSetting: Int32 = 4
  /// The budget or the allowance is used up.
  public static let budget: Int32 = 5
  /// Interrupted.
  public static let interrupted: Int32 = 130
  /// Nobody reads standard output any more; what shells say of a program that `SIGPIPE` ended.
  public static let closedPipe: Int32 = 141
}
