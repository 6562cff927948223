internal import CRdKafka

/// Owns one `rd_kafka_t`.
///
/// `@unchecked Sendable`: librdkafka's client is safe to call from any thread until it is destroyed; ``close()`` waits
/// for everyone who holds a lease before it does that.
final class Client: @unchecked Sendable {
  let handle: OpaquePointer
  private let callbacks: ClientCallbacks  // librdkafka points to it, unretained, until the handle is destroyed
  private let leases = Monitor(Leases())

  private struct Leases {
    var count = 0
    var closed = false
    /// Handles of topics by address, and how often each has been given out.
    var topics: [UInt: Int] = [:]
  }

  /// - Parameters:
  ///   - defaults: apply where `settings` say nothing.
  ///   - fixed: apply whatever `settings` say.
  init(
    _ type: rd_kafka_type_t, _ settings: ClientSettings, defaults: [(String, String)], fixed: [(String, String)],
    callbacks: ClientCallbacks, rebalances: Bool = false, deliveries: Bool = false
  ) throws(SettingsError) {
    var config = ClientConfig()
    for (name, value) in defaults { try config.set(name, value) }
    for (name, value) in settings.properties.sorted(by: { $0.key < $1.key }) { try config.set(name, value) }
    try config.set("bootstrap.servers", settings.bootstrap)
    try config.set("client.id", settings.clientID)
    for (name, value) in fixed { try config.set(name, value) }
    config.install(callbacks, rebalances: rebalances)
    if deliveries { config.reportDeliveriesAsEvents() }
    handle = try config.makeHandle(type)
    self.callbacks = callbacks
  }

  /// Runs `body` with a client that stays alive meanwhile; `nil` when it is being closed.
  func withLease<R>(_ body: (Client) -> R) -> R? {
    let granted = leases.withLock { leases in
      guard !leases.closed else { return false }
      leases.count += 1
      return true
    }
    guard granted else { return nil }
    defer { leases.update { $0.count -= 1 } }
    return body(self)
  }

  /// Grants no more leases.
  func refuseLeases() { leases.withLock { $0.closed = true } }

  /// Waits for the leases to end and destroys the client. Blocks, in the worst case for good (librdkafka 2.0.2 has such
  /// defects): call it on a thread that nobody has to wait for. Queues obtained from the client are gone by now.
  func close() {
    refuseLeases()
    _ = leases.wait(until: Deadline(in: .seconds(3600))) { $0.count == 0 ? true : nil }
    leases.withLock { leases in
      for (address, count) in leases.topics {
        for _ in 0..<count { rd_kafka_topic_destroy(OpaquePointer(bitPattern: address)) }
      }
      leases.topics = [:]
    }
    rd_kafka_destroy(handle)
  }

  // MARK: Topics

  /// A topic's handle, `nil` where the client is being closed. It is the client's as well as the caller's, who may keep it
  /// beyond the client's end: a handle has to be destroyed before the client.
  func makeTopic(_ name: String) -> OpaquePointer? {
    leases.withLock { leases in
      guard !leases.closed, let topic = rd_kafka_topic_new(handle, name, nil) else { return nil }
      leases.topics[UInt(bitPattern: topic), default: 0] += 1
      return topic
    }
  }

  /// Does nothing once the client has been closed.
  func destroyTopic(_ topic: OpaquePointer) {
    leases.withLock { leases in
      guard let count = leases.topics[UInt(bitPattern: topic)] else { return }
      leases.topics[UInt(bitPattern: topic)] = count > 1 ? count - 1 : nil
      rd_kafka_topic_destroy(topic)
    }
  }

  // MARK: Requests that block

  /// The offsets that brokers answer for `timestamp` (milliseconds, or one of ``Offset``), partition by partition.
  /// −1 stands for none.
  ///
  /// One request is sent to each leader, and librdkafka gives either all answers or none. So give the partitions of one
  /// leader at a time; where a broker refuses, each partition is asked for alone, so that one does not spoil the rest.
  func offsets(
    of partitions: [TopicPartition], at timestamp: Int64, until deadline: Deadline
  ) -> [TopicPartition: Result<Int64, KafkaError>] {
    guard !partitions.isEmpty else { return [:] }
    let list = PartitionList(partitions, offset: timestamp)
    let code = rd_kafka_offsets_for_times(handle, list.raw, deadline.millisecondsLeft)
    if code == RD_KAFKA_RESP_ERR_NO_ERROR {
      let answers = list.raw.map { element, partition -> (TopicPartition, Result<Int64, KafkaError>) in
        let failed = element.err != RD_KAFKA_RESP_ERR_NO_ERROR
        return (partition, failed ? .failure(KafkaError(element.err)) : .success(element.offset))
      }
      return Dictionary(answers) { first, _ in first }
    }
    let error = KafkaError(code)
    if partitions.count == 1 || error.kind == .transient || deadline.hasPassed {
      return Dictionary(uniqueKeysWithValues: partitions.map { ($0, .failure(error)) })
    }
    return partitions.reduce(into: [:]) { answers, partition in
      answers.merge(offsets(of: [partition], at: timestamp, until: deadline)) { first, _ in first }
    }
  }

  enum MetadataScope: Sendable {
    /// Every topic of the cluster that this client may describe.
    case all
    /// The topics that this client holds handles of.
    case known
    /// One topic by name; tells a missing one from one that is not ours to see.
    case topic(String)
  }

  func metadata(_ scope: MetadataScope, until deadline: Deadline) -> Result<ClusterMetadata, KafkaError> {
    var answer: UnsafePointer<rd_kafka_metadata_t>?
    let code: rd_kafka_resp_err_t
    let timeout = deadline.millisecondsLeft
    switch scope {
    case .all: code = rd_kafka_metadata(handle, 1, nil, &answer, timeout)
    case .known: code = rd_kafka_metadata(handle, 0, nil, &answer, timeout)
    case .topic(let name):
      let topic = rd_kafka_topic_new(handle, name, nil)
      code = rd_kafka_metadata(handle, 0, topic, &answer, timeout)
      if let topic { rd_kafka_topic_destroy(topic) }
    }
    guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let answer else { return .failure(KafkaError(code)) }
    defer { rd_kafka_metadata_destroy(answer) }
    return .success(ClusterMetadata(answer.pointee))
  }
}

/// What a broker knows of brokers, topics and leaders.
struct ClusterMetadata: Sendable {
  struct Topic: Sendable {
    var error: KafkaError?
    /// The leader of each partition by number; −1 while there is none.
    var leaders: [Int32: Int32] = [:]
  }
  /// `host:port` by broker id.
  var brokers: [Int32: String] = [:]
  var topics: [String: Topic] = [:]

  init() {}

  init(_ raw: rd_kafka_metadata_t) {
    for i in 0..<Int(raw.broker_cnt) {
      let broker = raw.brokers[i]
      brokers[broker.id] = "\(String(cString: broker.host)):\(broker.port)"
    }
    for i in 0..<Int(raw.topic_cnt) {
      let topic = raw.topics[i]
      var described = Topic()
      if topic.err != RD_KAFKA_RESP_ERR_NO_ERROR { described.error = KafkaError(topic.err) }
      for j in 0..<Int(topic.partition_cnt) {
        let partition = topic.partitions[j]
        described.leaders[partition.id] = partition.leader
      }
      topics[String(cString: topic.topic)] = described
    }
  }
}
