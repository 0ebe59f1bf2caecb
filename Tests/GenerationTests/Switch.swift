import Synchronization

/// A switch that many tasks read.
final class Switch: Sendable {
  private let state: Atomic<Bool>
  init(_ on: Bool) { state = Atomic(on) }
  var isOn: Bool { state.load(ordering: .sequentiallyConsistent) }
  func set(_ on: Bool) { state.store(on, ordering: .sequentiallyConsistent) }
}
