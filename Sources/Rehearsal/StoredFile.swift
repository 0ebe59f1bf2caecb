import Foundation

/// A file that was given to a service, or made by one.
struct StoredFile: Sendable {
  /// `file-…` at OpenAI, `files/…` at Gemini.
  let id: String
  let name: String
  /// OpenAI's purpose, Gemini's media type.
  let kind: String
  let bytes: [UInt8]
  let created: Date
  /// Whether the service made it; Gemini gives only those back.
  let isMade: Bool

  /// The lines that are not empty.
  var lines: [ArraySlice<UInt8>] { bytes.split(separator: 0x0A) }
}

/// The text fields and the file of a `multipart/form-data` body.
///
/// - Source: RFC 7578.
struct MultipartForm {
  var fields: [String: String] = [:]
  var file: (name: String, bytes: [UInt8])?

  /// Reads a body; `nil` when it is not of that form.
  init?(_ bytes: [UInt8], type: String) {
    guard type.lowercased().hasPrefix("multipart/form-data"),
      let mark = type.range(of: "boundary=")
    else { return nil }
    let boundary = type[mark.upperBound...].prefix { $0 != ";" }.trimmingCharacters(
      in: CharacterSet(charactersIn: "\" "))
    let data = Data(bytes)
    let line = Data("--\(boundary)".utf8)
    let gap = Data("\r\n\r\n".utf8)
    guard var rest = data.range(of: line)?.upperBound else { return nil }
    let mark2 = Data("\r\n--\(boundary)".utf8)
    while let head = data.range(of: gap, in: rest..<data.endIndex),
      let end = data.range(of: mark2, in: head.upperBound..<data.endIndex)
    {
      let about = String(decoding: data[rest..<head.lowerBound], as: UTF8.self)
      let content = data[head.upperBound..<end.lowerBound]
      if let name = about.firstMatch(of: /[; ]name="([^"]*)"/).map({ String($0.1) }) {
        if let file = about.firstMatch(of: /filename="([^"]*)"/).map({ String($0.1) }) {
          if name == "file" { self.file = (file, Array(content)) }
        } else {
          fields[name] = String(decoding: content, as: UTF8.self)
        }
      }
      rest = end.upperBound
    }
  }
}
