import Transport

extension Answer {
  /// The answer with its value, when it has the shape and passes the check.
  ///
  /// - Throws: ``AnswerProblem`` when it may not be taken.
  func accepted(for request: EngineRequest) async throws -> Answer {
    var answer = self
    if let type = request.type {
      answer.value = try Answer.shaped(text, as: type, inParts: request.acceptsParts)
    }
    if let problem = try await request.check?(answer) { throw AnswerProblem(problem) }
    return answer
  }

  /// The answer's JSON, checked; models put fences around it, and a record was put around a plain value.
  private static func shaped(
    _ text: String, as type: AnswerType, inParts: Bool
  ) throws -> JSON {
    var trimmed = text.trimmingPrefix { $0.isWhitespace }
    while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
    if trimmed.hasPrefix("```"), trimmed.hasSuffix("```"), trimmed.count >= 6,
      let lineEnd = trimmed.firstIndex(where: \.isNewline)
    {
      trimmed = trimmed[trimmed.index(after: lineEnd)...].dropLast(3)
    }
    let json: JSON
    do {
      json = try JSON(parsing: String(trimmed))
    } catch {
      throw AnswerProblem("it is not JSON (\(error))")
    }
    if inParts, json.members != nil { return json }
    guard type.rootedSchema.isWrapped else { return try type.checked(json) }
    return try type.checked(json["value"] ?? json)
  }
}
