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
    let environment = ProcessInfo.processInfo.environment
    let home = self.home(environment)
    let network = NetworkTransport()
    let local = LocalWorkspaces(home: home)
    let isTerminal = isatty(STDIN_FILENO) == 1
    let code = await ShellLoop.run(
      invocation,
      in: Surroundings(
        home: home, environment: environment,
        isInteractive: isTerminal && invocation.work == .standardInput, network: network,
        openLocalWorkspace: { try local.open() }, checkpoint: checkpoint(environment)))
    await network.shutdown()
    return code
  }

  /// `VISEN_HOME`, else the data folder of the XDG base directory specification.
  static func home(_ environment: [String: String]) -> URL {
    if let set = environment["VISEN_HOME"], !set.isEmpty {
      return URL(fileURLWithPath: set, isDirectory: true)
    }
    if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") {
      return URL(fileURLWithPath: data, isDirectory: true).appendingPathComponent("visen")
    }
    return URL(fileURLWithPath: environment["HOME"] ?? NSHomeDirectory(), isDirectory: true)
      .appendingPathComponent(".local/share/visen")
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
