/// What is true or false of a row, and perhaps of an answer for it: `length(answer) < 280`.
public struct RowCondition: Sendable {
  /// The condition as typed.
  public let source: String
  /// Whether it speaks of the row at all.
  public let readsRow: Bool
  private let node: Node
  private let answerSlot: Int?
  private let variables: Context.Variables
  private let machine: Machine

  init(
    source: String, node: Node, readsRow: Bool, answerSlot: Int?, variables: Context.Variables,
    machine: Machine
  ) {
    self.source = source
    self.node = node
    self.readsRow = readsRow
    self.answerSlot = answerSlot
    self.variables = variables
    self.machine = machine
  }

  /// Whether it is so.
  ///
  /// - Throws: ``ScriptError`` when it cannot be told, such as the length of a number.
  public func holds(for row: Row, answer: Value = .nothing) async throws -> Bool {
    try await EvaluationThread.run { [self] () throws(ScriptError) in
      let context = Context(variables, machine: machine)
      context.row = row
      if let answerSlot { context.frame[answerSlot] = answer }
      return try node.condition(context)
    }
  }
}
