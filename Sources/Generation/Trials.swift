public import Engines

/// Asks many questions of several engines at once, within one budget; writes nothing.
///
/// Each engine has its own width, so that a slow one holds no other back. A question that waits to
/// be asked again takes no place of another.
public struct Trials: Sendable {
  /// A question to one engine.
  public struct Question: Sendable {
    /// Where its answer belongs.
    public var place: Int
    /// Who is asked.
    public var engine: any Engine
    /// What is asked.
    public var request: EngineRequest

    /// Creates a question.
    public init(place: Int, engine: any Engine, request: EngineRequest) {
      self.place = place
      self.engine = engine
      self.request = request
    }
  }

  /// What became of a question.
  public struct Outcome: Sendable {
    /// The answer; `nil` where there is none.
    public var answer: Answer?
    /// Why there is none.
    public var problem: EngineError?
    /// What was billed; nothing for an answer that was kept from before.
    public var usage = Usage()
    /// Dollars; `nil` when the price is unknown.
    public var cost: Double? = 0
    /// How long it took.
    public var duration = Duration.zero
  }

  /// How everything ended.
  public struct Result: Sendable {
    /// The outcomes by place; a question that was never sent has none.
    public var outcomes: [Int: Outcome] = [:]
    /// Whether the budget did not hold everything.
    public var isOverBudget = false
    /// Whether a person stopped it.
    public var isCancelled = false
  }

  private let width: Int
  private let budget: Budget

  /// Creates it.
  ///
  /// - Parameters:
  ///   - width: Questions in flight at once with each engine.
  ///   - maxCost: The most to spend, in US dollars; `nil` for no limit.
  public init(width: Int, maxCost: Double?) {
    self.width = max(1, width)
    budget = Budget(shared: maxCost)
  }

  /// Asks everything; one bad answer never ends it.
  ///
  /// - Parameters:
  ///   - onPiece: Told of an only answer's text as it arrives; `nil` when nobody looks.
  ///   - onOutcome: Told of each outcome.
  public func ask(
    _ questions: [Question], onPiece: (@Sendable (AnswerPiece) -> Void)? = nil,
    onOutcome: @escaping @Sendable (Int, Outcome) -> Void = { _, _ in }
  ) async -> Result {
    // In the order in which engines first come, each with its questions in their order.
    var queues: [(engine: String, waiting: ArraySlice<Question>)] = []
    for question in questions {
      let name = "\(question.engine.name)/\(question.request.model ?? "")"
      if let index = queues.firstIndex(where: { $0.engine == name }) {
        queues[index].waiting.append(question)
      } else {
        queues.append((name, [question]))
      }
    }
    var result = Result()
    await withTaskGroup(of: (Int, Question, Outcome?).self) { group in
      func startNext(_ index: Int) {
        guard !result.isOverBudget, !Task.isCancelled,
          let question = queues[index].waiting.popFirst()
        else { return }
        group.addTask { [self] in (index, question, await ask(question, onPiece)) }
      }
      for index in queues.indices {
        // Twice as many as are in flight: those that rest after a refusal hold nobody up.
        for _ in 0..<(width * 2) { startNext(index) }
      }
      for await (index, question, outcome) in group {
        if let outcome {
          result.outcomes[question.place] = outcome
          onOutcome(question.place, outcome)
          // A refused key is refused for every question to this engine; the others go on.
          if let problem = outcome.problem, problem.scope == .run {
            for rest in queues[index].waiting {
              result.outcomes[rest.place] = Outcome(problem: problem)
            }
            queues[index].waiting = []
          }
        } else {
          result.isOverBudget = result.isOverBudget || !Task.isCancelled
        }
        startNext(index)
      }
    }
    result.isCancelled = Task.isCancelled
    return result
  }

  /// Asks one question.
  ///
  /// - Returns: `nil` when the budget does not hold it, or when it was stopped.
  private func ask(
    _ question: Question, _ onPiece: (@Sendable (AnswerPiece) -> Void)?
  ) async -> Outcome? {
    let price = Prices.price(
      engine: question.engine.name,
      model: question.request.model ?? question.engine.defaultModel)
    guard
      let reservation = await budget.reserve(
        tokens: TokenEstimate.tokens(in: question.request.prompt.text),
        maxOutputTokens: question.request.maxOutputTokens, price: price)
    else { return nil }
    var request = question.request
    request.maxOutputTokens = reservation.maxOutputTokens
    request.mostAtOnce = width
    var outcome = Outcome()
    let start = ContinuousClock.now
    do {
      let answer =
        if let onPiece {
          try await question.engine.answer(request, onPiece: onPiece)
        } else {
          try await question.engine.answer(request)
        }
      outcome.duration = answer.duration ?? (.now - start)
      outcome.answer = answer
      outcome.usage = answer.usage
      outcome.cost = await budget.settle(
        reservation, answer.usage, lostCalls: answer.lostCalls)
      if answer.usage == Usage() { outcome.cost = 0 }
      return outcome
    } catch let error as EngineError {
      outcome.duration = .now - start
      outcome.problem = error
      outcome.usage = error.usage ?? Usage()
      outcome.cost = await budget.settle(
        reservation, error.usage, lostCalls: error.lostCalls)
      return outcome
    } catch is CancellationError {
      _ = await budget.settle(reservation, nil, lostCalls: 1)
      return nil
    } catch {
      outcome.problem = EngineError(.malformed, "\(error)")
      outcome.cost = await budget.settle(reservation, nil)
      return outcome
    }
  }
}
