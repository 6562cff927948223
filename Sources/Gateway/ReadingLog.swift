internal import KafkaClient
internal import Logging
internal import Synchronization

/// Tells the log what `/-/ready` tells who asks: that the window has been read, that the reading is in trouble, that it
/// goes on.
final class ReadingLog: Sendable {
  enum Event: Equatable {
    case windowRead
    case trouble(Trouble)
    /// After so many milliseconds.
    case over(Int64)
  }

  /// Trouble that is over sooner is not told: brokers restart one after the other, leaders move. In milliseconds.
  private static let patience: Int64 = 3_000

  private struct Told {
    var isWindowRead = false
    var trouble: Trouble?
  }

  private let told = Mutex(Told())

  /// What there is to tell of the reading as it is `now` (milliseconds since the Unix epoch).
  func events(isReplayed: Bool, trouble: Trouble?, now: Int64) -> [Event] {
    told.withLock { told in
      var events: [Event] = []
      if let trouble {
        // The words may differ from moment to moment; the cause is what counts.
        if trouble.cause != told.trouble?.cause, now - trouble.since >= Self.patience {
          events.append(.trouble(trouble))
          told.trouble = trouble
        }
      } else if let over = told.trouble.take() {
        events.append(.over(now - over.since))
      }
      if isReplayed, !told.isWindowRead {
        told.isWindowRead = true
        events.append(.windowRead)
      }
      return events
    }
  }

  /// Call it now and then.
  func look(_ snapshot: ConsumerSnapshot, series: Int, _ logger: Logger, now: Int64) {
    for event in events(isReplayed: snapshot.isReplayed, trouble: snapshot.trouble, now: now) {
      switch event {
      case .windowRead:
        logger.info(
          "window read",
          metadata: [
            "partitions": "\(snapshot.partitions.count)", "records": "\(snapshot.records)", "series": "\(series)",
            "after": "\(Duration.milliseconds(now - snapshot.startedAt))",
          ])
      case .trouble(let trouble):
        logger.warning(
          "reading is in trouble",
          metadata: ["cause": "\(trouble.cause.rawValue)", "detail": "\(trouble.detail)"])
      case .over(let milliseconds):
        logger.notice("reading goes on", metadata: ["after": "\(Duration.milliseconds(milliseconds))"])
      }
    }
  }
}
