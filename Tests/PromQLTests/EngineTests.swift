import Testing
import TimeSeries

@testable import PromQL

/// Series with resets, gaps, stale markers and NaN, ten seconds apart with some jitter.
private func randomSource(seed: UInt64, perMetric: Int = 4) -> MemorySource {
  var rng = SplitMix64(seed: seed)
  var source = MemorySource()
  for metric in ["m", "c_total", "h_bucket", "gappy"] {
    for i in 0..<perMetric {
      var labels = [Label("__name__", metric), Label("a", "\(i % 3)"), Label("b", ["x", "y", "xz"][i / 3 % 3])]
      labels.append(metric == "h_bucket" ? Label("le", ["0.1", "0.5", "1", "+Inf"][i % 4]) : Label("i", "\(i)"))
      let set = LabelSet(labels)
      var value = Double(Int.random(in: 0...20, using: &rng))
      for step in 0..<30 {
        let time = Int64(step) * 10_000 + Int64.random(in: 0...900, using: &rng)
        let roll = Int.random(in: 0..<20, using: &rng)
        if metric == "gappy", roll < 8 { continue }
        if metric == "gappy", roll < 10 {
          source.append(set, time, StaleMarker.value)
          continue
        }
        if metric == "c_total" || metric == "h_bucket" {
          value = roll == 0 ? 1 : value + Double(roll)
        } else {
          value = roll == 1 ? .nan : Double(Int.random(in: -10...10, using: &rng)) / 2
        }
        source.append(set, time, value)
      }
    }
  }
  return source
}

private func makeEngine(threads: Int = 1) -> Engine {
  var options = Engine.Options()
  options.threads = threads
  options.features = .all
  return Engine(options: options)
}

extension QueryResult {
  /// The samples of each series, by labels.
  fileprivate var samples: [LabelSet: [Sample]] {
    switch value {
    case .scalar(let sample): [LabelSet([]): [sample]]
    case .string: [:]
    case .vector(let elements): Dictionary(elements.map { ($0.labels, [$0.sample]) }) { $0 + $1 }
    case .matrix(let series): Dictionary(series.map { ($0.labels, $0.samples) }) { $0 + $1 }
    }
  }
}

private func isClose(_ a: Double, _ b: Double) -> Bool {
  if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
  return a == b || (a - b).magnitude <= 1e-9 * max(1, max(a.magnitude, b.magnitude))
}

struct EngineTests {
  /// Sweeping over all steps of a series at once must give what each step gives by itself.
  @Test(arguments: 0..<24 as Range<UInt64>)
  func `a range query is the instant queries of its steps`(seed: UInt64) throws {
    var generator = QueryGenerator(seed: seed)
    let source = randomSource(seed: seed)
    let engine = makeEngine()
    let (start, step): (Int64, Int64) = (55_500, 17_300)
    var compared = 0
    for _ in 0..<60 {
      let query = generator.vector(3)
      guard let range = try? engine.range(query, from: start, through: start + 9 * step, step: step, from: source)
      else { continue }
      compared += 1
      let all = range.samples
      for i in 0..<10 as Range<Int64> {
        let time = start + i * step
        let instant = try engine.instant(query, at: time, from: source).samples
        let expected = all.compactMapValues { samples in samples.first { $0.timestamp == time }?.value }
        let agrees =
          instant.count == expected.count
          && instant.allSatisfy { labels, samples in expected[labels].map { isClose($0, samples[0].value) } ?? false }
        if !agrees {
          Issue.record("seed \(seed): \(query) at \(time): instant \(instant), range \(expected)")
          break
        }
      }
    }
    #expect(compared > 20)
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `two threads find what one finds`(seed: UInt64) throws {
    let source = randomSource(seed: seed, perMetric: 700)
    for query in [
      "sum by (a) (rate(c_total[1m]))", "avg without (i) (m)", "rate(c_total[1m])", "stddev by (b) (gappy)",
      "histogram_quantile(0.9, h_bucket)", "max by (a, b) (max_over_time(m[2m]))", "count(gappy)", "min(m)",
      "histogram_quantile(0.5, sum by (le, a) (rate(h_bucket[1m])))",
    ] {
      let one = try makeEngine().range(query, from: 60_000, through: 200_000, step: 20_000, from: source)
      let two = try makeEngine(threads: 2).range(query, from: 60_000, through: 200_000, step: 20_000, from: source)
      let (a, b) = (one.samples, two.samples)
      #expect(a.count == b.count && !a.isEmpty, "seed \(seed): \(query)")
      for (labels, samples) in a {
        let others = b[labels] ?? []
        let agrees = samples.count == others.count && zip(samples, others).allSatisfy { isClose($0.value, $1.value) }
        #expect(agrees, "seed \(seed): \(query) \(labels)")
      }
      #expect(one.statistics.totalQueryableSamples == two.statistics.totalQueryableSamples)
      #expect(one.infos == two.infos)
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `no query whatever crashes the engine`(seed: UInt64) {
    var generator = QueryGenerator(seed: seed &+ 500)
    let source = randomSource(seed: seed)
    for _ in 0..<120 {
      let query = generator.vector(5)
      _ = try? makeEngine().instant(query, at: .max, from: source)
      _ = try? makeEngine().instant(query, at: .min, from: source)
      _ = try? makeEngine().range(query, from: -50_000, through: 400_000, step: 30_001, from: source)
      let words = query.split(separator: " ").shuffled(using: &generator.rng).joined(separator: " ")
      _ = try? makeEngine().instant(words, at: 100_000, from: source)
    }
  }

  @Test func `a cancelled query and one past its deadline end`() {
    let source = randomSource(seed: 1)
    let cancellation = Cancellation()
    cancellation.cancel()
    #expect(throws: QueryError.canceled) {
      try makeEngine().instant("sum(m)", at: 0, from: source, cancellation: cancellation)
    }
    #expect(throws: QueryError.timeout) {
      try makeEngine().range("m", from: 0, through: 9, step: 1, from: source, deadline: .now - .seconds(1))
    }
  }

  /// A query that is asked to stop while it runs does so: the source asks for it with its thousandth series.
  @Test(arguments: [1, 2])
  func `a running query stops soon after it is cancelled`(threads: Int) {
    struct Endless: SampleSource {
      let cancellation: Cancellation
      let labels: SeriesLabels
      struct Selection: SeriesSelection {
        let cancellation: Cancellation
        let labels: SeriesLabels
        func read(_ range: Range<Int>, from start: Int64, through end: Int64, into run: SampleRun) {
          if range.lowerBound % 1000 > 900 { cancellation.cancel() }
          run.append(end, 1)
          run.endSeries()
        }
      }
      init(cancellation: Cancellation) {
        self.cancellation = cancellation
        var builder = SeriesLabelsBuilder()
        let label = LabelSet([Label("__name__", "x")]).withLabelBytes { lent in
          builder.add(name: builder.add(name: lent[0].name), value: lent[0].value)
        }
        for _ in 0..<1_000_000 {
          builder.beginSeries()
          builder.append(label)
        }
        labels = builder.finish()
      }
      func select(
        _ matchers: [Matcher], from start: Int64, through end: Int64
      ) throws(SourceError) -> any SeriesSelection {
        Selection(cancellation: cancellation, labels: labels)
      }
    }
    let cancellation = Cancellation()
    #expect(throws: QueryError.canceled) {
      try makeEngine(threads: threads).instant(
        "sum(x)", at: 0, from: Endless(cancellation: cancellation), cancellation: cancellation)
    }
  }

  @Test func `series beyond the limit are refused`() throws {
    let source = randomSource(seed: 1)
    var options = Engine.Options()
    let all = try Engine().instant("count(m) + count(m)", at: 100_000, from: source)
    guard case .vector(let elements) = all.value, let count = elements.first?.sample.value else {
      Issue.record("\(all)")
      return
    }
    for (limit, isRefused) in [(Int(count) - 1, true), (Int(count), false)] {
      options.maxSeries = limit
      let engine = Engine(options: options)
      if isRefused {
        #expect(throws: QueryError.limit(.series, "query selects more than \(limit) series: narrow its selectors")) {
          try engine.instant("count(m) + count(m)", at: 100_000, from: source)
        }
      } else {
        _ = try engine.instant("count(m) + count(m)", at: 100_000, from: source)
      }
    }
  }

  @Test func `errors are told apart`() {
    var source = randomSource(seed: 1)
    source.failure = SourceError("gone")
    #expect(throws: QueryError.source(SourceError("gone"))) { try makeEngine().instant("m", at: 0, from: source) }
    #expect {
      try makeEngine().instant("m{", at: 0, from: source)
    } throws: { error in
      if case QueryError.parse = error { true } else { false }
    }
    #expect {
      try makeEngine().range("m[5m]", from: 0, through: 1, step: 1, from: source)
    } throws: { error in
      if case QueryError.invalid = error { true } else { false }
    }
    #expect(throws: QueryError.invalid("end timestamp must not be before start time")) {
      try makeEngine().range("m", from: 1, through: 0, step: 1, from: source)
    }
  }

  @Test func `the highest trees that can be read can be evaluated`() throws {
    let source = randomSource(seed: 1)
    let chain = Array(repeating: "m", count: 590).joined(separator: " or ")
    #expect(try makeEngine().instant(chain, at: 100_000, from: source).samples.count == 4)
    let nested = String(repeating: "abs(", count: 190) + "m" + String(repeating: ")", count: 190)
    #expect(try makeEngine().instant(nested, at: 100_000, from: source).samples.count == 4)
    let minus = Array(repeating: "1", count: 590).joined(separator: " - ")
    #expect(try makeEngine().instant(minus, at: 0, from: source).samples[LabelSet([])]?[0].value == -588)
  }

  @Test func `statistics count what was read and looked at`() throws {
    var source = MemorySource()
    for step in 0..<10 { source.append(LabelSet([Label("__name__", "m")]), Int64(step) * 1000, 1) }
    var engine = makeEngine()
    engine.options.countsSamplesPerStep = true
    let result = try engine.range("sum_over_time(m[3s])", from: 2000, through: 6000, step: 2000, from: source)
    #expect(result.statistics.samplesRead == 7)
    #expect(result.statistics.totalQueryableSamples == 9)
    #expect(result.statistics.totalQueryableSamplesPerStep == [3, 3, 3])
    #expect(result.statistics.peakSamples >= 3)
    #expect(result.statistics.evalTotalTime > .zero)
  }

  @Test func `a lookback of its own overrides the engine's`() throws {
    var source = MemorySource()
    source.append(LabelSet([Label("__name__", "m")]), 0, 1)
    #expect(try makeEngine().instant("m", at: 20_000, from: source, lookbackDelta: 10_000).samples.isEmpty)
    #expect(try makeEngine().instant("m", at: 20_000, from: source, lookbackDelta: 20_001).samples.count == 1)
    #expect(try makeEngine().instant("m", at: 20_000, from: source, lookbackDelta: 0).samples.count == 1)
  }
}

struct LabelTableTests {
  @Test func `equal sets get one number, others their own`() {
    var table = LabelTable()
    var scratch = LabelScratch()
    var numbers: [Int] = []
    for round in 0..<2 {
      for i in 0..<1000 {
        scratch.removeAll()
        scratch.append("name", "value \(i)")
        let number = table.intern(scratch)
        if round == 0 { numbers.append(number) } else { #expect(numbers[i] == number) }
      }
    }
    #expect(Set(numbers).count == 1000)
    #expect(table.withLabels(of: numbers[7]) { $0.map(\.label) } == [Label("name", "value 7")])
  }

  @Test(
    arguments: [
      ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
    ] as [(String, UInt64)])
  func `the series hash is XXH64`(text: String, hash: UInt64) {
    #expect(Array(text.utf8).withUnsafeBytes(SeriesHash.xxh64) == hash)
  }
}
