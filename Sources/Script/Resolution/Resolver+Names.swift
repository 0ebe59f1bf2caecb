/// What a name means here, and what was meant by one that means nothing.
extension Resolver {
  mutating func unknownName(_ name: String, _ span: Span, isAssigned: Bool = false) {
    if name == "row" {
      return note(
        "V106", "there is no row here", span, label: "outside of a loop",
        ["go through rows: for row in rows { … }", "the row of a where or a prompt is it"])
    }
    if name == "problem" {
      return note(
        "V100", "“problem” is known only after catch", span, label: "not here",
        ["write: … catch problem.message"])
    }
    var candidates = scopes.flatMap(\.keys)
    if inFunction { candidates += globals.variables.keys }
    var notes: [String] = []
    if let near = NearestWord.nearest(to: name, among: candidates) {
      notes.append("did you mean `\(near)`?")
    } else if !isAssigned,
      let near = NearestWord.nearest(
        to: name,
        among: host.signatures.map(\.name) + ["rows", "print"] + Function.all.map(\.name))
    {
      notes.append("did you mean `\(near)`?")
    }
    if isAssigned {
      notes.append("to make it: let \(name) = …, or var \(name) = … if it changes")
    }
    if let shape = currentShape, shape.index(of: name) != nil {
      notes.append("for the property of a row in a loop write row.\(quotedIfNeeded(name))")
    }
    if let function = Function.byName[name] {
      notes = ["it is a function, and is called with ( ): \(function.signatureText)"]
    } else if let function = globals.functions[name] {
      notes = [
        "it is a function, and is called with ( ): \(name)(\(function.parameters.joined(separator: ", ")))"
      ]
    }
    if let place = ended[name] {
      notes = [
        "it was made inside the { } that begin at line \(source.line(of: place.start)), and is gone after them",
        "make it before: var \(name) = nothing",
      ]
    }
    if isInHole { notes.append("for a plain brace write \\{\(name)}") }
    if notes.isEmpty { notes.append("a text is written in quotes: \"\(name)\"") }
    note("V100", "there is nothing called “\(name)”", span, label: "unknown name", notes)
  }

  func quotedIfNeeded(_ name: String) -> String {
    name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" } ? name : "`\(name)`"
  }

  mutating func unknownProperty(_ name: String, _ span: Span, _ shape: Shape) {
    var notes: [String] = []
    if let near = NearestWord.nearest(to: name, among: shape.names)
      ?? shape.names.first(where: {
        $0.lowercased().hasPrefix(name.lowercased()) && $0.contains(" ")
      })
    {
      let type = shape.fields.first { $0.name == near }?.typeName ?? ""
      notes.append(
        "did you mean `\(near)` (\(type.replacing("_", with: " ")))?"
          + (near.contains(" ") ? " A name with a space stands in backquotes." : ""))
    }
    notes.append("properties: \(shape.names.prefix(20).joined(separator: ", "))")
    note(
      "V101", "there is no property named “\(name)” in \(shape.name)", span,
      label: "unknown property", notes)
  }

  var currentShape: Shape? {
    if case .known(let shape) = open { shape } else { nil }
  }

  mutating func name(_ name: String, _ span: Span) -> Typed {
    let variable = variable(name)
    if let scope = rowScope {
      let index = scope.shape?.index(of: name)
      if let variable, let shape = scope.shape, index != nil, name != scope.answer {
        note(
          "V018", "“\(name)” is both a variable and a property of \(shape.name)", span,
          label: "which one?",
          [
            "the variable was made at line \(source.line(of: variable.span.start))",
            "for the property write it.\(quotedIfNeeded(name)); or rename the variable",
          ])
        return failed(span)
      }
      if variable == nil {
        rowReads += 1
        scopeUse?.names.insert(name)
        if let shape = scope.shape {
          guard let index else {
            if let answer = scope.answer,
              NearestWord.nearest(to: name, among: [answer] + shape.names) == answer
            {
              note(
                "V101", "there is no property named “\(name)” in \(shape.name)", span,
                label: "unknown name", ["did you mean `\(answer)`?"])
              return failed(span)
            }
            unknownProperty(name, span, shape)
            return failed(span)
          }
          return (
            RowFieldNode(name: name, index: index, span), Resolver.type(of: shape.fields[index])
          )
        }
        return (RowFieldNode(name: name, index: nil, span), .any)
      }
    }
    guard let variable else {
      unknownName(name, span)
      return failed(span)
    }
    // At the top level the frame is the program's own.
    let isGlobal = variable.isGlobal && inFunction
    return (VariableNode(slot: variable.slot, isGlobal: isGlobal, span), variable.type)
  }

  /// A field may always be empty, so only what is certain for every value is said.
  static func type(of field: Field) -> StaticType {
    switch field.kind {
    case .text, .option: .text
    case .number: .number
    case .flag: .flag
    case .options, .list: .list
    case .date: .date
    case .any: .any
    }
  }
}
