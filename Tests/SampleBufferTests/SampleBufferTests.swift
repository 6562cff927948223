import Foundation
import Synchronization
import Testing
import TimeSeries

@testable import SampleBuffer

/// A buffer with a clock to turn by hand.
struct Bench {
  let now: Counter
  let buffer: SampleBuffer
  let writer: SampleBuffer.Writer

  init(now start: Int64 = 1_700_000_000_000, _ change: (inout BufferSettings) -> Void = { _ in }) throws {
    var settings = BufferSettings()
    settings.seriesMax = 100_000
    settings.bytesMax = 64 << 20
    change(&settings)
    let now = Counter()
    now.value.store(Int(start), ordering: .relaxed)
    self.now = now
    buffer = try SampleBuffer(settings) { Int64(now.value.load(ordering: .relaxed)) }
    writer = SampleBuffer.Writer(buffer)
  }

  func series(_ labels: [String: String]) throws -> SeriesToken {
    try LabelSet(labels.map { Label($0.key, $0.value) }).withLabelBytes { try buffer.series($0) }
  }

  func append(_ samples: [(SeriesToken, Int64, Double)]) {
    var batch = SampleBatch()
    for (token, timestamp, value) in samples {
      batch.append(token, timestamp: timestamp, bits: value.bitPattern, position: 0)
      if batch.isFull {
        writer.append(batch)
        batch.removeAll()
      }
    }
    writer.append(batch)
  }

  func read(_ token: SeriesToken, _ from: Int64 = 0, _ through: Int64 = .max / 2) -> [Sample] {
    var columns = SampleColumns()
    buffer.read(token, from: from, through: through, into: &columns)
    return (0..<columns.count).map { columns[$0] }
  }
}

@Suite struct SampleBufferTests {
  static let now: Int64 = 1_700_000_000_000

  @Test func `a series is the same whatever order its labels came in, and new once`() throws {
    let bench = try Bench()
    let a = try bench.series(["__name__": "up", "job": "a"])
    let b = try bench.series(["job": "a", "__name__": "up"])
    let c = try bench.series(["job": "b", "__name__": "up"])
    #expect(a == b && a != c)
    #expect(bench.buffer.seriesCount == 2)
  }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func `samples in any order, repeated and contradicted, read back as a map from time to the first value`(
    seed: UInt64
  ) throws {
    var rng = SplitMix64(seed: seed)
    let bench = try Bench()
    let tokens = try (0..<5).map { try bench.series(["__name__": "m", "i": "\($0)"]) }
    var model = [[Int64: Double]](repeating: [:], count: tokens.count)
    var duplicates = 0
    var conflicts = 0
    for _ in 0..<20 {
      var samples: [(SeriesToken, Int64, Double)] = []
      let base = Self.now - Int64.random(in: 0..<3_500_000, using: &rng)
      for k in 0..<Int.random(in: 1...150, using: &rng) {
        let i = Int.random(in: 0..<tokens.count, using: &rng)
        let ordered = base + Int64(k) * 5000
        let timestamp =
          Bool.random(using: &rng) ? min(ordered, Self.now) : Self.now - Int64.random(in: 0..<360, using: &rng) * 10_000
        let value = Double(Int.random(in: 0...2, using: &rng))
        samples.append((tokens[i], timestamp, value))
        if let held = model[i][timestamp] {
          if held == value { duplicates += 1 } else { conflicts += 1 }
        } else {
          model[i][timestamp] = value
        }
      }
      bench.append(samples)
    }
    for (token, expected) in zip(tokens, model) {
      let read = bench.read(token)
      #expect(read.map(\.timestamp) == expected.keys.sorted(), "seed \(seed)")
      #expect(read.allSatisfy { expected[$0.timestamp] == $0.value }, "seed \(seed)")
      let newest = bench.buffer.newest([token])[0]
      #expect(newest?.timestamp == expected.keys.max(), "seed \(seed)")
    }
    #expect(bench.buffer.timeRange()?.oldest == model.compactMap { $0.keys.min() }.min(), "seed \(seed)")
    #expect(bench.buffer.timeRange()?.newest == model.compactMap { $0.keys.max() }.max(), "seed \(seed)")
    let statistics = bench.buffer.statistics()
    #expect(statistics.counts.duplicates == duplicates && statistics.counts.conflicts == conflicts, "seed \(seed)")
    #expect(statistics.samples == model.reduce(0) { $0 + $1.count }, "seed \(seed)")
    let from = Self.now - 1_000_000
    #expect(
      bench.read(tokens[0], from, Self.now - 5).map(\.timestamp)
        == model[0].keys.filter { $0 >= from && $0 <= Self.now - 5 }.sorted(), "seed \(seed)")
  }

  /// Whole batches go into the middle of a chunk: one by one this would take the square of the time.
  @Test(arguments: [1, 3]) func `a long series that comes backwards, and once more, is as if it had come forwards`(
    seriesCount: Int
  ) throws {
    let bench = try Bench()
    let tokens = try (0..<seriesCount).map { try bench.series(["__name__": "m", "i": "\($0)"]) }
    let count = 12_000
    let backwards = (0..<count).reversed().map { i in
      (tokens[i % seriesCount], Self.now - Int64(count - i) * 7, Double(i))
    }
    bench.append(backwards)
    bench.append(backwards)
    for (i, token) in tokens.enumerated() {
      let expected = (0..<count).filter { $0 % seriesCount == i }
      let read = bench.read(token)
      #expect(read.map(\.value) == expected.map(Double.init))
      #expect(read.map(\.timestamp) == expected.map { Self.now - Int64(count - $0) * 7 })
    }
    let counts = bench.buffer.statistics().counts
    #expect(counts.appended == count && counts.duplicates == count && counts.conflicts == 0)
    #expect(counts.outOfOrder >= count - 2 * seriesCount)
  }

  @Test func `time moves on by dropping whole slabs, and series go with their last one`() throws {
    let bench = try Bench()
    let old = try bench.series(["__name__": "m", "i": "old"])
    let kept = try bench.series(["__name__": "m", "i": "kept"])
    bench.append([(old, Self.now, 1), (kept, Self.now, 1)])
    bench.now.value.add(1_800_000, ordering: .relaxed)
    bench.append([(kept, Self.now + 1_800_000, 2)])
    bench.now.value.add(3_000_000, ordering: .relaxed)
    bench.buffer.advance()
    #expect(bench.buffer.seriesCount == 1)
    #expect(bench.read(old).isEmpty)
    #expect(bench.read(kept).map(\.value) == [2])
    #expect(bench.buffer.labelValues("i") == ["kept"])
    #expect(bench.buffer.statistics().counts.expired == 2)
    // The slot gets a new tenant, and the old token does not reach it.
    let new = try bench.series(["__name__": "m", "i": "new"])
    #expect(new.ref == old.ref && new != old)
    bench.append([(old, Self.now + 4_800_000, 9)])
    #expect(bench.writer.stale == [0])
    #expect(bench.read(new).isEmpty)
  }

  @Test func `samples outside of the window are counted, each by its reason`() throws {
    let bench = try Bench()
    let token = try bench.series(["__name__": "m"])
    bench.append([
      (token, Self.now - 3_600_001, 1), (token, Self.now + 600_001, 1), (token, 0, 1), (token, -5, 1),
      (token, .min / 2, 1), (token, .max / 2, 1), (token, Self.now - 3_600_000, 1), (token, Self.now + 600_000, 1),
    ])
    let counts = bench.buffer.statistics().counts
    #expect(counts.tooOld == 4 && counts.tooNew == 2 && counts.appended == 2)
  }

  @Test func `readers may ask for any time, however far away`() throws {
    let bench = try Bench()
    let token = try bench.series(["__name__": "m"])
    bench.append([(token, Self.now, 1)])
    for (from, through) in [(Int64.min / 2, Int64.max / 2), (0, 9_223_309_901_257_974), (Self.now, Self.now)] {
      #expect(bench.read(token, from, through).count == 1)
      #expect(bench.buffer.overlapping([token], from: from, through: through) == [token])
    }
    #expect(bench.buffer.overlapping([token], from: Self.now + 3_600_000, through: .max / 2).isEmpty)
  }

  @Test func `without retention only the budget ends the window`() throws {
    let bench = try Bench { $0.retention = 0 }
    let token = try bench.series(["__name__": "m"])
    let times = [-1_000_000, 0, Self.now - 86_400_000 * 365, Self.now]
    bench.append(times.map { (token, $0, 1) })
    #expect(bench.read(token, .min / 2).map(\.timestamp) == times)
  }

  @Test func `the budget takes the oldest slab first and keeps the newest samples`() throws {
    let bench = try Bench { $0.bytesMax = 4 << 20 }
    var rng = SplitMix64(seed: 7)
    var tokens: [SeriesToken] = []
    for i in 0..<2000 { tokens.append(try bench.series(["__name__": "m", "i": "\(i)"])) }
    for step in 0..<200 {
      let time = Self.now - 3_500_000 + Int64(step) * 15_000
      bench.append(tokens.map { ($0, time, Double.random(in: 0...1, using: &rng)) })
    }
    let statistics = bench.buffer.statistics()
    #expect(statistics.bytes <= 4 << 20)
    #expect(statistics.counts.expired > 0)
    #expect(bench.buffer.windowStart > Self.now - 3_500_000)
    let read = bench.read(tokens[3])
    #expect(read.last?.timestamp == Self.now - 3_500_000 + 199 * 15_000)
    #expect(read.count > 20)
  }

  @Test func `a flood of series that never come again gives way to new ones when its slab is over`() throws {
    let bench = try Bench { $0.bytesMax = 4 << 20 }
    var flood = 0
    #expect(throws: SeriesRefusal.overMemoryBudget) {
      while true {
        let token = try bench.series(["__name__": "flood", "i": "\(flood)"])
        bench.append([(token, Self.now, 1)])
        flood += 1
      }
    }
    func isTaken() -> Bool { (try? bench.series(["__name__": "late"])) != nil }
    for _ in 0..<3 {
      bench.buffer.makeRoomIfStuck()
      #expect(!isTaken(), "its slab may still get samples")
    }
    let held = bench.buffer.seriesCount
    bench.now.value.add(Int(BufferSettings().effectiveSlabDuration), ordering: .relaxed)
    bench.buffer.makeRoomIfStuck()
    #expect(bench.buffer.seriesCount == 0 && held > 1000)
    #expect(isTaken())
    // While samples come in, slabs go by the budget alone.
    bench.append([(try bench.series(["__name__": "late"]), Self.now + Int64(BufferSettings().effectiveSlabDuration), 1)]
    )
    bench.buffer.makeRoomIfStuck()
    #expect(bench.buffer.seriesCount == 1)
  }

  /// A fleet that goes on while a flood of series comes and goes.
  @Test func `a flood of series takes neither samples nor room from those that stay`() throws {
    let slab = Int64(BufferSettings().effectiveSlabDuration)
    let bench = try Bench { $0.bytesMax = 8 << 20 }
    var rng = SplitMix64(seed: 3)
    var time = Self.now
    func fleet(_ i: Int) throws -> SeriesToken { try bench.series(["__name__": "m", "i": "\(i)", "both": "x"]) }
    func run(slabs: Double) throws {
      for _ in 0..<Int(slabs * Double(slab) / 15_000) {
        time += 15_000
        bench.now.value.store(Int(time), ordering: .relaxed)
        bench.append(try (0..<200).map { (try fleet($0), time, Double.random(in: 0...1, using: &rng)) })
      }
    }
    try run(slabs: 10)
    let window = bench.read(try fleet(7)).count
    var flood: [SeriesToken] = []
    while let token = try? bench.series(["__name__": "flood", "i": "\(flood.count)", "both": "x"]) {
      flood.append(token)
      if flood.count % 256 == 0 { bench.append(flood.suffix(256).map { ($0, time, 1) }) }
    }
    #expect(flood.count > 10_000)
    let before = bench.buffer.statistics()
    // The slab of the flood is the only one left, and the fleet's samples still find room.
    try run(slabs: 0.4)
    #expect(bench.buffer.statistics().counts.outOfMemory == before.counts.outOfMemory)
    try run(slabs: 12)
    let after = bench.buffer.statistics()
    #expect(after.counts.outOfMemory == before.counts.outOfMemory)
    #expect(bench.read(try fleet(7)).count > window * 3 / 4)
    #expect(after.bytes < before.bytes * 3 / 4)
    #expect(bench.buffer.seriesCount == 200)
    #expect(bench.buffer.labelValues("both") == ["x"] && bench.buffer.labelValues("i").count == 200)
    let again = try bench.series(["__name__": "flood", "i": "0", "both": "x"])
    bench.append([(again, time, 2)])
    #expect(bench.read(again).map(\.value) == [2])
  }

  @Test func `memory that others take costs the oldest slab and no new sample`() throws {
    let bench = try Bench { $0.bytesMax = 32 << 20 }
    var rng = SplitMix64(seed: 1)
    let tokens = try (0..<1000).map { try bench.series(["__name__": "m", "i": "\($0)"]) }
    for step in 0..<200 {
      let time = Self.now - 3_000_000 + Int64(step) * 15_000 - 1
      bench.append(tokens.map { ($0, time, Double.random(in: 0...1, using: &rng)) })
    }
    let slabs = bench.buffer.statistics().slabs.count
    let taken = (32 << 20) - bench.buffer.bytes + 100_000
    bench.buffer.account(bytes: taken)
    bench.append([(tokens[0], Self.now, 2)])
    #expect(bench.buffer.statistics().counts.outOfMemory == 0)
    #expect(bench.read(tokens[0]).last?.value == 2)
    #expect(bench.buffer.statistics().slabs.count < slabs)
    bench.buffer.account(bytes: -taken)
  }

  @Test func `limits refuse new series and leave the known ones alone`() throws {
    let bench = try Bench {
      $0.seriesMax = 2
      $0.labelsMax = 3
      $0.labelNameBytesMax = 8
      $0.labelValueBytesMax = 8
    }
    let known = try bench.series(["__name__": "a"])
    _ = try bench.series(["__name__": "b"])
    #expect(throws: SeriesRefusal.tooManySeries) { try bench.series(["__name__": "c"]) }
    #expect(try bench.series(["__name__": "a"]) == known)
    #expect(throws: SeriesRefusal.tooManyLabels) { try bench.series(["a": "1", "b": "1", "c": "1", "d": "1"]) }
    #expect(throws: SeriesRefusal.labelNameTooLong) { try bench.series(["abcdefghi": "1"]) }
    #expect(throws: SeriesRefusal.labelValueTooLong) { try bench.series(["a": "123456789"]) }
    #expect(bench.buffer.statistics().refusals[.tooManySeries] == 1)
  }

  @Test(arguments: 0..<40 as Range<UInt64>)
  func `selecting agrees with asking every series, also after series have gone`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let bench = try Bench()
    var alive: [LabelSet] = []
    for round in 0..<2 {
      bench.now.value.store(Int(Self.now) + round * 5_000_000, ordering: .relaxed)
      bench.buffer.advance()
      var samples: [(SeriesToken, Int64, Double)] = []
      for _ in 0..<300 {
        var labels = ["__name__": "m\(Int.random(in: 0...4, using: &rng))"]
        for name in ["a", "b", "c"] where Bool.random(using: &rng) {
          labels[name] = "v\(Int.random(in: 0...9, using: &rng))"
        }
        if Bool.random(using: &rng) { labels["unique"] = "\(rng.next())" }
        samples.append((try bench.series(labels), Self.now + Int64(round) * 5_000_000, 1))
        let set = LabelSet(labels.map { Label($0.key, $0.value) })
        if round == 1, !alive.contains(set) { alive.append(set) }
      }
      bench.append(samples)
    }
    #expect(bench.buffer.seriesCount == alive.count, "seed \(seed)")
    for _ in 0..<60 {
      let matchers = try (0..<Int.random(in: 1...3, using: &rng)).map { _ in
        try Matcher(
          ["__name__", "a", "b", "unique", "absent"].randomElement(using: &rng) ?? "a",
          Matcher.Operation.allCases.randomElement(using: &rng) ?? .equal,
          ["", "v3", "m1", "v[1-4]", ".*", ".+", "m1|m2", "v1|", "x"].randomElement(using: &rng) ?? "")
      }
      let found = bench.buffer.labelSets(of: bench.buffer.select(matchers)).compactMap { $0 }
      let expected = alive.filter { set in matchers.allSatisfy { $0.matches(set[$0.name]) } }
      #expect(found.sorted() == expected.sorted(), "\(matchers), seed \(seed)")
    }
    for name in ["__name__", "a", "unique", "absent"] {
      let values = Set(alive.map { $0[name] }).subtracting([""]).sorted { $0.compareBytes(with: $1) < 0 }
      #expect(bench.buffer.labelValues(name) == values, "seed \(seed)")
    }
    let some = bench.buffer.select([Matcher("__name__", equals: "m1")])
    let names = Set(alive.filter { $0.metricName == "m1" }.flatMap { $0.labels.map(\.name) }).sorted()
    #expect(bench.buffer.labelNames(of: .these(some)) == names, "seed \(seed)")
  }

  @Test func `label names and values within a time are those of the series that have samples then`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var rng = SplitMix64(seed: seed)
    let bench = try Bench()
    let minute: Int64 = 60_000
    for i in 0..<400 {
      let labels = ["__name__": "m\(i % 7)", "a": "v\(rng.next() % 9)", "n\(i % 11)": "\(rng.next() % 50)"]
      bench.append([(try bench.series(labels), Self.now - Int64(rng.next() % 55) * minute, 1)])
    }
    for _ in 0..<40 {
      let from = Self.now - Int64(rng.next() % 70) * minute
      let through = from + Int64(rng.next() % 70) * minute
      let some = bench.buffer.overlapping(bench.buffer.select([]), from: from, through: through)
      let within = SampleBuffer.Carriers.within(from: from, through: through)
      #expect(bench.buffer.labelNames(of: within) == bench.buffer.labelNames(of: .these(some)), "seed \(seed)")
      for name in ["__name__", "a", "n3"] {
        let values = bench.buffer.labelValues(name, of: within)
        #expect(values == bench.buffer.labelValues(name, of: .these(some)), "seed \(seed)")
      }
    }
  }

  @Test func `coming and going series leave memory where it was`() throws {
    let bench = try Bench()
    var sizes: [Int] = []
    for generation in 0..<30 {
      var samples: [(SeriesToken, Int64, Double)] = []
      let time = Self.now + Int64(generation) * 3_600_000
      bench.now.value.store(Int(time), ordering: .relaxed)
      bench.buffer.advance()
      for i in 0..<3000 {
        samples.append((try bench.series(["__name__": "m\(i % 10)", "pod": "pod-\(generation)-\(i)"]), time, 1))
      }
      bench.append(samples)
      sizes.append(bench.buffer.bytes)
    }
    #expect(bench.buffer.seriesCount <= 6000)
    #expect(sizes[29] <= sizes[5] * 11 / 10, "\(sizes)")
  }

  @Test func `threads append and read at once and nothing is lost`() throws {
    let bench = try Bench()
    let buffer = bench.buffer
    let threads = 4
    let rounds = 200
    let running = Counter()
    DispatchQueue.concurrentPerform(iterations: threads + 2) { thread in
      if thread < threads {
        let writer = SampleBuffer.Writer(buffer)
        var batch = SampleBatch()
        for round in 0..<rounds {
          for i in 0..<100 {
            // Half of the series are everybody's, half are each thread's own.
            let labels = LabelSet([Label("__name__", "m"), Label("i", i < 50 ? "\(i)" : "\(thread)-\(i)")])
            guard let token = try? labels.withLabelBytes({ try buffer.series($0) }) else { continue }
            batch.append(
              token, timestamp: Self.now - 1_000_000 + Int64(round * threads + thread) * 1000, bits: 1, position: 0)
          }
          writer.append(batch)
          batch.removeAll()
        }
        running.value.add(1, ordering: .releasing)
      } else {
        var columns = SampleColumns()
        while running.value.load(ordering: .acquiring) < threads {
          let tokens = buffer.select([Matcher("__name__", equals: "m")])
          for token in tokens {
            columns.removeAll()
            buffer.read(token, from: 0, through: .max / 2, into: &columns)
            for i in 1..<max(columns.count, 1) where columns.timestamps[i] <= columns.timestamps[i - 1] {
              Issue.record("timestamps out of order")
            }
          }
          _ = buffer.labelSets(of: tokens)
          _ = buffer.labelValues("i", of: .these(tokens))
          _ = buffer.statistics()
        }
      }
    }
    #expect(buffer.seriesCount == 50 + threads * 50)
    let statistics = buffer.statistics()
    #expect(statistics.samples == threads * rounds * 100)
    for token in buffer.select([try Matcher("i", .regexMatch, "[0-9]+")]) {
      #expect(bench.read(token).count == threads * rounds)
    }
  }

  @Test func `series vanish under the feet of writers and come back`() throws {
    let bench = try Bench { $0.retention = 8000 }
    let buffer = bench.buffer
    let clock = bench.now
    DispatchQueue.concurrentPerform(iterations: 3) { thread in
      let writer = SampleBuffer.Writer(buffer)
      for step in 0..<300 {
        let time = Int64(clock.value.add(100, ordering: .relaxed).newValue)
        var batch = SampleBatch()
        for i in 0..<20 {
          let labels = LabelSet([Label("__name__", "m"), Label("i", "\((step / 40) * 100 + i)")])
          guard let token = try? labels.withLabelBytes({ try buffer.series($0) }) else { continue }
          batch.append(token, timestamp: time + Int64(thread), bits: 1, position: 0)
        }
        writer.append(batch)
      }
    }
    clock.value.add(100_000, ordering: .relaxed)
    buffer.advance()
    #expect(buffer.seriesCount == 0)
    #expect(buffer.statistics().samples == 0)
    #expect(buffer.labelNames().isEmpty)
  }
}
