import Foundation
import Transport

/// `/v1/async_tasks`: work that a request asked to be done later.
///
/// It is done at once here, so a task has succeeded when it is first asked about.
enum AsyncTasks {
  /// The answer to a request that does not wait, with status 202.
  static func queued(_ result: JSON, operation: String, _ call: Call) throws -> JSON {
    let task = try Storage.insert(
      Record(
        kind: .task, parent: "", now: call.now,
        content: ["operation": .string(operation), "result": result]), call)
    var members = json(task, status: "queued", call)
    members["poll_after_seconds"] = 1
    members["operation"] = operationJSON(task)
    return .object(members)
  }

  static func retrieve(_ name: String, _ call: Call) throws -> JSON {
    guard name.hasPrefix("task_"), let id = Identity.parse(String(name.dropFirst(5))),
      let task = try Storage.find(id, call.database), task.kind == .task,
      let result = task.content["result"]
    else { throw Refusal.notFound("async task", name) }
    var members = json(task, status: "succeeded", call)
    members["operation"] = operationJSON(task)
    members["result"] = result
    return .object(members)
  }

  private static func json(_ task: Record, status: String, _ call: Call) -> JSON.Members {
    let id = "task_\(Identity.undashed(task.id))"
    return [
      "object": "async_task", "id": .string(id), "status": .string(status),
      "status_url": .string("\(call.origin)/v1/async_tasks/\(id)"),
      "created_time": .string(
        Timestamp.millisecond(task.created).replacing("+00:00", with: "Z")),
    ]
  }

  private static func operationJSON(_ task: Record) -> JSON {
    ["surface": "rest", "name": task.content["operation"] ?? ""]
  }
}
