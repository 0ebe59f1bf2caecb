import Foundation
import Synchronization

/// What a check of a program found.
public struct CheckResult: Sendable {
  /// What is wrong, at most ten, in the order of the text.
  public let diagnostics: [Diagnostic]
  /// Whether more lines could make it right: an open brace, a clause without its value.
  public let isIncomplete: Bool
  /// Whether there is nothing in it.
  public let isEmpty: Bool
  /// The commands in it, at any depth, and `every`, `include`, `param` where they stand.
  public var words: Set<String> = []
  /// The text that the diagnostics speak of: the program's, or that of a file it includes.
  public var source: SourceText
}

/// How a program ended.
public struct RunOutcome: Sendable {
  /// The value of the last expression; `nil` when there was none.
  public let value: Value?
  /// Rows that went wrong in loops that went on.
  public let failures: [RowFailure]
}

/// Parses, checks and runs programs; what one makes, the next knows.
public actor Interpreter {
  private let host: any ScriptHost
  private let pause: (@Sendable (Duration) -> Void)?
  private var globals = Globals()
  /// What the included files have made, by their names.
  private var included: [String: Names] = [:]
  /// The included files that are being read, the outermost first.
  private var reading: [String] = []

  /// Creates an interpreter.
  ///
  /// - Parameter pause: Waits between the tries of `retry`, a test's clock; `nil` sleeps.
  public init(host: any ScriptHost, pause: (@Sendable (Duration) -> Void)? = nil) {
    self.host = host
    self.pause = pause
  }

  private init(
    host: any ScriptHost, pause: (@Sendable (Duration) -> Void)?, globals: Globals,
    included: [String: Names]
  ) {
    self.host = host
    self.pause = pause
    self.globals = globals
    self.included = included
  }

  /// The names of the program's variables and functions.
  public var names: (variables: [String], functions: [String]) {
    (globals.variables.keys.sorted(), globals.functions.keys.sorted())
  }

  /// Parses a source only, and says whether it is complete; needs no database.
  public nonisolated static func parse(
    _ source: SourceText, signatures: [CommandSignature]
  ) -> CheckResult {
    let parsed = Parser.parse(source, commands: index(signatures))
    return CheckResult(
      diagnostics: Array(parsed.diagnostics.prefix(Resolver.limit)),
      isIncomplete: parsed.isIncomplete, isEmpty: parsed.statements.isEmpty, words: parsed.words,
      source: source)
  }

  /// The parameters that a script declares, in their order.
  public nonisolated static func parameters(
    of source: SourceText, signatures: [CommandSignature]
  ) -> [ScriptParameter] {
    Parser.parse(source, commands: index(signatures)).statements.compactMap { statement in
      guard case .parameter(let syntax) = statement.kind else { return nil }
      return ScriptParameter(
        name: syntax.name, type: Parameters.words(syntax.shape),
        defaultValue: syntax.defaultValue.map { source.text($0.span) },
        summary: Parameters.comment(above: statement.span.start, in: source),
        shape: Parameters.shape(syntax.shape))
    }
  }

  /// Gives values for the parameters of the next programs; texts are read as the parameter's type.
  public func setArguments(_ arguments: [String: Value]) {
    globals.arguments = arguments
  }

  private nonisolated static func index(_ signatures: [CommandSignature]) -> [String:
    CommandSignature]
  {
    Dictionary(signatures.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Parses and resolves a source and what it includes; nothing runs.
  ///
  /// - Parameter isOnlyChecked: Whether its parameters need no values.
  public func check(_ source: SourceText, isOnlyChecked: Bool = true) -> CheckResult {
    var known = globals
    var included = self.included
    return check(source, &known, &included, reading: reading, isOnlyChecked: isOnlyChecked)
  }

  private func check(
    _ source: SourceText, _ known: inout Globals, _ included: inout [String: Names],
    reading: [String], isOnlyChecked: Bool, isIncluded: Bool = false
  ) -> CheckResult {
    let parsed = Parser.parse(source, commands: Interpreter.index(host.signatures))
    var diagnostics = parsed.diagnostics
    if isIncluded {
      for statement in parsed.statements where !statement.isDefinition {
        diagnostics.append(
          Diagnostic(
            "V117", "an included file holds fn, let and include only", statement.span,
            label: "not a definition", notes: ["run a script with: run \"\(source.name)\""]))
      }
    }
    if diagnostics.isEmpty {
      let names = reading + [source.name]
      for (path, span, name) in parsed.statements.compactMap(\.include) {
        do {
          let file = try host.script(at: path, from: source.name)
          guard !names.contains(file.name), names.count <= Interpreter.deepestInclude else {
            diagnostics.append(
              Diagnostic(
                "V118",
                names.contains(file.name)
                  ? "“\(path)” includes itself in the end"
                  : "files include each other more than \(Interpreter.deepestInclude) deep",
                span, label: "a circle",
                notes: ["put what both need into a third file"]))
            continue
          }
          if included[file.name] == nil {
            let outer = Names(variables: known.variables, functions: known.functions)
            known.variables = [:]
            known.functions = [:]
            let inner = check(
              file, &known, &included, reading: names, isOnlyChecked: isOnlyChecked,
              isIncluded: true)
            included[file.name] = Names(variables: known.variables, functions: known.functions)
            known.variables = outer.variables
            known.functions = outer.functions
            guard inner.diagnostics.isEmpty else { return inner }
          }
          diagnostics += known.take(included[file.name] ?? Names(), as: name, at: span)
        } catch {
          diagnostics.append(
            Diagnostic(
              "V118", (error as? ScriptError)?.message ?? "\(error)", span, label: "included here",
              notes: ["the path is relative to the file that includes it"]))
        }
      }
    }
    if diagnostics.isEmpty {
      var resolver = Resolver(source: source, host: host, globals: known)
      resolver.isOnlyChecked = isOnlyChecked
      resolver.check(parsed.statements)
      diagnostics = resolver.diagnostics
      known = resolver.globals
    }
    return CheckResult(
      diagnostics: Array(
        diagnostics.sorted { $0.span.start < $1.span.start }.prefix(Resolver.limit)),
      isIncomplete: parsed.isIncomplete, isEmpty: parsed.statements.isEmpty, words: parsed.words,
      source: source)
  }

  /// An interpreter that knows what this one knows, and speaks to another host.
  public func copy(for host: any ScriptHost) -> Interpreter {
    Interpreter(host: host, pause: { _ in }, globals: globals, included: included)
  }

  /// A condition that was kept as text.
  ///
  /// - Parameters:
  ///   - answer: The name that means an answer in it; `nil` for none.
  ///   - connection: The connection of whose rows it speaks.
  /// - Throws: ``CheckFailure`` when it does not fit the connection.
  public func condition(
    _ text: String, answer: String?, connection: String
  ) throws -> RowCondition {
    let source = SourceText(text, name: "<check>")
    let parsed = Parser.parse(source, commands: Interpreter.index(host.signatures))
    guard parsed.diagnostics.isEmpty else {
      throw CheckFailure(diagnostics: parsed.diagnostics, source: source)
    }
    guard parsed.statements.count == 1, case .expression(let value)? = parsed.statements.first?.kind
    else {
      throw CheckFailure(
        diagnostics: [Diagnostic("V204", "a check is one condition", Span(0, text.utf8.count))],
        source: source)
    }
    var resolver = Resolver(source: source, host: host, globals: globals)
    resolver.open = host.shape(of: connection)
    let part = resolver.condition(value, answer: answer)
    guard resolver.diagnostics.isEmpty,
      case .condition(let node, let text, let slot, let readsRow) = part
    else {
      throw CheckFailure(diagnostics: resolver.diagnostics, source: source)
    }
    var values = globals.values
    if let slot {
      while values.count <= slot { values.append(.nothing) }
    }
    return RowCondition(
      source: text, node: node, readsRow: readsRow, answerSlot: slot,
      variables: Context.Variables(globals: values),
      machine: Machine(
        host: host, functions: globals.definitions, state: Machine.State(), pause: pause))
  }

  /// Checks a source whole, then runs it statement by statement.
  ///
  /// - Parameter onValue: Given the value of each expression of the top level; `nil` shows none.
  /// - Throws: ``CheckFailure`` before anything ran, or before the first statement of a part whose
  ///   database became known on the way; ``ScriptError`` for what stopped it.
  public func run(
    _ source: SourceText, onValue: (@Sendable (Value) async throws -> Void)? = nil
  ) async throws -> RunOutcome {
    let checked = check(source, isOnlyChecked: false)
    guard checked.diagnostics.isEmpty else {
      throw CheckFailure(diagnostics: checked.diagnostics, source: checked.source)
    }
    let parsed = Parser.parse(source, commands: Interpreter.index(host.signatures))
    try await include(parsed.statements.compactMap(\.include), from: source)

    let state = Machine.State()
    var last: Value?
    var names = Resolver(source: source, host: host, globals: globals)
    names.expect(parsed.statements)
    globals = names.globals
    return try await withTaskCancellationHandler {
      for (index, statement) in parsed.statements.enumerated() {
        // The open connection may be another one since the check, so each is resolved when it runs.
        var resolver = Resolver(source: source, host: host, globals: globals)
        let node = resolver.topLevel(statement)
        guard resolver.diagnostics.isEmpty else {
          throw CheckFailure(diagnostics: resolver.diagnostics)
        }
        globals = resolver.globals
        let machine = Machine(
          host: host, functions: globals.definitions, state: state, pause: pause)
        let start = globals.values
        // The list that a loop gives is made only where somebody may look at it.
        var isWanted = index == parsed.statements.count - 1
        if !isWanted, case .expression(let expression) = statement.kind {
          isWanted = expression.isShown
        }
        let ending = await Interpreter.onThread(node, start, machine, isWanted: isWanted)
        globals.values = ending.globals
        if let error = ending.error {
          throw Interruption(error: error, failures: state.failures.withLock { $0 }).flattened
        }
        if case .expression(let expression) = statement.kind {
          last = ending.value
          remember(ending.value, expression)
          if let onValue, expression.isShown { try await onValue(ending.value) }
        }
        if case .command(let command) = statement.kind, command.signature.opensConnection != nil {
          try checkRest(parsed.statements[(index + 1)...], source)
        }
      }
      return RunOutcome(value: last, failures: state.failures.withLock { $0 })
    } onCancel: {
      state.cancel()
    }
  }

  private static let deepestInclude = 32

  /// Runs included files, each once and among its own names, and takes over what they make.
  private func include(
    _ paths: [(path: String, span: Span, name: String?)], from source: SourceText
  ) async throws {
    for (path, span, name) in paths {
      let file = try host.script(at: path, from: source.name)
      if included[file.name] == nil {
        let outer = Names(variables: globals.variables, functions: globals.functions)
        globals.variables = [:]
        globals.functions = [:]
        reading.append(source.name)
        defer { reading.removeLast() }
        do {
          _ = try await run(file)
        } catch {
          globals.variables = outer.variables
          globals.functions = outer.functions
          throw error
        }
        included[file.name] = Names(variables: globals.variables, functions: globals.functions)
        globals.variables = outer.variables
        globals.functions = outer.functions
      }
      let clashes = globals.take(included[file.name] ?? Names(), as: name, at: span)
      guard clashes.isEmpty else { throw CheckFailure(diagnostics: clashes, source: source) }
    }
  }

  /// Checks what is still to run against what is known now.
  private func checkRest(_ statements: ArraySlice<Statement>, _ source: SourceText) throws {
    var resolver = Resolver(source: source, host: host, globals: globals)
    resolver.check(Array(statements))
    guard resolver.diagnostics.isEmpty else {
      throw CheckFailure(diagnostics: resolver.diagnostics.sorted { $0.span.start < $1.span.start })
    }
  }

  /// Keeps the last value as `_`.
  private func remember(_ value: Value, _ expression: Expression) {
    guard expression.isShown, !value.isNothing else { return }
    if let variable = globals.variables["_"] {
      globals.values[variable.slot] = value
    } else {
      globals.variables["_"] = Variable(
        slot: globals.values.count, isGlobal: true, canChange: false, span: Span(0, 0),
        parallelLevel: 0, type: .any)
      globals.values.append(value)
    }
  }

  /// How the evaluation of a statement ended.
  private struct Ending: Sendable {
    var value = Value.nothing
    var error: ScriptError?
    var globals: [Value] = []
  }

  /// Runs a node on a thread of its own, with a stack that deep programs fit into.
  private nonisolated static func onThread(
    _ node: Node, _ values: [Value], _ machine: Machine, isWanted: Bool
  ) async -> Ending {
    await EvaluationThread.run {
      let context = Context(Context.Variables(globals: values), machine: machine)
      var ending = Ending()
      do throws(ScriptError) {
        if isWanted { ending.value = try node.eval(context) } else { try node.run(context) }
        try context.sendStaged()
      } catch {
        ending.error = error
      }
      ending.globals = context.variables.globals
      return ending
    }
  }
}

/// A stop in the middle, with the failures that were counted before it.
public struct Interruption: Error, Sendable {
  /// What stopped the program.
  public let error: ScriptError
  /// Rows that went wrong before.
  public let failures: [RowFailure]

  var flattened: any Error { failures.isEmpty ? error : self }
}

extension Expression {
  /// Whether the prompt shows its value: loops and blocks speak for themselves.
  var isShown: Bool {
    switch kind {
    case .loop, .conditional, .block, .retry: false
    default: true
    }
  }
}

extension Statement {
  /// Whether it only makes names: what an included file may hold.
  fileprivate var isDefinition: Bool {
    switch kind {
    case .function, .include, .declareType: true
    case .declare(_, _, let isVariable, _): !isVariable
    default: false
    }
  }

  /// The path of an `include`, where it stands, and the name it was given.
  fileprivate var include: (path: String, span: Span, name: String?)? {
    if case .include(let path, let span, let name) = kind { (path, span, name) } else { nil }
  }
}

extension Globals {
  /// Takes over what an included file has made, under a name of its own if it was given one.
  ///
  /// - Returns: What is there already.
  fileprivate mutating func take(_ names: Names, as name: String?, at span: Span) -> [Diagnostic] {
    func spelled(_ inner: String) -> String { name.map { "\($0).\(inner)" } ?? inner }
    var clashes: [Diagnostic] = []
    func clash(_ name: String, _ kind: String) {
      clashes.append(
        Diagnostic(
          "V104", "there is a \(kind) called “\(name)” already", span, label: "made again",
          notes: ["give the file a name: include \"…\" as other"]))
    }
    for (inner, variable) in names.variables.sorted(by: { $0.key < $1.key }) where inner != "_" {
      let key = spelled(inner)
      if let other = variables[key], other.slot != variable.slot, !other.isEarlier {
        clash(key, "variable")
      }
      variables[key] = variable
    }
    for (inner, function) in names.functions.sorted(by: { $0.key < $1.key }) {
      let key = spelled(inner)
      if let other = functions[key], other.index != function.index, !other.isEarlier {
        clash(key, "function")
      }
      functions[key] = function
    }
    return clashes
  }
}
