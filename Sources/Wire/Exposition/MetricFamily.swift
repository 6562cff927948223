/// Metrics that stand together on a page under one TYPE line: one metric, or the parts of a histogram or summary.
public struct MetricFamily: Sendable, Equatable {
  /// The name on the HELP and TYPE lines, escaped for the page. In OpenMetrics a counter's lacks `_total`.
  public let name: String
  /// What the names and declarations suggest. The writer falls back to `unknown` when the samples disagree.
  public let type: MetricType
  public let help: String?
  /// The metrics, named as in the data: their series are to be written between this family's start and the next's.
  public let metricNames: [String]
  /// Whether series of equal labels may come from several sources or metrics, so that they have to be told apart.
  let mayRepeat: Bool
}

/// The last part of a metric name within its family, in the order in which a family's samples are written.
enum FamilyPart: Int, Comparable, CaseIterable {
  /// The family's name itself: gauges, quantiles, counters in text.
  case bare
  case bucket, total, info, sum, count, created

  var suffix: String {
    switch self {
    case .bare: ""
    case .bucket: "_bucket"
    case .total: "_total"
    case .info: "_info"
    case .sum: "_sum"
    case .count: "_count"
    case .created: "_created"
    }
  }

  static func < (a: FamilyPart, b: FamilyPart) -> Bool { a.rawValue < b.rawValue }
}

extension MetricType {
  /// The parts that a family of this type may have in a format.
  func parts(in format: ExpositionFormat) -> [FamilyPart] {
    switch (self, format) {
    case (.histogram, .text004): [.bucket, .sum, .count]
    case (.histogram, .openMetrics100): [.bucket, .sum, .count, .created]
    case (.summary, .text004): [.bare, .sum, .count]
    case (.summary, .openMetrics100): [.bare, .sum, .count, .created]
    case (.counter, .openMetrics100): [.total, .created]
    case (.info, .openMetrics100): [.info]
    default: [.bare]
    }
  }

  /// The label that tells the samples of one metric apart; empty for most types.
  var boundLabel: [UInt8] {
    switch self {
    case .histogram: Array("le".utf8)
    case .summary: Array("quantile".utf8)
    default: []
    }
  }
}
