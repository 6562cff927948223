internal import CRdKafka
internal import Synchronization

/// A topic's handle in one client. Everyone who uses the topic retains it; the last one destroys it, or the client does
/// when it is closed. It is used under a lease of the client, or by those for whose end the client waits.
final class TopicHandle: @unchecked Sendable {  // immutable; librdkafka's topic is safe to use from any thread
  let raw: OpaquePointer
  private let client: Client

  init?(_ name: String, of client: Client) {
    guard let raw = client.makeTopic(name) else { return nil }
    self.raw = raw
    self.client = client
  }

  deinit { client.destroyTopic(raw) }
}

/// One thread of the pool: fetches the records of its partitions from one librdkafka queue that they all feed, and gives
/// them to its processor.
///
/// What is read from where is this thread's alone: the control thread sends commands, which are carried out between two
/// batches. So no record of a partition can be under way while it is stopped or started elsewhere. Two workers share
/// nothing but librdkafka's own threads.
final class Worker: Sendable {
  enum Command: Sendable {
    /// Make a queue of this client.
    case attach(Client)
    /// Stop all, give the queue back.
    case detach
    case start(Partition, TopicHandle, at: StartPoint)
    case stop(Partition)
    /// Detach and end.
    case finish
  }

  /// What a worker tells the control thread. Called on the worker's thread.
  struct Reports: Sendable {
    var failed: @Sendable (Partition, KafkaError, _ offset: Int64) -> Void
    /// A batch was applied or an end reached; positions have changed.
    var progressed: @Sendable () -> Void
    /// All that was fetched is applied, and brokers are known to have more.
    var drained: @Sendable () -> Void
    var detached: @Sendable (_ worker: Int) -> Void
  }

  private struct Inbox {
    var commands: [Command] = []
    var queue: OpaquePointer?  // to wake the thread that waits on it; nil while there is none
  }

  let index: Int
  private let inbox: Monitor<Inbox>
  private let thread: NativeThread

  /// - Parameter batchMax: records lent to the processor at a time, at most.
  init(
    index: Int, batchMax: Int, reports: Reports,
    makeProcessor: @escaping @Sendable (_ worker: Int) -> any RecordProcessor
  ) {
    let inbox = Monitor(Inbox())
    self.index = index
    self.inbox = inbox
    thread = NativeThread(named: "kafka-worker-\(index)") {
      // Made here, so that the processor never changes threads.
      var loop = WorkerLoop(
        index: index, batchMax: batchMax, reports: reports, processor: makeProcessor(index),
        publishQueue: { queue in inbox.withLock { $0.queue = queue } })
      while true {
        let commands = inbox.withLock { inbox in
          let commands = inbox.commands
          inbox.commands.removeAll()
          return commands
        }
        for command in commands where !loop.perform(command) { return }
        // Stopping takes librdkafka a while, and others may wait to be stopped: nothing is read of those meanwhile.
        if !commands.isEmpty { continue }
        if loop.isAttached {
          loop.fetchAndProcess()
        } else {
          _ = inbox.wait(until: Deadline(in: .seconds(60))) { $0.commands.isEmpty ? nil : true }
        }
      }
    }
  }

  func post(_ command: Command) {
    inbox.update { inbox in
      inbox.commands.append(command)
      if let queue = inbox.queue { rd_kafka_queue_yield(queue) }
    }
  }

  func join(until deadline: Deadline) -> Bool { thread.join(until: deadline) }
}

/// Where and with what in view a partition starts.
package struct StartPoint: Sendable {
  package var offset: Int64
  package var low: Int64
  package var high: Int64
}

/// The inside of a worker's thread; nothing of it is ever seen by another one.
private struct WorkerLoop: ~Copyable {
  let index: Int
  let reports: Worker.Reports
  var processor: any RecordProcessor
  let publishQueue: (OpaquePointer?) -> Void

  private var client: Client?
  private var queue: OpaquePointer?
  private var readings: [Key: Reading] = [:]
  private let messages: UnsafeMutableBufferPointer<UnsafeMutablePointer<rd_kafka_message_t>?>
  private let records: UnsafeMutableBufferPointer<Record>
  private var touched: [Reading] = []
  /// Records came since the processor was last told that there are no more.
  private var isBusy = false

  /// librdkafka's own identity of a partition, as each message carries it.
  private struct Key: Hashable {
    let topic: OpaquePointer
    let partition: Int32
  }

  private final class Reading {
    let partition: Partition
    let topic: TopicHandle
    var next: Int64
    var records = 0
    var bytes = 0
    var isTouched = false
    /// The broker gave records or said that there are none; an error is neither.
    var isHeard = false
    init(_ partition: Partition, _ topic: TopicHandle, next: Int64) {
      self.partition = partition
      self.topic = topic
      self.next = next
    }
  }

  init(
    index: Int, batchMax: Int, reports: Worker.Reports, processor: any RecordProcessor,
    publishQueue: @escaping (OpaquePointer?) -> Void
  ) {
    self.index = index
    self.reports = reports
    self.processor = processor
    self.publishQueue = publishQueue
    messages = .allocate(capacity: batchMax)
    messages.initialize(repeating: nil)
    records = .allocate(capacity: batchMax)
  }

  deinit {
    messages.deallocate()
    records.deallocate()
  }

  var isAttached: Bool { queue != nil }

  /// `false`: that was the last one.
  mutating func perform(_ command: Worker.Command) -> Bool {
    switch command {
    case .attach(let client):
      self.client = client
      queue = rd_kafka_queue_new(client.handle)
      publishQueue(queue)
    case .detach: detach()
    case .start(let partition, let topic, let point): start(partition, topic, at: point)
    case .stop(let partition): stop(partition)
    case .finish:
      detach()
      return false
    }
    return true
  }

  private mutating func start(_ partition: Partition, _ topic: TopicHandle, at point: StartPoint) {
    guard let queue else { return }
    let name = partition.name
    stop(partition)
    partition.low.store(point.low, ordering: .relaxed)
    partition.high.store(point.high, ordering: .relaxed)
    partition.start.store(point.offset, ordering: .relaxed)
    partition.position.store(point.offset, ordering: .sequentiallyConsistent)
    partition.target.store(point.high, ordering: .releasing)
    let key = Key(topic: topic.raw, partition: name.partition)
    readings[key] = Reading(partition, topic, next: point.offset)
    if rd_kafka_consume_start_queue(topic.raw, name.partition, point.offset, queue) != 0 {
      readings[key] = nil
      reports.failed(partition, KafkaError(rd_kafka_last_error()), point.offset)
    }
    reports.progressed()
  }

  /// Messages of this partition that wait in the queue are outdated from here on: librdkafka drops them.
  private mutating func stop(_ partition: Partition) {
    for (key, reading) in readings where reading.partition === partition {
      rd_kafka_consume_stop(reading.topic.raw, key.partition)
      readings[key] = nil
    }
  }

  private mutating func detach() {
    for (key, reading) in readings { rd_kafka_consume_stop(reading.topic.raw, key.partition) }
    readings.removeAll()
    publishQueue(nil)  // before it goes: others wake us through it
    if let queue { rd_kafka_queue_destroy(queue) }
    queue = nil
    client = nil
    reports.detached(index)
  }

  mutating func fetchAndProcess() {
    guard let queue, let base = messages.baseAddress else { return }
    // `rd_kafka_consume_batch_queue` waits until the batch is full or the time is up. To be quick and still take many
    // at once: wait for one, then take what is there.
    var first = rd_kafka_consume_queue(queue, 0)
    if first == nil {
      if isBusy {
        isBusy = false
        processor.idle()
        if readings.values.contains(where: { $0.next < $0.partition.high.load(ordering: .relaxed) }) {
          reports.drained()
        }
      }
      first = rd_kafka_consume_queue(queue, 500)
    }
    guard let first else { return }
    base[0] = first
    let more = messages.count > 1 ? rd_kafka_consume_batch_queue(queue, 0, base + 1, messages.count - 1) : 0
    process(count: 1 + max(0, more))
  }

  private mutating func process(count: Int) {
    let now = Clock.monotonicNanoseconds
    var used = 0
    var last: (key: Key, reading: Reading)?
    for i in 0..<count {
      guard let message = messages[i] else { continue }
      guard let topic = message.pointee.rkt else { continue }
      let key = Key(topic: topic, partition: message.pointee.partition)
      // Messages come in runs of one partition.
      if last?.key != key { last = readings[key].map { (key, $0) } }
      guard let reading = last?.reading else { continue }
      if !reading.isTouched {
        reading.isTouched = true
        touched.append(reading)
      }
      switch message.pointee.err {
      case RD_KAFKA_RESP_ERR_NO_ERROR:
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let timestamp = rd_kafka_message_timestamp(message, &kind)
        let record = Record(
          message.pointee, timestamp: kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? nil : timestamp,
          source: reading.partition.source)
        records.initializeElement(at: used, to: record)
        used += 1
        reading.next = message.pointee.offset + 1
        reading.isHeard = true
        reading.records += 1
        reading.bytes += message.pointee.len + message.pointee.key_len
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        // Control records, which end a transaction, are never shown: the end may lie behind the last record.
        reading.next = message.pointee.offset
        reading.isHeard = true
      default:
        report(message.pointee, of: reading)
      }
    }
    if used > 0 {
      isBusy = true
      let lent = UnsafeMutableBufferPointer(start: records.baseAddress, count: used)
      processor.process(RecordBatch(lent))
      lent.deinitialize()
    }
    for i in 0..<count {
      if let message = messages[i] { rd_kafka_message_destroy(message) }
      messages[i] = nil
    }
    publish(at: now)
  }

  private func report(_ message: rd_kafka_message_t, of reading: Reading) {
    // An error's payload is its text.
    let text = message.payload.map { payload in
      String(decoding: UnsafeRawBufferPointer(start: payload, count: message.len), as: UTF8.self)
    }
    reports.failed(reading.partition, KafkaError(message.err, reason: text), message.offset)
  }

  /// Once a batch, not once a record.
  private mutating func publish(at now: Int64) {
    let wall = Clock.milliseconds
    for reading in touched {
      let partition = reading.partition
      if reading.records > 0 {
        partition.records.add(reading.records, ordering: .relaxed)
        partition.bytes.add(reading.bytes, ordering: .relaxed)
        partition.lastRecordAt.store(wall, ordering: .relaxed)
      }
      if reading.isHeard {
        partition.lastHeard.store(now, ordering: .relaxed)
        partition.position.store(reading.next, ordering: .sequentiallyConsistent)
      }
      reading.records = 0
      reading.bytes = 0
      reading.isTouched = false
      reading.isHeard = false
    }
    touched.removeAll(keepingCapacity: true)
    reports.progressed()
  }
}
