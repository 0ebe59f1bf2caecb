import Notion
import Script
import Transport

/// Between Notion's pages and the language's rows.
nonisolated enum RowMapping {
  /// The fields a data source's rows have, in the schema's order, the title first.
  static func shape(of source: DataSource, called name: String) -> Shape {
    shape(of: source.properties, called: name)
  }

  /// The fields of rows with these properties.
  static func shape(of properties: [PropertySchema], called name: String) -> Shape {
    let fields = ordered(properties).map { property in
      Field(
        name: property.name, kind: kind(of: property.type),
        isWritable: PropertyKinds.isWritable(property.type),
        options: property.options.map(\.name), typeName: property.type)
    }
    return Shape(name: name, fields: fields)
  }

  /// The title first, then by name.
  ///
  /// The service's own order is that of an opaque identity; the order on Notion's screen is not told.
  static func ordered(_ properties: [PropertySchema]) -> [PropertySchema] {
    properties.filter { $0.type == "title" }
      + properties.filter { $0.type != "title" }.sorted { $0.name < $1.name }
  }

  /// A page as a row; a property the schema knows and the page lacks reads as `nothing`.
  static func row(_ page: Page, shape: Shape, number: Int? = nil) -> Row {
    let byName = Dictionary(
      page.properties.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
    let values = shape.fields.map { field in
      byName[field.name].map { value(of: PropertyKinds.scalar(of: $0), kind: field.kind) }
        ?? (isList(field.kind) ? .list([]) : .nothing)
    }
    return Row(
      id: page.id.description, number: number, title: page.title, shape: shape, values: values,
      origin: page)
  }

  /// The page a row was read from.
  static func page(of row: Row) -> Page? { row.origin as? Page }

  /// What a property's payload must be for a value.
  ///
  /// - Throws: ``PropertyError`` when the property cannot hold it.
  static func payload(
    for value: Value, schema: PropertySchema, newOptions: NewOptions
  ) throws -> JSON {
    try PropertyKinds.payload(for: scalar(of: value), schema: schema, newOptions: newOptions)
  }

  private static func kind(of type: String) -> Field.Kind {
    switch type {
    case "title", "rich_text", "url", "email", "phone_number", "unique_id": .text
    case "number": .number
    case "checkbox": .flag
    case "select", "status": .option
    case "multi_select": .options
    case "date", "created_time", "last_edited_time": .date
    case "people", "files": .list
    case "relation": .list
    default: .any
    }
  }

  private static func isList(_ kind: Field.Kind) -> Bool {
    switch kind {
    case .options, .list: true
    default: false
    }
  }

  private static func value(of scalar: Scalar, kind: Field.Kind) -> Value {
    switch scalar {
    case .none: isList(kind) ? .list([]) : .nothing
    case .text(let text): .text(text)
    case .number(let number): .number(number)
    case .flag(let flag): .flag(flag)
    case .date(let start, let end, let zone):
      .date(DateValue(start: start, end: end, zone: zone))
    case .list(let items): .list(items.map { value(of: $0, kind: .any) })
    case .named(let named): .row(row(of: named))
    }
  }

  /// A person, file, place or related row, as the language has them.
  private static func row(of named: Named) -> Row {
    let title = named.name.isEmpty ? named.id : named.name
    guard named.kind != .page else {
      return Row(
        id: named.id, title: title, shape: relatedShape, values: [.text(title)],
        origin: RowReference())
    }
    let fields = [
      Field(name: "name", kind: .text, isWritable: false, typeName: named.kind.rawValue)
    ]
    let more = named.details.map {
      Field(name: $0.name, kind: .any, isWritable: false, typeName: named.kind.rawValue)
    }
    return Row(
      id: named.id, title: title,
      shape: Shape(name: "a \(named.kind.rawValue)", fields: fields + more),
      values: [.text(title)] + named.details.map { value(of: $0.value, kind: .any) },
      origin: named)
  }

  /// What is known of a related row before it is read.
  private static let relatedShape = Shape(
    name: "the related database",
    fields: [Field(name: "title", kind: .text, isWritable: false, typeName: "title")])

  /// A text property with its formatting, as Markdown; `nil` when the row's text is another by now.
  static func rich(_ field: String, of row: Row) -> String? {
    guard let value = page(of: row)?.property(named: field)?.value,
      ["title", "rich_text"].contains(value.type),
      row.value(of: field)?.asText == value.scalar.text
    else { return nil }
    return Markdown.text(fromItems: value.payload)
  }

  /// The narrow form in which values cross to Notion.
  static func scalar(of value: Value) -> Scalar {
    if let text = value.asText { return .text(text) }
    if let number = value.asNumber { return .number(number) }
    if let flag = value.asFlag { return .flag(flag) }
    if let date = value.asDate { return .date(start: date.start, end: date.end, zone: date.zone) }
    if let list = value.asList { return .list(list.map(scalar(of:))) }
    if let row = value.asRow {
      if let named = row.origin as? Named { return .named(named) }
      return .named(
        Named(kind: .page, id: row.id, name: row.title, payload: ["id": .string(row.id)]))
    }
    return .none
  }
}
