import ArgumentParser
import Dispatch
import Gateway
import Glibc
import PromQL
import SampleBuffer
import Synchronization
import TimeSeries
import Wire

/// Two consumer threads against one: each reads records of its own, as each partition belongs to one thread.
struct Threads: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ingesting known series with one, two and more threads; on as many processors.")
  @OptionGroup var load: Load
  @Option(help: "The most threads.")
  var most = 2

  func run() throws {
    let work = Workload(load, endingAt: wallMilliseconds())
    let perRound = work.records.count / load.rounds
    var one = (rate: 0.0, cpu: 0.0)
    for threads in 1...most {
      var settings = BufferSettings()
      settings.bytesMax = 8 << 30
      let buffer = try SampleBuffer(settings) { wallMilliseconds() }
      // A record of one round has the series of the record at the same place of the others, so by place they are dealt.
      let shares = (0..<threads).map { share in
        work.records.indices.filter { $0 % perRound % threads == share }.map { work.records[$0] }
      }
      let first = shares.map { $0.prefix($0.count / load.rounds) }
      let (seconds, cpu) = Self.readInParallel(buffer, first.map { Array($0) }, shares.map { Array($0) })
      let rate = Double(work.sampleCount) / seconds
      if threads == 1 { one = (rate, cpu) }
      report("ingest_known_\(threads)_threads", rate, "samples/s")
      report("ingest_known_\(threads)_threads_speedup", rate / one.rate, "times")
      // What the clock would say if nothing else ran: threads that share memory, caches and locks need more time each.
      report("ingest_known_\(threads)_threads_speedup_by_cpu", Double(threads) * one.cpu / cpu, "times")
    }
  }

  /// Each thread reads its `first` records, then all wait for each other, then read theirs of all rounds.
  /// - Returns: seconds by the clock for the latter, and of all threads' CPU time.
  private static func readInParallel(_ buffer: SampleBuffer, _ first: [[[UInt8]]], _ all: [[[UInt8]]])
    -> (clock: Double, cpu: Double)
  {
    let (ready, go, done) = (DispatchGroup(), DispatchSemaphore(value: 0), DispatchGroup())
    let spent = Mutex(0.0)
    for share in first.indices {
      ready.enter()
      done.enter()
      let (mine, rest) = (first[share], all[share])
      DispatchQueue(label: "reader \(share)").async {
        var reader = Reader(BufferSink(buffer))
        _ = reader.read(mine[...])
        ready.leave()
        go.wait()
        let cpu = cpuSeconds { _ = reader.read(rest[mine.count...]) }
        spent.withLock { $0 += cpu }
        done.leave()
      }
    }
    ready.wait()
    let start = ContinuousClock.now
    for _ in first.indices { go.signal() }
    done.wait()
    let toAll = Double(all[0].count) / Double(all[0].count - first[0].count)
    return (start.duration(to: .now) / .seconds(1) * toAll, spent.withLock { $0 } * toAll)
  }
}

/// Whether costs stay level as series become many.
struct Growth: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Throughput, memory and latencies with 10,000, 100,000 and 1,000,000 series.")
  @Option(help: "Rounds of samples.")
  var rounds = 6

  func run() throws {
    for series in [10_000, 100_000, 1_000_000] {
      let work = Workload(Load.made(series: series, rounds: rounds), endingAt: wallMilliseconds())
      let perRound = work.records.count / rounds
      var settings = BufferSettings()
      settings.bytesMax = 8 << 30
      settings.seriesMax = 2_000_000
      let buffer = try SampleBuffer(settings) { wallMilliseconds() }
      var reader = Reader(BufferSink(buffer))
      let first = cpuSeconds { _ = reader.read(work.records[..<perRound]) }
      report("growth_\(series)_first_sight", Double(series) / first, "series/s")
      var samples = 0
      let known = cpuSeconds { samples = reader.read(work.records[perRound...]) }
      report("growth_\(series)_known", Double(samples) / known, "samples/s")
      report(
        "growth_\(series)_bytes_per_series", Double(buffer.bytes + reader.decoder.memoryBytes) / Double(series), "bytes"
      )
      let source = BufferSource(buffer: buffer)
      let query = "sum(container_metric_77_total{pod=\"service-7-7d4b9c6f5-7\"})"
      try latency("growth_\(series)_instant_query") {
        _ = try Engine().instant(query, at: work.end, from: source)
      }
      latency("growth_\(series)_label_values") { _ = buffer.labelValues("namespace") }
    }
  }

  private func latency(_ name: String, _ body: () throws -> Void) rethrows {
    var times: [Double] = []
    for _ in 0..<31 { times.append(try cpuSeconds(body) * 1e6) }
    report(name, times.sorted()[15], "µs")
  }
}

/// Series that come and go for an hour of sample time: a tenth of them is replaced every minute.
struct Churn: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Memory while a tenth of the series is replaced every minute, for an hour of sample time.")
  @Option(help: "Series alive at a time.")
  var series = 50_000
  @Option(help: "Minutes of sample time.")
  var minutes = 120
  @Option(help: "Minutes that the buffer keeps.")
  var retention = 15

  func run() throws {
    let clock = TestClock(at: 1_700_000_000_000)
    var settings = BufferSettings()
    settings.bytesMax = 8 << 30
    settings.retention = Int64(retention) * 60_000
    settings.seriesMax = 10_000_000
    let buffer = try SampleBuffer(settings) { clock.now }
    let writer = SampleBuffer.Writer(buffer)
    var batch = SampleBatch()
    var newest: [SeriesToken] = []
    var level = 0
    for minute in 0..<minutes {
      let replaced = minute == 0 ? 0..<series : (minute % 10) * series / 10..<(minute % 10 + 1) * series / 10
      for i in replaced {
        let labels = LabelSet([
          Label("__name__", "up"), Label("instance", "10.0.\(i % 250).\(i / 250):8080"), Label("job", "job-\(i % 40)"),
          Label("pod", "service-\(i)-\(minute)"),
        ])
        let token = try labels.withLabelBytes { try buffer.series($0) }
        if minute == 0 { newest.append(token) } else { newest[i] = token }
      }
      for quarter in 0..<4 {
        clock.now += 15_000
        for (i, token) in newest.enumerated() {
          batch.append(token, timestamp: clock.now, bits: Double(i + quarter).bitPattern, position: 0)
          guard batch.isFull else { continue }
          writer.append(batch)
          batch.removeAll()
        }
      }
      writer.append(batch)
      batch.removeAll()
      buffer.maintain()
      if minute == retention * 2 { level = buffer.bytes }
      if minute % 15 == 0 {
        print("minute \(minute): \(buffer.seriesCount) series, \(buffer.bytes) bytes, \(residentBytes()) resident")
      }
    }
    report("churn_bytes_growth", Double(buffer.bytes) / Double(max(level, 1)), "times")
    report("churn_resident", Double(residentBytes()), "bytes")
  }
}

/// A clock that the benchmark moves; one thread's.
private final class TestClock: @unchecked Sendable {
  var now: Int64
  init(at now: Int64) { self.now = now }
}
