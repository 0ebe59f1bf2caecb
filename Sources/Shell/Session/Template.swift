import Notion
import Script
import Transport

/// The sample database: a topic, a checkbox, a content column, and three rows to try things on.
nonisolated enum Template {
  static let title = "Topic"
  static let tick = "Generate"
  static let content = "Content"
  static let topics = ["learning is fun", "notion is best tool", "social media is a boon"]

  /// The schema in Notion's form.
  static let properties: JSON = [
    "Topic": ["title": [:]],
    "Generate": ["checkbox": [:]],
    "Content": ["rich_text": [:]],
  ]

  /// A row's properties in Notion's form.
  static func row(_ topic: String) -> JSON {
    [title: ["title": [["text": ["content": .string(topic)]]]]]
  }

  /// The page to make a template in: the one named, else the embedded workspace's root.
  static func parent(
    in workspace: Workspace, under address: String?, for statement: String
  ) async throws -> NotionID {
    if let address {
      guard let id = NotionID.find(in: address, wanting: .page) else {
        throw ScriptError.refusal(
          "V415", "“\(address)” is no address of a Notion page.",
          "in Notion: ••• at the top right of the page, “Copy link”")
      }
      return id
    }
    guard let root = workspace.rootPageID.flatMap(NotionID.init(parsing:)) else {
      throw ScriptError.refusal(
        "V416", "Notion needs a page to make the template in.",
        "share a page with your integration, copy its link, and say:",
        "\(statement) under \"LINK\"")
    }
    return root
  }
}
