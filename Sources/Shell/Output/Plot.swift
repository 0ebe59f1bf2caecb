import Foundation

/// Drawings for reports: SVG that stands in the page and needs nothing else.
nonisolated enum Plot {
  private static let width = 420.0
  private static let height = 180.0
  private static let left = 54.0
  private static let bottom = 30.0
  private static let top = 10.0

  /// How often values fall into equal parts of their range.
  static func histogram(_ values: [Double], title: String, unit: String) -> String {
    guard let least = values.min(), let most = values.max() else { return "" }
    let count = most > least ? min(24, max(4, values.count / 4)) : 1
    let step = most > least ? (most - least) / Double(count) : 1
    var bars = Array(repeating: 0, count: count)
    for value in values { bars[min(count - 1, Int((value - least) / step))] += 1 }
    let highest = Double(bars.max() ?? 1)
    var body = ""
    let room = (width - left - 10) / Double(count)
    for (index, bar) in bars.enumerated() where bar > 0 {
      let tall = Double(bar) / highest * (height - top - bottom)
      body += "<rect x=\"\(number(left + Double(index) * room + 0.5))\" "
      body += "y=\"\(number(height - bottom - tall))\" width=\"\(number(max(1, room - 1)))\" "
      body += "height=\"\(number(tall))\" class=\"bar\"><title>"
      body += "\(number(least + Double(index) * step))–\(number(least + Double(index + 1) * step)) "
      body += "\(HTML.escaped(unit)): \(bar)</title></rect>"
    }
    return frame(
      title, body, x: ("\(number(least))", "\(number(most)) \(unit)"), y: ("0", number(highest)))
  }

  /// A value that grows over time.
  static func line(_ points: [(x: Double, y: Double)], title: String, x: String, y: String)
    -> String
  {
    guard let first = points.first, let last = points.last, points.count > 1 else { return "" }
    let spanX = max(last.x - first.x, 1e-9)
    let highest = max(points.map(\.y).max() ?? 0, 1e-12)
    // A thousand points draw as well as a hundred thousand.
    let stride = max(1, points.count / 500)
    let shown = points.enumerated().filter { $0.offset % stride == 0 }.map(\.element) + [last]
    let path = shown.map { point in
      let px = left + (point.x - first.x) / spanX * (width - left - 10)
      let py = height - bottom - point.y / highest * (height - top - bottom)
      return "\(number(px)),\(number(py))"
    }.joined(separator: " ")
    return frame(
      title, "<polyline points=\"\(path)\" class=\"line\"/>",
      x: ("0", "\(number(spanX)) \(x)"), y: ("0", "\(number(highest)) \(y)"))
  }

  /// Named amounts, the largest first.
  static func bars(_ amounts: [(name: String, count: Int)], title: String) -> String {
    guard let most = amounts.map(\.count).max(), most > 0 else { return "" }
    let shown = amounts.sorted { ($1.count, $0.name) < ($0.count, $1.name) }.prefix(10)
    var body = ""
    let room = min(26, (height - top - 6) / Double(shown.count))
    for (index, amount) in shown.enumerated() {
      let y = top + Double(index) * room
      let long = Double(amount.count) / Double(most) * (width - 190)
      body += "<text x=\"130\" y=\"\(number(y + room * 0.7))\" text-anchor=\"end\">"
      body += "\(HTML.escaped(String(amount.name.prefix(20))))</text>"
      body += "<rect x=\"136\" y=\"\(number(y + 2))\" width=\"\(number(max(1, long)))\" "
      body += "height=\"\(number(room - 5))\" class=\"bad\"/>"
      body += "<text x=\"\(number(142 + long))\" y=\"\(number(y + room * 0.7))\">"
      body += "\(amount.count)</text>"
    }
    return figure(title, body)
  }

  private static func frame(
    _ title: String, _ body: String, x: (String, String), y: (String, String)
  ) -> String {
    let base = height - bottom
    var axes = "<path class=\"axis\" d=\"M\(number(left)) \(number(top))V\(number(base))"
    axes += "H\(number(width - 10))\"/>"
    axes += "<text x=\"\(number(left))\" y=\"\(number(base + 16))\">\(HTML.escaped(x.0))</text>"
    axes += "<text x=\"\(number(width - 10))\" y=\"\(number(base + 16))\" text-anchor=\"end\">"
    axes += "\(HTML.escaped(x.1))</text>"
    axes += "<text x=\"\(number(left - 5))\" y=\"\(number(base))\" text-anchor=\"end\">"
    axes += "\(HTML.escaped(y.0))</text>"
    axes += "<text x=\"\(number(left - 5))\" y=\"\(number(top + 10))\" text-anchor=\"end\">"
    axes += "\(HTML.escaped(y.1))</text>"
    return figure(title, body + axes)
  }

  private static func figure(_ title: String, _ body: String) -> String {
    "<figure><figcaption>\(HTML.escaped(title))</figcaption>"
      + "<svg viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\" "
      + "aria-label=\"\(HTML.escaped(title))\">\(body)</svg></figure>\n"
  }

  /// A number as short as it can be read: three digits that count.
  static func number(_ value: Double) -> String {
    guard value.isFinite else { return "?" }
    if value == value.rounded(), abs(value) < 1e9 { return String(Int(value)) }
    return String(format: abs(value) >= 100 ? "%.0f" : abs(value) >= 1 ? "%.2f" : "%.4g", value)
  }
}

/// Text as HTML.
nonisolated enum HTML {
  /// The text, nothing of which is markup.
  static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for character in text.unicodeScalars {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // Controls have no place in a page; those that turn the direction of writing hide things.
      case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": result += "\u{FFFD}"
      case "\n", "\t": result.unicodeScalars.append(character)
      case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(character)
      }
    }
    return result
  }
}
