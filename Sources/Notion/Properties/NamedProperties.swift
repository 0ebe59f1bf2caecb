import Transport

/// People and groups.
enum PeopleProperty: PropertyKind {
  static let key = "people"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    .list((payload.array ?? []).map(person))
  }

  /// A user object, or a group.
  static func person(_ json: JSON) -> Scalar {
    let id = json["id"]?.string ?? ""
    let email = json["person"]?["email"]?.string
    return .named(
      Named(
        kind: .person, id: id, name: json["name"]?.string ?? "",
        details: [.init("email", email.map(Scalar.text) ?? .none)], payload: ["id": .string(id)]))
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    try References.payload(scalar, schema: schema, kind: .person, word: "a person")
  }
}

/// Rows of another data source, or of the same.
enum RelationProperty: PropertyKind {
  static let key = "relation"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    .list(
      (payload.array ?? []).map { item in
        let id = item["id"]?.string ?? ""
        return .named(
          Named(
            kind: .page, id: id, name: item["title"]?.string ?? "", payload: ["id": .string(id)]))
      })
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    try References.payload(scalar, schema: schema, kind: .page, word: "a row")
  }
}

/// Files, each behind an address or kept by Notion.
enum FilesProperty: PropertyKind {
  static let key = "files"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    .list((payload.array ?? []).map(file))
  }

  private static func file(_ json: JSON) -> Scalar {
    let url = json["external"]?["url"]?.string ?? json["file"]?["url"]?.string ?? ""
    // Notion signs the addresses of its own files anew at each reading.
    let id = json["file"] == nil ? url : String(url.prefix { $0 != "?" })
    return .named(
      Named(
        kind: .file, id: id, name: json["name"]?.string ?? "",
        details: [.init("url", .text(url))], payload: writable(json)))
  }

  /// A file as read, as Notion takes it back; one of its own is echoed and stays where it is.
  static func writable(_ json: JSON) -> JSON {
    var members = JSON.Members()
    for name in ["name", "type", "external", "file", "file_upload"] {
      if let value = json[name] { members[name] = value }
    }
    return .object(members)
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    var files: [JSON] = []
    for item in References.items(scalar) {
      switch item {
      case .named(let named) where named.kind == .file: files.append(named.payload)
      case .text(let text):
        let address = text.trimmed
        guard let url = InlineStyle.address(address), !url.hasPrefix("mailto:") else {
          throw PropertyError(
            "\(schema.name) takes files, and “\(text.prefix(60))” is no address of one",
            hint: "write the address it has on the web: \"https://…\"")
        }
        files.append(["name": .string(name(of: url)), "external": ["url": .string(url)]])
      default:
        throw PropertyError("\(schema.name) takes files: addresses, or files as they were read")
      }
    }
    return .array(try References.limited(files, schema))
  }

  /// The last part of an address, as a name of at most 100 characters.
  private static func name(of url: String) -> String {
    let path = url.prefix { $0 != "?" && $0 != "#" }
    let last = path.split(separator: "/").last.map(String.init) ?? url
    return String(last.replacing("%20", with: " ").prefix(100))
  }
}

/// A place on the map.
enum PlaceProperty: PropertyKind {
  static let key = "place"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    guard let lat = payload["lat"]?.double, let lon = payload["lon"]?.double else { return .none }
    let address = payload["address"]?.string
    return .named(
      Named(
        kind: .place, id: "\(lat),\(lon)",
        name: payload["name"]?.string ?? address ?? "\(lat), \(lon)",
        details: [
          .init("address", address.map(Scalar.text) ?? .none), .init("lat", .number(lat)),
          .init("lon", .number(lon)),
        ], payload: payload))
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    switch scalar {
    case .none: return .null
    case .named(let named) where named.kind == .place: return named.payload
    case .text(let text):
      let parts = text.split(separator: ",").map { Double(String($0).trimmed) }
      guard parts.count == 2, let lat = parts[0], let lon = parts[1], abs(lat) <= 90,
        abs(lon) <= 180
      else { fallthrough }
      return ["lat": .number(lat), "lon": .number(lon)]
    default:
      throw PropertyError(
        "\(schema.name) takes a place", hint: "write latitude and longitude: \"35.68, 139.69\"")
    }
  }
}

/// Whether somebody vouches for a wiki page.
enum VerificationProperty: PropertyKind {
  static let key = "verification"
  static let isWritable = true

  static func scalar(of payload: JSON) -> Scalar {
    guard let state = payload["state"]?.string else { return .none }
    let by = payload["verified_by"] ?? .null
    return .named(
      Named(
        kind: .verification, id: state, name: state,
        details: [
          .init("date", DateProperty.scalar(of: payload["date"] ?? .null)),
          .init("by", by.isNull ? .none : PeopleProperty.person(by)),
        ], payload: writable(payload)))
  }

  /// What Notion takes: that it is verified, until when; or that it is not.
  static func writable(_ payload: JSON) -> JSON {
    guard payload["state"]?.string == "verified" else { return ["state": "unverified"] }
    var members: JSON.Members = ["state": "verified"]
    if let date = payload["date"], !date.isNull { members["date"] = date }
    return .object(members)
  }

  static func payload(
    for scalar: Scalar, schema: PropertySchema, newOptions: NewOptions
  ) throws(PropertyError) -> JSON {
    switch scalar {
    case .none: return ["state": "unverified"]
    case .named(let named) where named.kind == .verification: return named.payload
    case .text(let text) where text == "verified" || text == "unverified":
      return ["state": .string(text)]
    default:
      throw PropertyError("\(schema.name) takes \"verified\" or \"unverified\"")
    }
  }
}

extension StringProtocol {
  /// The text without white space at its ends.
  var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text = text.dropFirst() }
    while text.last?.isWhitespace == true { text = text.dropLast() }
    return String(text)
  }
}
