public import TimeSeries

/// Where the contents of a page go. Called from the parser's thread; what is lent is good for the call.
///
/// A page that turns out to be malformed has been handed over in part when the error is thrown: keep what came until
/// `parse` returns, and drop it if it throws. One bad line spoils a page, as in Prometheus.
public protocol ExpositionSink: AnyObject {
  /// Takes a sample of a series of which only the identity has been looked at.
  /// - Returns: false when it has not come by this identity before: then `series` is called, unless its labels break a
  ///   rule.
  func known(_ identity: SeriesIdentity, timestamp: Int64?, bits: UInt64) -> Bool

  /// Takes a sample.
  /// - Parameters:
  ///   - labels: sorted by name, no repeats, `__name__` among them, UTF-8. A value may be empty, which only says that the
  ///     page does name the label.
  ///   - identity: by which to know it again; `nil` for one that is longer than `KeyedHash` takes.
  ///   - timestamp: milliseconds since the epoch; `nil` if the page gives none.
  ///   - bits: of the value. Any NaN comes as Prometheus' ordinary one, never as a stale marker.
  func series(_ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, timestamp: Int64?, bits: UInt64)

  /// What the page says of a metric family: once before its samples, and again if more is said after some of them.
  func metadata(_ metadata: FamilyMetadata)
}

/// What was on a page.
public struct ExpositionPageTally: Sendable, Equatable {
  public var samples = 0
  /// Exemplars of OpenMetrics, which are checked, counted and not handed over.
  public var exemplars = 0

  public init() {}
}
