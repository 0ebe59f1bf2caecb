import Foundation
import LocalNotion
import Shell
import Transport

/// The version of the program.
enum Version {
  static let current = "0.1.0"
}

/// Wires the parts together: the one place that knows every concrete type.
enum Wiring {
  /// Carries an invocation out.
  ///
  /// - Returns: The exit code.
  @MainActor static func run(_ invocation: Invocation) async -> Int32 {
    let network = NetworkTransport()
    var services: any HTTPTransport = network
    var changed: [String: String]?
    if invocation.options.recording != nil || invocation.options.replay != nil {
      do {
        var environment = ProcessInfo.processInfo.environment
        services = try recorded(network, invocation.options, &environment)
        changed = environment
      } catch {
        try? FileHandle.standardError.write(contentsOf: Data("visen: \(error)\n".utf8))
        return ExitCode.invalidProgram
      }
    }
    let home = self.home
    let code = await ShellLoop.run(invocation, home: home) {
      let environment = changed ?? ProcessInfo.processInfo.environment
      let folder = URL(fileURLWithPath: home, isDirectory: true)
      let local = LocalWorkspaces(home: folder)
      return Surroundings(
        home: folder, environment: environment,
        isInteractive: isatty(STDIN_FILENO) == 1 && invocation.work == .standardInput,
        network: services, openLocalWorkspace: { try local.open() },
        checkpoint: checkpoint(environment))
    }
    await network.shutdown()
    return code
  }

  private static let addresses = [
    "GEMINI_BASE_URL", "LOCAL_BASE_URL", "NOTION_BASE_URL", "OPENAI_BASE_URL",
  ]
  private static let keys = ["GEMINI_API_KEY", "LOCAL_API_KEY", "NOTION_TOKEN", "OPENAI_API_KEY"]

  /// The way to the services: the network, a recording of it, or a recording instead of it.
  private static func recorded(
    _ network: NetworkTransport, _ options: RunOptions, _ environment: inout [String: String]
  ) throws -> any HTTPTransport {
    if let path = options.recording {
      let present = keys.filter { !(environment[$0] ?? "").isEmpty }
      let head = Recording.Head(
        addresses: environment.filter { addresses.contains($0.key) }, keys: present)
      return try RecordingTransport(
        around: network, to: path, head: head,
        secrets: present.compactMap { environment[$0].map { Secret($0) } })
    }
    guard let path = options.replay else { return network }
    let replay = try ReplayTransport(from: path)
    for name in addresses { environment[name] = replay.head.addresses[name] }
    // No service sees these; there must only be some.
    for name in keys { environment[name] = replay.head.keys.contains(name) ? "replayed" : nil }
    return replay
  }

  /// `VISEN_HOME`, else the data folder of the XDG base directory specification.
  static var home: String {
    if let set = Variable.value("VISEN_HOME"), !set.isEmpty { return set }
    if let data = Variable.value("XDG_DATA_HOME"), data.hasPrefix("/") { return data + "/visen" }
    return (Variable.value("HOME") ?? NSHomeDirectory()) + "/.local/share/visen"
  }

  /// Debug builds can be told to die at a boundary of the journal, as a crash would; tests do.
  private static func checkpoint(_ environment: [String: String]) -> (@Sendable (String) -> Void)? {
    #if DEBUG
      guard let limit = environment["VISEN_TEST_DIE_AT"].flatMap({ Int($0) }) else { return nil }
      let counter = BoundaryCounter(limit: limit)
      return { _ in counter.pass() }
    #else
      return nil
    #endif
  }
}
