import Foundation

/// A run that this process carries out, and no other may meanwhile.
public final class RunClaim: Sendable {
  private let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }
}

/// Which runs are being carried out, by any process of this home.
///
/// One byte of a file is locked for each run, by its number: the system lets go of a lock when its
/// process ends, even by `kill -9`. Locks of an open file are used, as those of a process would be lost
/// with the first descriptor that is closed.
struct RunClaims: Sendable {
  /// The file; `nil` for a store in memory, which no other process sees.
  let path: String?

  func claim(_ id: Int64) -> RunClaim? {
    guard let path else { return RunClaim(descriptor: -1) }
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    // Where no file can be made, nothing is guarded, and nothing is refused.
    guard descriptor >= 0 else { return RunClaim(descriptor: -1) }
    var lock = RunClaims.lock(id, F_WRLCK)
    guard fcntl(descriptor, RunClaims.setLock, &lock) == 0 else {
      close(descriptor)
      return nil
    }
    return RunClaim(descriptor: descriptor)
  }

  func isHeld(_ id: Int64) -> Bool {
    guard let path else { return false }
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var lock = RunClaims.lock(id, F_WRLCK)
    guard fcntl(descriptor, RunClaims.getLock, &lock) == 0 else { return false }
    return lock.l_type != Int16(F_UNLCK)
  }

  private static func lock(_ id: Int64, _ type: Int32) -> flock {
    var lock = flock()
    lock.l_type = Int16(type)
    lock.l_whence = Int16(SEEK_SET)
    lock.l_start = off_t(id)
    lock.l_len = 1
    lock.l_pid = 0
    return lock
  }

  // F_OFD_GETLK and F_OFD_SETLK of <fcntl.h>, which Swift does not import.
  private static let getLock: Int32 = 36
  private static let setLock: Int32 = 37
}
