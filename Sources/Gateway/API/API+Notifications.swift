internal import HTTPServer
internal import KafkaClient
internal import TimeSeries

extension API {
  func notificationList() -> Response {
    let list = notifications.list(conditions())
    return Answer.success { writer in
      writer.append("[")
      for (i, notification) in list.enumerated() {
        if i > 0 { writer.append(",") }
        notification.write(to: &writer)
      }
      writer.append("]")
    }
  }

  /// Server-sent events, one for each notification that comes or goes; 204 when too many listen already.
  func notificationStream() -> Response {
    notifications.subscribe().map { .events($0) } ?? .noContent
  }

  /// What an operator should know at a glance.
  func conditions() -> [Notifications.Condition] {
    let snapshot = consumers.snapshot()
    var conditions: [Notifications.Condition] = []
    if isStopping() { conditions.append(("promring is shutting down.", nil)) }
    if !snapshot.isReplayed { conditions.append(("promring is replaying its window from Kafka.", nil)) }
    if let trouble = snapshot.trouble { conditions.append((Self.sentence(trouble.cause), trouble.since)) }
    return conditions
  }

  private static func sentence(_ cause: Trouble.Cause) -> String {
    switch cause {
    case .fatal: "The Kafka client has failed and is being made anew."
    case .credentials: "Kafka refuses our credentials, or its certificate is not trusted."
    case .brokersDown: "No Kafka broker can be reached."
    case .authorisation: "Kafka does not let us read."
    case .topicMissing: "A topic does not exist in Kafka."
    case .partition: "A partition cannot be read from Kafka."
    case .group: "The consumer group gives us no partitions."
    }
  }
}
