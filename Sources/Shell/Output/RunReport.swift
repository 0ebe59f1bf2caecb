import Foundation
import Notion
import Script
import Store
import Transport

/// A run as a file: a page that is readable without a network, a table, or a document.
nonisolated struct RunReport {
  private let run: RunRecord
  private let store: LocalStore
  private let totals: RunTotals
  private let counts: RunCounts
  private let targets: [(key: String, name: String)]

  /// Rows that a page shows; the other forms have all.
  private static let mostRows = 5_000

  init(_ run: RunRecord, in store: LocalStore) throws {
    self.run = run
    self.store = store
    totals = try store.journal.totals(ofRun: run.id)
    counts = try store.journal.counts(ofRun: run.id)
    targets = ((try? JSON(parsing: run.targets))?.array ?? []).map { target in
      let name = target["property"]?["name"]?.string ?? target.string ?? "body"
      return (target["property"]?["id"]?.string ?? "body", name)
    }
  }

  private func each(_ body: (ItemRecord) throws -> Bool) throws {
    var last = -1
    while true {
      let items = try store.journal.items(ofRun: run.id, after: last, limit: 256)
      guard let end = items.last else { return }
      for item in items where try !body(item) { return }
      last = end.position
    }
  }

  // MARK: - Cells

  private struct Cell {
    let name: String
    let old: String
    let new: String
  }

  private func cells(_ item: ItemRecord) -> [Cell] {
    let old = item.old.flatMap { try? JSON(parsing: $0) }
    let new = item.new.flatMap { try? JSON(parsing: $0) }
    let planned = item.before.flatMap { try? JSON(parsing: $0) }
    let value = item.value.flatMap { try? JSON(parsing: $0) }
    return targets.map { key, name in
      if key == "body" {
        let blocks = (new?["body"]?.array ?? []).compactMap { try? Block(nested: $0) }
        let replaced = old?["replaced"]?.array?.count ?? 0
        let text = blocks.isEmpty ? answer(item, value, name) : Markdown.text(from: blocks)
        return Cell(name: name, old: replaced > 0 ? "(\(replaced) blocks)" : "", new: text)
      }
      let before = old?["properties"]?[key] ?? planned?["old"]?[key]
      let after = new?["properties"]?[key]
      return Cell(
        name: name, old: CellPast.text(before).asText ?? "",
        new: after.map { CellPast.text($0).asText ?? "" } ?? answer(item, value, name))
    }
  }

  /// What was answered and not written.
  private func answer(_ item: ItemRecord, _ value: JSON?, _ name: String) -> String {
    if targets.count > 1 { return value?[name].map { $0.string ?? $0.text } ?? "" }
    return value.map { $0.string ?? $0.text } ?? item.answer ?? ""
  }

  // MARK: - A table and a document

  /// A line for each row, with the cells before and after.
  func csv() throws -> String {
    var head = ["Row", "Page", "State"]
    for (_, name) in targets { head += ["\(name) before", "\(name) after"] }
    head += [
      "Attempts", "Tokens in", "Tokens out", "Cost", "Seconds", "Asked", "Written", "By", "Problem",
    ]
    var text = head.map(RunReport.field).joined(separator: ",") + "\n"
    try each { item in
      var fields = [item.title, item.pageID, item.state.rawValue]
      for cell in cells(item) { fields += [cell.old, cell.new] }
      fields += [
        String(item.attempts), String(item.inputTokens), String(item.outputTokens),
        item.attempts == 0 ? "" : item.cost.map { "\($0)" } ?? "unknown",
        String(format: "%.3f", item.seconds), item.askedAt.map(RunNumber.time) ?? "",
        item.writtenAt.map(RunNumber.time) ?? "", item.answeredBy ?? "", item.errorMessage ?? "",
      ]
      text += fields.map(RunReport.field).joined(separator: ",") + "\n"
      return true
    }
    return text
  }

  private static func field(_ text: String) -> String {
    guard text.contains(where: { $0 == "," || $0 == "\"" || $0.isNewline }) else { return text }
    return "\"\(text.replacing("\"", with: "\"\""))\""
  }

  /// The run and all its rows.
  func json() throws -> String {
    var rows: [JSON] = []
    try each { item in
      var cells = JSON.Members()
      for cell in self.cells(item) {
        cells[cell.name] = ["before": .string(cell.old), "after": .string(cell.new)]
      }
      rows.append([
        "row": .string(item.title), "page": .string(item.pageID),
        "state": .string(item.state.rawValue), "cells": .object(cells),
        "attempts": .int(item.attempts), "input_tokens": .int(item.inputTokens),
        "output_tokens": .int(item.outputTokens),
        "cost": item.cost.map(JSON.double) ?? .null, "lost_calls": .int(item.lostCalls),
        "lost_cost_at_most": .double(item.lostCost), "seconds": .double(item.seconds),
        "asked_at": item.askedAt.map { .string(RunNumber.time($0)) } ?? .null,
        "written_at": item.writtenAt.map { .string(RunNumber.time($0)) } ?? .null,
        "by": item.answeredBy.map(JSON.string) ?? .null,
        "problem": item.errorMessage.map(JSON.string) ?? .null,
      ])
      return true
    }
    let states = ItemState.allCases.compactMap { state in
      counts.byState[state].map { (state.rawValue, JSON.int($0)) }
    }
    let document: JSON = [
      "run": .int(Int(run.id)), "began": .string(run.createdAt),
      "ended": run.endedAt.map(JSON.string) ?? .null, "kind": .string(run.kind.rawValue),
      "state": .string(run.state.rawValue), "connection": .string(run.connection),
      "engine": .string(run.engine), "model": .string(run.model), "prompt": .string(run.prompt),
      "prompt_name": run.promptVersion?.name.map(JSON.string) ?? .null,
      "prompt_version": run.promptVersion.map { .int($0.number) } ?? .null,
      "states": .object(JSON.Members(states)), "cost": totals.cost.map(JSON.double) ?? .null,
      "lost_calls": .int(totals.lostCalls), "lost_cost_at_most": .double(totals.lostCost),
      "rows": .array(rows),
    ]
    return document.text + "\n"
  }

  // MARK: - A page

  /// One page with everything in it.
  func html() throws -> String {
    var rows = ""
    var shown = 0
    var seconds: [Double] = []
    var tokens: [Double] = []
    var written: [(x: Double, y: Double)] = []
    var spent: [(at: Double, cost: Double)] = []
    var failures: [String: Int] = [:]
    try each { item in
      if item.seconds > 0 { seconds.append(item.seconds) }
      if item.outputTokens > 0 { tokens.append(Double(item.outputTokens)) }
      if let at = item.writtenAt { written.append((at, 0)) }
      if let at = item.askedAt, let cost = item.cost { spent.append((at, cost)) }
      if let code = item.errorCode, item.state == .failed || item.state == .conflict {
        failures[code, default: 0] += 1
      }
      if shown < RunReport.mostRows {
        rows += row(item)
        shown += 1
      }
      return true
    }
    written.sort { $0.x < $1.x }
    for index in written.indices { written[index].y = Double(index + 1) }
    spent.sort { $0.at < $1.at }
    var sum = 0.0
    let costs = spent.map { entry -> (x: Double, y: Double) in
      sum += entry.cost
      return (entry.at, sum)
    }
    var plots = Plot.histogram(seconds, title: "Seconds for an answer", unit: "s")
    plots += Plot.histogram(tokens, title: "Tokens of an answer", unit: "tokens")
    plots += Plot.line(written, title: "Rows written over time", x: "s", y: "rows")
    if sum > 0 { plots += Plot.line(costs, title: "Dollars over time", x: "s", y: "$") }
    plots += Plot.bars(
      failures.map { ($0.key, $0.value) }, title: "Failed or left alone, by reason")
    return head() + summary() + "<section class=\"plots\">\(plots)</section>\n" + table(rows, shown)
      + "</main></body></html>\n"
  }

  private func head() -> String {
    let title = HTML.escaped("Run \(run.id) · \(run.connection)")
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(title)</title>
      <style>
      :root { color-scheme: light dark; --faint: #8886; --good: #2a7d4f; --bad: #c0392b; --line: #3566b0 }
      body { font: 15px/1.5 system-ui, sans-serif; margin: 0 }
      main { max-width: 1200px; margin: 0 auto; padding: 1.5rem }
      h1 { font-size: 1.5rem; margin: 0 0 .3rem }
      pre { white-space: pre-wrap; border-left: 3px solid var(--faint); padding: .2rem .8rem; margin: .8rem 0 }
      dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .8rem 0 }
      dt { opacity: .65 } dd { margin: 0 }
      .plots { display: flex; flex-wrap: wrap; gap: 1rem }
      figure { margin: 0; flex: 1 1 380px; max-width: 520px }
      figcaption { font-weight: 600; margin: .4rem 0 }
      svg { width: 100%; height: auto; font: 11px system-ui, sans-serif } svg text { fill: currentColor }
      .bar { fill: var(--line) } .bad { fill: var(--bad) }
      .line { fill: none; stroke: var(--line); stroke-width: 2 }
      .axis { fill: none; stroke: currentColor; opacity: .5 }
      .wide { overflow-x: auto; margin-top: 1rem }
      table { border-collapse: collapse; width: 100%; font-size: 13px }
      th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-top: 1px solid var(--faint) }
      th { position: sticky; top: 0; background: Canvas } td.n { text-align: right; white-space: nowrap }
      td.v { white-space: pre-wrap; max-width: 26rem; overflow-wrap: anywhere }
      del { opacity: .6 } .state-written { color: var(--good) }
      .state-failed, .state-conflict { color: var(--bad) }
      </style></head><body><main>
      <h1>\(title)</h1>

      """
  }

  private func summary() -> String {
    let states = ItemState.allCases.compactMap { state in
      counts.byState[state].map { "\($0) \(state.rawValue)" }
    }.joined(separator: ", ")
    var facts: [(String, String)] = [
      ("Rows", "\(counts.total): \(states)"), ("Began", RunNumber.time(run.createdAt) + " UTC"),
    ]
    if let ended = run.endedAt { facts.append(("Ended", RunNumber.time(ended) + " UTC")) }
    facts.append(("State", run.state.rawValue))
    if !run.engine.isEmpty {
      facts.append(("Engine", "\(run.engine)/\(run.model)"))
      facts.append(("Tokens", "\(totals.inputTokens) in, \(totals.outputTokens) out"))
      facts.append(
        (
          "Cost",
          run.engine == "practice" ? "free" : totals.cost.map(Money.text) ?? "unknown"
        ))
    }
    if totals.lostCalls > 0 {
      facts.append(
        (
          "Without an answer",
          "\(totals.lostCalls) calls, which may be billed: at most \(Money.text(totals.lostCost))"
        ))
    }
    let list = facts.map { "<dt>\(HTML.escaped($0.0))</dt><dd>\(HTML.escaped($0.1))</dd>" }
    let version = run.promptVersion.map { "<p>Prompt \(HTML.escaped($0.label))</p>\n" } ?? ""
    let prompt = run.prompt.isEmpty ? "" : "\(version)<pre>\(HTML.escaped(run.prompt))</pre>\n"
    return "\(prompt)<dl>\(list.joined())</dl>\n"
  }

  private func table(_ rows: String, _ shown: Int) -> String {
    let names = targets.map { "<th>\(HTML.escaped($0.name))</th>" }.joined()
    let more =
      counts.total > shown
      ? "<p>The first \(shown) of \(counts.total) rows; a .csv has all of them.</p>" : ""
    return "<div class=\"wide\"><table><thead><tr><th>Row</th><th>State</th>\(names)"
      + "<th>Attempts</th><th>Tokens</th><th>Cost</th><th>Seconds</th></tr></thead>\n"
      + "<tbody>\n\(rows)</tbody></table></div>\(more)\n"
  }

  private func row(_ item: ItemRecord) -> String {
    var text = "<tr><td class=\"v\">\(HTML.escaped(item.title))</td>"
    text += "<td class=\"state-\(item.state.rawValue)\">\(item.state.rawValue)"
    if let problem = item.errorMessage { text += "<br><small>\(HTML.escaped(problem))</small>" }
    text += "</td>"
    for cell in cells(item) {
      let old = cell.old.isEmpty ? "" : "<del>\(HTML.escaped(cell.old))</del> → "
      text += "<td class=\"v\">\(old)\(HTML.escaped(cell.new))</td>"
    }
    let cost = item.attempts == 0 ? "" : item.cost.map(Money.text) ?? "?"
    text += "<td class=\"n\">\(item.attempts)</td>"
    text += "<td class=\"n\">\(item.inputTokens + item.outputTokens)</td>"
    text += "<td class=\"n\">\(cost)</td>"
    text += "<td class=\"n\">\(item.seconds == 0 ? "" : Plot.number(item.seconds))</td></tr>\n"
    return text
  }
}
