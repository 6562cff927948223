internal import CRdKafka

/// Where records come from: one partition that a pool reads, the same object for as long as the pool lives.
public final class RecordSource: Sendable {
  /// Dense numbers from 0 in the order in which the pool met its partitions; fit for an array index.
  public let id: Int
  public let topic: String
  public let partition: Int32

  init(id: Int, _ partition: TopicPartition) {
    self.id = id
    topic = partition.topic
    self.partition = partition.partition
  }

  public var topicPartition: TopicPartition { TopicPartition(topic, partition) }
}

/// A record, lent: its bytes belong to librdkafka and are gone when ``RecordProcessor/process(_:)`` returns.
public struct Record: ~Copyable {
  /// Where in the partition the record stands.
  public let offset: Int64
  /// Milliseconds since the Unix epoch, as its producer or, by the topic's setting, the broker had it; `nil` in logs
  /// too old to have timestamps.
  public let timestamp: Int64?
  public let key: UnsafeRawBufferPointer?
  /// `nil` for a tombstone. An empty value is another thing.
  public let value: UnsafeRawBufferPointer?
  private unowned(unsafe) let partition: RecordSource

  /// The partition it was read from.
  public var source: RecordSource { partition }
  public var topic: String { partition.topic }

  init(_ message: rd_kafka_message_t, timestamp: Int64?, source: RecordSource) {
    offset = message.offset
    self.timestamp = timestamp
    // librdkafka hands an empty value out as a pointer and length 0, a null one without pointer.
    key = message.key.map { UnsafeRawBufferPointer(start: $0, count: message.key_len) }
    value = message.payload.map { UnsafeRawBufferPointer(start: $0, count: message.len) }
    partition = source
  }
}

/// What a worker fetched in one go: records of the partitions it reads, each partition's in order. Lent like its
/// records.
public struct RecordBatch: ~Copyable {
  private let records: UnsafeMutableBufferPointer<Record>

  init(_ records: UnsafeMutableBufferPointer<Record>) { self.records = records }

  /// At least 1.
  public var count: Int { records.count }

  /// Lends record `index` to `body`.
  @inline(__always)
  public func withRecord<R>(at index: Int, _ body: (borrowing Record) -> R) -> R {
    precondition(index >= 0 && index < records.count, "record \(index) of a batch of \(records.count)")
    return body(records[index])
  }

  /// Lends each record, in order.
  @inline(__always)
  public func forEachRecord(_ body: (borrowing Record) -> Void) {
    for index in 0..<records.count { body(records[index]) }
  }
}

/// What becomes of records. Each worker of a pool makes one of its own and is the only thread that ever calls it, so it
/// needs no locks for what it keeps to itself.
///
/// It cannot refuse: nothing in a record may stop a partition. What it cannot use it counts, and returns.
public protocol RecordProcessor {
  /// Records count as applied (`position`, read-your-writes) when this returns.
  mutating func process(_ batch: borrowing RecordBatch)

  /// Nothing more is at hand right now: a moment to publish what was gathered. Called once after the last batch of a
  /// run, and not again until records came.
  mutating func idle()
}

extension RecordProcessor {
  public mutating func idle() {}
}
