/// Calls of functions, the program's own and built in, and their arguments in order.
extension Resolver {
  mutating func call(
    _ name: String, _ nameSpan: Span, _ arguments: [Expression.Argument], _ span: Span
  ) -> Typed {
    // `p.f(x)` of an include that was given the name p.
    if let first = arguments.first, first.name == nil, case .name(let space) = first.value.kind,
      variable(space) == nil, isNamespace(space)
    {
      guard let function = globals.functions["\(space).\(name)"] else {
        let names = globals.functions.keys.filter { $0.hasPrefix("\(space).") }.map {
          String($0.dropFirst(space.count + 1))
        }.sorted()
        note(
          "V102", "there is no function called “\(name)” in \(space)", nameSpan,
          label: "unknown function", NearestWord.notes(for: name, among: names, kind: "functions"))
        return failed(span)
      }
      return call(function, "\(space).\(name)", nameSpan, Array(arguments.dropFirst()), span)
    }
    if let function = globals.functions[name] {
      if function.isAhead, !inFunction {
        note(
          "V102", "“\(name)” is made further down, at line \(source.line(of: function.span.start))",
          nameSpan, label: "not made yet", ["move the function above this line"])
      }
      return call(function, name, nameSpan, arguments, span)
    }
    guard let function = Function.byName[name] else {
      let words = Array(Function.byName.keys) + Array(globals.functions.keys)
      note(
        "V102", "there is no function called “\(name)”", nameSpan, label: "unknown function",
        NearestWord.nearest(to: name, among: words).map { ["did you mean `\($0)`?"] }
          ?? ["functions: help"])
      for argument in arguments { _ = expression(argument.value) }
      return failed(span)
    }
    if function.isVariadic {
      guard !arguments.isEmpty else {
        note("V108", "\(function.signatureText) takes at least one value", nameSpan)
        return failed(span)
      }
      return (
        BuiltinNode(function, arguments.map { expression($0.value).node }, span),
        function.result.type
      )
    }
    let required = function.parameters.prefix { !$0.isOptional }.count
    let nodes = ordered(
      arguments, names: function.parameters.map(\.name), required: required,
      types: function.parameters.map(\.kind.type), name, nameSpan)
    // Trailing parameters that were left out are simply not there; one before a given one is nothing.
    let count = (nodes.lastIndex { $0 != nil } ?? -1) + 1
    let given = nodes.prefix(count).map { $0 ?? ConstantNode(.nothing, span) }
    return (BuiltinNode(function, given, span), function.result.type)
  }

  mutating func call(
    _ function: FunctionName, _ name: String, _ nameSpan: Span, _ arguments: [Expression.Argument],
    _ span: Span
  ) -> Typed {
    if function.meddles { noteMeddling() }
    return (
      CallNode(
        globals.definitions[function.index],
        ordered(
          arguments, names: function.parameters, required: function.required,
          types: function.types, name, nameSpan),
        span), .any
    )
  }

  func isNamespace(_ name: String) -> Bool {
    let start = name + "."
    return globals.functions.keys.contains { $0.hasPrefix(start) }
      || globals.variables.keys.contains { $0.hasPrefix(start) }
  }

  /// Arguments by parameter, named ones at their places.
  mutating func ordered(
    _ arguments: [Expression.Argument], names: [String], required: Int, types: [StaticType],
    _ name: String, _ span: Span
  ) -> [Node?] {
    var nodes = [Node?](repeating: nil, count: names.count)
    var next = 0
    var isMisnamed = false
    func check(_ resolved: Typed, _ index: Int, _ place: Span) {
      guard types.indices.contains(index), let wanted = types[index].kindName,
        let kind = resolved.type.kindName, wanted != kind
      else { return }
      // A list may be given as rows, a date as its text.
      if case .list = types[index], case .query = resolved.type { return }
      if case .date = types[index], case .text = resolved.type { return }
      var notes = ["\(name)(\(names.joined(separator: ", ")))"]
      switch (types[index], resolved.type) {
      case (.text, _): notes.append("to make a text of it write \"{…}\"")
      case (.number, .text): notes.append("to make a number of it write number(…)")
      case (.list, .text): notes.append("the words of a text are a list: words(…)")
      default: break
      }
      note(
        "V203", "\(name) takes \(wanted) as “\(names[index])”, and this is \(kind)", place,
        label: kind, notes)
    }
    for argument in arguments {
      let resolved = expression(argument.value)
      let node = resolved.node
      if let wanted = argument.name {
        guard let index = names.firstIndex(of: wanted) else {
          note(
            "V109", "\(name) has no parameter called “\(wanted)”", argument.value.span,
            NearestWord.notes(for: wanted, among: names, kind: "parameters"))
          isMisnamed = true
          continue
        }
        if nodes[index] != nil {
          note(
            "V109", "“\(wanted)” is given twice", argument.value.span, label: "given again",
            ["\(name)(\(names.joined(separator: ", ")))"])
          isMisnamed = true
        }
        check(resolved, index, argument.value.span)
        nodes[index] = node
      } else if next < names.count {
        check(resolved, next, argument.value.span)
        nodes[next] = node
        next += 1
      } else {
        note(
          "V108",
          "\(name) takes \(names.count) \(names.count == 1 ? "value" : "values"), and this is one more",
          argument.value.span, ["\(name)(\(names.joined(separator: ", ")))"])
      }
    }
    for index in 0..<min(required, names.count) where nodes[index] == nil && !isMisnamed {
      note(
        "V108", "\(name) needs “\(names[index])”", span,
        ["\(name)(\(names.joined(separator: ", ")))"])
    }
    return nodes
  }
}
