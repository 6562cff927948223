internal import ArgumentParser
internal import Configuration

// The options by group, in the order of the table of settings. A test holds both together.

/// How Kafka is reached and what is read: all that `tail` needs.
struct KafkaOptions: SettingOptions {
  @Option("kafka.brokers") var kafkaBrokers: [String]
  @Option("kafka.topic") var kafkaTopic: [String]
  @Option("kafka.property") var kafkaProperty: [String]
  @Option("kafka.property-file") var kafkaPropertyFile: [String]
  @Option("record.max-bytes") var recordMaxBytes: String?
}

/// How the consumers work.
struct ConsumerOptions: SettingOptions {
  @Option("kafka.mode") var kafkaMode: String?
  @Option("kafka.group-id") var kafkaGroupId: String?
  @Option("kafka.threads") var kafkaThreads: String?
  @Option("kafka.dead-letter-topic") var kafkaDeadLetterTopic: String?
  @Option("kafka.metadata-interval") var kafkaMetadataInterval: String?
  @Option("kafka.queue-bytes") var kafkaQueueBytes: String?
}

struct BufferOptions: SettingOptions {
  @Option("buffer.retention") var bufferRetention: String?
  @Option("buffer.max-bytes") var bufferMaxBytes: String?
  @Option("buffer.max-series") var bufferMaxSeries: String?
  @Option("buffer.max-labels") var bufferMaxLabels: String?
  @Option("buffer.max-label-name-bytes") var bufferMaxLabelNameBytes: String?
  @Option("buffer.max-label-value-bytes") var bufferMaxLabelValueBytes: String?
  @Option("buffer.future-skew") var bufferFutureSkew: String?
  @Option("buffer.slab-duration") var bufferSlabDuration: String?
}

struct ExportOptions: SettingOptions {
  @Option("export.staleness") var exportStaleness: String?
  @Flag("export.timestamps") var exportTimestamps: Bool?
  @Option("export.metric-type") var exportMetricType: [String]
}

struct QueryOptions: SettingOptions {
  @Option("query.timeout") var queryTimeout: String?
  @Option("query.max-concurrency") var queryMaxConcurrency: String?
  @Option("query.max-queue") var queryMaxQueue: String?
  @Option("query.max-samples") var queryMaxSamples: String?
  @Option("query.max-series") var queryMaxSeries: String?
  @Option("query.max-response-bytes") var queryMaxResponseBytes: String?
  @Option("query.lookback-delta") var queryLookbackDelta: String?
  @Option("query.remote-read-max-concurrency") var queryRemoteReadMaxConcurrency: String?
  @Option("query.remote-read-max-samples") var queryRemoteReadMaxSamples: String?
  @Option("query.remote-read-frame-bytes") var queryRemoteReadFrameBytes: String?
  @Option("query.strong-read-timeout") var queryStrongReadTimeout: String?
  @Option("query.log-slower-than") var queryLogSlowerThan: String?
  @Option("enable-feature") var enableFeature: [String]
}

struct DeliveryOptions: SettingOptions {
  @Option("delivery.state") var deliveryState: String?
  @Option("delivery.threads") var deliveryThreads: String?
  @Option("delivery.max-request-bytes") var deliveryMaxRequestBytes: String?
  @Option("delivery.max-in-flight-bytes") var deliveryMaxInFlightBytes: String?
  @Option("delivery.request-timeout") var deliveryRequestTimeout: String?
  @Option("delivery.cache-bytes") var deliveryCacheBytes: String?
}

struct WebOptions: SettingOptions {
  @Option("web.listen-address") var webListenAddress: String?
  @Option("web.probe-listen-address") var webProbeListenAddress: String?
  @Option("web.config-file") var webConfigFile: String?
  @Option("web.bearer-token-file") var webBearerTokenFile: String?
  @Option("web.threads") var webThreads: String?
  @Option("web.max-connections") var webMaxConnections: String?
  @Option("web.max-connections-per-address") var webMaxConnectionsPerAddress: String?
  @Option("web.max-concurrency") var webMaxConcurrency: String?
  @Option("web.max-queue") var webMaxQueue: String?
  @Option("web.max-header-bytes") var webMaxHeaderBytes: String?
  @Option("web.max-body-bytes") var webMaxBodyBytes: String?
  @Option("web.request-timeout") var webRequestTimeout: String?
  @Option("web.idle-timeout") var webIdleTimeout: String?
  @Option("web.path-prefix") var webPathPrefix: String?
  @Option("web.cors-origin") var webCorsOrigin: String?
  @Flag("web.enable-admin-api") var webEnableAdminApi: Bool?
  @Flag("web.enable-delivery-api") var webEnableDeliveryApi: Bool?
  @Flag("web.enable-lifecycle") var webEnableLifecycle: Bool?
  @Option("ready.grace") var readyGrace: String?
}

/// What every command takes.
struct CommonOptions: SettingOptions {
  @Option("config-file") var configFile: String?
  @Option("log.level") var logLevel: String?
  @Option("log.format") var logFormat: String?
  @Option("shutdown.timeout") var shutdownTimeout: String?
}

/// Every setting there is.
struct ServeOptions: ParsableArguments {
  @OptionGroup var common: CommonOptions
  @OptionGroup(title: "Kafka Options") var kafka: KafkaOptions
  @OptionGroup(title: "Consumer Options") var consumer: ConsumerOptions
  @OptionGroup(title: "Buffer Options") var buffer: BufferOptions
  @OptionGroup(title: "Export Options") var export: ExportOptions
  @OptionGroup(title: "Query Options") var query: QueryOptions
  @OptionGroup(title: "Delivery Options") var delivery: DeliveryOptions
  @OptionGroup(title: "Web Options") var web: WebOptions

  var given: [(setting: Setting, texts: [String])] {
    common.given + kafka.given + consumer.given + buffer.given + export.given + query.given + delivery.given
      + web.given
  }
}

/// What help texts say of the three ways to set something.
let settingsDiscussion = """
  Each option is an environment variable too, and most are a key in the YAML file of --config-file: \
  --kafka-group-id, PROMRING_KAFKA_GROUP_ID, and group_id below kafka: in the file. Options go before the \
  environment, that before the file, that before the default. Durations are written as 30s or 1h30m, sizes as 512MiB.
  """
