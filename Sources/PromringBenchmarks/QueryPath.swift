import ArgumentParser
import Gateway
import PromQL
import SampleBuffer
import TimeSeries

/// Queries over a full buffer, through what the gateway puts between it and the engine; no HTTP.
struct Query: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "PromQL over 100,000 series with 20 samples each, 63,000 of them histogram buckets.")

  @Option(help: "Runs of each query; the median is told.")
  var runs = 15
  @Option(help: "Threads that one query may use.")
  var threads = 2
  @Option(help: "Only the query of this name.")
  var only: String?

  private static let sum = "sum by (service) (rate(http_requests_total[5m]))"
  private static let buckets = "rate(http_request_duration_seconds_bucket[5m])"
  private static let queries = [
    ("sum_rate_20k", sum),
    ("histogram_quantile_sum_63k", "histogram_quantile(0.99, sum by (le, service) (\(buckets)))"),
    ("histogram_quantile_63k", "histogram_quantile(0.99, \(buckets))"),
    ("rate_20k", "rate(http_requests_total[5m])"),
    ("regex_400", "count(http_requests_total{pod=~\"service-7-.*\"})"),
    ("all_100k", "count({__name__=~\".+\"})"),
    (
      "one_series",
      "http_requests_total{pod=\"service-7-7d4b9c6f5-57\",handler=\"/api/v1/resource-3\",method=\"GET\",code=\"200\"}"
    ),
  ]

  func run() throws {
    let end = wallMilliseconds() - 60_000
    let buffer = try SampleBuffer(Self.settings) { wallMilliseconds() }
    let cluster = Cluster()
    try cluster.fill(buffer, endingAt: end)
    print("\(buffer.seriesCount) series, \(buffer.statistics().samples) samples")
    var engine = Engine()
    engine.options.threads = threads
    let source = BufferSource(buffer: buffer)
    let now = end + Cluster.step / 2
    for (name, query) in Self.queries where only == nil || only == name {
      try measure("query_\(name)_instant") { _ = try engine.instant(query, at: now, from: source) }
      try measure("query_\(name)_range") {
        _ = try engine.range(query, from: now - 300_000, through: now + 300_000, step: 15_000, from: source)
      }
    }
    guard only == nil else { return }
    try measure("query_sum_rate_20k_range_2401_steps") {
      _ = try engine.range(Self.sum, from: now - 300_000, through: now + 300_000, step: 250, from: source)
    }
  }

  private static var settings: BufferSettings {
    var settings = BufferSettings()
    settings.bytesMax = 2 << 30
    return settings
  }

  /// Reports the median by the clock, and what all threads together took of the processors.
  private func measure(_ name: String, _ body: () throws -> Void) throws {
    var times: [Double] = []
    try body()
    let before = processSeconds()
    for _ in 0..<runs {
      let start = ContinuousClock.now
      try body()
      times.append(start.duration(to: .now) / .milliseconds(1))
    }
    let cpu = (processSeconds() - before) / Double(runs) * 1000
    report(name, times.sorted()[runs / 2], "ms")
    report("\(name)_cpu", cpu, "ms")
  }
}

/// Series of a Kubernetes cluster: the same shape as what `Tests/Peers` gives to promring and its peers.
struct Cluster {
  static let step: Int64 = 15_000
  private static let samples = 20
  private static let pods = 500
  private static let bounds = [
    "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "+Inf",
  ]
  private static let codes = [("GET", "200"), ("GET", "404"), ("POST", "200"), ("POST", "500")]

  func fill(_ buffer: SampleBuffer, endingAt end: Int64) throws {
    let sets = (0..<Self.pods).flatMap { Self.series(ofPod: $0) }
    let tokens = try sets.map { set in try set.withLabelBytes { try buffer.series($0) } }
    let slopes = sets.map { set in
      switch set.metricName {
      case "http_requests_total": 150
      case "http_request_duration_seconds_bucket": 1 + (Self.bounds.firstIndex(of: set["le"]) ?? 0)
      default: 0
      }
    }
    let writer = SampleBuffer.Writer(buffer)
    var batch = SampleBatch()
    var rng = SplitMix64(seed: 7)
    var values = tokens.map { _ in Double(100_000 + rng.next() % 10_000) }
    for round in 0..<Self.samples {
      for (i, token) in tokens.enumerated() {
        values[i] += slopes[i] > 0 ? Double(rng.next() % UInt64(slopes[i] * 2)) : 0
        let timestamp = end - Int64(Self.samples - 1 - round) * Self.step + Int64(i / 200 * 29 % 700)
        batch.append(token, timestamp: timestamp, bits: values[i].bitPattern, position: 0)
        guard batch.isFull else { continue }
        writer.append(batch)
        batch.removeAll()
      }
    }
    writer.append(batch)
  }

  /// 40 counters, 140 buckets in nine of ten pods, 34 gauges.
  private static func series(ofPod pod: Int) -> [LabelSet] {
    let service = "service-\(pod % 50)"
    let place = [
      Label("cluster", "production-eu-1"), Label("container", "app"), Label("endpoint", "metrics"),
      Label("instance", "10.0.\(pod / 25).\(pod % 250):8080"), Label("job", "kubernetes-pods"),
      Label("namespace", "team-\(pod % 50 % 40)"), Label("node", "ip-10-0-\(pod / 25)-17.internal"),
      Label("pod", "\(service)-7d4b9c6f5-\(pod)"), Label("service", service),
    ]
    var sets: [LabelSet] = []
    for handler in 0..<10 {
      for (method, code) in codes {
        sets.append(
          LabelSet(
            place + [
              Label("__name__", "http_requests_total"), Label("handler", "/api/v1/resource-\(handler)"),
              Label("method", method), Label("code", code),
            ]))
      }
    }
    for handler in 0..<(pod % 10 == 0 ? 0 : 10) {
      for bound in bounds {
        sets.append(
          LabelSet(
            place + [
              Label("__name__", "http_request_duration_seconds_bucket"), Label("le", bound),
              Label("handler", "/api/v1/resource-\(handler)"),
            ]))
      }
    }
    for gauge in 0..<34 { sets.append(LabelSet(place + [Label("__name__", "container_measure_\(gauge)_bytes")])) }
    return sets
  }
}
