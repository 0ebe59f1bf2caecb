import Engines
import Generation
import Notion
import Script
import Store
import Transport

/// Turns whatever went wrong into what a person reads, and into an exit code.
nonisolated struct Report: Sendable {
  let style: Style
  let columns: Int

  /// What is wrong with a program.
  func text(_ diagnostic: Diagnostic, in source: SourceText) -> String {
    text(
      word: "error", code: diagnostic.code, message: diagnostic.message, span: diagnostic.span,
      label: diagnostic.label, notes: diagnostic.notes, source: source)
  }

  /// What stopped a program.
  func text(_ error: any Error, in source: SourceText?) -> String {
    if error is CancellationError { return "Stopped." }
    if let failure = error as? CheckFailure, let source = failure.source ?? source {
      return failure.diagnostics.map { text($0, in: source) }.joined(separator: "\n\n")
    }
    if let interruption = error as? Interruption { return text(interruption.error, in: source) }
    if let error = error as? ScriptError {
      if error.kind == .cancelled { return "Stopped." }
      var notes = error.notes
      if let title = error.rowTitle { notes.insert("row: 「\(title)」", at: 0) }
      return text(
        word: "problem", code: error.code, message: error.message, span: error.span,
        label: error.label, notes: notes, source: source)
    }
    return text(
      word: "problem", code: "V309", message: Report.sentence(error), span: nil, label: "",
      notes: [], source: nil)
  }

  /// One sentence for any error.
  static func sentence(_ error: any Error) -> String {
    switch error {
    case let error as TransportError: error.message
    case let error as NotionError: error.description
    case let error as EngineError: error.message
    case let error as StoreError: error.message
    case let error as GenerationError: error.message
    case let error as PropertyError: error.message
    default: "\(error)"
    }
  }

  /// The exit code for what stopped a program.
  static func exitCode(_ error: any Error) -> Int32 {
    if error is CancellationError { return ExitCode.interrupted }
    if error is CheckFailure { return ExitCode.invalidProgram }
    if let interruption = error as? Interruption { return exitCode(interruption.error) }
    if let error = error as? ScriptError {
      switch error.kind {
      case .problem, .control: return ExitCode.problem
      case .setting: return ExitCode.missingSetting
      case .budget: return ExitCode.budget
      case .cancelled: return ExitCode.interrupted
      }
    }
    if let error = error as? NotionError, error.code == .unauthorized {
      return ExitCode.missingSetting
    }
    return ExitCode.problem
  }

  private func text(
    word: String, code: String, message: String, span: Span?, label: String, notes: [String],
    source: SourceText?
  ) -> String {
    // A name of a thousand letters is shown by its beginning.
    let sentence = message.count <= 600 ? message : message.prefix(600) + "…"
    var lines = [style.red("\(word)[\(code)]") + style.bold(": \(Sanitizer.line(sentence))")]
    if let span, let source { lines += excerpt(span, label, source) }
    let indent =
      span.flatMap { span in
        source.map { String(repeating: " ", count: "\($0.line(of: span.start))".count) }
      } ?? ""
    for note in notes {
      lines.append("\(indent)\(indent.isEmpty ? "  " : " ")= \(Sanitizer.line(note))")
    }
    return lines.joined(separator: "\n")
  }

  /// The place, and the line with the span underlined, aligned by columns of the screen.
  private func excerpt(_ span: Span, _ label: String, _ source: SourceText) -> [String] {
    let number = source.line(of: span.start)
    let all = source.text.split(separator: "\n", omittingEmptySubsequences: false)
    let raw = all.indices.contains(number - 1) ? String(all[number - 1]) : ""
    let lineStart = all.prefix(number - 1).reduce(0) { $0 + $1.utf8.count + 1 }
    let lineBytes = Array(raw.utf8)
    let from = min(max(0, span.start - lineStart), lineBytes.count)
    let to = min(max(from, span.end - lineStart), lineBytes.count)
    let before = Sanitizer.line(String(decoding: lineBytes[..<from], as: UTF8.self))
    let marked = Sanitizer.line(String(decoding: lineBytes[from..<to], as: UTF8.self))
    let after = Sanitizer.line(String(decoding: lineBytes[to...], as: UTF8.self))
    let column = before.count + 1
    let gutter = String(repeating: " ", count: "\(number)".count)

    // A line that is too long is shown around the span.
    let room = max(20, columns - gutter.count - 3)
    var head = before
    if DisplayWidth.of(before) + DisplayWidth.of(marked) > room {
      let keep = max(0, min(DisplayWidth.of(before), room / 3))
      while DisplayWidth.of(head) > keep, !head.isEmpty { head.removeFirst() }
      if head.count < before.count { head = "…" + head }
    }
    let shown = DisplayWidth.cut(head + marked + after, to: room)
    let start = DisplayWidth.of(head)
    let width = max(1, min(DisplayWidth.of(marked), room - start))
    let bar = style.cyan("│")
    return [
      "\(gutter) \(style.cyan("┌")) \(Sanitizer.line(source.name)):\(number):\(column)",
      "\(gutter) \(bar)",
      "\(number) \(bar) \(shown)",
      "\(gutter) \(bar) \(String(repeating: " ", count: start))"
        + style.red(String(repeating: "^", count: width))
        + (label.isEmpty ? "" : " " + style.red(Sanitizer.line(label))),
    ]
  }
}
