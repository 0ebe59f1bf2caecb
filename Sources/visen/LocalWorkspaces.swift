import Foundation
import LocalNotion
import Shell
import Store
import Synchronization

/// Opens the embedded workspace at the first statement that needs it, and once.
final class LocalWorkspaces: Sendable {
  private let home: URL
  private let opened = Mutex<LocalWorkspaceAccess?>(nil)

  init(home: URL) { self.home = home }

  func open() throws -> LocalWorkspaceAccess {
    try opened.withLock { opened in
      if let opened { return opened }
      try PrivateFile.makeFolder(home)
      let workspace = try LocalWorkspace(file: home.appendingPathComponent("workspace.db"))
      let access = LocalWorkspaceAccess(
        transport: workspace, token: workspace.token, rootPageID: workspace.rootPageID)
      opened = access
      return access
    }
  }
}

#if DEBUG
  /// Kills the process at the n-th boundary, as a power cut would.
  final class BoundaryCounter: Sendable {
    private let left: Mutex<Int>

    init(limit: Int) { left = Mutex(limit) }

    func pass() {
      let dies = left.withLock { left in
        left -= 1
        return left == 0
      }
      if dies { kill(getpid(), SIGKILL) }
    }
  }
#endif
