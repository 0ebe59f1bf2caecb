import ArgumentParser
import CProcess
import Foundation
import Shell

/// The program: arguments in, exit code out.
@main
struct Main {
  @MainActor static func main() async {
    // A reader that goes away (`visen … | head`) is no crash; the write that fails says so.
    signal(SIGPIPE, SIG_IGN)
    holdClosedStreams()
    process_use_one_heap()
    var words = Array(CommandLine.arguments.dropFirst())
    if let invocation = plainInvocation(words) { exit(await Wiring.run(invocation)) }
    // `visen help serve` is what `--help` itself recommends.
    if words.first == "help" { words = Array(words.dropFirst().prefix(1)) + ["--help"] }
    let kind = commandType(words.first)
    if let file = words.first, kind == VisenCommand.self, !file.hasPrefix("-"),
      words.contains("--help") || words.contains("-h")
    {
      // A script's own help, made from its parameters.
      exit(
        await Wiring.run(
          Invocation(work: .script(path: file, arguments: ["--help"]), options: RunOptions())))
    }
    do {
      let isNamed = kind != VisenCommand.self
      switch try kind.parse(isNamed ? Array(words.dropFirst()) : words) {
      case let command as any SessionCommand: exit(await Wiring.run(try command.invocation()))
      case let command as ServeCommand: exit(await command.serve())
      case var command: try command.run()
      }
      exit(ExitCode.success)
    } catch {
      let text = kind.fullMessage(for: error)
      let isHelp = kind.exitCode(for: error).isSuccess
      if !text.isEmpty {
        let stream = isHelp ? FileHandle.standardOutput : FileHandle.standardError
        do {
          try stream.write(contentsOf: Data((text + "\n").utf8))
        } catch {
          exit(ExitCode.problem)
        }
      }
      exit(isHelp ? ExitCode.success : ExitCode.invalidProgram)
    }
  }
}

extension Main {
  /// Puts something unusable where a standard stream is closed (`visen >&-`).
  ///
  /// Else the next file that is opened, maybe the journal, would stand there and be written into.
  private static func holdClosedStreams() {
    for (descriptor, mode) in [
      (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY),
    ]
    where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is the one that is given.
      _ = open("/dev/null", mode)
    }
  }

  /// What the plainest command lines ask for; `nil` leaves it to the parser of options.
  ///
  /// That parser looks its types over when it starts, which takes longer than all else before the
  /// first prompt.
  private static func plainInvocation(_ words: [String]) -> Invocation? {
    switch (words.first, words.count) {
    case (nil, _): return Invocation(work: .standardInput, options: RunOptions())
    case ("check", 2) where words[1].hasSuffix(".visen") && !words[1].hasPrefix("-"):
      return Invocation(work: .check(paths: [words[1]], asJSON: false), options: RunOptions())
    case ("-c", 2): return Invocation(work: .statements(words[1]), options: RunOptions())
    case (let file?, 1) where file.hasSuffix(".visen") && !file.hasPrefix("-"):
      return Invocation(work: .script(path: file, arguments: []), options: RunOptions())
    default: return nil
    }
  }

  /// The command that a first word names.
  ///
  /// The root takes any first word as a script, so the parser cannot tell a command from a file.
  private static func commandType(_ word: String?) -> any ParsableCommand.Type {
    VisenCommand.configuration.subcommands.first { $0.configuration.commandName == word }
      ?? VisenCommand.self
  }
}

/// A command line that ends in a session: the prompt, a script, or a check of one.
protocol SessionCommand: ParsableCommand {
  func invocation() throws -> Invocation
}

/// `visen` and its options.
struct VisenCommand: SessionCommand {
  static let configuration = CommandConfiguration(
    commandName: "visen",
    abstract: "Fill Notion with AI: look, try, generate, undo.",
    discussion: """
      Without arguments it opens the prompt; statements may also come from standard input.
      Exit codes: 0 all well, 1 stopped by a problem, 2 not a valid program or command line, \
      3 finished but some rows failed, 4 a key or setting is missing, 5 the budget or allowance \
      is used up, 130 interrupted.
      """,
    version: "visen \(Version.current)",
    subcommands: [CheckCommand.self, FormatCommand.self, ServeCommand.self])

  @OptionGroup var options: RunOptionGroup

  @Option(
    name: .customShort("c"), help: ArgumentHelp("Run these statements.", valueName: "statements"))
  var statements: String?

  @Argument(
    parsing: .allUnrecognized,
    help: ArgumentHelp("A script to run, and its parameters as --name=value.", valueName: "file"))
  var arguments: [String] = []

  func invocation() throws -> Invocation {
    if let statements {
      if let extra = arguments.first {
        throw ValidationError("“\(extra)” cannot stand beside -c.")
      }
      return Invocation(work: .statements(statements), options: try options.runOptions())
    }
    guard let file = arguments.first else {
      return Invocation(work: .standardInput, options: try options.runOptions())
    }
    guard !file.hasPrefix("-") else {
      throw ValidationError("There is no option “\(file)”. `visen --help` lists them.")
    }
    return Invocation(
      work: .script(path: file, arguments: Array(arguments.dropFirst())),
      options: try options.runOptions())
  }
}

/// `visen check`: parse and resolve only.
struct CheckCommand: SessionCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Parse and resolve scripts without running them.",
    usage: "visen check [--json] <files or folders> ...")

  @Flag(help: "Print what was found as one JSON array, with places, for editors.")
  var json = false

  @Argument(help: "The scripts; of a folder, every .visen file in it.")
  var files: [String]

  func invocation() -> Invocation {
    Invocation(work: .check(paths: files, asJSON: json), options: RunOptions())
  }
}

/// `visen fmt`: one layout.
struct FormatCommand: SessionCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmt", abstract: "Give scripts their one layout.",
    usage: "visen fmt [--check] <files> ...")

  @Flag(help: "Change nothing; name the files that have another layout, with exit code 1.")
  var check = false

  @Argument(help: "The scripts; - for standard input to standard output.")
  var files: [String]

  func invocation() -> Invocation {
    Invocation(work: .format(paths: files, isOnlyChecked: check), options: RunOptions())
  }
}

/// The options of a run.
struct RunOptionGroup: ParsableArguments {
  @Flag(help: "Print the differences; send nothing.")
  var dryRun = false

  @Option(
    help: ArgumentHelp("Stop, resumably, before spending more than this.", valueName: "dollars"))
  var maxCost: Double?

  @Flag(help: "Answer yes to every question.")
  var yes = false

  @Option(
    help: ArgumentHelp("Keep what both services answer in this file.", valueName: "file"))
  var record: String?

  @Option(
    help: ArgumentHelp("Answer from a recording, with no network.", valueName: "file"))
  var replay: String?

  @Option(help: "How results are printed: table, csv, json or md.")
  var format: String = "table"

  @Option(help: "Colour: auto, always or never.")
  var color: String = "auto"

  @Flag(name: .customLong("no-links"), help: "Do not link titles to their pages.")
  var hasNoLinks = false

  @Flag(help: "Print results and problems only.")
  var quiet = false

  @Flag(help: "Say more about what happens.")
  var verbose = false

  func runOptions() throws -> RunOptions {
    guard let format = OutputFormat(rawValue: format) else {
      throw ValidationError("--format takes table, csv, json or md, not “\(format)”.")
    }
    guard let color = ColorChoice(rawValue: color) else {
      throw ValidationError("--color takes auto, always or never, not “\(color)”.")
    }
    if let maxCost, !(maxCost >= 0 && maxCost.isFinite) {
      throw ValidationError("--max-cost takes an amount in dollars, such as 2.50.")
    }
    if record != nil, replay != nil {
      throw ValidationError("--record and --replay cannot stand together.")
    }
    var options = RunOptions(
      isDry: dryRun, maxCost: maxCost, assumesYes: yes, format: format, color: color,
      isQuiet: quiet, isVerbose: verbose, recording: record, replay: replay)
    options.hasLinks = !hasNoLinks
    return options
  }
}
