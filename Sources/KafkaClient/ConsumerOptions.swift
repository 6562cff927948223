internal import Glibc

/// What a ``ConsumerPool`` reads, and how.
public struct ConsumerOptions: Sendable {
  public enum Mode: Hashable, Sendable {
    /// Every partition of every matching topic; no group.
    case all
    /// A share of the partitions, as the consumer group of this name gives out.
    case group(String)
  }

  /// Names, and regular expressions (POSIX extended) that start with `^`.
  public var topics: [String]
  public var mode: Mode
  /// Workers; each gets a processor of its own. At least 1.
  public var threads: Int
  /// Where reading starts when a partition is met first or again: at the first record of this time or later, in
  /// milliseconds since the Unix epoch; `nil` for the earliest there is. Called on a thread of the pool.
  public var startTimestamp: @Sendable () -> Int64?
  /// How soon new partitions and newly matching topics are noticed, and dead brokers of idle partitions too.
  public var discoveryInterval: Duration
  /// Bytes that may wait in librdkafka to be applied, all partitions together. On top of it, each broker may have one
  /// answer under way, of at most a worker's share of this.
  public var queueBytesMax: Int
  /// Records lent to a processor at a time, at most.
  public var batchMax: Int
  /// How long a broker may take to answer a question of ours; after it the question is asked anew.
  public var requestTimeout: Duration
  /// In mode `group`: how often positions are committed for lag monitors to see. They are never read back.
  public var commitInterval: Duration
  /// In mode `group`: how long partitions are read on after the group took them away without giving out new shares.
  public var revokedGrace: Duration
  /// Answers lookups by time in the brokers' place.
  public var lookup: (any OffsetLookup)?

  public init(
    topics: [String], mode: Mode = .all, threads: Int = ConsumerOptions.cores,
    startTimestamp: @escaping @Sendable () -> Int64? = { nil }, discoveryInterval: Duration = .seconds(15),
    queueBytesMax: Int = 64 << 20, batchMax: Int = 1000, requestTimeout: Duration = .seconds(4),
    commitInterval: Duration = .seconds(5), revokedGrace: Duration = .seconds(60), lookup: (any OffsetLookup)? = nil
  ) {
    self.topics = topics
    self.mode = mode
    self.threads = max(1, threads)
    self.startTimestamp = startTimestamp
    self.discoveryInterval = discoveryInterval
    self.queueBytesMax = queueBytesMax
    self.batchMax = max(1, batchMax)
    self.requestTimeout = requestTimeout
    self.commitInterval = commitInterval
    self.revokedGrace = revokedGrace
    self.lookup = lookup
  }

  public static var cores: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// What librdkafka is told where the operator says nothing.
  ///
  /// All partitions of a worker feed one queue, and librdkafka measures that one against `queued.max.messages.kbytes`
  /// for each of them: so the limit is per worker, not per partition, and partitions may be many. It fits
  /// `fetch.max.bytes` to it by itself.
  func readerDefaults(_ selection: TopicSelection) -> [(String, String)] {
    let perWorker = max(1 << 20, queueBytesMax / threads) / 1024
    return commonDefaults(selection) + [
      ("queued.max.messages.kbytes", String(min(perWorker, 2_097_151))),
      // A waiting record costs some hundred bytes beyond its own, which the limit above does not count.
      ("queued.min.messages", "20000"),
      // A broker answers as soon as there is a byte. The wait only bounds how long a partition that starts has to wait
      // for the question already under way.
      ("fetch.min.bytes", "1"),
      ("fetch.wait.max.ms", "100"),
      ("fetch.error.backoff.ms", "250"),
      ("statistics.interval.ms", "5000"),
    ]
  }

  func commonDefaults(_ selection: TopicSelection) -> [(String, String)] {
    var defaults = [
      // Brokers close idle connections; that is no news.
      ("log.connection.close", "false"),
      ("socket.keepalive.enable", "true"),
      ("reconnect.backoff.max.ms", "5000"),
      ("topic.metadata.refresh.interval.ms", String(max(10, discoveryInterval.wholeMilliseconds))),
      ("allow.auto.create.topics", "false"),
    ]
    if selection.hidesInternalTopics { defaults.append(("topic.blacklist", "^__")) }
    return defaults
  }
}
