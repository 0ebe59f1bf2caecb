/// A builtin function.
final class BuiltinNode: Node, @unchecked Sendable {
  let function: Function
  let arguments: [Node]
  init(_ function: Function, _ arguments: [Node], _ span: Span) {
    self.function = function
    self.arguments = arguments
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    var values: [Value] = []
    values.reserveCapacity(arguments.count)
    for argument in arguments {
      // A list function may be given a query.
      values.append(try argument.eval(context).readingRows(context))
    }
    do throws(ScriptError) {
      return try function.body(values)
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
  private let first: Operand?
  /// The parameters that take their defaults.
  private let defaults: [Int]

  /// - Parameter arguments: By parameter; `nil` where the default is taken.
  init(_ function: FunctionDefinition, _ arguments: [Node?], _ span: Span) {
    self.function = .passUnretained(function)
    self.arguments = NodeList(arguments.map { $0 ?? ConstantNode(.nothing, span) })
    defaults = arguments.indices.filter { arguments[$0] == nil }
    first = arguments.first?.map(Operand.init)
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    let function = function.takeUnretainedValue()
    let caller = try enter(function, context)
    defer { context.leave(to: caller) }
    do throws(ScriptError) {
      return try function.body.takeUnretainedValue().eval(context)
    } catch {
      return try returned(error, context)
    }
  }

  override func number(_ context: Context) throws(ScriptError) -> Double {
    let function = function.takeUnretainedValue()
    let caller = try enter(function, context)
    defer { context.leave(to: caller) }
    do throws(ScriptError) {
      return try function.body.takeUnretainedValue().number(context)
    } catch {
      let value = try returned(error, context)
      if case .number(let number) = value { return number }
      context.misfit = value
      return .nan
    }
  }

  /// Evaluates the arguments into a new frame, and makes that the current one.
  @inline(__always)
  private func enter(
    _ function: FunctionDefinition, _ context: Context
  ) throws(ScriptError) -> Context.Caller {
    try context.checkCancelled()
    guard context.callDepth < CallNode.maximumDepth else { throw tooDeep(function) }
    let size = function.frameSize
    let frame = context.reserve(size)
    var ready = 0
    do throws(ScriptError) {
      if let first {
        let number = try first.number(context)
        frame.initialize(to: number.isNaN ? context.takeMisfit() : .number(number))
        ready = 1
      }
      while ready < arguments.count {
        (frame + ready).initialize(to: try arguments[ready].eval(context))
        ready += 1
      }
    } catch {
      context.release(frame, size, initialized: ready)
      throw error
    }
    while ready < size {
      (frame + ready).initialize(to: .nothing)
      ready += 1
    }
    let caller = context.enter(frame, count: size)
    if !defaults.isEmpty { try fillDefaults(function, context, caller) }
    return caller
  }

  @inline(never)
  private func fillDefaults(
    _ function: FunctionDefinition, _ context: Context, _ caller: Context.Caller
  ) throws(ScriptError) {
    do throws(ScriptError) {
      for position in defaults {
        context.frame[position] = try function.defaults[position]?.eval(context) ?? .nothing
      }
    } catch {
      context.leave(to: caller)
      throw error
    }
  }

  @inline(never)
  private func tooDeep(_ function: FunctionDefinition) -> ScriptError {
    ScriptError(
      code: "V307", message: "calls are nested more than \(CallNode.maximumDepth) deep",
      span: span, notes: ["does \(function.name) call itself without an end?"])
  }

  /// What a `return` from inside a loop gives.
  @inline(never)
  private func returned(_ error: ScriptError, _ context: Context) throws(ScriptError) -> Value {
    guard case .function? = error.leaving else { throw error }
    defer { context.returned = .nothing }
    return context.returned
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
