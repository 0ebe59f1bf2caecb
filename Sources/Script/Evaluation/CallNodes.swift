/// A builtin function.
final class BuiltinNode: Node, @unchecked Sendable {
  let function: Function
  let arguments: [Node]
  private let nodes: NodeList
  /// Whether of rows only their number matters.
  private let countsOnly: Bool
  init(_ function: Function, _ arguments: [Node], _ span: Span) {
    nodes = NodeList(arguments)
    self.function = function
    self.arguments = arguments
    countsOnly = function.name == "count" || function.name == "length"
    super.init(span)
  }

  override var isNumeric: Bool { function.result == .number }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    let value = try eval(context)
    if case .number(let number) = value { return number }
    context.misfit = value
    return .nan
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    if case .single(let body) = function.body, nodes.count == 1 {
      var value = try nodes.eval(0, context)
      if case .query = value {
        value = try value.readingRows(context, fields: countsOnly ? [] : nil)
      }
      do throws(ScriptError) {
        let result = try body(value)
        try Limits.check(result)
        return result
      } catch {
        throw error.at(span)
      }
    }
    let values: [Value]
    if nodes.count == 1 {
      values = [
        try nodes.eval(0, context).readingRows(context, fields: countsOnly ? [] : nil)
      ]
    } else {
      var more: [Value] = []
      more.reserveCapacity(nodes.count)
      for index in 0..<nodes.count {
        // A list function may be given a query.
        more.append(try nodes.eval(index, context).readingRows(context))
      }
      values = more
    }
    do throws(ScriptError) {
      let result: Value
      switch function.body {
      case .pure(let body): result = try body(values)
      case .single(let body): result = try body(values.first ?? .nothing)
      case .effect(let body):
        let host = context.machine.host
        let given = values
        result = try context.machine.wait { try await body(given, host) }
      }
      try Limits.check(result)
      return result
    } catch {
      throw error.at(span)
    }
  }
}

/// A function of the program.
///
/// Its calls are resolved before its body is, as it may call itself; the resolver completes it before
/// anything runs, and nothing changes it afterwards.
final class FunctionDefinition: @unchecked Sendable {
  let name: String
  private(set) var defaults: [Node?] = []
  private(set) var frameSize = 0
  private var kept: Node?
  /// The body, which a call does not count.
  fileprivate private(set) var body = Unmanaged.passUnretained(FunctionDefinition.nothing)
  private static let nothing: Node = ConstantNode(.nothing, Span(0, 0))

  init(name: String) { self.name = name }

  func complete(defaults: [Node?], frameSize: Int, body: Node) {
    let body = body.atEndOfFunction
    self.defaults = defaults
    self.frameSize = frameSize
    kept = body
    self.body = .passUnretained(body)
  }
}

final class CallNode: Node, @unchecked Sendable {
  static let maximumDepth = 64

  /// Unowned, as a function that calls itself would own itself; whoever runs this has it in its
  /// ``Machine``.
  private let function: Unmanaged<FunctionDefinition>
  private let arguments: NodeList
  private let first: Operand
  private let hasFirst: Bool
  /// The parameters that take their defaults.
  private let defaults: [Int]
  private let hasDefaults: Bool

  /// - Parameter arguments: By parameter; `nil` where the default is taken.
  init(_ function: FunctionDefinition, _ arguments: [Node?], _ span: Span) {
    self.function = .passUnretained(function)
    self.arguments = NodeList(arguments.map { $0 ?? ConstantNode(.nothing, span) })
    defaults = arguments.indices.filter { arguments[$0] == nil }
    hasDefaults = !defaults.isEmpty
    first = Operand((arguments.first ?? nil) ?? ConstantNode(.nothing, span))
    hasFirst = !arguments.isEmpty
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    try call(context) { body throws(ScriptError) in
      try body.eval(context)
    } given: {
      $0
    }
  }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    try call(context) { body throws(ScriptError) in
      try body.number(context)
    } given: { value in
      if case .number(let number) = value { return number }
      context.misfit = value
      return .nan
    }
  }

  /// Evaluates the arguments into a new frame, and the body on it.
  @inline(__always)
  private func call<Result>(
    _ context: Context, _ result: (Node) throws(ScriptError) -> Result,
    given: (Value) -> Result
  ) throws(ScriptError) -> Result {
    try function.borrowed { function throws(ScriptError) in
      if context.isCancelled || context.callDepth >= CallNode.maximumDepth {
        throw refused(function, context)
      }
      let size = function.frameSize
      let frame = context.reserve(size)
      try fill(frame, size, context)
      let caller = context.enter(frame, count: size)
      do throws(ScriptError) {
        if hasDefaults { try fillDefaults(function, context) }
        let value = try function.body.borrowed { body throws(ScriptError) in try result(body) }
        context.leave(frame, size, to: caller)
        return value
      } catch {
        context.leave(frame, size, to: caller)
        return given(try returned(error, context))
      }
    }
  }

  /// Makes every slot of a frame hold something: the arguments, and nothing.
  @inline(__always)
  private func fill(
    _ frame: UnsafeMutablePointer<Value>, _ size: Int, _ context: Context
  ) throws(ScriptError) {
    guard hasFirst else { return Context.clear(frame, 0, size) }
    do throws(ScriptError) {
      let number = try first.number(context)
      frame.initialize(to: number.isNaN ? context.takeMisfit() : .number(number))
    } catch {
      context.release(frame, size, initialized: 0)
      throw error
    }
    if size > 1 { try fillRest(frame, size, context) }
  }

  @inline(never)
  private func fillRest(
    _ frame: UnsafeMutablePointer<Value>, _ size: Int, _ context: Context
  ) throws(ScriptError) {
    var ready = 1
    do throws(ScriptError) {
      while ready < arguments.count {
        (frame + ready).initialize(to: try arguments.eval(ready, context))
        ready += 1
      }
    } catch {
      context.release(frame, size, initialized: ready)
      throw error
    }
    Context.clear(frame, ready, size)
  }

  @inline(never)
  private func fillDefaults(
    _ function: FunctionDefinition, _ context: Context
  ) throws(ScriptError) {
    for position in defaults {
      context.frame[position] = try function.defaults[position]?.eval(context) ?? .nothing
    }
  }

  @inline(never)
  private func refused(_ function: FunctionDefinition, _ context: Context) -> ScriptError {
    if context.isCancelled { return .cancelled }
    return ScriptError(
      code: "V307", message: "calls are nested more than \(CallNode.maximumDepth) deep",
      span: span, notes: ["does \(function.name) call itself without an end?"])
  }

  /// What a `return` from inside a loop gives.
  @inline(never)
  private func returned(_ error: ScriptError, _ context: Context) throws(ScriptError) -> Value {
    guard case .function? = error.leaving else {
      guard let place = error.refusedParameter else { throw error }
      // What is to be mended stands in the call, unless the default was taken.
      var error = error
      error.refusedParameter = nil
      if place < arguments.count, !defaults.contains(place) { error.span = arguments.span(place) }
      throw error
    }
    let value = context.returned
    context.returned = .nothing
    return value
  }
}

/// `return`.
final class ReturnNode: Node, @unchecked Sendable {
  let value: Node?
  init(_ value: Node?, _ span: Span) {
    self.value = value
    super.init(span)
  }
  override func eval(_ context: Context) throws(ScriptError) -> Value {
    context.returned = try value?.eval(context) ?? .nothing
    throw .giveBack
  }
}
