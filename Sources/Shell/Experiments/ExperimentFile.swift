import Script
import Store
import Transport

/// An experiment as a file: HTML, Markdown, CSV or JSON.
nonisolated struct ExperimentFile {
  let experiment: ExperimentRecord
  /// The winners by rater, then by row.
  let ratings: [String: [Int: [Int]]]

  /// The forms it can be written in, by the file's ending.
  enum Format: String, CaseIterable {
    case html, md, csv, json
  }

  func text(as format: Format) -> String {
    switch format {
    case .html: html
    case .md: markdown
    case .csv: csv
    case .json: json.text + "\n"
    }
  }

  private var title: String {
    "Experiment \(experiment.id) · \(experiment.connection)"
  }

  private func name(_ variant: Int) -> String {
    let record = experiment.variants[variant]
    let version = record.version.map { ", \($0.words)" } ?? ""
    return "\(Experiment.letter(variant)) · \(record.engineLabel)\(version)"
  }

  private func figures(_ cell: TriedCell, _ variant: Int) -> String {
    cell.figures(isPractice: experiment.variants[variant].engine == "practice")
  }

  private func ratings(of rater: String) -> Ratings {
    Ratings(experiment: experiment, winners: ratings[rater] ?? [:])
  }

  // MARK: - HTML

  /// One page that needs nothing else; whatever was tried or answered stands in it as text only.
  private var html: String {
    let escaped = ExperimentFile.escaped
    var page = """
      <!DOCTYPE html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
      <title>\(escaped(title))</title>
      <style>
      body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 90rem; padding: 0 1rem; color: #222; background: #fff }
      table { border-collapse: collapse; width: 100%; margin: 1rem 0 }
      th, td { border: 1px solid #ccc; padding: .5rem; text-align: left; vertical-align: top }
      th { background: #f4f4f4 } td pre { white-space: pre-wrap; font: inherit; margin: 0 }
      small { color: #666 } .bad { color: #a00 } .best { background: #eef7ee }
      @media (prefers-color-scheme: dark) {
        body { background: #1b1b1b; color: #ddd } th { background: #2a2a2a } th, td { border-color: #444 }
        small { color: #999 } .bad { color: #f77 } .best { background: #1e2d1e }
      }
      </style></head><body>
      <h1>\(escaped(title))</h1>
      <p><small>\(escaped(experiment.createdAt)) · \(experiment.rows.count) rows × \(experiment.variants.count) variants</small></p>
      <table><tr><th>Variant</th><th>Prompt</th></tr>

      """
    for (place, variant) in experiment.variants.enumerated() {
      page +=
        "<tr><td>\(escaped(name(place)))</td><td><pre>\(escaped(variant.prompt))</pre></td></tr>\n"
    }
    page += "</table>\n<table><tr><th>Row</th>"
    for place in experiment.variants.indices { page += "<th>\(escaped(name(place)))</th>" }
    page += "</tr>\n"
    for (row, tried) in experiment.rows.enumerated() {
      page += "<tr><th>\(escaped(tried.title))</th>"
      for place in experiment.variants.indices {
        let isBest = ratings[ExperimentTable.person]?[row]?.contains(place) == true
        page += "<td\(isBest ? " class=\"best\"" : "")>"
        if let cell = experiment.cells[row][place] {
          page +=
            "<pre\(cell.errorCode == nil ? "" : " class=\"bad\"")>\(escaped(cell.shown))</pre>"
          page += "<small>\(escaped(figures(cell, place)))\(isBest ? " · best" : "")</small>"
        } else {
          page += "<small>not asked</small>"
        }
        page += "</td>"
      }
      page += "</tr>\n"
    }
    page += "</table>\n"
    for rater in ratings.keys.sorted() {
      let result = ratings(of: rater)
      page += "<h2>Rated by \(escaped(rater))</h2>\n<table>"
      for (index, record) in result.records.compactMap(\.asRecord).enumerated() {
        if index == 0 {
          page +=
            "<tr>" + record.fields.map { "<th>\(escaped($0.name))</th>" }.joined() + "</tr>\n"
        }
        page +=
          "<tr>" + record.fields.map { "<td>\(escaped($0.value.display))</td>" }.joined()
          + "</tr>\n"
      }
      page += "</table>\n<p>\(escaped(result.verdicts.joined(separator: " ")))</p>\n"
    }
    return page + "</body></html>\n"
  }

  /// A text as HTML shows it.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\n", "\t": result.unicodeScalars.append(scalar)
      case let control where control.value < 0x20 || (0x7F..<0xA0).contains(control.value):
        result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  // MARK: - Markdown, CSV, JSON

  private var markdown: String {
    func cell(_ text: String) -> String {
      text.replacing("\\", with: "\\\\").replacing("|", with: "\\|").replacing("\r", with: "")
        .replacing("\n", with: "<br>")
    }
    var text = "# \(title)\n\n\(experiment.createdAt)\n\n"
    for (place, variant) in experiment.variants.enumerated() {
      text += "- **\(name(place))**: \(variant.prompt.replacing("\n", with: " "))\n"
    }
    text += "\n| Row |"
    for place in experiment.variants.indices { text += " \(cell(name(place))) |" }
    text += "\n| --- |" + String(repeating: " --- |", count: experiment.variants.count) + "\n"
    for (row, tried) in experiment.rows.enumerated() {
      text += "| \(cell(tried.title)) |"
      for place in experiment.variants.indices {
        text += " \(experiment.cells[row][place].map { cell($0.shown) } ?? "not asked") |"
      }
      text += "\n"
    }
    for rater in ratings.keys.sorted() {
      text += "\nRated by \(rater): \(ratings(of: rater).verdicts.joined(separator: " "))\n"
    }
    return text
  }

  private var csv: String {
    func line(_ fields: [String]) -> String {
      fields.map { field in
        field.contains { ",\"\n\r".contains($0) }
          ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
      }.joined(separator: ",") + "\n"
    }
    var text = line([
      "experiment", "row", "page", "variant", "engine", "model", "prompt", "prompt_name",
      "prompt_version", "answer", "problem", "failed_checks", "seconds", "input_tokens",
      "output_tokens", "cost",
      "best",
    ])
    for (row, tried) in experiment.rows.enumerated() {
      for (place, variant) in experiment.variants.enumerated() {
        guard let cell = experiment.cells[row][place] else { continue }
        let best = ratings[ExperimentTable.person]?[row].map { $0.contains(place) }
        text += line([
          "\(experiment.id)", tried.title, tried.pageID, Experiment.letter(place), variant.engine,
          variant.model, variant.prompt, variant.version?.name ?? "",
          variant.version.map { "\($0.number)" } ?? "",
          cell.errorCode == nil ? cell.shown : "", cell.errorMessage ?? "",
          cell.failedChecks.joined(separator: "; "), JSON.number(cell.seconds).text,
          "\(cell.inputTokens)", "\(cell.outputTokens)",
          cell.cost.map { JSON.number($0).text } ?? "", best.map { $0 ? "yes" : "no" } ?? "",
        ])
      }
    }
    return text
  }

  private var json: JSON {
    let variants = experiment.variants.enumerated().map { place, variant -> JSON in
      [
        "variant": .string(Experiment.letter(place)), "engine": .string(variant.engine),
        "model": .string(variant.model), "prompt": .string(variant.prompt),
        "prompt_name": variant.version?.name.map(JSON.string) ?? .null,
        "prompt_version": variant.version.map { .int($0.number) } ?? .null,
      ]
    }
    let rows = experiment.rows.enumerated().map { row, tried -> JSON in
      let cells = experiment.variants.indices.compactMap { place -> JSON? in
        guard let cell = experiment.cells[row][place] else { return nil }
        return [
          "variant": .string(Experiment.letter(place)),
          "answer": cell.answer.map(JSON.string) ?? .null,
          "value": cell.value.flatMap { try? JSON(parsing: $0) } ?? .null,
          "problem": cell.errorMessage.map(JSON.string) ?? .null,
          "failed_checks": .array(cell.failedChecks.map(JSON.string)),
          "seconds": .number(cell.seconds), "input_tokens": .int(cell.inputTokens),
          "output_tokens": .int(cell.outputTokens), "cost": cell.cost.map(JSON.number) ?? .null,
        ]
      }
      return [
        "title": .string(tried.title), "page": .string(tried.pageID), "cells": .array(cells),
      ]
    }
    let rated = ratings.sorted { $0.key < $1.key }.map { rater, winners -> JSON in
      let rows = winners.sorted { $0.key < $1.key }.map { row, best -> JSON in
        ["row": .int(row), "best": .array(best.map { .string(Experiment.letter($0)) })]
      }
      return [
        "by": .string(rater), "rows": .array(rows),
        "verdict": .array(ratings(of: rater).verdicts.map(JSON.string)),
      ]
    }
    return [
      "experiment": .int(Int(experiment.id)), "made": .string(experiment.createdAt),
      "connection": .string(experiment.connection), "variants": .array(variants),
      "rows": .array(rows), "ratings": .array(rated),
    ]
  }
}
