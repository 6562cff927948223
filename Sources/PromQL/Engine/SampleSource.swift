public import TimeSeries

/// Where the engine reads samples: all it knows of whatever keeps them.
public protocol SampleSource: Sendable {
  /// The series that pass all of `matchers` and may have samples with timestamps in `start...end`, in milliseconds.
  ///
  /// The selection is a snapshot: it stays readable, and the same, for as long as it is held.
  func select(_ matchers: [Matcher], from start: Int64, through end: Int64) throws(SourceError) -> any SeriesSelection

  /// How many series and values of labels `select` has to look at, about.
  func selectionCost(_ matchers: [Matcher]) -> Int
}

extension SampleSource {
  public func selectionCost(_ matchers: [Matcher]) -> Int { Int(Int32.max) }
}

/// The series of one selector, numbered from zero. Several threads read different series of it at the same time.
public protocol SeriesSelection: Sendable {
  var labels: SeriesLabels { get }

  /// Reads the series of `range` one after the other, at least one, until `run` is full: appends each one's samples
  /// with timestamps in `start...end`, oldest first, each timestamp once, stale markers included, and ends it.
  func read(_ range: Range<Int>, from start: Int64, through end: Int64, into run: SampleRun)
}

/// Samples of one series after the other as two columns, used again and again.
///
/// `@unchecked Sendable`: one thread owns it at a time.
public final class SampleRun: @unchecked Sendable {
  /// A run that holds as many is full: as much as stays in a processor's cache.
  public static let samplesMax = 8192

  private var columns: SampleColumns
  /// Of each series that was ended, where its samples end.
  private var ends: [Int] = []

  public init(capacity: Int = 64) { columns = SampleColumns(capacity: capacity) }

  /// Samples held.
  public var count: Int { columns.count }
  /// Series ended.
  public var seriesCount: Int { ends.count }
  public var isFull: Bool { columns.count >= SampleRun.samplesMax }

  /// Milliseconds since the Unix epoch, of each series ascending. Valid until the next change.
  public var timestamps: UnsafeBufferPointer<Int64> {
    UnsafeBufferPointer(start: columns.timestamps, count: columns.count)
  }
  public var values: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: columns.values, count: columns.count) }

  public func append(_ timestamp: Int64, _ value: Double) { columns.append(timestamp, bits: value.bitPattern) }

  /// Appends up to `most` samples, which `fill` writes into room that is not initialised and counts.
  public func append(most: Int, _ fill: (UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Double>) -> Int) {
    columns.append(most: most, fill)
  }

  /// What was appended last is all of one series.
  public func endSeries() { ends.append(columns.count) }

  /// Lends columns and ends of series to whoever fills them directly.
  public func fill(_ body: (inout SampleColumns, inout [Int]) -> Void) { body(&columns, &ends) }

  /// Forgets samples and series and keeps the room.
  public func removeAll() {
    columns.removeAll()
    ends.removeAll(keepingCapacity: true)
  }

  /// All samples as those of one series.
  var slice: SampleSlice { SampleSlice(columns.timestamps, columns.values, columns.count) }

  /// Lends the samples of each series that was ended, in order.
  func forEachSeries<E: Error>(_ body: (Int, inout SampleSlice) throws(E) -> Void) throws(E) {
    let (times, numbers) = (columns.timestamps, columns.values)
    var start = 0
    for i in 0..<ends.count {
      let end = ends[i]
      var slice = SampleSlice(times + start, numbers + start, end - start)
      try body(i, &slice)
      start = end
    }
  }
}

/// Samples of one series within a run. Valid until the run changes.
struct SampleSlice {
  let timestamps: UnsafeMutablePointer<Int64>
  let values: UnsafeMutablePointer<Double>
  private(set) var count: Int

  init(_ timestamps: UnsafeMutablePointer<Int64>, _ values: UnsafeMutablePointer<Double>, _ count: Int) {
    self.timestamps = timestamps
    self.values = values
    self.count = count
  }

  /// Drops stale markers, which windows do not see.
  mutating func removeStaleMarkers() {
    var kept = 0
    while kept < count, !values[kept].isMissing { kept &+= 1 }
    guard kept < count else { return }
    for i in kept..<count where !values[i].isMissing {
      values[kept] = values[i]
      timestamps[kept] = timestamps[i]
      kept &+= 1
    }
    count = kept
  }
}

/// The source cannot answer: to a client an internal error.
public struct SourceError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
