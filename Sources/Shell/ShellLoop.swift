import CEditor
@preconcurrency import Dispatch
import Foundation
import Script
import Store
import Synchronization
import Transport

/// Reads, runs, reports, again: at the prompt, from a pipe, from a file.
public final class ShellLoop {
  private let session: Session
  private let console: any Console

  private init(_ session: Session) {
    self.session = session
    console = session.console
  }

  /// Carries an invocation out.
  ///
  /// - Parameters:
  ///   - home: The folder of all files.
  ///   - surroundings: Gives the places and services; asked when the first prompt stands there.
  /// - Returns: The program's exit code.
  public static func run(
    _ invocation: Invocation, home: String, in surroundings: () -> Surroundings
  ) async -> Int32 {
    if case .statements(let text) = invocation.work, text.allSatisfy(\.isWhitespace) {
      return ExitCode.success
    }
    let console = StandardConsole(
      color: invocation.options.color, isQuiet: invocation.options.isQuiet)
    func opened() throws -> Session {
      try Session(surroundings: surroundings(), options: invocation.options, console: console)
    }
    if invocation.work == .standardInput, isatty(STDIN_FILENO) == 1 {
      return await PromptLoop(console).run(home: home, opening: opened)
    }
    let session: Session
    do {
      session = try opened()
    } catch {
      console.problem(Sanitizer.text("visen: \(Report.sentence(error))"))
      return ExitCode.problem
    }
    let loop = ShellLoop(session)
    return loop.ended(await loop.run(invocation.work))
  }

  private func run(_ work: Invocation.Work) async -> Int32 {
    switch work {
    case .statements(let text):
      return await script(SourceText(text, name: "<command>"), shows: true)
    case .script(let path, let arguments):
      guard let text = read(path) else { return ExitCode.invalidProgram }
      return await script(SourceText(text, name: path), arguments: arguments)
    case .check(let paths, let asJSON): return await check(paths, asJSON: asJSON)
    case .format(let paths, let isOnlyChecked):
      return await format(paths, isOnlyChecked: isOnlyChecked)
    case .standardInput:
      guard let text = readInput() else { return ExitCode.invalidProgram }
      return await script(SourceText(text, name: "<input>"), shows: true)
    }
  }

  /// The exit code when results were lost on their way: that is a problem, whatever else went well.
  private func ended(_ code: Int32) -> Int32 {
    guard let failure = console.outputFailure else { return code }
    if failure.isClosedPipe { return ExitCode.closedPipe }
    // A problem that ended a script has told of it already.
    guard code == ExitCode.success || code == ExitCode.failedRows else { return code }
    console.problem(Sanitizer.text("visen: \(failure.error.message)"))
    return ExitCode.problem
  }

  // MARK: - Scripts

  private func readInput() -> String? {
    // Reading fails where standard input is closed, or a folder.
    guard let data = try? FileHandle.standardInput.readToEnd() ?? Data() else {
      console.problem("visen: standard input cannot be read")
      return nil
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      console.problem("visen: standard input is not UTF-8 text")
      return nil
    }
    return text
  }

  private func read(_ path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: path) else {
      console.problem(
        Sanitizer.text(
          "visen: “\(path)” cannot be read; is it there? To run statements: visen -c 'STATEMENTS'"))
      return nil
    }
    guard let text = String(validating: data, as: UTF8.self) else {
      console.problem(Sanitizer.text("visen: “\(path)” is not UTF-8 text"))
      return nil
    }
    return text
  }

  /// Runs a script file with the options of the command line for its parameters.
  private func script(_ source: SourceText, arguments: [String]) async -> Int32 {
    let declared = Interpreter.parameters(of: source, signatures: CommandCatalog.signatures)
    if arguments.contains("--help") || arguments.contains("-h") {
      console.result(ScriptHelp.text(source, declared))
      return ExitCode.success
    }
    var values: [String: Value] = [:]
    for argument in arguments {
      let sides = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = sides[0].hasPrefix("--") ? String(sides[0].dropFirst(2)) : ""
      guard declared.contains(where: { $0.name == name }) else {
        var message = "visen: \(source.name) has no option “\(sides[0])”."
        if let near = NearestWord.nearest(to: name, among: declared.map(\.name)) {
          message += " Did you mean --\(near)?"
        }
        console.problem(Sanitizer.text(message + " Its options: visen \(source.name) --help"))
        return ExitCode.invalidProgram
      }
      values[name] = .text(sides.count > 1 ? String(sides[1]) : "")
    }
    await session.interpreter.setArguments(values)
    return await script(source, shows: false)
  }

  private func script(_ source: SourceText, shows: Bool) async -> Int32 {
    let work = Task { await session.run(source, shows: shows) }
    let watch = InterruptWatch { work.cancel() }
    let code = await work.value
    watch.end()
    return code
  }

  private func check(_ paths: [String], asJSON: Bool) async -> Int32 {
    let report = Report(style: console.messageStyle, columns: console.columns)
    var code = ExitCode.success
    var found: [JSON] = []
    for path in paths.flatMap(ShellLoop.scripts) {
      guard let text = read(path) else {
        code = ExitCode.invalidProgram
        continue
      }
      let source = SourceText(text, name: path)
      let result = await Interpreter(host: session.bridge).check(source)
      for diagnostic in result.diagnostics {
        code = ExitCode.invalidProgram
        if asJSON {
          found.append(ShellLoop.json(diagnostic, in: result.source))
        } else {
          console.problem(report.text(diagnostic, in: result.source))
        }
      }
    }
    if asJSON { console.data(JSON.array(found).text + "\n") }
    return code
  }

  /// A file itself, or the scripts of a folder in the order of their names.
  private static func scripts(at path: String) -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
    else { return [path] }
    let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".visen") }.sorted().map { "\(path)/\($0)" }
  }

  /// A diagnostic with its place: lines and columns from 1, in characters; bytes from 0.
  private static func json(_ diagnostic: Diagnostic, in source: SourceText) -> JSON {
    func place(_ offset: Int) -> JSON {
      [
        "line": .int(source.line(of: offset)), "column": .int(source.column(of: offset)),
        "byte": .int(offset),
      ]
    }
    return [
      "file": .string(source.name), "severity": "error", "code": .string(diagnostic.code),
      "message": .string(diagnostic.message), "label": .string(diagnostic.label),
      "start": place(diagnostic.span.start), "end": place(diagnostic.span.end),
      "notes": .array(diagnostic.notes.map(JSON.string)),
    ]
  }

  /// Gives files their one layout; a file that is no program is reported and left as it is.
  private func format(_ paths: [String], isOnlyChecked: Bool) async -> Int32 {
    var code = ExitCode.success
    for path in paths {
      let isInput = path == "-"
      guard let text = isInput ? readInput() : read(path) else {
        code = ExitCode.invalidProgram
        continue
      }
      let source = SourceText(text, name: isInput ? "<input>" : path)
      guard let formatted = Script.Formatter.format(source, signatures: CommandCatalog.signatures)
      else {
        let report = Report(style: console.messageStyle, columns: console.columns)
        let result = Interpreter.parse(source, signatures: CommandCatalog.signatures)
        for diagnostic in result.diagnostics {
          console.problem(report.text(diagnostic, in: source))
        }
        code = ExitCode.invalidProgram
        continue
      }
      if isInput, !isOnlyChecked {
        console.data(formatted)
        continue
      }
      guard formatted != text else { continue }
      console.message(Sanitizer.text(isOnlyChecked ? "\(path) has another layout" : path))
      if isOnlyChecked {
        code = max(code, ExitCode.problem)
        continue
      }
      do {
        // Whole or not at all, and with the rights the file had.
        let rights = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions]
        try formatted.write(toFile: path, atomically: true, encoding: .utf8)
        if let rights {
          try FileManager.default.setAttributes([.posixPermissions: rights], ofItemAtPath: path)
        }
      } catch {
        console.problem(Sanitizer.text("visen: “\(path)” could not be written; is it yours?"))
        code = ExitCode.problem
      }
    }
    return code
  }
}

/// Turns Ctrl-C, and the word of a service manager to end, into a stop of what runs, while it runs.
///
/// One source of each signal serves the whole process: a second one, made where a first was
/// cancelled, is never told of a signal. While nothing runs, Ctrl-C is ignored, and the other ends
/// the program.
nonisolated final class InterruptWatch: Sendable {
  private static let stop = Mutex<(@Sendable () -> Void)?>(nil)
  private static let sources = [SIGINT, SIGTERM].map { number -> any DispatchSourceSignal in
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      // What another program has on the terminal is that one's to stop.
      if number == SIGINT, TerminalLoan.isOpen { return }
      if let stop = stop.withLock({ $0 }) {
        stop()
      } else if number == SIGTERM {
        editor_give_terminal_back()
        exit(ExitCode.interrupted)
      }
    }
    source.resume()
    return source
  }

  init(_ stop: @escaping @Sendable () -> Void) {
    InterruptWatch.stop.withLock { $0 = stop }
    _ = InterruptWatch.sources
  }

  func end() { InterruptWatch.stop.withLock { $0 = nil } }
}

/// The help of a script, made from its comment and its parameters.
private enum ScriptHelp {
  static func text(_ source: SourceText, _ parameters: [ScriptParameter]) -> String {
    var lines: [String] = []
    let comment = source.text.split(separator: "\n", omittingEmptySubsequences: false)
      .drop { $0.hasPrefix("#!") }.prefix { $0.hasPrefix("#") }
      .map { String($0.dropFirst().drop { $0 == " " }) }
    if !comment.isEmpty { lines += comment + [""] }
    lines.append(
      "usage: visen \(source.name)" + (parameters.isEmpty ? "" : " [--NAME=VALUE …]"))
    if !parameters.isEmpty { lines.append("") }
    for parameter in parameters {
      let value = parameter.defaultValue.map { "; \($0) when left out" } ?? "; must be given"
      lines.append("  --\(parameter.name)  \(parameter.type)\(value)")
      if !parameter.summary.isEmpty { lines.append("      \(parameter.summary)") }
    }
    return lines.joined(separator: "\n")
  }
}
