import SampleBuffer
import Testing
import TimeSeries
import Wire

@testable import Gateway

@Suite struct SelfMetricsTests {
  static let text = ExpositionDialect(format: .text004, escaping: .underscores)

  static func page(_ metrics: SelfMetrics, _ dialect: ExpositionDialect = text) -> String {
    String(decoding: metrics.snapshot().page(dialect), as: UTF8.self)
  }

  static func registry() -> SelfMetrics {
    let metrics = SelfMetrics()
    metrics.counter("promring_records_total", "Records read.").add(3)
    let skipped = metrics.counters("promring_skipped_total", "Records skipped.", labels: ["reason"])
    skipped.with("tombstone").add()
    skipped.with("json").add(2)
    metrics.counter("promring_busy_seconds_total", "Time spent.", parts: 1e9).add(1_250_000_000)
    metrics.gauge("promring_ready", "Whether ready.").set(1)
    metrics.gauges("promring_lag", "Lag.", labels: ["topic", "partition"]).with("t", "0").set(-0.5)
    metrics.observe("promring_series", .gauge, "Series held.") { 42 }
    metrics.observe("promring_unseen", .gauge, "Not there.") { nil }
    let durations = metrics.histograms("promring_query_seconds", "Queries.", labels: ["path"], bounds: [0.5, 1])
    for value in [0.25, 0.5, 0.75, 3, .nan] { durations.with("/api").observe(value) }
    return metrics
  }

  @Test func `a page of text has help, type and values`() {
    #expect(
      Self.page(Self.registry()) == """
        # HELP promring_busy_seconds_total Time spent.
        # TYPE promring_busy_seconds_total counter
        promring_busy_seconds_total 1.25
        # HELP promring_lag Lag.
        # TYPE promring_lag gauge
        promring_lag{partition="0",topic="t"} -0.5
        # HELP promring_query_seconds Queries.
        # TYPE promring_query_seconds histogram
        promring_query_seconds_bucket{path="/api",le="0.5"} 2
        promring_query_seconds_bucket{path="/api",le="1"} 3
        promring_query_seconds_bucket{path="/api",le="+Inf"} 4
        promring_query_seconds_sum{path="/api"} 4.5
        promring_query_seconds_count{path="/api"} 4
        # HELP promring_ready Whether ready.
        # TYPE promring_ready gauge
        promring_ready 1
        # HELP promring_records_total Records read.
        # TYPE promring_records_total counter
        promring_records_total 3
        # HELP promring_series Series held.
        # TYPE promring_series gauge
        promring_series 42
        # HELP promring_skipped_total Records skipped.
        # TYPE promring_skipped_total counter
        promring_skipped_total{reason="json"} 2
        promring_skipped_total{reason="tombstone"} 1

        """)
  }

  @Test func `a page of OpenMetrics names families of counters without their suffix`() {
    let page = Self.page(Self.registry(), ExpositionDialect(format: .openMetrics100, escaping: .underscores))
    #expect(page.contains("# TYPE promring_records counter\npromring_records_total 3\n"))
    #expect(page.contains("# HELP promring_records Records read.\n"))
    #expect(page.contains("promring_query_seconds_bucket{path=\"/api\",le=\"1.0\"} 3\n"))
    #expect(page.hasSuffix("# EOF\n"))
  }

  @Test func `definitions list what is registered, seen or not`() {
    let definitions = Self.registry().definitions
    #expect(
      definitions.map(\.name) == [
        "promring_busy_seconds_total", "promring_lag", "promring_query_seconds", "promring_ready",
        "promring_records_total", "promring_series", "promring_skipped_total", "promring_unseen",
      ])
    #expect(
      definitions[1] == MetricDefinition("promring_lag", .gauge, "Lag.", labels: ["topic", "partition"]))
  }

  @Test func `series from elsewhere may bear the same names`() {
    let metrics = SelfMetrics()
    metrics.counter("promring_records_total", "Records read.").add(3)
    let own = metrics.snapshot()
    let plan = FamilyPlan(
      metricNames: ["promring_records_total"] + own.metricNames, declared: own.declarations, dialect: Self.text)
    var writer = ExpositionWriter(Self.text)
    for family in plan.families {
      writer.start(family)
      for labels in [[Label("job", "other")], []] {
        LabelSet([Label("__name__", family.name)] + labels).withLabelBytes {
          writer.sample(labels: $0, value: 7, timestamp: 1)
        }
      }
      for name in family.metricNames { own.write(metricNamed: name, to: &writer) }
    }
    writer.finish()
    #expect(
      String(decoding: writer.copy(), as: UTF8.self) == """
        # HELP promring_records_total Records read.
        # TYPE promring_records_total counter
        promring_records_total{job="other"} 7 1
        promring_records_total 7 1

        """)
    #expect(writer.tally.duplicates == 1)
  }

  @Test func `nothing is lost when many count at once`() async {
    let metrics = SelfMetrics()
    let counters = metrics.counters("promring_a_total", "A.", labels: ["x"])
    let histogram = metrics.histogram("promring_b_seconds", "B.", bounds: [1])
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask {
          for _ in 0..<10_000 {
            counters.with("\(task % 2)").add()
            histogram.observe(0.5)
          }
        }
      }
    }
    #expect(counters.with("0").value == 40_000)
    #expect(histogram.reading.cumulative == [80_000, 80_000])
    #expect(histogram.reading.sum == 40_000)
  }

  @Test func `an observer can report several metrics with labels`() {
    let metrics = SelfMetrics()
    metrics.observe([
      MetricDefinition("promring_a", .gauge, "A.", labels: ["p"]), MetricDefinition("promring_b_total", .counter, "B."),
    ]) { report in
      report.put("promring_a", 1, labels: ["x"])
      report.put("promring_a", 2, labels: [""])
      report.put("promring_b_total", 3)
    }
    #expect(Self.page(metrics).contains("promring_a{p=\"x\"} 1\npromring_a 2\n"))
    #expect(Self.page(metrics).contains("# TYPE promring_b_total counter\npromring_b_total 3\n"))
  }

  @Test func `the build is told by labels`() {
    let metrics = SelfMetrics()
    metrics.registerBuild(version: "1.2", revision: "abc", swiftVersion: "6.3")
    #expect(
      Self.page(metrics).hasSuffix("promring_build_info{revision=\"abc\",swiftversion=\"6.3\",version=\"1.2\"} 1\n"))
  }

  @Test func `the process is read from its files`() throws {
    let root = try Fixtures([
      "proc/self/stat":
        "4242 (a) b (c) S 1 1 1 0 -1 4194304 5 0 0 0 250 150 0 0 20 0 7 0 1000 104857600 256 18446744073709551615 0\n",
      "proc/stat": "cpu  1 2\nbtime 1700000000\n",
      "proc/self/limits":
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        + "Max open files            1024                 524288               files     \n",
      "proc/self/fd/0": "", "proc/self/fd/1": "", "proc/self/fd/7": "",
    ])
    let metrics = SelfMetrics()
    metrics.registerProcess(files: ProcFiles(root: root.path))
    let values = Dictionary(
      metrics.snapshot().samples.map { ($0.metricName, $0.value) }, uniquingKeysWith: { first, _ in first })
    #expect(
      values == [
        "process_cpu_seconds_total": 4, "process_threads": 7, "process_virtual_memory_bytes": 104_857_600,
        "process_resident_memory_bytes": 1_048_576, "process_start_time_seconds": 1_700_000_010,
        "process_open_fds": 2, "process_max_fds": 1024,
      ])
  }

  @Test func `this very process has sensible metrics`() {
    let metrics = SelfMetrics()
    metrics.registerProcess()
    let values = Dictionary(
      metrics.snapshot().samples.map { ($0.metricName, $0.value) }, uniquingKeysWith: { first, _ in first })
    #expect(values.count == 7)
    #expect((1e6..<1e12).contains(values["process_resident_memory_bytes"] ?? 0))
    #expect((values["process_open_fds"] ?? 0) >= 3)
    #expect((values["process_start_time_seconds"] ?? 0) > 1_600_000_000)
  }

  @Test func `a process that cannot be read has no metrics`() throws {
    let metrics = SelfMetrics()
    metrics.registerProcess(files: ProcFiles(root: try Fixtures([:]).path))
    #expect(metrics.snapshot().samples.isEmpty)
    #expect(metrics.definitions.count == 7)
  }

  @Test func `memory is told part by part`() throws {
    let buffer = try SampleBuffer(BufferSettings()) { 0 }
    let metrics = SelfMetrics()
    let root = try Fixtures(["proc/self/status": "VmRSS:\t 900 kB\nRssFile:\t 300 kB\n"])
    metrics.registerMemory(buffer, files: ProcFiles(root: root.path))
    let block = UnsafeMutableRawPointer.allocate(byteCount: 64 << 20, alignment: 8)
    defer { block.deallocate() }
    var values: [String: Double] = [:]
    for sample in metrics.snapshot().samples { values[sample.labels["part"]] = sample.value }
    #expect(Set(values.keys) == ["buffer", "heap", "heap_free", "program"])
    #expect(values["program"] == 307_200.0)
    #expect(values["buffer"] == Double(buffer.statistics().bytes))
    // Another allocator, as sanitizers bring, tells nothing.
    let heap = values["heap"] ?? -1
    #expect(heap == 0.0 || heap > 64e6)
  }
}
