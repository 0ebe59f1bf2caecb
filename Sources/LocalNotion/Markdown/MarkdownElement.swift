import Transport

/// A tag with what is in it.
struct MarkdownElement {
  let tag: MarkdownTag
  /// What stands between the tags on one line; `nil` when there are lines of their own.
  var words: Substring?
  var lines: [Substring] = []
  /// All of it, as it is written.
  var source = ""

  /// Finds the end of an element; `nil` when it is followed by something else and so is none.
  init?(
    _ tag: MarkdownTag, _ behind: Substring, _ all: ArraySlice<Substring>, _ at: inout Int
  ) throws {
    self.tag = tag
    let start = at
    let ending = "</\(tag.name)>"
    defer {
      if at > start {
        source = MarkdownElement.dedented(Array(all[start..<at])).joined(separator: "\n")
      }
    }
    if tag.isEmpty {
      guard behind.isBlank else { return nil }
      at += 1
      return
    }
    if let close = behind.ranges(of: ending).last {
      guard behind[close.upperBound...].isBlank else { return nil }
      words = behind[..<close.lowerBound].trimmed
      at += 1
      return
    }
    var inner: [Substring] = behind.isBlank ? [] : [behind]
    var depth = 1
    var fence: MarkdownBlockReader.Fence?
    for index in (at + 1)..<all.endIndex {
      let line = all[index].trimmed
      if let open = fence {
        if open.isEnded(by: line) { fence = nil }
      } else if let open = MarkdownBlockReader.Fence(line) {
        fence = open
      } else if let (other, rest) = MarkdownTag.read(line), other.name == tag.name {
        if other.isClosing {
          depth -= 1
        } else if !other.isEmpty, rest.firstRange(of: ending) == nil {
          depth += 1
        }
      } else if line.hasSuffix(ending), depth == 1 {
        inner.append(all[index].dropLast(ending.count))
        depth = 0
        lines = MarkdownElement.dedented(inner)
        at = index + 1
        return
      }
      if depth == 0 {
        lines = MarkdownElement.dedented(inner)
        at = index + 1
        return
      }
      inner.append(all[index])
    }
    throw Refusal.validation("<\(tag.name)> has no \(ending).")
  }

  /// Lines without the indent that all of them have.
  static func dedented(_ lines: [Substring]) -> [Substring] {
    let common = lines.filter { !$0.isBlank }.map { $0.indent.count }.min() ?? 0
    return lines.map { $0.dropFirst(min(common, $0.indent.count)) }
  }
}

extension Substring {
  var isBlank: Bool { allSatisfy { $0 == " " || $0 == "\t" } }

  /// The spaces and tabs in front.
  var indent: Substring { prefix { $0 == " " || $0 == "\t" } }

  var trimmed: Substring {
    var text = dropFirst(indent.count)
    while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
    return text
  }

  /// Three or more of one mark, and nothing else.
  var isDivider: Bool {
    guard let first, "-*_".contains(first) else { return false }
    let marks = filter { $0 != " " }
    return marks.count >= 3 && marks.allSatisfy { $0 == first }
  }
}
