import Transport

/// One option out of a list.
enum SelectProperty: PropertyKind {
  static let key = "select"
  static let isWritable = true
  static func scalar(of payload: JSON) -> Scalar { Options.scalar(payload) }
  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    guard let name = try PlainText.text(scalar, schema: schema), !name.isEmpty else { return .null }
    return try Options.payload(name, schema: schema, newOptions: newOptions)
  }
}

/// One option out of a workflow; Notion makes no new ones.
enum StatusProperty: PropertyKind {
  static let key = "status"
  static let isWritable = true
  static func scalar(of payload: JSON) -> Scalar { Options.scalar(payload) }
  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    guard let name = try PlainText.text(scalar, schema: schema), !name.isEmpty else { return .null }
    return try Options.payload(name, schema: schema, newOptions: .deny)
  }
}

/// Any number of options out of a list.
enum MultiSelectProperty: PropertyKind {
  static let key = "multi_select"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    .list((payload.array ?? []).compactMap { $0["name"]?.string.map(Scalar.text) })
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    let items: [Scalar]
    switch scalar {
    case .none: items = []
    case .list(let list): items = list
    case .text(let text):
      // No option has a comma in it, so a text with commas is a list.
      items = text.split(separator: ",").map { .text(String($0)) }
    default: throw PropertyError("\(schema.name) takes a list of options")
    }
    var options: [JSON] = []
    for item in items {
      guard let text = try PlainText.text(item, schema: schema), !text.isEmpty else { continue }
      let option = try Options.payload(text, schema: schema, newOptions: newOptions)
      if !options.contains(option) { options.append(option) }
    }
    return .array(options)
  }
}

/// What the kinds with options share.
enum Options {
  static func scalar(_ payload: JSON) -> Scalar {
    payload["name"]?.string.map(Scalar.text) ?? .none
  }

  /// The payload that names an option.
  ///
  /// One that is there is named by its identity: if somebody removed it meanwhile, Notion refuses it,
  /// where it would make a new one of its name; if somebody renamed it, it is the same.
  static func payload(
    _ text: String, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    let name = try name(text, schema: schema, newOptions: newOptions)
    guard let option = schema.options.first(where: { $0.name == name }), !option.id.isEmpty else {
      return ["name": .string(name)]
    }
    return ["id": .string(option.id)]
  }

  /// The option's name as the schema spells it: exact first, then whatever the case.
  static func name(
    _ text: String, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> String {
    var wanted = String(text.trimmingPrefix { $0.isWhitespace })
    while wanted.last?.isWhitespace == true { wanted.removeLast() }
    if let option = schema.options.first(where: { $0.name == wanted }) { return option.name }
    let folded = wanted.lowercased()
    let alike = schema.options.filter { $0.name.lowercased() == folded }
    if alike.count == 1, let option = alike.first { return option.name }
    let mayAsk = newOptions == .ask && !wanted.contains(",") && wanted.utf16.count <= 100
    guard newOptions == .allow else {
      let names = schema.options.prefix(12).map(\.name).joined(separator: ", ")
      throw PropertyError(
        "“\(wanted.prefix(60))” is no option of \(schema.name)",
        hint: schema.options.isEmpty
          ? "it has no options yet; set new_options allow makes them"
          : "options: \(names)\(schema.options.count > 12 ? ", …" : "")",
        newOption: mayAsk ? wanted : nil)
    }
    guard !wanted.contains(",") else {
      throw PropertyError("Notion allows no comma in an option: “\(wanted.prefix(60))”")
    }
    guard wanted.utf16.count <= 100 else {
      throw PropertyError("an option has at most 100 characters: “\(wanted.prefix(60))…”")
    }
    return wanted
  }
}
