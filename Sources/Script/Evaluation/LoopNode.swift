import Dispatch
import Foundation
import Synchronization

/// `for … in … { … }`: a list of the bodies' last values, in the order of the items.
final class LoopNode: Node, @unchecked Sendable {
  let slot: Int
  let sequence: Node
  let width: Node?
  let continuesOnError: Bool
  /// The fields of rows that the body looks at; `nil` where it looks at whole rows.
  let fields: Set<String>?
  /// Whether the body leaves all rows alone but its own, so that others may still be on their way.
  let readsWhileWorking: Bool
  let body: Node

  init(
    slot: Int, sequence: Node, width: Node?, continuesOnError: Bool, body: Node,
    fields: Set<String>?, readsWhileWorking: Bool, _ span: Span
  ) {
    self.slot = slot
    self.sequence = sequence
    self.width = width
    self.continuesOnError = continuesOnError
    self.fields = fields
    self.readsWhileWorking = readsWhileWorking
    self.body = body
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    var results: [Value] = []
    // Whether lists are in the lists that it gives is seen while they are at hand.
    var holdsOthers = false
    do throws(ScriptError) {
      try loop(context) { () throws(ScriptError) in
        let value = try body.eval(context)
        if context.staged.count > context.stagedStart { try context.sendStaged() }
        if !holdsOthers, Limits.holdsOthers(value) { holdsOthers = true }
        results.append(value)
        if results.count > Limits.list { try Limits.check(list: results.count) }
      } keep: {
        holdsOthers = true
        results.append($0)
      }
      if holdsOthers { try Limits.check(depth: results) }
    } catch {
      throw error.at(span)
    }
    return .list(results)
  }

  /// Without the list of the bodies' values, which for a long loop is most of the memory.
  override func run(_ context: Context) throws(ScriptError) {
    try loop(context) { () throws(ScriptError) in
      try body.run(context)
      if context.staged.count > context.stagedStart { try context.sendStaged() }
    } keep: { _ in
    }
  }

  /// - Parameters:
  ///   - turn: Carries the body out, sends what it assigned to rows, and keeps its value.
  ///   - keep: Keeps a value that comes about in another way.
  @inline(__always)
  private func loop(
    _ context: Context, turn: () throws(ScriptError) -> Void, keep: (Value) -> Void
  ) throws(ScriptError) {
    let outerStart = context.stagedStart
    defer { context.stagedStart = outerStart }
    if width == nil, let range = sequence as? OperatorNode, range.operation == .range {
      // Counted off one by one: the list of a long range would only be made to be thrown away.
      let (first, last) = try Operators.bounds(
        try range.left.eval(context), try range.right.eval(context), at: range.span, isList: false)
      context.stagedStart = context.staged.count
      var number = first
      while number <= last {
        context.setNumber(slot, Double(number))
        do throws(ScriptError) {
          try context.checkCancelled()
          try turn()
        } catch {
          guard try goesOn(error, .number(Double(number)), context, keep) else { return }
        }
        number += 1
      }
      return
    }
    let source = try sequence.eval(context)
    let width = min(64, try self.width?.whole(context, "parallel", from: 1) ?? 1)
    if readsWhileWorking, case .query(let query) = source, query.mayBeWorkedOnWhileRead {
      var rows = ComingRows(query.reader(from: context.machine.host, fields: fields), sequence.span)
      if width > 1 {
        for value in try parallel(Items(rows), width: width, context) { keep(value) }
        return
      }
      context.stagedStart = context.staged.count
      while let row = try rows.next(context.machine) {
        context.frame[slot] = row
        do throws(ScriptError) {
          try context.checkCancelled()
          try turn()
        } catch {
          guard try goesOn(error, row, context, keep) else { return }
        }
      }
      return
    }
    let items = try items(of: source, context)
    if width > 1, items.count > 1 {
      let values = try parallel(Items(items), width: min(width, items.count), context)
      for value in values { keep(value) }
      return
    }
    context.stagedStart = context.staged.count
    for index in items.indices {
      context.frame[slot] = items[index]
      do throws(ScriptError) {
        try context.checkCancelled()
        try turn()
      } catch {
        guard try goesOn(error, items[index], context, keep) else { return }
      }
    }
  }

  /// Whether the loop goes on after a turn that did not end well.
  @inline(never)
  private func goesOn(
    _ error: ScriptError, _ item: Value, _ context: Context, _ keep: (Value) -> Void
  ) throws(ScriptError) -> Bool {
    let end = ended(error, item, context)
    context.dropStaged()
    switch end {
    case .value(let value):
      keep(value)
      return true
    case .skip: return true
    case .stop: return false
    case .raise(let error): throw error
    case .problem(let error):
      guard continuesOnError else { throw error }
      note(error, item, context)
      keep(.nothing)
      return true
    }
  }

  /// The items are fixed when the loop starts.
  private func items(of source: Value, _ context: Context) throws(ScriptError) -> [Value] {
    switch source {
    case .list(let items): return items
    case .query(let query):
      let host = context.machine.host
      let fields = fields
      do throws(ScriptError) {
        return try context.machine.wait { try await query.rows(from: host, fields: fields) }.map(
          Value.row)
      } catch {
        throw error.at(sequence.span)
      }
    case .nothing: return []
    case let value:
      throw ScriptError(
        code: "V306", message: "for goes through a list or rows, and this is \(value.kindName)",
        span: sequence.span, notes: ["through the words of a text: for w in words(x)"])
    }
  }

  private enum End {
    case value(Value)
    case skip
    case stop
    /// What ends the loop whatever `on error` says.
    case raise(ScriptError)
    case problem(ScriptError)
  }

  /// Runs the body for an item; what it assigned to rows is sent only when it ends well.
  private func runBody(_ item: Value, _ context: Context) -> End {
    context.frame[slot] = item
    let outerStart = context.stagedStart
    context.stagedStart = context.staged.count
    defer {
      context.dropStaged()
      context.stagedStart = outerStart
    }
    do throws(ScriptError) {
      let value = try body.eval(context)
      try context.sendStaged()
      return .value(value)
    } catch {
      return ended(error, item, context)
    }
  }

  /// What a body's error means; what was assigned before `skip` or `stop` counts.
  private func ended(_ error: ScriptError, _ item: Value, _ context: Context) -> End {
    switch error.leaving {
    case let leaving? where leaving != .function:
      do throws(ScriptError) {
        try context.sendStaged()
      } catch {
        return error.kind == .problem ? .problem(located(error, item)) : .raise(error)
      }
      return leaving == .turn ? .skip : .stop
    case nil where error.kind == .problem: return .problem(located(error, item))
    default: return .raise(error)
    }
  }

  private func located(_ error: ScriptError, _ item: Value) -> ScriptError {
    var error = error.at(span)
    if error.rowTitle == nil, case .row(let row) = item {
      error.rowTitle = row.title
    }
    return error
  }

  private func note(_ error: ScriptError, _ item: Value, _ context: Context) {
    context.machine.note(
      RowFailure(
        title: item.display(upTo: 1000), isRow: item.asRow != nil, number: item.asRow?.number,
        message: error.message, code: error.code,
        span: error.span))
  }

  // MARK: - Rows on their way

  /// Rows that are still being read while bodies run: a part is here, the next on its way.
  private struct ComingRows {
    private var reader: QueryReader
    private let span: Span
    private var part: [Row] = []
    private var place = 0

    init(_ reader: QueryReader, _ span: Span) {
      self.reader = reader
      self.span = span
    }

    mutating func next(_ machine: Machine) throws(ScriptError) -> Value? {
      while place == part.count {
        let before = reader
        do throws(ScriptError) {
          let read = try machine.wait {
            var reader = before
            let rows = try await reader.next()
            return (rows: rows, reader: reader)
          }
          guard let rows = read.rows else { return nil }
          (part, place, reader) = (rows, 0, read.reader)
        } catch {
          throw error.at(span)
        }
      }
      place += 1
      return .row(part[place - 1])
    }
  }

  // MARK: - Parallel

  /// The items of a parallel loop, handed out one by one.
  private final class Items: Sendable {
    private enum Source {
      case list([Value])
      case rows(ComingRows)
    }
    private let state: Mutex<(source: Source, next: Int)>

    init(_ items: [Value]) { state = Mutex((.list(items), 0)) }

    init(_ rows: sending ComingRows) { state = Mutex((.rows(rows), 0)) }

    /// The next item and its place; `nil` when there is none.
    ///
    /// A thread that waits for rows keeps the others waiting: they have nothing else to do either.
    func next(_ machine: Machine) -> Result<(place: Int, item: Value)?, ScriptError> {
      state.withLock { state in
        let item: Value?
        switch state.source {
        case .list(let items): item = state.next < items.count ? items[state.next] : nil
        case .rows(var rows):
          do throws(ScriptError) { item = try rows.next(machine) } catch { return .failure(error) }
          state.source = .rows(rows)
        }
        guard let item else { return .success(nil) }
        state.next += 1
        return .success((state.next - 1, item))
      }
    }
  }

  /// What the threads of a parallel loop share.
  private final class Shared: Sendable {
    struct State {
      var isStopping = false
      /// How the body of each place ended; the item is kept where somebody will ask for it.
      var ends: [Int: (end: SendableEnd, item: Value, lines: [String])] = [:]
      /// Why no further item came.
      var unread: ScriptError?
    }
    let state = Mutex(State())
    let items: Items

    init(_ items: Items) { self.items = items }
  }

  private enum SendableEnd: Sendable {
    case value(Value)
    case skip
    case stop
    case raise(ScriptError)
    case problem(ScriptError)
  }

  private func parallel(
    _ items: Items, width: Int, _ context: Context
  ) throws(ScriptError) -> [Value] {
    let shared = Shared(items)
    let group = DispatchGroup()
    let machine = context.machine
    for _ in 0..<width {
      let start = Fork(context)
      group.enter()
      let thread = Thread { [self] in
        work(shared, start.context())
        group.leave()
      }
      thread.stackSize = EvaluationThread.stackSize
      thread.start()
    }
    group.wait()
    let (ends, unread) = shared.state.withLock { ($0.ends, $0.unread) }
    // Lines come in the order of the items, whatever order the bodies ended in.
    var results: [Value] = []
    var failures: [(ScriptError, Value)] = []
    var raised: ScriptError?
    for index in ends.keys.sorted() {
      guard let (end, item, lines) = ends[index] else { continue }
      for line in lines { try context.print(line) }
      switch end {
      case .value(let value): results.append(value)
      case .skip, .stop: break
      case .raise(let error): raised = raised ?? error
      case .problem(let error):
        failures.append((error, item))
        if continuesOnError {
          note(error, item, context)
          results.append(.nothing)
        }
      }
    }
    if let raised = raised ?? unread { throw raised }
    if machine.isCancelled { throw .cancelled }
    if !continuesOnError, var (first, _) = failures.first.map({ ($0.0, $0.1) }) {
      if failures.count > 1 {
        first.notes.append("\(failures.count - 1) more failed as well")
      }
      throw first
    }
    return results
  }

  private func work(_ shared: Shared, _ start: Context) {
    while !shared.state.withLock({ $0.isStopping }), !start.machine.isCancelled {
      let place: Int
      let item: Value
      switch shared.items.next(start.machine) {
      case .success(let next?): (place, item) = next
      case .success(nil): return
      case .failure(let error):
        return shared.state.withLock { state in
          state.unread = state.unread ?? error
          state.isStopping = true
        }
      }
      let fork = start.forked()
      let end: SendableEnd
      switch runBody(item, fork) {
      case .value(let value): end = .value(value)
      case .skip: end = .skip
      case .stop: end = .stop
      case .raise(let error): end = .raise(error)
      case .problem(let error): end = .problem(error)
      }
      let lines = fork.heldLines ?? []
      shared.state.withLock { state in
        var kept = Value.nothing
        if case .problem = end { kept = item }
        state.ends[place] = (end, kept, lines)
        switch end {
        case .stop, .raise: state.isStopping = true
        case .problem: if !continuesOnError { state.isStopping = true }
        default: break
        }
      }
    }
  }

  /// What a thread needs to make a context of its own.
  private struct Fork: Sendable {
    let variables: Context.Variables
    let row: Row?
    let callDepth: Int
    let machine: Machine

    init(_ context: Context) {
      variables = context.variables
      row = context.row
      callDepth = context.callDepth
      machine = context.machine
    }

    func context() -> Context {
      let context = Context(variables, machine: machine)
      context.row = row
      context.callDepth = callDepth
      return context
    }
  }
}
