import ArgumentParser
import CAllocationCount
import SampleBuffer
import TimeSeries
import Wire

/// What repeats exactly, and so can fail a build: counts and bytes, no times.
struct Gate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Allocations per sample and bytes per sample and series, compared with their limits; for CI.")

  private static let load = Load.made(series: 20_000, rounds: 20)
  /// A moment at the same place of its slab in every run.
  private static let now: Int64 = 1_700_000_000_000

  func run() throws {
    var failures = 0
    func check(_ name: String, _ value: Double, _ unit: String, atMost limit: Double) {
      report(name, value, unit)
      if value > limit {
        failures += 1
        print("\(name) is above its limit of \(limit) \(unit)")
      }
    }

    let work = Workload(Self.load, endingAt: Self.now)
    var settings = BufferSettings()
    settings.bytesMax = 1 << 30
    let buffer = try SampleBuffer(settings) { Self.now }
    var reader = Reader(BufferSink(buffer))
    let perRound = work.records.count / Self.load.rounds
    _ = reader.read(work.records[..<(2 * perRound)])
    let before = allocation_count()
    if before < UInt64(Self.load.series) { throw ValidationError("allocations are not being counted") }
    let samples = reader.read(work.records[(2 * perRound)...])
    let allocations = Double(allocation_count() - before) / Double(samples)
    check("allocations_per_sample", allocations, "allocations", atMost: 0.001)
    let statistics = buffer.statistics()
    check(
      "bytes_per_series_at_20_samples",
      Double(statistics.bytes + reader.decoder.memoryBytes) / Double(Self.load.series), "bytes", atMost: 500)

    check("bytes_per_sample_in_full_slabs", try Self.bytesPerSample(settings), "bytes", atMost: 2.0)
    if failures > 0 { throw ExitCode.failure }
  }

  /// What the samples of full slabs take: two hours of one every 15 s; gauges that rest, counters of whole numbers,
  /// gauges that wander by hundredths.
  private static func bytesPerSample(_ settings: BufferSettings) throws -> Double {
    let buffer = try SampleBuffer(settings) { now }
    let writer = SampleBuffer.Writer(buffer)
    var batch = SampleBatch()
    var rng = SplitMix64(seed: 11)
    let tokens = try (0..<600).map { i in
      try LabelSet([Label("__name__", "m"), Label("i", "\(i)")]).withLabelBytes { try buffer.series($0) }
    }
    var hundredths = tokens.indices.map { Int64($0) * 1000 }
    for round in 0..<230 {
      for (i, token) in tokens.enumerated() {
        switch i % 3 {
        case 0: hundredths[i] += Int64(rng.next() % 100) * 100
        case 1: hundredths[i] += Int64(rng.next() % 101) - 50
        default: break
        }
        let timestamp = now - Int64(230 - round) * 15_000
        batch.append(token, timestamp: timestamp, bits: (Double(hundredths[i]) / 100).bitPattern, position: 0)
        guard batch.isFull else { continue }
        writer.append(batch)
        batch.removeAll()
      }
    }
    writer.append(batch)
    let full = buffer.statistics().slabs.dropFirst().dropLast()
    return Double(full.reduce(0) { $0 + $1.bytes }) / Double(max(full.reduce(0) { $0 + $1.samples }, 1))
  }
}

extension Load {
  /// A load that no command line described.
  static func made(series: Int, rounds: Int) -> Load {
    var load = Load()
    load.series = series
    load.rounds = rounds
    load.recordSamples = 500
    load.shuffled = false
    return load
  }
}
