/// Everything that `promring serve` can be told, as plain values: the defaults stand here, the names under which a user
/// sets them in `Setting.all`. Sizes are in bytes.
public struct ServeConfiguration: Sendable, Equatable {
  public var kafka = Kafka()
  public var record = Record()
  public var buffer = Buffer()
  public var export = Export()
  public var query = Query()
  public var delivery = Delivery()
  public var web = Web()
  public var ready = Ready()
  public var shutdown = Shutdown()
  public var log = Log()
  /// The YAML file that was read, if any.
  public var configFile = ""

  public init() {}

  /// Whether it holds or names passwords, tokens or keys. Tasks made later by requests may, too.
  public var hasSecrets: Bool {
    !web.configFile.isEmpty || !web.bearerTokenFile.isEmpty || web.enableDeliveryAPI || !delivery.state.isEmpty
      || !delivery.tasks.isEmpty || kafka.properties.contains { $0.value.isSecret(as: $0.key) }
  }
}

extension ServeConfiguration {
  /// Where records come from.
  public struct Kafka: Sendable, Equatable {
    public enum Mode: String, Sendable, CaseIterable {
      /// Every replica reads every partition and joins no group.
      case all
      /// Replicas share the partitions as members of one consumer group.
      case group
    }

    /// `host:port` each; librdkafka finds the other brokers by itself.
    public var brokers: [String] = []
    /// Topic names; one that starts with `^` is a regular expression.
    public var topics: [String] = []
    public var mode = Mode.all
    /// The consumer group of mode `group`; in mode `all` nobody joins it.
    public var groupID = "promring"
    /// Threads that decode and append; 0 means one for each processor.
    public var threads = 0
    /// librdkafka properties that pass through, by name.
    public var properties: [String: KafkaProperty] = [:]
    /// Where records that cannot be decoded are produced to; empty means nowhere.
    public var deadLetterTopic = ""
    /// How often topics and partitions are looked up anew: after this time at the latest a new one is read.
    public var metadataInterval = Duration.seconds(30)
    /// What librdkafka may hold of fetched records, all partitions together.
    public var queueBytes = 64 << 20

    public init() {}
  }

  /// What one Kafka record may be.
  public struct Record: Sendable, Equatable {
    /// The largest uncompressed size that is accepted; a record that claims more is refused before any allocation.
    public var maxBytes = 64 << 20

    public init() {}
  }

  /// The window of recent samples in memory.
  public struct Buffer: Sendable, Equatable {
    /// How far back samples are kept; zero means no limit of time, `maxBytes` alone decides.
    public var retention = Duration.seconds(3600)
    /// Hard limit of chunks, index and symbols together; the oldest slab goes first.
    public var maxBytes = 512 << 20
    public var maxSeries = 1_000_000
    /// Labels of one series, the metric name included.
    public var maxLabels = 64
    public var maxLabelNameBytes = 512
    public var maxLabelValueBytes = 8192
    /// Samples further in the future than this are dropped.
    public var futureSkew = Duration.seconds(600)
    /// Time span of a slab; zero leaves it to `effectiveSlabDuration`.
    public var slabDuration = Duration.zero

    public init() {}

    /// The time span of a slab: as set, else an eighth of the retention (of one hour where retention knows no limit),
    /// but never below one second.
    public var effectiveSlabDuration: Duration {
      if slabDuration > .zero { return slabDuration }
      return max((retention > .zero ? retention : .seconds(3600)) / 8, .seconds(1))
    }
  }

  /// The re-exported page, `/metrics`.
  public struct Export: Sendable, Equatable {
    /// A series whose newest sample is older than this is left off the page.
    public var staleness = Duration.seconds(300)
    /// Whether lines carry the timestamps of the samples.
    public var timestamps = true
    /// What is known of metric families by name: the delivered format tells neither type nor help.
    public var metrics: [String: MetricDescription] = [:]

    public init() {}
  }

  public struct MetricDescription: Sendable, Equatable {
    public enum MetricType: String, Sendable, CaseIterable {
      case counter, gauge, histogram, summary, untyped
    }

    public var type: MetricType
    /// The text of the `# HELP` line; empty means none.
    public var help: String

    public init(type: MetricType, help: String = "") {
      self.type = type
      self.help = help
    }
  }

  public struct Query: Sendable, Equatable {
    public var timeout = Duration.seconds(120)
    /// Queries that are worked on at the same time.
    public var maxConcurrency = 20
    /// Queries that may wait for their turn; one more is refused with 503.
    public var maxQueue = 512
    /// Samples that one query may hold in memory.
    public var maxSamples = 50_000_000
    /// Series that one query may select, all of its selectors together.
    public var maxSeries = 2_000_000
    /// The largest result of a query, in JSON.
    public var maxResponseBytes = 256 << 20
    public var lookbackDelta = Duration.seconds(300)
    /// How long a read with `X-Promring-Consistency: strong` may wait.
    public var strongReadTimeout = Duration.seconds(10)
    /// A query that takes longer is logged; zero means none.
    public var logSlowerThan = Duration.seconds(5)
    /// What Prometheus keeps behind `--enable-feature`; each is one of `knownFeatures`.
    public var features: [String] = []

    /// Features by the names that Prometheus has for them.
    public static let knownFeatures = [
      "promql-binop-fill-modifiers", "promql-duration-expr", "promql-experimental-functions",
      "promql-extended-range-selectors", "promql-per-step-stats",
    ]
    /// Remote reads that are worked on at the same time.
    public var remoteReadMaxConcurrency = 10
    /// Samples of a remote read that is not streamed, all of its queries together.
    public var remoteReadMaxSamples = 50_000_000
    /// Size at which a frame of a streamed remote read ends.
    public var remoteReadFrameBytes = 1 << 20

    public init() {}
  }

  /// The write side.
  public struct Delivery: Sendable, Equatable {
    /// Those of the YAML file.
    public var tasks: [DeliveryTask] = []
    /// The directory that keeps the tasks that requests have made; empty means that there can be none.
    public var state = ""
    /// Remote writes that are read at the same time; 0 means one for each processor.
    public var threads = 0
    /// What a remote write may unpack to.
    public var maxRequestBytes = 32 << 20
    /// Requests that are read and records that Kafka has not acknowledged, all together.
    public var maxInFlightBytes = 128 << 20
    /// How long a request may wait for the acknowledgement.
    public var requestTimeout = Duration.seconds(25)
    /// What each source of a task may remember of the series that it knows.
    public var cacheBytes = 128 << 20

    public init() {}
  }

  public struct Web: Sendable, Equatable {
    public var listenAddress = ListenAddress(host: "127.0.0.1", port: 9797)
    /// A second address with nothing but the probes, for whoever has no credentials; `nil` means none.
    public var probeListenAddress: ListenAddress?
    /// The file with TLS, users, headers and rate limit; empty means plain HTTP for everybody.
    public var configFile = ""
    /// The file with the tokens that let in; empty means none.
    public var bearerTokenFile = ""
    /// Threads that wait on sockets; 0 means one for each processor.
    public var threads = 0
    public var maxConnections = 512
    /// Connections from one client address; 0 means no limit of its own.
    public var maxConnectionsPerAddress = 0
    /// Requests for pages and lists, whatever is no query, that are worked on at the same time.
    public var maxConcurrency = 8
    /// Such requests that may wait for their turn; one more is refused with 503.
    public var maxQueue = 512
    /// Request line and headers of one request.
    public var maxHeaderBytes = 32 << 10
    public var maxBodyBytes = 16 << 20
    /// How long a request may take to come in.
    public var requestTimeout = Duration.seconds(60)
    public var idleTimeout = Duration.seconds(300)
    /// Put before every path: empty, or `/` and more without a `/` at the end.
    public var pathPrefix = ""
    /// Browser pages of these origins may read answers: a regular expression, anchored at both ends; empty means none.
    public var corsOrigin = ""
    /// Whether requests may delete samples.
    public var enableAdminAPI = false
    /// Whether requests may make, change and delete delivery tasks.
    public var enableDeliveryAPI = false
    /// Whether requests may have the configuration file read again.
    public var enableLifecycle = false

    public init() {}
  }

  public struct Ready: Sendable, Equatable {
    /// Trouble that lasts longer than this makes `/-/ready` answer 503.
    public var grace = Duration.seconds(30)

    public init() {}
  }

  public struct Shutdown: Sendable, Equatable {
    /// The process exits this long after SIGTERM, whatever is still open.
    public var timeout = Duration.seconds(10)

    public init() {}
  }

  public struct Log: Sendable, Equatable {
    public enum Level: String, Sendable, CaseIterable {
      case trace, debug, info, notice, warning, error, critical
    }
    public enum Format: String, Sendable, CaseIterable {
      case logfmt, json
    }

    public var level = Level.info
    public var format = Format.logfmt

    public init() {}
  }
}
