import Foundation
import Transport

/// `template` of a new or changed page.
///
/// Templates are made in Notion's application only, so here no
/// data source has any, and every use of one is refused as Notion refuses one that is missing.
enum Templates {
  static func check(_ json: JSON?, in body: JSON, _ call: Call) throws {
    guard let json else { return }
    try Check.keys(
      json, at: "body.template", allowed: ["type", "template_id", "timezone"])
    if json["type"] == "none" { return }
    for name in ["children", "content", "markdown"] {
      if let value = body[name] { throw Refusal.absent("body.\(name)", value) }
    }
    if let zone = json["timezone"] {
      let name = try Check.string(zone, at: "body.template.timezone")
      guard TimeZone(identifier: name) != nil else {
        throw Refusal.should("body.template.timezone", "a valid time zone", zone)
      }
    }
    switch json["type"] {
    case "default": throw Refusal.validation("The data source has no default template.")
    case "template_id":
      let id = try Check.id(json["template_id"], at: "body.template.template_id")
      throw Refusal.validation("Could not find template with ID: \(id).")
    default:
      throw Refusal.should(
        "body.template.type", "`\"none\"`, `\"default\"` or `\"template_id\"`", json["type"])
    }
  }
}
