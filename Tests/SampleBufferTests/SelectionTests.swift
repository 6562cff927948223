import Dispatch
import Synchronization
import Testing
import TimeSeries

@testable import SampleBuffer

@Suite struct SelectionTests {
  static let now: Int64 = 1_700_000_000_000

  /// 3000 series, some with the same labels but one, some with samples in the past only.
  private static func fill(_ bench: Bench, _ rng: inout SplitMix64) throws -> [(set: LabelSet, samples: [Sample])] {
    var made: [(set: LabelSet, samples: [Sample])] = []
    var samples: [(SeriesToken, Int64, Double)] = []
    for i in 0..<3000 {
      var labels = [Label("__name__", "m\(i % 3)"), Label("i", "\(i)"), Label("pod", "pod-\(i / 100)")]
      if i % 7 == 0 { labels.append(Label("a\(i % 2)", "x")) }
      let set = LabelSet(labels)
      let token = try set.withLabelBytes { try bench.buffer.series($0) }
      let first = i % 5 == 0 ? now - 3_400_000 : now - 200_000
      let own = (0..<Int.random(in: 1...30, using: &rng)).map { k in
        Sample(timestamp: first + Int64(k) * 5000, value: Double.random(in: 0...9, using: &rng).rounded())
      }
      samples += own.map { (token, $0.timestamp, $0.value) }
      made.append((set, own))
    }
    bench.append(samples)
    return made
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `a selection has the labels and samples of its series, read many at a time`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let bench = try Bench()
    let made = try Self.fill(bench, &rng)
    let from = Self.now - 300_000
    let (tokens, labels) = bench.buffer.select([Matcher("__name__", equals: "m1")], from: from, through: Self.now)
    let expected = made.filter { $0.set.metricName == "m1" && $0.samples.contains { $0.timestamp >= from } }
    #expect(tokens.count == labels.count)

    var found: [LabelSet: [Sample]] = [:]
    var columns = SampleColumns()
    var ends: [Int] = []
    var next = 0
    while next < tokens.count {
      columns.removeAll()
      ends.removeAll()
      let most = Int.random(in: 1...500, using: &rng)
      bench.buffer.read(tokens[next...], from: from, through: Self.now, samplesMax: most, into: &columns, ends: &ends)
      try #require(!ends.isEmpty, "seed \(seed)")
      var start = 0
      for (i, end) in ends.enumerated() {
        let set = labels.withLabels(of: next + i) { LabelSet(copying: $0) }
        #expect(found[set] == nil, "seed \(seed)")
        found[set] = (start..<end).map { columns[$0] }
        start = end
      }
      next += ends.count
    }
    // Series whose slab overlaps but whose samples do not are there without samples.
    let read = found.filter { !$0.value.isEmpty }
    #expect(read.count == expected.count, "seed \(seed)")
    for (set, samples) in expected {
      let wanted = samples.filter { $0.timestamp >= from && $0.timestamp <= Self.now }
      #expect(read[set]?.map(\.timestamp) == wanted.map(\.timestamp), "seed \(seed)")
      #expect(read[set]?.map(\.value) == wanted.map(\.value), "seed \(seed)")
    }
  }

  @Test func `equal labels have equal numbers, others their own`() throws {
    var rng = SplitMix64(seed: 1)
    let bench = try Bench()
    _ = try Self.fill(bench, &rng)
    let (_, labels) = bench.buffer.select([], from: 0, through: Self.now)
    #expect(labels.count == 3000)
    #expect(labels.nameCount == 5)
    #expect(labels.labelCount == 3 + 3000 + 30 + 2)
    let texts = Set((0..<UInt32(labels.labelCount)).map { labels.label($0).label })
    #expect(texts.count == labels.labelCount)
    for number in 0..<UInt32(labels.labelCount) {
      let name = String(decoding: labels.name(labels.name(ofLabel: number)), as: UTF8.self)
      #expect(name == labels.label(number).label.name)
    }
  }

  @Test func `a series that has gone has no samples`() throws {
    let bench = try Bench()
    let token = try bench.series(["__name__": "m"])
    bench.append([(token, Self.now, 1)])
    let (tokens, labels) = bench.buffer.select([], from: 0, through: Self.now)
    bench.now.value.store(Int(Self.now) + 8_000_000, ordering: .relaxed)
    bench.buffer.advance()
    var columns = SampleColumns()
    var ends: [Int] = []
    bench.buffer.read(tokens[...], from: 0, through: Self.now, samplesMax: 9, into: &columns, ends: &ends)
    #expect(ends == [0])
    #expect(labels.withLabels(of: 0) { LabelSet(copying: $0) } == LabelSet([Label("__name__", "m")]))
  }

  @Test func `what changes from one series to the next is told`() throws {
    let bench = try Bench()
    let sets = [["a": "1", "b": "2"], ["a": "1", "b": "3"], ["b": "3"], ["b": "3", "c": "4"], ["b": "3", "c": "5"]]
    let tokens = try sets.map { try bench.series($0.merging(["__name__": "m"]) { $1 }) }
    var found: [[Int]] = []
    var labels: [[String]] = []
    let gone = SeriesToken(ref: tokens[1].ref, generation: tokens[1].generation &+ 1)
    bench.buffer.withLabelsAndChanges(of: (tokens[...1] + [gone] + tokens[2...])[...]) { _, lent, changes in
      found.append(lent.indices.filter { changes.contains($0) })
      labels.append(lent.map { String(decoding: $0.value, as: UTF8.self) })
    }
    #expect(found == [[0, 1, 2], [2], [], [1], [2], [2]])
    #expect(labels == [["m", "1", "2"], ["m", "1", "3"], [], ["m", "3"], ["m", "3", "4"], ["m", "3", "5"]])
  }

  /// Numbers of label pairs are used again for other pairs when series leave: no selection may mix them up.
  @Test func `selecting while series come and go finds each under its own labels`() throws {
    let bench = try Bench {
      $0.retention = 8000
      $0.slabDuration = 1000
    }
    let (buffer, clock) = (bench.buffer, bench.now)
    DispatchQueue.concurrentPerform(iterations: 2) { thread in
      if thread == 0 {
        let writer = SampleBuffer.Writer(buffer)
        for step in 0..<60 {
          let time = Int64(clock.value.add(250, ordering: .relaxed).newValue)
          var batch = SampleBatch()
          for i in 0..<400 {
            let name = "\(step)-\(i)"
            let set = LabelSet([Label("__name__", "m"), Label("again", name), Label("name", name)])
            guard let token = try? set.withLabelBytes({ try buffer.series($0) }) else { continue }
            batch.append(token, timestamp: time, bits: 1, position: 0)
          }
          writer.append(batch)
        }
      } else {
        for _ in 0..<60 {
          let (tokens, labels) = buffer.select([Matcher("__name__", equals: "m")], from: 0, through: .max / 4)
          var seen = Set<LabelSet>()
          for i in tokens.indices {
            let set = labels.withLabels(of: i) { LabelSet(copying: $0) }
            if set["again"] != set["name"] || set.labels.count != 3 { Issue.record("mixed up: \(set)") }
            if !seen.insert(set).inserted { Issue.record("twice: \(set)") }
          }
        }
      }
    }
  }
}
