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
final class FunctionDefinition: Sendable {
  let name: String
  let parameters: Int
  let defaults: [Node?]
  let frameSize: Int
  let body: Node
  init(name: String, parameters: Int, defaults: [Node?], frameSize: Int, body: Node) {
    self.name = name
    self.parameters = parameters
    self.defaults = defaults
    self.frameSize = frameSize
    self.body = body
  }
}

final class CallNode: Node, @unchecked Sendable {
  static let maximumDepth = 64

  let index: Int
  /// By parameter; `nil` where the default is taken.
  let arguments: [Node?]
  private let hasDefaults: Bool
  private let given: Given?

  /// The arguments as a chain: walking one counts no references, as walking an array does.
  private final class Given: Sendable {
    let node: Node?
    let next: Given?
    init(_ node: Node?, next: Given?) {
      self.node = node
      self.next = next
    }

    func fill(
      _ frame: UnsafeMutablePointer<Value>, _ ready: inout Int, _ context: Context
    ) throws(ScriptError) {
      (frame + ready).initialize(to: try node?.eval(context) ?? .nothing)
      ready += 1
      try next?.fill(frame, &ready, context)
    }
  }

  init(index: Int, _ arguments: [Node?], _ span: Span) {
    self.index = index
    self.arguments = arguments
    hasDefaults = arguments.contains { $0 == nil }
    given = arguments.reversed().reduce(nil) { Given($1, next: $0) }
    super.init(span)
  }

  override func eval(_ context: Context) throws(ScriptError) -> Value {
    try context.checkCancelled()
    let function = context.machine.functions[index]
    guard context.callDepth < CallNode.maximumDepth else {
      throw ScriptError(
        code: "V307", message: "calls are nested more than \(CallNode.maximumDepth) deep",
        span: span, notes: ["does \(function.name) call itself without an end?"])
    }
    let frame = context.reserve(function.frameSize)
    var ready = 0
    do throws(ScriptError) {
      try given?.fill(frame, &ready, context)
    } catch {
      context.release(frame, function.frameSize, initialized: ready)
      throw error
    }
    while ready < function.frameSize {
      (frame + ready).initialize(to: .nothing)
      ready += 1
    }
    let caller = context.enter(frame, count: ready)
    defer { context.leave(to: caller) }
    if hasDefaults {
      for (position, argument) in arguments.enumerated() where argument == nil {
        context.frame[position] = try function.defaults[position]?.eval(context) ?? .nothing
      }
    }
    do throws(ScriptError) {
      return try function.body.eval(context)
    } catch {
      guard error.kind == .control, error.code == "return" else { throw error }
      defer { context.returned = .nothing }
      return context.returned
    }
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
