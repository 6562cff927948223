public import Configuration
internal import KafkaClient
public import Scrape
internal import Synchronization

/// A task and how it fares.
public struct TaskStatus: Sendable {
  public enum State: String, Sendable {
    /// Delivers, or would.
    case running
    /// Does not know its topic yet.
    case starting
    /// Cannot deliver at the moment.
    case trouble
    case stopped
  }

  public struct Source: Sendable {
    public var definition: DeliveryTask.Source
    /// Its place in the task where it has no name.
    public var name: String
    public var received: Int
    /// Put into records.
    public var passed: Int
    /// By filter line, in the order of the lines.
    public var rejected: [Int]
    public var staleMarkersDropped: Int
    /// Samples with labels that took the name `exported_value` or the like, for the format's own sake.
    public var movedLabels: Int
    public var tooLarge: Int
    /// Series that are known again without being looked at, and the memory that takes.
    public var knownSeries: Int
    public var knownSeriesBytes: Int
    /// `nil` where nothing is scraped.
    public var scraping: Scraping?
  }

  /// How scraping fares.
  public struct Scraping: Sendable {
    public var targets: [ScrapeStatus] = []
    /// Samples that wait for Kafka to take them.
    public var waitingSamples = 0
    /// For which there was no room.
    public var lostScrapes = 0
    public var lostSamples = 0
  }

  public var definition: DeliveryTask
  public var origin: TaskOrigin
  public var state: State
  /// What the matter is, and since when (milliseconds since the Unix epoch).
  public var trouble: (reason: String, since: Int64)?
  public var sources: [Source]
  /// 0 while it is not known.
  public var partitions = 0
  public var isIdempotent = false
  /// Acknowledged since the task was started or its target changed.
  public var records = 0
  public var samples = 0
  public var recordBytes = 0
  /// Seconds from producing to acknowledgement, all records together.
  public var waitedSeconds = 0.0
  public var failedRecords = 0
  public var failedSamples = 0
  public var lastDeliveryAt: Int64?
  public var lastFailure: (reason: String, at: Int64)?
  /// Produced and not acknowledged.
  public var recordsInFlight = 0
  public var bytesInFlight = 0
  /// Text that waits in batches that are not full.
  public var openBytes = 0
}

extension Delivery {
  /// All tasks, by name.
  public func tasks() -> [TaskStatus] {
    current.sorted { $0.definition.name < $1.definition.name }.map(TaskStatus.init)
  }

  public func task(_ name: String) -> TaskStatus? {
    registry.withLock { $0.tasks[name] }.map(TaskStatus.init)
  }
}

extension TaskStatus {
  fileprivate init(_ task: RunningTask) {
    definition = task.definition
    origin = task.origin
    sources = task.lanes.enumerated().map { i, lane in
      let (counts, known) = (lane.total, lane.cache.statistics)
      return Source(
        definition: lane.source, name: lane.source.name.isEmpty ? "\(i)" : lane.source.name,
        received: counts.received, passed: counts.passed, rejected: counts.rejected,
        staleMarkersDropped: counts.staleMarkersDropped, movedLabels: counts.movedLabels, tooLarge: counts.tooLarge,
        knownSeries: known.series, knownSeriesBytes: known.bytes,
        scraping: Scraping(lane.source, task.scrapes[i]))
    }
    guard let target = task.target else {
      state = .stopped
      return
    }
    trouble = target.trouble.map { ($0.reason, $0.since) }
    partitions = target.partitionCount
    state = trouble != nil ? .trouble : partitions == 0 ? .starting : .running
    isIdempotent = target.isIdempotent
    let counts = target.flight.counts
    records = counts.records
    samples = counts.samples
    recordBytes = counts.bytes
    let (seconds, attoseconds) = counts.waited.components
    waitedSeconds = Double(seconds) + Double(attoseconds) / 1e18
    failedRecords = counts.failedRecords
    failedSamples = counts.failedSamples
    lastDeliveryAt = counts.lastDeliveryAt
    lastFailure = counts.lastFailure
    (recordsInFlight, bytesInFlight) = target.flight.load
    openBytes = target.openBytes
  }
}

extension TaskStatus.Scraping {
  fileprivate init?(_ source: DeliveryTask.Source, _ scrapes: ScrapeSource?) {
    guard case .scrape = source.kind else { return nil }
    guard let scrapes else { return }
    targets = scrapes.statuses
    let counts = scrapes.queue.counts
    (waitingSamples, lostScrapes, lostSamples) = (counts.waitingSamples, counts.lostScrapes, counts.lostSamples)
  }
}
