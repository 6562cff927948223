internal import Configuration
internal import Wire

/// A record that grows, and who waits for its samples.
///
/// `@unchecked Sendable`: one owner at a time. It is a stage's while a request is read, then perhaps among the open
/// batches, under their lock, then that of whoever closes it.
final class RecordBuilder: @unchecked Sendable {
  var encoder = DeliveredEncoder(capacity: 4 << 10)
  /// Each is held.
  var tickets: [WriteTicket] = []
}

/// A record as it is produced.
struct FinishedRecord: Sendable {
  let partition: Int
  let bytes: [UInt8]
  let samples: Int
  /// Of the newest sample, in milliseconds.
  let timestamp: Int64
  /// What it has of the budget.
  let charge: Int
}

/// The samples of one request on their way to one target, by partition. Nothing leaves before the request has been read
/// to its end: it may turn out to be malformed.
final class TargetStage {
  let target: Target
  /// 0 while it is not known.
  private(set) var partitionCount = 0
  private var builders: [RecordBuilder?] = []
  /// Partitions whose builders have samples.
  private var touched: [Int] = []
  private var finished: [FinishedRecord] = []
  private var samplesMax = 0
  private var bytesMax = 0

  init(_ target: Target) { self.target = target }

  /// Takes notice of how records have to be made now.
  func begin() {
    partitionCount = target.partitionCount
    samplesMax = target.batch.samples
    bytesMax = target.recordBytesMax
    if builders.count < partitionCount {
      builders += [RecordBuilder?](repeating: nil, count: partitionCount - builders.count)
    }
  }

  var hasSamples: Bool { !touched.isEmpty || !finished.isEmpty }

  /// Whether a sample with such a head fits into a record.
  @inline(__always)
  func fits(_ head: UnsafeRawBufferPointer) -> Bool { head.count &+ DeliveredEncoder.tailBytesMax <= bytesMax }

  /// - Precondition: the number of partitions is known.
  /// - Returns: bytes of text that the sample takes.
  @inline(__always)
  func append(_ series: KnownSeries, bits: UInt64, timestamp: Int64) -> Int {
    let partition = Int(series.hash % UInt64(partitionCount))
    let builder = builders[partition] ?? makeBuilder(partition)
    let before = builder.encoder.textBytes
    if before == 0 {
      touched.append(partition)
    } else if builder.encoder.samples == samplesMax
      || before &+ series.head.count &+ DeliveredEncoder.tailBytesMax > bytesMax
    {
      finished.append(target.finish(builder, partition))
      builder.encoder.append(head: series.head, bits: bits, timestamp: timestamp)
      return builder.encoder.textBytes
    }
    builder.encoder.append(head: series.head, bits: bits, timestamp: timestamp)
    return builder.encoder.textBytes &- before
  }

  private func makeBuilder(_ partition: Int) -> RecordBuilder {
    let builder = RecordBuilder()
    builders[partition] = builder
    return builder
  }

  /// Throws all samples away, and gives back what they have of the budget.
  func discard() {
    for partition in touched {
      guard let builder = builders[partition] else { continue }
      target.budget.give(builder.encoder.textBytes)
      builder.encoder.removeAll()
    }
    touched.removeAll(keepingCapacity: true)
    for record in finished { target.budget.give(record.charge) }
    finished.removeAll(keepingCapacity: true)
  }

  /// Hands all samples over to the target.
  func commit(_ ticket: WriteTicket?) {
    target.take(
      finished, rest: touched.compactMap { partition in builders[partition].map { (partition, $0) } }, ticket)
    finished.removeAll(keepingCapacity: true)
    touched.removeAll(keepingCapacity: true)
  }
}
