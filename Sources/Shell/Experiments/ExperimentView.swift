import Store

/// Draws an experiment: variants side by side where they fit, one below the other where they do not.
nonisolated struct ExperimentView {
  /// The narrowest column in which an answer can still be read.
  static let narrowest = 20

  let experiment: ExperimentRecord
  let width: Int
  let style: Style
  /// Whether what differs from the first variant is marked.
  var marksDifferences = false

  /// The whole, cleaned and styled.
  var text: String {
    var blocks: [String] = []
    if experiment.variants.count > 1 { blocks.append(legend) }
    for row in experiment.rows.indices { blocks.append(block(row)) }
    return blocks.joined(separator: "\n\n")
  }

  /// A line for each variant: its letter, engine and prompt.
  var legend: String {
    experiment.variants.enumerated().map { place, variant in
      let version = variant.version.map { " (\(Sanitizer.line($0.words)))" } ?? ""
      let rest =
        "  \(Sanitizer.line(variant.engineLabel))\(version)  “\(Sanitizer.line(variant.prompt))”"
      return style.bold(Experiment.letter(place)) + DisplayWidth.cut(rest, to: max(20, width - 1))
    }.joined(separator: "\n")
  }

  private func block(_ row: Int) -> String {
    let tried = experiment.rows[row]
    let number = tried.number.map { "row \($0) · " } ?? ""
    let head = style.bold(DisplayWidth.cut("\(number)\(Sanitizer.line(tried.title))", to: width))
    let cells = experiment.cells[row]
    let count = experiment.variants.count
    let column = (width - 3 * (count - 1)) / max(1, count)
    let body =
      count == 1 || column < ExperimentView.narrowest ? stacked(cells) : beside(cells, column)
    return head + "\n" + body
  }

  private func answer(_ place: Int, _ cells: [TriedCell?]) -> String {
    guard let cell = cells[place] else { return "not asked" }
    guard marksDifferences, place > 0, cell.errorCode == nil, let first = cells[0],
      first.errorCode == nil
    else { return cell.shown }
    return WordDifference.marked(cell.shown, against: first.shown)
  }

  private func figures(_ place: Int, _ cells: [TriedCell?]) -> String {
    cells[place]?.figures(isPractice: experiment.variants[place].engine == "practice") ?? ""
  }

  private func stacked(_ cells: [TriedCell?]) -> String {
    experiment.variants.indices.map { place in
      let isOnly = experiment.variants.count == 1
      let head = isOnly ? "" : Experiment.letter(place) + "  "
      let lines = TextWrap.lines(answer(place, cells), width: width - head.count)
      let shown = lines.enumerated().map { index, line in
        (index == 0 ? style.bold(head) : String(repeating: " ", count: head.count)) + line
      }
      let foot = TextWrap.lines(figures(place, cells), width: width - head.count).map {
        String(repeating: " ", count: head.count) + style.faint($0)
      }
      return (shown + foot).joined(separator: "\n")
    }.joined(separator: "\n")
  }

  private func beside(_ cells: [TriedCell?], _ column: Int) -> String {
    let answers = experiment.variants.indices.map {
      TextWrap.lines(answer($0, cells), width: column)
    }
    let feet = experiment.variants.indices.map {
      TextWrap.lines(figures($0, cells), width: column)
    }
    let separator = style.faint(" │ ")
    func line(_ parts: [String], _ styled: (String) -> String) -> String {
      var padded = parts.map { styled(DisplayWidth.pad($0, to: column)) }
      // Nothing is behind the last column that it must reach.
      if let last = parts.last { padded[padded.count - 1] = styled(last) }
      return padded.joined(separator: separator)
    }
    var lines = [line(experiment.variants.indices.map(Experiment.letter), style.bold)]
    for index in 0..<(answers.map(\.count).max() ?? 0) {
      lines.append(line(answers.map { $0.indices.contains(index) ? $0[index] : "" }) { $0 })
    }
    for index in 0..<(feet.map(\.count).max() ?? 0) {
      lines.append(line(feet.map { $0.indices.contains(index) ? $0[index] : "" }, style.faint))
    }
    return lines.joined(separator: "\n")
  }
}
