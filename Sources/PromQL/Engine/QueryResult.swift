public import TimeSeries

/// What a query evaluates to, and what was noticed on the way.
public struct QueryResult: Sendable {
  public enum Value: Sendable {
    /// Not in answers to range queries: there a scalar is a series without labels.
    case scalar(Sample)
    case string(String, timestamp: Int64)
    /// One sample of each series, in the order of a sort function if the query ends in one.
    case vector([VectorElement])
    /// Sorted by labels; no series is empty.
    case matrix([MatrixSeries])

    public var type: ValueType {
      switch self {
      case .scalar: .scalar
      case .string: .string
      case .vector: .vector
      case .matrix: .matrix
      }
    }
  }

  public struct VectorElement: Sendable {
    public var labels: LabelSet
    public var sample: Sample
  }

  public struct MatrixSeries: Sendable {
    public var labels: LabelSet
    public var samples: [Sample]
  }

  public var value: Value
  /// Each text once, with the place in the query where it has one.
  public var warnings: [String]
  public var infos: [String]
  public var statistics: QueryStatistics
}

/// What a query cost; the names are those of the HTTP API's `stats`.
public struct QueryStatistics: Sendable {
  /// Samples that the evaluation looked at, counted at each step anew.
  public var totalQueryableSamples = 0
  /// The same for each step; empty unless it was asked for.
  public var totalQueryableSamplesPerStep: [Int] = []
  /// Samples read from the source.
  public var samplesRead = 0
  /// The most samples that were in memory at once.
  public var peakSamples = 0
  public var evalTotalTime: Duration = .zero
  public var resultSortTime: Duration = .zero
  public var queryPreparationTime: Duration = .zero
  public var innerEvalTime: Duration = .zero

  public init() {}
}
