internal import CRdKafka
internal import Synchronization

/// What a ``Producer`` promises and how much it may hold.
public struct ProducerOptions: Sendable {
  public enum Acknowledgement: String, Sendable {
    case none = "0"
    case leader = "1"
    case all = "all"
  }

  /// Whose word makes a record delivered.
  public var acknowledgement: Acknowledgement
  /// Retries make neither duplicates nor disorder. Not every Kafka service can do it.
  public var isIdempotent: Bool
  /// Bytes and records that may wait for delivery; beyond it ``Producer/produce(to:partition:key:value:timestamp:token:)``
  /// answers ``Producer/Answer/queueFull``.
  public var queueBytesMax: Int
  public var queueRecordsMax: Int
  /// How long to gather records into a batch.
  public var linger: Duration
  /// How long delivery is tried before a record is reported as failed.
  public var deliveryTimeout: Duration

  public init(
    acknowledgement: Acknowledgement = .all, isIdempotent: Bool = true, queueBytesMax: Int = 64 << 20,
    queueRecordsMax: Int = 100_000, linger: Duration = .milliseconds(5), deliveryTimeout: Duration = .seconds(120)
  ) {
    self.acknowledgement = acknowledgement
    self.isIdempotent = isIdempotent
    self.queueBytesMax = queueBytesMax
    self.queueRecordsMax = queueRecordsMax
    self.linger = linger
    self.deliveryTimeout = deliveryTimeout
  }
}

/// The verdict on one produced record.
public struct DeliveryReport: Sendable {
  public enum Persistence: Sendable {
    /// Not in the log; sending it again makes no duplicate.
    case no
    /// Perhaps in the log.
    case possibly
    case yes
  }
  /// What was given to `produce`.
  public var token: UInt64
  /// `nil`: acknowledged.
  public var error: KafkaError?
  public var partition: Int32
  /// Where the record stands; −1 or −1001 when that is not known.
  public var offset: Int64
  public var persistence: Persistence
}

/// Writes records to Kafka. Any number of threads may produce; one thread of the producer's own serves librdkafka and
/// hands out delivery reports, many at a time.
public final class Producer: Sendable {
  public enum Answer: Sendable {
    /// A delivery report will come, sooner or later, in any case.
    case queued
    /// Nothing was taken: come back when reports have made room.
    case queueFull
    /// Nothing was taken, and trying again does not help.
    case refused(KafkaError)
  }

  /// A topic to write to. Belongs to the producer that gave it out.
  public final class Topic: Sendable {
    public let name: String
    fileprivate let handle: TopicHandle
    fileprivate init(name: String, handle: TopicHandle) {
      self.name = name
      self.handle = handle
    }
  }

  /// The error texts of the latest trouble, for status pages.
  public struct Status: Sendable {
    /// Set once the producer can deliver nothing any more: close it and make another one.
    public var fatal: KafkaError?
    public var lastError: KafkaError?
    public var lastErrorAt: Int64?
    /// Records that wait for delivery or for their report.
    public var queued: Int
  }

  private struct Shared {
    var fatal: KafkaError?
    var lastError: KafkaError?
    var lastErrorAt: Int64?
    var topics: [String: Topic] = [:]
    var isClosed = false
  }

  private let client: Client
  private let shared: Monitor<Shared>
  private let poller: NativeThread
  private let isEnding: Flag
  /// Records handed over and not reported yet. librdkafka's own count has its events in it, too.
  private let waiting: Count

  /// - Parameter onDelivery: called on the producer's own thread with the reports that have come; the array is reused,
  ///   so do not keep it. Must not call ``flush(within:)`` or ``close(within:)``.
  public init(
    settings: ClientSettings, options: ProducerOptions = ProducerOptions(),
    onDelivery: @escaping @Sendable (_ reports: [DeliveryReport]) -> Void = { _ in }
  ) throws(SettingsError) {
    let shared = Monitor(Shared())
    let note: @Sendable (KafkaError) -> Void = { error in
      shared.withLock { shared in
        shared.lastError = error
        shared.lastErrorAt = Clock.milliseconds
        if error.kind == .fatal { shared.fatal = error }
      }
    }
    let callbacks = ClientCallbacks(log: settings.log, onError: note)
    let client = try Client(
      RD_KAFKA_PRODUCER, settings,
      defaults: [
        ("log.connection.close", "false"), ("socket.keepalive.enable", "true"),
        ("reconnect.backoff.max.ms", "5000"), ("acks", options.acknowledgement.rawValue),
        ("enable.idempotence", options.isIdempotent ? "true" : "false"),
        ("linger.ms", String(options.linger.wholeMilliseconds)),
        ("message.timeout.ms", String(options.deliveryTimeout.wholeMilliseconds)),
        ("queue.buffering.max.kbytes", String(max(1, options.queueBytesMax / 1024))),
        ("queue.buffering.max.messages", String(options.queueRecordsMax)),
      ],
      fixed: [], callbacks: callbacks, deliveries: true)
    self.client = client
    self.shared = shared
    let isEnding = Flag()
    let waiting = Count()
    self.isEnding = isEnding
    self.waiting = waiting
    poller = NativeThread(named: "kafka-producer") {
      guard let queue = rd_kafka_queue_get_main(client.handle) else { return }
      var reports = DeliveryReports()
      while true {
        let isLast = isEnding.isSet
        while let event = rd_kafka_queue_poll(queue, isLast ? 0 : 100) {
          switch rd_kafka_event_type(event) {
          case RD_KAFKA_EVENT_DR:
            reports.take(event)
            waiting.value.subtract(reports.list.count, ordering: .relaxed)
            onDelivery(reports.list)
          case RD_KAFKA_EVENT_ERROR: note(Producer.error(of: event, client))
          default: break
          }
          rd_kafka_event_destroy(event)
        }
        if isLast { break }
      }
      rd_kafka_queue_destroy(queue)
    }
  }

  deinit { _ = close(within: .zero) }

  /// The topic of this name; whether it exists shows in delivery reports.
  public func topic(_ name: String) throws(SettingsError) -> Topic {
    if let flaw = TopicSelection.flaw(of: name) { throw .topic(name, reason: flaw) }
    let topic = shared.withLock { shared -> Topic? in
      if let topic = shared.topics[name] { return topic }
      guard !shared.isClosed, let handle = TopicHandle(name, of: client) else { return nil }
      let topic = Topic(name: name, handle: handle)
      shared.topics[name] = topic
      return topic
    }
    guard let topic else { throw .topic(name, reason: "the producer is closed") }
    return topic
  }

  /// How many partitions the brokers say the topic has. Blocks for a request; asking for a topic that is missing makes
  /// brokers create it where they are set to.
  public func partitionCount(of topic: Topic, within limit: Duration) -> Result<Int, KafkaError> {
    let answer = client.withLease { $0.metadata(.topic(topic.name), until: Deadline(in: limit)) }
    switch answer {
    case .success(let metadata)?:
      guard let described = metadata.topics[topic.name] else {
        return .failure(KafkaError(RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC))
      }
      if let error = described.error { return .failure(error) }
      return .success(described.leaders.count)
    case .failure(let error)?: return .failure(error)
    case nil: return .failure(KafkaError(RD_KAFKA_RESP_ERR__DESTROY, reason: "the producer is closed"))
    }
  }

  /// Hands a record over for delivery. Never blocks; key and value are copied.
  ///
  /// - Parameters:
  ///   - partition: `nil` leaves the choice to librdkafka: by key, or any for a record without one.
  ///   - value: `nil` makes a tombstone.
  ///   - timestamp: milliseconds since the Unix epoch; `nil` for now.
  ///   - token: comes back in the record's delivery report.
  public func produce(
    to topic: Topic, partition: Int32? = nil, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
    timestamp: Int64? = nil, token: UInt64 = 0
  ) -> Answer {
    waiting.value.add(1, ordering: .relaxed)
    let code = client.withLease { client in
      promring_rd_kafka_produce(
        client.handle, topic.handle.raw, partition ?? -1, Producer.base(key), key?.count ?? 0, Producer.base(value),
        value?.count ?? 0, timestamp ?? 0, UnsafeMutableRawPointer(bitPattern: UInt(token)))
    }
    if code == RD_KAFKA_RESP_ERR_NO_ERROR { return .queued }
    waiting.value.subtract(1, ordering: .relaxed)
    switch code {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return .queueFull
    case let code?: return .refused(KafkaError(code))
    case nil: return .refused(KafkaError(RD_KAFKA_RESP_ERR__DESTROY, reason: "the producer is closed"))
    }
  }

  /// The address of bytes that may be none: an empty buffer has no address, but must not become null.
  private static func base(_ bytes: UnsafeRawBufferPointer?) -> UnsafeRawPointer? {
    guard let bytes else { return nil }
    return bytes.baseAddress ?? nothing
  }
  /// Never read, written or freed: it only has to be an address.
  private nonisolated(unsafe) static let nothing = UnsafeRawPointer(
    UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

  private static func error(of event: OpaquePointer, _ client: Client) -> KafkaError {
    let text = rd_kafka_event_error_string(event).map { String(cString: $0) }
    let code = rd_kafka_event_error(event)
    guard rd_kafka_event_error_is_fatal(event) != 0 || code == RD_KAFKA_RESP_ERR__FATAL else {
      return KafkaError(code, reason: text)
    }
    return KafkaError(RD_KAFKA_RESP_ERR__FATAL, reason: ClientCallbacks.fatalCause(of: client.handle) ?? text)
  }

  public var status: Status {
    let queued = max(0, waiting.value.load(ordering: .relaxed))
    return shared.withLock { shared in
      Status(
        fatal: shared.fatal, lastError: shared.lastError, lastErrorAt: shared.lastErrorAt, queued: queued)
    }
  }

  /// Waits until everything handed over before has its report, without lingering.
  @discardableResult
  public func flush(within limit: Duration) -> Bool {
    // Deliveries being events, this only waits; our thread serves them.
    let timeout = Deadline(in: limit).millisecondsLeft
    return client.withLease { rd_kafka_flush($0.handle, timeout) } == RD_KAFKA_RESP_ERR_NO_ERROR
  }

  /// Flushes, reports what could not be delivered as failed, and destroys the client. Idempotent.
  ///
  /// - Returns: whether everything was delivered, and done with, in time. What takes longer is abandoned.
  @discardableResult
  public func close(within limit: Duration) -> Bool {
    let deadline = Deadline(in: limit)
    let isFirst = shared.withLock { shared in
      defer { shared.isClosed = true }
      return !shared.isClosed
    }
    guard isFirst else { return true }
    let isFlushed = flush(within: deadline.left)
    client.refuseLeases()
    if !isFlushed {
      // Each of these gets its report, with the error `_PURGE_QUEUE` or `_PURGE_INFLIGHT`.
      rd_kafka_purge(client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
      rd_kafka_flush(client.handle, 100)
    }
    isEnding.set()
    let (client, poller, shared) = (client, poller, shared)
    let closer = NativeThread(named: "kafka-close") {
      poller.join(until: Deadline(in: .seconds(3600)))
      shared.withLock { $0.topics.removeAll() }
      client.close()
    }
    return closer.join(until: deadline) && isFlushed
  }
}

private final class Count: Sendable {
  let value = Atomic<Int>(0)
}

/// Turned once.
final class Flag: Sendable {
  private let value = Atomic<Bool>(false)
  var isSet: Bool { value.load(ordering: .acquiring) }
  func set() { value.store(true, ordering: .releasing) }
}

/// Reads the reports out of an event. Confined to the producer's thread; its list is reused.
private struct DeliveryReports: ~Copyable {
  var list: [DeliveryReport] = []
  private var messages: [UnsafePointer<rd_kafka_message_t>?] = []

  mutating func take(_ event: OpaquePointer) {
    list.removeAll(keepingCapacity: true)
    let count = rd_kafka_event_message_count(event)
    if messages.count < count { messages = [UnsafePointer<rd_kafka_message_t>?](repeating: nil, count: count) }
    let filled = messages.withUnsafeMutableBufferPointer { buffer in
      rd_kafka_event_message_array(event, buffer.baseAddress, buffer.count)
    }
    for i in 0..<filled {
      guard let message = messages[i] else { continue }
      let persistence: DeliveryReport.Persistence =
        switch rd_kafka_message_status(message) {
        case RD_KAFKA_MSG_STATUS_PERSISTED: .yes
        case RD_KAFKA_MSG_STATUS_POSSIBLY_PERSISTED: .possibly
        default: .no
        }
      let code = message.pointee.err
      list.append(
        DeliveryReport(
          token: UInt64(UInt(bitPattern: message.pointee._private)),
          error: code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code), partition: message.pointee.partition,
          offset: message.pointee.offset, persistence: persistence))
    }
  }
}
