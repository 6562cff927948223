internal import Configuration
@preconcurrency internal import Dispatch
internal import KafkaClient
internal import Logging
internal import Synchronization
internal import Wire

/// A topic that tasks deliver to: its producer, and the batches that are still open.
///
/// Lock order: `open`, `client`, and the flight's own are never held together, nor while librdkafka or a ticket is called.
final class Target: Sendable {
  let settings: TargetSettings
  var batch: DeliveryTask.Batch { settings.batch }
  let budget: ByteBudget
  let flight: Flight
  private let client: Mutex<ClientState>
  private let open = Mutex(OpenBatches())
  /// Looking up partitions, making producers anew and closing batches that have waited: one after the other.
  private let queue: DispatchQueue
  private let partitions = Atomic<Int>(0)
  private let bytesMax: Atomic<Int>
  private let logger: Logger
  private let clock: @Sendable () -> Int64

  private struct ClientState {
    var producer: Producer?
    var topic: Producer.Topic?
    var isIdempotent: Bool
    /// Producers that became unusable, since the last acknowledgement.
    var fatalities = 0
    var isClosed = false
    var trouble: Trouble?
  }

  private struct OpenBatches {
    var builders: [Int: RecordBuilder] = [:]
    var spare: [RecordBuilder] = []
    var isClosingScheduled = false
  }

  /// What keeps a target from delivering.
  struct Trouble: Sendable, Equatable {
    let reason: String
    /// Milliseconds since the Unix epoch.
    let since: Int64
  }

  /// - Throws: what librdkafka does not like of the settings.
  init(
    _ settings: TargetSettings, budget: ByteBudget, logger: Logger, clock: @escaping @Sendable () -> Int64
  ) throws(SettingsError) {
    self.settings = settings
    self.budget = budget
    self.logger = logger
    self.clock = clock
    flight = Flight(budget, clock: clock)
    bytesMax = Atomic(settings.recordBytesMax)
    queue = DispatchQueue(label: "promring.delivery.\(settings.topic)")
    let isIdempotent = settings.idempotence != .off
    client = Mutex(ClientState(isIdempotent: isIdempotent))
    let (producer, topic) = try makeProducer(isIdempotent: isIdempotent)
    client.withLock { client in
      client.producer = producer
      client.topic = topic
    }
    queue.async { [weak self] in self?.lookUpPartitions(wait: .milliseconds(100)) }
  }

  private func makeProducer(isIdempotent: Bool) throws(SettingsError) -> (Producer, Producer.Topic) {
    let producer = try Producer(
      settings: settings.client,
      options: ProducerOptions(
        acknowledgement: .all, isIdempotent: isIdempotent, queueBytesMax: budget.limit + (16 << 20),
        queueRecordsMax: 500_000, linger: .zero, deliveryTimeout: settings.deliveryTimeout)
    ) { [weak self, flight] reports in
      guard let self else {
        flight.settle(reports.map { ($0.token, $0.error.map { .temporary("\($0)") }) })
        return
      }
      self.take(reports)
    }
    return (producer, try producer.topic(settings.topic))
  }

  // MARK: What is known of it

  /// 0 while it is not known.
  var partitionCount: Int { partitions.load(ordering: .relaxed) }
  /// Text that a record may have at most.
  var recordBytesMax: Int { bytesMax.load(ordering: .relaxed) }
  var trouble: Trouble? { client.withLock { $0.trouble } }
  var isIdempotent: Bool { client.withLock { $0.isIdempotent } }
  /// Bytes of text in open batches.
  var openBytes: Int { open.withLock { $0.builders.values.reduce(0) { $0 + $1.encoder.textBytes } } }

  // MARK: Batches

  /// Makes a record of what an encoder has.
  func finish(_ encoder: inout DeliveredEncoder, _ partition: Int) -> FinishedRecord {
    let (samples, timestamp, text) = (encoder.samples, encoder.newestTimestamp, encoder.textBytes)
    let bytes = encoder.takeRecord()
    let charge = min(bytes.count, text)
    budget.give(text - charge)
    return FinishedRecord(partition: partition, bytes: bytes, samples: samples, timestamp: timestamp, charge: charge)
  }

  /// Takes the samples of a request. What fills no record waits for more as long as other records are under way, for
  /// `linger` at most; when nothing is, it leaves at once.
  /// - Parameters:
  ///   - rest: partitions that have more.
  ///   - encoders: of all partitions; emptied.
  func take(
    _ finished: [FinishedRecord], rest: [Int], of encoders: UnsafeMutablePointer<DeliveredEncoder>,
    _ ticket: WriteTicket?
  ) {
    let isIdle = batch.linger == .zero || flight.isEmpty
    let tickets = ticket.map { [$0] } ?? []
    for record in finished {
      ticket?.hold()
      produce(record, tickets)
    }
    var closed: [(partition: Int, builder: RecordBuilder)] = []
    let isToBeScheduled = open.withLock { open in
      for partition in rest {
        ticket?.hold()
        if isIdle, open.builders[partition] == nil { continue }
        if let waiting = open.builders[partition],
          waiting.encoder.samples + encoders[partition].samples > batch.samples
            || waiting.encoder.textBytes + encoders[partition].textBytes > recordBytesMax
        {
          closed.append((partition, waiting))
          open.builders[partition] = nil
        }
        let waiting = open.builders[partition] ?? open.spare.popLast() ?? RecordBuilder()
        waiting.encoder.take(from: &encoders[partition])
        waiting.tickets += tickets
        if isIdle || waiting.encoder.samples == batch.samples {
          closed.append((partition, waiting))
          open.builders[partition] = nil
        } else {
          open.builders[partition] = waiting
        }
      }
      guard !open.builders.isEmpty, !open.isClosingScheduled else { return false }
      open.isClosingScheduled = true
      return true
    }
    close(closed)
    for partition in rest where encoders[partition].samples > 0 {
      produce(finish(&encoders[partition], partition), tickets)
    }
    if isToBeScheduled {
      let milliseconds = Int(clamping: batch.linger.wholeMilliseconds)
      queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in self?.closeBatches() }
    }
  }

  /// Sends off all open batches.
  private func closeBatches() {
    let closed = open.withLock { open in
      open.isClosingScheduled = false
      let all = open.builders.map { (partition: $0.key, builder: $0.value) }
      open.builders.removeAll(keepingCapacity: true)
      return all
    }
    close(closed)
  }

  private func close(_ batches: [(partition: Int, builder: RecordBuilder)]) {
    guard !batches.isEmpty else { return }
    for (partition, builder) in batches {
      let tickets = builder.tickets
      builder.tickets.removeAll()
      produce(finish(&builder.encoder, partition), tickets)
    }
    open.withLock { open in
      if open.spare.count < 64 { open.spare += batches.map(\.builder) }
    }
  }

  // MARK: Producing

  /// - Parameter tickets: each held for this record.
  private func produce(_ record: FinishedRecord, _ tickets: [WriteTicket]) {
    let token = flight.add(
      Flight.Entry(
        samples: record.samples, bytes: record.bytes.count, charge: record.charge, since: .now, tickets: tickets))
    let (producer, topic) = client.withLock { ($0.producer, $0.topic) }
    guard let producer, let topic else {
      return flight.fail(token, .temporary("there is no connection to Kafka at the moment"))
    }
    var key = Array(String(record.partition).utf8)
    let answer = key.withUnsafeMutableBytes { key in
      record.bytes.withUnsafeBytes { value in
        producer.produce(
          to: topic, partition: Int32(record.partition), key: UnsafeRawBufferPointer(key), value: value,
          timestamp: record.timestamp, token: token)
      }
    }
    switch answer {
    case .queued: break
    case .queueFull: flight.fail(token, .temporary("too many records wait for Kafka"))
    case .refused(let error): flight.fail(token, judge(error, samples: record.samples))
    }
  }

  /// On a producer's own thread.
  private func take(_ reports: [DeliveryReport]) {
    var isDelivering = false
    let outcomes: [(token: UInt64, failure: DeliveryFailure?)] = reports.map { report in
      guard let error = report.error else {
        isDelivering = true
        return (report.token, nil)
      }
      return (report.token, judge(error, samples: flight.samples(of: report.token)))
    }
    // Before those who wait hear of it: they may ask at once whether all is well.
    if isDelivering { end(.delivery) }
    let isEmpty = flight.settle(outcomes)
    // Compressing is no work for this thread.
    if isEmpty, open.withLock({ !$0.builders.isEmpty }) { queue.async { [weak self] in self?.closeBatches() } }
  }

  /// What an error means for those who wait, and for the records to come.
  private func judge(_ error: KafkaError, samples: Int) -> DeliveryFailure {
    switch error.code {
    case KafkaError.tooLarge:
      guard samples > 1 else {
        return .permanent("a sample alone makes a record that is larger than topic \(settings.topic) takes: \(error)")
      }
      // The broker's limit is below ours, and nobody tells how far.
      let old = recordBytesMax
      _ = bytesMax.compareExchange(expected: old, desired: max(old / 2, 1 << 10), ordering: .relaxed)
      note("records of \(old) bytes are too large for topic \(settings.topic), smaller ones from now on: \(error)")
      return .temporary("\(error)")
    case KafkaError.invalidTimestamp, KafkaError.invalidRecord:
      return .permanent("topic \(settings.topic) does not take the record: \(error)")
    default:
      note("\(error)")
      if error.kind == .fatal { queue.async { [weak self] in self?.replaceProducer() } }
      return .temporary("\(error)")
    }
  }

  // MARK: Trouble

  private enum Recovery { case delivery, metadata }

  private func note(_ reason: String) {
    let isNew = client.withLock { client in
      guard !client.isClosed else { return false }
      let old = client.trouble
      client.trouble = Trouble(reason: reason, since: old?.since ?? clock())
      return old?.reason != reason
    }
    if isNew {
      logger.warning("delivery is in trouble", metadata: ["topic": "\(settings.topic)", "cause": "\(reason)"])
    }
  }

  private func end(_ recovery: Recovery) {
    let ended = client.withLock { client in
      if recovery == .delivery { client.fatalities = 0 }
      return client.trouble.take()
    }
    if ended != nil { logger.notice("delivery works again", metadata: ["topic": "\(settings.topic)"]) }
  }

  /// Runs on `queue`, again and again. The brokers' topic may come, go and grow.
  private func lookUpPartitions(wait: Duration) {
    let (producer, topic, isClosed) = client.withLock { ($0.producer, $0.topic, $0.isClosed) }
    guard !isClosed else { return }
    var next = min(wait * 2, .seconds(5))
    if let fatal = producer?.status.fatal {
      note("\(fatal)")
      replaceProducer()
    } else if let producer, let topic {
      switch producer.partitionCount(of: topic, within: .seconds(5)) {
      case .success(let count) where count > 0:
        if partitions.exchange(count, ordering: .relaxed) == 0 { end(.metadata) }
        next = settings.metadataInterval
      case .success: note("topic \(settings.topic) has no partitions")
      case .failure(let error): note("topic \(settings.topic): \(error)")
      }
    } else {
      replaceProducer()
    }
    let milliseconds = Int(clamping: next.wholeMilliseconds)
    let after = next == settings.metadataInterval ? .milliseconds(100) : next
    queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in
      self?.lookUpPartitions(wait: after)
    }
  }

  /// Makes a producer in the place of one that can deliver nothing any more. On `queue`.
  private func replaceProducer() {
    let (old, isIdempotent) = client.withLock { client -> (Producer?, Bool) in
      guard !client.isClosed, client.producer == nil || client.producer?.status.fatal != nil else {
        return (nil, false)
      }
      client.fatalities += 1
      // Some services refuse idempotence, each in its own way: after two attempts it is given up where it may be.
      if settings.idempotence == .auto, client.fatalities > 1 { client.isIdempotent = false }
      let old = client.producer
      client.producer = nil
      client.topic = nil
      return (old, client.isIdempotent)
    }
    if let old {
      logger.error(
        "the producer is made anew",
        metadata: [
          "topic": "\(settings.topic)", "cause": "\(old.status.fatal.map(String.init(describing:)) ?? "")",
          "idempotent": "\(isIdempotent)",
        ])
      old.close(within: .milliseconds(200))  // what it held is reported as failed
    }
    do throws(SettingsError) {
      let (producer, topic) = try makeProducer(isIdempotent: isIdempotent)
      let isWanted = client.withLock { client in
        guard !client.isClosed, client.producer == nil else { return false }
        client.producer = producer
        client.topic = topic
        return true
      }
      if !isWanted { producer.close(within: .zero) }
    } catch {
      note("\(error)")
    }
  }

  /// Delivers what is open, waits for what is under way, and reports the rest as failed.
  /// - Returns: whether everything was acknowledged in time.
  @discardableResult
  func close(within limit: Duration) -> Bool {
    closeBatches()
    let producer = client.withLock { client in
      client.isClosed = true
      return client.producer.take()
    }
    return producer?.close(within: limit) ?? true
  }
}

extension KafkaError {
  // Kafka's numbers (`org.apache.kafka.common.protocol.Errors`).
  fileprivate static let tooLarge: Int32 = 10
  fileprivate static let invalidTimestamp: Int32 = 32
  fileprivate static let invalidRecord: Int32 = 87
}
