import Foundation

/// Amounts in US dollars, as people read them.
nonisolated enum Money {
  /// “$0.21”, “$0.0034”, “$12.50”: two digits, more for what would round to nothing.
  static func text(_ dollars: Double) -> String {
    guard dollars.isFinite, dollars >= 0 else { return "$?" }
    if dollars == 0 { return "$0" }
    if dollars < 0.0001 { return "under $0.0001" }
    return String(format: dollars < 0.1 ? "$%.4f" : "$%.2f", dollars)
  }

  /// “about $0.21”; what is a bound already stays one.
  static func about(_ dollars: Double) -> String {
    let text = text(dollars)
    return text.hasPrefix("$") ? "about \(text)" : text
  }
}
