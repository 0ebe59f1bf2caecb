import Foundation

/// Where nodes are evaluated: on a thread of its own.
///
/// Evaluation waits for effects by blocking. On an actor, as on a thread of the pool, it might wait
/// for what can only be done there; and the stacks of the pool are too small for deep programs.
enum EvaluationThread {
  static let stackSize = 64 << 20

  /// Carries work out on a new thread.
  nonisolated static func run<Result: Sendable, Failure>(
    _ work: @escaping @Sendable () throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let outcome: Swift.Result<Result, Failure> = await withCheckedContinuation { continuation in
      let thread = Thread {
        do throws(Failure) {
          continuation.resume(returning: .success(try work()))
        } catch {
          continuation.resume(returning: .failure(error))
        }
      }
      thread.stackSize = stackSize
      thread.start()
    }
    return try outcome.get()
  }
}
