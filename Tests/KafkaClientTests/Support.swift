import KafkaClient
import Testing

/// A record as a test remembers it.
struct Seen: Hashable, Sendable {
  var topic: String
  var partition: Int32
  var offset: Int64
  var timestamp: Int64?
  var key: String?
  var value: String?
  var worker: Int
}

/// Keeps what processors are given.
final class Sink: Sendable {
  private let seen = Monitor([Seen]())

  func append(_ records: [Seen]) { seen.update { $0 += records } }
  var records: [Seen] { seen.withLock { $0 } }
  var values: [String] { records.compactMap(\.value).sorted() }

  /// Waits until the records seen satisfy `condition`.
  func wait(within limit: Duration = .seconds(40), until condition: ([Seen]) -> Bool) -> Bool {
    seen.wait(until: Deadline(in: limit)) { condition($0) ? true : nil } ?? false
  }
}

struct SinkProcessor: RecordProcessor {
  let sink: Sink
  let worker: Int

  mutating func process(_ batch: borrowing RecordBatch) {
    func text(_ bytes: UnsafeRawBufferPointer?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    var records: [Seen] = []
    batch.forEachRecord { record in
      records.append(
        Seen(
          topic: record.topic, partition: record.source.partition, offset: record.offset,
          timestamp: record.timestamp, key: text(record.key), value: text(record.value), worker: worker))
    }
    sink.append(records)
  }
}

/// Applies records only while its gate is open.
struct GatedProcessor: RecordProcessor {
  let gate: Monitor<Bool>
  var sink: SinkProcessor
  /// Records that pass a shut gate.
  var free = 0

  mutating func process(_ batch: borrowing RecordBatch) {
    free -= batch.count
    if free < 0 { _ = gate.wait(until: Deadline(in: .seconds(60))) { $0 ? true : nil } }
    sink.process(batch)
  }
}

/// Answers lookups by time from a table, in the brokers' place.
final class TableLookup: OffsetLookup {
  let answers: Monitor<[TopicPartition: Result<Int64?, KafkaError>]>
  let asked = Monitor([(TopicPartition, Int64)]())

  init(_ answers: [TopicPartition: Result<Int64?, KafkaError>] = [:]) { self.answers = Monitor(answers) }

  func offsets(
    of partitions: [TopicPartition], since timestamp: Int64, timeout: Duration
  ) -> [TopicPartition: Result<Int64?, KafkaError>] {
    asked.update { $0 += partitions.map { ($0, timestamp) } }
    return answers.withLock { answers in
      partitions.reduce(into: [:]) { $0[$1] = answers[$1] ?? .success(nil) }
    }
  }
}

/// Asks again every few milliseconds: for conditions that nothing announces.
func eventually(within limit: Duration = .seconds(40), _ condition: () -> Bool) -> Bool {
  let deadline = Deadline(in: limit)
  let never = Monitor(())
  while !condition() {
    if deadline.hasPassed { return false }
    _ = never.wait(until: Deadline(in: .milliseconds(5))) { _ in Bool?.none }
  }
  return true
}

/// What makes librdkafka quick with its own in-process cluster.
let quickProperties = [
  "fetch.wait.max.ms": "10", "reconnect.backoff.ms": "20", "reconnect.backoff.max.ms": "100",
  "statistics.interval.ms": "200",
]
/// A new group waits 3 seconds for members there, which a session has to outlast.
let quickGroup = quickProperties.merging(["session.timeout.ms": "5000", "heartbeat.interval.ms": "100"]) { $1 }

extension EmbeddedCluster {
  func settings(_ properties: [String: String] = quickProperties) throws -> ClientSettings {
    try ClientSettings(brokers: brokers, clientID: "test", properties: properties)
  }

  /// Produces text and waits until the cluster has it all.
  func produce(
    _ values: [String?], to topic: String, partition: Int32? = nil, key: String? = nil,
    properties: [String: String] = [:]
  ) throws {
    let failed = Monitor([KafkaError]())
    let producer = try Producer(settings: settings(properties), options: ProducerOptions(isIdempotent: false)) {
      reports in
      failed.withLock { $0 += reports.compactMap(\.error) }
    }
    let target = try producer.topic(topic)
    for value in values {
      let answer = withBytes(key) { key in
        withBytes(value) { producer.produce(to: target, partition: partition, key: key, value: $0) }
      }
      guard case .queued = answer else {
        Issue.record("not taken: \(answer)")
        return
      }
    }
    #expect(producer.close(within: .seconds(30)))
    #expect(failed.withLock { $0 } == [])
  }
}

func withBytes<R>(_ text: String?, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
  guard let text else { return body(nil) }
  return Array(text.utf8).withUnsafeBytes { body($0) }
}

extension ConsumerPool {
  convenience init(_ cluster: EmbeddedCluster, _ options: ConsumerOptions, into sink: Sink) throws {
    try self.init(settings: cluster.settings(), options: options) { SinkProcessor(sink: sink, worker: $0) }
  }
}

extension ConsumerOptions {
  /// Quick to notice things, for tests.
  static func quick(
    _ topics: String..., threads: Int = 2, mode: Mode = .all, lookup: (any OffsetLookup)? = nil
  ) -> ConsumerOptions {
    ConsumerOptions(
      topics: topics, mode: mode, threads: threads, startTimestamp: { lookup == nil ? nil : 1000 },
      discoveryInterval: .milliseconds(200), requestTimeout: .seconds(2), commitInterval: .milliseconds(200),
      lookup: lookup)
  }
}
