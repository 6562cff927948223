public import TimeSeries

/// What the buffer may hold.
public struct BufferSettings: Sendable {
  /// How far back samples are kept, in milliseconds. 0 = no time limit, the memory budget alone rules.
  public var retention: Int64 = 3_600_000
  /// Length of a slab in milliseconds: the grain in which time is dropped. `nil` = an eighth of the retention, ten
  /// minutes without one.
  public var slabDuration: Int64?
  /// How far ahead of the clock a sample may be, in milliseconds.
  public var futureSkew: Int64 = 600_000
  /// Bytes that everything in the buffer may take together: chunks, index, texts.
  public var bytesMax = 512 << 20
  public var seriesMax = 10_000_000
  public var labelsMax = 64
  public var labelNameBytesMax = 1024
  public var labelValueBytesMax = 4096

  public init() {}

  var effectiveSlabDuration: Int64 {
    // Shorter slabs than a second would cost more than they free; longer than 20 days would overflow a 32-bit delta.
    min(max(slabDuration ?? (retention == 0 ? 600_000 : retention / 8), 1000), 20 * 86_400_000)
  }
}

/// What has come of the samples handed to the buffer, since it was made.
public struct BufferCounts: Sendable {
  public var appended: Int = 0
  /// Of `appended`: older than a sample that the series already had.
  public var outOfOrder: Int = 0
  /// Same series, timestamp and value again.
  public var duplicates: Int = 0
  /// Same series and timestamp, another value: the first one stays.
  public var conflicts: Int = 0
  /// Older than the retention.
  public var tooOld: Int = 0
  /// Older than what the memory budget leaves of the window.
  public var beyondBudget: Int = 0
  /// Further ahead of the clock than the allowed skew.
  public var tooNew: Int = 0
  /// No memory left for the sample.
  public var outOfMemory: Int = 0
  /// Samples that went with their slab.
  public var expired: Int = 0
  /// Samples that were deleted on request.
  public var deleted: Int = 0
}

/// What the buffer holds now.
public struct BufferStatistics: Sendable {
  public var counts: BufferCounts
  public var series: Int
  /// Series that have ever come and gone.
  public var seriesCreated: Int
  public var seriesRemoved: Int
  public var labelPairs: Int
  public var labelNames: Int
  public var samples: Int
  /// Runs of one series' samples in one slab.
  public var chunks: Int
  /// Milliseconds since the Unix epoch; `nil` when empty.
  public var oldestSlabStart: Int64?
  public var newestSlabEnd: Int64?
  /// Bytes held and allowed.
  public var bytes: Int
  public var bytesMax: Int
  public var refusals: [SeriesRefusal: Int]
  public var slabs: [SlabStatistics]
}

public struct SlabStatistics: Sendable {
  /// Milliseconds since the Unix epoch; the end is not part of the slab.
  public var start: Int64
  public var end: Int64
  /// Finished chunks only.
  public var samples: Int
  public var bytes: Int
}
