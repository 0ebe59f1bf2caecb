import Foundation
import HTTPTypes
import Synchronization

/// Exchanges with services, kept in a file: a line of JSON for each, readable, without any secret.
///
/// The first line says with which addresses it was made and which keys there were, so that a replay
/// asks for the same. Header fields are left out but for those that an answer's meaning hangs on.
public enum Recording {
  /// The fields of an answer that are kept.
  static let keptFields = ["content-type", "retry-after", "retry-after-ms", "x-request-id"]

  /// What the first line says.
  public struct Head: Sendable {
    /// The variables that gave addresses, with their values.
    public var addresses: [String: String]
    /// The variables that gave keys; their values are nowhere.
    public var keys: [String]

    /// Creates a head.
    public init(addresses: [String: String], keys: [String]) {
      self.addresses = addresses
      self.keys = keys
    }
  }

  /// The part of an address that a replay compares: the path and the query.
  static func target(_ url: String) -> String {
    guard let scheme = url.firstRange(of: "://") else { return url }
    let rest = url[scheme.upperBound...]
    return rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
  }

  /// A body as JSON, or as text when it is none.
  static func document(_ bytes: [UInt8]) -> JSON {
    bytes.isEmpty
      ? .null : (try? JSON(parsing: bytes)) ?? .string(String(decoding: bytes, as: UTF8.self))
  }
}

/// Sends through another transport, and keeps each exchange in a file.
public final class RecordingTransport: HTTPTransport {
  private let base: any HTTPTransport
  private let secrets: [Secret]
  private let file: Mutex<FileHandle>

  /// Begins a recording; a file of that name is written over.
  ///
  /// - Parameter secrets: What is blotted out wherever it stands.
  /// - Throws: When the file cannot be written.
  public init(
    around base: any HTTPTransport, to path: String, head: Recording.Head, secrets: [Secret]
  ) throws {
    self.base = base
    self.secrets = secrets
    guard
      FileManager.default.createFile(
        atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
      let handle = FileHandle(forWritingAtPath: path)
    else {
      throw TransportError(.notRecorded, "“\(path)” cannot be written; is the folder there?")
    }
    file = Mutex(handle)
    try keep([
      "recording": 1,
      "addresses": .object(
        JSON.Members(head.addresses.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
      "keys": .array(head.keys.map(JSON.string)),
    ])
  }

  /// Sends a request; see ``HTTPTransport``.
  public func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    let response = try await base.send(request)
    let bytes = try await response.body.collect()
    var fields = JSON.Members()
    for name in Recording.keptFields {
      if let field = HTTPField.Name(name), let value = response.fields[field] {
        fields[name] = .string(value)
      }
    }
    try keep([
      "request": [
        "method": .string(request.method.rawValue),
        "target": .string(Recording.target(request.url)),
        "body": Recording.document(request.body),
      ],
      "response": [
        "status": .int(response.status), "fields": .object(fields),
        "body": Recording.document(bytes),
      ],
    ])
    return IncomingResponse(status: response.status, fields: response.fields, bytes: bytes)
  }

  private func keep(_ entry: JSON) throws {
    let line = entry.text.redacting(secrets) + "\n"
    try file.withLock { try $0.write(contentsOf: Data(line.utf8)) }
  }
}

/// Answers from a recording, and from nothing else.
public final class ReplayTransport: HTTPTransport {
  /// What the recording says of itself.
  public let head: Recording.Head
  private let path: String
  private let answers: Mutex<[String: [JSON]]>
  private let targets: [String]

  /// Reads a recording.
  ///
  /// - Throws: ``TransportError`` when the file is none.
  public init(from path: String) throws {
    self.path = path
    guard let data = FileManager.default.contents(atPath: path) else {
      throw TransportError(.notRecorded, "“\(path)” cannot be read; is it there?")
    }
    var kept: [String: [JSON]] = [:]
    var targets: [String] = []
    var head: Recording.Head?
    for (number, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
      guard let json = try? JSON(parsing: [UInt8](line)) else {
        throw TransportError(.notRecorded, "line \(number + 1) of “\(path)” is no JSON")
      }
      if json["recording"] != nil {
        var addresses: [String: String] = [:]
        for (name, value) in json["addresses"]?.members ?? [:] { addresses[name] = value.string }
        head = Recording.Head(
          addresses: addresses, keys: (json["keys"]?.array ?? []).compactMap(\.string))
      } else if let request = json["request"], let response = json["response"] {
        kept[ReplayTransport.key(request), default: []].append(response)
        targets.append(
          "\(request["method"]?.string ?? "") \(request["target"]?.string ?? "")")
      }
    }
    guard let head else {
      throw TransportError(.notRecorded, "“\(path)” is no recording of Visen")
    }
    self.head = head
    self.targets = targets
    answers = Mutex(kept)
  }

  /// Gives the answer that was recorded for exactly this request, each once, in their order.
  public func send(_ request: OutgoingRequest) async throws -> IncomingResponse {
    try Task.checkCancellation()
    let asked: JSON = [
      "method": .string(request.method.rawValue),
      "target": .string(Recording.target(request.url)),
      "body": Recording.document(request.body),
    ]
    let key = ReplayTransport.key(asked)
    let found = answers.withLock { answers -> JSON? in
      guard var list = answers[key], !list.isEmpty else { return nil }
      let first = list.removeFirst()
      answers[key] = list
      return first
    }
    guard let found else { throw notRecorded(asked) }
    var fields = HTTPFields()
    for (name, value) in found["fields"]?.members ?? [:] {
      if let field = HTTPField.Name(name), let text = value.string { fields[field] = text }
    }
    let body = found["body"] ?? .null
    // A body that was no JSON was kept as text.
    let bytes = body.string.map { Array($0.utf8) } ?? (body.isNull ? [] : body.bytes)
    return IncomingResponse(status: found["status"]?.int ?? 500, fields: fields, bytes: bytes)
  }

  private static func key(_ request: JSON) -> String {
    [
      request["method"]?.string ?? "", request["target"]?.string ?? "",
      (request["body"] ?? .null).text,
    ].joined(separator: " ")
  }

  /// How much two bodies share at their beginnings and ends.
  private static func likeness(_ a: [UInt8], _ b: [UInt8]) -> Int {
    let shorter = min(a.count, b.count)
    let head = zip(a, b).prefix { $0 == $1 }.count
    let tail = zip(a.reversed(), b.reversed()).prefix { $0 == $1 }.count
    return min(shorter, head + tail) * 2 - max(a.count, b.count)
  }

  /// Names the recorded request that comes nearest.
  private func notRecorded(_ asked: JSON) -> TransportError {
    let target = "\(asked["method"]?.string ?? "") \(asked["target"]?.string ?? "")"
    let start = "\(target) "
    let left = answers.withLock { answers in
      answers.filter { !$0.value.isEmpty && $0.key.hasPrefix(start) }.keys.sorted()
    }
    let body = Array((asked["body"] ?? .null).text.utf8)
    let near = left.map { Array($0.utf8.dropFirst(start.utf8.count)) }.max {
      ReplayTransport.likeness($0, body) < ReplayTransport.likeness($1, body)
    }
    var message = "“\(path)” has no answer for \(target)"
    if let near {
      // Long bodies are shown from a little before the place where they part.
      let from = max(0, zip(near, body).prefix { $0 == $1 }.count - 60)
      func shown(_ bytes: [UInt8]) -> String {
        (from > 0 ? "…" : "") + String(decoding: bytes.dropFirst(from).prefix(240), as: UTF8.self)
          + (bytes.count > from + 240 ? "…" : "")
      }
      message += " with \(shown(body)); the nearest recorded one is \(shown(near))"
    } else if targets.contains(target) {
      message += ": it was recorded, and every answer has been given"
    } else {
      message += "; recorded are \(Set(targets).sorted().prefix(5).joined(separator: ", "))"
    }
    return TransportError(.notRecorded, message)
  }
}
