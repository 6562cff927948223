internal import CRdKafka

/// librdkafka's in-process Kafka: brokers on loopback TCP with free ports, which other clients and processes can reach
/// as well. For demonstrations and tests; nothing outlives the process.
///
/// What it cannot do: TLS, SASL, groups' descriptions, lookups by time (always "none", see ``OffsetLookup``), compaction,
/// transactions that abort. A partition keeps about 5 MiB. A fetch that finds nothing sleeps its whole
/// `fetch.wait.max.ms`: set that to 10–50 ms in clients of this cluster.
public final class EmbeddedCluster: Sendable {
  private let state: Monitor<State>

  /// `rd_kafka_mock_*` calls are thread-safe, but not against ``close()``: all go through the monitor.
  private struct State: @unchecked Sendable {  // the pointers stay inside the monitor
    let client: Client
    var cluster: OpaquePointer?
  }

  /// `host:port,…` of all brokers.
  public let bootstrap: String
  public let brokers: [String]

  public init(brokers count: Int = 1, log: @escaping ClientLog = { _, _, _ in }) throws(SettingsError) {
    // The handle that carries the cluster never connects anywhere itself.
    let settings = try ClientSettings(brokers: ["127.0.0.1:1"], clientID: "promring-embedded", log: log)
    let client = try Client(
      RD_KAFKA_PRODUCER, settings, defaults: [("log_level", "4"), ("enable.sparse.connections", "true")], fixed: [],
      callbacks: ClientCallbacks(log: EmbeddedCluster.withoutNoise(log)))
    guard let cluster = rd_kafka_mock_cluster_new(client.handle, Int32(max(1, count))) else {
      client.close()
      throw .refused(reason: "librdkafka cannot start its in-process cluster of \(count) brokers")
    }
    bootstrap = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
    brokers = bootstrap.split(separator: ",").map(String.init)
    state = Monitor(State(client: client, cluster: cluster))
  }

  deinit { close() }

  /// The handle's own attempts to connect are meaningless.
  private static func withoutNoise(_ log: @escaping ClientLog) -> ClientLog {
    { level, facility, message in
      if facility != "FAIL" && facility != "ERROR" { log(level, facility, message) }
    }
  }

  /// Takes the brokers down for good: connections first, then the handle that carried them. Idempotent.
  public func close() {
    state.withLock { state in
      guard let cluster = state.cluster else { return }
      state.cluster = nil
      rd_kafka_mock_cluster_destroy(cluster)
      state.client.close()
    }
  }

  public func createTopic(_ name: String, partitions: Int, replication: Int = 1) throws(KafkaError) {
    try run { rd_kafka_mock_topic_create($0, name, Int32(partitions), Int32(replication)) }
  }

  /// Makes the topic answer every question about it with `error`, or none again. With code 3 it looks missing.
  public func setError(_ code: Int32, ofTopic name: String) throws(KafkaError) {
    try run {
      rd_kafka_mock_topic_set_error($0, name, rd_kafka_resp_err_t(rawValue: code))
      return RD_KAFKA_RESP_ERR_NO_ERROR
    }
  }

  /// Cuts a broker's connections and refuses new ones, or takes them again. Brokers count from 1.
  public func setBroker(_ id: Int32, isUp: Bool) throws(KafkaError) {
    try run { isUp ? rd_kafka_mock_broker_set_up($0, id) : rd_kafka_mock_broker_set_down($0, id) }
  }

  /// Lets a broker take this long for each answer.
  public func setRoundTrip(_ duration: Duration, ofBroker id: Int32) throws(KafkaError) {
    try run { rd_kafka_mock_broker_set_rtt($0, id, Int32(clamping: duration.wholeMilliseconds)) }
  }

  /// Makes `broker` the leader of a partition; −1 leaves it without one.
  public func setLeader(_ broker: Int32, of partition: TopicPartition) throws(KafkaError) {
    try run { rd_kafka_mock_partition_set_leader($0, partition.topic, partition.partition, broker) }
  }

  /// Answers the next requests of one kind (Kafka's API key: 1 Fetch, 2 ListOffsets, 3 Metadata, 11 JoinGroup, …) with
  /// these errors, one each.
  public func failRequests(ofKind apiKey: Int16, with codes: [Int32]) throws(KafkaError) {
    try run {
      let errors = codes.map { rd_kafka_resp_err_t(rawValue: $0) }
      rd_kafka_mock_push_request_errors_array($0, apiKey, errors.count, errors)
      return RD_KAFKA_RESP_ERR_NO_ERROR
    }
  }

  private func run(_ body: (OpaquePointer) -> rd_kafka_resp_err_t) throws(KafkaError) {
    let code = state.withLock { state in state.cluster.map(body) ?? RD_KAFKA_RESP_ERR__DESTROY }
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code) }
  }
}
