import ArgumentParser
@preconcurrency import Dispatch
import Foundation
import LocalNotion
import Rehearsal
import Store
import Transport

/// `visen serve`: the embedded workspace and rehearsal engines on loopback.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve the embedded workspace and practice engines on 127.0.0.1.",
    usage: "visen serve [--port <n>] [--token <t>] [--workspace <file> | --fresh] [<options>]",
    discussion: """
      Any client of Notion, OpenAI or Gemini can use it with its base address changed. When it is \
      ready it prints one line of JSON with the addresses on standard output. \
      GET /_control/stats tells what was asked, how often, and what it would have cost.

      A SIDE is notion or engine; without one, both are meant. Of batches, --latency batch=30s is the \
      time they take, and --faults batch:expired=10%,batch:400=3% what becomes of them and of \
      the questions in them.
      """)

  @Option(help: ArgumentHelp("The port; 0 for any free one.", valueName: "n"))
  var port: Int = 0

  @Option(help: ArgumentHelp("The bearer token to accept; made up if not given.", valueName: "t"))
  var token: String?

  @Option(
    help: ArgumentHelp("The workspace's file instead of Visen's own.", valueName: "file"))
  var workspace: String?

  @Flag(help: "Keep everything in memory, with one empty page.")
  var fresh = false

  @Option(help: ArgumentHelp("The title of that page.", valueName: "text"))
  var title: String?

  @Option(help: ArgumentHelp("Start the clock here, an ISO date and time.", valueName: "time"))
  var now: String?

  @Option(
    help: ArgumentHelp(
      "How long answers take: [SIDE=]TIME[~SPREAD], such as engine=800ms~0.4.",
      valueName: "latency"))
  var latency: [String] = []

  @Option(
    help: ArgumentHelp(
      "How many requests are taken: [SIDE=]N[/TIME], such as notion=180/60s.", valueName: "rate"))
  var rate: [String] = []

  @Option(
    help: ArgumentHelp(
      "What fails how often: [SIDE:]FAULT=SHARE%,…; a fault is a status or hang, reset, cut, slow, "
        + "malformed; for Notion committed, timeout, lost, budget, blocked, lag; for engines spoilt, unfit; "
        + "for batches expired.", valueName: "faults"))
  var faults: [String] = []

  @Option(
    help: ArgumentHelp(
      "What the token may not: "
        + Capability.allCases.map(\.rawValue).joined(separator: ", ") + "; separated by commas.",
      valueName: "capabilities"))
  var without: String?

  @Option(
    help: ArgumentHelp("The most rows that a query gives over all its pages.", valueName: "n"))
  var queryLimit: Int = 10_000

  @Option(help: ArgumentHelp("Where faults and latencies start; the same again.", valueName: "n"))
  var seed: UInt64 = 1

  func validate() throws {
    guard (0...65535).contains(port) else {
      throw ValidationError("--port takes 0 to 65535, not \(port).")
    }
    if fresh, workspace != nil {
      throw ValidationError("--fresh keeps everything in memory; it cannot stand with --workspace.")
    }
    if title != nil, !fresh { throw ValidationError("--title names the page of --fresh.") }
    if let now, Moment.date(now) == nil {
      throw ValidationError(
        "--now takes a date and time such as 2026-03-01T09:00:00Z, not “\(now)”.")
    }
    guard queryLimit > 0 else {
      throw ValidationError("--query-limit takes a number from 1, not \(queryLimit).")
    }
    _ = try conditions()
    _ = try capabilities()
  }

  private func capabilities() throws -> Set<Capability> {
    var all = Set(Capability.allCases)
    for word in (without ?? "").split(separator: ",") {
      guard let capability = Capability(rawValue: word.trimmingCharacters(in: .whitespaces)) else {
        throw ValidationError(
          "--without takes \(Capability.allCases.map(\.rawValue).joined(separator: ", ")), "
            + "not “\(word)”.")
      }
      all.remove(capability)
    }
    return all
  }

  private func conditions() throws -> Conditions {
    var conditions = Conditions()
    do throws(ConditionProblem) {
      for text in latency { try conditions.addLatency(text) }
      for text in rate { try conditions.addRate(text) }
      for text in faults { try conditions.addFaults(text) }
    } catch {
      throw ValidationError(error.description)
    }
    conditions.seed = seed
    return conditions
  }

  /// Serves until a signal.
  ///
  /// - Returns: The exit code.
  func serve() async -> Int32 {
    do {
      let secret = Secret(token ?? ServeCommand.madeUpToken())
      let opened = try open(secret)
      let server = LoopbackServer(workspace: opened, conditions: try conditions())
      let hasToken = token != nil
      let signals = ServeCommand.endOnSignals()
      defer { signals.forEach { $0.cancel() } }
      try await server.run(port: port) { addresses in
        ServeCommand.announce(addresses, opened, secret, hasToken: hasToken)
      }
      return 0
    } catch {
      try? FileHandle.standardError.write(
        contentsOf: Data("error: Cannot serve on 127.0.0.1:\(port): \(error)\n".utf8))
      return 1
    }
  }

  private func open(_ token: Secret) throws -> LocalWorkspace {
    let start = now.flatMap { Moment.date($0) }
    let clock: @Sendable () -> Date = if let start { Moment.clock(from: start) } else { { Date() } }
    let capabilities = try capabilities()
    if fresh {
      return try .inMemory(
        token: token, title: title ?? "Visen", queryLimit: queryLimit, capabilities: capabilities,
        now: clock)
    }
    if let workspace {
      return try LocalWorkspace(
        file: URL(fileURLWithPath: workspace), token: token, queryLimit: queryLimit,
        capabilities: capabilities, now: clock)
    }
    let home = URL(fileURLWithPath: Wiring.home, isDirectory: true)
    try PrivateFile.makeFolder(home)
    return try LocalWorkspace(
      file: home.appendingPathComponent("workspace.db"), token: token, queryLimit: queryLimit,
      capabilities: capabilities, now: clock)
  }

  private static func announce(
    _ addresses: LoopbackServer.Addresses, _ workspace: LocalWorkspace, _ token: Secret,
    hasToken: Bool
  ) {
    let line: JSON = [
      "notion": .string(addresses.notion), "token": .string(token.reveal()),
      "root_page": .string(workspace.rootPageID), "openai": .string(addresses.openAI),
      "gemini": .string(addresses.gemini),
    ]
    let help = """
      Serving on 127.0.0.1:\(addresses.port). Ctrl-C ends it. To use it from Visen:
        export NOTION_BASE_URL=\(addresses.notion) NOTION_TOKEN=\(hasToken ? "…" : token.reveal())
        export OPENAI_BASE_URL=\(addresses.openAI) OPENAI_API_KEY=any
        export GEMINI_BASE_URL=\(addresses.gemini) GEMINI_API_KEY=any
      What was asked: \(addresses.notion)/_control/stats

      """
    try? FileHandle.standardError.write(contentsOf: Data(help.utf8))
    // The line comes last: who has read it may end the process at once.
    try? FileHandle.standardOutput.write(contentsOf: Data((line.text + "\n").utf8))
  }

  /// Ends the process on SIGINT and SIGTERM: every request is one transaction, so what was
  /// answered is in the workspace file, and nothing is half there.
  private static func endOnSignals() -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { Foundation.exit(0) }
      source.resume()
      return source
    }
  }

  /// A token in the form of Notion's.
  private static func madeUpToken() -> String {
    let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
    return "ntn_" + String((0..<46).compactMap { _ in letters.randomElement() })
  }
}

/// Moments on the command line.
enum Moment {
  /// Reads an ISO 8601 date and time; a day alone starts at midnight UTC.
  static func date(_ text: String) -> Date? {
    let full = text.contains("T") ? text : text + "T00:00:00"
    let hasZone = full.hasSuffix("Z") || full.dropFirst(19).contains { $0 == "+" || $0 == "-" }
    let plain = Date.ISO8601FormatStyle()
    let zoned = hasZone ? full : full + "Z"
    return (try? plain.parse(zoned))
      ?? (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(zoned))
  }

  /// A clock that starts at a moment and goes on from there.
  static func clock(from start: Date) -> @Sendable () -> Date {
    let began = ContinuousClock.now
    return { start.addingTimeInterval((ContinuousClock.now - began) / .seconds(1)) }
  }
}
