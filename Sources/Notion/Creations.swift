import Foundation
import Synchronization
import Transport

/// What this client has made, so that something that was made without an answer is found again, and
/// something older is not taken for it.
///
/// Notion knows no key that makes a request safe to repeat. When the answer to one that makes pages
/// or blocks is lost, what it would have made is looked for before it is sent again.
/// - Source: Notion API, "Status codes": 500, 502, 503 and 504 on a write say nothing about whether
///   it was carried out.
actor Creations {
  /// Requests sent.
  let requests = Atomic<Int>(0)
  private var known: Set<NotionID> = []
  private var order: [NotionID] = []
  private let pause: Duration
  private let sleep: @Sendable (Duration) async throws -> Void

  private static let precise = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

  /// How many identities are remembered.
  private static let limit = 20_000
  /// How often a request is sent whose answers are lost.
  private static let attempts = 5

  init(
    pause: Duration = .milliseconds(700),
    sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
  ) {
    self.pause = pause
    self.sleep = sleep
  }

  /// Whether all of these were made from that moment on and are not known yet.
  ///
  /// Clocks differ and Notion's times are floored to the minute, so some minutes are allowed for.
  func areNew(_ things: [(id: NotionID?, createdTime: String)], since start: Date) -> Bool {
    let earliest = start.addingTimeInterval(-300)
    return things.allSatisfy { thing in
      guard let id = thing.id, !known.contains(id),
        let made = (try? Creations.precise.parse(thing.createdTime))
          ?? (try? Date.ISO8601FormatStyle().parse(thing.createdTime))
      else { return false }
      return made >= earliest
    }
  }

  private func remember(_ ids: [NotionID]) {
    for id in ids where known.insert(id).inserted { order.append(id) }
    if order.count > Creations.limit {
      for id in order.prefix(order.count - Creations.limit) { known.remove(id) }
      order.removeFirst(order.count - Creations.limit)
    }
  }

  /// Carries a creation out once, whatever becomes of its answers.
  ///
  /// - Parameters:
  ///   - request: Sends it.
  ///   - committed: Reads what the service says it made although it failed.
  ///   - found: Looks for what it would have made; `nil` when it is not there.
  ///   - made: The identities of a result.
  nonisolated func certain<Made: Sendable>(
    _ request: () async throws -> Made,
    committed: (_ ids: [NotionID]) async throws -> Made?,
    found: () async throws -> Made?,
    made: (Made) -> [NotionID]
  ) async throws -> Made {
    var wait = pause
    for attempt in 1... {
      do {
        let result = try await request()
        await remember(made(result))
        return result
      } catch {
        guard Creations.isUncertain(error) else { throw error }
        var result: Made?
        if let saved = (error as? NotionError)?.committed {
          result = try await committed(saved.children.isEmpty ? [saved.id] : saved.children)
        }
        if result == nil { result = try await found() }
        if result == nil {
          // What was made may show only after a moment.
          try await sleep(wait)
          wait *= 2
          result = try await found()
        }
        if let result {
          await remember(made(result))
          return result
        }
        guard attempt < Creations.attempts else { throw error }
      }
    }
    throw CancellationError()
  }

  private static func isUncertain(_ error: any Error) -> Bool {
    if let error = error as? NotionError {
      return error.isUncertain || (error.code == .notNotion && error.status < 300)
    }
    if let error = error as? TransportError { return error.mayHaveArrived }
    return false
  }
}
