import Testing
import TimeSeries

@testable import Wire

/// What `ExpositionWriter` writes, the parser reads, and whatever else comes its way does not upset it.
@Suite struct ExpositionRoundTripTests {
  @Test(arguments: 0..<40 as Range<UInt64>)
  func `what is written is read`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let format = ExpositionFormat.allCases[Int(seed % 2)]
    var samples: Set<PageCollector.Sample> = []
    var written: [PageSample] = []
    let pieces = ["a", "b_total", "x.y", "é", "\\", "\"", "\n", "}", "{", " ", ",", "=", "#", "支付", "\t", "1"]
    func word(_ count: ClosedRange<Int>) -> String {
      (0..<Int.random(in: count, using: &rng)).map { _ in pieces.randomElement(using: &rng) ?? "" }.joined()
    }
    var series: Set<LabelSet> = []
    for _ in 0..<200 {
      var labels = [Label(Label.metricName, "m" + word(0...2))]
      for i in 0..<Int.random(in: 0...4, using: &rng) { labels.append(Label("l\(i)" + word(0...2), word(0...5))) }
      let set = LabelSet(labels)
      guard series.insert(set).inserted else { continue }
      let value =
        [0, -0.0, .infinity, Double.random(in: -1e9...1e9, using: &rng), 1e300, Double.leastNonzeroMagnitude, .nan]
        .randomElement(using: &rng) ?? 0
      let timestamp = Bool.random(using: &rng) ? Int64.random(in: 0...2_000_000_000_000, using: &rng) : nil
      written.append(PageSample(labels: set.labels, value, at: timestamp))
      let bits = value.isNaN ? StaleMarker.normalNaNBits : value.bitPattern
      samples.insert(PageCollector.Sample(labels: set, bits: bits, timestamp: timestamp))
    }
    let page = page(written, format, escaping: .allowUTF8)
    let collector = PageCollector()
    let tally = try collector.take(Array(page.text.utf8), format)
    #expect(tally.samples == page.tally.samples && page.tally.samples == samples.count, "seed \(seed)")
    let differing = Set(collector.samples).symmetricDifference(samples)
    #expect(differing.isEmpty, "seed \(seed)")
  }

  static let seeds: [[UInt8]] = [
    Array(
      """
      # HELP a_total A \\\\ b \\n c.
      # TYPE a_total counter
      a_total{x="1",y="\\"\\\\\\n}"} 1.5 1700000000123
      # TYPE h histogram
      h_bucket{le="1"} 4
      h_bucket{le="+Inf"} 5
      { "x.y" , "é"="支付" } NaN

      # comment
      bare +Inf

      """.utf8),
    Array(
      """
      # TYPE a counter
      # HELP a "x"
      # UNIT a_s s
      a_total{x="1",} 1 1.5 # {trace="}",b=""} 2 1700000000.5
      # TYPE s summary
      s{quantile="0.5"} 1e5
      {"x.y","q"="\\""} -1
      # EOF

      """.utf8),
  ]

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `damaged pages never crash and read the same by every way`(seed: UInt64) {
    let page = Self.seeds[Int(seed % 2)]
    damaged(page, rounds: 1500, seed: seed) { broken in
      if let problem = problemOfPage(broken) {
        Issue.record("seed \(seed): \(String(decoding: broken, as: UTF8.self).debugDescription): \(problem)")
      }
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `token soup never crashes and reads the same by every way`(seed: UInt64) {
    let words = [
      "a", "b", "a{", "{", "}", "\"", "\\", "\"x\"", "x=\"1\"", "le=\"1\"", "=", ",", " ", "\t", "\n", "\r", "\0", "1",
      "-1", "NaN", "1e5", "1700000000", "# ", "#", "TYPE ", "HELP ", "UNIT ", "# EOF", "# TYPE a histogram\n", "é",
      " # {",
      "a 1\n", "a{x=\"1\"} 1\n", "a_s", " gauge", "__name__=\"b\"",
    ]
    var rng = SplitMix64(seed: seed)
    for _ in 0..<2500 {
      let count = Int.random(in: 1...24, using: &rng)
      let soup = (0..<count).map { _ in words.randomElement(using: &rng) ?? "" }.joined()
      if let problem = problemOfPage(Array(soup.utf8)) {
        Issue.record("seed \(seed): \(soup.debugDescription): \(problem)")
      }
    }
  }
}
