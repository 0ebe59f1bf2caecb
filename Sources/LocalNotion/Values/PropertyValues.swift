import Foundation
import Transport

/// The values of a page's properties: checked on the way in, spelled out on the way out.
enum PropertyValues {
  /// Checks a value for a property, and gives it as it is kept.
  ///
  /// - Parameter property: May gain an option that the value names.
  static func read(_ json: JSON, for property: inout Property, at path: String) throws -> JSON {
    // A title's array may stand alone; Notion takes it.
    let wrapped: JSON =
      property.type == "title" && json.array != nil ? ["title": json] : json
    let members = try Check.object(wrapped, at: path)
    let type = property.type
    guard let value = members[type] else {
      throw Refusal.missing("\(path).\(type)")
    }
    for (name, extra) in members where !["id", "type", "name", type].contains(name) {
      throw Refusal.absent("\(path).\(name)", extra)
    }
    let place = "\(path).\(type)"
    switch type {
    case "title", "rich_text": return try RichTextValue.read(value, at: place)
    case "number":
      guard value.isNull || value.double != nil else {
        throw Refusal.should(place, "a number or null", value)
      }
      return value
    case "checkbox": return .bool(try Check.bool(value, at: place))
    case "url": return try text(value, at: place, atMost: 2000)
    case "email", "phone_number": return try text(value, at: place, atMost: 200)
    case "date": return try DateValues.read(value, at: place)
    case "select": return try option(value, for: &property, at: place)
    case "status":
      guard !value.isNull else { return property.defaultStatus ?? .null }
      let name = value["name"]?.string
      guard
        let known = (property.config["options"]?.array ?? []).first(where: {
          ($0["name"]?.string == name && name != nil)
            || ($0["id"] != nil && $0["id"] == value["id"])
        })
      else {
        let names = property.optionNames.map { "\"\($0)\"" }.joined(separator: ", ")
        throw Refusal.validation(
          "Invalid status value for property \"\(property.name)\": \"\(name ?? "")\". "
            + "Value must be one of: \(names)")
      }
      return known["id"] ?? .null
    case "multi_select":
      var ids: [JSON] = []
      for (index, item) in try Check.array(value, at: place).enumerated() {
        let id = try option(item, for: &property, at: "\(place)[\(index)]")
        guard !ids.contains(id) else {
          throw Refusal.validation("Multi-select options must be unique for \(property.name).")
        }
        ids.append(id)
      }
      return .array(ids)
    case "people", "relation":
      return .array(
        try Check.array(value, at: place).enumerated().map { index, item in
          let id = try Check.id(item["id"], at: "\(place)[\(index)].id")
          if type == "people", !Users.isKnown(id) { throw Users.notFound(id) }
          return .string(id)
        })
    case "verification": return try verification(value, at: place)
    case "files":
      return .array(
        try Check.array(value, at: place).enumerated().map { index, item in
          let spot = "\(place)[\(index)]"
          if let upload = item["file_upload"] {
            let id = try Check.id(upload["id"], at: "\(spot).file_upload.id")
            return [
              "name": try item["name"].map {
                .string(try Check.string($0, at: "\(spot).name", atMost: 100))
              } ?? nil,
              "upload": .string(id),
            ]
          }
          if let hosted = item["file"], item["external"] == nil {
            // A file that is echoed stays: its address tells which it is.
            let url = try Check.string(hosted["url"], at: "\(spot).file.url")
            guard let id = FileUploads.id(in: url) else {
              throw Refusal.should("\(spot).file.url", "the url of a hosted file", hosted["url"])
            }
            return ["name": item["name"] ?? nil, "upload": .string(id)]
          }
          let name = try Check.string(item["name"], at: "\(spot).name", atMost: 100)
          let url = try Check.string(
            item["external"]?["url"], at: "\(spot).external.url", atMost: 2000)
          return [
            "name": .string(name), "type": "external", "external": ["url": .string(url)],
          ]
        })
    case "place":
      if value.isNull { return .null }
      try Check.keys(
        value, at: place,
        allowed: ["lat", "lon", "name", "address", "aws_place_id", "google_place_id"])
      guard value["lat"]?.double != nil, value["lon"]?.double != nil else {
        throw Refusal.should("\(place).lat", "a number", value["lat"])
      }
      return .object(
        JSON.Members(
          ["lat", "lon", "name", "address", "aws_place_id", "google_place_id"].map {
            ($0, value[$0] ?? nil)
          }))
    default:
      throw Refusal.validation(
        "\(property.name) is a \(type) property, which cannot be set through the API.")
    }
  }

  /// What is said of a value that is of another type than its property; `nil` when it is of it.
  static func mismatch(_ value: JSON, for property: Property) -> String? {
    guard let members = value.members, members[property.type] == nil else { return nil }
    let given = members.names.contains { !["id", "type", "name"].contains($0) }
    return given ? "\(property.name) is expected to be \(property.type)." : nil
  }

  private static func verification(_ value: JSON, at path: String) throws -> JSON {
    if value.isNull { return .null }
    try Check.keys(value, at: path, allowed: ["state", "date", "verified_by"])
    switch value["state"] {
    case "unverified": return .null
    case "verified":
      let date = try value["date"].map { try DateValues.read($0, at: "\(path).date") }
      return ["state": "verified", "date": date ?? nil]
    default:
      throw Refusal.should(
        "\(path).state", "`\"verified\"` or `\"unverified\"`", value["state"])
    }
  }

  private static func text(_ value: JSON, at path: String, atMost limit: Int) throws -> JSON {
    if value.isNull { return .null }
    let text = try Check.string(value, at: path, atMost: limit)
    guard !text.isEmpty else { throw Refusal.should("\(path).length", "≥ `1`", 0) }
    return value
  }

  /// The identity of an option; a name that is new becomes an option, as in Notion.
  static func option(
    _ json: JSON, for property: inout Property, at path: String
  ) throws -> JSON {
    if json.isNull { return .null }
    try Check.keys(json, at: path, allowed: ["id", "name", "color", "description"])
    var options = property.config["options"]?.array ?? []
    if let id = json["id"], json["name"] == nil {
      guard let known = options.first(where: { $0["id"] == id }) else {
        throw Refusal.validation("\(property.name) has no option with id \(id.text).")
      }
      return known["id"] ?? .null
    }
    let name = try Check.string(json["name"], at: "\(path).name", atMost: 100)
    guard !name.isEmpty else { throw Refusal.should("\(path).name.length", "≥ `1`", 0) }
    if let known = options.first(where: { $0["name"]?.string?.lowercased() == name.lowercased() }) {
      return known["id"] ?? .null
    }
    try PropertySchemas.checkOption(name)
    let colors = ["gray", "brown", "orange", "yellow", "green", "blue", "purple", "pink", "red"]
    let made: JSON = [
      "id": .string(Identity.make()), "name": .string(name),
      "color": .string(colors[options.count % colors.count]), "description": nil,
    ]
    options.append(made)
    var config = property.config.members ?? [:]
    config["options"] = .array(options)
    property.config = .object(config)
    return made["id"] ?? .null
  }

  /// A kept value as answers have it.
  ///
  /// - Parameters:
  ///   - isWhole: Whether a long relation is spelled out beyond the 25 that a page shows.
  ///   - chain: The formulas and rollups that are being computed, of which this is a part.
  static func json(
    _ stored: JSON?, of property: Property, page: Record, call: Call, isWhole: Bool = false,
    chain: [String] = []
  ) throws -> JSON {
    let value: JSON
    var extra: (String, JSON)?
    switch property.type {
    case "title", "rich_text": value = try RichTextValue.shown(stored, call)
    case "files": value = try files(stored, call)
    case "checkbox": value = stored ?? false
    case "select", "status": value = shown(stored, property)
    case "multi_select":
      value = .array((stored?.array ?? []).map { shown($0, property) }.filter { !$0.isNull })
    case "people":
      value = .array((stored?.array ?? []).map { Users.json(id: $0.string ?? "") })
    case "relation":
      var ids: [JSON] = []
      for id in stored?.array ?? [] {
        // What is in the trash is related no more until it is restored.
        if try Storage.isLive(id.string ?? "", call.database) { ids.append(["id": id]) }
      }
      value = .array(isWhole ? ids : Array(ids.prefix(25)))
      extra = ("has_more", .bool(ids.count > 25))
    case "created_time": value = .string(Timestamp.minute(page.created))
    case "last_edited_time": value = .string(Timestamp.minute(page.edited))
    case "created_by", "last_edited_by": value = Users.json(id: LocalWorkspace.botID)
    case "unique_id":
      value = ["prefix": property.config["prefix"] ?? nil, "number": page.content["number"] ?? nil]
    case "button": value = [:]
    case "verification":
      let isVerified = stored?["state"] == "verified"
      value = [
        "state": isVerified ? "verified" : "unverified", "date": stored?["date"] ?? nil,
        "verified_by": isVerified ? Users.json(id: LocalWorkspace.botID) : nil,
      ]
    case "rollup":
      value = try Computed.rollup(
        property, page, try Pages.schemas(of: page, call), call, chain: chain)
    case "formula":
      value = try Computed.formula(
        property, page, try Pages.schemas(of: page, call), call, chain: chain)
    default: value = stored ?? nil
    }
    var members = JSON.Members([
      ("id", .string(property.encodedID)), ("type", .string(property.type)),
      (property.type, value),
    ])
    if let extra { members[extra.0] = extra.1 }
    return .object(members)
  }

  /// Uploaded files get a new address each time they are read.
  private static func files(_ stored: JSON?, _ call: Call) throws -> JSON {
    .array(
      try (stored?.array ?? []).map { item in
        guard let id = item["upload"] else { return item }
        let file = try FileUploads.file(id, at: "file_upload.id", call)
        return ["name": item["name"] ?? file.name, "type": "file", "file": file.file]
      })
  }

  private static func shown(_ id: JSON?, _ property: Property) -> JSON {
    guard let id, !id.isNull,
      let option = (property.config["options"]?.array ?? []).first(where: { $0["id"] == id })
    else { return .null }
    return [
      "id": id, "name": option["name"] ?? "", "color": option["color"] ?? "default",
    ]
  }
}

/// Dates: checked, floored to the minute, zones turned into offsets.
enum DateValues {
  static func read(_ json: JSON, at path: String) throws -> JSON {
    if json.isNull { return .null }
    try Check.keys(json, at: path, allowed: ["start", "end", "time_zone"])
    let zoneName = try json["time_zone"].flatMap {
      $0.isNull ? nil : try Check.string($0, at: "\(path).time_zone")
    }
    var zone: TimeZone?
    if let zoneName {
      guard let known = TimeZone(identifier: zoneName) else {
        throw Refusal.should("\(path).time_zone", "a valid time zone", .string(zoneName))
      }
      zone = known
    }
    let start = try Check.string(json["start"], at: "\(path).start")
    if zone != nil, start.contains("T"),
      start.hasSuffix("Z") || start.dropFirst(19).contains("+")
        || start.dropFirst(19).contains("-")
    {
      throw Refusal.should(
        "\(path).start", "without an offset when there is a time_zone", .string(start))
    }
    var end: JSON = nil
    if let given = json["end"], !given.isNull {
      end = .string(try normal(Check.string(given, at: "\(path).end"), zone, at: "\(path).end"))
    }
    return [
      "start": .string(try normal(start, zone, at: "\(path).start")), "end": end, "time_zone": nil,
    ]
  }

  /// A day or moment, taken apart.
  private struct Parts {
    var year = 0, month = 0, day = 0
    /// Whether there is a time of day.
    var isMoment = false
    var hour = 0, minute = 0, second = 0
    /// Seconds east of Greenwich, when that is said.
    var offset: Int?

    /// Reads `2026-07-04`, and `2026-07-04T10:07`, with seconds, fractions and an offset or `Z`.
    ///
    /// By hand, as a regular expression takes a hundred times as long, and every row with a date is
    /// read by every query.
    init?(_ text: String) {
      var rest = Substring(text).utf8
      func number(_ width: Int) -> Int? {
        var value = 0
        for _ in 0..<width {
          guard let byte = rest.popFirst(), (48...57).contains(byte) else { return nil }
          value = value * 10 + Int(byte) - 48
        }
        return value
      }
      func take(_ mark: Character) -> Bool {
        guard rest.first == mark.asciiValue else { return false }
        rest.removeFirst()
        return true
      }
      guard let year = number(4), take("-"), let month = number(2), take("-"),
        let day = number(2)
      else { return nil }
      (self.year, self.month, self.day) = (year, month, day)
      if rest.isEmpty { return }
      isMoment = true
      guard take("T") || take(" "), let hour = number(2), take(":"), let minute = number(2) else {
        return nil
      }
      (self.hour, self.minute) = (hour, minute)
      if take(":") {
        guard let second = number(2) else { return nil }
        self.second = second
        if take(".") {
          let digits = rest.prefix { (48...57).contains($0) }
          guard !digits.isEmpty else { return nil }
          rest = rest.dropFirst(digits.count)
        }
      }
      if take("Z") {
        offset = 0
      } else if let sign = rest.first, sign == 43 || sign == 45 {
        rest.removeFirst()
        guard let hours = number(2) else { return nil }
        _ = take(":")
        guard let minutes = number(2) else { return nil }
        offset = (hours * 60 + minutes) * 60 * (sign == 45 ? -1 : 1)
      }
      guard rest.isEmpty else { return nil }
    }
  }

  private static func normal(_ text: String, _ zone: TimeZone?, at path: String) throws -> String {
    guard let parts = Parts(text), let moment = moment(text) else {
      throw Refusal.should(path, "a valid ISO 8601 date string", .string(text))
    }
    guard parts.isMoment else { return text }
    var seconds = parts.offset ?? 0
    if let zone, parts.offset == nil {
      let local = Date(timeIntervalSince1970: moment)
      seconds = zone.secondsFromGMT(
        for: local.addingTimeInterval(-Double(zone.secondsFromGMT(for: local))))
    }
    return "\(text.prefix(10))T\(text.dropFirst(11).prefix(5)):00.000\(offset(seconds))"
  }

  private static func offset(_ seconds: Int) -> String {
    String(
      format: "%@%02d:%02d", seconds < 0 ? "-" : "+", abs(seconds) / 3600, abs(seconds) / 60 % 60)
  }

  /// Seconds since 1970 of a day (its first moment in UTC) or moment; `nil` for what is none.
  static func moment(_ text: String) -> Double? {
    guard let parts = Parts(text), (1...12).contains(parts.month) else { return nil }
    let (year, month, day) = (parts.year, parts.month, parts.day)
    let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    let lengths = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    guard (1...lengths[month - 1]).contains(day) else { return nil }
    let (hour, minute, second) = (parts.hour, parts.minute, parts.second)
    guard hour < 24, minute < 60, second < 60 else { return nil }
    let offset = parts.offset ?? 0
    // Days from civil, after Howard Hinnant: exact for every year of the format.
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    let days = era * 146_097 + dayOfEra - 719_468
    return Double(days * 86_400 + hour * 3600 + minute * 60 + second - offset)
  }

  /// Whether a text is a day without a time.
  static func isDay(_ text: String) -> Bool { text.utf8.count == 10 }
}
