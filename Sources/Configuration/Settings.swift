extension Setting {
  /// Every setting, in the order in which help, reference and status pages show them.
  public static let all: [Setting] = [configFile] + kafka + buffer + export + query + delivery + web + process

  private static let configFile = Setting(
    "config-file", .text(\.configFile), "path", fileKey: "",
    "YAML file with settings. Options and environment variables go before it.")

  private static let kafka: [Setting] = [
    Setting(
      "kafka.brokers", .list(\.kafka.brokers, commas: true), "host:port",
      "Kafka brokers to begin with, separated by commas; the others are found through them."),
    Setting(
      "kafka.topic", .list(\.kafka.topics, commas: false), "name", fileKey: "kafka.topics",
      "Topic to read; ^ at the start makes it a regular expression. May be given several times."),
    Setting(
      "kafka.mode", .choice(\.kafka.mode), "all|group",
      "all: this process reads every partition. group: processes of one group share the partitions."),
    Setting(
      "kafka.group-id", .text(\.kafka.groupID), "name",
      "Consumer group of mode group. In mode all no group is joined."),
    Setting(
      "kafka.threads", .count(\.kafka.threads, 0...1024), "count",
      "Threads that decode records; 0 means one for each processor."),
    Setting(
      "kafka.property", .properties, "name=value", fileKey: "kafka.properties",
      "Property passed to librdkafka, such as security.protocol=sasl_ssl. May be given several times."),
    Setting(
      "kafka.property-file", .propertyFiles, "name=path", fileKey: "kafka.properties",
      "librdkafka property whose value is in a file: for passwords. May be given several times."),
    Setting(
      "kafka.dead-letter-topic", .text(\.kafka.deadLetterTopic), "name",
      "Topic to which records that cannot be decoded are produced; none when empty."),
    Setting(
      "kafka.metadata-interval", .duration(\.kafka.metadataInterval, .seconds(1)...Setting.day), "duration",
      "How often new topics and partitions are looked for."),
    Setting(
      "kafka.queue-bytes", .size(\.kafka.queueBytes, (1 << 20)...(1 << 40)), "size",
      "What librdkafka may hold of fetched records, all partitions together."),
    Setting(
      "record.max-bytes", .size(\.record.maxBytes, 1024...(1 << 31)), "size",
      "Largest uncompressed record; one that claims more is refused unread."),
  ]

  private static let buffer: [Setting] = [
    Setting(
      "buffer.retention", .duration(\.buffer.retention, .zero...Setting.decade), "duration",
      "How far back samples are kept, and how far back Kafka is read at the start. 0: as far as the memory reaches."),
    Setting(
      "buffer.max-bytes", .size(\.buffer.maxBytes, (1 << 20)...(1 << 46)), "size",
      "Memory for samples and their index, a hard limit: when it is reached the oldest samples go first."),
    Setting(
      "buffer.max-series", .count(\.buffer.maxSeries, 1...Int(UInt32.max)), "count",
      "Series held at the same time; further ones are refused and counted."),
    Setting(
      "buffer.max-labels", .count(\.buffer.maxLabels, 1...65_535), "count",
      "Labels of one series, the metric name included; a series with more is refused and counted."),
    Setting(
      "buffer.max-label-name-bytes", .size(\.buffer.maxLabelNameBytes, 1...65_535), "size",
      "Longest label name; a series with a longer one is refused and counted."),
    Setting(
      "buffer.max-label-value-bytes", .size(\.buffer.maxLabelValueBytes, 1...(1 << 24)), "size",
      "Longest label value; a series with a longer one is refused and counted."),
    Setting(
      "buffer.future-skew", .duration(\.buffer.futureSkew, .zero...Setting.decade), "duration",
      "Samples further in the future than this are dropped and counted."),
    Setting(
      "buffer.slab-duration", .duration(\.buffer.slabDuration, .zero...Setting.decade), "duration",
      "Time span that is dropped at once when it is too old. 0: an eighth of the retention."),
  ]

  private static let export: [Setting] = [
    Setting(
      "export.staleness", .duration(\.export.staleness, .milliseconds(1)...Setting.decade), "duration",
      "A series whose newest sample is older than this is left off /metrics."),
    Setting(
      "export.timestamps", .flag(\.export.timestamps), "true|false",
      "Write the samples' own timestamps on /metrics."),
    Setting(
      "export.metric-type", .metricTypes, "name=type", fileKey: "export.metrics",
      "Type of a metric family (counter, gauge, histogram, summary, untyped) where its name does not tell. "
        + "May be given several times; the YAML file can give a help text too."),
  ]

  private static let query: [Setting] = [
    Setting(
      "query.timeout", .duration(\.query.timeout, .milliseconds(1)...Setting.day), "duration",
      "Longest time that a query may take; requests may ask for less."),
    Setting(
      "query.max-concurrency", .count(\.query.maxConcurrency, 1...1024), "count",
      "Queries worked on at the same time; each uses several processors where that is worth it."),
    Setting(
      "query.max-queue", .count(\.query.maxQueue, 0...1_000_000), "count",
      "Queries that may wait for their turn, client addresses taking turns; one more is answered 503."),
    Setting(
      "query.max-samples", .count(\.query.maxSamples, 1...1_000_000_000_000), "count",
      "Samples that one query may hold in memory."),
    Setting(
      "query.max-series", .count(\.query.maxSeries, 1...1_000_000_000), "count",
      "Series that one query may select, all of its selectors together; with more it is answered 422."),
    Setting(
      "query.max-response-bytes", .size(\.query.maxResponseBytes, 1024...(1 << 34)), "size",
      "Largest result of a query; a larger one is answered 422. Other large answers are made while they are sent."),
    Setting(
      "query.lookback-delta", .duration(\.query.lookbackDelta, .milliseconds(1)...Setting.decade), "duration",
      "How far back the newest sample of a series is looked for."),
    Setting(
      "query.remote-read-max-concurrency", .count(\.query.remoteReadMaxConcurrency, 1...1024), "count",
      "Remote reads worked on at the same time; as many as query.max-queue may wait for their turn."),
    Setting(
      "query.remote-read-max-samples", .count(\.query.remoteReadMaxSamples, 1...1_000_000_000_000), "count",
      "Samples of a remote read that is not streamed; with more it is answered 400."),
    Setting(
      "query.remote-read-frame-bytes", .size(\.query.remoteReadFrameBytes, 1024...(32 << 20)), "size",
      "About how large the frames of a streamed remote read are."),
    Setting(
      "query.strong-read-timeout", .duration(\.query.strongReadTimeout, .milliseconds(1)...Setting.day), "duration",
      "Longest wait of a request with X-Promring-Consistency: strong, which is answered 503 after it."),
    Setting(
      "query.log-slower-than", .duration(\.query.logSlowerThan, .zero...Setting.day), "duration",
      "A query that takes longer is logged with what it cost. 0: none is."),
    Setting(
      "enable-feature", .list(\.query.features, commas: true, words: ServeConfiguration.Query.knownFeatures), "name",
      fileKey: "query.features",
      "Part of PromQL that Prometheus keeps behind the option of this name: "
        + ServeConfiguration.Query.knownFeatures.joined(separator: ", ") + ". May be given several times."),
  ]

  private static let delivery: [Setting] = [
    Setting(
      "delivery.state", .text(\.delivery.state), "path",
      "Directory that keeps the delivery tasks made by requests; without it there are those of the file alone."),
    Setting(
      "delivery.threads", .count(\.delivery.threads, 0...1024), "count",
      "Remote writes read at the same time; 0 means one for each processor."),
    Setting(
      "delivery.max-request-bytes", .size(\.delivery.maxRequestBytes, 1024...(1 << 30)), "size",
      "What a remote write may unpack to; a larger one is answered 413."),
    Setting(
      "delivery.max-in-flight-bytes", .size(\.delivery.maxInFlightBytes, (1 << 20)...(1 << 40)), "size",
      "Memory for requests being read and records that Kafka has not acknowledged; beyond it requests are answered 503."
    ),
    Setting(
      "delivery.request-timeout", .duration(\.delivery.requestTimeout, .milliseconds(10)...Setting.day), "duration",
      "Longest wait for Kafka's acknowledgement; then a remote write is answered 503, and its sender tries again."),
    Setting(
      "delivery.cache-bytes", .size(\.delivery.cacheBytes, (1 << 20)...(1 << 40)), "size",
      "Memory for the series that a source of a delivery task knows again, for each source."),
  ]

  private static let web: [Setting] = [
    Setting(
      "web.listen-address", .address(\.web.listenAddress), "host:port",
      "Where to listen. :9797 means all addresses, port 0 a free port, which is logged."),
    Setting(
      "web.probe-listen-address", .optionalAddress(\.web.probeListenAddress), "host:port",
      "Where to answer probes alone, over plain HTTP and without credentials. None when empty."),
    Setting(
      "web.config-file", .path(\.web.configFile), "path",
      "File with TLS, users, headers and rate limit, as Prometheus and its exporters have it. It is read again when it "
        + "changes."),
    Setting(
      "web.bearer-token-file", .path(\.web.bearerTokenFile), "path",
      "File with tokens that let in as a user and a password do: one a line, with a comment behind # if need be."),
    Setting(
      "web.threads", .count(\.web.threads, 0...1024), "count",
      "Threads that wait on connections; 0 means one for each processor."),
    Setting(
      "web.max-connections", .count(\.web.maxConnections, 1...1_000_000), "count",
      "Connections open at the same time."),
    Setting(
      "web.max-connections-per-address", .count(\.web.maxConnectionsPerAddress, 0...1_000_000), "count",
      "The same for one client address; 0 means no limit of its own."),
    Setting(
      "web.max-concurrency", .count(\.web.maxConcurrency, 1...1024), "count",
      "Pages and lists (all but queries and probes) worked on at the same time."),
    Setting(
      "web.max-queue", .count(\.web.maxQueue, 0...1_000_000), "count",
      "Such requests that may wait for their turn, client addresses taking turns; one more is answered 503."),
    Setting(
      "web.max-header-bytes", .size(\.web.maxHeaderBytes, (8 << 10)...(1 << 20)), "size",
      "Memory for a request's line and headers, of each connection; what does not fit is answered 431 or 414."),
    Setting(
      "web.max-body-bytes", .size(\.web.maxBodyBytes, 1024...(1 << 31)), "size",
      "Largest request body; a larger one is answered 413."),
    Setting(
      "web.request-timeout", .duration(\.web.requestTimeout, .seconds(1)...Setting.day), "duration",
      "Longest time that a request may take to come in, headers and body; a slower one is cut off."),
    Setting(
      "web.idle-timeout", .duration(\.web.idleTimeout, .seconds(1)...Setting.day), "duration",
      "A connection on which nothing happens for this long is closed."),
    Setting(
      "web.path-prefix", .urlPath(\.web.pathPrefix), "/path",
      "Put before every path, for a proxy that does not take it away."),
    Setting(
      "web.cors-origin", .text(\.web.corsOrigin), "regex",
      "Origins whose pages may read answers in a browser: a regular expression over the whole origin, .* for all. "
        + "None when empty."),
    Setting(
      "web.enable-admin-api", .flag(\.web.enableAdminAPI), "true|false",
      "Answer /api/v1/admin/tsdb: whoever reaches the port may delete samples from the memory of this process."),
    Setting(
      "web.enable-delivery-api", .flag(\.web.enableDeliveryAPI), "true|false",
      "Let requests make, change and delete delivery tasks: whoever reaches the port may send samples anywhere."),
    Setting(
      "web.enable-lifecycle", .flag(\.web.enableLifecycle), "true|false",
      "Answer POST /-/reload: whoever reaches the port may have the configuration file read again."),
  ]

  private static let process: [Setting] = [
    Setting(
      "ready.grace", .duration(\.ready.grace, .zero...Setting.day), "duration",
      "Trouble with Kafka that lasts longer than this makes /-/ready answer 503."),
    Setting(
      "shutdown.timeout", .duration(\.shutdown.timeout, .milliseconds(1)...Setting.day), "duration",
      "Longest time between SIGTERM and the end."),
    Setting(
      "log.level", .choice(\.log.level, synonyms: ["warn": "warning"]), "level",
      "Least level that is logged: trace, debug, info, notice, warning, error or critical."),
    Setting(
      "log.format", .choice(\.log.format), "logfmt|json",
      "Form of the log lines on standard error."),
  ]

  private static let day = Duration.seconds(86_400)
  private static let decade = Duration.seconds(10 * 365 * 86_400)
}
