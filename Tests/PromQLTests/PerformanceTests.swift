import Foundation
import PromQL
import Testing
import TimeSeries

/// Measurements, run when asked for: `PROMQL_MEASURE=1 swift test -c release -Xswiftc -enable-testing --filter
/// PerformanceTests`.
struct PerformanceTests {
  /// Series with twenty samples each, 15 s apart, labels and samples packed as a buffer would have them.
  struct PackedSource: SampleSource {
    final class Packed: SeriesSelection {
      let labels: SeriesLabels
      let timestamps: [Int64]
      let values: [Double]

      init(_ sets: [[(String, String)]], samples: Int) {
        labels = SeriesLabels(sets.map { set in LabelSet(set.map { Label($0.0, $0.1) }) })
        values = sets.indices.flatMap { i in (0..<samples).map { Double($0 * (i % 17 + 1)) * 1.5 } }
        timestamps = (0..<samples).map { Int64($0) * 15_000 }
      }

      func read(_ range: Range<Int>, from start: Int64, through end: Int64, into run: SampleRun) {
        let first = timestamps.firstIndex { $0 >= start } ?? timestamps.count
        let last = timestamps.lastIndex { $0 <= end } ?? -1
        for index in range where !run.isFull {
          if first <= last {
            let base = index * timestamps.count
            run.append(most: last - first + 1) { times, numbers in
              for i in first...last {
                times[i - first] = timestamps[i]
                numbers[i - first] = values[base + i]
              }
              return last - first + 1
            }
          }
          run.endSeries()
        }
      }
    }

    let counters: Packed
    let buckets: Packed

    init() {
      counters = Packed(
        (0..<20_000).map { i in
          [
            ("__name__", "http_requests_total"), ("cluster", "eu-\(i % 3)"),
            ("instance", "10.0.\(i / 250).\(i % 250):9100"),
            ("job", "api-\(i % 10)"), ("method", ["get", "put", "post"][i % 3]), ("pod", "api-7d9f-\(i)"),
          ]
        }, samples: 20)
      let bounds = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"]
      buckets = Packed(
        (0..<63_000).map { i in
          [
            ("__name__", "latency_bucket"), ("instance", "10.0.\(i / 12 / 250).\(i / 12 % 250):9100"), ("job", "api"),
            ("le", bounds[i % 12]), ("route", "/r\(i / 12 % 40)"),
          ]
        }, samples: 20)
    }

    func select(_ matchers: [Matcher], from start: Int64, through end: Int64) throws(SourceError) -> any SeriesSelection
    {
      matchers.contains { $0.value == "latency_bucket" } ? buckets : counters
    }
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["PROMQL_MEASURE"] != nil))
  func `queries over many series`() throws {
    let source = PackedSource()
    for threads in [1, 2] {
      var engine = Engine()
      engine.options.threads = threads
      func measure(_ query: String, range: Bool) throws {
        var best = Duration.seconds(1000)
        for _ in 0..<10 {
          let start = ContinuousClock.now
          if range {
            _ = try engine.range(query, from: 60_000, through: 285_000, step: 15_000, from: source)
          } else {
            _ = try engine.instant(query, at: 285_000, from: source)
          }
          best = min(best, start.duration(to: .now))
        }
        print("MEASURED threads=\(threads) \(range ? "range" : "instant") \(query): \(best)")
      }
      for range in [false, true] {
        try measure("sum by (job) (rate(http_requests_total[5m]))", range: range)
        try measure("sum(http_requests_total)", range: range)
        try measure("rate(http_requests_total[5m])", range: range)
        try measure("histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))", range: range)
        try measure("histogram_quantile(0.9, rate(latency_bucket[5m]))", range: range)
        try measure("topk(5, rate(http_requests_total[5m]))", range: range)
      }
    }
  }
}
