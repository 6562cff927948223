internal import Configuration

/// A task as it works: immutable, so that a change makes another one, which takes over what stays the same.
final class RunningTask: Sendable {
  let definition: DeliveryTask
  let origin: TaskOrigin
  /// `nil` while it is stopped.
  let target: Target?
  /// One for each source.
  let lanes: [Lane]
  /// What scrapes for a lane, by its place; none while the task is stopped.
  let scrapes: [Int: ScrapeSource]

  init(
    _ definition: DeliveryTask, _ origin: TaskOrigin, target: Target?, lanes: [Lane],
    scrapes: [Int: ScrapeSource] = [:]
  ) {
    self.definition = definition
    self.origin = origin
    self.target = target
    self.lanes = lanes
    self.scrapes = scrapes
  }

  /// The sources that senders may write to, of this name if one is given.
  func writable(source name: String?) -> [Lane] {
    lanes.filter { lane in
      guard case .remoteWrite = lane.source.kind else { return false }
      return name.map { lane.source.name == $0 } ?? true
    }
  }
}

/// Who has made a task.
public enum TaskOrigin: String, Sendable {
  /// The configuration file, which alone can change it.
  case file
  /// A request.
  case api
}
