import Dispatch
import Foundation
import Synchronization

/// What one running body knows; never shared between threads.
///
/// Variables are slots of a frame, reached by pointer: an array would be checked for unique
/// ownership, bounds and exclusive access at each use, which is most of the time of a small loop.
/// Only the resolver hands out slot numbers, and it sizes the frames.
final class Context {
  /// The variables of the function that runs, or of the program.
  private(set) var frame: UnsafeMutablePointer<Value>
  /// The program's variables; the same as `frame` outside functions.
  private(set) var globals: UnsafeMutablePointer<Value>
  private var frameCount: Int
  private let globalCount: Int
  /// The copy of a function's frame that a body beside it works on.
  private var local: UnsafeMutablePointer<Value>?
  private var localCount = 0
  /// Room for the frames of calls; what does not fit is allocated by itself.
  private let stack: UnsafeMutablePointer<Value>
  private let stackEnd: UnsafeMutablePointer<Value>
  /// The first place on the stack that no frame has.
  private var top: UnsafeMutablePointer<Value>
  private static let stackCapacity = 1024
  /// The row of a `where`, `sort by` or prompt.
  var row: Row?
  /// The rows of callers, whose functions do not see them.
  private var rowsAside: [Row] = []
  /// What `return` gives.
  var returned: Value = .nothing
  /// What was found where a number was looked for.
  var misfit: Value = .nothing
  /// Where texts are put together.
  let text = TextBuffer()
  /// Calls inside calls.
  var callDepth = 0
  /// Changes to rows that are not sent yet; each loop body remembers where its own begin.
  var staged: [StagedRow] = []
  /// Where the changes of the innermost body begin.
  var stagedStart = 0
  /// Lines kept back until a parallel body's turn comes; `nil` prints at once.
  var heldLines: [String]?
  let machine: Machine
  private let state: Machine.State

  init(_ variables: Variables, machine: Machine) {
    globalCount = variables.globals.count
    globals = Context.allocated(variables.globals)
    if let values = variables.local {
      frame = Context.allocated(values)
      frameCount = values.count
      local = frame
      localCount = values.count
    } else {
      frame = globals
      frameCount = globalCount
    }
    stack = .allocate(capacity: Context.stackCapacity)
    stackEnd = stack + Context.stackCapacity
    top = stack
    self.machine = machine
    state = machine.state
  }

  deinit {
    if let local { Context.free(local, localCount) }
    Context.free(globals, globalCount)
    stack.deallocate()
  }

  /// The variables as they are now, to be copied into another context.
  struct Variables: Sendable {
    var globals: [Value]
    /// The function's own; `nil` outside of one.
    var local: [Value]?
  }

  var variables: Variables {
    Variables(
      globals: Array(UnsafeBufferPointer(start: globals, count: globalCount)),
      local: frame == globals
        ? nil : Array(UnsafeBufferPointer(start: frame, count: frameCount)))
  }

  /// A context for a body that runs beside this one: reads everything, changes nothing here.
  func forked() -> Context {
    let fork = Context(variables, machine: machine)
    fork.row = row
    fork.callDepth = callDepth
    fork.heldLines = []
    return fork
  }

  private static func allocated(_ values: [Value]) -> UnsafeMutablePointer<Value> {
    let pointer = UnsafeMutablePointer<Value>.allocate(capacity: max(1, values.count))
    for (index, value) in values.enumerated() { (pointer + index).initialize(to: value) }
    return pointer
  }

  private static func free(_ pointer: UnsafeMutablePointer<Value>, _ count: Int) {
    pointer.deinitialize(count: count)
    pointer.deallocate()
  }

  // MARK: - Variables

  /// Gives a variable a number; where it holds one already, nothing has to be let go.
  @inline(__always)
  func setNumber(_ slot: Int, _ number: Double) {
    if case .number = frame[slot] {
      (frame + slot).initialize(to: .number(number))
    } else {
      frame[slot] = .number(number)
    }
  }

  /// Takes a variable's value out; it is `nothing` then.
  func take(_ slot: Int) -> Value {
    let value = (frame + slot).move()
    (frame + slot).initialize(to: .nothing)
    return value
  }

  /// Notes what a variable holds where a number was looked for.
  @inline(never)
  func missed(_ slot: Int) -> Double {
    misfit = frame[slot]
    return .nan
  }

  /// What was found where a number was looked for.
  func takeMisfit() -> Value {
    let value = misfit
    misfit = .nothing
    return value
  }

  // MARK: - Calls

  /// What a call puts aside.
  struct Caller {
    fileprivate let frame: UnsafeMutablePointer<Value>
    fileprivate let count: Int
    fileprivate let hasRow: Bool
  }

  /// Room for the frame of a call; the values are not initialized.
  @inline(__always)
  func reserve(_ count: Int) -> UnsafeMutablePointer<Value> {
    let room = top
    let end = room + count
    guard end <= stackEnd else { return .allocate(capacity: count) }
    top = end
    return room
  }

  /// Gives the room of a frame back, of which the first values are initialized.
  @inline(__always)
  func release(_ frame: UnsafeMutablePointer<Value>, _ count: Int, initialized: Int) {
    var place = frame
    let end = frame + initialized
    while place != end {
      // Most are numbers, for which there is nothing to do.
      if case .number = place.pointee {} else { place.deinitialize(count: 1) }
      place += 1
    }
    if frame >= stack, frame <= stackEnd { top = frame } else { frame.deallocate() }
  }

  /// Makes slots of a frame hold nothing.
  @inline(__always)
  static func clear(_ frame: UnsafeMutablePointer<Value>, _ start: Int, _ end: Int) {
    var place = frame + start
    while place != frame + end {
      place.initialize(to: .nothing)
      place += 1
    }
  }

  /// Makes the frame of a call the current one; its slots must be initialized, all of them.
  @inline(__always)
  func enter(_ new: UnsafeMutablePointer<Value>, count: Int) -> Caller {
    let caller = Caller(frame: frame, count: frameCount, hasRow: row != nil)
    if caller.hasRow { putRowAside() }
    frame = new
    frameCount = count
    callDepth += 1
    return caller
  }

  /// Goes back to the caller and gives the room of the call's frame back.
  @inline(__always)
  func leave(_ left: UnsafeMutablePointer<Value>, _ count: Int, to caller: Caller) {
    release(left, count, initialized: count)
    frame = caller.frame
    frameCount = caller.count
    callDepth -= 1
    if caller.hasRow { row = rowsAside.popLast() }
  }

  @inline(never)
  private func putRowAside() {
    if let row { rowsAside.append(row) }
    row = nil
  }

  var isCancelled: Bool {
    @inline(__always) get { state.isCancelled.load(ordering: .relaxed) }
  }

  func checkCancelled() throws(ScriptError) {
    if isCancelled { throw .cancelled }
  }

  func print(_ line: String) throws(ScriptError) {
    if heldLines != nil {
      heldLines?.append(line)
    } else {
      try machine.host.print(line)
    }
  }

  // MARK: - Rows

  /// Notes a change; it is sent with the others of the row when the body ends well.
  func stage(_ change: FieldChange, to row: Row, at span: Span) {
    if let index = staged[stagedStart...].firstIndex(where: { $0.row.id == row.id }) {
      staged[index].changes.append(change)
    } else {
      staged.append(StagedRow(row: row, changes: [change], span: span))
    }
  }

  /// Forgets what the innermost body has staged.
  func dropStaged() {
    if staged.count > stagedStart { staged.removeSubrange(stagedStart...) }
  }

  /// Sends what the innermost body has staged, one update for each row.
  func sendStaged() throws(ScriptError) {
    guard staged.count > stagedStart else { return }
    let pending = staged[stagedStart...]
    staged.removeSubrange(stagedStart...)
    let host = machine.host
    for entry in pending {
      try checkCancelled()
      do throws(ScriptError) {
        _ = try machine.wait { try await host.write(entry.changes, to: entry.row, at: entry.span) }
      } catch {
        throw error.at(entry.span)
      }
    }
  }
}

/// Changes to one row, not sent yet.
struct StagedRow: Sendable {
  let row: Row
  var changes: [FieldChange]
  let span: Span
}

/// What all bodies of one run share.
final class Machine: Sendable {
  let host: any ScriptHost
  let functions: [FunctionDefinition]
  private let pauseInstead: (@Sendable (Duration) -> Void)?
  fileprivate let state: State

  /// What outlives a statement: cancellation and failures.
  final class State: Sendable {
    fileprivate let isCancelled = Atomic<Bool>(false)
    /// The effects under way; no dictionary of tasks: to make the type of one, the runtime goes
    /// through all that the program conforms to, which a short script would notice.
    fileprivate let effects = Mutex<[Effect]>([])
    fileprivate let nextEffect = Atomic<Int>(0)
    let failures = Mutex<[RowFailure]>([])

    func cancel() {
      isCancelled.store(true, ordering: .sequentiallyConsistent)
      for effect in effects.withLock({ $0 }) { effect.cancel() }
    }

    fileprivate struct Effect: Sendable {
      let number: Int
      let cancel: @Sendable () -> Void
    }
  }

  init(
    host: any ScriptHost, functions: [FunctionDefinition], state: State,
    pause: (@Sendable (Duration) -> Void)?
  ) {
    self.host = host
    self.functions = functions
    self.state = state
    pauseInstead = pause
  }

  var isCancelled: Bool { state.isCancelled.load(ordering: .relaxed) }

  /// Waits; ends early when the program is stopped.
  func pause(_ duration: Duration) {
    if let pauseInstead { return pauseInstead(duration) }
    let clock = ContinuousClock()
    let end = clock.now + duration
    while !isCancelled, clock.now < end { Thread.sleep(forTimeInterval: 0.02) }
  }

  func note(_ failure: RowFailure) {
    state.failures.withLock { $0.append(failure) }
  }

  /// Runs an effect to its end while this thread waits.
  ///
  /// The evaluator is synchronous throughout and has a thread of its own, never one of the pool, so
  /// blocking it on a semaphore is sound; measured, an evaluator that is `async` in every node is
  /// nine times slower than this is per effect.
  func wait<Result: Sendable>(
    _ effect: @escaping @Sendable () async throws -> Result
  ) throws(ScriptError) -> Result {
    guard !isCancelled else { throw .cancelled }
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    let box = OutcomeBox(outcome)
    let done = DispatchSemaphore(value: 0)
    let number = state.nextEffect.wrappingAdd(1, ordering: .relaxed).newValue
    let task = Task {
      let result: Swift.Result<Result, any Error>
      do { result = .success(try await effect()) } catch { result = .failure(error) }
      box.outcome.withLock { $0 = result }
      done.signal()
    }
    state.effects.withLock { $0.append(State.Effect(number: number, cancel: { task.cancel() })) }
    if isCancelled { task.cancel() }
    done.wait()
    state.effects.withLock { $0.removeAll { $0.number == number } }
    switch box.outcome.withLock({ $0 }) {
    case .success(let result): return result
    case .failure(let error): throw Machine.explained(error)
    case nil: throw .cancelled
    }
  }

  private final class OutcomeBox<Result: Sendable>: Sendable {
    let outcome: Mutex<Swift.Result<Result, any Error>?>
    init(_ outcome: consuming sending Mutex<Swift.Result<Result, any Error>?>) {
      self.outcome = outcome
    }
  }

  static func explained(_ error: any Error) -> ScriptError {
    if let error = error as? ScriptError { return error }
    if error is CancellationError { return .cancelled }
    return ScriptError(code: "V309", message: "\(error)")
  }
}

/// A row or an item of a loop that went wrong, while the loop went on.
public struct RowFailure: Sendable {
  /// The row's title, or the item as it prints.
  public let title: String
  /// Whether it was a row of a database.
  public let isRow: Bool
  /// The row's number in the table last shown.
  public let number: Int?
  /// The sentence.
  public let message: String
  /// The stable code.
  public let code: String
  /// Where in the program.
  public let span: Span?
}
