public import TimeSeries

/// Where the contents of remote-write requests go. Called from the decoder's thread; what is lent is good for the call.
///
/// A request that turns out to be malformed has been handed over in part when the error is thrown: keep what came until
/// `decode` returns, and drop it if it throws.
public protocol RemoteWriteSink: AnyObject {
  /// Takes the samples of a series of which only the identity has been looked at.
  /// - Returns: false when it has not come by this identity before: then `series` is called, unless its labels break a
  ///   rule.
  func known(_ identity: SeriesIdentity, _ samples: borrowing SampleColumns) -> Bool

  /// Takes the samples of a series, at least one of them.
  /// - Parameters:
  ///   - labels: sorted by name, no repeats, no empty values, `__name__` among them, within the limits, UTF-8.
  ///   - identity: by which to know it again; `nil` if its labels lie in the message in a way that gives none.
  ///   - samples: in the order of their times. Stale markers keep their bits.
  func series(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, _ samples: borrowing SampleColumns)

  /// A series is left out, with as many samples.
  /// - Parameters:
  ///   - text: what the series is, as far as can be told.
  func reject(_ rejection: SeriesRejection, samples: Int, text: @autoclosure () -> String)

  /// What the sender says of a metric family.
  func metadata(_ metadata: FamilyMetadata)
}

/// The labels of a series as they were sent, as one number: the same labels in the same message form have the same
/// identity. Two different ones agree with a chance of at most 2⁻⁶⁴, see `KeyedHash`. Good for as long as the process.
public struct SeriesIdentity: Hashable, Sendable {
  @usableFromInline let hash: KeyedHash.Value
  @usableFromInline let length: Int

  /// Bits of the identity for tables to find their way by: well mixed, and the same for the same identity.
  @inlinable public var word: UInt64 {
    let folded = (hash.low ^ hash.high.byteSwapped) &* 0x9E37_79B9_7F4A_7C15
    return folded ^ folded >> 32
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(word) }
}

/// What is known of a metric family, lent.
public struct FamilyMetadata {
  public var name: UnsafeRawBufferPointer
  public var type: MetricType
  public var help: UnsafeRawBufferPointer
  public var unit: UnsafeRawBufferPointer

  public init(
    name: UnsafeRawBufferPointer, type: MetricType, help: UnsafeRawBufferPointer, unit: UnsafeRawBufferPointer
  ) {
    self.name = name
    self.type = type
    self.help = help
    self.unit = unit
  }
}

/// Why a series of a well-formed request is left out: sending it again would not help.
public enum SeriesRejection: String, Error, Sendable, CaseIterable {
  case noLabels = "no_labels"
  case noMetricName = "no_metric_name"
  case emptyLabelName = "empty_label_name"
  case duplicateLabel = "duplicate_label"
  case invalidMetricName = "invalid_metric_name"
  case invalidLabelName = "invalid_label_name"
  case tooManyLabels = "label_count"
  case labelNameTooLong = "label_name_length"
  case labelValueTooLong = "label_value_length"
  /// Later samples come before earlier ones.
  case unorderedSamples = "unordered_samples"
  /// Version 2: neither samples nor histograms.
  case noSamples = "no_samples"
  /// Version 2: samples and histograms in one series.
  case mixedSamples = "mixed_samples"
  /// Version 2: a name without a value.
  case oddLabelReferences = "odd_label_references"
  /// Version 2: a reference beyond the table of symbols.
  case unknownSymbol = "unknown_symbol"
}

/// What was in a request.
public struct RemoteWriteTally: Sendable, Equatable {
  /// Series with samples, and samples, that the sink was given.
  public var series = 0
  public var samples = 0
  /// Those that were left out.
  public var rejectedSeries = 0
  public var rejectedSamples = 0
  /// Native histograms and exemplars, which are counted and not read.
  public var histograms = 0
  public var exemplars = 0
  /// Families that something was said of.
  public var metadata = 0

  public init() {}
}

/// What a request may hold. The first three are of the whole request, which is malformed beyond them; a series beyond
/// the others is left out.
public struct RemoteWriteLimits: Sendable {
  public var seriesMax = 100_000
  public var samplesMax = 1_000_000
  public var symbolsMax = 1_000_000
  public var labelsMax = 64
  public var labelNameBytesMax = 512
  public var labelValueBytesMax = 8192
  /// Whether names in version 1 may have characters other than the classic ones. Its text allows those alone, but
  /// Prometheus 3 sends whatever names it has, in either version.
  public var allowsAnyNameInVersion1 = true

  public init() {}
}
