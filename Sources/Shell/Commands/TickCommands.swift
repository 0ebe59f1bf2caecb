import Notion
import Script
import Store
import Transport

/// `tick rows where …`: ticks the checkbox that chooses rows for `generate`.
struct TickCommand: Command {
  static let signature = CommandSignature(
    name: "tick",
    summary: "Ticks rows, so that `generate` takes them.",
    slots: [Slot("on", kind: .target, isRequired: true, summary: "the rows")],
    examples: ["tick rows", "tick rows where Content is empty", "tick 3 rows"])

  private let ticking: Ticking

  init(_ session: Session) { ticking = Ticking(session) }

  func run(_ call: CommandCall) async throws -> Value {
    try await ticking.set(true, call)
  }
}

/// `untick rows`: takes the tick away.
struct UntickCommand: Command {
  static let signature = CommandSignature(
    name: "untick",
    summary: "Takes the tick from rows.",
    slots: [Slot("on", kind: .target, isRequired: true, summary: "the rows")],
    examples: ["untick rows"])

  private let ticking: Ticking

  init(_ session: Session) { ticking = Ticking(session) }

  func run(_ call: CommandCall) async throws -> Value {
    try await ticking.set(false, call)
  }
}

/// What the two share.
private struct Ticking {
  private let connections: Connections
  private let targets: TargetRows
  private let table: RowTable
  private let writer: RowWriter
  private let waits: WaitBoard
  private let console: any Console

  init(_ session: Session) {
    waits = session.waits
    connections = session.connections
    targets = session.targets
    table = session.rows
    writer = session.writer
    console = session.console
  }

  func set(_ ticked: Bool, _ call: CommandCall) async throws -> Value {
    let (connection, _, shape) = try connections.requireDatabase()
    guard let property = connection.saved.tickProperty,
      shape.fields.contains(where: { $0.name == property })
    else {
      throw ScriptError.refusal(
        "V480", "“\(connection.name)” has no checkbox property to tick.",
        "add one called Generate to the database, then: use \"\(connection.name)\"",
        "or choose rows as you go: generate on rows where …")
    }
    let rows = try await targets.rows(call.target("on"))
    // Who ticks has chosen anew; `generate` would take a selection before the ticked rows.
    table.deselect()
    let word = ticked ? "ticked" : "unticked"
    let wanted = rows.filter { $0.value(of: property)?.asFlag != ticked }
    let progress = RunProgress(
      label: call.name, total: wanted.count, waits: waits, console: console)
    progress.begin()
    defer { progress.end() }
    var changed = 0
    do {
      for row in wanted {
        try Task.checkCancellation()
        _ = try await writer.write(
          [.set(property, .flag(ticked))], to: row, at: call.span, isTold: false)
        changed += 1
        progress.step()
      }
    } catch {
      progress.end()
      if changed > 0 { console.message("\(changed) of \(wanted.count) rows \(word).") }
      throw error
    }
    progress.end()
    let already = rows.count - changed
    console.message(
      "\(changed) \(changed == 1 ? "row" : "rows") \(word)"
        + (already > 0 ? ", \(already) \(already == 1 ? "was" : "were") already." : "."))
    return .nothing
  }
}
