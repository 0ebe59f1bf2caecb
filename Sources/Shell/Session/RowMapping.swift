import Notion
import Script
import Transport

/// Between Notion's pages and the language's rows.
nonisolated enum RowMapping {
  /// The fields a data source's rows have, in the schema's order, the title first.
  static func shape(of source: DataSource, called name: String) -> Shape {
    let fields = ordered(source.properties).map { property in
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
    }
  }

  /// The narrow form in which values cross to Notion.
  static func scalar(of value: Value) -> Scalar {
    if let text = value.asText { return .text(text) }
    if let number = value.asNumber { return .number(number) }
    if let flag = value.asFlag { return .flag(flag) }
    if let date = value.asDate { return .date(start: date.start, end: date.end, zone: date.zone) }
    if let list = value.asList { return .list(list.map(scalar(of:))) }
    if let row = value.asRow { return .text(row.id) }
    return .none
  }
}
