/// What a person must know of an engine, and how it is made.
public struct EngineDescription: Sendable {
  /// The word a person uses for it.
  public let name: String
  /// Its name in sentences.
  public let title: String
  /// One sentence on what it is.
  public let summary: String
  /// Whether it cannot be asked without a key.
  public let needsKey: Bool
  /// The variables that give its key, the first one found counts; empty when it takes none.
  public let keyVariables: [String]
  /// The variable that gives its address.
  public let baseURLVariable: String?
  /// Where a key comes from and what is free, line by line.
  public let keyHelp: [String]
  /// Makes it.
  public let make: @Sendable (EngineSettings) throws -> any Engine
}

/// The engines, alphabetical.
public enum EngineCatalog {
  /// Every engine.
  public static let all: [EngineDescription] = [gemini, gpt, local, practice]

  private static let gemini = EngineDescription(
    name: "gemini", title: "Gemini", summary: "Google's models; a free tier of a few rows a day.",
    needsKey: true, keyVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"],
    baseURLVariable: "GEMINI_BASE_URL",
    keyHelp: [
      "Get a key at https://aistudio.google.com/apikey (“Create API key”).",
      "Without billing it is free for a few requests a minute and day, and Google trains on what",
      "it is sent; with billing it costs cents for hundreds of rows.",
    ],
    make: { settings in
      WireEngine(
        wire: Gemini(defaultModel: "gemini-3.1-flash-lite"), settings: settings,
        baseURL: normalizedBase(settings.baseURL ?? "https://generativelanguage.googleapis.com"))
    })

  private static let gpt = EngineDescription(
    name: "gpt", title: "OpenAI", summary: "OpenAI's models; paid.",
    needsKey: true, keyVariables: ["OPENAI_API_KEY"], baseURLVariable: "OPENAI_BASE_URL",
    keyHelp: [
      "Get a key at https://platform.openai.com/api-keys (“Create new secret key”).",
      "It needs credit on the account; hundreds of rows cost cents.",
    ],
    make: { settings in
      let base = normalizedBase(settings.baseURL ?? "https://api.openai.com")
      let isOpenAI = base.contains(".openai.com") || base.contains("//openai.com")
      let model = "gpt-6-luna"
      if isOpenAI {
        return WireEngine(wire: Responses(defaultModel: model), settings: settings, baseURL: base)
      }
      return WireEngine(
        wire: ChatCompletions(name: "gpt", title: "OpenAI", defaultModel: model),
        settings: settings, baseURL: base)
    })

  private static let local = EngineDescription(
    name: "local", title: "The local server",
    summary: "Any server that speaks OpenAI's protocol: Ollama, llama.cpp, vLLM, LM Studio.",
    needsKey: false, keyVariables: ["LOCAL_API_KEY"], baseURLVariable: "LOCAL_BASE_URL",
    keyHelp: [
      "Most local servers need no key; one behind a proxy may.",
      "Say where it is: set local_url \"http://127.0.0.1:11434\"",
    ],
    make: { settings in
      WireEngine(
        wire: ChatCompletions(name: "local", title: "The local server", defaultModel: "default"),
        settings: settings,
        baseURL: normalizedBase(settings.baseURL ?? "http://127.0.0.1:11434"))
    })

  private static let practice = EngineDescription(
    name: "practice", title: "The practice engine",
    summary: "Built in, free, needs nothing; its answers are for trying things out.",
    needsKey: false, keyVariables: [], baseURLVariable: nil, keyHelp: [],
    make: { _ in PracticeEngine() })
}
