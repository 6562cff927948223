import ArgumentParser
import CSimdjson
import SampleBuffer
import TimeSeries
import Wire

/// Takes decoded samples and forgets them; series are numbered as they come.
final class NullSink: SampleSink {
  var known: [LabelSet: UInt32] = [:]
  var samples = 0
  func series(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken {
    let set = LabelSet(copying: labels)
    let ref = known[set] ?? UInt32(known.count)
    known[set] = ref
    return SeriesToken(ref: ref, generation: 1)
  }
  func append(_ batch: borrowing SampleBatch, stale: inout [Int]) { samples += batch.count }
  func reject(_ reason: SampleRejection, text: UnsafeRawBufferPointer, byte: Int) {}
  func refuse(_ refusal: SeriesRefusal) {}
  var seriesCount: Int { known.count }
  var removals: Int { 0 }
  func isCurrent(_ tokens: UnsafeBufferPointer<SeriesToken>, _ report: (Int, Bool) -> Void) {
    for i in tokens.indices { report(i, true) }
  }
}

/// Hands decoded samples to a buffer, as the gateway's intake does.
final class BufferSink: SampleSink {
  let buffer: SampleBuffer
  let writer: SampleBuffer.Writer
  init(_ buffer: SampleBuffer) {
    self.buffer = buffer
    writer = SampleBuffer.Writer(buffer)
  }
  func series(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken {
    try buffer.series(labels)
  }
  func append(_ batch: borrowing SampleBatch, stale: inout [Int]) {
    writer.append(batch)
    stale.append(contentsOf: writer.stale)
  }
  func reject(_ reason: SampleRejection, text: UnsafeRawBufferPointer, byte: Int) {}
  func refuse(_ refusal: SeriesRefusal) {}
  var seriesCount: Int { buffer.seriesCount }
  var removals: Int { buffer.removals }
  func isCurrent(_ tokens: UnsafeBufferPointer<SeriesToken>, _ report: (Int, Bool) -> Void) {
    buffer.isCurrent(tokens, report)
  }
}

/// Unpacks and decodes records one after the other.
struct Reader: ~Copyable {
  private var unpacker = RecordUnpacker()
  var decoder: DeliveredDecoder

  init(_ sink: any SampleSink) { decoder = DeliveredDecoder(sink: sink) }

  mutating func read(_ records: ArraySlice<[UInt8]>) -> Int {
    var samples = 0
    for record in records {
      record.withUnsafeBytes { bytes in
        do throws(UnpackError) {
          samples += try unpacker.unpack(bytes) { decoder.decode($0).samples }
        } catch {
          preconditionFailure("a record of the benchmark does not unpack: \(error)")
        }
      }
    }
    return samples
  }
}

struct Decode: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "From the compressed record to columns of samples.")
  @OptionGroup var load: Load

  func run() throws {
    let work = Workload(load, endingAt: wallMilliseconds())
    print("\(work.sampleCount) samples, \(work.unpackedBytes / work.sampleCount) bytes each as text")
    let perRound = work.records.count / load.rounds
    var unpacker = RecordUnpacker()
    let unpack = cpuSeconds {
      for record in work.records { record.withUnsafeBytes { bytes in _ = try? unpacker.unpack(bytes) { $0.count } } }
    }
    report("unpack", Double(work.sampleCount) / unpack, "samples/s")
    var reader = Reader(NullSink())
    let first = cpuSeconds { _ = reader.read(work.records[..<perRound]) }
    report("decode_first_sight", Double(load.series) / first, "samples/s")
    var samples = 0
    let known = cpuSeconds { samples = reader.read(work.records[perRound...]) }
    report("decode_known", Double(samples) / known, "samples/s")
  }
}

struct Append: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "From columns of samples to the buffer.")
  @OptionGroup var load: Load

  func run() throws {
    let now = wallMilliseconds()
    let buffer = try SampleBuffer(BufferSettings()) { wallMilliseconds() }
    let writer = SampleBuffer.Writer(buffer)
    var tokens: [SeriesToken] = []
    let registration = try cpuSeconds {
      for i in 0..<load.series {
        let set = LabelSet([
          Label("__name__", "metric_\(i % 200)"), Label("pod", "pod-\(i / 200)"), Label("job", "benchmark"),
        ])
        tokens.append(try set.withLabelBytes { try buffer.series($0) })
      }
    }
    report("register", Double(load.series) / registration, "series/s")
    var batch = SampleBatch()
    var rng = SplitMix64(seed: 1)
    let values = (0..<load.series).map { _ in Double(rng.next() % 1000) }
    let start = now - Int64(load.rounds) * Workload.step
    func appendAll() -> Double {
      cpuSeconds {
        for round in 0..<load.rounds {
          for i in 0..<load.series {
            batch.append(
              tokens[i], timestamp: start + Int64(round) * Workload.step,
              bits: (values[i] + Double(round * (i & 3))).bitPattern, position: 0)
            if batch.isFull {
              writer.append(batch)
              batch.removeAll()
            }
          }
        }
        writer.append(batch)
        batch.removeAll()
      }
    }
    report("append", Double(load.series * load.rounds) / appendAll(), "samples/s")
    report("append_again", Double(load.series * load.rounds) / appendAll(), "samples/s")
    let counts = buffer.statistics().counts
    print("\(counts)")
  }
}

/// What the decode path is measured against: unpacking alone, and unpacking with a walk over the JSON that does nothing
/// with what it finds.
struct Limits: ~Copyable {
  private var unpacker = RecordUnpacker()
  private let walker = promring_simdjson_make()

  deinit { promring_simdjson_free(walker) }

  /// - Returns: CPU seconds.
  mutating func unpack(_ records: ArraySlice<[UInt8]>) -> Double { read(records) { $0.count > 0 } }

  mutating func walk(_ records: ArraySlice<[UInt8]>) -> Double {
    let walker = walker
    return read(records) { promring_simdjson_walk(walker, $0.baseAddress, $0.count) > 0 }
  }

  private mutating func read(_ records: ArraySlice<[UInt8]>, _ body: (UnsafeRawBufferPointer) -> Bool) -> Double {
    cpuSeconds {
      for record in records {
        let isRead = record.withUnsafeBytes { bytes in try? unpacker.unpack(bytes) { body($0) } }
        precondition(isRead == true, "a record of the benchmark cannot be read")
      }
    }
  }
}

struct Ingest: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "From the compressed record to samples that can be queried, beside what libraries take to read the record.")
  @OptionGroup var load: Load

  func run() throws {
    let work = Workload(load, endingAt: wallMilliseconds())
    let perRound = work.records.count / load.rounds
    var settings = BufferSettings()
    settings.bytesMax = 8 << 30
    let buffer = try SampleBuffer(settings) { wallMilliseconds() }
    var reader = Reader(BufferSink(buffer))
    let first = cpuSeconds { _ = reader.read(work.records[..<perRound]) }
    report("ingest_first_sight", Double(load.series) / first, "samples/s")
    // In turns, as machines are not equally fast from one second to the next.
    var limits = Limits()
    var samples = 0
    var (known, unpack, walk) = (0.0, 0.0, 0.0)
    for round in 1..<max(load.rounds, 2) {
      let records = work.records[
        min(round * perRound, work.records.count)..<min((round + 1) * perRound, work.records.count)]
      unpack += limits.unpack(records)
      walk += limits.walk(records)
      known += cpuSeconds { samples += reader.read(records) }
    }
    if samples > 0 {
      report("limit_snappy", Double(samples) / unpack, "samples/s")
      report("limit_snappy_simdjson", Double(samples) / walk, "samples/s")
      report("ingest_known", Double(samples) / known, "samples/s")
      report("ingest_known_to_snappy_simdjson", walk / known, "times")
      report("ingest_first_sight_to_snappy", Double(load.series) / first * unpack / Double(samples), "times")
    }
    let again = cpuSeconds { samples = reader.read(work.records[...]) }
    report("ingest_replayed", Double(samples) / again, "samples/s")
    let statistics = buffer.statistics()
    print("\(statistics.counts), \(statistics.samples) samples in \(statistics.slabs.count) slabs")
    report(
      "buffer_bytes_per_series", Double(statistics.bytes + reader.decoder.memoryBytes) / Double(load.series), "bytes")
    let full = statistics.slabs.dropLast().filter { $0.samples > 0 }
    let fullSamples = full.reduce(0) { $0 + $1.samples }
    if fullSamples > 0 {
      report("slab_bytes_per_sample", Double(full.reduce(0) { $0 + $1.bytes }) / Double(fullSamples), "bytes")
    }
  }
}
