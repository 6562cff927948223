internal import KafkaClient
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries
internal import Wire

/// What is known of a partition's samples, beside what the Kafka client knows of its records.
final class PartitionIntake: Sendable {
  let samples = Atomic<Int>(0)
  /// Records that could not be read, or not wholly.
  let flawed = Atomic<Int>(0)
  /// The newest sample timestamp applied, in milliseconds; `Int.min` before the first.
  let newestTimestamp = Atomic<Int>(Int.min)
}

/// The way from records to the buffer: what all consumer threads share.
final class Intake: Sendable {
  let buffer: SampleBuffer
  let deadLetters: DeadLetters
  let recordBytesMax: Int
  /// What live streams are fed from.
  let arrivals = ArrivalLog()
  private let partitions = Mutex<[TopicPartition: PartitionIntake]>([:])
  let records: Labelled<Counter>
  let rejections: Labelled<Counter>
  let secondsTimestamps: Counter
  let decodedBytes: Counter

  init(_ buffer: SampleBuffer, _ metrics: SelfMetrics, deadLetters: DeadLetters, recordBytesMax: Int) {
    self.buffer = buffer
    self.deadLetters = deadLetters
    self.recordBytesMax = recordBytesMax
    records = metrics.counters(
      "promring_records_total",
      "Records read, by framing; tombstones and records without samples apart. Those with no known framing are dead letters.",
      labels: ["framing"])
    rejections = metrics.counters(
      "promring_samples_rejected_total", "Samples left out of their records, by reason.", labels: ["reason"])
    secondsTimestamps = metrics.counter(
      "promring_samples_in_seconds_total", "Samples whose timestamps were seconds and have been taken as such.")
    decodedBytes = metrics.counter("promring_records_unpacked_bytes_total", "Bytes of JSON text in records read.")
  }

  func partition(_ name: TopicPartition) -> PartitionIntake {
    partitions.withLock { partitions in
      if let known = partitions[name] { return known }
      let new = PartitionIntake()
      partitions[name] = new
      return new
    }
  }

  /// Makes the processor of one consumer thread.
  func makeProcessor() -> any RecordProcessor { IntakeProcessor(self) }
}
