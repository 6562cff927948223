import Dispatch
import Synchronization
import Testing
import TimeSeries

@testable import SampleBuffer

@Suite struct DeletionTests {
  static let now: Int64 = 1_700_000_000_000
  static let everything = [Matcher("__name__", equals: "m")]

  static func series(_ i: Int) -> [Matcher] { [Matcher("__name__", equals: "m"), Matcher("i", equals: "\(i)")] }

  @Test(arguments: 0..<60 as Range<UInt64>)
  func `appending and deleting in any order agrees with a map from time to value`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let bench = try Bench()
    let buffer = bench.buffer
    var model = [[Int64: Double]](repeating: [:], count: 4)
    var deletedEver = 0
    for _ in 0..<30 {
      let time = Self.now - Int64.random(in: 0..<3_500_000, using: &rng)
      if Bool.random(using: &rng) {
        // Some of it in order, as from a live topic, some late.
        var samples: [(SeriesToken, Int64, Double)] = []
        for k in 0..<Int.random(in: 1...120, using: &rng) {
          let i = Int.random(in: 0..<model.count, using: &rng)
          let at = Bool.random(using: &rng) ? time + Int64(k) * 1000 : Int64.random(in: time...Self.now, using: &rng)
          let value = Double(Int.random(in: 0...50, using: &rng)) / 4
          samples.append((try bench.series(["__name__": "m", "i": "\(i)"]), at, value))
          if model[i][at] == nil { model[i][at] = value }
        }
        bench.append(samples)
      } else {
        let span: Int64 = [0, 1000, 60_000, 1_000_000, 10_000_000].randomElement(using: &rng) ?? 0
        let from = Bool.random(using: &rng) ? time : Int64.min / 4
        let through = Bool.random(using: &rng) ? time + span : Int64.max / 4
        let chosen = Set((0..<model.count).filter { _ in Bool.random(using: &rng) })
        var expected = 0
        for i in chosen {
          let kept = model[i].filter { $0.key < from || $0.key > through }
          expected += model[i].count - kept.count
          model[i] = kept
        }
        deletedEver += expected
        let deleted = try buffer.delete(anyOf: chosen.map(Self.series), from: from, through: through)
        #expect(deleted.samples == expected, "seed \(seed)")
        let again = try buffer.delete(anyOf: chosen.map(Self.series), from: from, through: through)
        #expect(again == .init(), "seed \(seed)")
      }
      try expect(bench, holds: model, seed)
    }
    #expect(buffer.statistics().counts.deleted == deletedEver)
  }

  private func expect(_ bench: Bench, holds model: [[Int64: Double]], _ seed: UInt64) throws {
    let buffer = bench.buffer
    let held = model.filter { !$0.isEmpty }
    #expect(buffer.seriesCount == held.count, "seed \(seed)")
    #expect(buffer.statistics().samples == held.reduce(0) { $0 + $1.count }, "seed \(seed)")
    #expect(buffer.timeRange()?.oldest == held.compactMap { $0.keys.min() }.min(), "seed \(seed)")
    #expect(buffer.timeRange()?.newest == held.compactMap { $0.keys.max() }.max(), "seed \(seed)")
    for (i, samples) in model.enumerated() {
      let tokens = buffer.select(Self.series(i))
      #expect(tokens.count == (samples.isEmpty ? 0 : 1), "seed \(seed)")
      guard let token = tokens.first else { continue }
      let expected = samples.sorted { $0.key < $1.key }
      let read = bench.read(token)
      #expect(read.map(\.timestamp) == expected.map(\.key), "seed \(seed)")
      #expect(read.map(\.value) == expected.map(\.value), "seed \(seed)")
      #expect(buffer.newest([token])[0]?.timestamp == expected.last?.key, "seed \(seed)")
      #expect(buffer.newest([token])[0]?.value == expected.last?.value, "seed \(seed)")
    }
  }

  @Test func `a series without samples leaves the index, and its writers are told`() throws {
    let bench = try Bench()
    let gone = try bench.series(["__name__": "m", "i": "0", "only": "here"])
    let stays = try bench.series(["__name__": "m", "i": "1"])
    bench.append([(gone, Self.now - 2000, 1), (gone, Self.now - 1000, 2), (stays, Self.now, 3)])
    let removals = bench.buffer.removals
    let deleted = try bench.buffer.delete(anyOf: [Self.series(0)], from: 0, through: Self.now)
    #expect(deleted == .init(samples: 2, series: 1))
    #expect(bench.buffer.labelNames() == ["__name__", "i"])
    #expect(bench.buffer.labelValues("i") == ["1"])
    #expect(bench.buffer.select(Self.everything) == [stays])
    #expect(bench.buffer.removals == removals + 1)
    #expect(bench.read(gone).isEmpty)
    #expect(bench.buffer.newest([gone])[0] == nil)
    // The token is out of date: nothing is appended to whoever lives in the slot by now.
    bench.append([(gone, Self.now, 4)])
    #expect(bench.writer.stale == [0])
    let back = try bench.series(["__name__": "m", "i": "0", "only": "here"])
    bench.append([(back, Self.now - 1000, 5)])
    #expect(bench.read(back).map(\.value) == [5])
  }

  @Test func `both ends of the range are deleted, and nothing beyond`() throws {
    let bench = try Bench()
    let token = try bench.series(["__name__": "m", "i": "0"])
    bench.append((0..<100).map { (token, Self.now - 100_000 + $0 * 1000, Double($0)) })
    try bench.buffer.delete(anyOf: [Self.series(0)], from: Self.now - 90_000, through: Self.now - 80_000)
    #expect(bench.read(token).map(\.value) == (0..<10).map(Double.init) + (21..<100).map(Double.init))
    // An empty range, a range that nobody has, and selectors that select nothing.
    try bench.buffer.delete(anyOf: [Self.series(0)], from: Self.now, through: Self.now - 1)
    try bench.buffer.delete(anyOf: [Self.series(0)], from: Self.now + 1, through: .max)
    try bench.buffer.delete(anyOf: [Self.series(7)], from: .min, through: .max)
    try bench.buffer.delete(anyOf: [], from: .min, through: .max)
    #expect(bench.read(token).count == 89)
  }

  @Test func `the newest sample is that before the deleted ones, also when it lies in an older slab`() throws {
    let bench = try Bench { $0.slabDuration = 60_000 }
    let token = try bench.series(["__name__": "m", "i": "0"])
    bench.append((0..<20).map { (token, Self.now - 200_000 + $0 * 10_000, Double($0)) })
    try bench.buffer.delete(anyOf: [Self.series(0)], from: Self.now - 100_000, through: Self.now)
    #expect(bench.buffer.newest([token])[0]?.timestamp == Self.now - 110_000)
    #expect(bench.buffer.newest([token])[0]?.value == 9)
    #expect(bench.buffer.timeRange()?.newest == Self.now - 110_000)
    // Appending goes on from there, late samples included.
    bench.append([(token, Self.now - 105_000, 9.5), (token, Self.now, 20), (token, Self.now - 150_000, -1)])
    #expect(bench.read(token).map(\.value) == (0..<10).map(Double.init) + [9.5, 20])
    #expect(bench.buffer.statistics().counts.conflicts == 1)
  }

  @Test func `deleting gives memory back for use`() throws {
    let bench = try Bench()
    var sizes: [Int] = []
    for round in 0..<20 {
      var samples: [(SeriesToken, Int64, Double)] = []
      for i in 0..<2000 {
        let token = try bench.series(["__name__": "m", "pod": "pod-\(round)-\(i)"])
        for k in 0..<10 { samples.append((token, Self.now - 3_000_000 + Int64(k) * 200_000, Double(i))) }
      }
      bench.append(samples)
      try bench.buffer.delete(anyOf: [Self.everything], from: 0, through: Self.now)
      #expect(bench.buffer.seriesCount == 0)
      sizes.append(bench.buffer.bytes)
    }
    #expect(sizes[19] <= sizes[4] * 12 / 10, "\(sizes)")
  }

  @Test func `threads append, read and delete at once, and what is left is what was appended less what was deleted`()
    throws
  {
    let bench = try Bench { $0.slabDuration = 30_000 }
    let buffer = bench.buffer
    let writers = 2
    let rounds = 150
    let running = Counter()
    DispatchQueue.concurrentPerform(iterations: writers + 2) { thread in
      if thread < writers {
        let writer = SampleBuffer.Writer(buffer)
        for round in 0..<rounds {
          var batch = SampleBatch()
          for i in 0..<64 {
            let labels = LabelSet([Label("__name__", "m"), Label("i", "\(i)"), Label("odd", "\(i % 2)")])
            guard let token = try? labels.withLabelBytes({ try buffer.series($0) }) else { continue }
            // Each thread has times of its own, one of them a little late now and then.
            let time = Self.now - 1_000_000 + Int64(round * 1000 + thread * 7 - (i % 8 == 0 ? 40_000 : 0))
            batch.append(token, timestamp: time, bits: Double(round).bitPattern, position: 0)
          }
          writer.append(batch)
        }
        running.value.add(1, ordering: .releasing)
      } else if thread == writers {
        var rng = SplitMix64(seed: 1)
        while running.value.load(ordering: .acquiring) < writers {
          let from = Self.now - 1_000_000 + Int64.random(in: -50_000..<150_000, using: &rng)
          let selector = [Matcher("odd", equals: Bool.random(using: &rng) ? "1" : "0")]
          let span = Int64.random(in: 0...40_000, using: &rng)
          if (try? buffer.delete(anyOf: [selector], from: from, through: from + span)) == nil {
            Issue.record("no memory")
          }
        }
      } else {
        var columns = SampleColumns()
        while running.value.load(ordering: .acquiring) < writers {
          let tokens = buffer.select(Self.everything)
          for token in tokens {
            columns.removeAll()
            buffer.read(token, from: 0, through: .max / 2, into: &columns)
            for i in 1..<max(columns.count, 1) where columns.timestamps[i] <= columns.timestamps[i - 1] {
              Issue.record("timestamps out of order")
            }
          }
          _ = buffer.newest(tokens)
          _ = buffer.labelSets(of: tokens)
          _ = buffer.timeRange()
        }
      }
    }
    let statistics = buffer.statistics()
    #expect(statistics.samples == statistics.counts.appended - statistics.counts.deleted)
    #expect(statistics.counts.conflicts == 0 && statistics.counts.duplicates == 0)
    let left = buffer.select(Self.everything).reduce(0) { $0 + bench.read($1).count }
    #expect(left == statistics.samples)
    try buffer.delete(anyOf: [Self.everything], from: .min, through: .max)
    #expect(buffer.seriesCount == 0 && buffer.statistics().samples == 0 && buffer.labelNames().isEmpty)
    #expect(buffer.timeRange() == nil)
  }
}
