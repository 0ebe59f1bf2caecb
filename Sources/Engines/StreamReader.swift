import Transport

/// What a streaming answer has said so far, until it can be read like one that came whole.
struct GatheredAnswer {
  /// The answer's text.
  var text = ""
  /// Other parts, by the wire's own names.
  var parts = JSON.Members()
  /// The document that ``EngineWire/answer(_:model:)`` reads; `nil` while the end is missing.
  var document: JSON?
}

/// Reads one streaming answer: gives its texts as they come, and the whole at the end.
struct StreamReader<Wire: EngineWire> {
  let wire: Wire
  let model: String
  /// Whether any text came.
  private(set) var hasBegun = false
  private var parser = ServerSentEventParser()
  private var gathered = GatheredAnswer()

  init(wire: Wire, model: String) {
    self.wire = wire
    self.model = model
  }

  /// The texts in a piece of the stream.
  ///
  /// - Throws: ``EngineError`` when the service says in the middle that it failed.
  mutating func texts(in chunk: [UInt8]) throws -> [String] {
    try parser.events(in: chunk).compactMap { try text(of: $0) }
  }

  /// The texts of what the end of the stream completes.
  mutating func finish() throws -> [String] {
    try parser.finish().flatMap { try text(of: $0) }.map { [$0] } ?? []
  }

  /// The whole answer.
  ///
  /// - Throws: ``EngineError`` when the stream ended before the answer did.
  func answer() throws -> Answer {
    guard let document = gathered.document else {
      throw EngineError(.connection, "\(wire.title)'s answer broke off.", mayPassLater: true)
    }
    return try wire.answer(document, model: model)
  }

  private mutating func text(of event: ServerSentEvent) throws -> String? {
    guard event.data != "[DONE]", let json = try? JSON(parsing: event.data) else { return nil }
    // An error in the middle comes as data, after the status was sent; Responses has a type for it.
    if let error = json["error"], !error.isNull, json["type"] == nil {
      let status = error["code"]?.int ?? 500
      var failure = wire.error(status: status, json: json, model: model)
      failure.status = status
      throw failure
    }
    let text = wire.take(json, into: &gathered)
    guard !text.isEmpty else { return nil }
    hasBegun = true
    return text
  }
}
