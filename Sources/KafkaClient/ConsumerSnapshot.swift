/// Everything a status page and metrics want to know of a ``ConsumerPool``, at one moment. Times are milliseconds since
/// the Unix epoch.
public struct ConsumerSnapshot: Sendable {
  public struct Partition: Sendable {
    public enum State: String, Sendable {
      /// Where to start is being looked up.
      case locating
      case reading
    }
    public var topic: String
    public var partition: Int32
    /// ``RecordSource/id``.
    public var sourceID: Int
    /// The worker that reads it.
    public var worker: Int
    public var state: State
    /// The offset where reading began.
    public var start: Int64?
    /// The offset of the next record to apply.
    public var position: Int64?
    /// The high watermark seen at the start: reached, the partition is replayed.
    public var target: Int64?
    public var lowWatermark: Int64?
    public var highWatermark: Int64?
    /// The leader's broker id.
    public var leader: Int32?
    public var isReplayed: Bool
    /// Since the pool was made.
    public var records: Int
    public var bytes: Int
    /// When the latest record was applied.
    public var lastRecordAt: Int64?
    /// Milliseconds since the broker last gave records or told of the end.
    public var quietMilliseconds: Int64?
    /// What went wrong last, until reading goes on.
    public var error: String?

    /// High watermark − position: an upper bound of the records to come (compaction and transactions leave gaps).
    public var lag: Int64? {
      guard let highWatermark, let position else { return nil }
      return max(0, highWatermark - position)
    }
  }

  public struct Broker: Sendable, Hashable {
    public var id: Int32
    /// `host:port`.
    public var address: String
    public var isUp: Bool
    /// librdkafka's name of the connection's state.
    public var state: String
    /// Round trip times over the last statistics interval, in microseconds; 0 when nothing was asked.
    public var roundTripAverage: Int
    public var roundTrip99: Int
    /// Requests that failed, since the client was made.
    public var errors: Int
  }

  public struct Failure: Sendable, Hashable {
    public var kind: KafkaError.Kind
    public var name: String
    public var text: String
    public var at: Int64
  }

  public var group: String?
  /// The id under which the group knows this member.
  public var memberID: String?
  /// As configured: names and expressions.
  public var topics: [String]
  /// Topics that exist and are read, or in a group would be.
  public var matchedTopics: [String]
  public var partitions: [Partition]
  /// Whether it is known what to read: in mode `all` the topics were found, in a group it gave a share, be it empty.
  public var isAssigned: Bool
  public var rebalances: Int
  public var lastRebalanceAt: Int64?
  public var trouble: Trouble?
  public var errors: [KafkaError.Kind: Int]
  public var lastFailure: Failure?
  public var brokers: [Broker]
  public var threads: Int
  /// Records and bytes applied since the pool was made.
  public var records: Int
  public var bytes: Int
  /// What waits in librdkafka's queues to be applied, as of the last statistics.
  public var queueRecords: Int
  public var queueBytes: Int
  /// Times that a partition went on elsewhere because its position was gone.
  public var gaps: Int
  /// Records that retention took before they were read, or that could not be decoded as Kafka batches.
  public var recordsLost: Int64
  /// Times that a dead client was made anew.
  public var recreations: Int
  /// When the pool was made.
  public var startedAt: Int64

  /// Every assigned partition has reached the end that was seen at its assignment.
  public var isReplayed: Bool { isAssigned && partitions.allSatisfy(\.isReplayed) }

  /// How much of the replay is done, from 0 to 1.
  public var replayProgress: Double {
    guard isAssigned else { return 0 }
    var done = 0.0
    for partition in partitions {
      guard let start = partition.start, let target = partition.target, let position = partition.position else {
        continue
      }
      done += target <= start ? 1 : min(1, Double(max(0, position - start)) / Double(target - start))
    }
    return partitions.isEmpty ? 1 : done / Double(partitions.count)
  }
}
