import Testing
import TimeSeries
import Wire

@testable import Scrape

/// What comes of pages, without a network.
@Suite struct TargetSeriesTests {
  /// A target, a clock that goes a second further with each page, and what the sink answers.
  final class Run {
    let series: TargetSeries
    var time: Int64 = 1_700_000_000_000
    let labels: LabelSet

    init(_ change: (inout ScrapeTarget) -> Void = { _ in }) throws {
      var target = ScrapeTarget(url: "http://h:1/metrics", job: "j")
      change(&target)
      let resolved = try ResolvedTarget(target)
      labels = resolved.labels
      series = TargetSeries(target, labels: labels)
    }

    func page(
      _ text: String?, _ format: ExpositionFormat = .text004, isTaken: Bool = true
    ) -> TargetSeries.Outcome {
      time += 1000
      let outcome = Array((text ?? "").utf8).withUnsafeBytes { bytes in
        series.read(text == nil ? .failure(.status(500)) : .success((bytes, format)), at: time) { .milliseconds(250) }
      }
      series.settle(isTaken: isTaken)
      return outcome
    }
  }

  static let rest = "instance=\"h:1\", job=\"j\""

  @Test func `a page comes with the target's labels and up`() throws {
    let outcome = try Run().page("a 1\nb{x=\"y\"} 2 5\n")
    #expect(
      outcome.scrape.content == [
        "a{\(Self.rest)}": "1", "b{\(Self.rest), x=\"y\"}": "2 @5", "up{\(Self.rest)}": "1",
        "scrape_duration_seconds{\(Self.rest)}": "0.25", "scrape_samples_scraped{\(Self.rest)}": "2",
        "scrape_samples_post_metric_relabeling{\(Self.rest)}": "2", "scrape_series_added{\(Self.rest)}": "2",
      ])
    #expect(outcome.scrape.isUp && outcome.error == nil)
  }

  @Test func `a series that vanishes ends once`() throws {
    let run = try Run()
    _ = run.page("a 1\nb 2\n")
    #expect(run.page("b 3\n").scrape.page == ["a{\(Self.rest)}": "stale", "b{\(Self.rest)}": "3"])
    #expect(run.page("b 4\n").scrape.page == ["b{\(Self.rest)}": "4"])
    #expect(run.page("a 5\n").scrape.page == ["a{\(Self.rest)}": "5", "b{\(Self.rest)}": "stale"])
  }

  @Test func `all series end when a scrape fails, and are not new when it works again`() throws {
    let run = try Run()
    _ = run.page("a 1\nb 2\n")
    let failed = run.page(nil)
    #expect(failed.scrape.page == ["a{\(Self.rest)}": "stale", "b{\(Self.rest)}": "stale"])
    #expect(failed.scrape.own("up") == "0" && failed.scrape.own("scrape_samples_scraped") == "0")
    #expect(!failed.scrape.isUp && failed.error == .status(500))
    #expect(run.page(nil).scrape.page.isEmpty)
    let again = run.page("a 1\nb 2\nc 3\n")
    #expect(again.scrape.page.count == 3 && again.scrape.own("scrape_series_added") == "1")
  }

  @Test func `a page with one bad line brings nothing`() throws {
    let run = try Run()
    _ = run.page("a 1\n")
    let bad = run.page("a 2\nb 1\nc x\n")
    #expect(bad.scrape.page == ["a{\(Self.rest)}": "stale"])
    #expect(bad.scrape.own("up") == "0" && bad.scrape.own("scrape_samples_scraped") == "2")
    #expect(bad.error?.description == "the page is malformed: line 3, column 3: \"x\" is no number that fits a double")
    #expect(run.page("a 3\nb 1\n").scrape.own("scrape_series_added") == "1")
  }

  @Test func `what has not been taken ends later`() throws {
    let run = try Run()
    _ = run.page("a 1\nb 1\n")
    _ = run.page("b 2\nc 2\n", isTaken: false)
    // `c` has never got anywhere, so there is nothing to end.
    #expect(run.page("b 3\n").scrape.page == ["a{\(Self.rest)}": "stale", "b{\(Self.rest)}": "3"])
    _ = run.page(nil, isTaken: false)
    #expect(run.page(nil).scrape.page == ["b{\(Self.rest)}": "stale"])
    #expect(run.page(nil).scrape.page.isEmpty)
  }

  @Test func `a target that is given up ends all that it has`() throws {
    let run = try Run()
    #expect(run.series.end(at: 7) == nil)
    _ = run.page("a 1\nb 2 5\n", isTaken: false)
    #expect(run.series.end(at: 7) == nil)
    _ = run.page("a 1\nb 2 5\n")
    let end = try #require(run.series.end(at: 7))
    #expect(end.timestamp == 7 && !end.isUp)
    #expect(end.page == ["a{\(Self.rest)}": "stale"])
    #expect(end.count == 6 && end.content.values.allSatisfy { $0 == "stale" })
  }

  @Test func `series with times of their own do not end, unless they are to`() throws {
    let run = try Run()
    _ = run.page("a 1 5\n")
    #expect(run.page("").scrape.page.isEmpty)
    let tracking = try Run { $0.trackTimestampsStaleness = true }
    _ = tracking.page("a 1 5\n")
    #expect(tracking.page("").scrape.page == ["a{\(Self.rest)}": "stale"])
    let ignoring = try Run { $0.honorTimestamps = false }
    #expect(ignoring.page("a 1 5\n").scrape.page == ["a{\(Self.rest)}": "1"])
    #expect(ignoring.page("").scrape.page == ["a{\(Self.rest)}": "stale"])
  }

  @Test func `of one series and time the first sample counts`() throws {
    let run = try Run()
    let outcome = run.page("a 1\na 2\na 3 5\na 4 5\na 5 6\nb{x=\"1\",y=\"2\"} 1\nb{y=\"2\",x=\"1\"} 2\n")
    #expect(outcome.scrape.own("scrape_samples_scraped") == "7")
    #expect(outcome.tally.duplicates == 3)
    #expect(outcome.scrape.count == 4 + 5)
    #expect(outcome.scrape.content["b{\(Self.rest), x=\"1\", y=\"2\"}"] == "1")
  }

  @Test func `samples of the far future are left out`() throws {
    let run = try Run()
    let now = run.time + 1000
    let outcome = run.page("a 1 \(now + 600_000)\nb 1 \(now + 600_001)\nc 1 9223372036854775807\n")
    #expect(outcome.scrape.page == ["a{\(Self.rest)}": "1 @\(now + 600_000)"])
    #expect(outcome.tally.outOfBounds == 2 && outcome.error == nil)
  }

  @Test func `a page above the sample limit brings nothing, and says how many there are`() throws {
    let run = try Run { $0.sampleLimit = 2 }
    #expect(run.page("a 1\nb 1\n").error == nil)
    for _ in 0..<2 {
      let outcome = run.page("a 1\nb 1\nc 1\nd 1\n")
      #expect(outcome.error == .sampleLimit(2, found: 4))
      #expect(outcome.scrape.own("scrape_samples_scraped") == "4" && outcome.scrape.own("up") == "0")
    }
  }

  @Test func `a page's own up wins over ours if it has the same labels`() throws {
    let run = try Run { $0.honorLabels = true }
    let outcome = run.page("up{job=\"j\",instance=\"h:1\"} 5\nup{job=\"other\"} 6\n")
    #expect(outcome.scrape.content["up{\(Self.rest)}"] == "5")
    #expect(outcome.scrape.content["up{instance=\"h:1\", job=\"other\"}"] == "6")
    #expect(run.page("").scrape.content["up{\(Self.rest)}"] == "1")
    #expect(run.page(nil).scrape.content["up{\(Self.rest)}"] == "0")
  }

  @Test func `an empty answer is an empty page in either format`() throws {
    let run = try Run()
    #expect(run.page("", .openMetrics100).error == nil)
    #expect(run.page("a 1\n", .openMetrics100).error != nil)
  }

  @Test func `metadata come with every scrape`() throws {
    let run = try Run()
    let page = "# HELP a A.\n# TYPE a gauge\na 1\n# TYPE b counter\nb 1\n"
    for _ in 0..<2 {
      let families = run.page(page).scrape.families
      #expect(families.map { "\($0.name) \($0.type) \($0.help)" } == ["a gauge A.", "b counter "])
    }
    #expect(run.page("# TYPE b gauge\nb 1\n").scrape.families.map { "\($0.name) \($0.type)" } == ["b gauge"])
    #expect(run.page(nil).scrape.families.isEmpty)
  }

  @Test func `a scrape is written like a remote write`() throws {
    let run = try Run()
    let sink = WriteCollector()
    run.page("# TYPE a gauge\na 1\nb NaN 5\n").scrape.write(to: sink)
    #expect(sink.families == ["a gauge "] && sink.recognised == 0 && sink.samples.count == 7)
    run.page("b 2\n").scrape.write(to: sink)
    #expect(sink.recognised == 7 && sink.samples.count == 14)
    let last = sink.samples.suffix(7).map { "\($0.labels.metricName) \($0.bits == StaleMarker.bits)" }
    #expect(last.prefix(2) == ["b false", "a true"])
    #expect(sink.samples[7].timestamp == run.time && sink.samples[1].timestamp == 5)
  }

  @Test func `other settings keep the series`() throws {
    let run = try Run()
    _ = run.page("a{job=\"x\"} 1\nb 1\n")
    var target = ScrapeTarget(url: "http://h:1/metrics", job: "j")
    target.honorLabels = true
    run.series.change(to: target, labels: run.labels)
    #expect(
      run.page("a{job=\"x\"} 1\nb 1\n").scrape.page == [
        "a{instance=\"h:1\", job=\"x\"}": "1", "b{\(Self.rest)}": "1",
        "a{exported_job=\"x\", \(Self.rest)}": "stale",
      ])
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `random pages agree with a naive model`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let run = try Run()
    var live: Set<String> = []
    for step in 0..<60 {
      let isTaken = Int.random(in: 0..<5, using: &rng) > 0
      if Int.random(in: 0..<6, using: &rng) == 0 {
        let outcome = run.page(Bool.random(using: &rng) ? nil : "a0 1\nbroken", isTaken: isTaken)
        let stale = Set(outcome.scrape.page.filter { $0.value == "stale" }.keys)
        #expect(stale == live && outcome.scrape.page.count == live.count, "seed \(seed), step \(step)")
        if isTaken { live = [] }
        continue
      }
      let names = Set((0..<12).map { "a\($0)" }.filter { _ in Bool.random(using: &rng) })
      let order = names.sorted().shuffled(using: &rng)
      let outcome = run.page(order.map { "\($0) \(step)\n" }.joined(), isTaken: isTaken)
      let here = Set(names.map { "\($0){\(Self.rest)}" })
      var expected = Dictionary(uniqueKeysWithValues: here.map { ($0, "\(step)") })
      for series in live.subtracting(here) { expected[series] = "stale" }
      #expect(outcome.scrape.page == expected, "seed \(seed), step \(step)")
      if isTaken { live = here }
    }
  }
}

struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
