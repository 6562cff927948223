internal import KafkaClient
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries
internal import Wire

/// One consumer thread's part of the intake: unpacks, decodes and appends the records it is lent. Nothing in a record
/// stops it: what cannot be read is a dead letter.
final class IntakeProcessor: RecordProcessor {
  private let intake: Intake
  private let sink: IntakeSink
  private var unpacker: RecordUnpacker
  private var decoder: DeliveredDecoder
  /// By the source's number.
  private var partitions: [PartitionIntake?] = []
  private var framingCounters: [Framing: Counter] = [:]
  private let tombstones: Counter
  private let emptyRecords: Counter
  /// Bytes that this thread's caches have reported to the buffer's budget.
  private var reportedBytes = 0

  init(_ intake: Intake) {
    self.intake = intake
    sink = IntakeSink(intake)
    unpacker = RecordUnpacker(bytesMax: intake.recordBytesMax)
    decoder = DeliveredDecoder(sink: sink)
    for framing in Framing.allCases { framingCounters[framing] = intake.records.with(framing.rawValue) }
    tombstones = intake.records.with("tombstone")
    emptyRecords = intake.records.with("empty")
  }

  deinit { intake.buffer.account(bytes: -reportedBytes) }

  func process(_ batch: borrowing RecordBatch) {
    batch.forEachRecord { process($0) }
    let bytes = decoder.memoryBytes + unpacker.memoryBytes
    if bytes != reportedBytes {
      intake.buffer.account(bytes: bytes - reportedBytes)
      reportedBytes = bytes
      intake.buffer.maintain()
    }
  }

  private func process(_ record: borrowing Record) {
    let partition = partition(of: record.source)
    guard let value = record.value else {
      tombstones.add()
      return
    }
    guard !value.isEmpty else {
      emptyRecords.add()
      return
    }
    sink.begin(record.source, offset: record.offset, timestamp: record.timestamp, value: value)
    do throws(UnpackError) {
      let decoded = try unpacker.unpack(value) { text in
        let decoded = decoder.decode(text)
        if let fault = decoded.fault { sink.deadLetter("broken_json", fault.description, text: text) }
        intake.decodedBytes.add(text.count)
        return decoded
      }
      let isEmpty = decoded.samples + decoded.rejected + decoded.refused == 0 && decoded.fault == nil
      (isEmpty ? emptyRecords : framingCounters[unpacker.framing])?.add()
      if decoded.inSeconds > 0 { intake.secondsTimestamps.add(decoded.inSeconds) }
      partition.samples.add(decoded.samples, ordering: .relaxed)
    } catch {
      sink.deadLetter(error.reason, error.description, text: UnsafeRawBufferPointer(start: nil, count: 0))
    }
    if sink.isFlawed { partition.flawed.add(1, ordering: .relaxed) }
    if let newest = sink.newestTimestamp {
      partition.newestTimestamp.max(Int(newest), ordering: .relaxed)
    }
  }

  private func partition(of source: RecordSource) -> PartitionIntake {
    if source.id < partitions.count, let known = partitions[source.id] { return known }
    while partitions.count <= source.id { partitions.append(nil) }
    let partition = intake.partition(source.topicPartition)
    partitions[source.id] = partition
    return partition
  }
}

/// Takes what the decoder finds: samples to the buffer, what is wrong to the dead letters.
final class IntakeSink: SampleSink {
  private let intake: Intake
  private let writer: SampleBuffer.Writer
  // Of the record being decoded.
  private var source: RecordSource?
  private var offset: Int64 = 0
  private var timestamp: Int64?
  private var value = UnsafeRawBufferPointer(start: nil, count: 0)
  private(set) var newestTimestamp: Int64?
  private(set) var isFlawed = false

  init(_ intake: Intake) {
    self.intake = intake
    writer = SampleBuffer.Writer(intake.buffer)
  }

  func begin(_ source: RecordSource, offset: Int64, timestamp: Int64?, value: UnsafeRawBufferPointer) {
    self.source = source
    self.offset = offset
    self.timestamp = timestamp
    self.value = value
    newestTimestamp = nil
    isFlawed = false
  }

  func series(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken {
    try intake.buffer.series(labels)
  }

  func append(_ batch: borrowing SampleBatch, stale: inout [Int]) {
    writer.notesTaken = intake.arrivals.isWanted
    if let newest = writer.append(batch) { newestTimestamp = max(newest, newestTimestamp ?? newest) }
    if writer.notesTaken { intake.arrivals.append(batch, writer.taken) }
    stale.append(contentsOf: writer.stale)
  }

  func reject(_ reason: SampleRejection, text: UnsafeRawBufferPointer, byte: Int) {
    intake.rejections.with(reason.rawValue).add()
    deadLetter(reason.rawValue, "the sample at byte \(byte) of the record's text was left out", text: text)
  }

  // The buffer counts refusals by reason; they are a matter of limits, not of the record.
  func refuse(_ refusal: SeriesRefusal) {}

  func deadLetter(_ reason: String, _ detail: @autoclosure () -> String, text: UnsafeRawBufferPointer) {
    guard let source else { return }
    // A record is passed on once, however much is wrong with it.
    let record = isFlawed ? nil : value
    isFlawed = true
    intake.deadLetters.add(
      DeadLetter(
        topic: source.topic, partition: source.partition, offset: offset, timestamp: timestamp, reason: reason,
        detail: detail(), size: value.count, firstBytes: Array(value.prefix(DeadLetters.firstBytesMax)),
        text: Array(text.prefix(DeadLetters.firstBytesMax))),
      reason: reason, record: record)
  }

  var seriesCount: Int { intake.buffer.seriesCount }
  var removals: Int { intake.buffer.removals }

  func isCurrent(_ tokens: UnsafeBufferPointer<SeriesToken>, _ report: (Int, Bool) -> Void) {
    intake.buffer.isCurrent(tokens, report)
  }
}
