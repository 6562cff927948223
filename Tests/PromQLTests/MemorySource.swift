import PromQL
import TimeSeries

/// Series in memory, for tests: everything is kept as it was given, oldest sample first.
struct MemorySource: SampleSource {
  struct Series: Sendable {
    var labels: LabelSet
    var columns = SampleRun()
  }

  private(set) var series: [Series] = []
  private var numbers: [LabelSet: Int] = [:]
  /// An error to answer with, for tests of what becomes of it.
  var failure: SourceError?

  mutating func append(_ labels: LabelSet, _ timestamp: Int64, _ value: Double) {
    if numbers[labels] == nil {
      numbers[labels] = series.count
      series.append(Series(labels: labels))
    }
    series[numbers[labels] ?? 0].columns.append(timestamp, value)
  }

  func select(_ matchers: [Matcher], from start: Int64, through end: Int64) throws(SourceError) -> any SeriesSelection {
    if let failure { throw failure }
    let found = series.filter { series in
      guard let first = series.columns.timestamps.first, let last = series.columns.timestamps.last else { return false }
      return first <= end && last >= start && matchers.allSatisfy { $0.matches(series.labels[$0.name]) }
    }
    return Selection(series: found, labels: SeriesLabels(found.map(\.labels)))
  }

  struct Selection: SeriesSelection {
    let series: [Series]
    let labels: SeriesLabels

    func read(_ range: Range<Int>, from start: Int64, through end: Int64, into run: SampleRun) {
      for index in range where !run.isFull {
        let all = series[index].columns
        for i in 0..<all.count where all.timestamps[i] >= start && all.timestamps[i] <= end {
          run.append(all.timestamps[i], all.values[i])
        }
        run.endSeries()
      }
    }
  }
}
